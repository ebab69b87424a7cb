/* SPDX-License-Identifier: BSD-3-Clause */
/* A machine's NUMA nodes, and the check of them. */
#include "numa.h"

#include <errno.h>

#include "host/size.h"

uint64_t numa_memory(const struct numa_config *numa)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < NUMA_NODES_MAX; i++) {
		if (__builtin_add_overflow(sum, numa->nodes[i].memory, &sum))
			return UINT64_MAX;
	}
	return sum;
}

unsigned int numa_cpus(const struct numa_config *numa)
{
	uint64_t all = 0;

	for (unsigned int i = 0; i < NUMA_NODES_MAX; i++)
		all |= numa->nodes[i].cpus;
	return all ? 64 - (unsigned int)__builtin_clzll(all) : 0;
}

unsigned int numa_node_of_cpu(const struct numa_config *numa, unsigned int cpu)
{
	unsigned int node = 0;

	while (node + 1 < numa->nr && !(numa->nodes[node].cpus >> cpu & 1))
		node++;
	return node;
}

/* Whether processors that share all but the last bits share a node. */
static bool packages_are_whole(const struct numa_config *numa,
			       unsigned int cpus, unsigned int package)
{
	for (unsigned int i = 0; i < cpus; i++) {
		if (numa_node_of_cpu(numa, i) !=
		    numa_node_of_cpu(numa, i - i % package))
			return false;
	}
	return true;
}

unsigned int numa_package_cpus(const struct numa_config *numa,
			       unsigned int cpus)
{
	unsigned int package = 64;

	while (!packages_are_whole(numa, cpus, package))
		package /= 2;
	return package < cpus ? package : cpus;
}

unsigned int numa_distance(const struct numa_config *numa, unsigned int from,
			   unsigned int to)
{
	unsigned int there = numa->nodes[from].distances[to];
	unsigned int back = numa->nodes[to].distances[from];

	if (from == to)
		return NUMA_DISTANCE_LOCAL;
	if (there || back)
		return there ? there : back;
	return NUMA_DISTANCE_REMOTE;
}

void numa_complete(struct numa_config *numa, unsigned int cpus, uint64_t memory)
{
	if (numa->nr)
		return;
	numa->nr = 1;
	numa->nodes[0] = (struct numa_node){
		.given = true,
		.cpus = UINT64_MAX >> (64 - cpus),
		.memory = memory,
	};
}

/* ---- the check ----------------------------------------------------------- */

static int check_ids(const struct numa_config *numa, struct pm_error *err)
{
	for (unsigned int i = 0; i < numa->nr; i++) {
		if (!numa->nodes[i].given)
			return pm_error_set(err, EINVAL,
					    "of the machine's nodes, %u in "
					    "number, none has the id %u: "
					    "number them from 0 on",
					    numa->nr, i);
	}
	return 0;
}

static int check_cpu(const struct numa_config *numa, unsigned int cpu,
		     struct pm_error *err)
{
	unsigned int first = numa_node_of_cpu(numa, cpu);

	if (!(numa->nodes[first].cpus >> cpu & 1))
		return pm_error_set(err, EINVAL,
				    "processor %u is in no node: add cpus=%u "
				    "to one --node",
				    cpu, cpu);
	for (unsigned int i = first + 1; i < numa->nr; i++) {
		if (numa->nodes[i].cpus >> cpu & 1)
			return pm_error_set(err, EINVAL,
					    "processor %u is in the nodes %u "
					    "and %u: leave it out of one",
					    cpu, first, i);
	}
	return 0;
}

static int check_cpus(const struct numa_config *numa, unsigned int cpus,
		      struct pm_error *err)
{
	unsigned int named = numa_cpus(numa);
	int ret = 0;

	if (named > cpus)
		return pm_error_set(err, EINVAL,
				    "node %u has processor %u, and the machine "
				    "has %u, numbered from 0 on: use --cpus "
				    "%u, or leave it out of the node",
				    numa_node_of_cpu(numa, named - 1),
				    named - 1, cpus, named);
	for (unsigned int i = 0; i < cpus && !ret; i++)
		ret = check_cpu(numa, i, err);
	return ret;
}

static int check_node_memory(unsigned int id, uint64_t memory,
			     struct pm_error *err)
{
	const uint64_t unit = UINT64_C(1) << 20;

	if (memory && memory < NUMA_NODE_MEMORY_MIN)
		return pm_error_set(err, EINVAL,
				    "node %u: a memory of %s is too small: use "
				    "%s or more, or none",
				    id, size_format(memory).text,
				    size_format(NUMA_NODE_MEMORY_MIN).text);
	if (memory % unit)
		return pm_error_set(err, EINVAL,
				    "node %u: a memory of %s is not a multiple "
				    "of %s: use %s",
				    id, size_format(memory).text,
				    size_format(unit).text,
				    size_format(memory - memory % unit).text);
	return 0;
}

static int check_memory(const struct numa_config *numa, uint64_t memory,
			struct pm_error *err)
{
	uint64_t sum = numa_memory(numa);
	int ret = 0;

	if (!sum)
		return pm_error_set(err, EINVAL,
				    "no node has boot memory, and the machine "
				    "has %s of it: add memory=%s to one "
				    "--node, or less to several",
				    size_format(memory).text,
				    size_format(memory).text);
	for (unsigned int i = 0; i < numa->nr && !ret; i++)
		ret = check_node_memory(i, numa->nodes[i].memory, err);
	if (ret || sum == memory)
		return ret;
	return pm_error_set(err, EINVAL,
			    "the nodes have %s of boot memory together, and "
			    "--memory is %s: make them the same, or leave "
			    "--memory's size out",
			    size_format(sum).text, size_format(memory).text);
}

static int check_distance(const struct numa_config *numa, unsigned int from,
			  unsigned int to, struct pm_error *err)
{
	unsigned int distance = numa->nodes[from].distances[to];

	if (!distance)
		return 0;
	if (to >= numa->nr)
		return pm_error_set(err, EINVAL,
				    "node %u has a distance to node %u, which "
				    "there is not: the last one is %u",
				    from, to, numa->nr - 1);
	if (from == to && distance != NUMA_DISTANCE_LOCAL)
		return pm_error_set(err, EINVAL,
				    "node %u cannot have a distance of %u to "
				    "itself: that is always %d",
				    from, distance, NUMA_DISTANCE_LOCAL);
	if (from != to &&
	    (distance <= NUMA_DISTANCE_LOCAL || distance > NUMA_DISTANCE_MAX))
		return pm_error_set(err, EINVAL,
				    "node %u cannot have a distance of %u to "
				    "node %u: use %d to %d, where %d is that "
				    "within a node",
				    from, distance, to, NUMA_DISTANCE_LOCAL + 1,
				    NUMA_DISTANCE_MAX, NUMA_DISTANCE_LOCAL);
	return 0;
}

static int check_distances(const struct numa_config *numa, struct pm_error *err)
{
	int ret = 0;

	for (unsigned int from = 0; from < numa->nr && !ret; from++)
		for (unsigned int to = 0; to < NUMA_NODES_MAX && !ret; to++)
			ret = check_distance(numa, from, to, err);
	return ret;
}

int numa_check(const struct numa_config *numa, unsigned int cpus,
	       uint64_t memory, struct pm_error *err)
{
	int ret;

	if (!numa->nr)
		return 0;
	ret = check_ids(numa, err);
	if (!ret)
		ret = check_cpus(numa, cpus, err);
	if (!ret)
		ret = check_memory(numa, memory, err);
	return ret ? ret : check_distances(numa, err);
}
