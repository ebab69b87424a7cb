/* SPDX-License-Identifier: BSD-3-Clause */
/* Who hears of a pm_ram's size, in order. */
#ifndef PARAMEM_RAM_LISTENER_H
#define PARAMEM_RAM_LISTENER_H

#include <stdint.h>

#include "paramem.h"

/* All zeros is an empty list. */
struct ram_listener_list {
	struct pm_ram_listener *first;
	struct pm_ram_listener *last;
};

/* One step between two sizes, of a memory with a maximum. */
struct ram_step {
	uint64_t from;
	uint64_t to;
	uint64_t max;
};

void ram_listener_list_add(struct ram_listener_list *list,
			   struct pm_ram_listener *l);
void ram_listener_list_remove(struct ram_listener_list *list,
			      struct pm_ram_listener *l);

/*
 * Both tell all, in the order of registration. When one fails, those that had
 * succeeded hear the counterpart, in reverse, and its -errno is returned.
 */
int ram_listeners_will_grow(const struct ram_listener_list *list,
			    struct ram_step step);
int ram_listeners_did_grow(const struct ram_listener_list *list,
			   struct ram_step step);

/* Both tell all, in reverse. */
void ram_listeners_will_shrink(const struct ram_listener_list *list,
			       struct ram_step step);
void ram_listeners_did_shrink(const struct ram_listener_list *list,
			      struct ram_step step);

#endif
