/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control groups of this process: where they are, and the files of one
 * controller in each of them up to the root that can be seen, which in a
 * container is its own.
 */
#ifndef PARAMEM_HOST_CGROUP_H
#define PARAMEM_HOST_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_CGROUP_LEVELS 32
#define HOST_CGROUP_FILES  6

/* Limits from here on are none: the kernel writes it in several ways. */
#define HOST_CGROUP_NONE (UINT64_C(1) << 62)

struct host_cgroup_level {
	char *path; /* of its directory */
	int files[HOST_CGROUP_FILES];
};

struct host_cgroup {
	bool unified; /* version 2 */
	unsigned int nr_levels;
	struct host_cgroup_level levels[HOST_CGROUP_LEVELS]; /* own first */
};

/* The names of a controller's files in version 1, and in 2. */
struct host_cgroup_names {
	const char *controller;
	const char *v1[HOST_CGROUP_FILES];
	const char *v2[HOST_CGROUP_FILES];
};

/* Those of the memory controller. */
enum {
	HOST_MEMORY_LIMIT,
	HOST_MEMORY_USAGE,
	HOST_MEMORY_STAT,
	HOST_MEMORY_SWAP_LIMIT, /* in version 1 of both together */
	HOST_MEMORY_SWAP_USAGE,
	HOST_MEMORY_HIGH, /* swappiness in version 1 */
};

extern const struct host_cgroup_names host_cgroup_memory;

/*
 * Opens those files. A file or a group that is not there is left out. 0,
 * -EMFILE, -ENFILE or -ENOMEM; host_cgroup_finish() takes what is half-built.
 */
int host_cgroup_init(struct host_cgroup *group, const char *root,
		     const struct host_cgroup_names *names);
/* Takes all zeros, too. */
void host_cgroup_finish(struct host_cgroup *group);

/*
 * The directory of the group that this process is in, and that of the root
 * that it can see; false when there is none.
 */
bool host_cgroup_find(const char *root, const char *controller, char *own,
		      char *top, size_t size, bool *unified);

/*
 * A limit and what is used of it: false where none is set. The files are named
 * by their place in host_cgroup_names.
 */
bool host_cgroup_limit(const struct host_cgroup_level *level,
		       unsigned int limit_file, unsigned int usage_file,
		       uint64_t *limit, uint64_t *used);

#endif
