/* SPDX-License-Identifier: BSD-3-Clause */
/* What the host says of itself: memory, huge pages, NUMA nodes. */
#ifndef PARAMEM_HOST_H
#define PARAMEM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A line of /proc/meminfo, such as "MemAvailable"; bytes where it has a unit.
 * False when it cannot be read.
 */
bool host_meminfo(const char *name, uint64_t *value);

/* Writes what memory the host has left: the end of a sentence. */
void host_memory_left(char *text, size_t size);

/* The sizes of huge pages, ascending; returns how many, at most @max. */
size_t host_huge_page_sizes(uint64_t *sizes, size_t max);

/* Huge pages of a size that are free and promised to nobody. */
bool host_huge_pages_free(uint64_t page_size, uint64_t *count);

/* Whether memory files may have transparent huge pages. */
bool host_files_have_huge_pages(void);

enum host_node {
	HOST_NODE_GOOD, /* also when the host does not tell */
	HOST_NODE_ABSENT,
	HOST_NODE_EMPTY, /* no memory there */
};

enum host_node host_node(unsigned int node);

#endif
