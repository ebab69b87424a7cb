/* SPDX-License-Identifier: BSD-3-Clause */
/* Where memory lies: boot memory around the PCI hole, device memory above. */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "memory_map.h"

#define M (UINT64_C(1) << 20)
#define G (UINT64_C(1) << 30)

static struct memory_map laid_out(uint64_t boot_size)
{
	struct memory_map map;

	assert_int_equal(memory_map_init(&map, boot_size, 46, NULL), 0);
	assert_int_equal(map.low_size + map.high_size, boot_size);
	assert_int_equal(map.device_base % MAP_DEVICE_ALIGN, 0);
	assert_int_equal(map.device_end, map.device_base);
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

static void each_device_starts_on_an_aligned_address(void **state)
{
	struct memory_map map = laid_out(512 * M);
	uint64_t gpa;

	(void)state;
	assert_int_equal(memory_map_add_device(&map, "a", 2 * M, &gpa, NULL),
			 0);
	assert_int_equal(gpa, 4 * G);
	assert_int_equal(map.device_end, 4 * G + 2 * M);
	assert_int_equal(memory_map_add_device(&map, "b", 2 * G, &gpa, NULL),
			 0);
	assert_int_equal(gpa, 6 * G);
	assert_int_equal(memory_map_add_device(&map, "c", G, &gpa, NULL), 0);
	assert_int_equal(gpa, 8 * G);
	assert_int_equal(map.device_base, 4 * G);
	assert_int_equal(map.device_end, 9 * G);
}

static void boot_memory_may_reach_the_limit_and_not_past_it(void **state)
{
	const uint64_t most = (UINT64_C(1) << 36) - G; /* the hole is 1 GiB */
	struct memory_map map;
	struct pm_error err = { "" };

	(void)state;
	assert_int_equal(memory_map_init(&map, most, 36, &err), 0);
	assert_int_equal(MAP_HIGH_BASE + map.high_size, UINT64_C(1) << 36);
	memset(&map, 0x5a, sizeof(map));
	assert_int_equal(memory_map_init(&map, most + 1, 36, &err), -EINVAL);
	assert_non_null(strstr(err.text, "36 bits"));
	assert_int_equal(memory_map_init(&map, UINT64_MAX, 36, &err), -EINVAL);
}

static void a_device_may_reach_the_limit_and_not_past_it(void **state)
{
	struct memory_map map, before;
	struct pm_error err = { "" };
	uint64_t gpa = 1;

	(void)state;
	assert_int_equal(memory_map_init(&map, 512 * M, 36, NULL), 0);
	before = map;
	assert_int_equal(memory_map_add_device(&map, "vm7", 60 * G + 1, &gpa,
					       &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, "vm7"));
	assert_memory_equal(&map, &before, sizeof(map));
	assert_int_equal(gpa, 1);
	assert_int_equal(memory_map_add_device(&map, "vm7", UINT64_MAX, &gpa,
					       &err),
			 -EINVAL);
	assert_int_equal(memory_map_add_device(&map, "vm7", 60 * G, &gpa, NULL),
			 0);
	assert_int_equal(gpa, 4 * G);
	assert_int_equal(map.device_end, map.limit);
	assert_int_equal(memory_map_add_device(&map, "vm8", 1, &gpa, &err),
			 -EINVAL);
}

static void a_device_above_full_boot_memory_does_not_fit(void **state)
{
	struct memory_map map;
	struct pm_error err = { "" };
	uint64_t gpa;

	(void)state;
	/* Aligned up, device memory would start past the limit. */
	assert_int_equal(memory_map_init(&map, (UINT64_C(1) << 33) - G - M, 33,
					 NULL),
			 0);
	map.limit -= M;
	assert_int_equal(memory_map_add_device(&map, "a", 1, &gpa, &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, " 0 MiB are left"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boot_memory_below_the_hole_is_in_one_piece),
		cmocka_unit_test(boot_memory_is_split_around_the_hole),
		cmocka_unit_test(device_memory_starts_on_an_aligned_address),
		cmocka_unit_test(each_device_starts_on_an_aligned_address),
		cmocka_unit_test(
			boot_memory_may_reach_the_limit_and_not_past_it),
		cmocka_unit_test(a_device_may_reach_the_limit_and_not_past_it),
		cmocka_unit_test(a_device_above_full_boot_memory_does_not_fit),
	};

	return cmocka_run_group_tests_name("memory_map", tests, NULL, NULL);
}
