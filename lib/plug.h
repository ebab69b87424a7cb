/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks come and go: the listeners, the host memory and the map of plugged
 * blocks move in step, or not at all. The caller has checked the rules.
 */
#ifndef PARAMEM_PLUG_H
#define PARAMEM_PLUG_H

#include "block_map.h"
#include "paramem.h"

/*
 * Lets pages of unplugged blocks come, which is to be followed by having them.
 * -errno leaves the blocks empty.
 */
int plug_prepare(struct pm_device *dev, struct block_range range,
		 struct pm_error *err);

/*
 * Has the host provide the pages of unplugged blocks, to plug them next.
 * -errno leaves them empty.
 */
int plug_populate(struct pm_device *dev, struct block_range range,
		  struct pm_error *err);

/*
 * Pages for unplugged blocks could not be had, for the reason @ret and @why
 * (which may be NULL): frees what is there and returns @ret.
 */
int plug_populate_failed(struct pm_device *dev, struct block_range range,
			 int ret, const struct pm_error *why,
			 struct pm_error *err);

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

#endif
