/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pool of workers: every part runs once and beside others, the first
 * failure wins, and a job can be cancelled and stopped at any moment.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/loop.h"
#include "host/workers.h"

#define PARTS_MAX 1000
#define NONE      UINT64_MAX

struct work {
	struct workers_job job;
	struct workers *workers;
	atomic_uint ran[PARTS_MAX];
	atomic_uint total;
	uint64_t fail_at; /* this part fails */
	atomic_bool gate; /* parts wait while it is shut */
	atomic_bool entered;
	pthread_t main;
	unsigned int dones;
	int result;
	char why[PM_ERROR_MAX];
	unsigned int again; /* done() starts it this often again */
};

struct fixture {
	struct loop *loop;
	struct workers *workers;
};

static int work_part(void *opaque, uint64_t index, struct pm_error *err)
{
	struct work *work = opaque;

	atomic_store(&work->entered, true);
	while (atomic_load(&work->gate))
		usleep(100);
	atomic_fetch_add(&work->ran[index], 1);
	atomic_fetch_add(&work->total, 1);
	/* Work that takes long: it must not all be begun in vain. */
	if (index > work->fail_at)
		usleep(10000);
	if (index == work->fail_at)
		return pm_error_set(err, EIO, "part %d fails", (int)index);
	return 0;
}

static void work_done(void *opaque, int result, const struct pm_error *why)
{
	struct work *work = opaque;

	assert_true(pthread_equal(pthread_self(), work->main));
	work->dones++;
	work->result = result;
	strcpy(work->why, why->text);
	if (work->again) {
		work->again--;
		assert_int_equal(workers_start(work->workers, &work->job), 0);
	}
}

static struct work *work_new(struct fixture *f, uint64_t nr_parts)
{
	struct work *work = calloc(1, sizeof(*work));

	assert_non_null(work);
	work->job.part = work_part;
	work->job.done = work_done;
	work->job.opaque = work;
	work->job.nr_parts = nr_parts;
	work->workers = f->workers;
	work->fail_at = NONE;
	work->main = pthread_self();
	return work;
}

static void work_start(struct work *work)
{
	assert_int_equal(workers_start(work->workers, &work->job), 0);
}

/* Shut before it starts, so that a part is in it when this returns. */
static void work_start_and_enter(struct work *work)
{
	atomic_store(&work->gate, true);
	work_start(work);
	while (!atomic_load(&work->entered))
		usleep(100);
}

static void await(struct fixture *f, const struct work *work,
		  unsigned int dones)
{
	while (work->dones < dones)
		assert_int_equal(loop_run_once(f->loop), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(loop_create(&f->loop), 0);
	assert_int_equal(workers_create(f->loop, &f->workers), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	workers_destroy(f->workers);
	loop_destroy(f->loop);
	free(f);
	return 0;
}

static void test_every_part_once(void **state)
{
	struct work *work = work_new(*state, PARTS_MAX);

	work_start(work);
	await(*state, work, 1);
	assert_int_equal(work->result, 0);
	assert_string_equal(work->why, "");
	assert_int_equal(workers_finished(work->workers, &work->job),
			 PARTS_MAX);
	for (unsigned int i = 0; i < PARTS_MAX; i++)
		assert_int_equal(work->ran[i], 1);
	free(work);
}

static void test_started_again(void **state)
{
	struct work *work = work_new(*state, 3);

	work->again = 20;
	work_start(work);
	await(*state, work, 21);
	assert_int_equal(work->total, 63);
	free(work);
}

static void test_several_jobs(void **state)
{
	struct work *work[5];

	for (unsigned int i = 0; i < 5; i++) {
		work[i] = work_new(*state, 50 + i);
		work_start(work[i]);
	}
	for (unsigned int i = 0; i < 5; i++) {
		await(*state, work[i], 1);
		assert_int_equal(work[i]->total, 50 + i);
		free(work[i]);
	}
}

static void test_failure(void **state)
{
	struct work *work = work_new(*state, PARTS_MAX);

	work->fail_at = 7;
	work_start(work);
	await(*state, work, 1);
	assert_int_equal(work->result, -EIO);
	assert_string_equal(work->why, "part 7 fails");
	/* What had not started then never did. */
	assert_in_range(work->total, 8, PARTS_MAX - 1);
	/* And the next job knows nothing of it. */
	work->fail_at = NONE;
	work_start(work);
	await(*state, work, 2);
	assert_int_equal(work->result, 0);
	free(work);
}

static void test_cancel(void **state)
{
	struct work *work = work_new(*state, PARTS_MAX);

	work_start_and_enter(work);
	workers_cancel(work->workers, &work->job);
	assert_int_equal(work->dones, 0);
	atomic_store(&work->gate, false);
	await(*state, work, 1);
	assert_int_equal(work->result, -ECANCELED);
	assert_string_equal(work->why, "it was cancelled");
	assert_in_range(work->total, 1, WORKERS_MAX);
	workers_cancel(work->workers, &work->job);
	assert_int_equal(work->dones, 1);
	free(work);
}

/* All parts ended, but done() has not come: it is a cancelled job still. */
static void test_cancel_late(void **state)
{
	struct work *work = work_new(*state, 2);

	work_start(work);
	while (workers_finished(work->workers, &work->job) < 2)
		usleep(100);
	workers_cancel(work->workers, &work->job);
	await(*state, work, 1);
	assert_int_equal(work->result, -ECANCELED);
	free(work);
}

/* A job that no worker has come to yet, behind one that takes them all. */
static void test_cancel_unstarted(void **state)
{
	struct work *first = work_new(*state, WORKERS_MAX);
	struct work *second = work_new(*state, 5);

	work_start_and_enter(first);
	work_start(second);
	workers_cancel(second->workers, &second->job);
	/* Beside the first, which waits yet. */
	atomic_store(&first->gate, false);
	await(*state, second, 1);
	assert_int_equal(second->result, -ECANCELED);
	await(*state, first, 1);
	assert_int_equal(first->result, 0);
	assert_int_equal(first->total, WORKERS_MAX);
	free(first);
	free(second);
}

static void *open_gate(void *opaque)
{
	struct work *work = opaque;

	usleep(20000);
	atomic_store(&work->gate, false);
	return NULL;
}

static void test_stop(void **state)
{
	struct work *work = work_new(*state, PARTS_MAX);
	struct work *other = work_new(*state, 10);
	pthread_t thread;

	work_start_and_enter(work);
	pthread_create(&thread, NULL, open_gate, work);
	workers_stop(work->workers, &work->job);
	assert_in_range(work->total, 1, WORKERS_MAX);
	/* Ended, but not done. */
	work_start(work);
	while (workers_finished(work->workers, &work->job) < PARTS_MAX)
		usleep(100);
	workers_stop(work->workers, &work->job);
	workers_stop(work->workers, &work->job);
	work_start(other);
	await(*state, other, 1);
	assert_int_equal(work->dones, 0);
	pthread_join(thread, NULL);
	free(work);
	free(other);
}

/* Cancelled by another thread, as a vCPU does it, at all kinds of moments. */
static void *cancel_often(void *opaque)
{
	struct work *work = opaque;

	for (unsigned int i = 0; i < 200; i++) {
		workers_cancel(work->workers, &work->job);
		usleep(50);
	}
	return NULL;
}

static void test_cancel_races(void **state)
{
	struct work *work = work_new(*state, 10);
	pthread_t thread;

	pthread_create(&thread, NULL, cancel_often, work);
	for (unsigned int i = 1; i <= 200; i++) {
		work_start(work);
		await(*state, work, i);
		assert_true(!work->result || work->result == -ECANCELED);
	}
	pthread_join(thread, NULL);
	assert_int_equal(work->dones, 200);
	free(work);
}

/* ---- parked -------------------------------------------------------------- */

/* As long as a part would take to start, and done() to be called. */
static void assert_parked(struct fixture *f, const struct work *work)
{
	unsigned int total = atomic_load(&work->total);

	workers_unpark(f->workers, &(struct workers_job){ 0 }); /* it rings */
	assert_int_equal(loop_run_once(f->loop), 0);
	usleep(1000);
	assert_int_equal(atomic_load(&work->total), total);
	assert_int_equal(work->dones, 0);
}

static void *open_soon(void *opaque)
{
	struct work *work = opaque;

	usleep(10000);
	atomic_store(&work->gate, false);
	return NULL;
}

/* Begins one of many parts, and parks it amid them. */
static struct work *work_park(struct fixture *f)
{
	struct work *work = work_new(f, PARTS_MAX);
	pthread_t opener;

	work_start_and_enter(work);
	assert_int_equal(pthread_create(&opener, NULL, open_soon, work), 0);
	workers_park(f->workers, &work->job);
	assert_false(atomic_load(&work->gate)); /* it waited for what ran */
	assert_true(atomic_load(&work->total) < PARTS_MAX);
	pthread_join(opener, NULL);
	return work;
}

static void parked_amid_its_parts(void **state)
{
	struct work *work = work_park(*state);
	struct fixture *f = *state;

	assert_parked(f, work);
	workers_unpark(f->workers, &work->job);
	await(f, work, 1);
	assert_int_equal(work->result, 0);
	assert_int_equal(atomic_load(&work->total), PARTS_MAX);
	free(work);
}

static void parked_when_it_has_ended(void **state)
{
	struct fixture *f = *state;
	struct work *work = work_new(f, 1);

	work_start(work);
	while (!workers_finished(f->workers, &work->job))
		usleep(100);
	workers_park(f->workers, &work->job);
	assert_parked(f, work);
	workers_unpark(f->workers, &work->job);
	await(f, work, 1);
	free(work);
}

static void started_while_parked(void **state)
{
	struct fixture *f = *state;
	struct work *work = work_new(f, 4);

	workers_park(f->workers, &work->job);
	work_start(work);
	assert_parked(f, work);
	assert_int_equal(atomic_load(&work->total), 0);
	workers_unpark(f->workers, &work->job);
	await(f, work, 1);
	assert_int_equal(atomic_load(&work->total), 4);
	free(work);
}

static void cancelled_while_parked(void **state)
{
	struct work *work = work_park(*state);
	struct fixture *f = *state;

	workers_cancel(f->workers, &work->job);
	assert_parked(f, work);
	workers_unpark(f->workers, &work->job);
	await(f, work, 1);
	assert_int_equal(work->result, -ECANCELED);
	free(work);
}

static void stopped_while_parked(void **state)
{
	struct work *work = work_park(*state);
	struct fixture *f = *state;

	workers_stop(f->workers, &work->job);
	assert_parked(f, work);
	free(work);
}

/* Others go on. */
static void one_of_two_is_parked(void **state)
{
	struct work *work = work_park(*state);
	struct fixture *f = *state;
	struct work *other = work_new(f, 16);

	work_start(other);
	await(f, other, 1);
	assert_int_equal(work->dones, 0);
	workers_stop(f->workers, &work->job);
	free(other);
	free(work);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_every_part_once),
		TEST(test_started_again),
		TEST(test_several_jobs),
		TEST(test_failure),
		TEST(test_cancel),
		TEST(test_cancel_late),
		TEST(test_cancel_unstarted),
		TEST(test_stop),
		TEST(test_cancel_races),
		TEST(parked_amid_its_parts),
		TEST(parked_when_it_has_ended),
		TEST(started_while_parked),
		TEST(cancelled_while_parked),
		TEST(stopped_while_parked),
		TEST(one_of_two_is_parked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
