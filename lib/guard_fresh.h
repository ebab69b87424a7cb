/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Unplugged memory that costs nothing: guard_fresh.c says how. The lock is held
 * throughout. Ranges are in bytes; where there is nothing of the kind (memory
 * files), none is fresh and all works as without.
 */
#ifndef PARAMEM_GUARD_FRESH_H
#define PARAMEM_GUARD_FRESH_H

#include <stdbool.h>
#include <stdint.h>

#include "guard_base.h"

/* 0 or -errno; the map is the guard's then. */
int guard_fresh_init(struct guard *g);
void guard_fresh_finish(struct guard *g);

/* From there on memory is fresh when it becomes accessible, again. */
void guard_fresh_gone(struct guard *g, uint64_t offset);

/* Whether the block in which @offset lies is fresh. */
bool guard_fresh_has(const struct guard *g, uint64_t offset);

/* Takes the first run off @at up to @end that is not fresh. */
bool guard_fresh_next_used(const struct guard *g, uint64_t *at, uint64_t end,
			   uint64_t *offset, uint64_t *size);

/* None of the blocks is fresh any more: about to be granted. 0 or -errno. */
int guard_fresh_use(struct guard *g, uint64_t offset, uint64_t size);

/*
 * A guest waits for something to be there: zeros come, and more of them around
 * if it does not want to @write. 0 or -errno.
 */
int guard_fresh_show(struct guard *g, uint64_t offset, bool write);

/* Frees what revoked blocks hold, as guard_discard(). 0 or -errno. */
int guard_fresh_discard(struct guard *g, uint64_t offset, uint64_t size);

/* The guest starts anew: what it did not give back as fresh memory is so. */
void guard_fresh_reset(struct guard *g);

#endif
