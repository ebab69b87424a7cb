/* SPDX-License-Identifier: BSD-3-Clause */
/* What a configuration asks of every byte that is or becomes accessible. */
#ifndef PARAMEM_RAM_SETTINGS_H
#define PARAMEM_RAM_SETTINGS_H

#include <stdint.h>

#include "ram.h"

/* Holds a NUMA policy against what the host has: -EINVAL with a sentence. */
int ram_settings_check(const struct pm_ram_config *config,
		       const struct pm_host *host, struct pm_error *err);

/*
 * Applies all but locking to a range, accessible or not. Applying twice does
 * no harm. -errno with a sentence; some may have been applied.
 */
int ram_settings_apply(struct pm_ram *ram, uint64_t offset, uint64_t size,
		       struct pm_error *err);

/*
 * The advice that any mapping of this memory is to have: about transparent huge
 * pages, and to keep it out of core dumps unless they are to have it (@dump).
 */
int ram_settings_advise(const struct pm_ram *ram, void *start, uint64_t size,
			bool dump);

/* Ends transparent huge pages, for good. */
void ram_settings_end_thp(struct pm_ram *ram);

/* Locks what an accessible range holds and will hold; if that is asked for. */
int ram_settings_lock(struct pm_ram *ram, uint64_t offset, uint64_t size,
		      struct pm_error *err);

#endif
