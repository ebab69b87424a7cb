/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event loop on epoll.
 *
 * Theory of operation: epoll_wait() fills a batch, whose entries point at the
 * sources. A callback may remove any source, itself included, and free it; so
 * removal also blanks the entries of the batch which have not been dispatched
 * yet. A source added by a callback is first seen by the next batch.
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

int loop_run_once(struct loop *loop)
{
	int n = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, -1);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
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

int loop_timer_init(struct loop *loop, struct loop_timer *timer,
		    void (*fn)(void *opaque), void *opaque)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct loop_timer fresh = {
		.source = { .fd = fd, .fn = loop_timer_fired, .opaque = timer },
		.fn = fn,
		.opaque = opaque,
	};
	int ret;

	if (fd < 0)
		return -errno;
	*timer = fresh;
	ret = loop_add(loop, &timer->source, EPOLLIN);
	if (ret < 0) {
		close(fd);
		*timer = (struct loop_timer){ 0 };
	}
	return ret;
}

void loop_timer_arm(struct loop_timer *timer, unsigned int ms)
{
	struct itimerspec when = {
		.it_value.tv_sec = ms / 1000,
		/* All zeros would disarm the timer. */
		.it_value.tv_nsec = ms ? ms % 1000 * 1000000L : 1,
	};

	timerfd_settime(timer->source.fd, 0, &when, NULL);
	timer->armed = true;
}

void loop_timer_finish(struct loop *loop, struct loop_timer *timer)
{
	if (!timer->fn)
		return;
	loop_remove(loop, &timer->source);
	close(timer->source.fd);
	*timer = (struct loop_timer){ 0 };
}
