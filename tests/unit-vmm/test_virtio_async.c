/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests of a memory device that take long: the loop goes on, the answers
 * come in order, and resets of either kind and destruction are safe at any
 * moment. What populates and frees can be held up by a test.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"
#include "virtio/virtio_mem.h"
#include "host/workers.h"

#define MIB   (UINT64_C(1) << 20)
#define GIB   (UINT64_C(1) << 30)
#define BASE  (4 * GIB)
#define BLOCK (2 * MIB)

enum { PLUG, UNPLUG, UNPLUG_ALL, STATE };
enum { ACK, NACK, BUSY, ERROR };
enum { PLUGGED, UNPLUGGED, MIXED };
enum { NOTHING = 0x5a5a }; /* where no answer was written */

struct fixture {
	struct rig rig;
	struct mem_device_config device;
	struct workers *workers;
	struct virtio_mem *vm;
	struct driver d;
};

/* ---- the host ---------------------------------------------------------- */

static atomic_bool gate; /* shut: the host's work waits */
static atomic_int fail;  /* -errno */
static atomic_uint entered;

int __wrap_pm_ram_populate(struct pm_ram *ram, uint64_t offset, uint64_t size,
			   struct pm_error *err);
int __wrap_pm_ram_populate(struct pm_ram *ram, uint64_t offset, uint64_t size,
			   struct pm_error *err)
{
	int ret = atomic_load(&fail);

	atomic_fetch_add(&entered, 1);
	while (atomic_load(&gate))
		usleep(100);
	if (ret)
		return pm_error_set(err, -ret, "the host has none left");
	memset((uint8_t *)pm_ram_host(ram) + offset, 0, size);
	return 0;
}

int __real_pm_ram_discard(struct pm_ram *ram, uint64_t offset, uint64_t size);
int __wrap_pm_ram_discard(struct pm_ram *ram, uint64_t offset, uint64_t size);
int __wrap_pm_ram_discard(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	atomic_fetch_add(&entered, 1);
	while (atomic_load(&gate))
		usleep(100);
	return __real_pm_ram_discard(ram, offset, size);
}

static void *open_gate_soon(void *opaque)
{
	(void)opaque;
	usleep(20000);
	atomic_store(&gate, false);
	return NULL;
}

/* ---- the rig ------------------------------------------------------------- */

static void size_changed(void *opaque, unsigned int index, uint64_t size)
{
	(void)opaque, (void)index, (void)size;
}

static int create(void **state, bool virtual_clock)
{
	static struct fixture f;
	struct virtio_mem_config config = {
		.device = &f.device,
		.gpa = BASE,
		.memory = &f.rig.memory,
		.accel = &f.rig.accel,
		.size_changed = size_changed,
		.opaque = &f,
	};

	memset(&f, 0, sizeof(f));
	atomic_store(&gate, false);
	atomic_store(&fail, 0);
	atomic_store(&entered, 0);
	rig_init(&f.rig);
	if (virtual_clock)
		loop_clock_virtual(f.rig.loop);
	assert_int_equal(workers_create(f.rig.loop, &f.workers), 0);
	f.device = (struct mem_device_config){
		.id = "vm0",
		.max_size = 1 * GIB,
		.requested_size = 512 * MIB,
		.block_size = BLOCK,
		.ram.prealloc = true,
	};
	config.mmio = f.rig.mmio;
	config.loop = f.rig.loop;
	config.host = f.rig.pci;
	config.workers = f.workers;
	assert_int_equal(virtio_mem_create(&config, &f.vm, NULL), 0);
	driver_find(&f.d, &f.rig, 1);
	driver_start(&f.d);
	*state = &f;
	return 0;
}

static int setup(void **state)
{
	return create(state, false);
}

static int setup_virtual_clock(void **state)
{
	return create(state, true);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	virtio_mem_destroy(f->vm);
	workers_destroy(f->workers);
	rig_finish(&f->rig);
	return 0;
}

static void offer(struct fixture *f, unsigned int index, uint16_t type,
		  uint64_t block, uint16_t nb)
{
	driver_put_request(&f->d, index, type, BASE + block * BLOCK, nb);
	driver_offer(&f->d, index);
	driver_kick(&f->d);
}

/* Offers a plug whose populating waits at the gate. */
static void begin(struct fixture *f, unsigned int index, uint64_t block)
{
	unsigned int before = atomic_load(&entered);

	atomic_store(&gate, true);
	offer(f, index, PLUG, block, 1);
	rig_settle(&f->rig);
	while (atomic_load(&entered) == before)
		usleep(100);
}

static uint64_t plugged(struct fixture *f)
{
	struct mem_device_info info;

	virtio_mem_info(f->vm, &info);
	return info.device.plugged_size;
}

/* Runs the loop until the driver has so many answers. */
static void await_used(struct fixture *f, uint16_t used)
{
	while (driver_used(&f->d) != used)
		assert_int_equal(loop_run_once(f->rig.loop), 0);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), used);
}

/* ---- the tests ----------------------------------------------------------- */

static void test_loop_goes_on(void **state)
{
	struct fixture *f = *state;

	begin(f, 0, 0);
	/* The second waits in the ring, whatever it asks. */
	offer(f, 2, STATE, 0, 1);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 0);
	assert_int_equal(plugged(f), 0);
	assert_int_equal(virtio_mem_set_requested(f->vm, 600 * MIB, NULL), 0);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR), 0);
	atomic_store(&gate, false);
	await_used(f, 2);
	assert_int_equal(driver_answer(&f->d, 0, NULL), ACK);
	assert_int_equal(driver_answer(&f->d, 2, NULL), ACK);
	assert_int_equal(plugged(f), BLOCK);
	assert_true(driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR) > 0);
}

static void test_refused_and_woken(void **state)
{
	struct fixture *f = *state;
	struct mem_device_info info;

	atomic_store(&fail, -ENOMEM);
	offer(f, 0, PLUG, 0, 1);
	await_used(f, 1);
	assert_int_equal(driver_answer(&f->d, 0, NULL), BUSY);
	virtio_mem_info(f->vm, &info);
	assert_non_null(strstr(info.last_refusal, "the host has none left"));
	assert_int_equal(info.device.plugged_size, 0);
	/* It is woken without anybody asking. */
	while (!driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR))
		assert_int_equal(loop_run_once(f->rig.loop), 0);
	atomic_store(&fail, 0);
	offer(f, 0, PLUG, 0, 1);
	await_used(f, 2);
	assert_int_equal(driver_answer(&f->d, 0, NULL), ACK);
	virtio_mem_info(f->vm, &info);
	assert_string_equal(info.last_refusal, "");
}

static void test_driver_resets(void **state)
{
	struct fixture *f = *state;
	uint16_t what;

	begin(f, 0, 0);
	driver_set_status(&f->d, 0);
	assert_int_equal(driver_status(&f->d), 0);
	memset(f->rig.ram + DRIVER_USED, 0, 4096);
	memset(f->rig.ram + DRIVER_AVAIL, 0, 4096);
	memset(f->rig.ram + DRIVER_RESPONSE, 0x5a, 4096);
	f->d.available = 0;
	driver_start(&f->d);
	offer(f, 4, STATE, 0, 1);
	offer(f, 6, PLUG, 0, 1);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 0);
	atomic_store(&gate, false);
	await_used(f, 2);
	/* Nobody was told of the old one, and it plugged nothing. */
	assert_int_equal(driver_answer(&f->d, 0, NULL), NOTHING);
	assert_int_equal(driver_answer(&f->d, 4, &what), ACK);
	assert_int_equal(what, UNPLUGGED);
	assert_int_equal(driver_answer(&f->d, 6, NULL), ACK);
	assert_int_equal(plugged(f), BLOCK);
}

/* It resets after all was populated, but before the loop has heard of it. */
static void test_driver_resets_late(void **state)
{
	struct fixture *f = *state;

	begin(f, 0, 0);
	atomic_store(&gate, false);
	usleep(20000);
	driver_set_status(&f->d, 0);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 0);
	assert_int_equal(plugged(f), 0);
}

static void test_driver_fails(void **state)
{
	struct fixture *f = *state;

	begin(f, 0, 0);
	driver_set_status(&f->d, driver_status(&f->d) | VIRTIO_CONFIG_S_FAILED);
	atomic_store(&gate, false);
	while (!plugged(f))
		assert_int_equal(loop_run_once(f->rig.loop), 0);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 0);
}

static void bus_master(struct fixture *f, bool on)
{
	rig_config_write(&f->rig, f->d.slot, PCI_COMMAND,
			 PCI_COMMAND_MEMORY | (on ? PCI_COMMAND_MASTER : 0), 2);
}

/* A device that may not write to memory has its answer wait. */
static void begin_and_lose_bus_mastering(struct fixture *f)
{
	begin(f, 0, 0);
	bus_master(f, false);
	atomic_store(&gate, false);
	while (!plugged(f))
		assert_int_equal(loop_run_once(f->rig.loop), 0);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 0);
	assert_int_equal(driver_answer(&f->d, 0, NULL), NOTHING);
}

static void test_answer_waits_for_bus_mastering(void **state)
{
	struct fixture *f = *state;

	begin_and_lose_bus_mastering(f);
	offer(f, 2, STATE, 0, 1);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 0);
	bus_master(f, true);
	await_used(f, 2);
	assert_int_equal(driver_answer(&f->d, 0, NULL), ACK);
	assert_int_equal(driver_answer(&f->d, 2, NULL), ACK);
}

static void test_answer_that_waits_is_forgotten_by_a_reset(void **state)
{
	struct fixture *f = *state;

	begin_and_lose_bus_mastering(f);
	driver_set_status(&f->d, 0);
	memset(f->rig.ram + DRIVER_AVAIL, 0, 4096);
	f->d.available = 0;
	bus_master(f, true);
	driver_start(&f->d);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 0);
	offer(f, 4, STATE, 0, 1);
	await_used(f, 1);
	assert_int_equal(driver_answer(&f->d, 0, NULL), NOTHING);
	assert_int_equal(driver_answer(&f->d, 4, NULL), ACK);
}

static void test_system_reset(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;

	begin(f, 0, 0);
	offer(f, 2, STATE, 0, 1);
	pthread_create(&thread, NULL, open_gate_soon, NULL);
	assert_int_equal(virtio_mem_reset(f->vm, NULL), 0);
	pthread_join(thread, NULL);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 0);
	assert_int_equal(plugged(f), 0);
	/* And it can be used as before, once it is found again. */
	memset(f->rig.ram + DRIVER_AVAIL, 0, 4096);
	f->d.available = 0;
	driver_start(&f->d);
	offer(f, 0, PLUG, 0, 2);
	await_used(f, 1);
	assert_int_equal(driver_answer(&f->d, 0, NULL), ACK);
	assert_int_equal(plugged(f), 2 * BLOCK);
}

/* The teardown destroys it while it is at work. */
static void test_destroyed(void **state)
{
	struct fixture *f = *state;
	static pthread_t thread;

	begin(f, 0, 0);
	pthread_create(&thread, NULL, open_gate_soon, NULL);
	pthread_detach(thread);
}

/* ---- a long UNPLUG ------------------------------------------------------- */

#define MANY 128

/* All is plugged, and a request to unplug waits at the gate, half done. */
static void begin_unplug_of(struct fixture *f, uint16_t type)
{
	unsigned int before;

	offer(f, 0, PLUG, 0, MANY);
	await_used(f, 1);
	assert_int_equal(plugged(f), MANY * BLOCK);
	before = atomic_load(&entered);
	atomic_store(&gate, true);
	offer(f, 2, type, 0, MANY);
	while (atomic_load(&entered) == before) {
		rig_settle(&f->rig);
		usleep(100);
	}
	assert_int_equal(driver_used(&f->d), 1);
}

static void begin_unplug(struct fixture *f)
{
	begin_unplug_of(f, UNPLUG);
}

static void test_long_unplug(void **state)
{
	struct fixture *f = *state;

	begin_unplug(f);
	offer(f, 4, STATE, 0, 1);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 1);
	/* It is still plugged, but not to be used. */
	assert_int_equal(plugged(f), MANY * BLOCK);
	assert_false(rig_at(&f->rig, BASE, BLOCK));
	assert_int_equal(virtio_mem_set_requested(f->vm, 0, NULL), 0);
	atomic_store(&gate, false);
	await_used(f, 3);
	assert_int_equal(driver_answer(&f->d, 2, NULL), ACK);
	assert_int_equal(driver_answer(&f->d, 4, NULL), ACK);
	assert_int_equal(plugged(f), 0);
}

/* Another driver takes over, before the work has ended. */
static void start_over(struct fixture *f)
{
	driver_set_status(&f->d, 0);
	memset(f->rig.ram + DRIVER_USED, 0, 4096);
	memset(f->rig.ram + DRIVER_AVAIL, 0, 4096);
	memset(f->rig.ram + DRIVER_RESPONSE, 0x5a, 4096);
	f->d.available = 0;
	driver_start(&f->d);
	driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR);
}

/* Fields of the configuration. */
enum { USABLE_SIZE = 32, PLUGGED_SIZE = 40 };

static uint8_t generation(struct fixture *f)
{
	return driver_get(&f->d, COMMON_FIELD(config_generation), 1);
}

static void test_late_unplug_is_a_new_generation(void **state)
{
	struct fixture *f = *state;
	uint64_t usable;
	uint8_t before;

	begin_unplug(f);
	start_over(f);
	before = generation(f);
	usable = driver_config(&f->d, USABLE_SIZE, 8);
	assert_int_equal(driver_config(&f->d, PLUGGED_SIZE, 8), MANY * BLOCK);
	assert_int_equal(generation(f), before);
	atomic_store(&gate, false);
	while (plugged(f))
		assert_int_equal(loop_run_once(f->rig.loop), 0);
	assert_int_not_equal(generation(f), before);
	assert_int_equal(driver_config(&f->d, PLUGGED_SIZE, 8), 0);
	/* Of the plugged size no driver is told. */
	assert_int_equal(driver_config(&f->d, USABLE_SIZE, 8), usable);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
}

/* A driver that did not ask for UNPLUG_ALL is told what that did. */
static void test_late_unplug_all_is_told(void **state)
{
	struct fixture *f = *state;
	uint8_t before;

	begin_unplug_of(f, UNPLUG_ALL);
	assert_int_equal(virtio_mem_set_requested(f->vm, 0, NULL), 0);
	start_over(f);
	before = generation(f);
	assert_int_not_equal(driver_config(&f->d, USABLE_SIZE, 8), 0);
	atomic_store(&gate, false);
	while (plugged(f))
		assert_int_equal(loop_run_once(f->rig.loop), 0);
	assert_int_not_equal(generation(f), before);
	assert_int_equal(driver_config(&f->d, USABLE_SIZE, 8), 0);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 1);
}

/* One that did is not, and sees another generation all the same. */
static void test_unplug_all_is_not_told(void **state)
{
	struct fixture *f = *state;
	uint8_t before;

	begin_unplug_of(f, UNPLUG_ALL);
	assert_int_equal(virtio_mem_set_requested(f->vm, 0, NULL), 0);
	driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR);
	before = generation(f);
	atomic_store(&gate, false);
	await_used(f, 2);
	assert_int_not_equal(generation(f), before);
	assert_int_equal(driver_config(&f->d, USABLE_SIZE, 8), 0);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
}

/* The plugged size changes before the answer can be told. */
static void test_an_answer_that_waits_is_a_new_generation(void **state)
{
	struct fixture *f = *state;
	uint8_t before = generation(f);

	begin_and_lose_bus_mastering(f);
	assert_int_equal(driver_config(&f->d, PLUGGED_SIZE, 8), BLOCK);
	assert_int_not_equal(generation(f), before);
}

static void test_system_reset_is_a_new_generation(void **state)
{
	struct fixture *f = *state;
	uint8_t before;

	begin_unplug(f);
	atomic_store(&gate, false);
	before = generation(f);
	assert_int_equal(virtio_mem_reset(f->vm, NULL), 0);
	driver_find(&f->d, &f->rig, 1);
	assert_int_not_equal(generation(f), before);
}

static void test_driver_resets_during_unplug(void **state)
{
	struct fixture *f = *state;
	uint16_t what;

	begin_unplug(f);
	start_over(f);
	atomic_store(&gate, false);
	offer(f, 4, STATE, 0, MANY);
	await_used(f, 1);
	/* It was carried out, though nobody was told. */
	assert_int_equal(driver_answer(&f->d, 2, NULL), NOTHING);
	assert_int_equal(driver_answer(&f->d, 4, &what), ACK);
	assert_int_equal(what, UNPLUGGED);
	assert_int_equal(plugged(f), 0);
}

static void test_system_reset_during_unplug(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;

	begin_unplug(f);
	pthread_create(&thread, NULL, open_gate_soon, NULL);
	assert_int_equal(virtio_mem_reset(f->vm, NULL), 0);
	pthread_join(thread, NULL);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 1);
	assert_int_equal(plugged(f), 0);
}

/* Resets by a vCPU at all kinds of moments. */
static void *reset_often(void *opaque)
{
	struct fixture *f = opaque;

	for (int i = 0; i < 100; i++) {
		driver_set_status(&f->d, 0);
		usleep(200);
	}
	return NULL;
}

/* ---- the machine stands still --------------------------------------------- */

static void hold_amid_unplug(struct fixture *f)
{
	pthread_t opener;

	begin_unplug(f);
	assert_int_equal(pthread_create(&opener, NULL, open_gate_soon, NULL),
			 0);
	virtio_mem_hold(f->vm, true);
	/* What was begun has ended, or this would have gone on before. */
	assert_false(atomic_load(&gate));
	pthread_join(opener, NULL);
}

/* Turns of the loop, and time for workers if there were any to run. */
static void assert_quiet(struct fixture *f)
{
	unsigned int before = atomic_load(&entered);

	for (int i = 0; i < 100; i++) {
		rig_settle(&f->rig);
		usleep(100);
	}
	assert_int_equal(atomic_load(&entered), before);
	assert_int_equal(driver_used(&f->d), 1);
	assert_int_equal(plugged(f), MANY * BLOCK);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR), 0);
}

/* An UNPLUG in flight is parked, as far as it is, and goes on later. */
static void test_held_amid_unplug(void **state)
{
	struct fixture *f = *state;

	hold_amid_unplug(f);
	driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR);
	/* One that comes now waits as well. */
	offer(f, 4, STATE, 0, MANY);
	assert_quiet(f);
	virtio_mem_hold(f->vm, false);
	await_used(f, 3);
	assert_int_equal(driver_answer(&f->d, 2, NULL), ACK);
	assert_int_equal(plugged(f), 0);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR) > 0, 1);
}

/* Whoever resets the machine, or takes it apart, does not wait for ever. */
static void test_reset_while_held(void **state)
{
	struct fixture *f = *state;

	hold_amid_unplug(f);
	assert_int_equal(virtio_mem_reset(f->vm, NULL), 0);
	assert_int_equal(plugged(f), 0);
	virtio_mem_hold(f->vm, false);
	rig_settle(&f->rig);
}

static void test_destroyed_while_held(void **state)
{
	hold_amid_unplug(*state);
}

/* What the guest is to be told is told when it runs. */
static void test_held_interrupts(void **state)
{
	struct fixture *f = *state;

	virtio_mem_hold(f->vm, true);
	assert_int_equal(virtio_mem_set_requested(f->vm, 600 * MIB, NULL), 0);
	rig_settle(&f->rig);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
	virtio_mem_hold(f->vm, false);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 1);
	virtio_mem_hold(f->vm, true);
	virtio_mem_hold(f->vm, false);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
}

/* The timer that wakes a refused guest. */
static void test_held_retry(void **state)
{
	struct fixture *f = *state;

	atomic_store(&fail, -ENOMEM);
	offer(f, 0, PLUG, 0, 1);
	await_used(f, 1);
	virtio_mem_hold(f->vm, true);
	loop_clock_set(f->rig.loop, UINT64_C(2000000000));
	rig_settle(&f->rig);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
	virtio_mem_hold(f->vm, false);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 1);
}

/* An answer that waited for bus mastering waits for the machine as well. */
static void test_held_answer(void **state)
{
	struct fixture *f = *state;

	begin_and_lose_bus_mastering(f);
	virtio_mem_hold(f->vm, true);
	bus_master(f, true);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 0);
	virtio_mem_hold(f->vm, false);
	await_used(f, 1);
	assert_int_equal(driver_answer(&f->d, 0, NULL), ACK);
}

static void test_driver_resets_at_any_time(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++) {
		pthread_t thread;

		memset(f->rig.ram + DRIVER_USED, 0, 4096);
		memset(f->rig.ram + DRIVER_AVAIL, 0, 4096);
		f->d.available = 0;
		driver_start(&f->d);
		offer(f, 0, i & 1 ? UNPLUG_ALL : PLUG, 0, 16);
		pthread_create(&thread, NULL, reset_often, f);
		rig_settle(&f->rig);
		pthread_join(thread, NULL);
		rig_settle(&f->rig);
		assert_true(!plugged(f) || plugged(f) == 16 * BLOCK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_loop_goes_on),
		TEST(test_refused_and_woken),
		TEST(test_driver_resets),
		TEST(test_driver_resets_late),
		TEST(test_driver_fails),
		TEST(test_system_reset),
		TEST(test_destroyed),
		TEST(test_long_unplug),
		TEST(test_late_unplug_is_a_new_generation),
		TEST(test_late_unplug_all_is_told),
		TEST(test_unplug_all_is_not_told),
		TEST(test_an_answer_that_waits_is_a_new_generation),
		TEST(test_system_reset_is_a_new_generation),
		TEST(test_driver_resets_during_unplug),
		TEST(test_system_reset_during_unplug),
		TEST(test_held_amid_unplug),
		TEST(test_reset_while_held),
		TEST(test_destroyed_while_held),
		TEST(test_held_interrupts),
		cmocka_unit_test_setup_teardown(test_held_retry,
						setup_virtual_clock, teardown),
		TEST(test_held_answer),
		TEST(test_driver_resets_at_any_time),
		TEST(test_answer_waits_for_bus_mastering),
		TEST(test_answer_that_waits_is_forgotten_by_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
