/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The head of an ELF core of a guest: all that comes before its memory.
 */
#ifndef VMM_DUMP_ELF_CORE_H
#define VMM_DUMP_ELF_CORE_H

#include <stddef.h>
#include <stdint.h>

#include "host/buffer.h"
#include "runs.h"

/* The memory begins at a multiple of this in the file. */
#define ELF_CORE_ALIGN 4096

/*
 * Makes the head of a file in which the memory of @runs follows, run after
 * run: ELF header, program headers, notes, and zeros up to ELF_CORE_ALIGN. The
 * caller frees it. 0, -ENOMEM, or -E2BIG for more runs than ELF can count.
 */
int elf_core_head(uint16_t machine, const struct dump_runs *runs,
		  const struct buffer *notes, uint8_t **head, size_t *len);

#endif /* VMM_DUMP_ELF_CORE_H */
