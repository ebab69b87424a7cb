/* SPDX-License-Identifier: BSD-3-Clause */
/* Who must hear before memory comes and before it goes, in order. */
#ifndef PARAMEM_LISTENER_H
#define PARAMEM_LISTENER_H

#include <stdint.h>

#include "paramem.h"

/* All zeros is an empty list. */
struct listener_list {
	struct pm_listener *first;
	struct pm_listener *last;
};

void listener_list_add(struct listener_list *list, struct pm_listener *l);
void listener_list_remove(struct listener_list *list, struct pm_listener *l);

/*
 * Tells all, in the order of registration. When one fails, those that had
 * succeeded hear discard, in reverse, and its -errno is returned. -EINPROGRESS:
 * the listener in @waits will say later that it is done.
 */
int listener_list_populate(const struct listener_list *list, uint64_t offset,
			   uint64_t size, struct pm_listener **waits);
/* It says so now: goes on from there, and returns the same. */
int listener_list_resume(struct pm_listener *l, int result, uint64_t offset,
			 uint64_t size, struct pm_listener **waits);
/* It need not: those that were told hear discard, in reverse, it first. */
void listener_list_abort(struct pm_listener *l, uint64_t offset, uint64_t size);

/* Tells all, in reverse. */
void listener_list_discard(const struct listener_list *list, uint64_t offset,
			   uint64_t size);

#endif
