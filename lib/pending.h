/* SPDX-License-Identifier: BSD-3-Clause */
/* A request whose work is left to the caller: pending.c says how. */
#ifndef PARAMEM_PENDING_H
#define PARAMEM_PENDING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "paramem.h"
#include "plug.h"

enum pending_kind {
	PENDING_NONE,
	PENDING_POPULATE, /* a PLUG whose blocks need their pages */
	PENDING_PLUG,     /* a PLUG of guarded memory */
	PENDING_UNPLUG,
	PENDING_UNPLUG_ALL,
};

enum pending_step {
	STEP_FIRST,  /* the first round */
	STEP_WAITS,  /* a listener is not done */
	STEP_TOLD,   /* they are; no second round was asked for yet */
	STEP_SECOND, /* the second round */
	STEP_UNDO,   /* one more, to have pages again that are gone */
};

/* All zeros but for what its device sets: nothing is pending. */
struct pending {
	struct plug *plug;
	bool async; /* long work is left to the caller, from so much on: */
	uint64_t async_size;
	enum pending_kind kind;
	struct block_range range;
	enum pending_step step;
	int refused; /* -errno of a listener that took long */
	int failed;  /* what is being undone; the sentence about it */
	struct pm_error why;
	_Atomic bool lost; /* the undoing is not complete */
};

/* Whether work on so many bytes is to be left to the caller. */
bool pending_wanted(const struct pending *p, enum pending_kind kind,
		    uint64_t size);

/*
 * Nothing is pending. Blocks that get their pages are granted; listeners have
 * heard of others that are to be plugged.
 */
void pending_begin(struct pending *p, enum pending_kind kind,
		   struct block_range range);

/* The same after plug_tell() said -EINPROGRESS. */
void pending_wait(struct pending *p, enum pending_kind kind,
		  struct block_range range);

/*
 * @l is done with what it was told, and not before. 0, or -EINPROGRESS while
 * another is not; -EPROTO when that is not waited for.
 */
int pending_told(struct pending *p, const struct pm_listener *l, int result);

/* @l goes: it hears discard of what it knows, a request in its hands ends. */
void pending_leave(struct pending *p, struct pm_listener *l);

/* Whether any of these blocks is being unplugged: as good as gone. */
bool pending_takes(const struct pending *p, struct block_range range);

/* The first run of plugged blocks in @rest that is not being unplugged. */
bool pending_next_run(const struct pending *p, struct block_range rest,
		      struct block_range *run);

/* The device goes: those who were told of the blocks are told otherwise. */
void pending_forget(struct pending *p);

/* -EBUSY with a sentence while a request is pending. */
int pending_check_none(const struct pending *p, struct pm_error *err);

/* As pm_device_pending(), _pending_work() and _request_complete() say. */
bool pending_describe(const struct pending *p, struct pm_pending *out);
int pending_work(struct pending *p, uint64_t offset, uint64_t size,
		 struct pm_error *err);
ssize_t pending_complete(struct pending *p, int result,
			 const struct pm_error *why, void *response,
			 size_t response_size, struct pm_error *err);

#endif
