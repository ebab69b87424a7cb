/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The main thread's event loop: descriptors and one-shot timers on epoll.
 *
 * All calls but loop_modify() belong to the thread that runs the loop; another
 * thread makes itself heard through an eventfd that is a source like any
 * other.
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
/* Changes what is watched for; a batch that is under way may not know. */
int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events);
/* Stops watching; does not close the descriptor. */
void loop_remove(struct loop *loop, struct loop_source *source);

/*
 * A timer that fires once, @ms after loop_timer_arm(); arming it again moves
 * it. 0 or -errno. Finishing a timer inside its own callback is allowed, and
 * finishing one that is all zeros does nothing.
 */
struct loop_timer {
	struct loop_source source; /* a timerfd, unless the clock is virtual */
	void (*fn)(void *opaque);
	void *opaque;
	bool armed;
	/* Where the clock is virtual. */
	struct loop *loop;
	uint64_t deadline;
	struct loop_timer *next;
};
int loop_timer_init(struct loop *loop, struct loop_timer *timer,
		    void (*fn)(void *opaque), void *opaque);
void loop_timer_arm(struct loop_timer *timer, unsigned int ms);
void loop_timer_finish(struct loop *loop, struct loop_timer *timer);

/*
 * A clock for tests, in place of the system's: it stands at 0 and moves by
 * loop_clock_set() alone. To be chosen before there are timers.
 */
void loop_clock_virtual(struct loop *loop);
/* Nanoseconds. */
uint64_t loop_clock_now(const struct loop *loop);
/* When the first timer is due; UINT64_MAX when none is armed. */
uint64_t loop_clock_deadline(const struct loop *loop);
/* Moves the clock on, and fires what is due by then in its order. */
void loop_clock_set(struct loop *loop, uint64_t now);

/*
 * Calls @fn once, when a look at all sources has found none of them ready: what
 * is under way has settled then. One at a time; NULL calls it off.
 */
void loop_when_idle(struct loop *loop, void (*fn)(void *opaque), void *opaque);

/*
 * Handles one batch of events, waiting for them; returns early when a signal
 * interrupts the wait. Not to be called from a callback. 0 or -errno.
 */
int loop_run_once(struct loop *loop);

#endif /* VMM_LOOP_H */
