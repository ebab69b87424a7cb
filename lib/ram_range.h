/* SPDX-License-Identifier: BSD-3-Clause */
/* The address space of a pm_ram: one reservation, open up to some byte. */
#ifndef PARAMEM_RAM_RANGE_H
#define PARAMEM_RAM_RANGE_H

#include <stdint.h>

#include "ram.h"

/*
 * Reserves ram->max_size bytes, inaccessible and uncharged, aligned for the
 * largest page that may back them, and sets ram->host.
 */
int ram_range_reserve(struct pm_ram *ram);

/* Gives up the reservation and all that is mapped there; takes none, too. */
void ram_range_release(struct pm_ram *ram);

/* Makes the bytes @from up to @to accessible; all or none. */
int ram_range_open(struct pm_ram *ram, uint64_t from, uint64_t to);

/*
 * Puts inaccessible, uncharged address space in the place of what is mapped
 * there: private pages, page tables and locks go. No other thread's mapping
 * can slip in between.
 */
int ram_range_close(struct pm_ram *ram, uint64_t from, uint64_t to);

/*
 * Maps the whole maximum of a memory file once more, accessible; never dumped, since the other mapping may be.
 */
int ram_range_map_view(struct pm_ram *ram, unsigned char **view);
/*
 * Maps a range of the view anew: its page tables go, the file's pages stay. It
 * is no longer registered for anything, and not settled. Nothing has changed
 * when it fails.
 */
int ram_range_remap_view(struct pm_ram *ram, unsigned char *view,
			 uint64_t offset, uint64_t size);
/*
 * Keeps a range of the view out of dumps, and without huge pages where there
 * are to be none. 0 or -errno.
 */
int ram_range_settle_view(struct pm_ram *ram, unsigned char *view,
			  uint64_t offset, uint64_t size);
/* Takes ram->host, which is no such view, and then does nothing. */
void ram_range_unmap_view(struct pm_ram *ram, unsigned char *view);

#endif
