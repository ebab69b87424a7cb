/* SPDX-License-Identifier: BSD-3-Clause */
/* A listener that comes when memory is plugged already. */
#include "join.h"

#include <errno.h>

static void discard(const struct join *j, struct block_range run)
{
	struct extent e = region_extent(j->plug->region, run);

	if (j->listener->discard)
		j->listener->discard(j->listener, e.offset, e.size);
}

/* Of all that it was told before what it is at. */
static void forget(struct join *j)
{
	struct block_range told = { .count = j->run.first }, run;

	while (region_next_run(j->plug->region, &told, &run))
		discard(j, run);
	j->listener = NULL;
}

static int tell(struct join *j)
{
	struct pm_listener *l = j->listener;
	struct extent e = region_extent(j->plug->region, j->run);

	return l->populate ? l->populate(l, e.offset, e.size) : 0;
}

static int go_on(struct join *j)
{
	while (region_next_run(j->plug->region, &j->rest, &j->run)) {
		int ret = tell(j);

		if (ret < 0 && ret != -EINPROGRESS)
			forget(j);
		if (ret < 0)
			return ret;
	}
	listener_list_add(&j->plug->listeners, j->listener);
	j->listener = NULL;
	return 0;
}

int join_begin(struct join *j, struct pm_listener *l)
{
	int ret = l->start ? l->start(l, j->plug->region->size) : 0;

	if (ret < 0)
		return ret;
	j->listener = l;
	j->rest = region_usable_blocks(j->plug->region);
	return go_on(j);
}

int join_done(struct join *j, int result)
{
	if (!result)
		return go_on(j);
	forget(j);
	return result;
}

void join_abort(struct join *j)
{
	discard(j, j->run);
	forget(j);
}

int join_check_none(const struct join *j, struct pm_error *err)
{
	if (!j->listener)
		return 0;
	return pm_error_set(err, EBUSY,
			    "Memory device %s: its memory is being mapped for "
			    "one who came late",
			    j->plug->region->id);
}
