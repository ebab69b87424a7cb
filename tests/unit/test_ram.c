/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"
#include "ram_kinds.h"

static uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static struct pm_ram *create(uint64_t max)
{
	struct pm_ram *ram = NULL;
	struct pm_error err;

	fault_reset();
	assert_int_equal(ram_create_anon(max, &ram, &err), 0);
	return ram;
}

static struct pm_ram *create_sized(uint64_t max, uint64_t size)
{
	struct pm_ram *ram = create(max);

	assert_int_equal(pm_ram_resize(ram, size, NULL), 0);
	return ram;
}

static unsigned char *host_of(struct pm_ram *ram)
{
	return pm_ram_host(ram);
}

/* ---- what the kernel thinks of the reservation -------------------------- */

static void only_accessible_part_is_charged(void **state)
{
	struct pm_ram *ram = create(1024 * GIB);
	struct ram_mappings m;

	(void)state;
	if (!ram_mappings(ram, &m))
		skip();
	assert_int_equal(m.charged, 0);
	pm_ram_resize(ram, 8 * MIB, NULL);
	memset(pm_ram_host(ram), 1, 4 * MIB);
	pm_ram_resize(ram, 32 * MIB, NULL);
	ram_mappings(ram, &m);
	assert_int_equal(m.charged, 32 * MIB);
	memset(pm_ram_host(ram), 1, 32 * MIB);
	pm_ram_resize(ram, 2 * MIB, NULL);
	ram_mappings(ram, &m);
	assert_int_equal(m.charged, 2 * MIB);
	pm_ram_resize(ram, 0, NULL);
	ram_mappings(ram, &m);
	assert_int_equal(m.charged, 0);
	pm_ram_destroy(ram);
}

/* However often it was resized, touched or not: vm.max_map_count is finite. */
static void stays_two_mappings(void **state)
{
	struct pm_ram *ram = create(MAX);
	struct ram_mappings m;

	(void)state;
	if (!ram_mappings(ram, &m))
		skip();
	for (uint64_t size = 2 * MIB; size < MAX; size += 2 * MIB) {
		pm_ram_resize(ram, size, NULL);
		if (size % (4 * MIB))
			host_of(ram)[size - 1] = 1;
		ram_mappings(ram, &m);
		assert_in_range(m.count, 1, 2);
	}
	for (uint64_t size = MAX - 2 * MIB; size; size -= 2 * MIB) {
		pm_ram_resize(ram, size, NULL);
		ram_mappings(ram, &m);
		assert_in_range(m.count, 1, 2);
	}
	pm_ram_resize(ram, MAX, NULL);
	ram_mappings(ram, &m);
	assert_int_equal(m.count, 1);
	pm_ram_destroy(ram);
}

static void stays_out_of_core_dumps(void **state)
{
	struct pm_ram *ram = create_sized(MAX, 8 * MIB);
	struct ram_mappings m;

	(void)state;
	pm_ram_resize(ram, 4 * MIB, NULL);
	pm_ram_resize(ram, 16 * MIB, NULL);
	if (!ram_mappings(ram, &m))
		skip();
	assert_int_equal(m.dumped, 0);
	pm_ram_destroy(ram);
}

/* ---- life -------------------------------------------------------------- */

static void create_checks_size(void **state)
{
	struct pm_ram *ram = NULL;
	struct pm_error err = { "" };

	(void)state;
	fault_reset();
	assert_int_equal(ram_create_anon(0, &ram, &err), -EINVAL);
	assert_int_not_equal(err.text[0], '\0');
	assert_int_equal(ram_create_anon(page_size() + 1, &ram, NULL), -EINVAL);
	assert_int_equal(ram_create_anon(UINT64_MAX, &ram, NULL), -EINVAL);
	assert_int_equal(ram_create_anon(-page_size(), &ram, &err), -ENOMEM);
	assert_int_equal(ram_create_anon(UINT64_C(1) << 62, &ram, NULL),
			 -ENOMEM);
	assert_null(ram);
}

static void create_fails_with_mmap(void **state)
{
	struct pm_ram *ram = NULL;

	(void)state;
	fault_reset();
	fault_fail(FAULT_MMAP, 1, ENOMEM);
	assert_int_equal(ram_create_anon(MAX, &ram, NULL), -ENOMEM);
	assert_null(ram);
}

static void create_runs_out_of_memory(void **state)
{
	struct pm_ram *ram = NULL;
	struct pm_error err = { "" };

	(void)state;
	fault_reset();
	fault_fail(FAULT_CALLOC, 1, ENOMEM);
	assert_int_equal(ram_create_anon(MAX, &ram, &err), -ENOMEM);
	assert_string_equal(err.text, "Out of memory");
	assert_null(ram);
}

static void destroy_takes_null(void **state)
{
	(void)state;
	pm_ram_destroy(NULL);
}

static void starts_empty(void **state)
{
	struct pm_ram *ram = create(MAX);

	(void)state;
	assert_int_equal(pm_ram_size(ram), 0);
	assert_int_equal(pm_ram_max_size(ram), MAX);
	assert_int_equal((uintptr_t)pm_ram_host(ram) % (2 * MIB), 0);
	assert_false(can_read(pm_ram_host(ram)));
	pm_ram_destroy(ram);
}

static void reserves_a_tebibyte(void **state)
{
	struct pm_ram *ram = create_sized(1024 * GIB, 2 * MIB);

	(void)state;
	host_of(ram)[2 * MIB - 1] = 1;
	assert_false(can_read(host_of(ram) + 2 * MIB));
	assert_false(can_read(host_of(ram) + 1024 * GIB - 1));
	pm_ram_destroy(ram);
}

/* ---- resizing ---------------------------------------------------------- */

static void resize_checks_size(void **state)
{
	struct pm_ram *ram = create_sized(MAX, 2 * MIB);
	struct pm_error err = { "" };

	(void)state;
	assert_int_equal(pm_ram_resize(ram, 1, &err), -EINVAL);
	assert_int_not_equal(err.text[0], '\0');
	assert_int_equal(pm_ram_resize(ram, MAX + page_size(), NULL), -EINVAL);
	assert_int_equal(pm_ram_resize(ram, -page_size(), NULL), -EINVAL);
	assert_int_equal(pm_ram_size(ram), 2 * MIB);
	pm_ram_destroy(ram);
}

static void grows_in_place_with_zeros(void **state)
{
	struct pm_ram *ram = create_sized(MAX, 2 * MIB);
	unsigned char *host = host_of(ram);

	(void)state;
	memset(host, 0x77, 2 * MIB);
	assert_int_equal(pm_ram_resize(ram, 8 * MIB, NULL), 0);
	assert_ptr_equal(pm_ram_host(ram), host);
	assert_int_equal(pm_ram_size(ram), 8 * MIB);
	assert_int_equal(host[2 * MIB - 1], 0x77);
	assert_zeros(host + 2 * MIB, 6 * MIB);
	host[8 * MIB - 1] = 1;
	assert_false(can_read(host + 8 * MIB));
	pm_ram_destroy(ram);
}

static void shrinking_frees(void **state)
{
	struct pm_ram *ram = create_sized(MAX, 8 * MIB);
	unsigned char *host = host_of(ram);

	(void)state;
	memset(host, 0x77, 8 * MIB);
	assert_int_equal(pm_ram_resize(ram, 4 * MIB, NULL), 0);
	assert_int_equal(pm_ram_size(ram), 4 * MIB);
	assert_int_equal(resident_pages(host, 4 * MIB), 4 * MIB / page_size());
	assert_int_equal(resident_pages(host + 4 * MIB, 4 * MIB), 0);
	assert_true(can_read(host + 4 * MIB - 1));
	assert_false(can_read(host + 4 * MIB));
	assert_int_equal(pm_ram_resize(ram, 8 * MIB, NULL), 0);
	assert_int_equal(host[4 * MIB - 1], 0x77);
	assert_zeros(host + 4 * MIB, 4 * MIB);
	pm_ram_destroy(ram);
}

static void same_size_does_nothing(void **state)
{
	struct pm_ram *ram = create_sized(MAX, 2 * MIB);

	(void)state;
	fault_reset();
	assert_int_equal(pm_ram_resize(ram, 2 * MIB, NULL), 0);
	assert_int_equal(fault_calls(FAULT_MMAP), 0);
	assert_int_equal(fault_calls(FAULT_MPROTECT), 0);
	pm_ram_destroy(ram);
}

static void failed_growth_changes_nothing(void **state)
{
	struct pm_ram *ram = create_sized(MAX, 2 * MIB);
	struct pm_error err = { "" };
	unsigned char *host = host_of(ram);

	(void)state;
	memset(host, 0x77, 2 * MIB);
	fault_fail(FAULT_MPROTECT, 1, ENOMEM);
	assert_int_equal(pm_ram_resize(ram, 8 * MIB, &err), -ENOMEM);
	assert_int_not_equal(err.text[0], '\0');
	assert_int_equal(pm_ram_size(ram), 2 * MIB);
	assert_int_equal(host[0], 0x77);
	assert_int_equal(host[2 * MIB - 1], 0x77);
	assert_false(can_read(host + 2 * MIB));
	assert_int_equal(pm_ram_resize(ram, 8 * MIB, &err), 0);
	assert_zeros(host + 2 * MIB, 6 * MIB);
	pm_ram_destroy(ram);
}

static void failed_shrink_changes_nothing(void **state)
{
	struct pm_ram *ram = create_sized(MAX, 8 * MIB);

	(void)state;
	memset(pm_ram_host(ram), 0x77, 8 * MIB);
	fault_fail(FAULT_MMAP, 1, ENOMEM);
	assert_int_equal(pm_ram_resize(ram, 2 * MIB, NULL), -ENOMEM);
	assert_int_equal(pm_ram_size(ram), 8 * MIB);
	assert_int_equal(host_of(ram)[8 * MIB - 1], 0x77);
	pm_ram_destroy(ram);
}

/* ---- discarding -------------------------------------------------------- */

static void discard_frees_exactly_the_range(void **state)
{
	struct pm_ram *ram = create_sized(MAX, 8 * MIB);
	unsigned char *host = host_of(ram);

	(void)state;
	memset(host, 0x77, 8 * MIB);
	assert_int_equal(pm_ram_discard(ram, 2 * MIB, 4 * MIB), 0);
	assert_int_equal(resident_pages(host + 2 * MIB, 4 * MIB), 0);
	assert_int_equal(host[2 * MIB - 1], 0x77);
	assert_int_equal(host[6 * MIB], 0x77);
	assert_zeros(host + 2 * MIB, 4 * MIB);
	pm_ram_destroy(ram);
}

/* A page that was only read is a page of zeros, and has to go as well. */
static void discard_frees_pages_only_read(void **state)
{
	struct pm_ram *ram = create_sized(MAX, 4 * MIB);

	(void)state;
	assert_zeros(pm_ram_host(ram), 4 * MIB);
	assert_int_equal(pm_ram_discard(ram, 0, 4 * MIB), 0);
	assert_int_equal(resident_pages(pm_ram_host(ram), 4 * MIB), 0);
	pm_ram_destroy(ram);
}

static void discard_checks_range(void **state)
{
	struct pm_ram *ram = create_sized(MAX, 8 * MIB);
	uint64_t page = page_size();

	(void)state;
	host_of(ram)[0] = 0x77;
	fault_reset();
	assert_int_equal(pm_ram_discard(ram, 1, page), -EINVAL);
	assert_int_equal(pm_ram_discard(ram, 0, 1), -EINVAL);
	assert_int_equal(pm_ram_discard(ram, 8 * MIB, page), -EINVAL);
	assert_int_equal(pm_ram_discard(ram, 0, 8 * MIB + page), -EINVAL);
	assert_int_equal(pm_ram_discard(ram, page, -page), -EINVAL);
	assert_int_equal(pm_ram_discard(ram, -page, page), -EINVAL);
	assert_int_equal(fault_calls(FAULT_DONTNEED), 0);
	assert_int_equal(pm_ram_discard(ram, 8 * MIB, 0), 0);
	assert_int_equal(host_of(ram)[0], 0x77);
	pm_ram_destroy(ram);
}

static void discard_reports_the_failure(void **state)
{
	struct pm_ram *ram = create_sized(MAX, 8 * MIB);

	(void)state;
	fault_fail(FAULT_DONTNEED, 1, EAGAIN);
	assert_int_equal(pm_ram_discard(ram, 0, 2 * MIB), -EAGAIN);
	fault_fail(FAULT_MINCORE, 1, ENOMEM);
	assert_int_equal(pm_ram_discard(ram, 0, 2 * MIB), -ENOMEM);
	pm_ram_destroy(ram);
}

/* One page left behind, wherever it is, and the discard has failed. */
static void discard_sees_every_page(void **state)
{
	struct pm_ram *ram = create_sized(64 * MIB, 64 * MIB);
	unsigned char *host = host_of(ram);

	(void)state;
	for (uint64_t at = 0; at < 64 * MIB; at += 2 * MIB) {
		host[at + 2 * MIB - 1] = 1;
		fault_ineffective(1);
		assert_int_equal(pm_ram_discard(ram, 0, 64 * MIB), -EBUSY);
		assert_int_equal(pm_ram_discard(ram, 0, 64 * MIB), 0);
	}
	fault_resident(1);
	assert_int_equal(pm_ram_discard(ram, 2 * MIB, 2 * MIB), -EBUSY);
	pm_ram_destroy(ram);
}

static bool kernel_can_scan(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%u.%u", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 7);
}

/*
 * A guest may have it done as often as it likes, in the main loop. A kernel
 * that cannot scan has its pages looked at, so less has to do there.
 */
static void large_discard_is_checked(void **state)
{
	const bool scan = kernel_can_scan();
	struct pm_ram_config config = { .max_size = UINT64_C(1)
						    << (scan ? 40 : 30),
					.no_reserve = true };
	struct pm_ram *ram;
	unsigned char *host;

	(void)state;
	assert_int_equal(pm_ram_create(&config, &ram, NULL), 0);
	assert_int_equal(pm_ram_resize(ram, config.max_size, NULL), 0);
	host = host_of(ram);
	for (uint64_t at = 0; at < config.max_size; at += config.max_size / 8)
		host[at] = 1;
	fault_reset();
	assert_int_equal(pm_ram_discard(ram, 0, config.max_size), 0);
	assert_int_equal(fault_calls(FAULT_MINCORE) == 0, scan);
	host[MIB] = 1;
	fault_ineffective(1);
	assert_int_equal(pm_ram_discard(ram, 0, config.max_size), -EBUSY);
	assert_int_equal(pm_ram_discard(ram, 0, config.max_size), 0);
	pm_ram_destroy(ram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_accessible_part_is_charged),
		cmocka_unit_test(stays_two_mappings),
		cmocka_unit_test(stays_out_of_core_dumps),
		cmocka_unit_test(create_checks_size),
		cmocka_unit_test(create_fails_with_mmap),
		cmocka_unit_test(create_runs_out_of_memory),
		cmocka_unit_test(destroy_takes_null),
		cmocka_unit_test(starts_empty),
		cmocka_unit_test(reserves_a_tebibyte),
		cmocka_unit_test(resize_checks_size),
		cmocka_unit_test(grows_in_place_with_zeros),
		cmocka_unit_test(shrinking_frees),
		cmocka_unit_test(same_size_does_nothing),
		cmocka_unit_test(failed_growth_changes_nothing),
		cmocka_unit_test(failed_shrink_changes_nothing),
		cmocka_unit_test(discard_frees_exactly_the_range),
		cmocka_unit_test(discard_frees_pages_only_read),
		cmocka_unit_test(discard_checks_range),
		cmocka_unit_test(discard_reports_the_failure),
		cmocka_unit_test(discard_sees_every_page),
		cmocka_unit_test(large_discard_is_checked),
	};

	return cmocka_run_group_tests_name("ram", tests, NULL, NULL);
}
