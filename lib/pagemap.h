/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The page map of this process, /proc/self/pagemap: what the page tables say of
 * each page of the system. @fd is -1 where it cannot be read.
 */
#ifndef PARAMEM_PAGEMAP_H
#define PARAMEM_PAGEMAP_H

#include <stdbool.h>
#include <stdint.h>

/* Bits of an entry, as Documentation/admin-guide/mm/pagemap.rst has them. */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_SWAPPED (UINT64_C(1) << 62) /* or a mark */
#define PAGEMAP_WP      (UINT64_C(1) << 57) /* by userfaultfd */
#define PAGEMAP_OWN     (UINT64_C(1) << 56) /* mapped here alone */

/* Whether an entry is one of those that are looked for. */
typedef bool pagemap_match(uint64_t entry, const void *opaque);

/*
 * The first page of a mapping whose entry matches, in bytes from @start; @size
 * when there is none. -EIO when the map cannot be read.
 */
int pagemap_find(int fd, const void *start, uint64_t size,
		 pagemap_match *matches, const void *opaque, uint64_t *found);

/* A match: the page is there, or swapped out. */
bool pagemap_has_page(uint64_t entry, const void *opaque);

/*
 * Without a look at each page, since Linux 6.7; false may also say that this
 * kernel cannot tell. That no page is there, nor swapped out; or that every
 * page is the one of zeros that all share, and write-protected.
 */
bool pagemap_surely_empty(int fd, const void *start, uint64_t size);
bool pagemap_surely_closed(int fd, const void *start, uint64_t size);

#endif
