/* SPDX-License-Identifier: BSD-3-Clause */
/* Who hears of a pm_ram's size, in order. */
#include "ram_listener.h"

void ram_listener_list_add(struct ram_listener_list *list,
			   struct pm_ram_listener *l)
{
	l->prev = list->last;
	l->next = NULL;
	if (l->prev)
		l->prev->next = l;
	else
		list->first = l;
	list->last = l;
}

void ram_listener_list_remove(struct ram_listener_list *list,
			      struct pm_ram_listener *l)
{
	if (l->prev)
		l->prev->next = l->next;
	else
		list->first = l->next;
	if (l->next)
		l->next->prev = l->prev;
	else
		list->last = l->prev;
	l->prev = NULL;
	l->next = NULL;
}

static struct ram_step reversed(struct ram_step s)
{
	return (struct ram_step){ .from = s.to, .to = s.from, .max = s.max };
}

/* Both tell @l and those before it, in reverse. */
static void will_shrink_from(struct pm_ram_listener *l, struct ram_step s)
{
	for (; l; l = l->prev) {
		if (l->will_shrink)
			l->will_shrink(l, s.from, s.to, s.max);
	}
}

static void did_shrink_from(struct pm_ram_listener *l, struct ram_step s)
{
	for (; l; l = l->prev) {
		if (l->did_shrink)
			l->did_shrink(l, s.from, s.to, s.max);
	}
}

int ram_listeners_will_grow(const struct ram_listener_list *list,
			    struct ram_step s)
{
	struct pm_ram_listener *l;
	int ret;

	for (l = list->first; l; l = l->next) {
		ret = l->will_grow ? l->will_grow(l, s.from, s.to, s.max) : 0;
		if (ret < 0) {
			did_shrink_from(l->prev, reversed(s));
			return ret;
		}
	}
	return 0;
}

int ram_listeners_did_grow(const struct ram_listener_list *list,
			   struct ram_step s)
{
	struct pm_ram_listener *l;
	int ret;

	for (l = list->first; l; l = l->next) {
		ret = l->did_grow ? l->did_grow(l, s.from, s.to, s.max) : 0;
		if (ret < 0) {
			will_shrink_from(l->prev, reversed(s));
			return ret;
		}
	}
	return 0;
}

void ram_listeners_will_shrink(const struct ram_listener_list *list,
			       struct ram_step s)
{
	will_shrink_from(list->last, s);
}

void ram_listeners_did_shrink(const struct ram_listener_list *list,
			      struct ram_step s)
{
	did_shrink_from(list->last, s);
}
