/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks come and go.
 *
 * Theory of operation: a block is marked plugged after all of the work that
 * plugs it, and unmarked after all of the work that unplugs it, so the map is
 * true whatever fails. Where a failure needs undoing, the undoing is:
 *
 *  state      step that fails     undone by
 *  unplugged  ram populate        the guard revokes, if it had granted; pages
 *                                 that are there are freed again
 *  unplugged  listeners populate  those told hear discard; pages that they
 *                                 touched are freed again
 *  unplugged  guard grants        all listeners hear discard; the same
 *  plugged    ram discard         listeners populate again, and the guard
 *                                 grants. That may fail too: the blocks stay
 *                                 plugged, yet some listener, or the guest,
 *                                 lacks them until they are unplugged again,
 *                                 and the sentence says so
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "device.h"
#include "plug.h"

/* The same range in bytes, from the start of the region. */
struct extent {
	uint64_t offset;
	uint64_t size;
};

static struct extent extent_of(const struct pm_device *dev,
			       struct block_range range)
{
	struct extent e = { 0, 0 };

	device_extent(dev, range, &e.offset, &e.size);
	return e;
}

/* @ret, and in @err a sentence about it if it is a failure. */
static int check(const struct pm_device *dev, struct extent e, int ret,
		 const char *what, struct pm_error *err)
{
	if (!ret)
		return 0;
	return pm_error_set(err, -ret,
			    "cannot %s %" PRIu64 " bytes at 0x%" PRIx64 ": %s",
			    what, e.size, dev->addr + e.offset, strerror(-ret));
}

/* ---- plugging ------------------------------------------------------------ */

/* Best effort: the answer is a failure in any case. */
static void empty_again(struct pm_device *dev, struct extent e)
{
	guard_revoke(&dev->guard, e.offset, e.size);
	guard_discard(&dev->guard, e.offset, e.size);
}

int plug_failed(struct pm_device *dev, struct block_range range, int ret,
		const struct pm_error *why, struct pm_error *err)
{
	struct extent e = extent_of(dev, range);
	struct pm_error plain;

	empty_again(dev, e);
	if (!why || !why->text[0]) {
		check(dev, e, ret, "plug", &plain);
		why = &plain;
	}
	return pm_error_set(err, -ret, "Memory device %s: %s", dev->id,
			    why->text);
}

int plug_cover(struct pm_device *dev, struct block_range range,
	       struct pm_error *err)
{
	struct extent e = extent_of(dev, range);

	return check(dev, e, guard_cover(&dev->guard, e.offset, e.size), "plug",
		     err);
}

int plug_grant(struct pm_device *dev, struct block_range range,
	       struct pm_error *err)
{
	struct extent e = extent_of(dev, range);

	return check(dev, e, guard_grant(&dev->guard, e.offset, e.size, false),
		     "plug", err);
}

int plug_tell(struct pm_device *dev, struct block_range range,
	      struct pm_error *err)
{
	struct extent e = extent_of(dev, range);

	return check(dev, e,
		     listener_list_populate(&dev->listeners, e.offset, e.size),
		     "plug", err);
}

void plug_mark(struct pm_device *dev, struct block_range range)
{
	assert(block_map_all_clear(&dev->plugged, range));
	block_map_set(&dev->plugged, range);
	dev->plugged_size += extent_of(dev, range).size;
}

/* Granted first, since a page can only be had where writing is allowed. */
int plug_prepare(struct pm_device *dev, struct block_range range,
		 struct pm_error *err)
{
	int ret = plug_cover(dev, range, err);

	return ret ? ret : plug_grant(dev, range, err);
}

int plug_show(struct pm_device *dev, struct block_range range,
	      struct pm_error *err)
{
	int ret = plug_tell(dev, range, err);

	if (ret < 0)
		return ret;
	ret = plug_grant(dev, range, err);
	if (ret < 0)
		plug_hide(dev, range);
	return ret;
}

static int populate(struct pm_device *dev, struct block_range range,
		    struct pm_error *err)
{
	struct extent e = extent_of(dev, range);
	int ret = plug_prepare(dev, range, err);

	return ret ? ret : pm_ram_populate(dev->ram, e.offset, e.size, err);
}

/* Protected before it is shown, and granted at the very last. */
int plug_set(struct pm_device *dev, struct block_range range,
	     struct pm_error *err)
{
	struct pm_error why;
	int ret = dev->populates ? populate(dev, range, &why)
				 : plug_cover(dev, range, &why);

	if (!ret)
		ret = plug_show(dev, range, &why);
	if (ret < 0)
		return plug_failed(dev, range, ret, &why, err);
	plug_mark(dev, range);
	return 0;
}

/* ---- unplugging ---------------------------------------------------------- */

bool plug_next_run(const struct pm_device *dev, struct block_range *rest,
		   struct block_range *run)
{
	uint64_t end = rest->first + rest->count;

	if (!block_map_first_run(&dev->plugged, *rest, run))
		return false;
	rest->first = run->first + run->count;
	rest->count = end - rest->first;
	return true;
}

int plug_revoke(struct pm_device *dev, struct block_range range,
		struct pm_error *err)
{
	struct extent e = extent_of(dev, range);

	return check(dev, e, guard_revoke(&dev->guard, e.offset, e.size),
		     "free", err);
}

int plug_discard(struct pm_device *dev, struct block_range range,
		 struct pm_error *err)
{
	struct extent e = extent_of(dev, range);

	return check(dev, e, guard_discard(&dev->guard, e.offset, e.size),
		     "free", err);
}

void plug_hide(struct pm_device *dev, struct block_range range)
{
	struct extent e = extent_of(dev, range);

	listener_list_discard(&dev->listeners, e.offset, e.size);
}

void plug_hide_runs(struct pm_device *dev, struct block_range range)
{
	struct block_range run;

	while (plug_next_run(dev, &range, &run))
		plug_hide(dev, run);
}

void plug_unmark(struct pm_device *dev, struct block_range range)
{
	struct block_range run;

	while (plug_next_run(dev, &range, &run)) {
		block_map_clear(&dev->plugged, run);
		dev->plugged_size -= extent_of(dev, run).size;
	}
}

int plug_keep(struct pm_device *dev, struct block_range range, bool told,
	      int ret, const struct pm_error *why, struct pm_error *err)
{
	struct block_range rest = range, run;
	struct pm_error plain;
	int lost = 0;

	while (plug_next_run(dev, &rest, &run)) {
		struct extent e = extent_of(dev, run);
		int failed = 0;

		if (told)
			failed = listener_list_populate(&dev->listeners,
							e.offset, e.size);
		if (!failed)
			failed = guard_grant(&dev->guard, e.offset, e.size,
					     true);
		lost = lost ? lost : failed;
	}
	if (!why || !why->text[0]) {
		check(dev, extent_of(dev, range), ret, "free", &plain);
		why = &plain;
	}
	return pm_error_set(err, -ret, "Memory device %s: %s%s", dev->id,
			    why->text,
			    lost ? "; nor can it be mapped again" : "");
}

int plug_clear(struct pm_device *dev, struct block_range range,
	       struct pm_error *err)
{
	struct pm_error why;
	/* Access goes first, or a vCPU could bring freed pages back. */
	int ret = plug_revoke(dev, range, &why);

	assert(block_map_all_set(&dev->plugged, range));
	plug_hide(dev, range);
	if (!ret)
		ret = plug_discard(dev, range, &why);
	if (ret < 0)
		return plug_keep(dev, range, true, ret, &why, err);
	plug_unmark(dev, range);
	return 0;
}

int plug_clear_all(struct pm_device *dev, struct pm_error *err)
{
	struct block_range rest = device_usable_blocks(dev);
	struct block_range run;
	int first_failure = 0;

	while (dev->plugged_size && plug_next_run(dev, &rest, &run)) {
		/* The first failure explains best; @err keeps it. */
		int ret = plug_clear(dev, run, first_failure ? NULL : err);

		if (!first_failure)
			first_failure = ret;
	}
	return first_failure;
}

void plug_forget_all(struct pm_device *dev)
{
	plug_hide_runs(dev, device_usable_blocks(dev));
}
