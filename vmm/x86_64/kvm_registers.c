/* SPDX-License-Identifier: BSD-3-Clause */
/* The registers of an x86-64 CPU under KVM, for who looks at a guest. */
#include "accel/kvm/accel_kvm.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "kvm_msrs.h"
#include "registers.h"

#define MSR_KERNEL_GS_BASE 0xc0000102u

/* Places in the upper half of a segment descriptor. */
static uint32_t segment_flags(const struct kvm_segment *s)
{
	return (uint32_t)s->type << 8 | (uint32_t)s->s << 12 |
	       (uint32_t)s->dpl << 13 | (uint32_t)s->present << 15 |
	       (uint32_t)s->avl << 20 | (uint32_t)s->l << 21 |
	       (uint32_t)s->db << 22 | (uint32_t)s->g << 23;
}

static struct cpu_segment segment(const struct kvm_segment *s)
{
	return (struct cpu_segment){
		.selector = s->selector,
		.limit = s->limit,
		.flags = segment_flags(s),
		.base = s->base,
	};
}

static struct cpu_segment table(const struct kvm_dtable *t)
{
	return (struct cpu_segment){ .limit = t->limit, .base = t->base };
}

static void general_set(struct cpu_registers *to, const struct kvm_regs *from)
{
	to->rax = from->rax;
	to->rbx = from->rbx;
	to->rcx = from->rcx;
	to->rdx = from->rdx;
	to->rsi = from->rsi;
	to->rdi = from->rdi;
	to->rsp = from->rsp;
	to->rbp = from->rbp;
	to->r8 = from->r8;
	to->r9 = from->r9;
	to->r10 = from->r10;
	to->r11 = from->r11;
	to->r12 = from->r12;
	to->r13 = from->r13;
	to->r14 = from->r14;
	to->r15 = from->r15;
	to->rip = from->rip;
	to->rflags = from->rflags;
}

static void special_set(struct cpu_registers *to, const struct kvm_sregs *from)
{
	to->cs = segment(&from->cs);
	to->ds = segment(&from->ds);
	to->es = segment(&from->es);
	to->fs = segment(&from->fs);
	to->gs = segment(&from->gs);
	to->ss = segment(&from->ss);
	to->ldt = segment(&from->ldt);
	to->tr = segment(&from->tr);
	to->gdt = table(&from->gdt);
	to->idt = table(&from->idt);
	to->cr0 = from->cr0;
	to->cr2 = from->cr2;
	to->cr3 = from->cr3;
	to->cr4 = from->cr4;
}

int x86_64_vcpu_registers(const struct vcpu *vcpu,
			  struct cpu_registers *registers)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) < 0 ||
	    ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	general_set(registers, &regs);
	special_set(registers, &sregs);
	return cpu_msr_read(vcpu, MSR_KERNEL_GS_BASE,
			    &registers->kernel_gs_base);
}
