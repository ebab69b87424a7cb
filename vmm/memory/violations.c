/* SPDX-License-Identifier: BSD-3-Clause */
/* Uses of unplugged memory, on their way to the main thread. */
#include "violations.h"

#include <string.h>

#include "host/clock.h"

/* Two accesses to a page are the same to a guard, whose pages may be huge. */
#define PAGE (UINT64_C(2) << 20)

#define FORGIVEN_MS 1000

void violations_init(struct violations *v)
{
	memset(v, 0, sizeof(*v));
	pthread_mutex_init(&v->lock, NULL);
}

void violations_finish(struct violations *v)
{
	pthread_mutex_destroy(&v->lock);
}

static bool is_forgiven(const struct violations *v, uint64_t page)
{
	if (!v->nr_forgiven || clock_now_ms() >= v->forgiven_until)
		return false;
	for (unsigned int i = 0; i < v->nr_forgiven; i++) {
		if (v->forgiven[i] == page)
			return true;
	}
	return false;
}

static enum on_violation judge(struct violations *v, enum on_violation policy,
			       const struct violation *violation)
{
	uint64_t page = violation->gpa / PAGE;

	if (policy == VIOLATION_LOG)
		return policy;
	if (violation->repeated && is_forgiven(v, page))
		return VIOLATION_LOG;
	if (violation->repeated && v->nr_stopped < VIOLATIONS_REPEATED_MAX)
		v->stopped[v->nr_stopped++] = page;
	return policy;
}

enum on_violation violations_note(struct violations *v, unsigned int device,
				  enum on_violation policy,
				  const struct violation *violation)
{
	enum on_violation action;

	pthread_mutex_lock(&v->lock);
	v->devices[device].last = *violation;
	v->devices[device].fresh = true;
	action = judge(v, policy, violation);
	pthread_mutex_unlock(&v->lock);
	return action;
}

bool violations_take(struct violations *v, unsigned int device,
		     struct violation *violation)
{
	bool fresh;

	pthread_mutex_lock(&v->lock);
	fresh = v->devices[device].fresh;
	if (fresh)
		*violation = v->devices[device].last;
	v->devices[device].fresh = false;
	pthread_mutex_unlock(&v->lock);
	return fresh;
}

void violations_forgive(struct violations *v)
{
	pthread_mutex_lock(&v->lock);
	memcpy(v->forgiven, v->stopped, sizeof(v->forgiven));
	v->nr_forgiven = v->nr_stopped;
	v->nr_stopped = 0;
	v->forgiven_until = clock_now_ms() + FORGIVEN_MS;
	pthread_mutex_unlock(&v->lock);
}

void violations_forget(struct violations *v)
{
	pthread_mutex_lock(&v->lock);
	v->nr_forgiven = 0;
	v->nr_stopped = 0;
	pthread_mutex_unlock(&v->lock);
}
