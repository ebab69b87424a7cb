/* SPDX-License-Identifier: BSD-3-Clause */
/* Who must hear before memory comes and before it goes, in order. */
#include "listener.h"

#include <errno.h>

void listener_list_add(struct listener_list *list, struct pm_listener *l)
{
	l->prev = list->last;
	l->next = NULL;
	if (l->prev)
		l->prev->next = l;
	else
		list->first = l;
	list->last = l;
}

void listener_list_remove(struct listener_list *list, struct pm_listener *l)
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

/* Tells @l and those before it, in reverse. */
static void discard_back_from(struct pm_listener *l, uint64_t offset,
			      uint64_t size)
{
	for (; l; l = l->prev) {
		if (l->discard)
			l->discard(l, offset, size);
	}
}

/* Tells @l and those after it. */
static int populate_from(struct pm_listener *l, uint64_t offset, uint64_t size,
			 struct pm_listener **waits)
{
	for (; l; l = l->next) {
		int ret = l->populate ? l->populate(l, offset, size) : 0;

		if (ret == -EINPROGRESS)
			*waits = l;
		else if (ret < 0)
			discard_back_from(l->prev, offset, size);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int listener_list_populate(const struct listener_list *list, uint64_t offset,
			   uint64_t size, struct pm_listener **waits)
{
	return populate_from(list->first, offset, size, waits);
}

int listener_list_resume(struct pm_listener *l, int result, uint64_t offset,
			 uint64_t size, struct pm_listener **waits)
{
	if (!result)
		return populate_from(l->next, offset, size, waits);
	discard_back_from(l->prev, offset, size);
	return result;
}

void listener_list_abort(struct pm_listener *l, uint64_t offset, uint64_t size)
{
	discard_back_from(l, offset, size);
}

void listener_list_discard(const struct listener_list *list, uint64_t offset,
			   uint64_t size)
{
	discard_back_from(list->last, offset, size);
}
