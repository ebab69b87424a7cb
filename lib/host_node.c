/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NUMA nodes of the host.
 *
 * Theory of operation. A process gets memory from the nodes that its cpuset
 * allows, and a mapping that is bound from those of them that it is bound to.
 * The kernel drops what is not allowed from a binding without a word, and where
 * the nodes that are left run out of memory it ends a process, however much
 * others have. So a binding to a node that is not allowed is refused, and what
 * those nodes have left counts like any limit.
 */
#include "host_node.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_cgroup.h"
#include "host_file.h"

#define NODES_DIR "/sys/devices/system/node"

/* What a node keeps for the kernel, as a part of all that it has. */
#define KEPT 64

/* ---- life ---------------------------------------------------------------- */

static bool listed(int fd, unsigned int node)
{
	char list[4096];

	return !host_file_text(fd, list, sizeof(list)) ||
	       host_text_lists(list, node);
}

/* Of one node /proc/meminfo says all. */
static int open_nodes(struct host_nodes *nodes, const char *root)
{
	char list[4096], path[96];

	if (!host_file_text(nodes->has_memory, list, sizeof(list)))
		return 0;
	for (unsigned int i = 0; i < PM_NUMA_NODES_MAX; i++)
		nodes->nr += host_text_lists(list, i);
	if (nodes->nr < 2) {
		nodes->nr = 0;
		return 0;
	}
	nodes->nodes = calloc(nodes->nr, sizeof(nodes->nodes[0]));
	if (!nodes->nodes)
		return -ENOMEM;
	nodes->nr = 0;
	for (unsigned int i = 0; i < PM_NUMA_NODES_MAX; i++) {
		int fd;

		if (!host_text_lists(list, i))
			continue;
		snprintf(path, sizeof(path), NODES_DIR "/node%u/meminfo", i);
		fd = host_file_open(root, path);
		if (fd < -1)
			return fd;
		nodes->nodes[nodes->nr++] =
			(struct host_node){ .id = i, .meminfo = fd };
	}
	return 0;
}

static int find_cpuset(struct host_nodes *nodes, const char *root)
{
	char own[PATH_MAX], top[PATH_MAX];
	bool unified;

	if (!host_cgroup_find(root, "cpuset", own, top, sizeof(own), &unified))
		return 0;
	nodes->cpuset = strdup(own);
	return nodes->cpuset ? 0 : -ENOMEM;
}

int host_nodes_init(struct host_nodes *nodes, const char *root)
{
	nodes->online = host_file_open(root, NODES_DIR "/online");
	nodes->has_memory = host_file_open(root, NODES_DIR "/has_memory");
	nodes->status = host_file_open(root, "/proc/self/status");
	if (nodes->online < -1)
		return nodes->online;
	if (nodes->has_memory < -1)
		return nodes->has_memory;
	if (nodes->status < -1)
		return nodes->status;
	if (find_cpuset(nodes, root) < 0)
		return -ENOMEM;
	return open_nodes(nodes, root);
}

void host_nodes_finish(struct host_nodes *nodes)
{
	while (nodes->nr)
		host_file_close(nodes->nodes[--nodes->nr].meminfo);
	free(nodes->nodes);
	free(nodes->cpuset);
	nodes->nodes = NULL;
	nodes->cpuset = NULL;
	host_file_close(nodes->status);
	host_file_close(nodes->has_memory);
	host_file_close(nodes->online);
}

/* ---- which of them ------------------------------------------------------- */

/* The list of nodes that this process may have memory of. */
static bool allowed_list(const struct host_nodes *nodes, char *list,
			 size_t size)
{
	const char name[] = "Mems_allowed_list:";
	char text[HOST_FILE_MAX];
	const char *line;

	if (!host_file_text(nodes->status, text, sizeof(text)))
		return false;
	line = strstr(text, name);
	if (!line)
		return false;
	line += strlen(name);
	line += strspn(line, " \t");
	snprintf(list, size, "%.*s", (int)strcspn(line, "\n"), line);
	return true;
}

enum host_node_verdict host_node_check(const struct host_nodes *nodes,
				       unsigned int node)
{
	char allowed[4096];

	if (!listed(nodes->online, node))
		return HOST_NODE_ABSENT;
	if (!listed(nodes->has_memory, node))
		return HOST_NODE_EMPTY;
	if (allowed_list(nodes, allowed, sizeof(allowed)) &&
	    !host_text_lists(allowed, node))
		return HOST_NODE_FORBIDDEN;
	return HOST_NODE_GOOD;
}

void host_nodes_allowed(const struct host_nodes *nodes, char *text, size_t size)
{
	char allowed[4096] = "";

	allowed_list(nodes, allowed, sizeof(allowed));
	if (nodes->cpuset)
		snprintf(text, size, "%.64s (%s/cpuset.mems)", allowed,
			 nodes->cpuset);
	else
		snprintf(text, size, "%.64s", allowed);
}

/* ---- what they have ------------------------------------------------------ */

static uint64_t number_of(const struct host_node *node, const char *text,
			  const char *what)
{
	uint64_t value = 0;
	char name[64];

	snprintf(name, sizeof(name), "Node %u %s", node->id, what);
	host_text_number(text, name, &value);
	return value;
}

/* As the kernel reckons what is available of all memory. */
static uint64_t node_left(const struct host_node *node)
{
	char text[HOST_FILE_MAX];
	uint64_t left, kept;

	if (!host_file_text(node->meminfo, text, sizeof(text)))
		return 0;
	left = number_of(node, text, "MemFree") +
	       number_of(node, text, "Inactive(file)") +
	       number_of(node, text, "Active(file)") / 2 +
	       number_of(node, text, "SReclaimable") / 2;
	kept = number_of(node, text, "MemTotal") / KEPT;
	return left > kept ? left - kept : 0;
}

static bool is_bound(const uint64_t *bound, unsigned int node)
{
	return !bound || (bound[node / 64] >> (node % 64) & 1);
}

bool host_nodes_left(const struct host_nodes *nodes, const uint64_t *bound,
		     uint64_t *left, char *text, size_t size)
{
	char allowed[4096] = "";
	unsigned int nr = 0;
	uint64_t sum = 0;
	size_t len;

	if (nodes->nr && !allowed_list(nodes, allowed, sizeof(allowed)))
		snprintf(allowed, sizeof(allowed), "0-%d",
			 PM_NUMA_NODES_MAX - 1);
	len = (size_t)snprintf(text, size, "NUMA node");
	for (unsigned int i = 0; i < nodes->nr; i++) {
		const struct host_node *node = &nodes->nodes[i];

		if (!is_bound(bound, node->id) ||
		    !host_text_lists(allowed, node->id))
			continue;
		sum += node_left(node);
		if (len < size)
			len += (size_t)snprintf(text + len, size - len, "%s %u",
						nr ? "," : "", node->id);
		nr++;
	}
	if (nr == nodes->nr)
		return false;
	*left = sum;
	return true;
}
