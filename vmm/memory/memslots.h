/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shows a memory device's memory to the guest span by span: a span becomes a
 * memory slot when the first block in it is plugged, so what the host keeps
 * per slot follows what was plugged and not the maximum. A slot may reach past
 * the memory that is accessible: a guest that touches it there gets its machine
 * stopped, and nothing else happens.
 */
#ifndef VMM_MEMSLOTS_H
#define VMM_MEMSLOTS_H

#include <stdint.h>

#include "paramem.h"

#define MEMSLOTS_MAX 256 /* per device */

struct accel;
struct memslots;

/*
 * @region bytes of host memory at @host, guest physical @gpa, in spans of
 * @span bytes: MEMSLOTS_MAX at most. The listener is for the device whose
 * memory it is. 0 or -errno.
 */
int memslots_create(struct accel *accel, uint64_t gpa, uint64_t region,
		    uint64_t span, void *host, struct memslots **slots);
void memslots_destroy(struct memslots *slots);

struct pm_listener *memslots_listener(struct memslots *slots);

/*
 * Drops the slots in which nothing is plugged. Dropping one costs all vCPUs
 * their page tables, so it happens at a reset and not at each unplug.
 */
void memslots_trim(struct memslots *slots);

#endif /* VMM_MEMSLOTS_H */
