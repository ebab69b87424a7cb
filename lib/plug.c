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

static int cannot(const struct pm_device *dev, struct extent e, int ret,
		  const char *what, const char *more, struct pm_error *err)
{
	return pm_error_set(err, -ret,
			    "Memory device %s: cannot %s %" PRIu64
			    " bytes at 0x%" PRIx64 ": %s%s",
			    dev->id, what, e.size, dev->addr + e.offset,
			    strerror(-ret), more);
}

/* Best effort: the answer is a failure in any case. */
static void empty_again(struct pm_device *dev, struct extent e)
{
	guard_revoke(&dev->guard, e.offset, e.size);
	guard_discard(&dev->guard, e.offset, e.size);
}

int plug_prepare(struct pm_device *dev, struct block_range range,
		 struct pm_error *err)
{
	struct extent e = extent_of(dev, range);
	int ret = guard_cover(&dev->guard, e.offset, e.size);

	if (!ret)
		ret = guard_grant(&dev->guard, e.offset, e.size, false);
	if (ret < 0) {
		empty_again(dev, e);
		return cannot(dev, e, ret, "plug", "", err);
	}
	return 0;
}

int plug_populate_failed(struct pm_device *dev, struct block_range range,
			 int ret, const struct pm_error *why,
			 struct pm_error *err)
{
	struct extent e = extent_of(dev, range);

	empty_again(dev, e);
	if (!why || !why->text[0])
		return cannot(dev, e, ret, "plug", "", err);
	return pm_error_set(err, -ret, "Memory device %s: %s", dev->id,
			    why->text);
}

int plug_populate(struct pm_device *dev, struct block_range range,
		  struct pm_error *err)
{
	struct extent e = extent_of(dev, range);
	struct pm_error why;
	int ret = pm_ram_populate(dev->ram, e.offset, e.size, &why);

	if (ret < 0)
		return plug_populate_failed(dev, range, ret, &why, err);
	return 0;
}

/* Protected before it is shown, and granted at the very last. */
static int show(struct pm_device *dev, struct extent e)
{
	int ret = guard_cover(&dev->guard, e.offset, e.size);

	if (!ret)
		ret = listener_list_populate(&dev->listeners, e.offset, e.size);
	if (ret < 0)
		return ret;
	ret = guard_grant(&dev->guard, e.offset, e.size, false);
	if (ret < 0)
		listener_list_discard(&dev->listeners, e.offset, e.size);
	return ret;
}

int plug_set(struct pm_device *dev, struct block_range range,
	     struct pm_error *err)
{
	struct extent e = extent_of(dev, range);
	int ret;

	assert(block_map_all_clear(&dev->plugged, range));
	ret = show(dev, e);
	if (ret < 0) {
		empty_again(dev, e);
		return cannot(dev, e, ret, "plug", "", err);
	}
	block_map_set(&dev->plugged, range);
	dev->plugged_size += e.size;
	return 0;
}

static int undo_discard(struct pm_device *dev, struct extent e, int why,
			struct pm_error *err)
{
	int ret = listener_list_populate(&dev->listeners, e.offset, e.size);

	if (!ret)
		ret = guard_grant(&dev->guard, e.offset, e.size, true);
	return cannot(dev, e, why, "free",
		      ret < 0 ? "; nor can it be mapped again" : "", err);
}

int plug_clear(struct pm_device *dev, struct block_range range,
	       struct pm_error *err)
{
	struct extent e = extent_of(dev, range);
	int ret;

	assert(block_map_all_set(&dev->plugged, range));
	/* Access goes first, or a vCPU could bring freed pages back. */
	ret = guard_revoke(&dev->guard, e.offset, e.size);
	listener_list_discard(&dev->listeners, e.offset, e.size);
	if (!ret)
		ret = guard_discard(&dev->guard, e.offset, e.size);
	if (ret < 0)
		return undo_discard(dev, e, ret, err);
	block_map_clear(&dev->plugged, range);
	dev->plugged_size -= e.size;
	return 0;
}

/* Takes the first run of plugged blocks off @rest. */
static bool next_run(const struct pm_device *dev, struct block_range *rest,
		     struct block_range *run)
{
	uint64_t end = rest->first + rest->count;

	if (!block_map_first_run(&dev->plugged, *rest, run))
		return false;
	rest->first = run->first + run->count;
	rest->count = end - rest->first;
	return true;
}

int plug_clear_all(struct pm_device *dev, struct pm_error *err)
{
	struct block_range rest = device_usable_blocks(dev);
	struct block_range run;
	int first_failure = 0;

	while (dev->plugged_size && next_run(dev, &rest, &run)) {
		/* The first failure explains best; @err keeps it. */
		int ret = plug_clear(dev, run, first_failure ? NULL : err);

		if (!first_failure)
			first_failure = ret;
	}
	return first_failure;
}

void plug_forget_all(struct pm_device *dev)
{
	struct block_range rest = device_usable_blocks(dev);
	struct block_range run;

	while (next_run(dev, &rest, &run)) {
		struct extent e = extent_of(dev, run);

		listener_list_discard(&dev->listeners, e.offset, e.size);
	}
}
