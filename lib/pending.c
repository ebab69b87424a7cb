/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests whose work is left to the caller, in parts, on threads of its own.
 *
 * Theory of operation. What the host has to do for a request takes long where
 * there is much memory: a caller that does all on one thread would answer
 * nobody meanwhile. So the work is done in rounds, with the listeners told
 * between two of them, and the map of plugged blocks changes last:
 *
 *  kind                  first round   then              second round
 *  PLUG, with its pages  populate      listeners, map
 *  PLUG, guarded         cover         listeners         grant
 *  UNPLUG, UNPLUG_ALL    revoke        listeners         discard
 *
 * The range waits in struct pending. What is being plugged counts as
 * unplugged until then; what is being unplugged counts as plugged, but nobody
 * may use it any more, since nobody would free what comes back.
 *
 * A failure of any part ends the request with BUSY, and all is as before.
 */
#include "pending.h"

#include <errno.h>

#include "usable.h"
#include "wire.h"

bool pending_wanted(const struct pending *p, enum pending_kind kind,
		    uint64_t size)
{
	if (!p->async)
		return false;
	if (kind == PENDING_POPULATE)
		return true;
	/* Where nobody is kept from anything, a PLUG is no work. */
	if (kind == PENDING_PLUG && !p->plug->memory->ops->grant)
		return false;
	return size && size >= p->async_size;
}

void pending_begin(struct pending *p, enum pending_kind kind,
		   struct block_range range)
{
	p->kind = kind;
	p->range = range;
	p->told = false;
}

static bool unplugs(const struct pending *p)
{
	return p->kind == PENDING_UNPLUG || p->kind == PENDING_UNPLUG_ALL;
}

bool pending_takes(const struct pending *p, struct block_range range)
{
	return unplugs(p) && range.first < p->range.first + p->range.count &&
	       p->range.first < range.first + range.count;
}

bool pending_next_run(const struct pending *p, struct block_range rest,
		      struct block_range *run)
{
	const struct block_range *taken = &p->range;

	while (region_next_run(p->plug->region, &rest, run)) {
		uint64_t end = run->first + run->count;

		if (!pending_takes(p, *run))
			return true;
		if (run->first < taken->first) {
			run->count = taken->first - run->first;
			return true;
		}
		run->first = taken->first + taken->count;
		run->count = end > run->first ? end - run->first : 0;
		if (run->count)
			return true;
	}
	return false;
}

int pending_check_none(const struct pending *p, struct pm_error *err)
{
	if (p->kind == PENDING_NONE)
		return 0;
	return pm_error_set(err, EBUSY,
			    "Memory device %s: a request is pending",
			    p->plug->region->id);
}

void pending_forget(struct pending *p)
{
	if (!p->told)
		return;
	if (unplugs(p))
		region_unmark(p->plug->region, p->range);
	else
		plug_hide(p->plug, p->range);
}

bool pending_describe(const struct pending *p, struct pm_pending *out)
{
	const struct region *r = p->plug->region;
	struct extent e;

	if (p->kind == PENDING_NONE)
		return false;
	if (!out)
		return true;
	e = region_extent(r, p->range);
	*out = (struct pm_pending){
		.offset = e.offset,
		.size = e.size,
		/* All else is done to whole blocks. */
		.unit = p->kind == PENDING_POPULATE ? p->plug->memory->page_size
						    : r->block_size,
		.unplugs = unplugs(p),
	};
	return true;
}

/* What is plugged in a range, run by run. */
static int work_unplug(struct pending *p, struct block_range range,
		       struct pm_error *err)
{
	struct block_range run;
	int ret = 0;

	while (!ret && region_next_run(p->plug->region, &range, &run))
		ret = p->told ? plug_discard(p->plug, run, err)
			      : plug_revoke(p->plug, run, err);
	return ret;
}

static int nothing_pending(const struct pending *p, struct pm_error *err)
{
	return pm_error_set(err, EPROTO,
			    "Memory device %s: no request is pending",
			    p->plug->region->id);
}

int pending_work(struct pending *p, uint64_t offset, uint64_t size,
		 struct pm_error *err)
{
	struct provider *memory = p->plug->memory;
	const struct region *r = p->plug->region;
	const struct block_range range = {
		.first = offset / r->block_size,
		.count = size / r->block_size,
	};

	switch (p->kind) {
	case PENDING_POPULATE:
		return memory->ops->populate(
			memory, (struct extent){ offset, size }, err);
	case PENDING_PLUG:
		return p->told ? plug_grant(p->plug, range, err)
			       : plug_cover(p->plug, range, err);
	case PENDING_UNPLUG:
	case PENDING_UNPLUG_ALL:
		return work_unplug(p, range, err);
	case PENDING_NONE:
		break;
	}
	return nothing_pending(p, err);
}

/* ---- the end ------------------------------------------------------------- */

/* All is as it was, as far as that can be. */
static int undo(struct pending *p, int ret, const struct pm_error *why,
		struct pm_error *err)
{
	if (unplugs(p))
		return plug_keep(p->plug, p->range, p->told, ret, why, err);
	if (p->told)
		plug_hide(p->plug, p->range);
	return plug_failed(p->plug, p->range, ret, why, err);
}

static void finish(struct pending *p)
{
	if (!unplugs(p)) {
		region_mark(p->plug->region, p->range);
		return;
	}
	region_unmark(p->plug->region, p->range);
	if (p->kind == PENDING_UNPLUG_ALL)
		/* As it may, what cannot shrink keeps its size. */
		usable_shrink(p->plug->region, p->plug->memory, NULL);
}

/* The first round has ended well. 1 when there is a second. */
static int turn(struct pending *p, struct pm_error *err)
{
	if (p->kind == PENDING_POPULATE)
		return plug_show(p->plug, p->range, err);
	if (unplugs(p)) {
		plug_hide_runs(p->plug, p->range);
	} else {
		int ret = plug_tell(p->plug, p->range, err);

		if (ret < 0)
			return ret;
	}
	p->told = true;
	return 1;
}

ssize_t pending_complete(struct pending *p, int result,
			 const struct pm_error *why, void *response,
			 size_t response_size, struct pm_error *err)
{
	struct pm_error text = { "" }, mine;
	int ret = wire_check_response_size(response_size, err);

	if (ret < 0)
		return ret;
	if (p->kind == PENDING_NONE)
		return nothing_pending(p, err);
	ret = result;
	if (!ret && !p->told) {
		ret = turn(p, &mine);
		if (ret > 0)
			return -EINPROGRESS;
		why = &mine;
	}
	if (ret < 0)
		undo(p, ret, why, &text);
	else
		finish(p);
	p->kind = PENDING_NONE;
	if (err)
		*err = text;
	wire_encode(ret < 0 ? RESPONSE_BUSY : RESPONSE_ACK, STATE_PLUGGED,
		    response);
	return PM_RESPONSE_SIZE;
}
