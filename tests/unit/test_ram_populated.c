/* SPDX-License-Identifier: BSD-3-Clause */
/* Where something may be in host memory, found without touching it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"
#include "host.h"
#include "ram.h"
#include "ram_kinds.h"
#include "random.h"

#define UNITS (MAX / UNIT)

static void expect_run(struct pm_ram *ram, uint64_t from, uint64_t to,
		       uint64_t offset, uint64_t size)
{
	uint64_t o = 1, s = 1;

	assert_int_equal(pm_ram_populated_run(ram, from, to, &o, &s), 1);
	assert_int_equal(o, offset);
	assert_int_equal(s, size);
}

static void expect_none(struct pm_ram *ram, uint64_t from, uint64_t to)
{
	uint64_t o = 1, s = 2;

	assert_int_equal(pm_ram_populated_run(ram, from, to, &o, &s), 0);
	assert_int_equal(o, 1);
	assert_int_equal(s, 2);
}

static void finds_what_is_there_and_touches_nothing(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, MAX);

	expect_none(ram, 0, MAX);
	expect_none(ram, 0, 0);
	assert_int_equal(ram_backing(ram, MAX), 0);
	assert_int_equal(pm_ram_populate(ram, UNIT, 2 * UNIT, NULL), 0);
	assert_int_equal(pm_ram_populate(ram, 5 * UNIT, UNIT, NULL), 0);
	expect_run(ram, 0, MAX, UNIT, 2 * UNIT);
	expect_run(ram, 2 * UNIT, MAX, 2 * UNIT, UNIT);
	expect_run(ram, 0, 2 * UNIT, UNIT, UNIT);
	expect_run(ram, 3 * UNIT, MAX, 5 * UNIT, UNIT);
	expect_none(ram, 0, UNIT);
	expect_none(ram, 3 * UNIT, 5 * UNIT);
	expect_none(ram, 6 * UNIT, MAX);
	assert_int_equal(ram_backing(ram, MAX), 3 * UNIT);
	assert_int_equal(pm_ram_discard(ram, 2 * UNIT, UNIT), 0);
	expect_run(ram, 0, MAX, UNIT, UNIT);
	pm_ram_destroy(ram);
}

static void agrees_with_what_was_populated(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, MAX);
	bool there[UNITS + 1] = { false };
	uint64_t at = 0, offset = 0, size = 0;
	struct random r;

	random_init(&r);
	for (unsigned int i = 0; i < UNITS; i++) {
		there[i] = random_below(&r, 2);
		if (there[i])
			assert_int_equal(
				pm_ram_populate(ram, i * UNIT, UNIT, NULL), 0);
	}
	while (pm_ram_populated_run(ram, at, MAX, &offset, &size) == 1) {
		for (; at < offset; at += UNIT)
			assert_false(there[at / UNIT]);
		for (; at < offset + size; at += UNIT)
			assert_true(there[at / UNIT]);
		assert_false(there[at / UNIT]);
	}
	for (; at < MAX; at += UNIT)
		assert_false(there[at / UNIT]);
	pm_ram_destroy(ram);
}

/* Small ones, not such as the host may make of them. */
static void single_pages_are_found(void **state)
{
	struct ram_kind kind = *(const struct ram_kind *)*state;
	struct pm_ram *ram;
	uint64_t page;

	kind.config.thp = PM_THP_OFF;
	ram = kind_create_sized(&kind, MAX, MAX);
	page = pm_ram_page_size(ram);
	assert_int_equal(pm_ram_populate(ram, 3 * page, page, NULL), 0);
	assert_int_equal(pm_ram_populate(ram, MAX - page, page, NULL), 0);
	expect_run(ram, 0, MAX, 3 * page, page);
	expect_run(ram, 4 * page, MAX, MAX - page, page);
	pm_ram_destroy(ram);
}

static void populated_ranges_are_checked(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, MAX / 2);
	const struct {
		uint64_t from, to;
	} bad[] = {
		{ UNIT, 0 },
		{ 0, MAX / 2 + UNIT },
		{ MAX, MAX },
		{ 1, UNIT },
		{ 0, UNIT - 1 },
		{ UNIT, UINT64_MAX },
		{ UINT64_MAX, UINT64_MAX },
	};
	uint64_t o, s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pm_ram_populated_run(ram, bad[i].from,
						      bad[i].to, &o, &s),
				 -EINVAL);
	pm_ram_destroy(ram);
}

/* Rather too much than too little. */
static void without_a_pagemap_all_may_be_there(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, MAX);

	if (ram->sys->pagemap >= 0)
		close(ram->sys->pagemap);
	ram->sys->pagemap = -1;
	expect_run(ram, UNIT, MAX, UNIT, MAX - UNIT);
	pm_ram_destroy(ram);
}

static void failed_calls_are_told(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, MAX);
	enum fault_call call = ram->config.backend == PM_RAM_MEMFD
				       ? FAULT_LSEEK
				       : FAULT_MINCORE;
	uint64_t o, s;

	assert_int_equal(pm_ram_populate(ram, 0, UNIT, NULL), 0);
	fault_fail(call, 1, EIO);
	assert_int_equal(pm_ram_populated_run(ram, 0, MAX, &o, &s), -EIO);
	fault_fail(call, 2, EIO);
	assert_int_equal(pm_ram_populated_run(ram, 0, MAX, &o, &s), -EIO);
	fault_reset();
	expect_run(ram, 0, MAX, 0, UNIT);
	pm_ram_destroy(ram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(finds_what_is_there_and_touches_nothing),
		KIND_TESTS(agrees_with_what_was_populated),
		KIND_TESTS(single_pages_are_found),
		KIND_TESTS(populated_ranges_are_checked),
		KIND_TEST(without_a_pagemap_all_may_be_there, anon),
		KIND_TEST(failed_calls_are_told, memfd),
		KIND_TEST(failed_calls_are_told, hugetlb),
	};

	return cmocka_run_group_tests_name("ram_populated", tests, NULL, NULL);
}
