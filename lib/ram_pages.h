/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages of a pm_ram come and go. */
#ifndef PARAMEM_RAM_PAGES_H
#define PARAMEM_RAM_PAGES_H

#include <stdint.h>

#include "ram.h"

/*
 * Faults all pages of a range in, writable, without changing what they hold
 * and without a signal. -ENOSYS before Linux 5.14, -ENOMEM when there are not
 * enough; some may be there then.
 */
int ram_pages_fault_in(struct pm_ram *ram, uint64_t offset, uint64_t size);

/* As pm_ram_discard(), of any pages: what a view holds past the size, too. */
int ram_pages_discard(struct pm_ram *ram, uint64_t offset, uint64_t size);

#endif
