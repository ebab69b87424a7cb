/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who provides the memory of a region, whatever it may be: the host this runs
 * on, by memory of this process (host_memory.c), or another hypervisor, whose
 * the guest's pages are. All that a device does about memory goes through
 * this one table.
 *
 * The life of a block's memory: none is there and the guest may use none; it
 * may be populated, and is granted; is revoked, and then discarded. Extents
 * are whole blocks of the usable region, but for those of populate and find,
 * which are whole pages. Unless it says otherwise, a function returns 0 or
 * -errno, and those marked "any thread" may run at the same time for other
 * extents.
 */
#ifndef PARAMEM_PROVIDER_H
#define PARAMEM_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "paramem.h"
#include "region.h"

struct provider;

struct provider_ops {
	/*
	 * The first @size bytes of the region can be provided with memory from
	 * now on, and no others; all that goes is unplugged. Leaves all as it
	 * was when it fails.
	 */
	int (*resize)(struct provider *p, uint64_t size, struct pm_error *err);
	/* Has the pages of a granted extent. Any thread. */
	int (*populate)(struct provider *p, struct extent e,
			struct pm_error *err);
	/*
	 * The guest may use it, as an empty one, unless told to @keep what is
	 * there. No effect where all of it is granted already. Any thread. May
	 * be NULL, as revoke, where nobody is kept from anything.
	 */
	int (*grant)(struct provider *p, struct extent e, bool keep);
	/* The guest cannot use it any more; what is there stays. Any thread. */
	int (*revoke)(struct provider *p, struct extent e);
	/*
	 * Frees what a revoked extent holds. Done means seen to be done: no page
	 * is there, and no access of the guest brings one back. Any thread.
	 */
	int (*discard)(struct provider *p, struct extent e);
	/*
	 * What is resident: the first run in @e that may hold something. 1 and
	 * the run, 0 when there is none, or -errno. Touches nothing.
	 */
	int (*find)(const struct provider *p, struct extent e,
		    struct extent *run);
};

struct provider {
	const struct provider_ops *ops;
	uint64_t page_size; /* the granularity of populate and find */
	bool must_populate; /* a granted page that is not there is none */
};

static inline int provider_grant(struct provider *p, struct extent e, bool keep)
{
	return p->ops->grant ? p->ops->grant(p, e, keep) : 0;
}

static inline int provider_revoke(struct provider *p, struct extent e)
{
	return p->ops->revoke ? p->ops->revoke(p, e) : 0;
}

#endif
