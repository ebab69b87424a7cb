/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes unplugged memory unusable for a guest: guard.c says how. Each of its
 * files calls those below it alone:
 *
 *	guard.c         who may use which block
 *	guard_fault.c   a guest touched what it may not: telling, lending
 *	guard_fresh.c   unplugged memory that costs nothing
 *	guard_tables.c  page tables that lending leaves behind
 *	guard_loans.c   taking back what was lent
 *	guard_anon.c    private anonymous memory: write-protected zeros
 *	guard_file.c    memory files: pages that are missing
 *	guard_base.c    whose the blocks are, what is lent, and the lock
 *	uffd.c          the userfaultfd, and who uses it where
 *	uffd_calls.c    the system calls
 */
#ifndef PARAMEM_GUARD_H
#define PARAMEM_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "guard_base.h"
#include "guard_fault.h"
#include "paramem.h"

/*
 * @ram has size 0; @uffd, @owner and its functions live as long as the guard. 0, or
 * -errno with a sentence; what is half-built, guard_finish() takes.
 */
int guard_init(struct guard *g, enum pm_guard mode, struct pm_ram *ram,
	       uint64_t block_size, struct uffd *uffd,
	       const struct pm_device_ops *owner, void *opaque,
	       struct pm_error *err);
/* Takes all zeros, too. */
void guard_finish(struct guard *g);

/*
 * The life of a block, in bytes within the region; all of it works without a
 * guard, too. A range is granted, revoked, and then discarded. Granting frees what is there, unless
 * told to @keep it; it has no effect where all is granted already. 0 or -errno.
 */
int guard_grant(struct guard *g, uint64_t offset, uint64_t size, bool keep);
int guard_revoke(struct guard *g, uint64_t offset, uint64_t size);
/*
 * As pm_ram_discard(). Afterwards, unless it fails, no page is in the range,
 * and the guest cannot make one come.
 */
int guard_discard(struct guard *g, uint64_t offset, uint64_t size);

/* False: whatever is asked of it below succeeds and does nothing. */
bool guard_is_on(const struct guard *g);

/*
 * Takes back what is due, and tells what that shows; returns in how many
 * milliseconds to do so again, or -1. There is a guard.
 */
int guard_expire(struct guard *g);

/* Takes back all that is lent. 0, or -errno where that is not possible. */
int guard_recall(struct guard *g);

/* Whether reading unplugged memory is a violation. */
void guard_set_inaccessible(struct guard *g, bool inaccessible);

/* Opens what was closed for good: the guest starts anew. */
void guard_reset(struct guard *g);

#endif
