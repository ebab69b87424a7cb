/* SPDX-License-Identifier: BSD-3-Clause */
/* What the first CPU starts with: 64-bit mode, paging on, flat segments. */
#ifndef VMM_X86_64_ENTRY_H
#define VMM_X86_64_ENTRY_H

#include <stdint.h>

struct cpu_entry {
	uint64_t rip;
	uint64_t rsi;
	uint64_t page_tables; /* CR3 */
	uint64_t gdt;         /* guest physical address of four entries */
};

#endif /* VMM_X86_64_ENTRY_H */
