/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all parts of the guard stand on: whose the blocks are, what is lent, and
 * the lock over both. Theory: guard.c.
 */
#ifndef PARAMEM_GUARD_BASE_H
#define PARAMEM_GUARD_BASE_H

#include <stdbool.h>
#include <stdint.h>

#include "block_map.h"
#include "paramem.h"
#include "uffd.h"

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
	/* More of the memory became accessible; fresh, if any is. */
	int (*grown)(struct guard *g, uint64_t offset, uint64_t size);
	/*
	 * What guard_fresh.c says; NULL where no memory is ever fresh. Fresh
	 * memory becomes used, and can be used by anybody in that moment.
	 */
	int (*use)(struct guard *g, uint64_t offset, uint64_t size);
	/* Used memory, none of which is granted: protected zeros. */
	int (*cover)(struct guard *g, uint64_t offset, uint64_t size);
	/* As discard, and it is fresh again; used still, if that fails. */
	int (*retire)(struct guard *g, uint64_t offset, uint64_t size);
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
	struct uffd *uffd;
	struct uffd_user user;
	bool huge_files; /* memory files may have huge pages */
	struct pm_ram_listener listener;
	const struct pm_device_ops *owner;
	void *opaque;

	/* What follows is the lock's. */
	uint64_t size;            /* how much is accessible, and will stay so */
	struct block_map granted; /* blocks that the guest may use */
	uint64_t nr_granted;
	struct block_map used; /* the others are fresh; none: unknown */
	unsigned int nr_runs;  /* of those that are used */
	struct guard_loan loans[GUARD_LOANS_MAX]; /* the oldest first */
	unsigned int nr_loans;
	struct guard_tables tables;
	uint64_t late[GUARD_LOANS_MAX]; /* what was written, to be told */
	unsigned int nr_late;
	bool refused; /* some of the view is closed */
	_Atomic bool inaccessible;
	_Atomic uint64_t reads; /* violations */
	_Atomic uint64_t writes;
};

void guard_lock(struct guard *g);
void guard_unlock(struct guard *g);

/* ---- the lock is held ---------------------------------------------------- */

/* The blocks of a range in bytes. */
struct block_range guard_blocks(const struct guard *g, uint64_t offset,
				uint64_t size);

/* Whether the guest may use the block in which @offset lies. */
bool guard_is_granted(const struct guard *g, uint64_t offset);

/* Becomes the youngest loan; there is room for it. */
void guard_loan_add(struct guard *g, struct guard_loan loan);
/* Takes the oldest one out. */
struct guard_loan guard_loan_take(struct guard *g);
/* Whether all of a range is one loan's, so that all of it will be recalled. */
bool guard_is_lent(const struct guard *g, uint64_t offset, uint64_t size);
/*
 * Loans in the range are no longer loans; what they hold is left alone. False
 * when there were none.
 */
bool guard_forget_loans(struct guard *g, uint64_t offset, uint64_t size);

/* Whether the guest is shown a mapping of its own, of the whole maximum. */
bool guard_has_view(const struct guard *g);

/* Who touches the range fails, until it is plugged or the guest is reset. */
void guard_close(struct guard *g, uint64_t offset, uint64_t size);

#endif
