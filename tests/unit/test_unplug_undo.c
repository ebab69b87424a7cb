/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An UNPLUG that failed when some of its pages were gone: what is plugged has
 * all of its pages, where that was promised, and what could not be had again is
 * not plugged any more.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"
#include "host.h"
#include "pagemap.h"
#include "ram.h"
#include "ram_kinds.h"

#define BLOCKS 8 /* that are plugged */

struct undo {
	struct fixture f;
	const struct ram_kind *kind;
};

static void init(struct undo *u, void **state, bool async, enum pm_guard guard)
{
	const struct pm_device_config config = {
		.id = "vmem0",
		.addr = FIXTURE_ADDR,
		.block_size = FIXTURE_BLOCK,
		.requested_size = MAX,
		.prealloc = true,
		.async = async,
		.guard = guard,
	};

	memset(u, 0, sizeof(*u));
	u->kind = *state;
	fault_reset();
	recorder_init(&u->f.a, 'a', &u->f.journal);
	u->f.ram = kind_create(u->kind, MAX);
	assert_int_equal(pm_device_create(&config, u->f.ram, NULL, NULL,
					  &u->f.dev, &u->f.err),
			 0);
	assert_int_equal(pm_device_add_listener(u->f.dev, &u->f.a.listener), 0);
}

static void init_plugged(struct undo *u, void **state)
{
	init(u, state, false, PM_GUARD_OFF);
	assert_int_equal(ask(&u->f, PLUG, block_addr(0), BLOCKS), ACK);
	memset(pm_ram_host(u->f.ram), 0x77, BLOCKS * FIXTURE_BLOCK);
	journal_clear(&u->f.journal);
}

/* The pages go, and are found to be there nonetheless, or not to be known. */
static void spoil_discard(const struct undo *u)
{
	if (u->kind->config.backend == PM_RAM_MEMFD)
		fault_fail(FAULT_LSEEK, 1, EIO);
	else
		fault_resident(1);
}

/* Every plugged block has its pages, and only those. */
static void check_backing(struct undo *u, uint64_t plugged)
{
	assert_int_equal(fixture_info(&u->f).plugged_size, plugged);
	assert_int_equal(ram_backing(u->f.ram, MAX), plugged);
}

static void has_its_pages_again(void **state)
{
	struct undo u;

	init_plugged(&u, state);
	spoil_discard(&u);
	assert_int_equal(ask(&u.f, UNPLUG, block_addr(0), BLOCKS), BUSY);
	check_backing(&u, BLOCKS * FIXTURE_BLOCK);
	journal_expect(&u.f.journal, "a-0:16 a+0:16");
	assert_int_equal(ask(&u.f, UNPLUG, block_addr(0), BLOCKS), ACK);
	check_backing(&u, 0);
	fixture_finish(&u.f);
}

/* A page of its own: not the one of zeros, which a guard has all share. */
static bool is_none(uint64_t entry, const void *opaque)
{
	(void)opaque;
	return !(entry & PAGEMAP_OWN);
}

/* A page is behind each place that is plugged. */
static void check_guarded(struct undo *u)
{
	uint64_t size = BLOCKS * FIXTURE_BLOCK, found = 0;

	if (u->kind->config.backend != PM_RAM_ANON) {
		check_backing(u, size);
		return;
	}
	assert_int_equal(fixture_info(&u->f).plugged_size, size);
	assert_int_equal(pagemap_find(u->f.ram->sys->pagemap,
				      pm_ram_host(u->f.ram), size, is_none,
				      NULL, &found),
			 0);
	assert_int_equal(found, size);
}

/* Where anonymous memory cannot be protected, it is not freed either. */
static void guarded_has_its_pages_again(void **state)
{
	struct undo u;

	init(&u, state, false, PM_GUARD_AUTO);
	if (fixture_info(&u.f).guard_level == PM_GUARD_NONE) {
		fixture_finish(&u.f);
		skip();
	}
	assert_int_equal(ask(&u.f, PLUG, block_addr(0), BLOCKS), ACK);
	if (u.kind->config.backend == PM_RAM_ANON)
		fault_fail(FAULT_IOCTL, 1, EIO);
	else
		spoil_discard(&u);
	assert_int_equal(ask(&u.f, UNPLUG, block_addr(0), BLOCKS), BUSY);
	check_guarded(&u);
	assert_int_equal(ask(&u.f, UNPLUG, block_addr(0), BLOCKS), ACK);
	fixture_finish(&u.f);
}

/* Another process took the pages meanwhile: the sizes say so. */
static void what_is_gone_is_unplugged(void **state)
{
	struct undo u;

	init_plugged(&u, state);
	spoil_discard(&u);
	fault_fail_from(FAULT_POPULATE, 4, ENOMEM);
	assert_int_equal(ask(&u.f, UNPLUG, block_addr(0), BLOCKS), BUSY);
	fault_reset();
	check_backing(&u, 3 * FIXTURE_BLOCK);
	assert_non_null(strstr(u.f.err.text, "10 MiB of it"));
	assert_non_null(strstr(u.f.err.text, "unplugged"));
	assert_int_equal(ask_state(&u.f, block_addr(0), 3), PLUGGED);
	assert_int_equal(ask_state(&u.f, block_addr(3), 5), UNPLUGGED);
	journal_expect(&u.f.journal, "a-0:16 a+0:6");
	assert_int_equal(ask(&u.f, PLUG, block_addr(3), 5), ACK);
	check_backing(&u, BLOCKS * FIXTURE_BLOCK);
	fixture_finish(&u.f);
}

static void unplug_all_has_its_pages_again(void **state)
{
	struct undo u;

	init_plugged(&u, state);
	spoil_discard(&u);
	assert_int_equal(ask(&u.f, UNPLUG_ALL, 0, 0), BUSY);
	check_backing(&u, BLOCKS * FIXTURE_BLOCK);
	assert_int_equal(ask(&u.f, UNPLUG_ALL, 0, 0), ACK);
	fixture_finish(&u.f);
}

static void a_reset_has_its_pages_again(void **state)
{
	struct undo u;

	init_plugged(&u, state);
	spoil_discard(&u);
	assert_true(pm_device_system_reset(u.f.dev, NULL) < 0);
	check_backing(&u, BLOCKS * FIXTURE_BLOCK);
	assert_int_equal(pm_device_system_reset(u.f.dev, NULL), 0);
	check_backing(&u, 0);
	fixture_finish(&u.f);
}

/* ---- whatever fails ------------------------------------------------------ */

/* One after the other, with a host call that fails in one of them. */
static void life_of_blocks(struct undo *u)
{
	ask(&u->f, PLUG, block_addr(0), BLOCKS);
	ask(&u->f, UNPLUG, block_addr(2), 4);
	pm_device_set_requested(u->f.dev, MAX / 2, NULL);
	ask(&u->f, UNPLUG_ALL, 0, 0);
	ask(&u->f, PLUG, block_addr(0), 2);
	pm_device_system_reset(u->f.dev, NULL);
	pm_device_set_requested(u->f.dev, MAX, NULL);
	ask(&u->f, PLUG, block_addr(4), 4);
}

/* What is plugged has its pages, and nothing else has, wherever it failed. */
static void no_failure_leaves_a_half(void **state)
{
	unsigned int nth = 1;
	bool more = true;

	for (; more; nth++) {
		struct undo u;

		init(&u, state, false, PM_GUARD_OFF);
		fault_fail_any(nth, EAGAIN);
		life_of_blocks(&u);
		more = fault_hit() != NR_FAULTS;
		fault_fail_any(0, 0);
		check_backing(&u, fixture_info(&u.f).plugged_size);
		assert_int_equal(ask(&u.f, UNPLUG_ALL, 0, 0), ACK);
		check_backing(&u, 0);
		fixture_finish(&u.f);
	}
	assert_true(nth > 8);
}

/* ---- in rounds ----------------------------------------------------------- */

/* Sends a request that stays pending, and does its rounds. */
static int rounds(struct undo *u, int type, unsigned int *nr)
{
	struct pm_error why;
	unsigned char request[24] = { 0 }, response[10];
	struct pm_pending p;
	ssize_t ret;

	put_le(request, (uint64_t)type, 2);
	put_le(request + 8, block_addr(0), 8);
	put_le(request + 16, BLOCKS, 2);
	assert_int_equal(pm_device_request(u->f.dev, request, sizeof(request),
					   response, sizeof(response),
					   &u->f.err),
			 -EINPROGRESS);
	*nr = 0;
	do {
		int failed = 0;

		assert_true(pm_device_pending(u->f.dev, &p));
		for (uint64_t at = 0; at < p.size && !failed;
		     at += FIXTURE_BLOCK)
			failed = pm_device_pending_work(u->f.dev, p.offset + at,
							FIXTURE_BLOCK, &why);
		ret = pm_device_request_complete(u->f.dev, failed, &why,
						 response, sizeof(response),
						 &u->f.err);
		++*nr;
	} while (ret == -EINPROGRESS);
	assert_int_equal(ret, sizeof(response));
	return (int)get_le(response, 2);
}

/* Long work, so it is done in a round of its own. */
static void a_round_has_the_pages_again(void **state)
{
	unsigned int nr;
	struct undo u;

	init(&u, state, true, PM_GUARD_OFF);
	assert_int_equal(rounds(&u, PLUG, &nr), ACK);
	spoil_discard(&u);
	assert_int_equal(rounds(&u, UNPLUG, &nr), BUSY);
	assert_int_equal(nr, 3);
	check_backing(&u, BLOCKS * FIXTURE_BLOCK);
	spoil_discard(&u);
	fault_fail(FAULT_POPULATE, 1, ENOMEM);
	fault_fail(FAULT_ADVICE, 1, ENOMEM);
	assert_int_equal(rounds(&u, UNPLUG_ALL, &nr), BUSY);
	assert_int_equal(nr, 3);
	/* What could not be had in the round, could be after it. */
	check_backing(&u, BLOCKS * FIXTURE_BLOCK);
	assert_int_equal(rounds(&u, UNPLUG, &nr), ACK);
	assert_int_equal(nr, 2);
	check_backing(&u, 0);
	fixture_finish(&u.f);
}

/* ---- by somebody who writes ---------------------------------------------- */

struct writer {
	pthread_t thread;
	unsigned char *byte;
	atomic_bool end;
};

static void *write_always(void *opaque)
{
	struct writer *w = opaque;

	while (!w->end)
		__atomic_fetch_add(w->byte, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* Until it was refused, or a while has passed: that depends on luck. */
static void written_while_unplugged(void **state)
{
	unsigned int refused = 0;
	struct writer w = { 0 };
	struct undo u;

	init_plugged(&u, state);
	w.byte = (unsigned char *)pm_ram_host(u.f.ram) +
		 BLOCKS * FIXTURE_BLOCK - 1;
	assert_int_equal(pthread_create(&w.thread, NULL, write_always, &w), 0);
	for (int i = 0; i < 200 && !refused; i++) {
		if (ask(&u.f, UNPLUG, block_addr(0), BLOCKS) == BUSY) {
			refused++;
			check_backing(&u, BLOCKS * FIXTURE_BLOCK);
		} else {
			assert_int_equal(ask(&u.f, PLUG, block_addr(0), BLOCKS),
					 ACK);
		}
	}
	w.end = true;
	pthread_join(w.thread, NULL);
	print_message("refused %u times\n", refused);
	fixture_finish(&u.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(has_its_pages_again),
		KIND_TESTS(guarded_has_its_pages_again),
		KIND_TESTS(what_is_gone_is_unplugged),
		KIND_TESTS(unplug_all_has_its_pages_again),
		KIND_TESTS(a_reset_has_its_pages_again),
		KIND_TESTS(no_failure_leaves_a_half),
		KIND_TESTS(a_round_has_the_pages_again),
		KIND_TESTS(written_while_unplugged),
	};

	return cmocka_run_group_tests_name("unplug_undo", tests, NULL, NULL);
}
