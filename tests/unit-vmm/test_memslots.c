/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory slots follow what is plugged, span by span. */
#include "../unit/cmocka_all.h"

#include <errno.h>

#include "fake_accel.h"
#include "memory/memslots.h"

#define MIB  (UINT64_C(1) << 20)
#define GIB  (UINT64_C(1) << 30)
#define BASE (4 * GIB)

struct fixture {
	struct accel accel;
	struct memslots *slots;
	struct pm_listener *l;
};

/* The memory itself is never looked at. */
static uint8_t host;

static void fixture_init(struct fixture *f, uint64_t region, uint64_t span)
{
	fake_accel_init(&f->accel);
	assert_int_equal(memslots_create(&f->accel, BASE, region, span, &host,
					 &f->slots),
			 0);
	f->l = memslots_listener(f->slots);
}

static void fixture_finish(struct fixture *f)
{
	memslots_destroy(f->slots);
	fake_accel_finish(&f->accel);
}

static void expect_slot(struct fixture *f, unsigned int index, uint64_t offset,
			uint64_t size)
{
	assert_true(index < f->accel.nr_memory);
	assert_int_equal(f->accel.memory[index].gpa, BASE + offset);
	assert_int_equal(f->accel.memory[index].size, size);
	assert_int_equal((uintptr_t)f->accel.memory[index].host,
			 (uintptr_t)&host + offset);
}

static void a_span_is_shown_once(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 4 * GIB, GIB);
	assert_int_equal(f.accel.nr_memory, 0);
	assert_int_equal(f.l->populate(f.l, GIB, 2 * MIB), 0);
	assert_int_equal(f.l->populate(f.l, 2 * GIB - 2 * MIB, 2 * MIB), 0);
	assert_int_equal(f.accel.nr_memory, 1);
	expect_slot(&f, 0, GIB, GIB);
	fixture_finish(&f);
}

static void a_range_over_several_spans_shows_them_all(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 4 * GIB, GIB);
	assert_int_equal(f.l->populate(f.l, GIB - 2 * MIB, GIB + 4 * MIB), 0);
	assert_int_equal(f.accel.nr_memory, 3);
	for (unsigned int i = 0; i < 3; i++)
		expect_slot(&f, i, i * GIB, GIB);
	fixture_finish(&f);
}

static void the_last_span_ends_with_the_region(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, GIB + 6 * MIB, GIB);
	assert_int_equal(f.l->populate(f.l, GIB, 2 * MIB), 0);
	expect_slot(&f, 0, GIB, 6 * MIB);
	fixture_finish(&f);
}

static void a_large_region_has_larger_spans(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 256 * GIB, GIB);
	assert_int_equal(f.l->populate(f.l, 255 * GIB, 2 * MIB), 0);
	expect_slot(&f, 0, 255 * GIB, GIB);
	assert_int_equal(memslots_create(&f.accel, BASE, 256 * GIB + 2 * MIB,
					 GIB, &host, &f.slots),
			 -EINVAL);
	fixture_finish(&f);
	fixture_init(&f, 256 * GIB + 2 * MIB, 2 * GIB);
	assert_int_equal(f.l->populate(f.l, 256 * GIB, 2 * MIB), 0);
	expect_slot(&f, 0, 256 * GIB, 2 * MIB);
	assert_int_equal(f.l->populate(f.l, GIB, 2 * MIB), 0);
	expect_slot(&f, 1, 0, 2 * GIB);
	fixture_finish(&f);
	fixture_init(&f, 16384 * GIB, 64 * GIB);
	assert_int_equal(f.l->populate(f.l, 16383 * GIB, GIB), 0);
	expect_slot(&f, 0, 16320 * GIB, 64 * GIB);
	fixture_finish(&f);
}

static void trimming_drops_what_has_nothing_plugged(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 4 * GIB, GIB);
	/* Plugged as one, unplugged in parts, and the other way round. */
	assert_int_equal(f.l->populate(f.l, GIB - 2 * MIB, 4 * MIB), 0);
	assert_int_equal(f.l->populate(f.l, 2 * GIB, 2 * MIB), 0);
	assert_int_equal(f.l->populate(f.l, 2 * GIB + 2 * MIB, 2 * MIB), 0);
	memslots_trim(f.slots);
	assert_int_equal(f.accel.removals, 0);
	f.l->discard(f.l, GIB - 2 * MIB, 2 * MIB);
	f.l->discard(f.l, 2 * GIB, 4 * MIB);
	memslots_trim(f.slots);
	assert_int_equal(f.accel.removals, 2);
	assert_int_equal(f.accel.nr_memory, 1);
	expect_slot(&f, 0, GIB, GIB);
	f.l->discard(f.l, GIB, 2 * MIB);
	memslots_trim(f.slots);
	memslots_trim(f.slots);
	assert_int_equal(f.accel.nr_memory, 0);
	assert_int_equal(f.l->populate(f.l, GIB, 2 * MIB), 0);
	expect_slot(&f, 0, GIB, GIB);
	fixture_finish(&f);
}

static void a_failure_counts_nothing(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 4 * GIB, GIB);
	f.accel.fail_add_memory = -ENOMEM;
	assert_int_equal(f.l->populate(f.l, 0, 2 * MIB), -ENOMEM);
	assert_int_equal(f.accel.nr_memory, 0);
	assert_int_equal(f.l->populate(f.l, 0, 2 * MIB), 0);
	f.accel.fail_add_memory = -ENOMEM;
	assert_int_equal(f.l->populate(f.l, GIB - 2 * MIB, 4 * MIB), -ENOMEM);
	f.l->discard(f.l, 0, 2 * MIB);
	memslots_trim(f.slots);
	assert_int_equal(f.accel.nr_memory, 0);
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_span_is_shown_once),
		cmocka_unit_test(a_range_over_several_spans_shows_them_all),
		cmocka_unit_test(the_last_span_ends_with_the_region),
		cmocka_unit_test(a_large_region_has_larger_spans),
		cmocka_unit_test(trimming_drops_what_has_nothing_plugged),
		cmocka_unit_test(a_failure_counts_nothing),
	};

	return cmocka_run_group_tests_name("memslots", tests, NULL, NULL);
}
