/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guard where sizes change: what is lent when memory goes, what was closed
 * when it is plugged, and what lies past the usable region.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "device.h"
#include "fault.h"
#include "fixture.h"
#include "guard_base.h"
#include "ram_kinds.h"

struct rig {
	struct fixture f;
	unsigned char *view;
	pthread_t thread;
	pthread_mutex_t lock;
	atomic_bool stop;
};

static void on_lock(void *opaque)
{
	pthread_mutex_lock(&((struct rig *)opaque)->lock);
}

static void on_unlock(void *opaque)
{
	pthread_mutex_unlock(&((struct rig *)opaque)->lock);
}

static void rig_init(struct rig *r, const struct ram_kind *kind,
		     uint64_t requested, uint64_t region)
{
	static const struct pm_device_ops ops = {
		.guard_lock = on_lock,
		.guard_unlock = on_unlock,
	};
	const struct pm_device_config config = {
		.addr = FIXTURE_ADDR,
		.block_size = FIXTURE_BLOCK,
		.requested_size = requested,
		.features = PM_F_UNPLUGGED_INACCESSIBLE,
		.guard = PM_GUARD_REQUIRED,
	};

	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->lock, NULL);
	r->f.ram = kind_create(kind, region);
	if (pm_device_create(&config, r->f.ram, &ops, r, &r->f.dev, &r->f.err) <
	    0) {
		print_message("%s\n", r->f.err.text);
		pm_ram_destroy(r->f.ram);
		skip();
	}
	r->view = pm_device_memory(r->f.dev);
}

static void rig_finish(struct rig *r)
{
	pm_device_destroy(r->f.dev);
	pm_ram_destroy(r->f.ram);
	pthread_mutex_destroy(&r->lock);
}

static void *touch(void *opaque)
{
	__atomic_store_n((unsigned char *)opaque, 0x77, __ATOMIC_RELAXED);
	return NULL;
}

/*
 * A guest's write to unplugged memory. What is lent for it stays so: nothing
 * is handled any more once the write is done.
 */
static void guest_write(struct rig *r, uint64_t offset)
{
	struct pollfd p = { .fd = pm_device_guard_fd(r->f.dev),
			    .events = POLLIN };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, touch, r->view + offset),
			 0);
	while (pthread_tryjoin_np(thread, NULL) != 0) {
		if (poll(&p, 1, 1) > 0)
			pm_device_guard_handle(r->f.dev);
	}
}

static uint64_t violations(struct rig *r)
{
	return fixture_info(&r->f).violations_write;
}

/* Nothing is lent, nor due. */
static void check_nothing_lent(struct rig *r)
{
	assert_int_equal(pm_device_guard_recall(r->f.dev), 0);
	assert_int_equal(pm_device_guard_handle(r->f.dev), -1);
	if (pm_ram_fd(r->f.ram) >= 0)
		assert_int_equal(ram_backing(r->f.ram, MAX), 0);
}

static void check_usable_again(struct rig *r, uint64_t at)
{
	uint64_t before;

	assert_int_equal(pm_device_set_requested(r->f.dev, MAX, NULL), 0);
	/* As the guest is shown it. */
	assert_int_equal(ask(&r->f, PLUG, FIXTURE_ADDR, 1), ACK);
	before = violations(r);
	guest_write(r, at + 4 * FIXTURE_BLOCK);
	assert_true(violations(r) > before);
	assert_int_equal(ask(&r->f, PLUG, block_addr(4), 4), ACK);
	before = violations(r);
	guest_write(r, at + 4 * FIXTURE_BLOCK);
	assert_int_equal(violations(r), before);
	assert_int_equal(((unsigned char *)pm_ram_host(
				 r->f.ram))[at + 4 * FIXTURE_BLOCK],
			 0x77);
	assert_int_equal(ask(&r->f, UNPLUG_ALL, 0, 0), ACK);
}

static void lend_some(struct rig *r)
{
	assert_int_equal(ask(&r->f, PLUG, FIXTURE_ADDR, 1), ACK);
	for (uint64_t i = 1; i < 32; i++)
		guest_write(r, i * FIXTURE_BLOCK);
	/* Where threads are slow to run, it may have ended by now. */
	for (int i = 0; i < 1000 && !r->f.dev->memory.guard.nr_loans; i++)
		guest_write(r, FIXTURE_BLOCK);
	assert_true(r->f.dev->memory.guard.nr_loans > 0);
}

/* The memory goes, and with it what is lent of it. */
static void loans_end_with_the_memory(void **state)
{
	struct rig r;

	rig_init(&r, *state, MAX, MAX);
	lend_some(&r);
	assert_int_equal(pm_device_set_requested(r.f.dev, 0, NULL), 0);
	assert_int_equal(ask(&r.f, UNPLUG_ALL, 0, 0), ACK);
	assert_int_equal(fixture_info(&r.f).usable_size, 0);
	assert_int_equal(r.f.dev->memory.guard.nr_loans, 0);
	check_nothing_lent(&r);
	check_usable_again(&r, 4096);
	rig_finish(&r);
}

static void loans_end_with_a_reset(void **state)
{
	struct rig r;

	rig_init(&r, *state, MAX, MAX);
	lend_some(&r);
	assert_int_equal(pm_device_set_requested(r.f.dev, 0, NULL), 0);
	assert_int_equal(pm_device_system_reset(r.f.dev, NULL), 0);
	assert_int_equal(fixture_info(&r.f).usable_size, 0);
	check_nothing_lent(&r);
	check_usable_again(&r, 4096);
	rig_finish(&r);
}

/* A page that could not be lent is out of reach, until it is plugged. */
static void plugged_memory_is_open(void **state)
{
	uint64_t page, at;
	struct rig r;

	rig_init(&r, *state, MAX, MAX);
	assert_int_equal(ask(&r.f, PLUG, FIXTURE_ADDR, 1), ACK);
	page = pm_ram_page_size(r.f.ram);
	at = 5 * FIXTURE_BLOCK - page;
	guard_close(&r.f.dev->memory.guard, at, page);
	assert_false(can_read(r.view + at));
	assert_int_equal(ask(&r.f, PLUG, block_addr(3), 3), ACK);
	guest_write(&r, at);
	assert_int_equal(violations(&r), 0);
	assert_int_equal(((unsigned char *)pm_ram_host(r.f.ram))[at], 0x77);
	/* And guarded as before once it is not. */
	assert_int_equal(ask(&r.f, UNPLUG, block_addr(3), 3), ACK);
	guest_write(&r, at);
	assert_int_equal(violations(&r), 1);
	assert_int_equal(pm_device_guard_recall(r.f.dev), 0);
	rig_finish(&r);
}

/* Of a memory file all is shown; past the usable region it is as unplugged. */
static void past_the_usable_region_is_told(void **state)
{
	struct rig r;

	rig_init(&r, *state, MAX, GIB);
	assert_true(fixture_info(&r.f).usable_size < GIB);
	assert_int_equal(ask(&r.f, PLUG, FIXTURE_ADDR, 1), ACK);
	guest_write(&r, GIB - FIXTURE_BLOCK);
	assert_int_equal(violations(&r), 1);
	assert_int_equal(pm_device_guard_recall(r.f.dev), 0);
	assert_int_equal(pm_device_guard_handle(r.f.dev), -1);
	assert_int_equal(ask(&r.f, UNPLUG_ALL, 0, 0), ACK);
	assert_int_equal(ram_backing(r.f.ram, GIB), 0);
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(loans_end_with_the_memory),
		KIND_TESTS(loans_end_with_a_reset),
		KIND_TESTS(plugged_memory_is_open),
		KIND_TEST(past_the_usable_region_is_told, memfd),
		KIND_TEST(past_the_usable_region_is_told, hugetlb),
	};

	return cmocka_run_group_tests_name("guard_sizes", tests, NULL, NULL);
}
