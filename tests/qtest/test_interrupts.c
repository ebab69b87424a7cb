/* SPDX-License-Identifier: BSD-3-Clause */
/* Which interrupts are sent and which are not, by MSI-X and by a line. */
#include "suite.h"

#include <linux/pci_regs.h>

#define BLOCK     (2 * MIB)
#define REQUESTED (64 * MIB)

/* ---- when ---------------------------------------------------------------- */

static void rule_an_answer_interrupts(void **state)
{
	struct mem *mem = *state;

	expect_interrupts(mem, 0);
	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	expect_interrupts(mem, VIRTIO_ISR_QUEUE);
	expect_interrupts(mem, 0);
}

static void an_answer_does_not_where_it_is_not_wanted(void **state)
{
	struct mem *mem = *state;

	mem_put(mem, 2, MEM_UNPLUG_ALL, 0, 0);
	vring_put_avail_flags(&mem->ring, 1);
	vring_offer(&mem->ring, 2);
	virtio_notify(&mem->virtio);
	vring_wait(&mem->ring);
	expect_interrupts(mem, 0);
	vring_put_avail_flags(&mem->ring, 0);
	vring_offer(&mem->ring, 2);
	virtio_notify(&mem->virtio);
	vring_wait(&mem->ring);
	expect_interrupts(mem, VIRTIO_ISR_QUEUE);
}

static void one_interrupt_for_a_batch(void **state)
{
	struct mem *mem = *state;

	qtest_irq_intercept_in(mem->qtest, "ioapic");
	mem_start(mem, &(struct mem_setup){ .no_msix = true });
	qtest_irq_take_all(mem->qtest);
	for (unsigned int i = 0; i < 8; i++) {
		mem_put(mem, i * 2, MEM_UNPLUG_ALL, 0, 0);
		vring_offer(&mem->ring, i * 2);
	}
	virtio_notify(&mem->virtio);
	for (unsigned int i = 0; i < 8; i++)
		vring_wait(&mem->ring);
	assert_int_equal(qtest_irq_take_all(mem->qtest), 1);
}

static void rule_a_requested_size_interrupts(void **state)
{
	struct mem *mem = *state;

	set_requested(mem, 2 * REQUESTED);
	expect_interrupts(mem, VIRTIO_ISR_CONFIG);
	set_requested(mem, 0);
	expect_interrupts(mem, VIRTIO_ISR_CONFIG);
}

static void mistake_11_the_same_size_interrupts_again(void **state)
{
	struct mem *mem = *state;

	for (unsigned int i = 0; i < 3; i++) {
		set_requested(mem, REQUESTED);
		expect_interrupts(mem, VIRTIO_ISR_CONFIG);
	}
}

static void a_refused_size_does_not_interrupt(void **state)
{
	struct mem *mem = *state;
	struct qmp_error error;

	assert_int_equal(mem_set_requested(mem, BLOCK + 1, &error), -1);
	assert_int_equal(mem_set_requested(mem, 4 * GIB, &error), -1);
	expect_interrupts(mem, 0);
}

static void rule_the_plugged_size_does_not_interrupt(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_PLUG, 0, 8, MEM_ACK);
	expect_interrupts(mem, VIRTIO_ISR_QUEUE);
	expect_block_answer(mem, MEM_UNPLUG, 2, 3, MEM_ACK);
	expect_interrupts(mem, VIRTIO_ISR_QUEUE);
}

/* Even where the usable region shrinks by it. */
static void rule_unplug_all_does_not_interrupt(void **state)
{
	struct mem *mem = *state;
	uint64_t usable;

	set_requested(mem, GIB);
	set_requested(mem, REQUESTED);
	usable = config_field(mem, MEM_USABLE_SIZE);
	expect_block_answer(mem, MEM_PLUG, 0, 8, MEM_ACK);
	virtio_isr(&mem->virtio);
	virtio_msix_clear(&mem->virtio);
	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	assert_true(config_field(mem, MEM_USABLE_SIZE) < usable);
	expect_interrupts(mem, VIRTIO_ISR_QUEUE);
}

static void no_interrupt_before_driver_ok(void **state)
{
	struct mem *mem = *state;

	suite_only_paramem();
	assert_true(virtio_negotiate(&mem->virtio, VIRTIO_VERSION1));
	set_requested(mem, 2 * REQUESTED);
	assert_int_equal(virtio_isr(&mem->virtio), 0);
	virtio_driver_ok(&mem->virtio);
	set_requested(mem, REQUESTED);
	assert_int_equal(virtio_isr(&mem->virtio), VIRTIO_ISR_CONFIG);
}

static void no_interrupt_of_a_system_reset(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_PLUG, 0, 8, MEM_ACK);
	qtest_store(mem->qtest, mem->virtio.msix_target, 0, 8);
	peer_system_reset(mem->peer);
	assert_int_equal(qtest_load(mem->qtest, mem->virtio.msix_target, 8), 0);
	mem_open(mem, mem->peer, 0);
	assert_int_equal(virtio_isr(&mem->virtio), 0);
}

/* ---- MSI-X --------------------------------------------------------------- */

static void a_masked_vector_waits(void **state)
{
	struct mem *mem = *state;
	struct virtio *v = &mem->virtio;

	suite_only_paramem();
	virtio_msix_mask(v, VIRTIO_VECTOR_QUEUE, true);
	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	assert_false(virtio_msix_take(v, VIRTIO_VECTOR_QUEUE));
	assert_true(virtio_msix_pending(v, VIRTIO_VECTOR_QUEUE));
	assert_false(virtio_msix_pending(v, VIRTIO_VECTOR_CONFIG));
	set_requested(mem, REQUESTED);
	assert_true(virtio_msix_take(v, VIRTIO_VECTOR_CONFIG));
	virtio_msix_mask(v, VIRTIO_VECTOR_QUEUE, false);
	assert_true(virtio_msix_take(v, VIRTIO_VECTOR_QUEUE));
	assert_false(virtio_msix_pending(v, VIRTIO_VECTOR_QUEUE));
	virtio_msix_mask(v, VIRTIO_VECTOR_QUEUE, true);
	virtio_msix_mask(v, VIRTIO_VECTOR_QUEUE, false);
	assert_false(virtio_msix_take(v, VIRTIO_VECTOR_QUEUE));
}

static void a_masked_function_waits(void **state)
{
	struct mem *mem = *state;
	struct virtio *v = &mem->virtio;

	suite_only_paramem();
	virtio_msix_control(v, true, true);
	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	set_requested(mem, REQUESTED);
	assert_true(virtio_msix_pending(v, VIRTIO_VECTOR_QUEUE));
	assert_true(virtio_msix_pending(v, VIRTIO_VECTOR_CONFIG));
	assert_false(virtio_msix_take(v, VIRTIO_VECTOR_QUEUE));
	assert_false(virtio_msix_take(v, VIRTIO_VECTOR_CONFIG));
	virtio_msix_control(v, true, false);
	assert_true(virtio_msix_take(v, VIRTIO_VECTOR_QUEUE));
	assert_true(virtio_msix_take(v, VIRTIO_VECTOR_CONFIG));
	assert_false(virtio_msix_pending(v, VIRTIO_VECTOR_QUEUE));
	assert_false(virtio_msix_pending(v, VIRTIO_VECTOR_CONFIG));
}

static void a_message_may_move_while_it_is_masked(void **state)
{
	struct mem *mem = *state;
	struct virtio *v = &mem->virtio;
	uint64_t elsewhere = mem->arena + MEM_SCRATCH;

	suite_only_paramem();
	virtio_msix_mask(v, VIRTIO_VECTOR_QUEUE, true);
	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	qtest_store(mem->qtest, elsewhere, 0, 8);
	qtest_store(mem->qtest,
		    v->msix_table + PCI_MSIX_ENTRY_SIZE * VIRTIO_VECTOR_QUEUE,
		    elsewhere, 8);
	virtio_msix_mask(v, VIRTIO_VECTOR_QUEUE, false);
	assert_false(virtio_msix_take(v, VIRTIO_VECTOR_QUEUE));
	assert_int_not_equal(qtest_load(mem->qtest, elsewhere, 4), 0);
	/* A message is four bytes. */
	assert_int_equal(qtest_load(mem->qtest, elsewhere + 4, 4), 0);
}

static void vectors_that_do_not_exist_are_none(void **state)
{
	struct mem *mem = *state;
	struct virtio *v = &mem->virtio;
	const uint16_t vectors[] = { 2, 3, 0x7ff, 0x8000, 0xfffe };

	suite_only_paramem();
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		virtio_set(v, VIRTIO_COMMON(queue_msix_vector), vectors[i], 2);
		assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_msix_vector),
					    2),
				 VIRTIO_MSI_NO_VECTOR);
		virtio_set(v, VIRTIO_COMMON(msix_config), vectors[i], 2);
		assert_int_equal(virtio_get(v, VIRTIO_COMMON(msix_config), 2),
				 VIRTIO_MSI_NO_VECTOR);
	}
	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	set_requested(mem, REQUESTED);
	assert_false(virtio_msix_take(v, VIRTIO_VECTOR_QUEUE));
	assert_false(virtio_msix_take(v, VIRTIO_VECTOR_CONFIG));
}

static void both_may_share_a_vector(void **state)
{
	struct mem *mem = *state;
	struct virtio *v = &mem->virtio;

	suite_only_paramem();
	virtio_set(v, VIRTIO_COMMON(queue_msix_vector), 0, 2);
	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	assert_true(virtio_msix_take(v, 0));
	set_requested(mem, REQUESTED);
	assert_true(virtio_msix_take(v, 0));
	assert_false(virtio_msix_take(v, 1));
}

/* To where no memory is; to plugged and to unplugged memory of the device. */
static void messages_to_anywhere_hurt_nobody(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);
	const uint64_t targets[] = { addr,
				     addr + BLOCK,
				     mem->virtio.common,
				     mem->virtio.msix_table,
				     mem->virtio.notify,
				     0xfee00000,
				     UINT64_C(1) << 51,
				     UINT64_C(1) << 63,
				     -UINT64_C(4),
				     3 * GIB };

	suite_only_paramem();
	expect_block_answer(mem, MEM_PLUG, 0, 1, MEM_ACK);
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		qtest_store(mem->qtest,
			    mem->virtio.msix_table + PCI_MSIX_ENTRY_SIZE,
			    targets[i], 8);
		qtest_store(mem->qtest,
			    mem->virtio.msix_table + PCI_MSIX_ENTRY_SIZE + 8,
			    0x11223344, 4);
		expect_block_answer(mem, MEM_STATE, 0, 1, MEM_ACK);
	}
	assert_int_equal(qtest_load(mem->qtest, addr, 8), 0x11223344);
	assert_int_equal(qtest_load(mem->qtest, addr + BLOCK, 4), 0);
	mem_start(mem, NULL);
	expect_block_state(mem, 0, 1, MEM_PLUGGED);
}

/* ---- the line ------------------------------------------------------------ */

/* Which line the device has; it is down. */
static unsigned int start_intx(struct mem *mem)
{
	int irq;

	qtest_irq_intercept_in(mem->qtest, "ioapic");
	mem_start(mem, &(struct mem_setup){ .no_msix = true });
	virtio_isr(&mem->virtio);
	qtest_irq_take_all(mem->qtest);
	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	irq = qtest_irq_raised(mem->qtest);
	assert_true(irq >= 0);
	virtio_isr(&mem->virtio);
	assert_false(qtest_irq_level(mem->qtest, irq));
	qtest_irq_take_all(mem->qtest);
	return irq;
}

static void without_msix_the_line_is_raised_until_isr_is_read(void **state)
{
	struct mem *mem = *state;
	unsigned int irq = start_intx(mem);

	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	assert_int_equal(qtest_irq_take_all(mem->qtest), 1);
	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	assert_int_equal(qtest_irq_take_all(mem->qtest), 0);
	assert_true(qtest_irq_level(mem->qtest, irq));
	assert_int_equal(virtio_isr(&mem->virtio), VIRTIO_ISR_QUEUE);
	assert_false(qtest_irq_level(mem->qtest, irq));
	set_requested(mem, REQUESTED);
	assert_true(virtio_isr(&mem->virtio) & VIRTIO_ISR_CONFIG);
	assert_int_equal(qtest_irq_take_all(mem->qtest), 1);
	assert_false(qtest_irq_level(mem->qtest, irq));
}

static void the_line_falls_with_a_reset(void **state)
{
	struct mem *mem = *state;
	unsigned int irq = start_intx(mem);

	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	assert_true(qtest_irq_level(mem->qtest, irq));
	virtio_reset(&mem->virtio);
	assert_false(qtest_irq_level(mem->qtest, irq));
}

static void intx_disable_keeps_the_line_down(void **state)
{
	struct mem *mem = *state;
	const unsigned int on = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	unsigned int irq = start_intx(mem);

	pci_write(&mem->virtio.pci, PCI_COMMAND, on | PCI_COMMAND_INTX_DISABLE,
		  2);
	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	assert_false(qtest_irq_level(mem->qtest, irq));
	pci_write(&mem->virtio.pci, PCI_COMMAND, on, 2);
	virtio_status(&mem->virtio);
	assert_true(qtest_irq_level(mem->qtest, irq));
	virtio_isr(&mem->virtio);
	assert_false(qtest_irq_level(mem->qtest, irq));
}

static void with_msix_the_line_stays_down(void **state)
{
	struct mem *mem = *state;

	suite_only_paramem();
	qtest_irq_intercept_in(mem->qtest, "ioapic");
	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	set_requested(mem, REQUESTED);
	assert_int_equal(qtest_irq_take_all(mem->qtest), 0);
	assert_true(virtio_msix_take(&mem->virtio, VIRTIO_VECTOR_QUEUE));
}

/* ---- bus mastering ------------------------------------------------------- */

static void bus_master(struct mem *mem, bool on)
{
	pci_write(&mem->virtio.pci, PCI_COMMAND,
		  PCI_COMMAND_MEMORY | (on ? PCI_COMMAND_MASTER : 0), 2);
}

static void without_bus_mastering_memory_is_left_alone(void **state)
{
	struct mem *mem = *state;
	struct mem_answer answer;

	suite_only_paramem();
	bus_master(mem, false);
	assert_false(mem_try_request(mem, MEM_UNPLUG_ALL, 0, 0, &answer));
	bus_master(mem, true);
	assert_int_equal(vring_wait(&mem->ring).len, MEM_RESPONSE_SIZE);
	expect_alive(mem);
}

static void without_bus_mastering_no_message_is_sent(void **state)
{
	struct mem *mem = *state;

	suite_only_paramem();
	bus_master(mem, false);
	set_requested(mem, REQUESTED);
	assert_false(virtio_msix_take(&mem->virtio, VIRTIO_VECTOR_CONFIG));
	bus_master(mem, true);
	expect_alive(mem);
}

int main(int argc, char **argv)
{
	const struct peer_config config = {
		.nr_devices = 1,
		.devices = { { .max_size = 2 * GIB,
			       .block_size = BLOCK,
			       .requested_size = REQUESTED } },
	};
	const struct CMUnitTest tests[] = {
		SUITE_TEST(rule_an_answer_interrupts),
		SUITE_TEST(an_answer_does_not_where_it_is_not_wanted),
		SUITE_TEST(one_interrupt_for_a_batch),
		SUITE_TEST(rule_a_requested_size_interrupts),
		SUITE_TEST(mistake_11_the_same_size_interrupts_again),
		SUITE_TEST(a_refused_size_does_not_interrupt),
		SUITE_TEST(rule_the_plugged_size_does_not_interrupt),
		SUITE_TEST(rule_unplug_all_does_not_interrupt),
		SUITE_TEST(no_interrupt_before_driver_ok),
		SUITE_TEST(no_interrupt_of_a_system_reset),
		SUITE_TEST(a_masked_vector_waits),
		SUITE_TEST(a_masked_function_waits),
		SUITE_TEST(a_message_may_move_while_it_is_masked),
		SUITE_TEST(vectors_that_do_not_exist_are_none),
		SUITE_TEST(both_may_share_a_vector),
		SUITE_TEST(messages_to_anywhere_hurt_nobody),
		SUITE_TEST(without_msix_the_line_is_raised_until_isr_is_read),
		SUITE_TEST(the_line_falls_with_a_reset),
		SUITE_TEST(intx_disable_keeps_the_line_down),
		SUITE_TEST(with_msix_the_line_stays_down),
		SUITE_TEST(without_bus_mastering_memory_is_left_alone),
		SUITE_TEST(without_bus_mastering_no_message_is_sent),
	};

	suite_init(argc, argv);
	return SUITE_RUN(tests, &config);
}
