/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the host says of itself, through files that are opened once.
 *
 *	host.c          life; memory
 *	host_pool.c     huge pages
 *	host_node.c     NUMA nodes, and which of them we may use
 *	host_room.c     how much memory we can still have, by every limit
 *	host_rlimit.c   limits of the process
 *	host_cgroup.c   control groups: where they are
 *	host_file.c     the files
 */
#ifndef PARAMEM_HOST_H
#define PARAMEM_HOST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host_cgroup.h"
#include "host_node.h"
#include "host_pool.h"
#include "paramem.h"

struct pm_host {
	int meminfo;
	int overcommit;
	int pagemap;
	int huge_files;
	bool first_pids; /* we are in the host's own PID namespace */
	struct host_nodes nodes;
	struct host_pools pools;
	struct host_cgroup memory;
	/* Memory that somebody is having right now: host_room.c. */
	atomic_flag asking;
	_Atomic uint64_t claimed;
};

/* As pm_host_create(), with all files below the directory @root. */
int host_create_at(const char *root, struct pm_host **host,
		   struct pm_error *err);

/*
 * A line of /proc/meminfo, such as "MemAvailable"; bytes where it has a unit.
 * False when it cannot be read.
 */
bool host_meminfo(const struct pm_host *host, const char *name,
		  uint64_t *value);

/*
 * Writes what memory the host has left to be promised: the end of a sentence.
 */
void host_memory_left(const struct pm_host *host, char *text, size_t size);

/* Whether memory files may have transparent huge pages. */
bool host_files_have_huge_pages(const struct pm_host *host);

#endif
