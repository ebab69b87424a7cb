/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests that take the host long: inside the request, and later, in rounds.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"

static void init(struct fixture *f, bool async)
{
	const struct pm_device_config config = {
		.id = "vmem0",
		.addr = FIXTURE_ADDR,
		.block_size = FIXTURE_BLOCK,
		.requested_size = 64 * MIB,
		.prealloc = true,
		.async = async,
	};

	fixture_init_with(f, &config, FIXTURE_REGION);
	fixture_listen(f);
}

static unsigned char *host(const struct fixture *f)
{
	return pm_ram_host(f->ram);
}

static uint64_t resident(const struct fixture *f, uint64_t size)
{
	return resident_pages(host(f), size) * (uint64_t)getpagesize();
}

/* Sends a request; returns what pm_device_request() does. */
static ssize_t send_request(struct fixture *f, uint16_t type, uint64_t first,
			    uint16_t nb)
{
	unsigned char request[24] = { 0 };
	unsigned char response[10];

	put_le(request, type, 2);
	put_le(request + 8, block_addr(first), 8);
	put_le(request + 16, nb, 2);
	return pm_device_request(f->dev, request, sizeof(request), response,
				 sizeof(response), &f->err);
}

static ssize_t send_plug(struct fixture *f, uint64_t first, uint16_t nb)
{
	return send_request(f, PLUG, first, nb);
}

/* Ends the pending request; returns the type of the answer. */
static int complete(struct fixture *f, int result, const struct pm_error *why)
{
	unsigned char response[10];

	assert_int_equal(pm_device_request_complete(f->dev, result, why,
						    response, sizeof(response),
						    &f->err),
			 10);
	assert_int_equal(get_le(response + 2, 8), 0);
	assert_false(pm_device_pending(f->dev, NULL));
	return (int)get_le(response, 2);
}

/* ---- inside the request ------------------------------------------------- */

static void plug_populates(void **state)
{
	struct fixture f;

	(void)state;
	init(&f, false);
	assert_int_equal(ask(&f, PLUG, block_addr(1), 2), ACK);
	assert_int_equal(resident(&f, 2 * MIB), 0);
	assert_int_equal(resident(&f, 6 * MIB), 4 * MIB);
	assert_int_equal(ask(&f, UNPLUG, block_addr(1), 2), ACK);
	assert_int_equal(resident(&f, 6 * MIB), 0);
	fixture_finish(&f);
}

static void failed_populate_is_busy(void **state)
{
	struct fixture f;

	(void)state;
	init(&f, false);
	fault_fail(FAULT_POPULATE, 1, ENOMEM);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 2), BUSY);
	assert_non_null(strstr(f.err.text, "vmem0"));
	journal_expect(&f.journal, "");
	assert_int_equal(fixture_info(&f).plugged_size, 0);
	assert_int_equal(resident(&f, 4 * MIB), 0);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 2), ACK);
	fixture_finish(&f);
}

static void refused_listener_leaves_nothing(void **state)
{
	struct fixture f;

	(void)state;
	init(&f, false);
	f.c.fail = -ENOSPC;
	assert_int_equal(ask(&f, PLUG, block_addr(0), 2), BUSY);
	assert_int_equal(resident(&f, 4 * MIB), 0);
	fixture_finish(&f);
}

/* ---- later -------------------------------------------------------------- */

static void pending_changes_nothing(void **state)
{
	struct pm_pending p = { 0 };
	struct fixture f;

	(void)state;
	init(&f, true);
	assert_false(pm_device_pending(f.dev, &p));
	assert_int_equal(send_plug(&f, 3, 4), -EINPROGRESS);
	assert_true(pm_device_pending(f.dev, &p));
	assert_int_equal(p.offset, 6 * MIB);
	assert_int_equal(p.size, 8 * MIB);
	assert_int_equal(p.unit, pm_ram_page_size(f.ram));
	journal_expect(&f.journal, "");
	assert_int_equal(fixture_info(&f).plugged_size, 0);
	assert_int_equal(f.size_changes, 0);
	assert_false(pm_device_range_plugged(f.dev, 6 * MIB, 8 * MIB));
	fixture_finish(&f);
}

static void completion_plugs(void **state)
{
	struct fixture f;

	(void)state;
	init(&f, true);
	send_plug(&f, 0, 4);
	assert_int_equal(pm_device_pending_work(f.dev, 4 * MIB, 4 * MIB, NULL),
			 0);
	assert_int_equal(pm_device_pending_work(f.dev, 0, 4 * MIB, NULL), 0);
	assert_int_equal(complete(&f, 0, NULL), ACK);
	assert_int_equal(f.err.text[0], '\0');
	journal_expect(&f.journal, "a+0:8 b+0:8 c+0:8");
	assert_int_equal(f.last_size, 8 * MIB);
	assert_int_equal(resident(&f, 8 * MIB), 8 * MIB);
	assert_int_equal(send_plug(&f, 4, 1), -EINPROGRESS);
	fixture_finish(&f);
}

static void failure_frees_and_is_busy(void **state)
{
	const struct pm_error why = { "No pages" };
	struct fixture f;

	(void)state;
	init(&f, true);
	send_plug(&f, 0, 4);
	assert_int_equal(pm_ram_populate(f.ram, 0, 4 * MIB, NULL), 0);
	assert_int_equal(complete(&f, -ENOMEM, &why), BUSY);
	assert_string_equal(f.err.text, "Memory device vmem0: No pages");
	assert_int_equal(resident(&f, 8 * MIB), 0);
	assert_int_equal(fixture_info(&f).plugged_size, 0);
	assert_int_equal(f.size_changes, 0);
	journal_expect(&f.journal, "");
	send_plug(&f, 0, 4);
	assert_int_equal(complete(&f, -ECANCELED, NULL), BUSY);
	assert_int_not_equal(f.err.text[0], '\0');
	fixture_finish(&f);
}

static void failed_listener_frees_as_well(void **state)
{
	struct fixture f;

	(void)state;
	init(&f, true);
	send_plug(&f, 0, 2);
	pm_ram_populate(f.ram, 0, 4 * MIB, NULL);
	f.b.fail = -ENOSPC;
	assert_int_equal(complete(&f, 0, NULL), BUSY);
	journal_expect(&f.journal, "a+0:4 b!0:4 a-0:4");
	assert_int_equal(resident(&f, 4 * MIB), 0);
	fixture_finish(&f);
}

static void one_at_a_time(void **state)
{
	struct fixture f;

	(void)state;
	init(&f, true);
	send_plug(&f, 0, 2);
	assert_int_equal(send_plug(&f, 4, 2), -EBUSY);
	assert_int_not_equal(f.err.text[0], '\0');
	assert_int_equal(pm_device_system_reset(f.dev, &f.err), -EBUSY);
	assert_int_equal(complete(&f, -ECANCELED, NULL), BUSY);
	assert_int_equal(pm_device_system_reset(f.dev, &f.err), 0);
	fixture_finish(&f);
}

static void requested_size_may_change(void **state)
{
	struct fixture f;

	(void)state;
	init(&f, true);
	send_plug(&f, 0, 2);
	assert_int_equal(pm_device_set_requested(f.dev, GIB, NULL), 0);
	assert_int_equal(pm_device_set_requested(f.dev, 0, NULL), 0);
	assert_int_equal(fixture_info(&f).usable_size, GIB);
	pm_ram_populate(f.ram, 0, 4 * MIB, NULL);
	assert_int_equal(complete(&f, 0, NULL), ACK);
	assert_int_equal(send_plug(&f, 2, 1), 10); /* a NACK */
	fixture_finish(&f);
}

static void rules_come_first(void **state)
{
	struct fixture f;

	(void)state;
	init(&f, true);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 0), ERROR);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 64), NACK);
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 1), ERROR);
	assert_int_equal(ask_state(&f, block_addr(0), 1), UNPLUGGED);
	assert_false(pm_device_pending(f.dev, NULL));
	fixture_finish(&f);
}

static void completion_checks_its_caller(void **state)
{
	unsigned char response[10];
	struct fixture f;

	(void)state;
	init(&f, true);
	assert_int_equal(pm_device_request_complete(f.dev, 0, NULL, response,
						    10, &f.err),
			 -EPROTO);
	send_plug(&f, 0, 2);
	assert_int_equal(pm_device_request_complete(f.dev, 0, NULL, response, 9,
						    &f.err),
			 -EPROTO);
	assert_true(pm_device_pending(f.dev, NULL));
	fixture_finish(&f);
}

static void without_prealloc_nothing_is_pending(void **state)
{
	const struct pm_device_config config = {
		.addr = FIXTURE_ADDR,
		.block_size = FIXTURE_BLOCK,
		.requested_size = 64 * MIB,
		.async = true,
	};
	struct fixture f;

	(void)state;
	fixture_init_with(&f, &config, FIXTURE_REGION);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 2), ACK);
	assert_int_equal(resident(&f, 4 * MIB), 0);
	fixture_finish(&f);
}

/* ---- unplugging, later --------------------------------------------------- */

/* Blocks 0 to 3 and 6, 7 are plugged, and were written to. */
static void init_plugged(struct fixture *f, uint64_t async_size)
{
	const struct pm_device_config config = {
		.id = "vmem0",
		.addr = FIXTURE_ADDR,
		.block_size = FIXTURE_BLOCK,
		.requested_size = 64 * MIB,
		.async = true,
		.async_size = async_size,
	};

	fixture_init_with(f, &config, FIXTURE_REGION);
	fixture_listen(f);
	assert_int_equal(ask(f, PLUG, block_addr(0), 4), ACK);
	assert_int_equal(ask(f, PLUG, block_addr(6), 2), ACK);
	memset(host(f), 0x55, 8 * MIB);
	memset(host(f) + 12 * MIB, 0x55, 4 * MIB);
	journal_clear(&f->journal);
}

/* All parts of a round, block by block. */
static int work(struct fixture *f)
{
	struct pm_pending p = { 0 };
	int ret = 0;

	assert_true(pm_device_pending(f->dev, &p));
	assert_int_equal(p.unit, FIXTURE_BLOCK);
	for (uint64_t i = 0; i < p.size && !ret; i += p.unit)
		ret = pm_device_pending_work(f->dev, p.offset + i, p.unit,
					     &f->err);
	return ret;
}

/* Ends the first round, and finds that there is a second. */
static void next_round(struct fixture *f)
{
	unsigned char response[10];

	assert_int_equal(work(f), 0);
	assert_int_equal(pm_device_request_complete(f->dev, 0, NULL, response,
						    sizeof(response), &f->err),
			 -EINPROGRESS);
	assert_true(pm_device_pending(f->dev, NULL));
}

static void unplug_takes_two_rounds(void **state)
{
	uint64_t offset = 0, size = 0;
	struct fixture f;

	(void)state;
	init_plugged(&f, 2 * FIXTURE_BLOCK);
	assert_int_equal(send_request(&f, UNPLUG, 1, 2), -EINPROGRESS);
	/* Plugged, but not to be used. */
	assert_int_equal(fixture_info(&f).plugged_size, 12 * MIB);
	assert_false(pm_device_range_plugged(f.dev, 0, 4 * MIB));
	assert_true(pm_device_range_plugged(f.dev, 0, 2 * MIB));
	assert_true(pm_device_range_plugged(f.dev, 6 * MIB, 2 * MIB));
	assert_true(pm_device_plugged_run(f.dev, 0, GIB, &offset, &size));
	assert_int_equal(offset, 0);
	assert_int_equal(size, 2 * MIB);
	assert_true(pm_device_plugged_run(f.dev, 2 * MIB, GIB, &offset, &size));
	assert_int_equal(offset, 6 * MIB);
	assert_int_equal(size, 2 * MIB);
	assert_false(
		pm_device_plugged_run(f.dev, 2 * MIB, 6 * MIB, &offset, &size));
	next_round(&f);
	journal_expect(&f.journal, "c-2:4 b-2:4 a-2:4");
	assert_int_equal(resident(&f, 8 * MIB), 8 * MIB);
	assert_int_equal(work(&f), 0);
	assert_int_equal(complete(&f, 0, NULL), ACK);
	assert_int_equal(resident(&f, 8 * MIB), 4 * MIB);
	assert_int_equal(fixture_info(&f).plugged_size, 8 * MIB);
	assert_int_equal(f.last_size, 8 * MIB);
	assert_int_equal(host(&f)[0], 0x55);
	assert_int_equal(host(&f)[6 * MIB], 0x55);
	fixture_finish(&f);
}

static void little_is_unplugged_at_once(void **state)
{
	struct fixture f;

	(void)state;
	init_plugged(&f, 2 * FIXTURE_BLOCK);
	assert_int_equal(ask(&f, UNPLUG, block_addr(1), 1), ACK);
	assert_int_equal(send_request(&f, UNPLUG_ALL, 0, 0), -EINPROGRESS);
	assert_int_equal(complete(&f, -ECANCELED, NULL), BUSY);
	fixture_finish(&f);
}

static void unplug_all_takes_what_is_plugged(void **state)
{
	uint64_t offset, size;
	struct fixture f;

	(void)state;
	init_plugged(&f, 2 * FIXTURE_BLOCK);
	pm_device_set_requested(f.dev, 4 * MIB, NULL);
	assert_int_equal(send_request(&f, UNPLUG_ALL, 0, 0), -EINPROGRESS);
	assert_false(pm_device_plugged_run(f.dev, 0, GIB, &offset, &size));
	next_round(&f);
	journal_expect(&f.journal, "c-0:8 b-0:8 a-0:8 c-12:4 b-12:4 a-12:4");
	assert_int_equal(work(&f), 0);
	assert_int_equal(complete(&f, 0, NULL), ACK);
	assert_int_equal(fixture_info(&f).plugged_size, 0);
	assert_true(fixture_info(&f).usable_size <
		    FIXTURE_REGION); /* it shrank */
	assert_int_equal(resident(&f, pm_ram_size(f.ram)), 0);
	/* Nothing is left to do, so it is done. */
	assert_int_equal(ask(&f, UNPLUG_ALL, 0, 0), ACK);
	fixture_finish(&f);
}

static void failed_unplug_keeps_all(void **state)
{
	const struct pm_error why = { "No" };
	struct fixture f;

	(void)state;
	init_plugged(&f, 0);
	send_request(&f, UNPLUG, 0, 4);
	assert_int_equal(complete(&f, -EIO, &why), BUSY);
	assert_string_equal(f.err.text, "Memory device vmem0: No");
	journal_expect(&f.journal, "");
	send_request(&f, UNPLUG, 0, 4);
	next_round(&f);
	journal_clear(&f.journal);
	fault_fail(FAULT_DONTNEED, 2, ENOMEM);
	assert_int_equal(work(&f), -ENOMEM);
	assert_int_equal(complete(&f, -ENOMEM, &f.err), BUSY);
	journal_expect(&f.journal, "a+0:8 b+0:8 c+0:8");
	assert_int_equal(fixture_info(&f).plugged_size, 12 * MIB);
	assert_true(pm_device_range_plugged(f.dev, 0, 8 * MIB));
	/* And once more, with nothing in the way. */
	send_request(&f, UNPLUG, 0, 4);
	next_round(&f);
	assert_int_equal(work(&f), 0);
	assert_int_equal(complete(&f, 0, NULL), ACK);
	fixture_finish(&f);
}

static void destroyed_between_rounds(void **state)
{
	struct fixture f;

	(void)state;
	init_plugged(&f, 0);
	send_request(&f, UNPLUG, 0, 4);
	next_round(&f);
	journal_clear(&f.journal);
	pm_device_destroy(f.dev);
	f.dev = NULL;
	/* Those who had heard of the first run do not hear of it again. */
	journal_expect(&f.journal, "c-12:4 b-12:4 a-12:4");
	fixture_finish(&f);
}

static void no_work_without_a_request(void **state)
{
	struct fixture f;

	(void)state;
	init_plugged(&f, 0);
	assert_int_equal(pm_device_pending_work(f.dev, 0, 2 * MIB, &f.err),
			 -EPROTO);
	assert_int_not_equal(f.err.text[0], '\0');
	fixture_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plug_populates),
		cmocka_unit_test(failed_populate_is_busy),
		cmocka_unit_test(refused_listener_leaves_nothing),
		cmocka_unit_test(pending_changes_nothing),
		cmocka_unit_test(completion_plugs),
		cmocka_unit_test(failure_frees_and_is_busy),
		cmocka_unit_test(failed_listener_frees_as_well),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(requested_size_may_change),
		cmocka_unit_test(rules_come_first),
		cmocka_unit_test(completion_checks_its_caller),
		cmocka_unit_test(without_prealloc_nothing_is_pending),
		cmocka_unit_test(unplug_takes_two_rounds),
		cmocka_unit_test(little_is_unplugged_at_once),
		cmocka_unit_test(unplug_all_takes_what_is_plugged),
		cmocka_unit_test(failed_unplug_keeps_all),
		cmocka_unit_test(destroyed_between_rounds),
		cmocka_unit_test(no_work_without_a_request),
	};

	return cmocka_run_group_tests_name("pending", tests, NULL, NULL);
}
