/* SPDX-License-Identifier: BSD-3-Clause */
/* The host's huge pages: a pool for each size, and who may take how many. */
#ifndef PARAMEM_HOST_POOL_H
#define PARAMEM_HOST_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host_cgroup.h"

#define HOST_POOLS_MAX 16

struct host_pool {
	uint64_t page_size;
	int free_pages;
	int promised;
	struct host_cgroup groups; /* those that limit it */
};

struct host_pools {
	unsigned int nr;
	uint64_t default_size;                  /* 0: there are none */
	struct host_pool pools[HOST_POOLS_MAX]; /* by size, ascending */
};

/* 0, -EMFILE, -ENFILE or -ENOMEM; finish takes what is half-built. */
int host_pools_init(struct host_pools *pools, const char *root);
void host_pools_finish(struct host_pools *pools);

/* The pool of a size; NULL when there is none. */
const struct host_pool *host_pool_find(const struct host_pools *pools,
				       uint64_t page_size);

/* Huge pages that are free and promised to nobody. */
bool host_pool_free(const struct host_pool *pool, uint64_t *count);

/*
 * Writes what the pool has left for us, or which group's limit leaves less: the
 * end of a sentence.
 */
void host_pool_left(const struct host_pool *pool, char *text, size_t size);

#endif
