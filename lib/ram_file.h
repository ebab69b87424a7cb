/* SPDX-License-Identifier: BSD-3-Clause */
/* What memory files of small and of huge pages have in common. */
#ifndef PARAMEM_RAM_FILE_H
#define PARAMEM_RAM_FILE_H

#include <stdint.h>

#include "ram.h"

/* Makes an empty memory file; @flags as for memfd_create(2). */
int ram_file_open(struct pm_ram *ram, unsigned int flags, struct pm_error *err);

/* Gives the file the length of the maximum, for good. Gives the sentence. */
int ram_file_fix_length(struct pm_ram *ram, struct pm_error *err);

/* As struct ram_ops says. */
int ram_file_shrink(struct pm_ram *ram, uint64_t from, uint64_t to);
int ram_file_discard(struct pm_ram *ram, uint64_t offset, uint64_t size);

/* Has the pages without mapping them; all or, on failure, maybe some. */
int ram_file_allocate(struct pm_ram *ram, uint64_t offset, uint64_t size);

#endif
