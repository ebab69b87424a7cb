/* SPDX-License-Identifier: BSD-3-Clause */
/* The one door to guest memory: whatever the numbers, it opens only on what
 * is there. */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "space/guest_memory.h"

#define SIZE 0x1000

static uint8_t low[SIZE], next[SIZE], top[SIZE];
static uint64_t absent_from, absent_to; /* within the region at 0x8000 */

static bool present(void *opaque, uint64_t offset, uint64_t size)
{
	assert_ptr_equal(opaque, &absent_from);
	assert_true(size && offset < SIZE && size <= SIZE - offset);
	return offset + size <= absent_from || offset >= absent_to;
}

static void add(struct guest_memory *gm, uint64_t gpa, uint8_t *host)
{
	const struct guest_memory_region region = { .gpa = gpa,
						    .size = SIZE,
						    .host = host };

	assert_int_equal(guest_memory_add(gm, &region), 0);
}

/* Where it is, or NULL. */
static uint8_t *at(const struct guest_memory *gm, uint64_t gpa, uint64_t size)
{
	struct guest_view view;
	int ret = guest_memory_get(gm, gpa, size, false, &view);

	assert_int_equal(guest_memory_is_there(gm, gpa, size), !ret);
	if (ret) {
		assert_int_equal(ret, -EFAULT);
		return NULL;
	}
	guest_memory_put(gm, &view);
	return view.host;
}

static void the_whole_region_and_no_more(void **state)
{
	struct guest_memory gm = { .nr = 0 };

	(void)state;
	add(&gm, 0x4000, low);
	assert_ptr_equal(at(&gm, 0x4000, SIZE), low);
	assert_ptr_equal(at(&gm, 0x4fff, 1), low + SIZE - 1);
	assert_null(at(&gm, 0x4000, SIZE + 1));
	assert_null(at(&gm, 0x3fff, 1));
	assert_null(at(&gm, 0x3fff, 2));
	assert_null(at(&gm, 0x4fff, 2));
	assert_null(at(&gm, 0x5000, 1));
}

static void sums_that_wrap_reach_nothing(void **state)
{
	struct guest_memory gm = { .nr = 0 };

	(void)state;
	add(&gm, 0, low);
	assert_null(at(&gm, 0, UINT64_MAX));
	assert_null(at(&gm, 1, UINT64_MAX));
	assert_null(at(&gm, 0x800, -(uint64_t)0x700));
	assert_null(at(&gm, UINT64_MAX, 2));
	assert_null(at(&gm, -(uint64_t)0x10, 0x20));
}

static void a_region_may_end_at_the_top(void **state)
{
	struct guest_memory_region region = { .gpa = -(uint64_t)SIZE,
					      .size = SIZE,
					      .host = top };
	struct guest_memory gm = { .nr = 0 };

	(void)state;
	assert_int_equal(guest_memory_add(&gm, &region), 0);
	assert_ptr_equal(at(&gm, UINT64_MAX, 1), top + SIZE - 1);
	assert_null(at(&gm, UINT64_MAX, 2));
	region.gpa++;
	assert_int_equal(guest_memory_add(&gm, &region), -EINVAL);
	region.gpa = 0;
	region.size = 0;
	assert_int_equal(guest_memory_add(&gm, &region), -EINVAL);
	assert_int_equal(gm.nr, 1);
}

static void no_range_crosses_from_region_to_region(void **state)
{
	struct guest_memory gm = { .nr = 0 };

	(void)state;
	add(&gm, 0x4000, low);
	add(&gm, 0x5000, next);
	assert_ptr_equal(at(&gm, 0x5000, SIZE), next);
	assert_null(at(&gm, 0x4fff, 2));
	assert_null(at(&gm, 0x4000, 2 * SIZE));
}

static void what_is_absent_is_not_given(void **state)
{
	const struct guest_memory_region region = {
		.gpa = 0x8000,
		.size = SIZE,
		.host = low,
		.present = present,
		.opaque = &absent_from,
	};
	struct guest_memory gm = { .nr = 0 };
	uint8_t byte = 0x5a;

	(void)state;
	absent_from = 0x100;
	absent_to = 0x200;
	assert_int_equal(guest_memory_add(&gm, &region), 0);
	assert_ptr_equal(at(&gm, 0x8000, 0x100), low);
	assert_null(at(&gm, 0x8000, 0x101));
	assert_null(at(&gm, 0x8100, 1));
	assert_null(at(&gm, 0x81ff, 2));
	assert_ptr_equal(at(&gm, 0x8200, 1), low + 0x200);
	assert_int_equal(guest_memory_read(&gm, 0x8100, &byte, 1), -EFAULT);
	assert_int_equal(guest_memory_write(&gm, 0x8100, &byte, 1), -EFAULT);
	assert_int_equal(byte, 0x5a);
}

static void an_empty_range_is_never_there(void **state)
{
	struct guest_memory gm = { .nr = 0 };
	uint8_t byte;

	(void)state;
	add(&gm, 0x4000, low);
	assert_null(at(&gm, 0x4000, 0));
	assert_null(at(&gm, 0x9000, 0));
	assert_int_equal(guest_memory_read(&gm, 0x4000, &byte, 0), -EFAULT);
}

static void copies_go_both_ways(void **state)
{
	struct guest_memory gm = { .nr = 0 };
	char text[6] = "";

	(void)state;
	add(&gm, 0x4000, low);
	assert_int_equal(guest_memory_write(&gm, 0x4ffa, "hello", 6), 0);
	assert_memory_equal(low + SIZE - 6, "hello", 6);
	assert_int_equal(guest_memory_read(&gm, 0x4ffa, text, 6), 0);
	assert_string_equal(text, "hello");
	memset(low, 0, SIZE);
	assert_int_equal(guest_memory_write(&gm, 0x4ffb, "hello", 6), -EFAULT);
	for (int i = 0; i < SIZE; i++)
		assert_int_equal(low[i], 0);
}

static void regions_are_limited(void **state)
{
	const struct guest_memory_region one_more = { .gpa = 0x100000,
						      .size = SIZE,
						      .host = low };
	struct guest_memory gm = { .nr = 0 };

	(void)state;
	for (uint64_t i = 0; i < GUEST_MEMORY_REGIONS_MAX; i++)
		add(&gm, i * SIZE, low);
	assert_int_equal(guest_memory_add(&gm, &one_more), -ENOSPC);
	assert_null(at(&gm, 0x100000, 1));
}

static void shared_fields_are_little_endian_and_aligned(void **state)
{
	struct guest_memory gm = { .nr = 0 };
	uint16_t value = 0x5a5a;

	(void)state;
	add(&gm, 0x4000, low);
	assert_int_equal(guest_memory_store16(&gm, 0x4ffe, 0x1234), 0);
	assert_int_equal(low[SIZE - 2], 0x34);
	assert_int_equal(low[SIZE - 1], 0x12);
	/* One access can be in one piece only where it is aligned. */
	assert_int_equal(guest_memory_load16(&gm, 0x4ffd, &value), -EFAULT);
	assert_int_equal(guest_memory_store16(&gm, 0x4ffd, 0), -EFAULT);
	assert_int_equal(guest_memory_load16(&gm, 0x5000, &value), -EFAULT);
	assert_int_equal(guest_memory_store16(&gm, 0x5000, 0), -EFAULT);
	assert_int_equal(value, 0x5a5a);
	assert_int_equal(guest_memory_load16(&gm, 0x4ffe, &value), 0);
	assert_int_equal(value, 0x1234);
}

/* ---- what is written ----------------------------------------------------- */

static struct {
	uint64_t gpa, size;
} told[8];
static unsigned int nr_told;

static void tell(void *opaque, uint64_t gpa, uint64_t size)
{
	assert_ptr_equal(opaque, &nr_told);
	assert_true(nr_told < 8);
	told[nr_told].gpa = gpa;
	told[nr_told++].size = size;
}

static void assert_told(unsigned int nth, uint64_t gpa, uint64_t size)
{
	assert_int_equal(nr_told, nth + 1);
	assert_int_equal(told[nth].gpa, gpa);
	assert_int_equal(told[nth].size, size);
}

static void what_is_written_is_told(void **state)
{
	struct guest_memory gm = { .dirty = tell, .dirty_opaque = &nr_told };
	struct guest_view view;
	uint16_t value;
	char byte;

	(void)state;
	nr_told = 0;
	add(&gm, 0x4000, low);
	assert_int_equal(guest_memory_read(&gm, 0x4000, &byte, 1), 0);
	assert_int_equal(guest_memory_load16(&gm, 0x4000, &value), 0);
	assert_int_equal(guest_memory_get(&gm, 0x4000, 8, false, &view), 0);
	guest_memory_put(&gm, &view);
	assert_int_equal(guest_memory_write(&gm, 0x4fff, "ab", 2), -EFAULT);
	assert_int_equal(nr_told, 0);
	assert_int_equal(guest_memory_write(&gm, 0x4003, "hello", 5), 0);
	assert_told(0, 0x4003, 5);
	assert_int_equal(guest_memory_store16(&gm, 0x4010, 7), 0);
	assert_told(1, 0x4010, 2);
	/* Before it is put back it may not have been written. */
	assert_int_equal(guest_memory_get(&gm, 0x4100, 0x200, true, &view), 0);
	assert_int_equal(nr_told, 2);
	guest_memory_put(&gm, &view);
	assert_told(2, 0x4100, 0x200);
}

/* ---- memory that is mapped on demand ------------------------------------- */

/* A window of two pages of sixteen bytes onto low. */
enum { SMALL = 16, ROOM = 2 };

static unsigned int mapped, maps;

static int window_map(void *opaque, uint64_t offset, uint64_t *size, bool write,
		      uint8_t **host)
{
	uint64_t pages = (offset % SMALL + *size + SMALL - 1) / SMALL;

	(void)opaque, (void)write;
	if (mapped == ROOM)
		return -EAGAIN;
	if (pages > 1)
		*size = SMALL - offset % SMALL;
	*host = low + offset;
	mapped++;
	maps++;
	return 0;
}

static void window_unmap(void *opaque, uint64_t offset, uint64_t size,
			 bool write, uint8_t *host)
{
	(void)opaque, (void)write;
	assert_ptr_equal(host, low + offset);
	assert_true(size <= SMALL - offset % SMALL);
	assert_true(mapped-- > 0);
}

static void add_window(struct guest_memory *gm)
{
	const struct guest_memory_region region = { .gpa = 0x4000,
						    .size = SIZE,
						    .map = window_map,
						    .unmap = window_unmap };

	mapped = 0;
	maps = 0;
	assert_int_equal(guest_memory_add(gm, &region), 0);
}

static void copies_go_through_a_window_piece_by_piece(void **state)
{
	struct guest_memory gm = { .dirty = tell, .dirty_opaque = &nr_told };
	char text[40], back[40] = "";

	(void)state;
	nr_told = 0;
	add_window(&gm);
	memset(text, 'x', sizeof(text));
	assert_int_equal(guest_memory_write(&gm, 0x4005, text, 40), 0);
	assert_memory_equal(low + 5, text, 40);
	assert_int_equal(maps, 3);
	assert_told(2, 0x4020, 13);
	assert_int_equal(guest_memory_read(&gm, 0x4005, back, 40), 0);
	assert_memory_equal(back, text, 40);
	assert_int_equal(mapped, 0);
	assert_int_equal(nr_told, 3);
}

static void a_window_that_is_full_is_said(void **state)
{
	struct guest_memory gm = { .nr = 0 };
	struct guest_view one, two, three;

	(void)state;
	add_window(&gm);
	/* More than it ever has at one address. */
	assert_int_equal(guest_memory_get(&gm, 0x4008, 16, true, &one),
			 -ENOMEM);
	assert_int_equal(mapped, 0);
	assert_int_equal(guest_memory_get(&gm, 0x4000, 16, true, &one), 0);
	assert_int_equal(guest_memory_get(&gm, 0x4010, 16, false, &two), 0);
	assert_int_equal(guest_memory_get(&gm, 0x4020, 1, false, &three),
			 -EAGAIN);
	guest_memory_put(&gm, &one);
	assert_int_equal(guest_memory_get(&gm, 0x4020, 1, false, &three), 0);
	guest_memory_put(&gm, &three);
	guest_memory_put(&gm, &two);
	assert_int_equal(mapped, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_region_and_no_more),
		cmocka_unit_test(sums_that_wrap_reach_nothing),
		cmocka_unit_test(a_region_may_end_at_the_top),
		cmocka_unit_test(no_range_crosses_from_region_to_region),
		cmocka_unit_test(what_is_absent_is_not_given),
		cmocka_unit_test(an_empty_range_is_never_there),
		cmocka_unit_test(copies_go_both_ways),
		cmocka_unit_test(shared_fields_are_little_endian_and_aligned),
		cmocka_unit_test(regions_are_limited),
		cmocka_unit_test(what_is_written_is_told),
		cmocka_unit_test(copies_go_through_a_window_piece_by_piece),
		cmocka_unit_test(a_window_that_is_full_is_said),
	};

	return cmocka_run_group_tests_name("guest_memory", tests, NULL, NULL);
}
