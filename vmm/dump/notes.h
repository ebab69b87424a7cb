/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The notes of an ELF core of an x86-64 guest: the state of its CPUs, and
 * what its kernel tells of itself.
 */
#ifndef VMM_DUMP_NOTES_H
#define VMM_DUMP_NOTES_H

#include <elf.h>
#include <stddef.h>

#include "host/buffer.h"

#define DUMP_MACHINE EM_X86_64

struct cpu_registers;

/*
 * Each appends one note: 0 or -ENOMEM. CPUs are numbered from 0 and added in
 * their order, first all in the format that debuggers know of a process
 * (NT_PRSTATUS), then all in QEMU's own, which has the control registers.
 */
int dump_note_prstatus(struct buffer *notes, unsigned int cpu,
		       const struct cpu_registers *registers);
int dump_note_qemu(struct buffer *notes, const struct cpu_registers *registers);
int dump_note_vmcoreinfo(struct buffer *notes, const char *text, size_t len);

#endif /* VMM_DUMP_NOTES_H */
