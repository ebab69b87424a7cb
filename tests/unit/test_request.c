/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"

/* With this requested size, blocks 0 to 31 may be plugged, 0 to 159 named. */
#define REQUESTED     (64 * MIB)
#define NR_REQUESTED  32
#define USABLE_BLOCKS 160

static uint64_t plugged_blocks(const struct fixture *f)
{
	return fixture_info(f).plugged_size / FIXTURE_BLOCK;
}

/* ---- framing ----------------------------------------------------------- */

static ssize_t send_type(struct fixture *f, uint16_t type, size_t len,
			 unsigned char *response, size_t response_size)
{
	unsigned char request[32] = { 0 };

	put_le(request, type, 2);
	put_le(request + 8, FIXTURE_ADDR, 8);
	put_le(request + 16, 1, 2);
	return pm_device_request(f->dev, request, len, response, response_size,
				 &f->err);
}

static void malformed_requests_need_a_reset(void **state)
{
	unsigned char response[10], before[10];
	struct fixture f;

	(void)state;
	memset(response, 0x5a, sizeof(response));
	memset(before, 0x5a, sizeof(before));
	fixture_init(&f, REQUESTED);
	assert_int_equal(send_type(&f, PLUG, 0, response, 10), -EPROTO);
	assert_int_equal(send_type(&f, PLUG, 23, response, 10), -EPROTO);
	assert_int_not_equal(f.err.text[0], '\0');
	assert_int_equal(send_type(&f, PLUG, 24, response, 9), -EPROTO);
	assert_int_equal(send_type(&f, PLUG, 24, response, 0), -EPROTO);
	assert_int_equal(send_type(&f, 4, 24, response, 10), -EPROTO);
	assert_int_equal(send_type(&f, 0x100, 24, response, 10), -EPROTO);
	assert_int_equal(send_type(&f, 0xffff, 24, response, 10), -EPROTO);
	assert_memory_equal(response, before, 10);
	assert_int_equal(plugged_blocks(&f), 0);
	assert_int_equal(send_type(&f, PLUG, 32, response, 10), 10);
	assert_int_equal(get_le(response, 2), ACK);
	fixture_finish(&f);
}

/* ---- range ------------------------------------------------------------- */

static void expect_range_error(struct fixture *f, uint64_t addr, uint16_t nb)
{
	assert_int_equal(ask(f, PLUG, addr, nb), ERROR);
	assert_int_equal(ask(f, UNPLUG, addr, nb), ERROR);
	assert_int_equal(ask(f, STATE, addr, nb), ERROR);
}

static void ranges_outside_are_errors(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	fixture_listen(&f);
	expect_range_error(&f, block_addr(0), 0);
	expect_range_error(&f, block_addr(0) + 1, 1);
	expect_range_error(&f, block_addr(0) + MIB, 1);
	expect_range_error(&f, block_addr(0) - FIXTURE_BLOCK, 1);
	expect_range_error(&f, block_addr(0) - FIXTURE_BLOCK, 2);
	expect_range_error(&f, 0, 1);
	expect_range_error(&f, block_addr(USABLE_BLOCKS), 1);
	expect_range_error(&f, block_addr(USABLE_BLOCKS - 1), 2);
	expect_range_error(&f, block_addr(0), USABLE_BLOCKS + 1);
	expect_range_error(&f, block_addr(0), 65535);
	expect_range_error(&f, FIXTURE_ADDR + FIXTURE_REGION, 1);
	journal_expect(&f.journal, "");
	assert_int_equal(f.size_changes, 0);
	fixture_finish(&f);
}

static void ranges_that_wrap_are_errors(void **state)
{
	const uint16_t counts[] = { 1, 2, 2049, 32768, 65535 };
	struct fixture f;

	(void)state;
	fixture_init(&f, GIB);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		expect_range_error(&f, -FIXTURE_BLOCK, counts[i]);
		expect_range_error(&f, -FIXTURE_BLOCK * 2048, counts[i]);
		expect_range_error(&f, UINT64_MAX, counts[i]);
		expect_range_error(&f, UINT64_C(1) << 63, counts[i]);
	}
	fixture_finish(&f);
}

static void large_blocks(void **state)
{
	struct pm_device_config config = {
		.addr = UINT64_C(1) << 63,
		.block_size = GIB,
		.requested_size = GIB,
	};
	struct fixture f;

	(void)state;
	fixture_init_with(&f, &config, 3 * GIB);
	/* One block is requested and one more is usable: the slack. */
	assert_int_equal(ask(&f, PLUG, config.addr + GIB, 1), ACK);
	assert_int_equal(ask(&f, PLUG, config.addr, 1), NACK);
	expect_range_error(&f, config.addr + 2 * GIB, 1);
	expect_range_error(&f, config.addr, 65535);
	expect_range_error(&f, -GIB, 65535);
	fixture_finish(&f);
}

static void last_usable_block_works(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	assert_int_equal(ask(&f, PLUG, block_addr(USABLE_BLOCKS - 1), 1), ACK);
	assert_int_equal(ask_state(&f, block_addr(0), USABLE_BLOCKS), MIXED);
	assert_int_equal(ask(&f, UNPLUG, block_addr(USABLE_BLOCKS - 1), 1),
			 ACK);
	fixture_finish(&f);
}

/* A region may reach up to the last block of the address space. */
static void region_at_the_very_top(void **state)
{
	struct pm_device_config config = {
		.addr = -(GIB + FIXTURE_BLOCK),
		.block_size = FIXTURE_BLOCK,
		.requested_size = GIB,
	};
	struct fixture f;

	(void)state;
	fixture_init_with(&f, &config, GIB);
	assert_int_equal(ask(&f, PLUG, -(2 * FIXTURE_BLOCK), 1), ACK);
	assert_int_equal(ask(&f, PLUG, -(2 * FIXTURE_BLOCK), 2), ERROR);
	assert_int_equal(ask(&f, PLUG, -FIXTURE_BLOCK, 1), ERROR);
	fixture_finish(&f);
}

/* ---- precedence -------------------------------------------------------- */

static void range_goes_before_size(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	assert_int_equal(ask(&f, PLUG, block_addr(0), USABLE_BLOCKS), NACK);
	assert_int_equal(ask(&f, PLUG, block_addr(0), USABLE_BLOCKS + 1),
			 ERROR);
	assert_int_equal(ask(&f, PLUG, block_addr(0) + 1, 100), ERROR);
	fixture_finish(&f);
}

static void size_goes_before_state(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	assert_int_equal(ask(&f, PLUG, block_addr(0), NR_REQUESTED), ACK);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 1), NACK);
	assert_int_equal(ask(&f, PLUG, block_addr(40), 1), NACK);
	assert_int_equal(plugged_blocks(&f), NR_REQUESTED);
	fixture_finish(&f);
}

static void state_goes_before_host(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	fixture_listen(&f);
	ask(&f, PLUG, block_addr(4), 1);
	journal_clear(&f.journal);
	f.a.fail = -ENOMEM;
	assert_int_equal(ask(&f, PLUG, block_addr(3), 2), ERROR);
	fault_fail(FAULT_DONTNEED, 1, EAGAIN);
	assert_int_equal(ask(&f, UNPLUG, block_addr(4), 2), ERROR);
	journal_expect(&f.journal, "");
	fixture_finish(&f);
}

/* ---- plug -------------------------------------------------------------- */

static void plug_counts_and_tells(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	fixture_listen(&f);
	assert_int_equal(ask(&f, PLUG, block_addr(1), 3), ACK);
	journal_expect(&f.journal, "a+2:6 b+2:6 c+2:6");
	assert_int_equal(fixture_info(&f).plugged_size, 3 * FIXTURE_BLOCK);
	assert_int_equal(f.size_changes, 1);
	assert_int_equal(f.last_size, 3 * FIXTURE_BLOCK);
	assert_int_equal(f.config_changes, 0);
	memset((char *)pm_ram_host(f.ram) + 2 * MIB, 0x77, 6 * MIB);
	fixture_finish(&f);
}

static void plug_up_to_the_requested_size(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	assert_int_equal(ask(&f, PLUG, block_addr(0), NR_REQUESTED + 1), NACK);
	assert_int_equal(ask(&f, PLUG, block_addr(100), NR_REQUESTED - 1), ACK);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 2), NACK);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 1), ACK);
	assert_int_equal(ask(&f, PLUG, block_addr(1), 1), NACK);
	assert_int_equal(plugged_blocks(&f), NR_REQUESTED);
	fixture_finish(&f);
}

/* The host shrinks while the guest is still growing. */
static void plug_after_a_shrink_is_nack(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	ask(&f, PLUG, block_addr(0), 16);
	pm_device_set_requested(f.dev, 4 * MIB, NULL);
	assert_int_equal(ask(&f, PLUG, block_addr(16), 1), NACK);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 1), NACK);
	pm_device_set_requested(f.dev, 0, NULL);
	assert_int_equal(ask(&f, PLUG, block_addr(16), 1), NACK);
	assert_int_equal(plugged_blocks(&f), 16);
	fixture_finish(&f);
}

static void plug_of_plugged_is_error(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	ask(&f, PLUG, block_addr(4), 1);
	assert_int_equal(ask(&f, PLUG, block_addr(4), 1), ERROR);
	assert_int_equal(ask(&f, PLUG, block_addr(3), 2), ERROR);
	assert_int_equal(ask(&f, PLUG, block_addr(4), 2), ERROR);
	assert_int_equal(plugged_blocks(&f), 1);
	assert_int_equal(ask_state(&f, block_addr(3), 1), UNPLUGGED);
	fixture_finish(&f);
}

static void failed_plug_is_rolled_back(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	fixture_listen(&f);
	f.c.fail = -ENOMEM;
	assert_int_equal(ask(&f, PLUG, block_addr(0), 1), BUSY);
	journal_expect(&f.journal, "a+0:2 b+0:2 c!0:2 b-0:2 a-0:2");
	assert_non_null(strstr(f.err.text, "vmem0"));
	assert_int_equal(plugged_blocks(&f), 0);
	assert_int_equal(f.size_changes, 0);
	assert_int_equal(ask_state(&f, block_addr(0), 1), UNPLUGGED);
	f.c.fail = 0;
	assert_int_equal(ask(&f, PLUG, block_addr(0), 1), ACK);
	fixture_finish(&f);
}

static int touch_and_fail(struct pm_listener *l, uint64_t offset, uint64_t size)
{
	struct recorder *r = (struct recorder *)l;

	memset((char *)pm_ram_host((struct pm_ram *)r->journal) + offset, 0x77,
	       size);
	return -ENOMEM;
}

/* A listener that pins pages, and fails half way, leaves none behind. */
static void failed_plug_leaves_no_pages(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	f.a.listener.populate = touch_and_fail;
	f.a.journal = (void *)f.ram;
	pm_device_add_listener(f.dev, &f.a.listener);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 1), BUSY);
	assert_int_equal(resident_pages(pm_ram_host(f.ram), FIXTURE_BLOCK), 0);
	fixture_finish(&f);
}

/* ---- unplug ------------------------------------------------------------ */

static void unplug_frees_and_tells(void **state)
{
	struct fixture f;
	unsigned char *host;

	(void)state;
	fixture_init(&f, REQUESTED);
	host = pm_ram_host(f.ram);
	fixture_listen(&f);
	ask(&f, PLUG, block_addr(0), 4);
	memset(host, 0x77, 8 * MIB);
	journal_clear(&f.journal);
	assert_int_equal(ask(&f, UNPLUG, block_addr(1), 2), ACK);
	journal_expect(&f.journal, "c-2:4 b-2:4 a-2:4");
	assert_int_equal(fixture_info(&f).plugged_size, 2 * FIXTURE_BLOCK);
	assert_int_equal(f.last_size, 2 * FIXTURE_BLOCK);
	assert_int_equal(f.config_changes, 0);
	assert_int_equal(resident_pages(host + 2 * MIB, 4 * MIB), 0);
	assert_int_equal(host[2 * MIB - 1], 0x77);
	assert_int_equal(host[6 * MIB], 0x77);
	fixture_finish(&f);
}

static void unplug_of_unplugged_is_error(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	ask(&f, PLUG, block_addr(4), 2);
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 1), ERROR);
	assert_int_equal(ask(&f, UNPLUG, block_addr(3), 2), ERROR);
	assert_int_equal(ask(&f, UNPLUG, block_addr(4), 3), ERROR);
	assert_int_equal(plugged_blocks(&f), 2);
	fixture_finish(&f);
}

static void unplug_ignores_the_requested_size(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	ask(&f, PLUG, block_addr(0), NR_REQUESTED);
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), NR_REQUESTED), ACK);
	ask(&f, PLUG, block_addr(0), NR_REQUESTED);
	pm_device_set_requested(f.dev, 0, NULL);
	assert_int_equal(ask(&f, UNPLUG, block_addr(31), 1), ACK);
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 31), ACK);
	fixture_finish(&f);
}

static void expect_still_plugged(struct fixture *f)
{
	journal_expect(&f->journal, "c-0:4 b-0:4 a-0:4 a+0:4 b+0:4 c+0:4");
	assert_non_null(strstr(f->err.text, "vmem0"));
	assert_int_equal(plugged_blocks(f), 2);
	assert_int_equal(ask_state(f, block_addr(0), 2), PLUGGED);
	assert_int_equal(f->size_changes, 1);
}

static void failed_unplug_stays_plugged(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	fixture_listen(&f);
	ask(&f, PLUG, block_addr(0), 2);
	journal_clear(&f.journal);
	fault_fail(FAULT_DONTNEED, 1, EAGAIN);
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 2), BUSY);
	expect_still_plugged(&f);
	fault_fail(FAULT_MINCORE, 1, EAGAIN);
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 2), BUSY);
	expect_still_plugged(&f);
	fault_resident(1);
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 2), BUSY);
	expect_still_plugged(&f);
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 2), ACK);
	assert_int_equal(plugged_blocks(&f), 0);
	fixture_finish(&f);
}

static void failed_unplug_says_who_lacks_it(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	fixture_listen(&f);
	ask(&f, PLUG, block_addr(0), 1);
	f.b.fail = -ENOMEM;
	fault_fail(FAULT_DONTNEED, 1, EAGAIN);
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 1), BUSY);
	assert_non_null(strstr(f.err.text, "again"));
	assert_int_equal(plugged_blocks(&f), 1);
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 1), ACK);
	fixture_finish(&f);
}

static uint64_t resident_when_told;

static void note_resident(struct pm_listener *l, uint64_t offset, uint64_t size)
{
	struct recorder *r = (struct recorder *)l;
	char *host = pm_ram_host((struct pm_ram *)r->journal);

	resident_when_told = resident_pages(host + offset, size);
}

/* The other order lets somebody who still has access bring pages back. */
static void unplug_revokes_before_it_frees(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	f.a.journal = (void *)f.ram;
	f.a.listener.populate = NULL;
	f.a.listener.discard = note_resident;
	pm_device_add_listener(f.dev, &f.a.listener);
	ask(&f, PLUG, block_addr(0), 1);
	memset(pm_ram_host(f.ram), 0x77, FIXTURE_BLOCK);
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 1), ACK);
	assert_int_not_equal(resident_when_told, 0);
	assert_int_equal(resident_pages(pm_ram_host(f.ram), FIXTURE_BLOCK), 0);
	fixture_finish(&f);
}

/* ---- unplug all -------------------------------------------------------- */

static void plug_three_runs(struct fixture *f)
{
	ask(f, PLUG, block_addr(1), 2);
	ask(f, PLUG, block_addr(3), 1);
	ask(f, PLUG, block_addr(8), 1);
	ask(f, PLUG, block_addr(63), 3);
	assert_int_equal(plugged_blocks(f), 7);
	journal_clear(&f->journal);
	f->size_changes = 0;
	f->config_changes = 0;
	fault_reset();
}

static void unplug_all_goes_by_runs(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	pm_device_add_listener(f.dev, &f.a.listener);
	plug_three_runs(&f);
	memset((char *)pm_ram_host(f.ram) + 2 * MIB, 0x77, 6 * MIB);
	assert_int_equal(ask(&f, UNPLUG_ALL, UINT64_MAX, 0), ACK);
	journal_expect(&f.journal, "a-2:6 a-16:2 a-126:6");
	assert_int_equal(fault_calls(FAULT_DONTNEED), 3);
	assert_int_equal(plugged_blocks(&f), 0);
	assert_int_equal(f.size_changes, 1);
	assert_int_equal(f.last_size, 0);
	assert_int_equal(resident_pages(pm_ram_host(f.ram), 16 * MIB), 0);
	assert_int_equal(ask_state(&f, block_addr(0), USABLE_BLOCKS),
			 UNPLUGGED);
	fixture_finish(&f);
}

static void unplug_all_shrinks_the_usable_region(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, GIB);
	ask(&f, PLUG, block_addr(0), 512);
	pm_device_set_requested(f.dev, REQUESTED, NULL);
	f.config_changes = 0;
	assert_int_equal(ask(&f, UNPLUG_ALL, 0, 0), ACK);
	assert_int_equal(fixture_info(&f).usable_size, 320 * MIB);
	assert_int_equal(pm_ram_size(f.ram), 320 * MIB);
	assert_int_equal(f.config_changes, 0);
	assert_int_equal(ask(&f, PLUG, block_addr(USABLE_BLOCKS), 1), ERROR);
	assert_int_equal(ask(&f, PLUG, block_addr(0), NR_REQUESTED), ACK);
	fixture_finish(&f);
}

static void unplug_all_of_nothing(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	assert_int_equal(ask(&f, UNPLUG_ALL, 0, 0), ACK);
	assert_int_equal(f.size_changes, 0);
	assert_int_equal(fixture_info(&f).usable_size, 320 * MIB);
	fixture_finish(&f);
}

static void failed_unplug_all_tells_the_truth(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, GIB);
	pm_device_add_listener(f.dev, &f.a.listener);
	plug_three_runs(&f);
	pm_device_set_requested(f.dev, 0, NULL);
	fault_fail(FAULT_DONTNEED, 2, EAGAIN);
	assert_int_equal(ask(&f, UNPLUG_ALL, 0, 0), BUSY);
	journal_expect(&f.journal, "a-2:6 a-16:2 a+16:2 a-126:6");
	assert_int_equal(plugged_blocks(&f), 1);
	assert_int_equal(ask_state(&f, block_addr(8), 1), PLUGGED);
	assert_int_equal(f.size_changes, 1);
	assert_int_equal(f.last_size, FIXTURE_BLOCK);
	assert_int_equal(fixture_info(&f).usable_size, GIB);
	assert_int_equal(ask(&f, UNPLUG_ALL, 0, 0), ACK);
	assert_int_equal(plugged_blocks(&f), 0);
	fixture_finish(&f);
}

static void failed_unplug_all_explains_the_first(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	plug_three_runs(&f);
	fault_fail(FAULT_DONTNEED, 1, EAGAIN);
	fault_resident(1);
	assert_int_equal(ask(&f, UNPLUG_ALL, 0, 0), BUSY);
	assert_non_null(strstr(f.err.text, "0x100200000"));
	assert_int_equal(plugged_blocks(&f), 4);
	fixture_finish(&f);
}

static void unplug_all_may_keep_the_usable_region(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, GIB);
	pm_device_set_requested(f.dev, 0, NULL);
	fault_fail(FAULT_MMAP, 1, ENOMEM);
	assert_int_equal(ask(&f, UNPLUG_ALL, 0, 0), ACK);
	assert_int_equal(fixture_info(&f).usable_size, GIB);
	assert_int_equal(pm_ram_size(f.ram), GIB);
	fixture_finish(&f);
}

/* ---- state ------------------------------------------------------------- */

static void state_of_blocks(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, REQUESTED);
	ask(&f, PLUG, block_addr(2), 2);
	assert_int_equal(ask_state(&f, block_addr(2), 1), PLUGGED);
	assert_int_equal(ask_state(&f, block_addr(2), 2), PLUGGED);
	assert_int_equal(ask_state(&f, block_addr(0), 2), UNPLUGGED);
	assert_int_equal(ask_state(&f, block_addr(1), 2), MIXED);
	assert_int_equal(ask_state(&f, block_addr(3), 2), MIXED);
	assert_int_equal(ask_state(&f, block_addr(0), USABLE_BLOCKS), MIXED);
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malformed_requests_need_a_reset),
		cmocka_unit_test(ranges_outside_are_errors),
		cmocka_unit_test(ranges_that_wrap_are_errors),
		cmocka_unit_test(large_blocks),
		cmocka_unit_test(last_usable_block_works),
		cmocka_unit_test(region_at_the_very_top),
		cmocka_unit_test(range_goes_before_size),
		cmocka_unit_test(size_goes_before_state),
		cmocka_unit_test(state_goes_before_host),
		cmocka_unit_test(plug_counts_and_tells),
		cmocka_unit_test(plug_up_to_the_requested_size),
		cmocka_unit_test(plug_after_a_shrink_is_nack),
		cmocka_unit_test(plug_of_plugged_is_error),
		cmocka_unit_test(failed_plug_is_rolled_back),
		cmocka_unit_test(failed_plug_leaves_no_pages),
		cmocka_unit_test(unplug_frees_and_tells),
		cmocka_unit_test(unplug_of_unplugged_is_error),
		cmocka_unit_test(unplug_ignores_the_requested_size),
		cmocka_unit_test(failed_unplug_stays_plugged),
		cmocka_unit_test(failed_unplug_says_who_lacks_it),
		cmocka_unit_test(unplug_revokes_before_it_frees),
		cmocka_unit_test(unplug_all_goes_by_runs),
		cmocka_unit_test(unplug_all_shrinks_the_usable_region),
		cmocka_unit_test(unplug_all_of_nothing),
		cmocka_unit_test(failed_unplug_all_tells_the_truth),
		cmocka_unit_test(failed_unplug_all_explains_the_first),
		cmocka_unit_test(unplug_all_may_keep_the_usable_region),
		cmocka_unit_test(state_of_blocks),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
