/* SPDX-License-Identifier: BSD-3-Clause */
/* The device as a PCI function: configuration space, BARs and their places. */
#include "suite.h"

#include <linux/pci_regs.h>

#define BLOCK (2 * MIB)

/* Behind the windows of both devices. */
#define ELSEWHERE 0xd8000000u

static void what_is_not_there_reads_as_ones(void **state)
{
	struct mem *mem = *state;
	struct qtest *qt = mem->qtest;
	struct pci_function f = { .qtest = qt, .slot = 29 };

	assert_int_equal(pci_read(&f, PCI_VENDOR_ID, 4), UINT32_MAX);
	pci_write(&f, PCI_COMMAND, 7, 2);
	/* Another bus, another function, no enable bit. */
	qtest_out(qt, 0xcf8, 0x80010000 | mem->virtio.pci.slot << 11, 4);
	assert_int_equal(qtest_in(qt, 0xcfc, 4), UINT32_MAX);
	qtest_out(qt, 0xcf8, 0x80000100 | mem->virtio.pci.slot << 11, 4);
	assert_int_equal(qtest_in(qt, 0xcfc, 4), UINT32_MAX);
	qtest_out(qt, 0xcf8, mem->virtio.pci.slot << 11, 4);
	assert_int_equal(qtest_in(qt, 0xcfc, 4), UINT32_MAX);
	expect_alive(mem);
}

static void configuration_space_in_every_width(void **state)
{
	struct mem *mem = *state;
	const struct pci_function *f = &mem->virtio.pci;

	assert_int_equal(pci_read(f, 0, 4), 0x10581af4);
	assert_int_equal(pci_read(f, 0, 2), 0x1af4);
	assert_int_equal(pci_read(f, 2, 2), 0x1058);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(pci_read(f, i, 1),
				 0x10581af4u >> (i * 8) & 0xff);
	pci_write(f, PCI_VENDOR_ID, 0, 4);
	assert_int_equal(pci_read(f, 0, 4), 0x10581af4);
	pci_write(f, PCI_INTERRUPT_LINE, 0x5a, 1);
	assert_int_equal(pci_read(f, PCI_INTERRUPT_LINE, 1), 0x5a);
	assert_int_equal(pci_read(f, PCI_INTERRUPT_PIN, 1), 1);
}

static unsigned int first_bar(const struct mem *mem)
{
	for (unsigned int i = 0; i < PCI_BARS; i++)
		if (mem->virtio.common - mem->virtio.pci.bars[i].address <
		    mem->virtio.pci.bars[i].size)
			return i;
	fail_msg("the common configuration is in no BAR");
	return 0;
}

/* Moves the structures of the driver along with their BAR. */
static void move(struct mem *mem, uint64_t address)
{
	unsigned int bar = first_bar(mem);
	struct virtio *v = &mem->virtio;
	uint64_t by = address - v->pci.bars[bar].address;

	pci_move_bar(&v->pci, bar, address);
	v->common += by;
	v->isr += by;
	v->device += by;
	v->notify += by;
	v->notify_queue += by;
}

static void bars_move_while_the_driver_works(void **state)
{
	const uint32_t places[] = { ELSEWHERE, 0xc8000000, 0xdffe0000,
				    0xfe000000, 0xe8000000 };
	struct mem *mem = *state;
	uint64_t before;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		before = mem->virtio.device;
		move(mem, places[i]);
		expect_block_answer(mem, MEM_PLUG, i, 1, MEM_ACK);
		assert_int_not_equal(qtest_load(mem->qtest, before, 8), BLOCK);
	}
	expect_plugged(mem, ARRAY_SIZE(places) * BLOCK);
}

static void without_decoding_nothing_answers(void **state)
{
	struct mem *mem = *state;
	const struct pci_function *f = &mem->virtio.pci;

	pci_write(f, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	assert_int_not_equal(config_field(mem, MEM_BLOCK_SIZE), BLOCK);
	virtio_set_status(&mem->virtio, 0);
	pci_write(f, PCI_COMMAND, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 2);
	assert_int_equal(config_field(mem, MEM_BLOCK_SIZE), BLOCK);
	expect_alive(mem);
}

/* On top of each other, of memory, of nothing; and back again. */
static void bars_in_bad_places(void **state)
{
	const uint64_t places[] = { 0,          16 * MIB,
				    0xfee00000, 0xfec00000,
				    0xffffc000, PCI_WINDOW_START + 16 * MIB };
	struct mem *mem = *state, other;
	uint64_t home = mem->virtio.pci.bars[first_bar(mem)].address;

	suite_open(&other, mem, 1);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		move(mem, places[i]);
		config_field(mem, MEM_BLOCK_SIZE);
		move(mem, home);
		expect_alive(mem);
		expect_block_answer(&other, MEM_STATE, 0, 1, MEM_ACK);
	}
}

static void bars_that_are_being_sized_do_not_answer(void **state)
{
	struct mem *mem = *state;
	struct virtio *v = &mem->virtio;
	unsigned int bar = first_bar(mem);
	uint64_t home = v->pci.bars[bar].address;

	pci_write(&v->pci, PCI_BASE_ADDRESS_0 + bar * 4, UINT32_MAX, 4);
	assert_int_not_equal(config_field(mem, MEM_BLOCK_SIZE), BLOCK);
	pci_move_bar(&v->pci, bar, home);
	expect_alive(mem);
}

static void set_window(const struct virtio *v, unsigned int bar,
		       uint32_t offset, uint32_t len)
{
	unsigned int cap = v->cfg_access;

	pci_write(&v->pci, cap + VIRTIO_PCI_CAP_BAR, bar, 1);
	pci_write(&v->pci, cap + VIRTIO_PCI_CAP_OFFSET, offset, 4);
	pci_write(&v->pci, cap + VIRTIO_PCI_CAP_LENGTH, len, 4);
}

/* [virtio] 4.1.4.9: the structures through configuration space. */
static void the_window_to_the_bars(void **state)
{
	struct mem *mem = *state;
	const struct virtio *v = &mem->virtio;
	unsigned int bar = first_bar(mem);
	uint64_t base = v->pci.bars[bar].address;
	unsigned int data = v->cfg_access + sizeof(struct virtio_pci_cap);

	assert_true(v->cfg_access);
	set_window(v, bar, v->device - base, 4);
	assert_int_equal(pci_read(&v->pci, data, 4), BLOCK);
	set_window(v, bar, v->common - base + VIRTIO_COMMON(device_status), 1);
	assert_int_equal(pci_read(&v->pci, data, 1), STATUS_DRIVER_OK);
	pci_write(&v->pci, data, 0, 1);
	assert_int_equal(virtio_status(v), 0);
}

static void windows_to_nowhere(void **state)
{
	const struct {
		uint32_t bar, offset, len;
	} windows[] = {
		{ 0, 0xffffffff, 4 }, { 0, 0xfffffffc, 4 }, { 0, 0x4000, 4 },
		{ 0, 0x3ffd, 4 },     { 0, 1, 4 },          { 0, 0, 3 },
		{ 0, 0, 0 },          { 0, 0, 0xffffffff }, { 1, 0x10000, 4 },
		{ 5, 0, 4 },          { 6, 0, 4 },          { 0xff, 0, 4 },
	};
	struct mem *mem = *state;
	const struct virtio *v = &mem->virtio;
	unsigned int data = v->cfg_access + sizeof(struct virtio_pci_cap);

	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		set_window(v, windows[i].bar, windows[i].offset,
			   windows[i].len);
		pci_read(&v->pci, data, 4);
		if (suite_kind() == PEER_PARAMEM)
			pci_write(&v->pci, data, 0, 4);
	}
	expect_alive(mem);
}

static void two_devices_do_not_mind_each_other(void **state)
{
	struct mem *mem = *state, other;
	uint64_t addr;

	suite_open(&other, mem, 1);
	addr = config_field(&other, MEM_ADDR);
	expect_block_answer(mem, MEM_PLUG, 0, 3, MEM_ACK);
	expect_block_answer(&other, MEM_PLUG, 1, 1, MEM_ACK);
	expect_answer(mem, MEM_STATE, addr, 1, MEM_ERROR);
	expect_answer(mem, MEM_UNPLUG, addr + BLOCK, 1, MEM_ERROR);
	expect_interrupts(mem, VIRTIO_ISR_QUEUE);
	set_requested(&other, 0);
	expect_interrupts(mem, 0);
	virtio_reset(&other.virtio);
	expect_block_state(mem, 0, 3, MEM_PLUGGED);
	mem_start(&other, NULL);
	expect_plugged(mem, 3 * BLOCK);
	expect_plugged(&other, BLOCK);
}

int main(int argc, char **argv)
{
	const struct peer_device device = { .max_size = 256 * MIB,
					    .block_size = BLOCK,
					    .requested_size = 64 * MIB };
	const struct peer_config config = { .nr_devices = 2,
					    .devices = { device, device } };
	const struct CMUnitTest tests[] = {
		SUITE_TEST(what_is_not_there_reads_as_ones),
		SUITE_TEST(configuration_space_in_every_width),
		SUITE_TEST(bars_move_while_the_driver_works),
		SUITE_TEST(without_decoding_nothing_answers),
		SUITE_TEST(bars_in_bad_places),
		SUITE_TEST(bars_that_are_being_sized_do_not_answer),
		SUITE_TEST(the_window_to_the_bars),
		SUITE_TEST(windows_to_nowhere),
		SUITE_TEST(two_devices_do_not_mind_each_other),
	};

	suite_init(argc, argv);
	return SUITE_RUN(tests, &config);
}
