/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state that an x86-64 CPU under KVM has after power-on.
 *
 * KVM itself puts a fresh vCPU into the architecture's power-on state. That
 * state is read once and written back at every reset, so no list of registers
 * has to be kept complete here; MSRs are those that the kernel enumerates.
 */
#include "accel/kvm/accel_kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "entry.h"
#include "kvm.h"

#define MSRS_MAX 512

#define CR0_PE          (1u << 0)
#define CR0_ET          (1u << 4)
#define CR0_NE          (1u << 5)
#define CR0_WP          (1u << 16)
#define CR0_PG          (1u << 31)
#define CR4_PAE         (1u << 5)
#define EFER_LME        (1u << 8)
#define EFER_LMA        (1u << 10)
#define EFLAGS_RESERVED (1u << 1)

/* The selectors that the 64-bit boot protocol asks for. */
#define BOOT_CS 0x10
#define BOOT_DS 0x18

#define MSR_MTRR_DEFAULT_TYPE   0x2ff
#define MTRR_ENABLED_WRITE_BACK ((1u << 11) | 6)

union cpu_msrs {
	LIST(struct kvm_msrs, struct kvm_msr_entry, MSRS_MAX);
};

union one_msr {
	LIST(struct kvm_msrs, struct kvm_msr_entry, 1);
};

struct cpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_fpu fpu;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp_state;
	struct kvm_lapic_state lapic;
	bool has_xcrs;
	union cpu_msrs msrs;
};

union msr_list {
	LIST(struct kvm_msr_list, uint32_t, MSRS_MAX);
};

/* Keeps those that can be both read and written back one by one. */
static void msrs_save_list(const struct vcpu *vcpu, const union msr_list *list,
			   union cpu_msrs *msrs)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < list->list.nmsrs; i++) {
		union one_msr one = { .list.nmsrs = 1 };

		one.list.entries[0].index = list->list.indices[i];
		if (ioctl(vcpu->fd, KVM_GET_MSRS, &one) == 1 &&
		    ioctl(vcpu->fd, KVM_SET_MSRS, &one) == 1)
			msrs->list.entries[kept++] = one.list.entries[0];
	}
	msrs->list.nmsrs = kept;
}

/* Firmware would do this: without it Linux leaves the PAT alone. */
static int mtrr_enable(const struct vcpu *vcpu)
{
	union one_msr mtrr = { .list.nmsrs = 1 };

	mtrr.list.entries[0].index = MSR_MTRR_DEFAULT_TYPE;
	mtrr.list.entries[0].data = MTRR_ENABLED_WRITE_BACK;
	return ioctl(vcpu->fd, KVM_SET_MSRS, &mtrr) == 1 ? 0 : -EIO;
}

static int msrs_save(const struct vcpu *vcpu, union cpu_msrs *msrs)
{
	union msr_list *list = calloc(1, sizeof(*list));
	int ret = 0;

	if (!list)
		return -ENOMEM;
	list->list.nmsrs = MSRS_MAX;
	if (ioctl(vcpu->accel->kvm_fd, KVM_GET_MSR_INDEX_LIST, list) < 0)
		ret = -errno;
	else
		msrs_save_list(vcpu, list, msrs);
	free(list);
	return ret;
}

static int state_save(struct vcpu *vcpu)
{
	struct cpu_state *state = calloc(1, sizeof(*state));
	int fd = vcpu->fd;

	if (!state)
		return -ENOMEM;
	vcpu->power_on = state;
	if (ioctl(fd, KVM_GET_REGS, &state->regs) < 0 ||
	    ioctl(fd, KVM_GET_SREGS, &state->sregs) < 0 ||
	    ioctl(fd, KVM_GET_FPU, &state->fpu) < 0 ||
	    ioctl(fd, KVM_GET_DEBUGREGS, &state->debugregs) < 0 ||
	    ioctl(fd, KVM_GET_VCPU_EVENTS, &state->events) < 0 ||
	    ioctl(fd, KVM_GET_MP_STATE, &state->mp_state) < 0 ||
	    ioctl(fd, KVM_GET_LAPIC, &state->lapic) < 0)
		return -errno;
	state->has_xcrs = ioctl(fd, KVM_GET_XCRS, &state->xcrs) == 0;
	return msrs_save(vcpu, &state->msrs);
}

int x86_64_vcpu_save(struct vcpu *vcpu, struct pm_error *err)
{
	int ret = state_save(vcpu);

	if (ret)
		return pm_error_set(err, -ret,
				    "KVM does not tell the power-on state of "
				    "vCPU %u (%s)",
				    vcpu->index, strerror(-ret));
	return 0;
}

static void segment_set(struct kvm_segment *segment, uint16_t selector,
			bool code)
{
	*segment = (struct kvm_segment){
		.base = 0,
		.limit = 0xffffffff,
		.selector = selector,
		.type = code ? 11 : 3, /* accessed; execute/read, read/write */
		.present = 1,
		.s = 1,
		.db = !code,
		.l = code,
		.g = 1,
	};
}

/* 64-bit mode with paging on, as the 64-bit boot protocol asks. */
static void state_enter(struct kvm_regs *regs, struct kvm_sregs *sregs,
			const struct cpu_entry *entry)
{
	*regs = (struct kvm_regs){
		.rip = entry->rip,
		.rsi = entry->rsi,
		.rflags = EFLAGS_RESERVED,
	};
	segment_set(&sregs->cs, BOOT_CS, true);
	segment_set(&sregs->ds, BOOT_DS, false);
	sregs->es = sregs->ss = sregs->fs = sregs->gs = sregs->ds;
	sregs->gdt =
		(struct kvm_dtable){ .base = entry->gdt, .limit = 4 * 8 - 1 };
	sregs->idt = (struct kvm_dtable){ 0 };
	sregs->cr3 = entry->page_tables;
	sregs->cr4 = CR4_PAE;
	sregs->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	sregs->efer = EFER_LME | EFER_LMA;
}

static int state_restore(struct vcpu *vcpu, const struct cpu_entry *entry)
{
	struct cpu_state *state = vcpu->power_on;
	struct kvm_regs regs = state->regs;
	struct kvm_sregs sregs = state->sregs;
	int fd = vcpu->fd;

	if (entry)
		state_enter(&regs, &sregs, entry);
	/* The local APIC's base is in the special registers: they go first. */
	if (ioctl(fd, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(fd, KVM_SET_LAPIC, &state->lapic) < 0 ||
	    (state->has_xcrs && ioctl(fd, KVM_SET_XCRS, &state->xcrs) < 0) ||
	    ioctl(fd, KVM_SET_FPU, &state->fpu) < 0 ||
	    ioctl(fd, KVM_SET_MSRS, &state->msrs.list) < 0 ||
	    ioctl(fd, KVM_SET_DEBUGREGS, &state->debugregs) < 0 ||
	    ioctl(fd, KVM_SET_REGS, &regs) < 0 ||
	    ioctl(fd, KVM_SET_VCPU_EVENTS, &state->events) < 0 ||
	    ioctl(fd, KVM_SET_MP_STATE, &state->mp_state) < 0)
		return -errno;
	return mtrr_enable(vcpu);
}

int x86_64_vcpu_restore(struct vcpu *vcpu, const struct cpu_entry *entry,
			struct pm_error *err)
{
	int ret = state_restore(vcpu, entry);

	if (ret)
		return pm_error_set(
			err, -ret,
			"KVM does not take the power-on state of vCPU %u (%s)",
			vcpu->index, strerror(-ret));
	return 0;
}

void x86_64_vcpu_finish(struct vcpu *vcpu)
{
	free(vcpu->power_on);
}
