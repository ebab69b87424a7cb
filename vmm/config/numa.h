/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine's NUMA nodes, as its guest is to see them: which processors and
 * how much boot memory each has, and how far they are from each other. Pure.
 */
#ifndef VMM_NUMA_H
#define VMM_NUMA_H

#include <stdbool.h>
#include <stdint.h>

#include "paramem.h"

#define NUMA_NODES_MAX       64
/* Linux passes over a node whose memory is smaller. */
#define NUMA_NODE_MEMORY_MIN (UINT64_C(4) << 20)

/* Distances, ACPI 6.4, 5.2.17: relative to that within a node. */
#define NUMA_DISTANCE_LOCAL  10
#define NUMA_DISTANCE_REMOTE 20 /* where none was given */
#define NUMA_DISTANCE_MAX    254

struct numa_node {
	bool given;
	uint64_t cpus;                     /* bit n: processor n */
	uint64_t memory;                   /* of the boot memory, in bytes */
	uint8_t distances[NUMA_NODES_MAX]; /* to each; 0: not given */
};

struct numa_config {
	unsigned int nr; /* nodes 0 to nr - 1; 0: nobody asked for any */
	struct numa_node nodes[NUMA_NODES_MAX];
};

/* What the machine has when its size is not given otherwise. */
uint64_t numa_memory(const struct numa_config *numa);
unsigned int numa_cpus(const struct numa_config *numa);

/*
 * Checks that the nodes are numbered from 0 on, and that each of @cpus
 * processors and all of @memory belong to exactly one. Passes when there are
 * no nodes. 0, or -EINVAL with a sentence.
 */
int numa_check(const struct numa_config *numa, unsigned int cpus,
	       uint64_t memory, struct pm_error *err);

/* Where nobody asked for nodes there is one, which has everything. */
void numa_complete(struct numa_config *numa, unsigned int cpus,
		   uint64_t memory);

/* For nodes that were checked: the same both ways, where one was given. */
unsigned int numa_distance(const struct numa_config *numa, unsigned int from,
			   unsigned int to);

/*
 * How many processors make up a package: all of them, or the largest power of
 * two that leaves no package, in the order of processors, on two nodes. What
 * shares a package shares a cache, and guests complain if that is far away.
 */
unsigned int numa_package_cpus(const struct numa_config *numa,
			       unsigned int cpus);

unsigned int numa_node_of_cpu(const struct numa_config *numa, unsigned int cpu);

#endif /* VMM_NUMA_H */
