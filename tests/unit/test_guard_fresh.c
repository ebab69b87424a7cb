/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the guard of anonymous memory costs where nobody touches it, and that it
 * is one there, too: before the first plug, between blocks, after the last
 * unplug. Threads stand in for vCPUs.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "fixture.h"

#define BLOCK (2 * MIB)
#define TIB   (1024 * GIB)
#define ADDR  (4 * GIB)

struct rig {
	struct fixture f;
	unsigned char *view;
	pthread_mutex_t lock;
	pthread_t handler;
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

static void *handle(void *opaque)
{
	struct rig *r = opaque;
	struct pollfd p = { .fd = pm_device_guard_fd(r->f.dev),
			    .events = POLLIN };

	while (!r->stop) {
		poll(&p, 1, 20);
		pm_device_guard_handle(r->f.dev);
	}
	return NULL;
}

static void rig_init(struct rig *r, uint64_t region)
{
	static const struct pm_device_ops ops = {
		.guard_lock = on_lock,
		.guard_unlock = on_unlock,
	};
	const struct pm_ram_config memory = {
		.max_size = region,
		.no_reserve = true,
	};
	const struct pm_device_config config = {
		.addr = ADDR,
		.block_size = BLOCK,
		.requested_size = region,
		.guard = PM_GUARD_REQUIRED,
	};

	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->lock, NULL);
	assert_int_equal(pm_ram_create(&memory, &r->f.ram, &r->f.err), 0);
	if (pm_device_create(&config, r->f.ram, &ops, r, &r->f.dev, &r->f.err) <
	    0) {
		print_message("%s\n", r->f.err.text);
		pm_ram_destroy(r->f.ram);
		skip();
	}
	r->view = pm_device_memory(r->f.dev);
	assert_int_equal(pthread_create(&r->handler, NULL, handle, r), 0);
}

static void rig_finish(struct rig *r)
{
	r->stop = true;
	pthread_join(r->handler, NULL);
	pm_device_destroy(r->f.dev);
	pm_ram_destroy(r->f.ram);
	pthread_mutex_destroy(&r->lock);
}

static void plug(struct rig *r, uint64_t block, uint16_t count)
{
	assert_int_equal(ask(&r->f, PLUG, ADDR + block * BLOCK, count), ACK);
}

static void unplug(struct rig *r, uint64_t block, uint16_t count)
{
	assert_int_equal(ask(&r->f, UNPLUG, ADDR + block * BLOCK, count), ACK);
}

static uint64_t kib_of_self(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	uint64_t value = 0;
	char line[128], what[32];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%31[^:]: %" SCNu64, what, &value) == 2 &&
		    !strcmp(what, name))
			break;
	fclose(f);
	return value * 1024;
}

static uint64_t page_tables(void)
{
	return kib_of_self("VmPTE");
}

static unsigned int mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned int n = 0;
	int c;

	assert_non_null(f);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

/* ---- what it costs ------------------------------------------------------- */

static void growth_in_order_takes_no_page_tables(void **state)
{
	uint64_t before;
	struct rig r;

	(void)state;
	rig_init(&r, 64 * GIB);
	before = page_tables();
	for (uint64_t i = 0; i < 64 * GIB / BLOCK; i += 64)
		plug(&r, i, 64);
	assert_true(page_tables() <= before + MIB);
	for (uint64_t i = 64 * GIB / BLOCK; i; i -= 64)
		unplug(&r, i - 64, 64);
	assert_true(page_tables() <= before + MIB);
	rig_finish(&r);
}

/* However large the region. */
static void a_block_takes_no_more_than_its_own(void **state)
{
	uint64_t before;
	struct rig r;

	(void)state;
	fixture_need_plain_space();
	rig_init(&r, 16 * TIB);
	before = page_tables();
	plug(&r, 5 * TIB / BLOCK, 1);
	plug(&r, 0, 1);
	unplug(&r, 5 * TIB / BLOCK, 1);
	assert_true(page_tables() <= before + 64 * 1024);
	rig_finish(&r);
}

/* Single blocks everywhere, in an order that makes the most of them. */
static void scattered_blocks_take_few_mappings(void **state)
{
	const uint64_t blocks = 64 * GIB / BLOCK;
	unsigned int before;
	struct rig r;

	(void)state;
	rig_init(&r, 64 * GIB);
	before = mappings();
	for (uint64_t step = blocks / 4; step >= 4; step /= 2)
		for (uint64_t i = step / 2; i < blocks; i += step)
			plug(&r, i, 1);
	assert_true(mappings() - before <= 1028);
	assert_int_equal(ask(&r.f, UNPLUG_ALL, 0, 0), ACK);
	assert_true(mappings() - before <= 4);
	rig_finish(&r);
}

/* What came and went leaves no mapping of its own. */
static void blocks_that_went_take_no_mappings(void **state)
{
	unsigned int before;
	struct rig r;

	(void)state;
	rig_init(&r, 8 * GIB);
	before = mappings();
	for (uint64_t i = 0; i + 3 < 8 * GIB / BLOCK; i += 3) {
		plug(&r, i, 2);
		r.view[i * BLOCK + BLOCK] = 1;
		unplug(&r, i, 2);
	}
	assert_true(mappings() <= before + 4);
	rig_finish(&r);
}

static void nothing_plugged_nothing_kept(void **state)
{
	uint64_t before, read;
	struct rig r;

	(void)state;
	rig_init(&r, GIB);
	before = page_tables();
	plug(&r, 100, 1);
	/* Zeros come where the guest reads. */
	for (uint64_t i = 0; i < GIB; i += BLOCK)
		assert_int_equal(r.view[i], 0);
	read = page_tables();
	assert_true(read > before + MIB);
	unplug(&r, 100, 1);
	assert_true(page_tables() < read - MIB);
	rig_finish(&r);
}

/* ---- that it is a guard -------------------------------------------------- */

static uint64_t written(const struct rig *r)
{
	return fixture_info(&r->f).violations_write;
}

/* A write to a block that is not plugged is told, and gone in the end. */
static void assert_guarded(struct rig *r, uint64_t block)
{
	unsigned char *at = r->view + block * BLOCK + 8192;
	uint64_t before = written(r);

	*(volatile unsigned char *)at = 1;
	assert_true(written(r) > before);
	assert_int_equal(pm_device_guard_recall(r->f.dev), 0);
	assert_int_equal(*(volatile unsigned char *)at, 0);
	assert_false(pm_device_range_plugged(r->f.dev, block * BLOCK, 1));
}

static void guarded_before_between_and_after(void **state)
{
	const uint64_t last = GIB / BLOCK - 1;
	struct rig r;

	(void)state;
	rig_init(&r, GIB);
	assert_guarded(&r, 0);
	assert_guarded(&r, last);
	plug(&r, 10, 3);
	memset(r.view + 10 * BLOCK, 0x77, 3 * BLOCK);
	assert_guarded(&r, 9);
	assert_guarded(&r, 13);
	assert_guarded(&r, last);
	unplug(&r, 11, 1);
	assert_guarded(&r, 11);
	assert_int_equal(r.view[11 * BLOCK - 1], 0x77);
	assert_int_equal(r.view[12 * BLOCK], 0x77);
	plug(&r, 11, 1);
	r.view[11 * BLOCK] = 0x77;
	assert_int_equal(ask(&r.f, UNPLUG_ALL, 0, 0), ACK);
	for (uint64_t i = 0; i <= last; i += 7)
		assert_guarded(&r, i);
	rig_finish(&r);
}

/* The neighbours that blocks take with them when there are many. */
static void guarded_where_blocks_are_scattered(void **state)
{
	const uint64_t blocks = 16 * GIB / BLOCK;
	struct rig r;

	(void)state;
	rig_init(&r, 16 * GIB);
	for (uint64_t i = 0; i < blocks; i += 4)
		plug(&r, i, 1);
	for (uint64_t i = 2; i < blocks; i += 116) {
		assert_guarded(&r, i);
		assert_guarded(&r, i + 1);
	}
	for (uint64_t i = 0; i < blocks; i += 8)
		unplug(&r, i, 1);
	for (uint64_t i = 0; i < blocks; i += 120)
		assert_guarded(&r, i);
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growth_in_order_takes_no_page_tables),
		cmocka_unit_test(a_block_takes_no_more_than_its_own),
		cmocka_unit_test(scattered_blocks_take_few_mappings),
		cmocka_unit_test(blocks_that_went_take_no_mappings),
		cmocka_unit_test(nothing_plugged_nothing_kept),
		cmocka_unit_test(guarded_before_between_and_after),
		cmocka_unit_test(guarded_where_blocks_are_scattered),
	};

	return cmocka_run_group_tests_name("guard_fresh", tests, NULL, NULL);
}
