/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event loop: above all what callbacks may do to it.
 */
#include "../unit/cmocka_all.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop.h"

struct fixture {
	struct loop *loop;
	struct loop_source *sources[2];
	int calls;
};

static struct loop_source *add_ready(struct fixture *f, loop_fn *fn)
{
	struct loop_source *source = malloc(sizeof(*source));

	assert_non_null(source);
	*source = (struct loop_source){
		.fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC),
		.fn = fn,
		.opaque = f,
	};
	assert_int_equal(loop_add(f->loop, source, EPOLLIN), 0);
	return source;
}

static void drop(struct fixture *f, struct loop_source **source)
{
	if (!*source)
		return;
	loop_remove(f->loop, *source);
	close((*source)->fd);
	free(*source);
	*source = NULL;
}

/* Whichever comes first frees both: the other must not be called. */
static void drop_both(void *opaque, uint32_t events)
{
	struct fixture *f = opaque;

	assert_true(events & EPOLLIN);
	f->calls++;
	drop(f, &f->sources[0]);
	drop(f, &f->sources[1]);
}

static void test_remove_in_callback(void **state)
{
	struct fixture f = { 0 };

	(void)state;
	assert_int_equal(loop_create(&f.loop), 0);
	f.sources[0] = add_ready(&f, drop_both);
	f.sources[1] = add_ready(&f, drop_both);
	assert_int_equal(loop_run_once(f.loop), 0);
	assert_int_equal(f.calls, 1);
	loop_destroy(f.loop);
}

static void count(void *opaque)
{
	(*(int *)opaque)++;
}

static void test_timer(void **state)
{
	struct loop_timer timer;
	struct loop *loop;
	int calls = 0;

	(void)state;
	assert_int_equal(loop_create(&loop), 0);
	assert_int_equal(loop_timer_init(loop, &timer, count, &calls), 0);
	assert_false(timer.armed);
	loop_timer_arm(&timer, 0);
	assert_true(timer.armed);
	while (!calls)
		assert_int_equal(loop_run_once(loop), 0);
	assert_int_equal(calls, 1);
	assert_false(timer.armed);
	loop_timer_arm(&timer, 1000000);
	loop_timer_arm(&timer, 1);
	while (calls < 2)
		assert_int_equal(loop_run_once(loop), 0);
	loop_timer_finish(loop, &timer);
	loop_timer_finish(loop, &timer);
	loop_destroy(loop);
}

struct self_timer {
	struct loop *loop;
	struct loop_timer timer;
	bool done;
};

static void finish_itself(void *opaque)
{
	struct self_timer *self = opaque;

	loop_timer_finish(self->loop, &self->timer);
	self->done = true;
}

static void test_timer_finishes_itself(void **state)
{
	struct self_timer self = { 0 };

	(void)state;
	assert_int_equal(loop_create(&self.loop), 0);
	assert_int_equal(loop_timer_init(self.loop, &self.timer, finish_itself,
					 &self),
			 0);
	loop_timer_arm(&self.timer, 0);
	while (!self.done)
		assert_int_equal(loop_run_once(self.loop), 0);
	loop_destroy(self.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remove_in_callback),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_timer_finishes_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
