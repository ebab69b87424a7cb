/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread on which the guards of the memory devices work. */
#include "guard_watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "config/machine_config.h"

struct guard_watch {
	pthread_t thread;
	bool running;
	int wake;
	pthread_mutex_t lock; /* held but for waiting */
	bool quit;
	struct pm_device *devices[MACHINE_MEM_DEVICES_MAX];
	unsigned int nr;
};

static int sooner(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

/* Fills in what to wait for; returns how many. */
static nfds_t gather(const struct guard_watch *w, struct pollfd *fds)
{
	fds[0] = (struct pollfd){ .fd = w->wake, .events = POLLIN };
	for (unsigned int i = 0; i < w->nr; i++)
		fds[i + 1] = (struct pollfd){
			.fd = pm_device_guard_fd(w->devices[i]),
			.events = POLLIN,
		};
	return w->nr + 1;
}

static int handle_all(struct guard_watch *w)
{
	int timeout = -1;

	for (unsigned int i = 0; i < w->nr; i++)
		timeout =
			sooner(timeout, pm_device_guard_handle(w->devices[i]));
	return timeout;
}

static void *watch(void *opaque)
{
	struct guard_watch *w = opaque;
	struct pollfd fds[MACHINE_MEM_DEVICES_MAX + 1];
	int timeout = -1;
	uint64_t count;

	pthread_setname_np(pthread_self(), "guard");
	pthread_mutex_lock(&w->lock);
	while (!w->quit) {
		nfds_t nr = gather(w, fds);

		pthread_mutex_unlock(&w->lock);
		poll(fds, nr, timeout);
		pthread_mutex_lock(&w->lock);
		if ((fds[0].revents & POLLIN) &&
		    read(w->wake, &count, sizeof(count)) < 0)
			continue;
		timeout = handle_all(w);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void ring(struct guard_watch *w)
{
	const uint64_t one = 1;
	ssize_t n = write(w->wake, &one, sizeof(one));

	(void)n; /* full means rung */
}

int guard_watch_create(struct guard_watch **out)
{
	struct guard_watch *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return -ENOMEM;
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake < 0) {
		ret = -errno;
		free(w);
		return ret;
	}
	pthread_mutex_init(&w->lock, NULL);
	*out = w;
	return 0;
}

void guard_watch_destroy(struct guard_watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_mutex_unlock(&w->lock);
	ring(w);
	if (w->running)
		pthread_join(w->thread, NULL);
	pthread_mutex_destroy(&w->lock);
	close(w->wake);
	free(w);
}

int guard_watch_add(struct guard_watch *w, struct pm_device *device)
{
	int ret = 0;

	if (w->nr == MACHINE_MEM_DEVICES_MAX)
		return -ENOSPC;
	pthread_mutex_lock(&w->lock);
	w->devices[w->nr++] = device;
	pthread_mutex_unlock(&w->lock);
	if (!w->running)
		ret = -pthread_create(&w->thread, NULL, watch, w);
	if (ret) {
		w->nr--;
		return ret;
	}
	w->running = true;
	ring(w);
	return 0;
}

void guard_watch_remove(struct guard_watch *w, struct pm_device *device)
{
	pthread_mutex_lock(&w->lock);
	for (unsigned int i = 0; i < w->nr; i++) {
		if (w->devices[i] == device)
			w->devices[i] = w->devices[--w->nr];
	}
	pthread_mutex_unlock(&w->lock);
	ring(w);
}
