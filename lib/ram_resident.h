/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether host pages are behind a range: how a discard is verified, and how
 * who reads memory finds where something may be in it.
 */
#ifndef PARAMEM_RAM_RESIDENT_H
#define PARAMEM_RAM_RESIDENT_H

#include <stdbool.h>
#include <stdint.h>

#include "ram.h"

/*
 * Asks the page tables of this process, which is all there is to ask for
 * anonymous memory and for huge pages. 1, 0 or -errno.
 */
int ram_resident_mapped(struct pm_ram *ram, uint64_t offset, uint64_t size);
/* The same for any mapping of this memory. */
int ram_resident_at(struct pm_ram *ram, void *start, uint64_t size);

/*
 * Asks the memory file itself: finds pages whoever touched them, and those
 * that were swapped out. Files of huge pages do not tell. 1, 0 or -errno.
 */
int ram_resident_in_file(struct pm_ram *ram, uint64_t offset, uint64_t size);

/*
 * As ram_ops' find: asks the page tables of this process, swapped pages
 * included, where there is a pagemap, and without one finds data everywhere;
 * the memory file; or, for huge pages, which are never swapped, the page
 * tables page by page, and with a view of them data everywhere.
 */
int ram_resident_find_pagemap(const struct pm_ram *ram, uint64_t from,
			      uint64_t to, bool data, uint64_t *found);
int ram_resident_find_in_file(const struct pm_ram *ram, uint64_t from,
			      uint64_t to, bool data, uint64_t *found);
int ram_resident_find_mapped(const struct pm_ram *ram, uint64_t from,
			     uint64_t to, bool data, uint64_t *found);

#endif
