/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a configuration asks of every byte that is or becomes accessible.
 *
 * Theory of operation: settings belong to mappings. They are applied to the
 * whole reservation when it is made, which lets the open part and the rest
 * stay one mapping each, and again, strictly, to what is about to be opened:
 * a closed range is a fresh mapping that may lack them. Locking is for
 * the open part alone, since the kernel counts the bytes of locked mappings
 * against RLIMIT_MEMLOCK, accessible or not.
 */
#include "ram_settings.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"
#include "host_rlimit.h"
#include "human_size.h"

#define LONG_BITS (sizeof(unsigned long) * CHAR_BIT)

struct node_mask {
	unsigned long bits[PM_NUMA_NODES_MAX / LONG_BITS];
};

/* ---- NUMA -------------------------------------------------------------- */

static bool has_node(const struct pm_ram_config *c, unsigned int node)
{
	return c->nodes[node / 64] >> (node % 64) & 1;
}

static unsigned int count_nodes(const struct pm_ram_config *c)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < PM_NUMA_NODES_MAX; i++)
		n += has_node(c, i);
	return n;
}

static int check_node(const struct pm_host *host, unsigned int node,
		      struct pm_error *err)
{
	char allowed[256];

	switch (host_node_check(&host->nodes, node)) {
	case HOST_NODE_ABSENT:
		return pm_error_set(err, EINVAL,
				    "This host has no NUMA node %u", node);
	case HOST_NODE_EMPTY:
		return pm_error_set(err, EINVAL,
				    "NUMA node %u of this host has no memory",
				    node);
	case HOST_NODE_FORBIDDEN:
		host_nodes_allowed(&host->nodes, allowed, sizeof(allowed));
		return pm_error_set(err, EINVAL,
				    "NUMA node %u is not for this process: its "
				    "cpuset allows memory of the nodes %s",
				    node, allowed);
	default:
		return 0;
	}
}

int ram_settings_check(const struct pm_ram_config *c,
		       const struct pm_host *host, struct pm_error *err)
{
	unsigned int count = count_nodes(c);
	int ret = 0;

	if (c->policy > PM_NUMA_INTERLEAVE)
		return pm_error_set(err, EINVAL,
				    "There is no NUMA policy number %u",
				    (unsigned int)c->policy);
	if (c->policy == PM_NUMA_NONE && count)
		return pm_error_set(err, EINVAL,
				    "NUMA nodes need a policy: bind, "
				    "preferred or interleave");
	if (c->policy != PM_NUMA_NONE && !count)
		return pm_error_set(err, EINVAL,
				    "A NUMA policy needs at least one node");
	for (unsigned int i = 0; i < PM_NUMA_NODES_MAX && !ret; i++) {
		if (has_node(c, i))
			ret = check_node(host, i, err);
	}
	return ret;
}

static int kernel_policy(const struct pm_ram_config *c)
{
	switch (c->policy) {
	case PM_NUMA_BIND:
		return MPOL_BIND;
	case PM_NUMA_INTERLEAVE:
		return MPOL_INTERLEAVE;
	default:
		/* Since 5.15; of several nodes the older one takes the first. */
		return count_nodes(c) > 1 ? MPOL_PREFERRED_MANY
					  : MPOL_PREFERRED;
	}
}

static int apply_policy(struct pm_ram *ram, uint64_t offset, uint64_t size,
			struct pm_error *err)
{
	const struct pm_ram_config *c = &ram->config;
	struct node_mask mask = { { 0 } };

	if (c->policy == PM_NUMA_NONE)
		return 0;
	for (unsigned int i = 0; i < PM_NUMA_NODES_MAX; i++) {
		if (has_node(c, i))
			mask.bits[i / LONG_BITS] |= 1ul << (i % LONG_BITS);
	}
	/* The kernel takes one bit less than it is told. */
	if (syscall(SYS_mbind, ram->host + offset, size, kernel_policy(c),
		    mask.bits, PM_NUMA_NODES_MAX + 1ul, 0u) == 0)
		return 0;
	return pm_error_set(err, errno,
			    "The NUMA policy cannot be applied to %s of host "
			    "memory: %s",
			    human_size(size).text, strerror(errno));
}

/* ---- dumps, huge pages, locks ------------------------------------------ */

/* A kernel without such pages does not know the advice. */
static int advise_thp(const struct pm_ram *ram, void *start, uint64_t size)
{
	bool on = ram->config.thp == PM_THP_ON;

	if (ram->config.backend == PM_RAM_HUGETLB ||
	    madvise(start, size, on ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) == 0 ||
	    errno == EINVAL)
		return 0;
	return -errno;
}

/* Guest memory stays out of core dumps: it is large, and not ours. */
int ram_settings_advise(const struct pm_ram *ram, void *start, uint64_t size,
			bool dump)
{
	if (!dump && madvise(start, size, MADV_DONTDUMP) < 0)
		return -errno;
	return advise_thp(ram, start, size);
}

void ram_settings_end_thp(struct pm_ram *ram)
{
	ram->config.thp = PM_THP_OFF;
	advise_thp(ram, ram->host, ram->max_size);
}

int ram_settings_apply(struct pm_ram *ram, uint64_t offset, uint64_t size,
		       struct pm_error *err)
{
	int ret = ram_settings_advise(ram, ram->host + offset, size,
				      ram->config.dump);

	if (ret < 0)
		return pm_error_set(err, -ret,
				    "%s of host memory cannot be kept out of "
				    "core dumps, or have transparent huge "
				    "pages chosen: %s",
				    human_size(size).text, strerror(-ret));
	return apply_policy(ram, offset, size, err);
}

static int lock_error(uint64_t size, int code, struct pm_error *err)
{
	char limit[192];

	host_rlimit_text(RLIMIT_MEMLOCK, limit, sizeof(limit));
	return pm_error_set(err, code,
			    "Cannot lock %s more of host memory: %s%s",
			    human_size(size).text, strerror(code), limit);
}

int ram_settings_lock(struct pm_ram *ram, uint64_t offset, uint64_t size,
		      struct pm_error *err)
{
	/* Huge pages of the pool are never swapped out. */
	if (!ram->config.lock || ram->config.backend == PM_RAM_HUGETLB)
		return 0;
	if (mlock2(ram->host + offset, size, MLOCK_ONFAULT) == 0)
		return 0;
	return lock_error(size, errno, err);
}
