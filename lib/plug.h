/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks come and go: the listeners, the host memory and the map of plugged
 * blocks move in step, or not at all. The caller has checked the rules.
 */
#ifndef PARAMEM_PLUG_H
#define PARAMEM_PLUG_H

#include <stdbool.h>

#include "listener.h"
#include "paramem.h"
#include "provider.h"
#include "region.h"

/* What moves. All of it is its device's. */
struct plug {
	struct region *region;
	struct provider *memory;
	struct listener_list listeners;
	struct pm_listener *waits; /* one that is not done with a populate */
	bool populates; /* blocks get their pages when they are plugged */
};

/* ---- at once ------------------------------------------------------------- */

/*
 * Plugs unplugged blocks of the usable region. -errno leaves all unplugged, but
 * for -EINPROGRESS: that is what plug_tell() said.
 */
int plug_set(struct plug *p, struct block_range range, struct pm_error *err);

/* Unplugs plugged blocks. -errno leaves all plugged: see plug_keep(). */
int plug_clear(struct plug *p, struct block_range range, struct pm_error *err);

/*
 * Unplugs all blocks, run by run. After a failure the runs that could not be
 * freed stay plugged, all others are unplugged; returns the first failure.
 */
int plug_clear_all(struct plug *p, struct pm_error *err);

/* The device goes: listeners hear discard, the memory is left to its owner. */
void plug_forget_all(struct plug *p);

/* ---- step by step -------------------------------------------------------- */

/*
 * Steps that fail return -errno and leave in @err what was not possible, for
 * plug_failed() or plug_keep() to make a sentence of. Those marked "any thread"
 * may be taken for parts of a range, at the same time.
 */

/*
 * Listeners hear populate. -EINPROGRESS, without a sentence: one is not done,
 * and plug_told() goes on with its result when it is; or plug_untell() has those
 * that were told, it too, hear discard.
 */
int plug_tell(struct plug *p, struct block_range range, struct pm_error *err);
int plug_told(struct plug *p, struct block_range range, int result);
void plug_untell(struct plug *p, struct block_range range);
/* The guest may use them. Any thread. */
int plug_grant(struct plug *p, struct block_range range, struct pm_error *err);

/* Tells and grants, or neither. */
int plug_show(struct plug *p, struct block_range range, struct pm_error *err);

/*
 * Plugging failed with @ret, because of @why, which may be NULL. No listener
 * knows of the blocks. Leaves them empty; returns @ret.
 */
int plug_failed(struct plug *p, struct block_range range, int ret,
		const struct pm_error *why, struct pm_error *err);

/* Plugged blocks: the guest may not use them any more. Any thread. */
int plug_revoke(struct plug *p, struct block_range range, struct pm_error *err);
/* Listeners hear discard; for a range, or for each run that is plugged. */
void plug_hide(struct plug *p, struct block_range range);
void plug_hide_runs(struct plug *p, struct block_range range);
/* Frees what is behind them. Any thread. */
int plug_discard(struct plug *p, struct block_range range,
		 struct pm_error *err);

/*
 * Where blocks are to have their pages, has those again that a discard freed, of
 * what is plugged in the range, and lets the guest use them. Any thread. 0, or
 * -errno: some block lacks them.
 */
int plug_restore(struct plug *p, struct block_range range);

/* How far an unplugging has come. */
enum plug_done {
	PLUG_REVOKED,
	PLUG_TOLD,      /* listeners heard discard */
	PLUG_DISCARDED, /* and some of the pages may be gone */
};

/*
 * Unplugging failed with @ret, because of @why, which may be NULL: whatever is
 * plugged in the range stays so and is shown again, but for blocks that are to
 * have their pages and cannot have them again. Returns @ret.
 */
int plug_keep(struct plug *p, struct block_range range, enum plug_done done,
	      int ret, const struct pm_error *why, struct pm_error *err);

#endif
