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
 * The range waits in pm_device.pending. What is being plugged counts as
 * unplugged until then; what is being unplugged counts as plugged, but nobody
 * may use it any more, since nobody would free what comes back.
 *
 * A failure of any part ends the request with BUSY, and all is as before.
 */
#include "pending.h"

#include <errno.h>

#include "device.h"
#include "plug.h"
#include "request.h"

bool pending_wanted(const struct pm_device *dev, enum pending_kind kind,
		    uint64_t size)
{
	if (!dev->async)
		return false;
	if (kind == PENDING_POPULATE)
		return true;
	/* Without a guard, a PLUG is no work. */
	if (kind == PENDING_PLUG && !dev->guard.ops)
		return false;
	return size && size >= dev->async_size;
}

void pending_begin(struct pm_device *dev, enum pending_kind kind,
		   struct block_range range)
{
	dev->pending = (struct pending){ .kind = kind, .range = range };
}

static bool unplugs(const struct pending *p)
{
	return p->kind == PENDING_UNPLUG || p->kind == PENDING_UNPLUG_ALL;
}

bool pending_takes(const struct pm_device *dev, struct block_range range)
{
	const struct pending *p = &dev->pending;

	return unplugs(p) && range.first < p->range.first + p->range.count &&
	       p->range.first < range.first + range.count;
}

int pending_check_none(const struct pm_device *dev, struct pm_error *err)
{
	if (dev->pending.kind == PENDING_NONE)
		return 0;
	return pm_error_set(err, EBUSY,
			    "Memory device %s: a request is pending", dev->id);
}

void pending_forget(struct pm_device *dev)
{
	const struct pending *p = &dev->pending;

	if (!p->told)
		return;
	if (unplugs(p))
		plug_unmark(dev, p->range);
	else
		plug_hide(dev, p->range);
}

bool pm_device_pending(const struct pm_device *dev, struct pm_pending *pending)
{
	const struct pending *p = &dev->pending;

	if (p->kind == PENDING_NONE)
		return false;
	if (!pending)
		return true;
	device_extent(dev, p->range, &pending->offset, &pending->size);
	/* The guard knows whole blocks. */
	pending->unit = p->kind == PENDING_POPULATE ? pm_ram_page_size(dev->ram)
						    : dev->block_size;
	pending->unplugs = unplugs(p);
	return true;
}

/* What is plugged in a range, run by run. */
static int work_unplug(struct pm_device *dev, struct block_range range,
		       struct pm_error *err)
{
	struct block_range run;
	int ret = 0;

	while (!ret && plug_next_run(dev, &range, &run))
		ret = dev->pending.told ? plug_discard(dev, run, err)
					: plug_revoke(dev, run, err);
	return ret;
}

int pm_device_pending_work(struct pm_device *dev, uint64_t offset,
			   uint64_t size, struct pm_error *err)
{
	const struct block_range range = {
		.first = offset / dev->block_size,
		.count = size / dev->block_size,
	};

	switch (dev->pending.kind) {
	case PENDING_POPULATE:
		return pm_ram_populate(dev->ram, offset, size, err);
	case PENDING_PLUG:
		return dev->pending.told ? plug_grant(dev, range, err)
					 : plug_cover(dev, range, err);
	case PENDING_UNPLUG:
	case PENDING_UNPLUG_ALL:
		return work_unplug(dev, range, err);
	case PENDING_NONE:
		break;
	}
	return pm_error_set(err, EPROTO,
			    "Memory device %s: no request is pending", dev->id);
}

/* ---- the end ------------------------------------------------------------- */

/* All is as it was, as far as that can be. */
static int undo(struct pm_device *dev, int ret, const struct pm_error *why,
		struct pm_error *err)
{
	const struct pending *p = &dev->pending;

	if (unplugs(p))
		return plug_keep(dev, p->range, p->told, ret, why, err);
	if (p->told)
		plug_hide(dev, p->range);
	return plug_failed(dev, p->range, ret, why, err);
}

static void finish(struct pm_device *dev)
{
	const struct pending *p = &dev->pending;

	if (!unplugs(p)) {
		plug_mark(dev, p->range);
		return;
	}
	plug_unmark(dev, p->range);
	if (p->kind == PENDING_UNPLUG_ALL)
		/* As it may, what cannot shrink keeps its size. */
		device_shrink_usable(dev, NULL);
}

/* The first round has ended well. 1 when there is a second. */
static int turn(struct pm_device *dev, struct pm_error *err)
{
	struct pending *p = &dev->pending;

	if (p->kind == PENDING_POPULATE)
		return plug_show(dev, p->range, err);
	if (unplugs(p)) {
		plug_hide_runs(dev, p->range);
	} else {
		int ret = plug_tell(dev, p->range, err);

		if (ret < 0)
			return ret;
	}
	p->told = true;
	return 1;
}

ssize_t pm_device_request_complete(struct pm_device *dev, int result,
				   const struct pm_error *why, void *response,
				   size_t response_size, struct pm_error *err)
{
	struct pending *p = &dev->pending;
	uint64_t before = dev->plugged_size;
	struct pm_error text = { "" }, mine;
	int ret = request_check_response_size(response_size, err);

	if (ret < 0)
		return ret;
	if (p->kind == PENDING_NONE)
		return pm_error_set(err, EPROTO,
				    "Memory device %s: no request is pending",
				    dev->id);
	ret = result;
	if (!ret && !p->told) {
		ret = turn(dev, &mine);
		if (ret > 0)
			return -EINPROGRESS;
		why = &mine;
	}
	if (ret < 0)
		undo(dev, ret, why, &text);
	else
		finish(dev);
	*p = (struct pending){ .kind = PENDING_NONE };
	if (err)
		*err = text;
	request_answer(ret < 0 ? RESPONSE_BUSY : RESPONSE_ACK, response);
	device_notify_plugged(dev, before);
	return PM_RESPONSE_SIZE;
}
