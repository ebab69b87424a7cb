/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A memory device as its driver sees it, from configuration space to answers,
 * and as KVM sees it: which memory slots come and go.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <string.h>

#include "dirty.h"
#include "driver.h"
#include "virtio/virtio_mem.h"

#define MIB   (UINT64_C(1) << 20)
#define GIB   (UINT64_C(1) << 30)
#define BASE  (4 * GIB)
#define BLOCK (2 * MIB)
#define SLACK (256 * MIB)

enum { PLUG, UNPLUG, UNPLUG_ALL, STATE };
enum { ACK, NACK, BUSY, ERROR };
enum { PLUGGED, UNPLUGGED, MIXED };

#define VERSION_1              (UINT64_C(1) << VIRTIO_F_VERSION_1)
#define ACPI_PXM               (UINT64_C(1) << 0)
#define UNPLUGGED_INACCESSIBLE (UINT64_C(1) << 1)
#define INDIRECT               (UINT64_C(1) << 28)
#define NODE                   63
#define NEEDS_RESET            VIRTIO_CONFIG_S_NEEDS_RESET

struct fixture {
	struct rig rig;
	struct mem_device_config device;
	struct virtio_mem *vm;
	struct driver d;
	int size_changes;
	uint64_t last_size;
};

static void size_changed(void *opaque, unsigned int index, uint64_t size)
{
	struct fixture *f = opaque;

	assert_int_equal(index, 0);
	f->size_changes++;
	f->last_size = size;
}

static struct virtio_mem_config config_for(struct fixture *f)
{
	return (struct virtio_mem_config){
		.device = &f->device,
		.gpa = BASE,
		.memory = &f->rig.memory,
		.accel = &f->rig.accel,
		.mmio = f->rig.mmio,
		.loop = f->rig.loop,
		.host = f->rig.pci,
		.size_changed = size_changed,
		.opaque = f,
	};
}

static void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	rig_init(&f->rig);
	f->device = (struct mem_device_config){
		.id = "vm0",
		.max_size = 4 * GIB,
		.requested_size = GIB,
		.block_size = BLOCK,
		.node = NODE,
	};
}

static int setup(void **state)
{
	static struct fixture f;
	struct virtio_mem_config config;

	fixture_init(&f);
	config = config_for(&f);
	assert_int_equal(virtio_mem_create(&config, &f.vm, NULL), 0);
	driver_find(&f.d, &f.rig, 1);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	virtio_mem_destroy(f->vm);
	rig_finish(&f->rig);
	return 0;
}

static int ask(struct fixture *f, uint16_t type, uint64_t block, uint16_t nb)
{
	return driver_request(&f->d, type, BASE + block * BLOCK, nb, NULL);
}

static int ask_state(struct fixture *f, uint64_t block, uint16_t nb)
{
	uint16_t state;

	assert_int_equal(driver_request(&f->d, STATE, BASE + block * BLOCK, nb,
					&state),
			 ACK);
	return state;
}

static struct mem_device_info info(struct fixture *f)
{
	struct mem_device_info i;

	virtio_mem_info(f->vm, &i);
	return i;
}

/* ---- what the driver reads ----------------------------------------------- */

static void the_driver_reads_the_configuration(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(driver_features(&f->d),
			 VERSION_1 | INDIRECT | UNPLUGGED_INACCESSIBLE |
				 ACPI_PXM);
	assert_int_equal(driver_config(&f->d, 0, 8), BLOCK);
	assert_int_equal(driver_config(&f->d, 8, 2), NODE);
	assert_int_equal(driver_config(&f->d, 16, 8), BASE);
	assert_int_equal(driver_config(&f->d, 24, 8), 4 * GIB);
	assert_int_equal(driver_config(&f->d, 32, 8), GIB + SLACK);
	assert_int_equal(driver_config(&f->d, 40, 8), 0);
	assert_int_equal(driver_config(&f->d, 48, 8), GIB);
	assert_int_equal(driver_config(&f->d, 52, 4), GIB >> 32);
	assert_int_equal(driver_config(&f->d, 48, 4), (uint32_t)GIB);
	assert_int_equal(driver_config(&f->d, 56, 8), 0);
}

static void the_configuration_is_read_only(void **state)
{
	struct fixture *f = *state;

	for (unsigned int at = 0; at < 56; at += 8)
		bus_write(f->rig.mmio, f->d.device + at, UINT64_MAX, 8);
	the_driver_reads_the_configuration(state);
}

/* ---- requests ------------------------------------------------------------ */

static void blocks_are_plugged_and_unplugged(void **state)
{
	struct fixture *f = *state;
	uint8_t before;

	driver_start(&f->d);
	assert_int_equal(ask(f, PLUG, 0, 8), ACK);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR), 1);
	assert_int_equal(driver_config(&f->d, 40, 8), 8 * BLOCK);
	assert_int_equal(f->last_size, 8 * BLOCK);
	assert_int_equal(ask_state(f, 0, 8), PLUGGED);
	assert_int_equal(ask_state(f, 7, 2), MIXED);
	assert_int_equal(ask_state(f, 8, 2), UNPLUGGED);
	before = driver_get(&f->d, COMMON_FIELD(config_generation), 1);
	assert_int_equal(ask(f, UNPLUG, 2, 3), ACK);
	assert_int_not_equal(
		driver_get(&f->d, COMMON_FIELD(config_generation), 1), before);
	assert_int_equal(driver_config(&f->d, 40, 8), 5 * BLOCK);
	assert_int_equal(ask(f, UNPLUG_ALL, 0, 0), ACK);
	assert_int_equal(driver_config(&f->d, 40, 8), 0);
	assert_int_equal(f->last_size, 0);
	assert_int_equal(f->size_changes, 3);
	/* No change of the plugged size interrupts. */
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
}

static void wrong_requests_are_answered(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	assert_int_equal(ask(f, PLUG, 0, 513), NACK);
	assert_int_equal(ask(f, PLUG, 640, 1), ERROR);
	assert_int_equal(ask(f, PLUG, 0, 0), ERROR);
	assert_int_equal(ask(f, UNPLUG, 0, 1), ERROR);
	assert_int_equal(driver_request(&f->d, PLUG, BASE + 1, 1, NULL), ERROR);
	assert_int_equal(driver_request(&f->d, PLUG, 0, 1, NULL), ERROR);
	assert_int_equal(driver_request(&f->d, PLUG, UINT64_MAX, 65535, NULL),
			 ERROR);
	assert_int_equal(f->size_changes, 0);
	assert_false(driver_status(&f->d) & NEEDS_RESET);
}

static void a_request_may_be_framed_in_any_way(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	driver_put_request(&f->d, 40, PLUG, BASE, 1);
	/* 24 bytes in pieces of 3, 10 bytes in pieces of 1, 0 and 2. */
	for (unsigned int i = 0; i < 8; i++)
		driver_desc(&f->d, i, DRIVER_REQUEST + 40 * 32 + i * 3, 3,
			    DESC_NEXT, i + 1);
	for (unsigned int i = 0; i < 8; i++)
		driver_desc(&f->d, 8 + i, DRIVER_RESPONSE + 40 * 32 + i,
			    i == 4 ? 0 : 1, DESC_WRITE | DESC_NEXT, 9 + i);
	driver_desc(&f->d, 12, DRIVER_RESPONSE + 40 * 32 + 4, 1,
		    DESC_WRITE | DESC_NEXT, 13);
	driver_desc(&f->d, 16, DRIVER_RESPONSE + 40 * 32 + 8, 2, DESC_WRITE, 0);
	driver_offer(&f->d, 0);
	driver_kick(&f->d);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 1);
	assert_int_equal(driver_answer(&f->d, 40, NULL), ACK);
	assert_int_equal(info(f).device.plugged_size, BLOCK);
}

static void expect_needs_reset(struct fixture *f)
{
	driver_kick(&f->d);
	rig_settle(&f->rig);
	assert_true(driver_status(&f->d) & NEEDS_RESET);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 1);
	assert_false(info(f).driver_ready);
}

static void malformed_requests_need_a_reset_after_earlier_answers(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	driver_put_request(&f->d, 0, PLUG, BASE, 1);
	driver_put_request(&f->d, 2, 77, BASE, 1);
	driver_put_request(&f->d, 4, PLUG, BASE + BLOCK, 1);
	for (uint16_t head = 0; head < 6; head += 2)
		driver_offer(&f->d, head);
	expect_needs_reset(f);
	assert_int_equal(driver_used(&f->d), 1);
	assert_int_equal(driver_answer(&f->d, 0, NULL), ACK);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR), 1);
	assert_int_equal(info(f).device.plugged_size, BLOCK);
}

static void a_request_too_short_needs_a_reset(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	driver_put_request(&f->d, 0, PLUG, BASE, 1);
	driver_desc(&f->d, 0, DRIVER_REQUEST, 23, DESC_NEXT, 1);
	driver_offer(&f->d, 0);
	expect_needs_reset(f);
	assert_int_equal(info(f).device.plugged_size, 0);
}

static void room_too_small_needs_a_reset_and_plugs_nothing(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	driver_put_request(&f->d, 0, PLUG, BASE, 1);
	driver_desc(&f->d, 1, DRIVER_RESPONSE, 9, DESC_WRITE, 0);
	driver_offer(&f->d, 0);
	expect_needs_reset(f);
	assert_int_equal(info(f).device.plugged_size, 0);
	/* After the reset it is as good as new. */
	driver_start(&f->d);
	assert_int_equal(ask(f, PLUG, 0, 1), ACK);
	assert_true(info(f).driver_ready);
}

static void a_response_that_cannot_be_written_plugs_nothing(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	driver_put_request(&f->d, 0, PLUG, BASE, 1);
	driver_desc(&f->d, 1, RIG_RAM_SIZE - 9, 10, DESC_WRITE, 0);
	driver_offer(&f->d, 0);
	expect_needs_reset(f);
	assert_int_equal(info(f).device.plugged_size, 0);
}

static void a_request_in_unplugged_memory_needs_a_reset(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	driver_put_request(&f->d, 0, PLUG, BASE, 1);
	driver_desc(&f->d, 0, BASE, 24, DESC_NEXT, 1);
	driver_offer(&f->d, 0);
	expect_needs_reset(f);
}

static void a_ring_may_lie_in_plugged_memory_until_it_goes(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	assert_int_equal(ask(f, PLUG, 0, 1), ACK);
	driver_put_request(&f->d, 0, UNPLUG, BASE, 1);
	/* The response is to lie in the block that goes. */
	driver_desc(&f->d, 1, BASE, 10, DESC_WRITE, 0);
	driver_offer(&f->d, 0);
	expect_needs_reset(f);
}

/* ---- the requested size -------------------------------------------------- */

static void setting_the_requested_size_interrupts(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	assert_int_equal(virtio_mem_set_requested(f->vm, 2 * GIB, NULL), 0);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 1);
	assert_int_equal(driver_config(&f->d, 48, 8), 2 * GIB);
	assert_int_equal(driver_config(&f->d, 32, 8), 2 * GIB + SLACK);
	/* The same size, too: people wake a waiting driver with it. */
	assert_int_equal(virtio_mem_set_requested(f->vm, 2 * GIB, NULL), 0);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 1);
	assert_int_equal(virtio_mem_set_requested(f->vm, 0, NULL), 0);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 1);
	assert_int_equal(ask(f, PLUG, 0, 1), NACK);
}

static void a_size_that_is_refused_does_not_interrupt(void **state)
{
	struct fixture *f = *state;
	struct pm_error err = { "" };

	driver_start(&f->d);
	assert_int_equal(virtio_mem_set_requested(f->vm, 5 * GIB, &err),
			 -EINVAL);
	assert_int_not_equal(err.text[0], '\0');
	assert_int_equal(virtio_mem_set_requested(f->vm, 1, &err), -EINVAL);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
	assert_int_equal(driver_config(&f->d, 48, 8), GIB);
}

static void a_size_without_a_driver_is_found_later(void **state)
{
	struct fixture *f = *state;

	assert_false(info(f).driver_ready);
	assert_int_equal(virtio_mem_set_requested(f->vm, 3 * GIB, NULL), 0);
	driver_start(&f->d);
	assert_true(info(f).driver_ready);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
	assert_int_equal(driver_config(&f->d, 48, 8), 3 * GIB);
}

/* ---- the guest's view of memory ------------------------------------------ */

static void slots_come_with_the_first_plugged_block(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	assert_int_equal(f->rig.accel.nr_memory, 0);
	assert_int_equal(ask(f, PLUG, 3, 1), ACK);
	assert_int_equal(f->rig.accel.nr_memory, 1);
	assert_int_equal(f->rig.accel.memory[0].gpa, BASE);
	assert_int_equal(f->rig.accel.memory[0].size, GIB);
	assert_int_equal(ask(f, PLUG, 4, 1), ACK);
	assert_int_equal(f->rig.accel.nr_memory, 1);
	/* Two blocks on both sides of 1 GiB. */
	assert_int_equal(ask(f, PLUG, 511, 2), ACK);
	assert_int_equal(f->rig.accel.nr_memory, 2);
	assert_int_equal(f->rig.accel.memory[1].gpa, BASE + GIB);
	assert_ptr_equal(f->rig.accel.memory[1].host,
			 (uint8_t *)f->rig.accel.memory[0].host + GIB);
}

/* Dropping a slot is dear for a running guest, so unplugging keeps it. */
static void slots_go_at_a_system_reset(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	assert_int_equal(ask(f, PLUG, 0, 2), ACK);
	assert_int_equal(ask(f, UNPLUG, 0, 2), ACK);
	assert_int_equal(f->rig.accel.nr_memory, 1);
	assert_int_equal(virtio_mem_reset(f->vm, NULL), 0);
	assert_int_equal(f->rig.accel.nr_memory, 0);
	assert_int_equal(f->rig.accel.removals, 1);
	driver_find(&f->d, &f->rig, 1);
	driver_start(&f->d);
	assert_int_equal(ask(f, PLUG, 0, 1), ACK);
	assert_int_equal(f->rig.accel.nr_memory, 1);
}

static void a_slot_that_cannot_be_added_is_busy(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	f->rig.accel.fail_add_memory = -ENOSPC;
	assert_int_equal(ask(f, PLUG, 0, 1), BUSY);
	assert_int_equal(info(f).device.plugged_size, 0);
	assert_non_null(strstr(info(f).last_refusal, "vm0"));
	assert_int_equal(ask(f, PLUG, 0, 1), ACK);
	assert_string_equal(info(f).last_refusal, "");
	/* The second of two: the first that was added does no harm. */
	f->rig.accel.fail_add_memory = -ENOSPC;
	assert_int_equal(ask(f, PLUG, 511, 2), BUSY);
	assert_int_equal(ask_state(f, 511, 2), UNPLUGGED);
	assert_int_equal(ask(f, PLUG, 511, 2), ACK);
}

static void a_size_that_is_refused_keeps_the_reason_for_waiting(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	f->rig.accel.fail_add_memory = -ENOSPC;
	assert_int_equal(ask(f, PLUG, 0, 1), BUSY);
	assert_int_equal(virtio_mem_set_requested(f->vm, 1, NULL), -EINVAL);
	assert_non_null(strstr(info(f).last_refusal, "vm0"));
	assert_int_equal(virtio_mem_set_requested(f->vm, GIB, NULL), 0);
	assert_string_equal(info(f).last_refusal, "");
}

static void devices_reach_plugged_memory_alone(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	assert_null(rig_at(&f->rig, BASE, 1));
	assert_int_equal(ask(f, PLUG, 1, 1), ACK);
	assert_null(rig_at(&f->rig, BASE, 1));
	assert_non_null(rig_at(&f->rig, BASE + BLOCK, BLOCK));
	assert_null(rig_at(&f->rig, BASE + BLOCK, BLOCK + 1));
	assert_null(rig_at(&f->rig, BASE + BLOCK - 1, 2));
	memset(rig_at(&f->rig, BASE + BLOCK, 1), 0x77, BLOCK);
	assert_int_equal(ask(f, UNPLUG, 1, 1), ACK);
	assert_null(rig_at(&f->rig, BASE + BLOCK, 1));
	assert_int_equal(ask(f, PLUG, 1, 1), ACK);
	assert_int_equal(*(uint8_t *)rig_at(&f->rig, BASE + BLOCK, 1), 0);
}

static void where_no_slot_is_reads_are_zero_and_writes_lost(void **state)
{
	struct fixture *f = *state;

	bus_write(f->rig.mmio, BASE + 8, 0x77, 8);
	assert_int_equal(bus_read(f->rig.mmio, BASE + 8, 8), 0);
	assert_int_equal(bus_read(f->rig.mmio, BASE + 4 * GIB - 1, 1), 0);
	assert_int_equal(bus_read(f->rig.mmio, BASE + 4 * GIB, 1), UINT64_MAX);
	assert_int_equal(bus_read(f->rig.mmio, BASE - 1, 1), UINT64_MAX);
}

static void what_the_device_writes_is_told(void **state)
{
	struct fixture *f = *state;
	struct dirty dirty;

	driver_start(&f->d);
	driver_put_request(&f->d, 0, PLUG, BASE, 1);
	driver_offer(&f->d, 0);
	dirty_watch(&dirty, &f->rig.memory, f->rig.ram, RIG_RAM_SIZE);
	driver_kick(&f->d);
	rig_settle(&f->rig);
	assert_int_equal(driver_answer(&f->d, 0, NULL), ACK);
	/* The answer, the element of the used ring and its index. */
	assert_int_equal(dirty_end(&dirty), 10 + 8 + 2);
}

/* ---- resets -------------------------------------------------------------- */

static void a_device_reset_keeps_the_blocks(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	assert_int_equal(ask(f, PLUG, 0, 2), ACK);
	memset(rig_at(&f->rig, BASE, BLOCK), 0x77, BLOCK);
	driver_set_status(&f->d, 0);
	assert_int_equal(info(f).device.plugged_size, 2 * BLOCK);
	assert_false(info(f).driver_ready);
	driver_start(&f->d);
	assert_int_equal(ask_state(f, 0, 2), PLUGGED);
	assert_int_equal(*(uint8_t *)rig_at(&f->rig, BASE, BLOCK), 0x77);
}

static void held_it_takes_no_request(void **state)
{
	struct fixture *f = *state;
	uint64_t offset, size;
	const struct guest_memory_region *region =
		&f->rig.memory.regions[f->rig.memory.nr - 1];

	driver_start(&f->d);
	assert_int_equal(ask(f, PLUG, 1, 2), ACK);
	virtio_mem_hold(f->vm, true);
	driver_put_request(&f->d, 0, UNPLUG, BASE + BLOCK, 1);
	driver_offer(&f->d, 0);
	driver_kick(&f->d);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 1);
	assert_true(region->next(region->opaque, 0, &offset, &size));
	assert_int_equal(offset, BLOCK);
	assert_int_equal(size, 2 * BLOCK);
	/* Let go, it takes what has waited. */
	virtio_mem_hold(f->vm, false);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 2);
	assert_int_equal(driver_answer(&f->d, 0, NULL), ACK);
	assert_true(region->next(region->opaque, 0, &offset, &size));
	assert_int_equal(offset, 2 * BLOCK);
	assert_int_equal(size, BLOCK);
	assert_false(region->next(region->opaque, 3 * BLOCK, &offset, &size));
}

static void a_system_reset_unplugs_all(void **state)
{
	struct fixture *f = *state;

	driver_start(&f->d);
	assert_int_equal(ask(f, PLUG, 0, 2), ACK);
	assert_int_equal(virtio_mem_set_requested(f->vm, 64 * MIB, NULL), 0);
	driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR);
	assert_int_equal(virtio_mem_reset(f->vm, NULL), 0);
	assert_int_equal(info(f).device.plugged_size, 0);
	assert_int_equal(info(f).device.requested_size, 64 * MIB);
	assert_int_equal(info(f).device.usable_size, 64 * MIB + SLACK);
	assert_false(info(f).driver_ready);
	assert_int_equal(f->last_size, 0);
	assert_int_equal(driver_status(&f->d), 0);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
	assert_null(rig_at(&f->rig, BASE, 1));
}

/* ---- creation ------------------------------------------------------------ */

static void what_cannot_be_created_leaves_nothing(void **state)
{
	struct pm_error err = { "" };
	struct virtio_mem_config config;
	struct virtio_mem *vm = NULL;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	config = config_for(&f);
	f.device.requested_size = 5 * GIB;
	assert_int_equal(virtio_mem_create(&config, &vm, &err), -EINVAL);
	f.device.requested_size = GIB;
	f.rig.accel.fail_msi_alloc = -ENOSPC;
	err.text[0] = '\0';
	assert_int_equal(virtio_mem_create(&config, &vm, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "vm0"));
	assert_null(vm);
	virtio_mem_destroy(NULL);
	rig_finish(&f.rig);
}

static void two_devices_live_side_by_side(void **state)
{
	struct fixture *f = *state;
	struct mem_device_config device = f->device;
	struct virtio_mem_config config = config_for(f);
	struct virtio_mem *second;
	struct driver d;

	config.device = &device;
	config.gpa = BASE + 4 * GIB;
	assert_int_equal(virtio_mem_create(&config, &second, NULL), 0);
	driver_start(&f->d);
	driver_find(&d, &f->rig, 2);
	assert_int_equal(driver_config(&d, 16, 8), BASE + 4 * GIB);
	assert_int_not_equal(d.common, f->d.common);
	assert_int_equal(ask(f, PLUG, 0, 1), ACK);
	assert_int_equal(driver_config(&d, 40, 8), 0);
	virtio_mem_destroy(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_driver_reads_the_configuration),
		TEST(the_configuration_is_read_only),
		TEST(blocks_are_plugged_and_unplugged),
		TEST(wrong_requests_are_answered),
		TEST(a_request_may_be_framed_in_any_way),
		TEST(malformed_requests_need_a_reset_after_earlier_answers),
		TEST(a_request_too_short_needs_a_reset),
		TEST(room_too_small_needs_a_reset_and_plugs_nothing),
		TEST(a_response_that_cannot_be_written_plugs_nothing),
		TEST(a_request_in_unplugged_memory_needs_a_reset),
		TEST(a_ring_may_lie_in_plugged_memory_until_it_goes),
		TEST(setting_the_requested_size_interrupts),
		TEST(a_size_that_is_refused_does_not_interrupt),
		TEST(a_size_without_a_driver_is_found_later),
		TEST(slots_come_with_the_first_plugged_block),
		TEST(slots_go_at_a_system_reset),
		TEST(a_slot_that_cannot_be_added_is_busy),
		TEST(a_size_that_is_refused_keeps_the_reason_for_waiting),
		TEST(devices_reach_plugged_memory_alone),
		TEST(what_the_device_writes_is_told),
		TEST(where_no_slot_is_reads_are_zero_and_writes_lost),
		TEST(a_device_reset_keeps_the_blocks),
		TEST(held_it_takes_no_request),
		TEST(a_system_reset_unplugs_all),
		cmocka_unit_test(what_cannot_be_created_leaves_nothing),
		TEST(two_devices_live_side_by_side),
	};

	return cmocka_run_group_tests_name("virtio_mem", tests, NULL, NULL);
}
