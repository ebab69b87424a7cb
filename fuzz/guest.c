/* SPDX-License-Identifier: BSD-3-Clause */
/* A memory device in its rig, and a guest that may do anything. */
#include "guest.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "late_job.h"

#define SLOT 1
#define LINE 21 /* where its INTA# leads */

/* The rig's own checks end the process: by a signal, as those here do. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return setenv("CMOCKA_TEST_ABORT", "1", 1);
}

static void size_changed(void *opaque, unsigned int index, uint64_t size)
{
	struct guest *g = opaque;

	fuzz_check(!index);
	g->told_size = size;
}

void guest_init(struct guest *g, const uint8_t *data, size_t size)
{
	struct virtio_mem_config config = {
		.device = &g->device,
		.gpa = GUEST_BASE,
		.memory = &g->rig.memory,
		.accel = &g->rig.accel,
		.size_changed = size_changed,
		.opaque = g,
	};
	struct pm_error err;
	uint16_t flags;

	memset(g, 0, sizeof(*g));
	g->in = (struct input){ data, size };
	flags = input_u16(&g->in);
	late_job_init();
	rig_init(&g->rig);
	g->device = (struct mem_device_config){
		.id = "vm0",
		.max_size = GUEST_BLOCKS * GUEST_BLOCK,
		.requested_size = (flags >> 3) % GUEST_BLOCKS * GUEST_BLOCK,
		.block_size = GUEST_BLOCK,
		.unplugged_inaccessible =
			(flags >> 1 & 3) % (UNPLUGGED_ABSENT + 1),
		.ram = { .prealloc = flags & 1, .no_reserve = true },
	};
	config.mmio = g->rig.mmio;
	config.loop = g->rig.loop;
	config.host = g->rig.pci;
	fuzz_check(!virtio_mem_create(&config, &g->vm, &err));
	driver_find(&g->d, &g->rig, SLOT);
}

/* ---- what has to hold ---------------------------------------------------- */

static bool plugged(const struct guest *g, uint64_t block)
{
	return guest_memory_is_there(
		&g->rig.memory, GUEST_BASE + block * GUEST_BLOCK, GUEST_BLOCK);
}

/* The guest sees the block through a memory slot. */
static bool shown(const struct guest *g, uint64_t block)
{
	uint64_t gpa = GUEST_BASE + block * GUEST_BLOCK;

	for (unsigned int i = 0; i < g->rig.accel.nr_memory; i++) {
		uint64_t start = g->rig.accel.memory[i].gpa;
		uint64_t end = start + g->rig.accel.memory[i].size;

		if (start <= gpa && gpa + GUEST_BLOCK <= end)
			return true;
	}
	return false;
}

/* The interrupt line is what configuration space says of it. */
static void check_line(struct guest *g)
{
	uint32_t command = rig_config_read(&g->rig, SLOT, PCI_COMMAND, 2);
	uint32_t status = rig_config_read(&g->rig, SLOT, PCI_STATUS, 2);

	fuzz_check(fake_irq_level(&g->rig.accel, LINE) ==
		   ((status & PCI_STATUS_INTERRUPT) &&
		    !(command & PCI_COMMAND_INTX_DISABLE)));
}

void guest_check(struct guest *g)
{
	struct mem_device_info info;
	const struct pm_device_info *dev = &info.device;
	uint64_t count = 0;

	virtio_mem_info(g->vm, &info);
	for (uint64_t i = 0; i < GUEST_BLOCKS; i++) {
		fuzz_check(!plugged(g, i) || shown(g, i));
		count += plugged(g, i);
	}
	/* What is being unplugged cannot be used, and counts until it is. */
	fuzz_check(dev->plugged_size >= count * GUEST_BLOCK);
	fuzz_check(late_job_is_under_way() ||
		   dev->plugged_size == count * GUEST_BLOCK);
	fuzz_check(dev->plugged_size == g->told_size);
	fuzz_check(dev->plugged_size <= dev->usable_size);
	fuzz_check(dev->requested_size <= dev->usable_size);
	fuzz_check(dev->usable_size <= dev->region_size);
	check_line(g);
}

/* ---- steps --------------------------------------------------------------- */

void guest_settle(struct guest *g)
{
	rig_settle(&g->rig);
}

void guest_request(struct guest *g)
{
	unsigned int index = input_below(&g->in, DRIVER_SIZE / 2) * 2;
	uint8_t type = input_u8(&g->in);
	uint64_t block = input_below(&g->in, GUEST_BLOCKS + 2);
	uint8_t nb = input_u8(&g->in);

	driver_put_request(&g->d, index, type % (NR_TYPES + 1),
			   GUEST_BASE + block * GUEST_BLOCK, nb);
	driver_offer(&g->d, index);
	driver_kick(&g->d);
	if (type & 0x80)
		rig_settle(&g->rig);
}

void guest_set_requested(struct guest *g)
{
	uint64_t blocks = input_below(&g->in, GUEST_BLOCKS + 2);
	int ret = virtio_mem_set_requested(g->vm, blocks * GUEST_BLOCK, NULL);

	fuzz_check(blocks <= GUEST_BLOCKS ? !ret : ret == -EINVAL);
}

void guest_populated(struct guest *g)
{
	late_job_end(input_u8(&g->in) & 1 ? -ENOMEM : 0);
}

void guest_break_host(struct guest *g)
{
	uint8_t how = input_u8(&g->in);

	if (how & 1)
		late_job_refuse();
	if (how & 2)
		g->rig.accel.fail_add_memory = -ENOMEM;
	if (how & 4)
		g->rig.accel.fail_ioeventfd = -ENOSPC;
	if (how & 8)
		g->rig.accel.fail_msi_connect = -ENOSPC;
}

/* And set up again, since not much happens otherwise. */
void guest_device_reset(struct guest *g)
{
	driver_set_status(&g->d, 0);
	if (input_u8(&g->in) & 1)
		driver_start(&g->d);
}

/* In the order of the machine's. */
void guest_system_reset(struct guest *g)
{
	fuzz_check(!virtio_mem_reset(g->vm, NULL));
	pci_host_reset(g->rig.pci);
	rig_settle(&g->rig);
	fuzz_check(!g->told_size);
	driver_find(&g->d, &g->rig, SLOT);
}

/* ---- the end ------------------------------------------------------------- */

static void plug_one(struct guest *g)
{
	int answer = driver_request(&g->d, PLUG, GUEST_BASE, 1, NULL);

	if (g->device.ram.prealloc) {
		fuzz_check(answer == -1);
		late_job_end(0);
		rig_settle(&g->rig);
		answer = driver_answer(&g->d, 0, NULL);
	}
	fuzz_check(answer == ACK);
}

static void check_good_after_reset(struct guest *g)
{
	uint16_t state;

	late_job_init();
	g->rig.accel.fail_add_memory = 0;
	g->rig.accel.fail_ioeventfd = 0;
	g->rig.accel.fail_msi_connect = 0;
	guest_system_reset(g);
	fuzz_check(!virtio_mem_set_requested(g->vm, GUEST_BLOCK, NULL));
	driver_start(&g->d);
	plug_one(g);
	guest_check(g);
	fuzz_check(driver_request(&g->d, STATE, GUEST_BASE, 1, &state) == ACK);
	fuzz_check(driver_request(&g->d, UNPLUG, GUEST_BASE, 1, NULL) == ACK);
}

void guest_finish(struct guest *g)
{
	rig_settle(&g->rig);
	guest_check(g);
	check_good_after_reset(g);
	virtio_mem_destroy(g->vm);
	rig_finish(&g->rig);
}
