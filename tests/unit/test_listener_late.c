/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners that come when memory is plugged, and those that take long. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"

static void init(struct fixture *f)
{
	fixture_init(f, 64 * MIB);
}

static int add(struct fixture *f, struct recorder *r)
{
	return pm_device_add_listener(f->dev, &r->listener);
}

static int done(struct fixture *f, struct recorder *r, int result)
{
	return pm_device_listener_done(f->dev, &r->listener, result);
}

/* What pm_device_request() returns for a PLUG, or an UNPLUG. */
static ssize_t send_request(struct fixture *f, uint16_t type, uint64_t first,
			    uint16_t nb)
{
	unsigned char request[24] = { 0 }, response[10];

	put_le(request, type, 2);
	put_le(request + 8, block_addr(first), 8);
	put_le(request + 16, nb, 2);
	return pm_device_request(f->dev, request, sizeof(request), response,
				 sizeof(response), &f->err);
}

/* What pm_device_request_complete() returns; or the answer, if there is one. */
static ssize_t complete(struct fixture *f, int result)
{
	unsigned char response[10];
	ssize_t ret = pm_device_request_complete(f->dev, result, NULL, response,
						 sizeof(response), &f->err);

	return ret < 0 ? ret : (ssize_t)get_le(response, 2);
}

static bool waits(const struct fixture *f)
{
	struct pm_pending p;

	return pm_device_pending(f->dev, &p) && p.waits;
}

/* The rounds that a PLUG still has after its listeners. */
static void work_and_complete(struct fixture *f)
{
	struct pm_pending p;

	assert_int_equal(complete(f, 0), -EINPROGRESS);
	assert_true(pm_device_pending(f->dev, &p));
	assert_false(p.waits);
	assert_int_equal(
		pm_device_pending_work(f->dev, p.offset, p.size, &f->err), 0);
	assert_int_equal(complete(f, 0), ACK);
	assert_false(pm_device_pending(f->dev, NULL));
}

/* ---- coming late --------------------------------------------------------- */

static void hears_of_all_that_is_plugged(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	assert_int_equal(add(&f, &f.a), 0);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 2), ACK);
	assert_int_equal(ask(&f, PLUG, block_addr(4), 1), ACK);
	journal_clear(&f.journal);
	assert_int_equal(add(&f, &f.b), 0);
	journal_expect(&f.journal, "b+0:4 b+8:2");
	assert_int_equal(ask(&f, PLUG, block_addr(2), 1), ACK);
	journal_expect(&f.journal, "a+4:2 b+4:2");
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 3), ACK);
	journal_expect(&f.journal, "b-0:6 a-0:6");
	fixture_finish(&f);
	journal_expect(&f.journal, "b-8:2 a-8:2");
}

struct counting {
	struct recorder r;
	unsigned int left; /* populate calls until it fails */
	uint64_t max;
	int start;
};

static int counting_start(struct pm_listener *l, uint64_t max)
{
	struct counting *c = (struct counting *)l;

	c->max = max;
	return c->start;
}

static void counting_init(struct counting *c, struct fixture *f)
{
	memset(c, 0, sizeof(*c));
	recorder_init(&c->r, 'n', &f->journal);
	c->r.listener.start = counting_start;
}

static int (*recorder_populate)(struct pm_listener *l, uint64_t offset,
				uint64_t size);

static int fail_in_the_end(struct pm_listener *l, uint64_t offset,
			   uint64_t size)
{
	struct counting *c = (struct counting *)l;

	c->r.fail = c->left-- ? 0 : -ENOSPC;
	return recorder_populate(l, offset, size);
}

static void failing_late_is_undone(void **state)
{
	struct counting n;
	struct fixture f;

	(void)state;
	init(&f);
	counting_init(&n, &f);
	recorder_populate = n.r.listener.populate;
	n.r.listener.populate = fail_in_the_end;
	n.left = 2;
	for (unsigned int i = 0; i < 8; i += 2)
		assert_int_equal(ask(&f, PLUG, block_addr(i), 1), ACK);
	assert_int_equal(add(&f, &n.r), -ENOSPC);
	journal_expect(&f.journal, "n+0:2 n+4:2 n!8:2 n-0:2 n-4:2");
	assert_int_equal(ask(&f, PLUG, block_addr(1), 1), ACK);
	journal_expect(&f.journal, "");
	/* Nothing stands in its way later. */
	n.left = 100;
	assert_int_equal(add(&f, &n.r), 0);
	journal_expect(&f.journal, "n+0:6 n+8:2 n+12:2");
	fixture_finish(&f);
}

static void sees_the_maximum_first(void **state)
{
	struct counting n;
	struct fixture f;

	(void)state;
	init(&f);
	counting_init(&n, &f);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 1), ACK);
	n.start = -ENOMEM;
	assert_int_equal(add(&f, &n.r), -ENOMEM);
	journal_expect(&f.journal, "");
	n.start = 0;
	assert_int_equal(add(&f, &n.r), 0);
	assert_int_equal(n.max, FIXTURE_REGION);
	journal_expect(&f.journal, "n+0:2");
	fixture_finish(&f);
}

static void who_leaves_hears_discard(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	fixture_listen(&f);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 2), ACK);
	assert_int_equal(ask(&f, PLUG, block_addr(4), 1), ACK);
	journal_clear(&f.journal);
	pm_device_remove_listener(f.dev, &f.b.listener);
	journal_expect(&f.journal, "b-0:4 b-8:2");
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 2), ACK);
	journal_expect(&f.journal, "c-0:4 a-0:4");
	fixture_finish(&f);
}

/* ---- taking long --------------------------------------------------------- */

static void slow_populate_keeps_the_request(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	fixture_listen(&f);
	f.b.fail = -EINPROGRESS;
	assert_int_equal(send_request(&f, PLUG, 0, 2), -EINPROGRESS);
	journal_expect(&f.journal, "a+0:4 b!0:4");
	assert_true(waits(&f));
	/* Nothing is plugged, nobody else can ask, and no round can end. */
	assert_false(pm_device_range_plugged(f.dev, 0, 1));
	assert_int_equal(send_request(&f, PLUG, 4, 1), -EBUSY);
	assert_int_equal(pm_device_system_reset(f.dev, &f.err), -EBUSY);
	assert_int_equal(add(&f, &f.a), -EBUSY);
	assert_int_equal(complete(&f, 0), -EINPROGRESS);
	assert_int_equal(done(&f, &f.a, 0), -EPROTO);
	journal_expect(&f.journal, "");

	f.c.fail = -EINPROGRESS;
	assert_int_equal(done(&f, &f.b, 0), -EINPROGRESS);
	journal_expect(&f.journal, "c!0:4");
	assert_int_equal(done(&f, &f.b, 0), -EPROTO);
	assert_true(waits(&f));
	assert_int_equal(done(&f, &f.c, 0), 0);
	assert_false(waits(&f));
	work_and_complete(&f);
	assert_true(pm_device_range_plugged(f.dev, 0, 4 * MIB));
	assert_int_equal(f.last_size, 4 * MIB);
	assert_int_equal(done(&f, &f.c, 0), -EPROTO);
	fixture_finish(&f);
}

static void slow_failure_is_busy(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	fixture_listen(&f);
	f.b.fail = -EINPROGRESS;
	assert_int_equal(send_request(&f, PLUG, 0, 2), -EINPROGRESS);
	journal_clear(&f.journal);
	assert_int_equal(done(&f, &f.b, -ENOMEM), 0);
	journal_expect(&f.journal, "a-0:4");
	assert_false(waits(&f));
	assert_int_equal(complete(&f, 0), BUSY);
	assert_non_null(strstr(f.err.text, strerror(ENOMEM)));
	assert_int_equal(fixture_info(&f).plugged_size, 0);
	f.b.fail = 0;
	assert_int_equal(ask(&f, PLUG, block_addr(0), 2), ACK);
	journal_expect(&f.journal, "a+0:4 b+0:4 c+0:4");
	fixture_finish(&f);
}

static void giving_up_tells_who_is_at_it(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	fixture_listen(&f);
	f.b.fail = -EINPROGRESS;
	assert_int_equal(send_request(&f, PLUG, 0, 2), -EINPROGRESS);
	journal_clear(&f.journal);
	assert_int_equal(complete(&f, -ECANCELED), BUSY);
	journal_expect(&f.journal, "b-0:4 a-0:4");
	assert_int_equal(done(&f, &f.b, 0), -EPROTO);
	fixture_finish(&f);
	journal_expect(&f.journal, "");
}

/* All have heard, and then it comes to nothing. */
static void giving_up_after_tells_all(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	fixture_listen(&f);
	f.c.fail = -EINPROGRESS;
	assert_int_equal(send_request(&f, PLUG, 0, 2), -EINPROGRESS);
	assert_int_equal(done(&f, &f.c, 0), 0);
	journal_clear(&f.journal);
	assert_int_equal(complete(&f, -ECANCELED), BUSY);
	journal_expect(&f.journal, "c-0:4 b-0:4 a-0:4");
	fixture_finish(&f);
}

static void with_pages_populated_before(void **state)
{
	const struct pm_device_config config = {
		.addr = FIXTURE_ADDR,
		.block_size = FIXTURE_BLOCK,
		.requested_size = 64 * MIB,
		.prealloc = true,
		.async = true,
	};
	struct fixture f;

	(void)state;
	fixture_init_with(&f, &config, FIXTURE_REGION);
	fixture_listen(&f);
	f.a.fail = -EINPROGRESS;
	assert_int_equal(send_request(&f, PLUG, 0, 1), -EINPROGRESS);
	assert_false(waits(&f));
	assert_int_equal(pm_device_pending_work(f.dev, 0, 2 * MIB, &f.err), 0);
	assert_int_equal(complete(&f, 0), -EINPROGRESS);
	assert_true(waits(&f));
	assert_int_equal(done(&f, &f.a, 0), 0);
	journal_expect(&f.journal, "a!0:2 b+0:2 c+0:2");
	assert_int_equal(complete(&f, 0), ACK);
	assert_int_equal(fixture_info(&f).plugged_size, 2 * MIB);
	fixture_finish(&f);
}

/* What could not be unplugged was in use: nobody waits for it. */
static void shown_again_without_waiting(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	fixture_listen(&f);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 2), ACK);
	journal_clear(&f.journal);
	f.b.fail = -EINPROGRESS;
	fault_fail(FAULT_DONTNEED, 1, ENOMEM);
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 2), BUSY);
	journal_expect(&f.journal, "c-0:4 b-0:4 a-0:4 a+0:4 b!0:4 c+0:4");
	assert_false(pm_device_pending(f.dev, NULL));
	assert_int_equal(done(&f, &f.b, 0), -EPROTO);
	fixture_finish(&f);
}

static void leaving_ends_the_request(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	fixture_listen(&f);
	assert_int_equal(ask(&f, PLUG, block_addr(8), 1), ACK);
	f.b.fail = -EINPROGRESS;
	assert_int_equal(send_request(&f, PLUG, 0, 2), -EINPROGRESS);
	journal_clear(&f.journal);
	/* Of those that are not at it, one has heard and one has not. */
	pm_device_remove_listener(f.dev, &f.c.listener);
	journal_expect(&f.journal, "c-16:2");
	pm_device_remove_listener(f.dev, &f.a.listener);
	journal_expect(&f.journal, "a-0:4 a-16:2");
	pm_device_remove_listener(f.dev, &f.b.listener);
	journal_expect(&f.journal, "b-0:4 b-16:2");
	assert_int_equal(complete(&f, 0), BUSY);
	assert_int_equal(fixture_info(&f).plugged_size, 2 * MIB);
	fixture_finish(&f);
}

static void destroyed_while_one_is_at_it(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	fixture_listen(&f);
	assert_int_equal(ask(&f, PLUG, block_addr(8), 1), ACK);
	f.b.fail = -EINPROGRESS;
	assert_int_equal(send_request(&f, PLUG, 0, 2), -EINPROGRESS);
	journal_clear(&f.journal);
	fixture_finish(&f);
	journal_expect(&f.journal, "b-0:4 a-0:4 c-16:2 b-16:2 a-16:2");
}

/* ---- both ---------------------------------------------------------------- */

static void slow_and_late(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 2), ACK);
	assert_int_equal(ask(&f, PLUG, block_addr(4), 1), ACK);
	f.a.fail = -EINPROGRESS;
	assert_int_equal(add(&f, &f.a), -EINPROGRESS);
	journal_expect(&f.journal, "a!0:4");
	assert_false(pm_device_pending(f.dev, NULL));
	assert_int_equal(send_request(&f, UNPLUG, 0, 2), -EBUSY);
	assert_non_null(strstr(f.err.text, "came late"));
	assert_int_equal(pm_device_system_reset(f.dev, &f.err), -EBUSY);
	assert_int_equal(add(&f, &f.b), -EBUSY);
	assert_int_equal(done(&f, &f.a, 0), -EINPROGRESS);
	journal_expect(&f.journal, "a!8:2");
	assert_int_equal(done(&f, &f.a, 0), 0);
	f.a.fail = 0;
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 2), ACK);
	journal_expect(&f.journal, "a-0:4");
	fixture_finish(&f);
}

static void slow_and_late_and_failing(void **state)
{
	struct fixture f;

	(void)state;
	init(&f);
	assert_int_equal(ask(&f, PLUG, block_addr(0), 2), ACK);
	assert_int_equal(ask(&f, PLUG, block_addr(4), 1), ACK);
	f.a.fail = -EINPROGRESS;
	assert_int_equal(add(&f, &f.a), -EINPROGRESS);
	assert_int_equal(done(&f, &f.a, 0), -EINPROGRESS);
	journal_clear(&f.journal);
	assert_int_equal(done(&f, &f.a, -EFAULT), -EFAULT);
	journal_expect(&f.journal, "a-0:4");
	assert_int_equal(ask(&f, UNPLUG, block_addr(0), 2), ACK);

	assert_int_equal(add(&f, &f.a), -EINPROGRESS);
	journal_clear(&f.journal);
	pm_device_remove_listener(f.dev, &f.a.listener);
	journal_expect(&f.journal, "a-8:2");
	assert_int_equal(add(&f, &f.a), -EINPROGRESS);
	journal_clear(&f.journal);
	fixture_finish(&f);
	journal_expect(&f.journal, "a-8:2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hears_of_all_that_is_plugged),
		cmocka_unit_test(failing_late_is_undone),
		cmocka_unit_test(sees_the_maximum_first),
		cmocka_unit_test(who_leaves_hears_discard),
		cmocka_unit_test(slow_populate_keeps_the_request),
		cmocka_unit_test(slow_failure_is_busy),
		cmocka_unit_test(giving_up_tells_who_is_at_it),
		cmocka_unit_test(giving_up_after_tells_all),
		cmocka_unit_test(with_pages_populated_before),
		cmocka_unit_test(shown_again_without_waiting),
		cmocka_unit_test(leaving_ends_the_request),
		cmocka_unit_test(destroyed_while_one_is_at_it),
		cmocka_unit_test(slow_and_late),
		cmocka_unit_test(slow_and_late_and_failing),
	};

	return cmocka_run_group_tests_name("listener_late", tests, NULL, NULL);
}
