/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * On a host that never overcommits: what is reserved is not charged, what is
 * accessible is, and a growth past the limit changes nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"
#include "host.h"
#include "ram_kinds.h"

#define TIB (1024 * GIB)

static void need_strict_host(void)
{
	FILE *file = fopen("/proc/sys/vm/overcommit_memory", "re");
	int mode = file ? fgetc(file) : '0';

	if (file)
		fclose(file);
	if (mode == '2')
		return;
	print_message("needs vm.overcommit_memory=2, as tests/ram-vm sets\n");
	skip();
}

static uint64_t committed(void)
{
	uint64_t value = 0;

	assert_true(host_meminfo(this_host(), "Committed_AS", &value));
	return value;
}

static uint64_t commit_left(void)
{
	uint64_t limit = 0;

	assert_true(host_meminfo(this_host(), "CommitLimit", &limit));
	return limit - committed();
}

/* @now moved by @size since @before, within 1 % of it or 1 MiB of noise. */
static void assert_moved(uint64_t before, uint64_t now, uint64_t size)
{
	uint64_t slack = size / 100 > MIB ? size / 100 : MIB;

	assert_in_range(now, before + size - (slack < before ? slack : before),
			before + size + slack);
}

static void a_reservation_is_free(void **state)
{
	uint64_t before;
	struct pm_ram *ram;

	need_strict_host();
	before = committed();
	ram = kind_create(*state, 16 * TIB);
	assert_moved(before, committed(), 0);
	pm_ram_destroy(ram);
}

static void what_is_accessible_is_charged(void **state)
{
	struct pm_ram *ram;
	uint64_t before;

	need_strict_host();
	before = committed();
	ram = kind_create_sized(*state, TIB, GIB);
	assert_moved(before, committed(), GIB);
	memset(pm_ram_host(ram), 1, 8 * UNIT);
	assert_int_equal(pm_ram_resize(ram, GIB / 4, NULL), 0);
	assert_moved(before, committed(), GIB / 4);
	assert_int_equal(pm_ram_resize(ram, 0, NULL), 0);
	assert_moved(before, committed(), 0);
	pm_ram_destroy(ram);
}

/* A memory file is charged for the pages it has, and for no others. */
static void what_a_file_holds_is_charged(void **state)
{
	struct pm_ram *ram;
	uint64_t before;

	need_strict_host();
	before = committed();
	ram = kind_create_sized(*state, TIB, GIB);
	assert_moved(before, committed(), 0);
	assert_int_equal(pm_ram_populate(ram, 0, GIB / 4, NULL), 0);
	assert_moved(before, committed(), GIB / 4);
	assert_int_equal(pm_ram_discard(ram, 0, GIB / 8), 0);
	assert_moved(before, committed(), GIB / 8);
	pm_ram_destroy(ram);
	assert_moved(before, committed(), 0);
}

static void growth_past_the_limit_is_refused(void **state)
{
	struct pm_ram *ram;
	struct pm_error err = { "" };
	uint64_t before, too_much;

	need_strict_host();
	ram = kind_create_sized(*state, TIB, 8 * UNIT);
	assert_int_equal(pm_ram_populate(ram, 0, 8 * UNIT, NULL), 0);
	memset(pm_ram_host(ram), 0x77, 8 * UNIT);
	before = committed();
	too_much = 8 * UNIT + (commit_left() / UNIT + 64) * UNIT;
	assert_int_equal(pm_ram_resize(ram, too_much, &err), -ENOMEM);
	assert_non_null(strstr(err.text, "the host has committed"));
	assert_int_equal(pm_ram_size(ram), 8 * UNIT);
	assert_int_equal(ram_backing(ram, 8 * UNIT), 8 * UNIT);
	assert_false(can_read((char *)pm_ram_host(ram) + 8 * UNIT));
	assert_moved(before, committed(), 0);
	pm_ram_destroy(ram);
}

/* Pages that a memory file cannot have are an answer, never a signal. */
static void populating_past_the_limit_is_refused(void **state)
{
	struct pm_ram_config config = { .max_size = TIB };
	struct pm_error err = { "" };
	struct pm_ram *ram = NULL;
	uint64_t size;

	(void)state;
	need_strict_host();
	fault_reset();
	config.backend = PM_RAM_MEMFD;
	config.no_reserve = true;
	assert_int_equal(pm_ram_create(&config, &ram, NULL), 0);
	size = (commit_left() / UNIT + 64) * UNIT;
	assert_int_equal(pm_ram_resize(ram, size, NULL), 0);
	assert_int_equal(pm_ram_populate(ram, 0, size, &err), -ENOMEM);
	assert_int_equal(ram_backing(ram, size), 0);
	pm_ram_destroy(ram);
}

static void a_large_device_starts_and_resizes(void **state)
{
	const struct pm_device_config config = {
		.addr = FIXTURE_ADDR,
		.block_size = FIXTURE_BLOCK,
		.requested_size = GIB,
	};
	struct fixture f;
	uint64_t before;

	(void)state;
	need_strict_host();
	before = committed();
	fixture_init_with(&f, &config, TIB);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 512), ACK);
	assert_moved(before, committed(), GIB + 256 * MIB);
	assert_int_equal(pm_device_set_requested(f.dev, GIB / 2, NULL), 0);
	assert_int_equal(ask(&f, UNPLUG_ALL, 0, 0), ACK);
	assert_moved(before, committed(), GIB / 2 + 256 * MIB);
	assert_int_equal(pm_device_set_requested(f.dev, TIB, &f.err), -ENOMEM);
	assert_int_equal(fixture_info(&f).requested_size, GIB / 2);
	assert_moved(before, committed(), GIB / 2 + 256 * MIB);
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(a_reservation_is_free),
		KIND_TEST(what_is_accessible_is_charged, anon),
		KIND_TEST(what_a_file_holds_is_charged, memfd),
		KIND_TEST(growth_past_the_limit_is_refused, anon),
		KIND_TEST(growth_past_the_limit_is_refused, memfd),
		cmocka_unit_test(populating_past_the_limit_is_refused),
		cmocka_unit_test(a_large_device_starts_and_resizes),
	};

	return cmocka_run_group_tests_name("ram_overcommit", tests, NULL, NULL);
}
