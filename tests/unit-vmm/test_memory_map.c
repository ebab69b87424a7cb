/* SPDX-License-Identifier: BSD-3-Clause */
/* Where memory lies: boot memory around the PCI hole, device memory above. */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "space/memory_map.h"
#include "arch/arch.h"
#include "x86_64/layout.h"

#define M (UINT64_C(1) << 20)
#define G (UINT64_C(1) << 30)

static struct memory_map laid_out(uint64_t boot_size)
{
	struct memory_map map;

	assert_int_equal(memory_map_init(&map, &machine_arch.layout, boot_size,
					 46, NULL),
			 0);
	assert_int_equal(map.low_size + map.high_size, boot_size);
	assert_int_equal(map.device_base % MAP_DEVICE_ALIGN, 0);
	assert_int_equal(map.nr_ranges, 0);
	assert_int_equal(map.limit, UINT64_C(1) << 46);
	return map;
}

static void boot_memory_below_the_hole_is_in_one_piece(void **state)
{
	struct memory_map map;

	(void)state;
	map = laid_out(64 * M);
	assert_int_equal(map.low_size, 64 * M);
	assert_int_equal(map.high_size, 0);
	assert_int_equal(map.device_base, 4 * G);
	map = laid_out(3 * G);
	assert_int_equal(map.low_size, 3 * G);
	assert_int_equal(map.high_size, 0);
}

static void boot_memory_is_split_around_the_hole(void **state)
{
	struct memory_map map;

	(void)state;
	map = laid_out(3 * G - M);
	assert_int_equal(map.high_size, 0);
	map = laid_out(3 * G + 1);
	assert_int_equal(map.low_size, 3 * G);
	assert_int_equal(map.high_size, 1);
	map = laid_out(3 * G + M);
	assert_int_equal(map.low_size, 3 * G);
	assert_int_equal(map.high_size, M);
	map = laid_out(4 * G);
	assert_int_equal(map.low_size, 3 * G);
	assert_int_equal(map.high_size, G);
}

static void device_memory_starts_on_an_aligned_address(void **state)
{
	(void)state;
	assert_int_equal(laid_out(3 * G + M).device_base, 6 * G);
	assert_int_equal(laid_out(5 * G - M).device_base, 6 * G);
	assert_int_equal(laid_out(5 * G).device_base, 6 * G);
	assert_int_equal(laid_out(5 * G + M).device_base, 8 * G);
}

/* The place of a device's region, or 0. */
static uint64_t add_device(struct memory_map *map, const char *id,
			   uint64_t size, uint64_t block_size,
			   struct pm_error *err)
{
	struct memory_range range = { .size = size };

	return memory_map_add_device(map, id, block_size, &range, err)
		       ? 0
		       : range.base;
}

static void each_device_starts_on_an_aligned_address(void **state)
{
	struct memory_map map = laid_out(512 * M);

	(void)state;
	assert_int_equal(add_device(&map, "a", 2 * M, 2 * M, NULL), 4 * G);
	assert_int_equal(add_device(&map, "b", 2 * G, 2 * M, NULL), 6 * G);
	assert_int_equal(add_device(&map, "c", G, 2 * M, NULL), 8 * G);
	/* Blocks larger than a guest's are aligned, too. */
	assert_int_equal(add_device(&map, "d", 8 * G, 8 * G, NULL), 16 * G);
	/* And what lies between is not lost. */
	assert_int_equal(add_device(&map, "e", 6 * G, G, NULL), 10 * G);
	assert_int_equal(add_device(&map, "f", M, M, NULL), 24 * G);
	assert_int_equal(map.device_base, 4 * G);
}

static void boot_memory_may_reach_the_limit_and_not_past_it(void **state)
{
	const uint64_t most = (UINT64_C(1) << 36) - G; /* the hole is 1 GiB */
	struct memory_map map;
	struct pm_error err = { "" };

	(void)state;
	assert_int_equal(
		memory_map_init(&map, &machine_arch.layout, most, 36, &err), 0);
	assert_int_equal(MAP_HIGH_BASE + map.high_size, UINT64_C(1) << 36);
	memset(&map, 0x5a, sizeof(map));
	assert_int_equal(memory_map_init(&map, &machine_arch.layout, most + 1,
					 36, &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, "36 bits"));
	assert_int_equal(memory_map_init(&map, &machine_arch.layout, UINT64_MAX,
					 36, &err),
			 -EINVAL);
}

static void a_device_may_reach_the_limit_and_not_past_it(void **state)
{
	struct memory_map map, before;
	struct pm_error err = { "" };

	(void)state;
	assert_int_equal(memory_map_init(&map, &machine_arch.layout, 512 * M,
					 36, NULL),
			 0);
	before = map;
	assert_int_equal(add_device(&map, "vm7", 60 * G + 2 * M, 2 * M, &err),
			 0);
	assert_string_equal(err.text,
			    "memory device vm7 of 61442 MiB does not fit: this "
			    "CPU's addresses end at 64 GiB, and what comes "
			    "before it leaves 60 GiB; choose a max-size of 60 "
			    "GiB or less");
	assert_memory_equal(&map, &before, sizeof(map));
	assert_int_equal(add_device(&map, "vm7", UINT64_MAX, 2 * M, &err), 0);
	assert_int_equal(add_device(&map, "vm7", 60 * G, 2 * M, NULL), 4 * G);
	assert_int_equal(add_device(&map, "vm8", M, M, &err), 0);
	assert_string_equal(err.text,
			    "memory device vm8 does not fit: this CPU's "
			    "addresses end at 64 GiB, and what comes before it "
			    "leaves none; choose smaller maximum sizes");
}

static void a_device_above_full_boot_memory_does_not_fit(void **state)
{
	struct memory_map map;
	struct pm_error err = { "" };

	(void)state;
	/* Aligned up, device memory would start at the limit. */
	assert_int_equal(memory_map_init(&map, &machine_arch.layout,
					 (UINT64_C(1) << 33) - G - M, 33, NULL),
			 0);
	assert_int_equal(add_device(&map, "a", M, M, &err), 0);
	assert_non_null(strstr(err.text, "leaves none"));
	/* The same for blocks that are larger than all there is. */
	assert_int_equal(memory_map_init(&map, &machine_arch.layout, 64 * M, 33,
					 NULL),
			 0);
	assert_int_equal(add_device(&map, "a", 16 * G, 16 * G, &err), 0);
}

/* ---- the allocator ------------------------------------------------------- */

static int alloc(struct memory_map *map, uint64_t size, uint64_t align,
		 uint64_t *base)
{
	struct memory_range range = { .size = size, .align = align };
	int ret = memory_map_alloc(map, &range);

	*base = range.base;
	return ret;
}

static void expect_alloc(struct memory_map *map, uint64_t size, uint64_t align,
			 uint64_t base)
{
	uint64_t got;

	assert_int_equal(alloc(map, size, align, &got), 0);
	assert_int_equal(got, base);
}

static void a_range_owns_its_last_unit(void **state)
{
	struct memory_map map = laid_out(512 * M);

	(void)state;
	expect_alloc(&map, M, 4 * G, 4 * G);
	expect_alloc(&map, 1, 1, 8 * G);
	expect_alloc(&map, 4096, 4096, 8 * G + 4096);
	/* Nor does one with large units reach into another's. */
	expect_alloc(&map, M, 2 * G, 10 * G);
	expect_alloc(&map, G, G, 9 * G);
	expect_alloc(&map, G, 1, 12 * G);
	expect_alloc(&map, 5, 1, 8 * G + 1);
}

static void what_cannot_be_handed_out_is_refused(void **state)
{
	struct memory_map map = laid_out(512 * M), before = map;
	uint64_t base;

	(void)state;
	assert_int_equal(alloc(&map, 0, M, &base), -EINVAL);
	assert_int_equal(alloc(&map, M, 0, &base), -EINVAL);
	assert_int_equal(alloc(&map, M, 3 * M, &base), -EINVAL);
	assert_int_equal(alloc(&map, UINT64_MAX, M, &base), -ENOSPC);
	assert_int_equal(alloc(&map, M, UINT64_C(1) << 63, &base), -ENOSPC);
	assert_int_equal(alloc(&map, map.limit - 4 * G + 1, 1, &base), -ENOSPC);
	assert_memory_equal(&map, &before, sizeof(map));
	for (int i = 0; i < MAP_RANGES_MAX; i++)
		assert_int_equal(alloc(&map, M, M, &base), 0);
	before = map;
	assert_int_equal(alloc(&map, M, M, &base), -ENOMEM);
	assert_memory_equal(&map, &before, sizeof(map));
}

static void check_ranges(const struct memory_map *map)
{
	uint64_t end = map->device_base;

	for (unsigned int i = 0; i < map->nr_ranges; i++) {
		const struct memory_range *r = &map->ranges[i];

		assert_true(r->base >= end);
		assert_int_equal(r->base % r->align, 0);
		end = (r->base + r->size + r->align - 1) & ~(r->align - 1);
	}
	assert_true(end <= map->limit);
}

/* What room there is said to be is handed out, and not a byte more. */
static void any_ranges_are_aligned_and_apart(void **state)
{
	uint64_t random = 1, base;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct memory_map map;

		assert_int_equal(memory_map_init(&map, &machine_arch.layout,
						 512 * M, 36, NULL),
				 0);
		for (int i = 0; i < MAP_RANGES_MAX - 1; i++) {
			uint64_t align, size, room;

			random = random * UINT64_C(6364136223846793005) + 1;
			align = UINT64_C(1) << (random >> 59);
			size = (random >> 20) % (4 * G) + 1;
			room = memory_map_room(&map, align);
			assert_int_equal(alloc(&map, size, align, &base),
					 size <= room ? 0 : -ENOSPC);
			check_ranges(&map);
		}
		assert_int_equal(alloc(&map, memory_map_room(&map, M), M,
				       &base),
				 memory_map_room(&map, M) ? 0 : -EINVAL);
		check_ranges(&map);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boot_memory_below_the_hole_is_in_one_piece),
		cmocka_unit_test(boot_memory_is_split_around_the_hole),
		cmocka_unit_test(device_memory_starts_on_an_aligned_address),
		cmocka_unit_test(each_device_starts_on_an_aligned_address),
		cmocka_unit_test(each_device_starts_on_an_aligned_address),
		cmocka_unit_test(
			boot_memory_may_reach_the_limit_and_not_past_it),
		cmocka_unit_test(a_device_may_reach_the_limit_and_not_past_it),
		cmocka_unit_test(a_device_above_full_boot_memory_does_not_fit),
		cmocka_unit_test(a_range_owns_its_last_unit),
		cmocka_unit_test(what_cannot_be_handed_out_is_refused),
		cmocka_unit_test(any_ranges_are_aligned_and_apart),
	};

	return cmocka_run_group_tests_name("memory_map", tests, NULL, NULL);
}
