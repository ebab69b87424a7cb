/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks come and go: the listeners, the host memory and the map of plugged
 * blocks move in step, or not at all. The caller has checked the rules.
 */
#ifndef PARAMEM_PLUG_H
#define PARAMEM_PLUG_H

#include <stdbool.h>

#include "block_map.h"
#include "paramem.h"

/* ---- at once ------------------------------------------------------------- */

/* Plugs unplugged blocks of the usable region. -errno leaves all unplugged. */
int plug_set(struct pm_device *dev, struct block_range range,
	     struct pm_error *err);

/* Unplugs plugged blocks. -errno leaves all plugged. */
int plug_clear(struct pm_device *dev, struct block_range range,
	       struct pm_error *err);

/*
 * Unplugs all blocks, run by run. After a failure the runs that could not be
 * freed stay plugged, all others are unplugged; returns the first failure.
 */
int plug_clear_all(struct pm_device *dev, struct pm_error *err);

/* The device goes: listeners hear discard, the memory is left to its owner. */
void plug_forget_all(struct pm_device *dev);

/* ---- step by step -------------------------------------------------------- */

/*
 * Steps that fail return -errno and leave in @err what was not possible, for
 * plug_failed() or plug_keep() to make a sentence of. Those marked "any thread"
 * may be taken for parts of a range, at the same time.
 */

/* Unplugged blocks: may be shown, if protected. Any thread. */
int plug_cover(struct pm_device *dev, struct block_range range,
	       struct pm_error *err);
/* Listeners hear populate. */
int plug_tell(struct pm_device *dev, struct block_range range,
	      struct pm_error *err);
/* The guest may use them. Any thread. */
int plug_grant(struct pm_device *dev, struct block_range range,
	       struct pm_error *err);
/* They are plugged. */
void plug_mark(struct pm_device *dev, struct block_range range);

/* For those that get their pages before they are shown: covers and grants. */
int plug_prepare(struct pm_device *dev, struct block_range range,
		 struct pm_error *err);
/* Tells and grants, or neither. */
int plug_show(struct pm_device *dev, struct block_range range,
	      struct pm_error *err);

/*
 * Plugging failed with @ret, because of @why, which may be NULL. No listener
 * knows of the blocks. Leaves them empty; returns @ret.
 */
int plug_failed(struct pm_device *dev, struct block_range range, int ret,
		const struct pm_error *why, struct pm_error *err);

/* Plugged blocks: the guest may not use them any more. Any thread. */
int plug_revoke(struct pm_device *dev, struct block_range range,
		struct pm_error *err);
/* Listeners hear discard; for a range, or for each run that is plugged. */
void plug_hide(struct pm_device *dev, struct block_range range);
void plug_hide_runs(struct pm_device *dev, struct block_range range);
/* Frees what is behind them. Any thread. */
int plug_discard(struct pm_device *dev, struct block_range range,
		 struct pm_error *err);
/* Whatever is plugged in a range is not any more. */
void plug_unmark(struct pm_device *dev, struct block_range range);

/*
 * Unplugging failed with @ret, because of @why, which may be NULL: whatever is
 * plugged in the range stays so, and is shown again if listeners were @told.
 * Returns @ret.
 */
int plug_keep(struct pm_device *dev, struct block_range range, bool told,
	      int ret, const struct pm_error *why, struct pm_error *err);

/* Takes the first run of plugged blocks off @rest; false: there is none. */
bool plug_next_run(const struct pm_device *dev, struct block_range *rest,
		   struct block_range *run);

#endif
