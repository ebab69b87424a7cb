/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The notes of an ELF core. Of each CPU there are two: NT_PRSTATUS, as Linux
 * writes it for a process (<linux/elfcore.h>), and the one named "QEMU", whose
 * layout QEMU defines, and from which crash(8) takes the control registers.
 */
#include "notes.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "x86_64/registers.h"

/* In the order of struct user_regs_struct. */
struct prstatus_regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	uint64_t rax, rcx, rdx, rsi, rdi, orig_rax;
	uint64_t rip, cs, eflags, rsp, ss;
	uint64_t fs_base, gs_base, ds, es, fs, gs;
};

struct prstatus {
	uint8_t signals[32];
	uint32_t pid, ppid, pgrp, sid;
	uint8_t times[64];
	struct prstatus_regs regs;
	uint32_t fpvalid, pad;
};

static_assert(sizeof(struct prstatus) == 336, "struct elf_prstatus");
static_assert(offsetof(struct prstatus, pid) == 32, "pr_pid");
static_assert(offsetof(struct prstatus, regs) == 112, "pr_reg");

struct qemu_segment {
	uint32_t selector, limit, flags, pad;
	uint64_t base;
};

struct qemu_cpu {
	uint32_t version, size;
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags;
	struct qemu_segment cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt;
	uint64_t cr[5];
	uint64_t kernel_gs_base;
};

#define QEMU_CPU_VERSION 1

static_assert(sizeof(struct qemu_cpu) == 440, "QEMUCPUState");

static int append(struct buffer *notes, const void *data, size_t len)
{
	static const char pad[4];
	int ret = buffer_append(notes, data, len, INT_MAX);

	if (!ret)
		ret = buffer_append(notes, pad, -len % sizeof(pad), INT_MAX);
	return ret ? -ENOMEM : 0;
}

static int note_append(struct buffer *notes, const char *name, uint32_t type,
		       const void *desc, size_t len)
{
	const Elf64_Nhdr header = {
		.n_namesz = (uint32_t)strlen(name) + 1,
		.n_descsz = (uint32_t)len,
		.n_type = type,
	};
	int ret = append(notes, &header, sizeof(header));

	if (!ret)
		ret = append(notes, name, header.n_namesz);
	return ret ? ret : append(notes, desc, len);
}

int dump_note_prstatus(struct buffer *notes, unsigned int cpu,
		       const struct cpu_registers *r)
{
	const struct prstatus status = {
		.pid = cpu + 1, /* 0 would be no process */
		.regs = {
			.r15 = r->r15,
			.r14 = r->r14,
			.r13 = r->r13,
			.r12 = r->r12,
			.rbp = r->rbp,
			.rbx = r->rbx,
			.r11 = r->r11,
			.r10 = r->r10,
			.r9 = r->r9,
			.r8 = r->r8,
			.rax = r->rax,
			.rcx = r->rcx,
			.rdx = r->rdx,
			.rsi = r->rsi,
			.rdi = r->rdi,
			.orig_rax = r->rax,
			.rip = r->rip,
			.cs = r->cs.selector,
			.eflags = r->rflags,
			.rsp = r->rsp,
			.ss = r->ss.selector,
			.fs_base = r->fs.base,
			.gs_base = r->gs.base,
			.ds = r->ds.selector,
			.es = r->es.selector,
			.fs = r->fs.selector,
			.gs = r->gs.selector,
		},
	};

	return note_append(notes, "CORE", NT_PRSTATUS, &status, sizeof(status));
}

static struct qemu_segment qemu_segment(const struct cpu_segment *s)
{
	return (struct qemu_segment){
		.selector = s->selector,
		.limit = s->limit,
		.flags = s->flags,
		.base = s->base,
	};
}

int dump_note_qemu(struct buffer *notes, const struct cpu_registers *r)
{
	const struct qemu_cpu cpu = {
		.version = QEMU_CPU_VERSION,
		.size = sizeof(cpu),
		.rax = r->rax,
		.rbx = r->rbx,
		.rcx = r->rcx,
		.rdx = r->rdx,
		.rsi = r->rsi,
		.rdi = r->rdi,
		.rsp = r->rsp,
		.rbp = r->rbp,
		.r8 = r->r8,
		.r9 = r->r9,
		.r10 = r->r10,
		.r11 = r->r11,
		.r12 = r->r12,
		.r13 = r->r13,
		.r14 = r->r14,
		.r15 = r->r15,
		.rip = r->rip,
		.rflags = r->rflags,
		.cs = qemu_segment(&r->cs),
		.ds = qemu_segment(&r->ds),
		.es = qemu_segment(&r->es),
		.fs = qemu_segment(&r->fs),
		.gs = qemu_segment(&r->gs),
		.ss = qemu_segment(&r->ss),
		.ldt = qemu_segment(&r->ldt),
		.tr = qemu_segment(&r->tr),
		.gdt = qemu_segment(&r->gdt),
		.idt = qemu_segment(&r->idt),
		.cr = { r->cr0, 0, r->cr2, r->cr3, r->cr4 },
		.kernel_gs_base = r->kernel_gs_base,
	};

	return note_append(notes, "QEMU", 0, &cpu, sizeof(cpu));
}

int dump_note_vmcoreinfo(struct buffer *notes, const char *text, size_t len)
{
	return note_append(notes, "VMCOREINFO", 0, text, len);
}
