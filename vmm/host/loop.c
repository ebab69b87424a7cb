/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event loop on epoll.
 *
 * Theory of operation: epoll_wait() fills a batch, whose entries point at the
 * sources. A callback may remove any source, itself included, and free it; so
 * removal also blanks the entries of the batch which have not been dispatched
 * yet. A source added by a callback is first seen by the next batch.
 *
 * Timers are timerfds. Where the clock is virtual they are a list instead, and
 * whoever moves the clock fires them.
 */
#include "loop.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LOOP_BATCH 32

struct loop {
	int epoll_fd;
	int batch_next; /* the first entry that is not dispatched yet */
	int batch_len;
	struct epoll_event batch[LOOP_BATCH];
	void (*idle)(void *opaque);
	void *idle_opaque;
	bool virtual_clock;
	uint64_t now;
	struct loop_timer *timers;
};

int loop_create(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int ret;

	if (!loop)
		return -ENOMEM;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		ret = -errno;
		free(loop);
		return ret;
	}
	*out = loop;
	return 0;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	close(loop->epoll_fd);
	free(loop);
}

static int loop_ctl(struct loop *loop, int op, struct loop_source *source,
		    uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (epoll_ctl(loop->epoll_fd, op, source->fd, &event) < 0)
		return -errno;
	return 0;
}

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return loop_ctl(loop, EPOLL_CTL_ADD, source, events);
}

int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return loop_ctl(loop, EPOLL_CTL_MOD, source, events);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	int i;

	loop_ctl(loop, EPOLL_CTL_DEL, source, 0);
	for (i = loop->batch_next; i < loop->batch_len; i++) {
		if (loop->batch[i].data.ptr == source)
			loop->batch[i].data.ptr = NULL;
	}
}

void loop_when_idle(struct loop *loop, void (*fn)(void *opaque), void *opaque)
{
	loop->idle = fn;
	loop->idle_opaque = opaque;
}

static void run_idle(struct loop *loop)
{
	void (*fn)(void *opaque) = loop->idle;

	loop->idle = NULL;
	if (fn)
		fn(loop->idle_opaque);
}

int loop_run_once(struct loop *loop)
{
	int n = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH,
			   loop->idle ? 0 : -1);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (!n)
		run_idle(loop);
	loop->batch_next = 0;
	loop->batch_len = n;
	while (loop->batch_next < loop->batch_len) {
		struct epoll_event *event = &loop->batch[loop->batch_next++];
		struct loop_source *source = event->data.ptr;

		if (source)
			source->fn(source->opaque, event->events);
	}
	loop->batch_len = 0;
	return 0;
}

/* ---- timers -------------------------------------------------------------- */

static void loop_timer_fired(void *opaque, uint32_t events)
{
	struct loop_timer *timer = opaque;
	uint64_t expirations;

	(void)events;
	/* Moved by a callback of the same batch: it has not expired then. */
	if (read(timer->source.fd, &expirations, sizeof(expirations)) < 0)
		return;
	timer->armed = false;
	timer->fn(timer->opaque);
}

static int timerfd_init(struct loop *loop, struct loop_timer *timer)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	timer->source = (struct loop_source){ .fd = fd,
					      .fn = loop_timer_fired,
					      .opaque = timer };
	ret = loop_add(loop, &timer->source, EPOLLIN);
	if (ret < 0)
		close(fd);
	return ret;
}

int loop_timer_init(struct loop *loop, struct loop_timer *timer,
		    void (*fn)(void *opaque), void *opaque)
{
	int ret = 0;

	*timer = (struct loop_timer){ .fn = fn, .opaque = opaque };
	if (!loop->virtual_clock) {
		ret = timerfd_init(loop, timer);
	} else {
		timer->loop = loop;
		timer->next = loop->timers;
		loop->timers = timer;
	}
	if (ret < 0)
		*timer = (struct loop_timer){ 0 };
	return ret;
}

void loop_timer_arm(struct loop_timer *timer, unsigned int ms)
{
	struct itimerspec when = {
		.it_value.tv_sec = ms / 1000,
		/* All zeros would disarm the timer. */
		.it_value.tv_nsec = ms ? ms % 1000 * 1000000L : 1,
	};

	timer->armed = true;
	if (timer->loop)
		timer->deadline = timer->loop->now + ms * UINT64_C(1000000);
	else
		timerfd_settime(timer->source.fd, 0, &when, NULL);
}

static void timer_unlink(struct loop *loop, const struct loop_timer *timer)
{
	struct loop_timer **at = &loop->timers;

	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
}

void loop_timer_finish(struct loop *loop, struct loop_timer *timer)
{
	if (!timer->fn)
		return;
	if (timer->loop) {
		timer_unlink(loop, timer);
	} else {
		loop_remove(loop, &timer->source);
		close(timer->source.fd);
	}
	*timer = (struct loop_timer){ 0 };
}

/* ---- the virtual clock --------------------------------------------------- */

void loop_clock_virtual(struct loop *loop)
{
	loop->virtual_clock = true;
}

uint64_t loop_clock_now(const struct loop *loop)
{
	return loop->now;
}

/* The armed timer that is due first, or NULL. */
static struct loop_timer *timer_first(const struct loop *loop)
{
	struct loop_timer *first = NULL;

	for (struct loop_timer *t = loop->timers; t; t = t->next)
		if (t->armed && (!first || t->deadline < first->deadline))
			first = t;
	return first;
}

uint64_t loop_clock_deadline(const struct loop *loop)
{
	const struct loop_timer *first = timer_first(loop);

	return first ? first->deadline : UINT64_MAX;
}

void loop_clock_set(struct loop *loop, uint64_t now)
{
	struct loop_timer *t;

	while ((t = timer_first(loop)) && t->deadline <= now) {
		loop->now = t->deadline;
		t->armed = false;
		t->fn(t->opaque);
	}
	loop->now = now;
}
