/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether host pages are behind a range: how a discard is verified. */
#ifndef PARAMEM_RAM_RESIDENT_H
#define PARAMEM_RAM_RESIDENT_H

#include <stdint.h>

#include "ram.h"

/*
 * Asks the page tables of this process, which is all there is to ask for
 * anonymous memory and for huge pages. 1, 0 or -errno.
 */
int ram_resident_mapped(struct pm_ram *ram, uint64_t offset, uint64_t size);
/* The same for any mapping. */
int ram_resident_at(void *start, uint64_t size);

/*
 * Asks the memory file itself: finds pages whoever touched them, and those
 * that were swapped out. Files of huge pages do not tell. 1, 0 or -errno.
 */
int ram_resident_in_file(struct pm_ram *ram, uint64_t offset, uint64_t size);

#endif
