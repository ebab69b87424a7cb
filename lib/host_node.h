/* SPDX-License-Identifier: BSD-3-Clause */
/* NUMA nodes of the host, and which of them this process may use. */
#ifndef PARAMEM_HOST_NODE_H
#define PARAMEM_HOST_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "paramem.h"

struct host_node {
	unsigned int id;
	int meminfo;
};

struct host_nodes {
	int online;
	int has_memory;
	int status;   /* of this process */
	char *cpuset; /* the directory of its group, or NULL */
	struct host_node
		*nodes; /* those with memory; none where there is one */
	unsigned int nr;
};

/* 0, -EMFILE, -ENFILE or -ENOMEM; finish takes what is half-built. */
int host_nodes_init(struct host_nodes *nodes, const char *root);
void host_nodes_finish(struct host_nodes *nodes);

enum host_node_verdict {
	HOST_NODE_GOOD, /* also when the host does not tell */
	HOST_NODE_ABSENT,
	HOST_NODE_EMPTY,     /* no memory there */
	HOST_NODE_FORBIDDEN, /* to this process */
};

enum host_node_verdict host_node_check(const struct host_nodes *nodes,
				       unsigned int node);

/*
 * Writes which nodes this process may have memory of, and who says so: the end
 * of a sentence.
 */
void host_nodes_allowed(const struct host_nodes *nodes, char *text,
			size_t size);

/*
 * What memory the nodes have left that a mapping is bound to (@bound, NULL: to
 * none) and that this process may use. False when those are all there are, or
 * when the host does not tell; else a clause that names them.
 */
bool host_nodes_left(const struct host_nodes *nodes, const uint64_t *bound,
		     uint64_t *left, char *text, size_t size);

#endif
