/* SPDX-License-Identifier: BSD-3-Clause */
/* A request whose work is left to the caller: pending.c says how. */
#ifndef PARAMEM_PENDING_H
#define PARAMEM_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "block_map.h"
#include "paramem.h"

enum pending_kind {
	PENDING_NONE,
	PENDING_POPULATE, /* a PLUG whose blocks need their pages */
	PENDING_PLUG,     /* a PLUG of guarded memory */
	PENDING_UNPLUG,
	PENDING_UNPLUG_ALL,
};

struct pending {
	enum pending_kind kind;
	struct block_range range;
	bool told; /* the listeners: the second round */
};

/* Whether work on so many bytes is to be left to the caller. */
bool pending_wanted(const struct pm_device *dev, enum pending_kind kind,
		    uint64_t size);

/* Nothing is pending. */
void pending_begin(struct pm_device *dev, enum pending_kind kind,
		   struct block_range range);

/* Whether any of these blocks is being unplugged: as good as gone. */
bool pending_takes(const struct pm_device *dev, struct block_range range);

/* The device goes: those who were told of the blocks are told otherwise. */
void pending_forget(struct pm_device *dev);

/* -EBUSY with a sentence while a request is pending. */
int pending_check_none(const struct pm_device *dev, struct pm_error *err);

#endif
