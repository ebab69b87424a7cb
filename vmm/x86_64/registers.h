/* SPDX-License-Identifier: BSD-3-Clause */
/* The registers of a CPU that a dump of the guest shows. */
#ifndef VMM_X86_64_REGISTERS_H
#define VMM_X86_64_REGISTERS_H

#include <stdint.h>

struct cpu_segment {
	uint16_t selector;
	uint32_t limit;
	uint32_t flags; /* as in the upper half of a descriptor */
	uint64_t base;
};

struct cpu_registers {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags;
	struct cpu_segment cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt;
	uint64_t cr0, cr2, cr3, cr4;
	uint64_t kernel_gs_base;
};

#endif /* VMM_X86_64_REGISTERS_H */
