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
 *  plugged    ram discard         where blocks are to have their pages, those
 *                                 that are gone are had again, as at the plug;
 *                                 a block for which that fails is unplugged.
 *                                 Listeners populate again, and the guard
 *                                 grants. That may fail too: the blocks stay
 *                                 plugged, yet some listener, or the guest,
 *                                 lacks them until they are unplugged again,
 *                                 and the sentence says so
 */
#include "human_size.h"
#include "plug.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* @ret, and in @err a sentence about it if it is a failure. */
static int check(const struct plug *p, struct extent e, int ret,
		 const char *what, struct pm_error *err)
{
	if (!ret)
		return 0;
	return pm_error_set(err, -ret, "cannot %s %s at 0x%" PRIx64 ": %s",
			    what, human_size(e.size).text,
			    p->region->addr + e.offset, strerror(-ret));
}

/* ---- plugging ------------------------------------------------------------ */

/* Best effort: the answer is a failure in any case. */
static void empty_again(struct plug *p, struct extent e)
{
	provider_revoke(p->memory, e);
	p->memory->ops->discard(p->memory, e);
}

int plug_failed(struct plug *p, struct block_range range, int ret,
		const struct pm_error *why, struct pm_error *err)
{
	struct extent e = region_extent(p->region, range);
	struct pm_error plain;

	empty_again(p, e);
	if (!why || !why->text[0]) {
		check(p, e, ret, "plug", &plain);
		why = &plain;
	}
	return pm_error_set(err, -ret, "Memory device %s: %s", p->region->id,
			    why->text);
}

int plug_grant(struct plug *p, struct block_range range, struct pm_error *err)
{
	struct extent e = region_extent(p->region, range);

	return check(p, e, provider_grant(p->memory, e, false), "plug", err);
}

int plug_tell(struct plug *p, struct block_range range, struct pm_error *err)
{
	struct extent e = region_extent(p->region, range);

	int ret = listener_list_populate(&p->listeners, e.offset, e.size,
					 &p->waits);

	return ret == -EINPROGRESS ? ret : check(p, e, ret, "plug", err);
}

int plug_told(struct plug *p, struct block_range range, int result)
{
	struct extent e = region_extent(p->region, range);
	struct pm_listener *l = p->waits;

	p->waits = NULL;
	return listener_list_resume(l, result, e.offset, e.size, &p->waits);
}

void plug_untell(struct plug *p, struct block_range range)
{
	struct extent e = region_extent(p->region, range);

	listener_list_abort(p->waits, e.offset, e.size);
	p->waits = NULL;
}

int plug_show(struct plug *p, struct block_range range, struct pm_error *err)
{
	int ret = plug_tell(p, range, err);

	if (ret < 0)
		return ret;
	ret = plug_grant(p, range, err);
	if (ret < 0)
		plug_hide(p, range);
	return ret;
}

static int populate(struct plug *p, struct block_range range,
		    struct pm_error *err)
{
	struct extent e = region_extent(p->region, range);
	/* Granted first: a page can only be had where writing is allowed. */
	int ret = plug_grant(p, range, err);

	return ret ? ret : p->memory->ops->populate(p->memory, e, err);
}

/* Shown first, and granted at the very last. */
int plug_set(struct plug *p, struct block_range range, struct pm_error *err)
{
	struct pm_error why;
	int ret = p->populates ? populate(p, range, &why) : 0;

	if (!ret)
		ret = plug_show(p, range, &why);
	if (ret == -EINPROGRESS)
		return ret;
	if (ret < 0)
		return plug_failed(p, range, ret, &why, err);
	region_mark(p->region, range);
	return 0;
}

/* ---- unplugging ---------------------------------------------------------- */

int plug_revoke(struct plug *p, struct block_range range, struct pm_error *err)
{
	struct extent e = region_extent(p->region, range);

	return check(p, e, provider_revoke(p->memory, e), "free", err);
}

int plug_discard(struct plug *p, struct block_range range, struct pm_error *err)
{
	struct extent e = region_extent(p->region, range);

	return check(p, e, p->memory->ops->discard(p->memory, e), "free", err);
}

void plug_hide(struct plug *p, struct block_range range)
{
	struct extent e = region_extent(p->region, range);

	listener_list_discard(&p->listeners, e.offset, e.size);
}

void plug_hide_runs(struct plug *p, struct block_range range)
{
	struct block_range run;

	while (region_next_run(p->region, &range, &run))
		plug_hide(p, run);
}

/* Nobody waits: the blocks stay plugged whatever becomes of it. */
static int tell_again(struct plug *p, struct block_range range)
{
	struct pm_error why;
	int ret = plug_tell(p, range, &why);

	while (ret == -EINPROGRESS)
		ret = plug_told(p, range, 0);
	return ret;
}

/*
 * A failure frees what the block has, which another try may have then. Granted
 * first, since a page can only be had where writing is allowed.
 */
static int restore_block(struct plug *p, uint64_t block)
{
	const struct block_range one = { .first = block, .count = 1 };
	struct extent e = region_extent(p->region, one);
	int ret = provider_grant(p->memory, e, true);

	if (!ret)
		ret = p->memory->ops->populate(p->memory, e, NULL);
	return ret == -ENOMEM ? p->memory->ops->populate(p->memory, e, NULL)
			      : ret;
}

int plug_restore(struct plug *p, struct block_range range)
{
	struct block_range run;
	int ret = 0;

	while (p->populates && region_next_run(p->region, &range, &run)) {
		for (uint64_t i = 0; i < run.count; i++) {
			int failed = restore_block(p, run.first + i);

			ret = ret ? ret : failed;
		}
	}
	return ret;
}

/* Unplugs the blocks whose pages cannot be had; returns how many bytes. */
static uint64_t give_up_lost(struct plug *p, struct block_range range)
{
	uint64_t before = p->region->plugged_size;
	struct block_range run;

	while (p->populates && region_next_run(p->region, &range, &run)) {
		for (uint64_t i = 0; i < run.count; i++) {
			const struct block_range one = { run.first + i, 1 };

			if (restore_block(p, one.first) == 0)
				continue;
			empty_again(p, region_extent(p->region, one));
			region_unmark(p->region, one);
		}
	}
	return before - p->region->plugged_size;
}

/* Shows what is plugged in a range again. The first failure, or 0. */
static int show_again(struct plug *p, struct block_range range, bool told)
{
	struct block_range run;
	int ret = 0;

	while (region_next_run(p->region, &range, &run)) {
		int failed = told ? tell_again(p, run) : 0;

		if (!failed)
			failed = provider_grant(
				p->memory, region_extent(p->region, run), true);
		ret = ret ? ret : failed;
	}
	return ret;
}

int plug_keep(struct plug *p, struct block_range range, enum plug_done done,
	      int ret, const struct pm_error *why, struct pm_error *err)
{
	uint64_t lost = done == PLUG_DISCARDED ? give_up_lost(p, range) : 0;
	bool hidden = show_again(p, range, done != PLUG_REVOKED) < 0;
	struct pm_error plain;
	char gone[96] = "";

	if (!why || !why->text[0]) {
		check(p, region_extent(p->region, range), ret, "free", &plain);
		why = &plain;
	}
	if (lost)
		snprintf(gone, sizeof(gone),
			 "; %" PRIu64
			 " MiB of it have lost their pages and are "
			 "unplugged",
			 lost >> 20);
	return pm_error_set(err, -ret, "Memory device %s: %s%s%s",
			    p->region->id, why->text, gone,
			    hidden ? "; nor can it be mapped again" : "");
}

int plug_clear(struct plug *p, struct block_range range, struct pm_error *err)
{
	struct pm_error why;
	/* Access goes first, or a vCPU could bring freed pages back. */
	int ret = plug_revoke(p, range, &why);
	enum plug_done done = PLUG_TOLD;

	assert(block_map_all_set(&p->region->plugged, range));
	plug_hide(p, range);
	if (!ret) {
		ret = plug_discard(p, range, &why);
		done = PLUG_DISCARDED;
	}
	if (ret < 0)
		return plug_keep(p, range, done, ret, &why, err);
	region_unmark(p->region, range);
	return 0;
}

int plug_clear_all(struct plug *p, struct pm_error *err)
{
	struct block_range rest = region_usable_blocks(p->region);
	struct block_range run;
	int first_failure = 0;

	while (p->region->plugged_size &&
	       region_next_run(p->region, &rest, &run)) {
		/* The first failure explains best; @err keeps it. */
		int ret = plug_clear(p, run, first_failure ? NULL : err);

		if (!first_failure)
			first_failure = ret;
	}
	return first_failure;
}

void plug_forget_all(struct plug *p)
{
	plug_hide_runs(p, region_usable_blocks(p->region));
}
