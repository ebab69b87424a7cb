/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host memory that grows and shrinks in place: what all back ends share.
 *
 * A back end is a file ram_NAME.c with one function pm_ram_create_NAME() and
 * one table of operations. The checks of arguments, the bookkeeping of the
 * size and the verification of a discard are common and live in ram.c.
 */
#ifndef PARAMEM_RAM_H
#define PARAMEM_RAM_H

#include <stdbool.h>
#include <stdint.h>

#include "paramem.h"

/* All arguments have been checked; 0 or -errno. */
struct ram_ops {
	/* Makes the bytes from ram->size up to @size accessible, or none. */
	int (*grow)(struct pm_ram *ram, uint64_t size);
	/* Frees the bytes from @size up to ram->size, and their charge. */
	int (*shrink)(struct pm_ram *ram, uint64_t size);
	/* Frees the host pages of a range, by the call that really does. */
	int (*discard)(struct pm_ram *ram, uint64_t offset, uint64_t size);
	/* Releases the memory and @ram itself. */
	void (*destroy)(struct pm_ram *ram);
};

struct pm_ram {
	const struct ram_ops *ops;
	unsigned char *host;
	uint64_t page_size; /* the granularity of this back end */
	uint64_t size;
	uint64_t max_size;
};

/* The page size of the system. */
uint64_t ram_system_page_size(void);

/*
 * Reserves @size bytes of address space for any back end to map into,
 * inaccessible and uncharged, aligned for the largest page that transparent
 * huge pages use.
 */
int ram_reserve(uint64_t size, unsigned char **host);

/*
 * Puts inaccessible, uncharged address space in the place of whatever is
 * mapped from @host on. No other thread's mapping can slip in between.
 */
int ram_reserve_again(unsigned char *host, uint64_t size);

/* Gives up what ram_reserve() reserved, and all that is mapped there. */
void ram_unreserve(unsigned char *host, uint64_t size);

#endif
