/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory that a machine boots with. */
#ifndef VMM_BOOT_MEMORY_H
#define VMM_BOOT_MEMORY_H

#include <stdbool.h>

#include "config/machine_config.h"
#include "paramem.h"

struct accel;
struct guest_memory;
struct loop;
struct memory_map;
struct workers;

/*
 * Creates boot memory, all of it accessible, and populates it where that is
 * asked for: on the workers, while the loop runs, and with a line on standard
 * error if that is a terminal and it takes long. Gives up when a callback of
 * the loop sets @ended. 0, or -errno with a sentence and nothing left behind.
 */
int boot_memory_create(const struct machine_config *config, struct loop *loop,
		       struct workers *workers, struct pm_host *host,
		       const bool *ended, struct pm_ram **ram,
		       struct pm_error *err);

/*
 * For a system reset: a fresh guest finds nothing of the old one, and the host
 * has the memory back, unless it was populated, and so promised, for good. 0
 * or -errno with a sentence.
 */
int boot_memory_reset(const struct machine_config *config, struct pm_ram *ram,
		      struct pm_error *err);

/* Puts it where the map says. 0, or -errno with a sentence. */
int boot_memory_show(struct pm_ram *ram, const struct memory_map *map,
		     struct guest_memory *memory, struct accel *accel,
		     struct pm_error *err);

#endif /* VMM_BOOT_MEMORY_H */
