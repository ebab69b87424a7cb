/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Uses of unplugged memory, from the threads that notice them to the main
 * thread, and what is to be done about each.
 *
 * A guest that was stopped for one goes on with the very access when it is
 * continued, or it could not be continued. So what is at that place is let
 * through for a second; it comes to nothing, as all such accesses do. That is
 * not for one access alone, since a slow vCPU may take several attempts: the
 * page that it is lent can be taken back before it was of use.
 */
#ifndef VMM_VIOLATIONS_H
#define VMM_VIOLATIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/machine_config.h"

/* More than there are vCPUs; later ones just stop the guest again. */
#define VIOLATIONS_REPEATED_MAX 128

struct violation {
	uint64_t gpa;
	bool write;
	int vcpu;       /* -1: not known */
	uint64_t count; /* of its device so far */
	bool repeated;  /* it happens again when the guest continues */
};

struct violations {
	pthread_mutex_t lock;
	struct {
		struct violation last;
		bool fresh;
	} devices[MACHINE_MEM_DEVICES_MAX];
	uint64_t stopped[VIOLATIONS_REPEATED_MAX]; /* addresses of pages */
	unsigned int nr_stopped;
	uint64_t forgiven[VIOLATIONS_REPEATED_MAX];
	unsigned int nr_forgiven;
	int64_t forgiven_until; /* milliseconds of the monotonic clock */
};

void violations_init(struct violations *v);
void violations_finish(struct violations *v);

/* On any thread. Returns what to do: @policy, or VIOLATION_LOG. */
enum on_violation violations_note(struct violations *v, unsigned int device,
				  enum on_violation policy,
				  const struct violation *violation);

/* The last of a device that was not taken yet; false when there is none. */
bool violations_take(struct violations *v, unsigned int device,
		     struct violation *violation);

/* The guest continues. */
void violations_forgive(struct violations *v);
/* The guest starts anew. */
void violations_forget(struct violations *v);

#endif /* VMM_VIOLATIONS_H */
