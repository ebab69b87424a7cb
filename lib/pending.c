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
 *  PLUG, guarded                       listeners         grant
 *  UNPLUG, UNPLUG_ALL    revoke        listeners         discard
 *
 * If discarding fails where blocks are to have their pages, what is gone of those
 * is had again in a third round.
 *
 * The range waits in struct pending. What is being plugged counts as
 * unplugged until then; what is being unplugged counts as plugged, but nobody
 * may use it any more, since nobody would free what comes back.
 *
 * A listener may take long to map what is plugged: the request then waits between
 * the two rounds, with nothing to be worked at, until it says that it is done.
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
	/* The listeners have heard of it: that was the first. */
	p->step = kind == PENDING_PLUG ? STEP_SECOND : STEP_FIRST;
	p->refused = 0;
	p->lost = false;
}

void pending_wait(struct pending *p, enum pending_kind kind,
		  struct block_range range)
{
	pending_begin(p, kind, range);
	p->step = STEP_WAITS;
}

static bool unplugs(const struct pending *p)
{
	return p->kind == PENDING_UNPLUG || p->kind == PENDING_UNPLUG_ALL;
}

static bool waits(const struct pending *p)
{
	return p->kind != PENDING_NONE && p->step == STEP_WAITS;
}

/* Whether all listeners have heard of it. */
static bool told(const struct pending *p)
{
	return p->kind != PENDING_NONE && p->step > STEP_WAITS;
}

/* While a listener is at it: it need not be done. */
static void stop_telling(struct pending *p)
{
	if (!waits(p))
		return;
	plug_untell(p->plug, p->range);
	p->step = STEP_FIRST;
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

int pending_told(struct pending *p, const struct pm_listener *l, int result)
{
	int ret;

	if (!waits(p) || p->plug->waits != l)
		return -EPROTO;
	ret = plug_told(p->plug, p->range, result);
	if (ret == -EINPROGRESS)
		return ret;
	p->step = ret ? STEP_FIRST : STEP_TOLD;
	p->refused = ret;
	return 0;
}

/* Whether a listener that was there has heard of what is being plugged. */
static bool knows_plug(const struct pending *p, const struct pm_listener *l)
{
	const struct pm_listener *at = p->plug->waits;

	if (!waits(p))
		return told(p) && !unplugs(p);
	while (at && at != l)
		at = at->prev;
	return at;
}

static void tell_discard(const struct pending *p, struct pm_listener *l,
			 struct block_range range)
{
	struct extent e = region_extent(p->plug->region, range);

	if (l->discard)
		l->discard(l, e.offset, e.size);
}

void pending_leave(struct pending *p, struct pm_listener *l)
{
	struct block_range rest = region_usable_blocks(p->plug->region), run;

	if (waits(p) && p->plug->waits == l) {
		stop_telling(p);
		p->refused = -ECANCELED;
	} else if (knows_plug(p, l)) {
		tell_discard(p, l, p->range);
	}
	while (region_next_run(p->plug->region, &rest, &run)) {
		/* It heard that of what is being unplugged. */
		if (!told(p) || !pending_takes(p, run))
			tell_discard(p, l, run);
	}
}

void pending_forget(struct pending *p)
{
	stop_telling(p);
	if (!told(p))
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
		.waits = waits(p),
	};
	return true;
}

/* What is plugged in a range, run by run. */
static int work_unplug(struct pending *p, struct block_range range,
		       struct pm_error *err)
{
	struct block_range run;
	int ret = 0;

	if (p->step == STEP_UNDO) {
		if (plug_restore(p->plug, range) < 0)
			p->lost = true;
		return 0;
	}
	while (!ret && region_next_run(p->plug->region, &range, &run))
		ret = told(p) ? plug_discard(p->plug, run, err)
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
		return plug_grant(p->plug, range, err);
	case PENDING_UNPLUG:
	case PENDING_UNPLUG_ALL:
		return work_unplug(p, range, err);
	case PENDING_NONE:
		break;
	}
	return nothing_pending(p, err);
}

/* ---- the end ------------------------------------------------------------- */

/*
 * How far an unplugging that failed with @ret came. Who gives it up unplugs all
 * next: pages for that would be had in vain.
 */
static enum plug_done done(const struct pending *p, int ret)
{
	if (!told(p))
		return PLUG_REVOKED;
	if (ret == -ECANCELED || (p->step == STEP_UNDO && !p->lost))
		return PLUG_TOLD;
	return PLUG_DISCARDED;
}

/* What was discarded in vain is to be had again, which may take long. */
static bool needs_undoing(struct pending *p, int ret,
			  const struct pm_error *why)
{
	if (ret >= 0 || ret == -ECANCELED || p->step != STEP_SECOND ||
	    !unplugs(p) || !p->plug->populates)
		return false;
	p->step = STEP_UNDO;
	p->failed = ret;
	p->why = why ? *why : (struct pm_error){ "" };
	return true;
}

/* All is as it was, as far as that can be. */
static int undo(struct pending *p, int ret, const struct pm_error *why,
		struct pm_error *err)
{
	if (unplugs(p))
		return plug_keep(p->plug, p->range, done(p, ret), ret, why,
				 err);
	if (told(p))
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

/*
 * The first round has ended well. -EINPROGRESS when there is a second, or a
 * listener is to be done before that.
 */
static int turn(struct pending *p, struct pm_error *err)
{
	int ret = 0;

	if (unplugs(p)) {
		plug_hide_runs(p->plug, p->range);
		p->step = STEP_SECOND;
		return -EINPROGRESS;
	}
	ret = plug_show(p->plug, p->range, err);
	if (ret == -EINPROGRESS)
		p->step = STEP_WAITS;
	return ret;
}

/* What there is to do when a round has ended well, or a listener was done. */
static int go_on(struct pending *p, struct pm_error *err)
{
	switch (p->step) {
	case STEP_FIRST:
		return p->refused ? p->refused : turn(p, err);
	case STEP_WAITS:
		return -EINPROGRESS;
	case STEP_TOLD:
		if (p->kind == PENDING_POPULATE)
			return plug_grant(p->plug, p->range, err);
		p->step = STEP_SECOND;
		return -EINPROGRESS;
	case STEP_SECOND:
	case STEP_UNDO:
		break;
	}
	return 0;
}

ssize_t pending_complete(struct pending *p, int result,
			 const struct pm_error *why, void *response,
			 size_t response_size, struct pm_error *err)
{
	struct pm_error text = { "" }, mine = { "" };
	int ret = wire_check_response_size(response_size, err);

	if (ret < 0)
		return ret;
	if (p->kind == PENDING_NONE)
		return nothing_pending(p, err);
	ret = result;
	if (needs_undoing(p, ret, why))
		return -EINPROGRESS;
	if (p->step == STEP_UNDO && ret != -ECANCELED) {
		p->lost = p->lost || ret;
		ret = p->failed;
		why = &p->why;
	}
	if (!ret) {
		ret = go_on(p, &mine);
		if (ret == -EINPROGRESS)
			return ret;
		why = &mine;
	}
	stop_telling(p);
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
