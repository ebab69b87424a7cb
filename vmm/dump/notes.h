/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The notes of an ELF core of a guest: the state of its CPUs, and what its
 * kernel tells of itself.
 */
#ifndef VMM_DUMP_NOTES_H
#define VMM_DUMP_NOTES_H

#include <elf.h>
#include <stddef.h>

#include "host/buffer.h"

struct arch_dump;
struct cpu_registers;

/*
 * Each appends one note: 0 or -ENOMEM. CPUs are numbered from 0 and added in
 * their order, first all in the format that debuggers know of a process
 * (NT_PRSTATUS), then all in QEMU's own, if it has one.
 */
int dump_note_prstatus(struct buffer *notes, const struct arch_dump *arch,
		       unsigned int cpu, const struct cpu_registers *registers);
int dump_note_qemu(struct buffer *notes, const struct arch_dump *arch,
		   const struct cpu_registers *registers);
int dump_note_vmcoreinfo(struct buffer *notes, const char *text, size_t len);

#endif /* VMM_DUMP_NOTES_H */
