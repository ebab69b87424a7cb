/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes unplugged memory unusable for a guest: guard.c says how.
 *
 *	guard.c         who may use which block; spans
 *	guard_fault.c   a guest touched what it may not: telling, lending
 *	guard_tables.c  page tables that lending leaves behind
 *	guard_anon.c    private anonymous memory: write-protected zeros
 *	guard_file.c    memory files: pages that are missing
 *	guard_uffd.c    the system calls
 */
#ifndef PARAMEM_GUARD_H
#define PARAMEM_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "block_map.h"
#include "paramem.h"

#define GUARD_LOANS_MAX 32

struct guard;

/* What differs between back ends. Ranges are whole pages; 0 or -errno. */
struct guard_ops {
	enum pm_guard_level level;
	uint64_t needs; /* features of userfaultfd */
	uint64_t wants;
	/* Sets guard.view and registers it. May leave a half for close. */
	int (*open)(struct guard *g, const char **lack);
	void (*close)(struct guard *g);
	/* More of the memory became accessible. */
	int (*grown)(struct guard *g, uint64_t offset, uint64_t size);
	/* A span, none of which is granted, is about to be shown. */
	int (*cover)(struct guard *g, uint64_t offset, uint64_t size);
	/* No write lands in a page that is there. */
	int (*protect)(struct guard *g, uint64_t offset, uint64_t size);
	/* The guest may use it. @keep what the range holds. */
	int (*grant)(struct guard *g, uint64_t offset, uint64_t size,
		     bool keep);
	/* Frees what a revoked range holds, and checks that it is gone. */
	int (*discard)(struct guard *g, uint64_t offset, uint64_t size);
	/* The guest waits for a page of a granted range. */
	int (*serve)(struct guard *g, uint64_t offset);
	/* Lets the guest use a range for a while; wakes who waits there. */
	int (*lend)(struct guard *g, uint64_t offset, uint64_t size,
		    bool write);
	/*
	 * Maps a range of the view anew, without page tables; for a moment of
	 * it nobody who touches it waits. Where it fails, nothing has changed,
	 * or the range is closed. NULL where loans leave none behind.
	 */
	int (*remap)(struct guard *g, uint64_t offset, uint64_t size);
	/* Whether a page may be asked for to be written and only be read. */
	bool doubts;
};

extern const struct guard_ops guard_anon_ops;
extern const struct guard_ops guard_memfd_ops;
extern const struct guard_ops guard_hugetlb_ops;

/* Pages that the guest has although it may not. */
struct guard_loan {
	uint64_t offset;
	uint64_t size;
	int64_t until; /* milliseconds of the monotonic clock */
	bool doubt;    /* writable, though maybe only to be read */
};

/* Page tables that loans left behind: see guard_tables.c. */
struct guard_tables {
	struct block_map map; /* one bit for each */
	unsigned int count;
};

struct guard {
	const struct guard_ops *ops; /* NULL: no guard */
	const char *lack;            /* why not, or NULL */
	struct pm_ram *ram;
	unsigned char *view; /* what the guest is shown */
	uint64_t block_size;
	uint64_t span_size;
	int uffd;
	int pagemap;
	uint64_t features;
	bool huge_files; /* memory files may have huge pages */
	struct pm_ram_listener listener;
	const struct pm_device_ops *owner;
	void *opaque;

	/* What follows is the lock's. */
	struct block_map granted; /* blocks that the guest may use */
	struct block_map covered; /* spans that may be shown */
	struct guard_loan loans[GUARD_LOANS_MAX]; /* the oldest first */
	unsigned int nr_loans;
	struct guard_tables tables;
	uint64_t late[GUARD_LOANS_MAX]; /* what was written, to be told */
	unsigned int nr_late;
	bool refused; /* some of the view is closed for good */
	_Atomic bool inaccessible;
	_Atomic uint64_t reads; /* violations */
	_Atomic uint64_t writes;
};

/* ---- for the device ------------------------------------------------------ */

/*
 * @ram has size 0; @owner and its functions live as long as the guard. 0, or
 * -errno with a sentence; what is half-built, guard_finish() takes.
 */
int guard_init(struct guard *g, enum pm_guard mode, struct pm_ram *ram,
	       uint64_t block_size, const struct pm_device_ops *owner,
	       void *opaque, struct pm_error *err);
/* Takes all zeros, too. */
void guard_finish(struct guard *g);

/*
 * The life of a block, in bytes within the region; all of it works without a
 * guard, too. A range is covered before any of it is shown to the guest,
 * granted, revoked, and then discarded. Granting frees what is there, unless
 * told to @keep it; it has no effect where all is granted already. 0 or -errno.
 */
int guard_cover(struct guard *g, uint64_t offset, uint64_t size);
int guard_grant(struct guard *g, uint64_t offset, uint64_t size, bool keep);
int guard_revoke(struct guard *g, uint64_t offset, uint64_t size);
/*
 * As pm_ram_discard(). Afterwards, unless it fails, no page is in the range,
 * and the guest cannot make one come.
 */
int guard_discard(struct guard *g, uint64_t offset, uint64_t size);

/* Whether reading unplugged memory is a violation. */
void guard_set_inaccessible(struct guard *g, bool inaccessible);

/* Opens what was closed for good: the guest starts anew. */
void guard_reset(struct guard *g);

/* ---- among its files ----------------------------------------------------- */

void guard_lock(struct guard *g);
void guard_unlock(struct guard *g);

/* The blocks of a range in bytes. */
struct block_range guard_blocks(const struct guard *g, uint64_t offset,
				uint64_t size);

/*
 * Loans in the range are no longer loans; what they hold is left alone. False
 * when there were none.
 */
bool guard_forget_loans(struct guard *g, uint64_t offset, uint64_t size);

/* Takes back all that is lent, as far as it can be. 0 or -errno. */
int guard_recall(struct guard *g);

/*
 * The guest has a page that it was not told of: what holds anything will be
 * told as written. Until it is discarded.
 */
void guard_doubt(struct guard *g, uint64_t offset, uint64_t size);

/* Who touches the range fails, until the guest is reset. */
void guard_close(struct guard *g, uint64_t offset, uint64_t size);

/* 0 or -errno; the map is the guard's then. */
int guard_tables_init(struct guard *g);
void guard_tables_finish(struct guard *g);
/* A range, of one page table, is lent. */
void guard_tables_note(struct guard *g, uint64_t offset);
/* Frees those that nothing needs when they have become many. */
void guard_tables_tidy(struct guard *g);

#endif
