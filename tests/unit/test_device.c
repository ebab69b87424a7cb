/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"

#define SLACK (256 * MIB)

static const struct pm_device_config good = {
	.id = "vmem0",
	.addr = FIXTURE_ADDR,
	.block_size = FIXTURE_BLOCK,
	.requested_size = 64 * MIB,
	.features = PM_F_ACPI_PXM | PM_F_UNPLUGGED_INACCESSIBLE,
	.node = 3,
};

/* ---- creation ---------------------------------------------------------- */

static void expect_refused(struct pm_device_config config, uint64_t region)
{
	struct pm_device *dev = NULL;
	struct pm_error err = { "" };
	struct pm_ram *ram;

	fault_reset();
	assert_int_equal(ram_create_anon(region, &ram, NULL), 0);
	assert_int_equal(pm_device_create(&config, ram, NULL, NULL, &dev, &err),
			 -EINVAL);
	assert_int_not_equal(err.text[0], '\0');
	assert_null(dev);
	assert_int_equal(pm_ram_size(ram), 0);
	pm_ram_destroy(ram);
}

#define REFUSED(region, ...)                           \
	do {                                           \
		struct pm_device_config config = good; \
		__VA_ARGS__;                           \
		expect_refused(config, region);        \
	} while (0)

static void create_checks_every_value(void **state)
{
	(void)state;
	REFUSED(GIB, config.block_size = 0);
	REFUSED(GIB, config.block_size = 3 * MIB);
	REFUSED(GIB, config.block_size = MIB / 2);
	REFUSED(GIB, config.block_size = 2 * GIB; config.requested_size = 0);
	REFUSED(GIB + MIB, config.addr = FIXTURE_ADDR);
	REFUSED(GIB, config.addr = FIXTURE_ADDR + MIB);
	REFUSED(GIB, config.addr = -FIXTURE_BLOCK);
	REFUSED(GIB, config.addr = -(GIB - FIXTURE_BLOCK));
	REFUSED(GIB, config.requested_size = MIB);
	REFUSED(GIB, config.requested_size = GIB + FIXTURE_BLOCK);
	REFUSED(GIB, config.requested_size = -FIXTURE_BLOCK);
	REFUSED(GIB, config.features = UINT64_C(1) << 2);
	REFUSED(GIB, config.features = UINT64_C(1) << 32);
}

static void create_fails_without_memory(void **state)
{
	struct pm_device *dev = NULL;
	struct pm_error err = { "" };
	struct pm_ram *ram;

	(void)state;
	fault_reset();
	assert_int_equal(ram_create_anon(GIB, &ram, NULL), 0);
	fault_fail(FAULT_MPROTECT, 1, ENOMEM);
	assert_int_equal(pm_device_create(&good, ram, NULL, NULL, &dev, &err),
			 -ENOMEM);
	assert_non_null(strstr(err.text, "vmem0"));
	assert_null(dev);
	assert_int_equal(pm_ram_size(ram), 0);
	pm_ram_destroy(ram);
}

static void expect_out_of_memory(enum fault_call call, unsigned int nth)
{
	struct pm_device *dev = NULL;
	struct pm_error err = { "" };
	struct pm_ram *ram;

	fault_reset();
	assert_int_equal(ram_create_anon(GIB, &ram, NULL), 0);
	fault_fail(call, nth, ENOMEM);
	assert_int_equal(pm_device_create(&good, ram, NULL, NULL, &dev, &err),
			 -ENOMEM);
	assert_string_equal(err.text, "Out of memory");
	assert_null(dev);
	pm_ram_destroy(ram);
}

/* The device itself, its map of blocks, its name. */
static void create_runs_out_of_memory(void **state)
{
	(void)state;
	expect_out_of_memory(FAULT_CALLOC, 1);
	expect_out_of_memory(FAULT_CALLOC, 2);
	expect_out_of_memory(FAULT_STRDUP, 1);
}

static void create_tells_the_truth(void **state)
{
	struct fixture f;
	struct pm_device_info info;

	(void)state;
	fixture_init_with(&f, &good, GIB);
	info = fixture_info(&f);
	assert_string_equal(info.id, "vmem0");
	assert_int_equal(info.addr, FIXTURE_ADDR);
	assert_int_equal(info.block_size, FIXTURE_BLOCK);
	assert_int_equal(info.region_size, GIB);
	assert_int_equal(info.usable_size, 64 * MIB + SLACK);
	assert_int_equal(info.requested_size, 64 * MIB);
	assert_int_equal(info.plugged_size, 0);
	assert_int_equal(info.node, 3);
	assert_int_equal(pm_ram_size(f.ram), info.usable_size);
	assert_int_equal(f.config_changes, 0);
	fixture_finish(&f);
}

/* What an earlier device left in the memory is not for the next guest. */
static void create_starts_with_empty_memory(void **state)
{
	struct pm_device *dev;
	struct pm_ram *ram;
	unsigned char *host;

	(void)state;
	fault_reset();
	assert_int_equal(ram_create_anon(GIB, &ram, NULL), 0);
	assert_int_equal(pm_ram_resize(ram, GIB, NULL), 0);
	host = pm_ram_host(ram);
	memset(host, 0x77, 4 * MIB);
	assert_int_equal(pm_device_create(&good, ram, NULL, NULL, &dev, NULL),
			 0);
	assert_int_equal(pm_ram_size(ram), 64 * MIB + SLACK);
	assert_int_equal(resident_pages(host, 4 * MIB), 0);
	pm_device_destroy(dev);
	pm_ram_destroy(ram);
}

static void callbacks_are_optional(void **state)
{
	struct pm_device_config config = good;
	struct fixture f;

	(void)state;
	config.id = NULL;
	memset(&f, 0, sizeof(f));
	fault_reset();
	assert_int_equal(ram_create_anon(GIB, &f.ram, NULL), 0);
	assert_int_equal(
		pm_device_create(&config, f.ram, NULL, NULL, &f.dev, NULL), 0);
	assert_int_equal(pm_device_set_requested(f.dev, 4 * MIB, NULL), 0);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 1), ACK);
	assert_int_equal(pm_device_system_reset(f.dev, NULL), 0);
	fixture_finish(&f);
	pm_device_destroy(NULL);
}

static void destroy_discards_what_is_plugged(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 64 * MIB);
	fixture_listen(&f);
	ask(&f, PLUG, block_addr(1), 2);
	ask(&f, PLUG, block_addr(3), 1);
	ask(&f, PLUG, block_addr(8), 1);
	journal_clear(&f.journal);
	pm_device_destroy(f.dev);
	journal_expect(&f.journal, "c-2:6 b-2:6 a-2:6 c-16:2 b-16:2 a-16:2");
	pm_ram_destroy(f.ram);
}

/* ---- requested and usable size ----------------------------------------- */

static void usable_has_slack(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 2 * MIB);
	assert_int_equal(fixture_info(&f).usable_size, SLACK + 2 * MIB);
	pm_device_set_requested(f.dev, GIB - SLACK - 2 * MIB, NULL);
	assert_int_equal(fixture_info(&f).usable_size, GIB - 2 * MIB);
	pm_device_set_requested(f.dev, GIB - SLACK + 2 * MIB, NULL);
	assert_int_equal(fixture_info(&f).usable_size, GIB);
	pm_device_set_requested(f.dev, GIB, NULL);
	assert_int_equal(fixture_info(&f).usable_size, GIB);
	assert_int_equal(pm_ram_size(f.ram), GIB);
	fixture_finish(&f);
}

/* An idle device has no usable region, hence no memory that is charged. */
static void nothing_requested_needs_nothing(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 0);
	assert_int_equal(fixture_info(&f).usable_size, 0);
	assert_int_equal(pm_ram_size(f.ram), 0);
	assert_int_equal(pm_device_set_requested(f.dev, 0, NULL), 0);
	assert_int_equal(fixture_info(&f).usable_size, 0);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 1), ERROR);
	assert_int_equal(ask(&f, STATE, block_addr(0), 1), ERROR);
	assert_int_equal(ask(&f, UNPLUG_ALL, 0, 0), ACK);
	pm_device_set_requested(f.dev, 2 * MIB, NULL);
	assert_int_equal(fixture_info(&f).usable_size, SLACK + 2 * MIB);
	/* What is usable stays so until all is unplugged or reset. */
	pm_device_set_requested(f.dev, 0, NULL);
	assert_int_equal(fixture_info(&f).usable_size, SLACK + 2 * MIB);
	assert_int_equal(ask(&f, UNPLUG_ALL, 0, 0), ACK);
	assert_int_equal(fixture_info(&f).usable_size, 0);
	assert_int_equal(pm_ram_size(f.ram), 0);
	fixture_finish(&f);
}

static void system_reset_of_an_idle_device_leaves_nothing(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 64 * MIB);
	ask(&f, PLUG, block_addr(0), 4);
	pm_device_set_requested(f.dev, 0, NULL);
	assert_int_equal(pm_device_system_reset(f.dev, &f.err), 0);
	assert_int_equal(fixture_info(&f).usable_size, 0);
	assert_int_equal(pm_ram_size(f.ram), 0);
	fixture_finish(&f);
}

static void slack_is_whole_blocks(void **state)
{
	struct pm_device_config config = {
		.addr = 4 * GIB,
		.block_size = GIB,
		.requested_size = GIB,
	};
	struct fixture f;

	(void)state;
	fixture_init_with(&f, &config, 4 * GIB);
	assert_int_equal(fixture_info(&f).usable_size, 2 * GIB);
	fixture_finish(&f);
}

static void usable_does_not_shrink_with_requested(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 512 * MIB);
	assert_int_equal(pm_device_set_requested(f.dev, 2 * MIB, NULL), 0);
	assert_int_equal(fixture_info(&f).requested_size, 2 * MIB);
	assert_int_equal(fixture_info(&f).usable_size, 512 * MIB + SLACK);
	fixture_finish(&f);
}

static void set_requested_checks_size(void **state)
{
	const uint64_t bad[] = { 1, MIB, GIB + FIXTURE_BLOCK, -FIXTURE_BLOCK,
				 UINT64_MAX };
	struct fixture f;

	(void)state;
	fixture_init(&f, 64 * MIB);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f.err.text[0] = '\0';
		assert_int_equal(pm_device_set_requested(f.dev, bad[i], &f.err),
				 -EINVAL);
		assert_int_not_equal(f.err.text[0], '\0');
	}
	assert_int_equal(fixture_info(&f).requested_size, 64 * MIB);
	assert_int_equal(f.config_changes, 0);
	fixture_finish(&f);
}

static void set_requested_interrupts_every_time(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 64 * MIB);
	pm_device_set_requested(f.dev, 128 * MIB, NULL);
	assert_int_equal(f.config_changes, 1);
	pm_device_set_requested(f.dev, 128 * MIB, NULL);
	assert_int_equal(f.config_changes, 2);
	pm_device_set_requested(f.dev, 0, NULL);
	assert_int_equal(f.config_changes, 3);
	fixture_finish(&f);
}

static void set_requested_without_memory_changes_nothing(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 64 * MIB);
	fault_fail(FAULT_MPROTECT, 1, ENOMEM);
	assert_int_equal(pm_device_set_requested(f.dev, GIB, &f.err), -ENOMEM);
	assert_non_null(strstr(f.err.text, "vmem0"));
	assert_int_equal(fixture_info(&f).requested_size, 64 * MIB);
	assert_int_equal(fixture_info(&f).usable_size, 64 * MIB + SLACK);
	assert_int_equal(pm_ram_size(f.ram), 64 * MIB + SLACK);
	assert_int_equal(f.config_changes, 0);
	assert_int_equal(pm_device_set_requested(f.dev, GIB, &f.err), 0);
	fixture_finish(&f);
}

/* ---- system reset ------------------------------------------------------ */

static void system_reset_unplugs_all(void **state)
{
	struct fixture f;
	unsigned char *host;

	(void)state;
	fixture_init(&f, GIB);
	host = pm_ram_host(f.ram);
	ask(&f, PLUG, block_addr(0), 4);
	memset(host, 0x77, 8 * MIB);
	pm_device_set_requested(f.dev, 64 * MIB, NULL);
	f.config_changes = 0;
	f.size_changes = 0;
	assert_int_equal(pm_device_system_reset(f.dev, &f.err), 0);
	assert_int_equal(fixture_info(&f).plugged_size, 0);
	assert_int_equal(fixture_info(&f).requested_size, 64 * MIB);
	assert_int_equal(fixture_info(&f).usable_size, 64 * MIB + SLACK);
	assert_int_equal(pm_ram_size(f.ram), 64 * MIB + SLACK);
	assert_int_equal(resident_pages(host, 8 * MIB), 0);
	assert_int_equal(f.config_changes, 0);
	assert_int_equal(f.size_changes, 1);
	assert_int_equal(f.last_size, 0);
	fixture_finish(&f);
}

static void system_reset_reports_what_stays(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 64 * MIB);
	ask(&f, PLUG, block_addr(0), 1);
	ask(&f, PLUG, block_addr(4), 1);
	fault_fail(FAULT_DONTNEED, 1, EAGAIN);
	assert_int_equal(pm_device_system_reset(f.dev, &f.err), -EAGAIN);
	assert_non_null(strstr(f.err.text, "vmem0"));
	assert_int_equal(fixture_info(&f).plugged_size, FIXTURE_BLOCK);
	assert_int_equal(ask_state(&f, block_addr(0), 1), PLUGGED);
	assert_int_equal(ask_state(&f, block_addr(4), 1), UNPLUGGED);
	assert_int_equal(f.last_size, FIXTURE_BLOCK);
	fixture_finish(&f);
}

static void system_reset_reports_a_charge_that_stays(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, GIB);
	pm_device_set_requested(f.dev, 64 * MIB, NULL);
	fault_fail(FAULT_MMAP, 1, ENOMEM);
	assert_int_equal(pm_device_system_reset(f.dev, &f.err), -ENOMEM);
	assert_int_equal(fixture_info(&f).usable_size, GIB);
	assert_int_equal(pm_ram_size(f.ram), GIB);
	fixture_finish(&f);
}

/* ---- features and configuration space ---------------------------------- */

static void features_are_those_offered(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init_with(&f, &good, GIB);
	pm_device_accept_features(f.dev, UINT64_MAX);
	assert_int_equal(pm_device_features(f.dev), good.features);
	pm_device_accept_features(f.dev, 0);
	assert_int_equal(pm_device_features(f.dev), good.features);
	fixture_finish(&f);
}

static void config_space_layout(void **state)
{
	unsigned char space[56];
	struct fixture f;

	(void)state;
	fixture_init_with(&f, &good, GIB);
	ask(&f, PLUG, block_addr(0), 3);
	pm_device_config_read(f.dev, 0, space, sizeof(space));
	assert_int_equal(get_le(space, 8), FIXTURE_BLOCK);
	assert_int_equal(get_le(space + 8, 2), 3);
	assert_int_equal(get_le(space + 10, 6), 0);
	assert_int_equal(get_le(space + 16, 8), FIXTURE_ADDR);
	assert_int_equal(get_le(space + 24, 8), GIB);
	assert_int_equal(get_le(space + 32, 8), 64 * MIB + SLACK);
	assert_int_equal(get_le(space + 40, 8), 3 * FIXTURE_BLOCK);
	assert_int_equal(get_le(space + 48, 8), 64 * MIB);
	fixture_finish(&f);
}

static void node_needs_its_feature(void **state)
{
	struct pm_device_config config = good;
	unsigned char node[2] = { 0xff, 0xff };
	struct fixture f;

	(void)state;
	config.features = PM_F_UNPLUGGED_INACCESSIBLE;
	fixture_init_with(&f, &config, GIB);
	pm_device_config_read(f.dev, 8, node, 2);
	assert_int_equal(get_le(node, 2), 0);
	fixture_finish(&f);
}

static void config_reads_at_any_offset(void **state)
{
	unsigned char whole[80] = { 0 }, part[80];
	struct fixture f;

	(void)state;
	fixture_init_with(&f, &good, GIB);
	pm_device_config_read(f.dev, 0, whole, 56);
	for (uint64_t offset = 0; offset < 64; offset++) {
		for (size_t len = 0; len <= 16; len++) {
			memset(part, 0x5a, sizeof(part));
			pm_device_config_read(f.dev, offset, part, len);
			assert_memory_equal(part, whole + offset, len);
			assert_int_equal(part[len], 0x5a);
		}
	}
	memset(part, 0x5a, sizeof(part));
	pm_device_config_read(f.dev, UINT64_MAX, part, 8);
	assert_memory_equal(part, whole + 56, 8);
	fixture_finish(&f);
}

/* ---- plugged ranges ---------------------------------------------------- */

static void range_plugged_is_exact(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, GIB);
	ask(&f, PLUG, block_addr(1), 2);
	assert_true(pm_device_range_plugged(f.dev, 2 * MIB, 4 * MIB));
	assert_true(pm_device_range_plugged(f.dev, 2 * MIB + 1, 4 * MIB - 1));
	assert_true(pm_device_range_plugged(f.dev, 6 * MIB - 1, 1));
	assert_false(pm_device_range_plugged(f.dev, 2 * MIB - 1, 2));
	assert_false(pm_device_range_plugged(f.dev, 2 * MIB, 4 * MIB + 1));
	assert_false(pm_device_range_plugged(f.dev, 0, 1));
	assert_true(pm_device_range_plugged(f.dev, 0, 0));
	assert_true(pm_device_range_plugged(f.dev, GIB, 0));
	assert_false(pm_device_range_plugged(f.dev, GIB, 1));
	assert_false(pm_device_range_plugged(f.dev, 2 * MIB, UINT64_MAX));
	assert_false(pm_device_range_plugged(f.dev, UINT64_MAX, 1));
	assert_false(pm_device_range_plugged(f.dev, UINT64_MAX, 0));
	fixture_finish(&f);
}

static void expect_run(const struct fixture *f, uint64_t from, uint64_t to,
		       uint64_t offset, uint64_t size)
{
	uint64_t o = 1, s = 1;

	assert_true(pm_device_plugged_run(f->dev, from, to, &o, &s));
	assert_int_equal(o, offset);
	assert_int_equal(s, size);
}

static void plugged_runs_are_exact(void **state)
{
	struct fixture f;
	uint64_t o = 1, s = 2;

	(void)state;
	fixture_init(&f, GIB);
	assert_false(pm_device_plugged_run(f.dev, 0, UINT64_MAX, &o, &s));
	ask(&f, PLUG, block_addr(1), 2);
	ask(&f, PLUG, block_addr(5), 1);
	ask(&f, PLUG, block_addr(511), 1);
	expect_run(&f, 0, UINT64_MAX, 2 * MIB, 4 * MIB);
	expect_run(&f, 3 * MIB + 1, 4 * MIB + 5, 3 * MIB + 1, MIB + 4);
	expect_run(&f, 6 * MIB, GIB, 10 * MIB, 2 * MIB);
	expect_run(&f, 12 * MIB, UINT64_MAX, GIB - 2 * MIB, 2 * MIB);
	assert_false(pm_device_plugged_run(f.dev, 0, 2 * MIB, &o, &s));
	assert_false(pm_device_plugged_run(f.dev, 3 * MIB, 3 * MIB, &o, &s));
	assert_false(pm_device_plugged_run(f.dev, 4 * MIB, 3 * MIB, &o, &s));
	assert_false(pm_device_plugged_run(f.dev, GIB, UINT64_MAX, &o, &s));
	assert_int_equal(o, 1);
	assert_int_equal(s, 2);
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_checks_every_value),
		cmocka_unit_test(create_fails_without_memory),
		cmocka_unit_test(create_runs_out_of_memory),
		cmocka_unit_test(create_tells_the_truth),
		cmocka_unit_test(create_starts_with_empty_memory),
		cmocka_unit_test(callbacks_are_optional),
		cmocka_unit_test(destroy_discards_what_is_plugged),
		cmocka_unit_test(usable_has_slack),
		cmocka_unit_test(nothing_requested_needs_nothing),
		cmocka_unit_test(system_reset_of_an_idle_device_leaves_nothing),
		cmocka_unit_test(slack_is_whole_blocks),
		cmocka_unit_test(usable_does_not_shrink_with_requested),
		cmocka_unit_test(set_requested_checks_size),
		cmocka_unit_test(set_requested_interrupts_every_time),
		cmocka_unit_test(set_requested_without_memory_changes_nothing),
		cmocka_unit_test(system_reset_unplugs_all),
		cmocka_unit_test(system_reset_reports_what_stays),
		cmocka_unit_test(system_reset_reports_a_charge_that_stays),
		cmocka_unit_test(features_are_those_offered),
		cmocka_unit_test(config_space_layout),
		cmocka_unit_test(node_needs_its_feature),
		cmocka_unit_test(config_reads_at_any_offset),
		cmocka_unit_test(range_plugged_is_exact),
		cmocka_unit_test(plugged_runs_are_exact),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
