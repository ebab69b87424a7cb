/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread that writes to a descriptor.
 *
 * Theory of operation. Bytes wait in a ring. The thread takes the longest piece
 * at its start, writes it without the lock, and then makes room; so whoever
 * puts bytes waits for nothing but the lock, which nobody holds over a write.
 *
 * A write that never returns cannot be ended from outside. So who destroys the
 * writer waits only so long, and then leaves the ring to the thread, which
 * frees it if it ever comes back.
 */
#include "writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct writer {
	int fd;
	void (*lost_fn)(void *opaque, int error);
	void *opaque;
	pthread_mutex_t lock; /* for all that follows */
	pthread_cond_t changed;
	pthread_t thread;
	bool ending;
	bool done;      /* the thread touches nothing any more, ... */
	bool abandoned; /* ... and nobody else does */
	bool told;
	bool telling; /* the owner is being called */
	uint64_t lost;
	size_t size;
	size_t start, used;
	uint8_t ring[];
};

static void writer_free(struct writer *w)
{
	close(w->fd);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* Counts a loss; true when it is the first, which is to be told. */
static bool count_lost(struct writer *w, size_t len)
{
	bool first = !w->told && !w->abandoned;

	w->told = true;
	w->lost += len;
	return first;
}

static void tell(struct writer *w, int error)
{
	if (w->lost_fn)
		w->lost_fn(w->opaque, error);
}

static size_t piece(const struct writer *w)
{
	size_t to_end = w->size - w->start;

	return w->used < to_end ? w->used : to_end;
}

/* Writes a piece, with the lock let go meanwhile. */
static void write_piece(struct writer *w)
{
	size_t len = piece(w);
	bool first = false;
	ssize_t n;
	int error;

	pthread_mutex_unlock(&w->lock);
	n = write(w->fd, w->ring + w->start, len);
	error = errno;
	pthread_mutex_lock(&w->lock);
	if (n < 0 && error == EINTR)
		return;
	if (n <= 0) {
		first = count_lost(w, len);
		n = len;
	}
	w->start = (w->start + n) % w->size;
	w->used -= n;
	if (!first)
		return;
	w->telling = true;
	pthread_mutex_unlock(&w->lock);
	tell(w, error);
	pthread_mutex_lock(&w->lock);
	w->telling = false;
}

static void *run(void *opaque)
{
	struct writer *w = opaque;
	bool abandoned;

	pthread_mutex_lock(&w->lock);
	while (!w->abandoned && (w->used || !w->ending)) {
		if (w->used)
			write_piece(w);
		else
			pthread_cond_wait(&w->changed, &w->lock);
	}
	w->done = true;
	abandoned = w->abandoned;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (abandoned)
		writer_free(w);
	return NULL;
}

/* Signals are for other threads. */
static int thread_start(struct writer *w)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!ret)
		pthread_setname_np(w->thread, "writer");
	return -ret;
}

int writer_create(int fd, size_t size, void (*lost)(void *opaque, int error),
		  void *opaque, struct writer **out)
{
	struct writer *w = calloc(1, sizeof(*w) + size);
	pthread_condattr_t attr;
	int ret;

	if (!w)
		return -ENOMEM;
	w->fd = fd;
	w->lost_fn = lost;
	w->opaque = opaque;
	w->size = size;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->changed, &attr);
	pthread_condattr_destroy(&attr);
	ret = thread_start(w);
	if (ret) {
		pthread_cond_destroy(&w->changed);
		pthread_mutex_destroy(&w->lock);
		free(w);
		return ret;
	}
	*out = w;
	return 0;
}

static void ring_add(struct writer *w, const uint8_t *data, size_t len)
{
	size_t at = (w->start + w->used) % w->size;
	size_t to_end = w->size - at;
	size_t first = len < to_end ? len : to_end;

	memcpy(w->ring + at, data, first);
	memcpy(w->ring, data + first, len - first);
	w->used += len;
}

bool writer_put(struct writer *w, const void *data, size_t len)
{
	bool fits, first = false;

	pthread_mutex_lock(&w->lock);
	fits = len <= w->size - w->used;
	if (fits)
		ring_add(w, data, len);
	else
		first = count_lost(w, len);
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (first)
		tell(w, 0);
	return fits;
}

uint64_t writer_lost(struct writer *w)
{
	uint64_t lost;

	pthread_mutex_lock(&w->lock);
	lost = w->lost;
	pthread_mutex_unlock(&w->lock);
	return lost;
}

static struct timespec in_ms(unsigned int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000l;
	if (t.tv_nsec >= 1000000000l) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000l;
	}
	return t;
}

uint64_t writer_destroy(struct writer *w, unsigned int ms)
{
	struct timespec deadline = in_ms(ms);
	pthread_t thread;
	uint64_t lost;
	bool done, late = false;

	if (!w)
		return 0;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_broadcast(&w->changed);
	while (!w->done && (w->telling || !late))
		late = pthread_cond_timedwait(&w->changed, &w->lock, &deadline);
	done = w->done;
	lost = w->lost + w->used;
	thread = w->thread;
	w->abandoned = !done;
	pthread_mutex_unlock(&w->lock);
	if (!done) {
		pthread_detach(thread);
		return lost;
	}
	pthread_join(thread, NULL);
	writer_free(w);
	return lost;
}
