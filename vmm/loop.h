/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The main thread's event loop: descriptors and one-shot timers on epoll.
 *
 * All calls belong to the thread that runs the loop; another thread makes
 * itself heard through an eventfd that is a source like any other.
 */
#ifndef VMM_LOOP_H
#define VMM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* Called with the epoll events (EPOLLIN, ...) that are pending. */
typedef void loop_fn(void *opaque, uint32_t events);

/*
 * One watched descriptor; the owner embeds it, and keeps it alive from
 * loop_add() to loop_remove(). Removing it inside any callback is allowed.
 */
struct loop_source {
	int fd;
	loop_fn *fn;
	void *opaque;
};

/* 0 or -errno. */
int loop_create(struct loop **loop);
void loop_destroy(struct loop *loop);

/* Watches @source->fd for @events (EPOLLIN, EPOLLOUT). 0 or -errno. */
int loop_add(struct loop *loop, struct loop_source *source, uint32_t events);
/* Changes what is watched for. */
int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events);
/* Stops watching; does not close the descriptor. */
void loop_remove(struct loop *loop, struct loop_source *source);

/*
 * A timer that fires once, @ms after loop_timer_arm(); arming it again moves
 * it. A timerfd underneath. 0 or -errno. Finishing a timer inside its own
 * callback is allowed, and finishing one that is all zeros does nothing.
 */
struct loop_timer {
	struct loop_source source;
	void (*fn)(void *opaque);
	void *opaque;
	bool armed;
};
int loop_timer_init(struct loop *loop, struct loop_timer *timer,
		    void (*fn)(void *opaque), void *opaque);
void loop_timer_arm(struct loop_timer *timer, unsigned int ms);
void loop_timer_finish(struct loop *loop, struct loop_timer *timer);

/*
 * Handles one batch of events, waiting for them; returns early when a signal
 * interrupts the wait. Not to be called from a callback. 0 or -errno.
 */
int loop_run_once(struct loop *loop);

#endif /* VMM_LOOP_H */
