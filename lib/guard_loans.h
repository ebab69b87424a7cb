/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking back what was lent to a guest. The lock is held throughout. */
#ifndef PARAMEM_GUARD_LOANS_H
#define PARAMEM_GUARD_LOANS_H

#include <stdbool.h>
#include <stdint.h>

#include "guard_base.h"

/* Lent from now on, for some milliseconds. There is room for it. */
void guard_loans_note(struct guard *g, uint64_t offset, uint64_t size,
		      bool doubt);

/* Makes room for one more loan of @size bytes. 0 or -errno. */
int guard_loans_make_room(struct guard *g, uint64_t size);

/* Takes back all that is lent, as far as it can be. 0 or -errno. */
int guard_loans_recall(struct guard *g);

/* Takes back what is due; returns in how many milliseconds more is, or -1. */
int guard_loans_expire(struct guard *g);

/*
 * The guest has a page that it was not told of: what holds anything will be
 * told as written. Until it is discarded.
 */
void guard_loans_doubt(struct guard *g, uint64_t offset, uint64_t size);

#endif
