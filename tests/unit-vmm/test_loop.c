/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event loop: above all what callbacks may do to it.
 */
#include "../unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "host/loop.h"

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

static char fired[8];

static void fire(void *opaque)
{
	strcat(fired, opaque);
}

static void test_virtual_clock(void **state)
{
	struct loop_timer a, b, never;
	struct loop *loop;

	(void)state;
	*fired = '\0';
	assert_int_equal(loop_create(&loop), 0);
	loop_clock_virtual(loop);
	assert_int_equal(loop_clock_deadline(loop), UINT64_MAX);
	assert_int_equal(loop_timer_init(loop, &a, fire, "a"), 0);
	assert_int_equal(loop_timer_init(loop, &b, fire, "b"), 0);
	assert_int_equal(loop_timer_init(loop, &never, fire, "n"), 0);
	loop_timer_arm(&a, 20);
	loop_timer_arm(&b, 10);
	assert_int_equal(loop_clock_deadline(loop), 10000000);
	loop_clock_set(loop, 9999999);
	assert_string_equal(fired, "");
	loop_clock_set(loop, 30000000);
	assert_string_equal(fired, "ba");
	assert_false(a.armed);
	assert_int_equal(loop_clock_now(loop), 30000000);
	loop_timer_arm(&a, 1);
	loop_timer_finish(loop, &a);
	loop_clock_set(loop, 90000000);
	assert_string_equal(fired, "ba");
	loop_timer_finish(loop, &b);
	loop_timer_finish(loop, &never);
	loop_destroy(loop);
}

struct chain {
	struct loop *loop;
	struct loop_source source;
	int rest; /* times that it is ready again */
	int seen_idle;
};

static void chain_ready(void *opaque, uint32_t events)
{
	struct chain *c = opaque;
	uint64_t value;

	(void)events;
	assert_int_equal(read(c->source.fd, &value, sizeof(value)), 8);
	value = 1;
	if (c->rest-- > 1)
		assert_int_equal(write(c->source.fd, &value, 8), 8);
}

static void chain_idle(void *opaque)
{
	struct chain *c = opaque;

	assert_int_equal(c->rest, 0);
	c->seen_idle++;
}

static void test_idle_is_when_all_has_settled(void **state)
{
	struct chain c = { .rest = 3 };

	(void)state;
	assert_int_equal(loop_create(&c.loop), 0);
	c.source.fd = eventfd(1, EFD_CLOEXEC);
	c.source.fn = chain_ready;
	c.source.opaque = &c;
	assert_int_equal(loop_add(c.loop, &c.source, EPOLLIN), 0);
	loop_when_idle(c.loop, chain_idle, &c);
	loop_when_idle(c.loop, NULL, NULL); /* called off */
	loop_when_idle(c.loop, chain_idle, &c);
	while (!c.seen_idle)
		assert_int_equal(loop_run_once(c.loop), 0);
	assert_int_equal(c.seen_idle, 1);
	loop_remove(c.loop, &c.source);
	close(c.source.fd);
	loop_destroy(c.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remove_in_callback),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_timer_finishes_itself),
		cmocka_unit_test(test_virtual_clock),
		cmocka_unit_test(test_idle_is_when_all_has_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
