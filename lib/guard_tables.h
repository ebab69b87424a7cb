/* SPDX-License-Identifier: BSD-3-Clause */
/* Page tables of the guest's view that lending leaves behind. */
#ifndef PARAMEM_GUARD_TABLES_H
#define PARAMEM_GUARD_TABLES_H

#include <stdint.h>

#include "guard_base.h"

/* 0 or -errno; the map is the guard's then. */
int guard_tables_init(struct guard *g);
void guard_tables_finish(struct guard *g);

/* Under the lock: a range, of one page table, is lent. */
void guard_tables_note(struct guard *g, uint64_t offset);
/* Under the lock: frees those that nothing needs when they have become many. */
void guard_tables_tidy(struct guard *g);

#endif
