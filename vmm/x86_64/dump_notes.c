/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a dump says of a CPU, and which kernel a CPU runs.
 *
 * Of each CPU there are two notes: NT_PRSTATUS, as Linux writes it for a
 * process (<linux/elfcore.h>), and the one named "QEMU", whose layout QEMU
 * defines, and from which crash(8) takes the control registers.
 *
 * What only the kernel that runs can have is the uppermost entry of its root
 * page table, which maps the kernel itself and is therefore the same in the
 * page tables that the CPUs use: what the kernel tells of itself names that
 * table.
 */
#include "dump_notes.h"

#include <assert.h>
#include <elf.h>
#include <string.h>

#include "registers.h"

/* Where Linux maps its image, phys_base apart; entries of its page tables. */
#define PAGE         UINT64_C(4096)
#define KERNEL_MAP   UINT64_C(0xffffffff80000000)
#define TABLE_LAST   (511 * sizeof(uint64_t))
#define CR3_ADDRESS  UINT64_C(0x000ffffffffff000)
#define ENTRY_TARGET UINT64_C(0x000ffffffffff001) /* and that it is there */

/* ---- notes ------------------------------------------------------------------ */

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
static_assert(sizeof(struct qemu_cpu) <= ARCH_NOTE_MAX, "room for it");

static size_t prstatus(const struct cpu_registers *r, unsigned int cpu,
		       void *desc)
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

	memcpy(desc, &status, sizeof(status));
	return sizeof(status);
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

static size_t qemu_note(const struct cpu_registers *r, void *desc)
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

	memcpy(desc, &cpu, sizeof(cpu));
	return sizeof(cpu);
}

/* ---- the kernel that runs ----------------------------------------------------- */

static bool read_entry(const struct arch_guest *g, uint64_t table,
		       uint64_t *entry)
{
	return g->read(g->opaque, table + TABLE_LAST, entry, sizeof(*entry)) &&
	       (*entry & 1);
}

/* Page-table isolation: the user's table is the page behind the kernel's. */
static bool runs_kernel(const struct cpu_registers *r,
			const struct arch_guest *g)
{
	uint64_t cpus = r->cr3 & CR3_ADDRESS, table, base, ours, theirs;

	if (!g->number(g->opaque, "SYMBOL(swapper_pg_dir)=", 16, &table) ||
	    !g->number(g->opaque, "NUMBER(phys_base)=", 10, &base) ||
	    !read_entry(g, table - KERNEL_MAP + base, &ours))
		return false;
	if (read_entry(g, cpus, &theirs) && !((ours ^ theirs) & ENTRY_TARGET))
		return true;
	return (cpus & PAGE) && read_entry(g, cpus & ~PAGE, &theirs) &&
	       !((ours ^ theirs) & ENTRY_TARGET);
}

const struct arch_dump x86_64_dump = {
	.elf_machine = EM_X86_64,
	.registers_size = sizeof(struct cpu_registers),
	.prstatus = prstatus,
	.qemu_note = qemu_note,
	.runs_kernel = runs_kernel,
};
