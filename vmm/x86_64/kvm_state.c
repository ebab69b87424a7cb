/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state that an x86-64 CPU under KVM has after power-on.
 *
 * KVM itself puts a fresh vCPU into the architecture's power-on state. That
 * state is read once and written back at every reset, so no list of registers
 * has to be kept complete here.
 *
 * The old guest may have left the CPU anywhere: in a nested guest, in VMX
 * operation, in system management mode, waiting for a start-up message. So the
 * order in which the parts are written matters; steps[] below has it, and it
 * is this:
 *
 *	feature control  0 ends VMX operation on kernels without the next
 *	                 step. In it, KVM refuses a CR4 without VMXE, which is
 *	                 what power-on has, and changes of VMX's own MSRs.
 *	nested state     ends a nested guest and VMX operation, and sets SVM's
 *	                 global interrupt flag: from here on registers are those
 *	                 of the guest itself. On SVM it also has to come before
 *	                 EFER loses SVME, after which KVM takes no other.
 *	events           leaves system management mode, whose paging would go
 *	                 with the registers that follow.
 *	special regs     CR0 to CR4, EFER, segments; the local APIC's base, and
 *	                 with it the mode in which the next step is understood.
 *	local APIC       all of it; it ends timers, so it is before the MSR that
 *	                 starts one.
 *	XSAVE, XCR0      x87, SSE and all that came later, MXCSR and the
 *	                 protection keys included.
 *	MSRs             all, TSC and the deadline among them, see kvm_msrs.c.
 *	memory types     on, write-back: firmware would do this, and without it
 *	                 Linux leaves the PAT alone.
 *	debug registers
 *	general regs     this drops exceptions that were about to be delivered.
 *	events           again, since each of the steps may have left something
 *	                 to deliver.
 *	mp state         last: a CPU that waits for its start-up message does so
 *	                 in the state that was just made.
 *
 * The chips of the machine (PIC, I/O APIC, PIT) come before all CPUs, so that
 * none of them sends to a local APIC that was reset; the guest's clock is set
 * when it runs again (kvm_vm.c).
 */
#include "accel/kvm/accel_kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "entry.h"
#include "kvm.h"
#include "kvm_msrs.h"

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

#define MSR_FEATURE_CONTROL     0x3a
#define MSR_MTRR_DEFAULT_TYPE   0x2ff
#define MTRR_ENABLED_WRITE_BACK ((1u << 11) | 6)

/* In the XSAVE area: which components are in it, and bits of that. */
#define XSAVE_BV         128 /* in units of 4 bytes */
#define XSAVE_FP_SSE     3u
#define XSAVE_PKRU       (1u << 9)
#define XSAVE_SIZE_LEAST sizeof(struct kvm_xsave)

struct cpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp_state;
	struct kvm_lapic_state lapic;
	struct kvm_nested_state nested; /* a fresh CPU's is its head alone */
	struct kvm_xsave *xsave;        /* of the size that KVM says */
	bool has_feature_control;
	bool has_nested;
	bool has_xcrs;
	union cpu_msrs msrs;
};

/* A reset under way. */
struct reset {
	const struct vcpu *vcpu;
	struct cpu_state *state;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
};

static int put(const struct reset *r, unsigned long what, const void *data)
{
	return ioctl(r->vcpu->fd, what, data) < 0 ? -errno : 0;
}

/* ---- saving ------------------------------------------------------------------ */

static size_t xsave_size(const struct vcpu *vcpu)
{
	int size =
		ioctl(vcpu->accel->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);

	return size > (int)XSAVE_SIZE_LEAST ? (size_t)size : XSAVE_SIZE_LEAST;
}

/*
 * KVM leaves a component as it is, or its MXCSR, that is not said to be in the
 * area, though a fresh CPU's is all there: so it is said, where KVM takes it.
 */
static void xsave_complete(const struct vcpu *vcpu, struct kvm_xsave *xsave)
{
	xsave->region[XSAVE_BV] |= XSAVE_FP_SSE | XSAVE_PKRU;
	if (ioctl(vcpu->fd, KVM_SET_XSAVE, xsave) < 0)
		xsave->region[XSAVE_BV] &= ~XSAVE_PKRU;
}

static int xsave_save(const struct vcpu *vcpu, struct cpu_state *state)
{
	size_t size = xsave_size(vcpu);

	state->xsave = calloc(1, size);
	if (!state->xsave)
		return -ENOMEM;
	if (ioctl(vcpu->fd,
		  size > XSAVE_SIZE_LEAST ? KVM_GET_XSAVE2 : KVM_GET_XSAVE,
		  state->xsave) < 0)
		return -errno;
	xsave_complete(vcpu, state->xsave);
	return 0;
}

/* Kernels before 4.20 have none, and those that nest nothing need none. */
static int nested_save(const struct vcpu *vcpu, struct cpu_state *state)
{
	int size = ioctl(vcpu->accel->kvm_fd, KVM_CHECK_EXTENSION,
			 KVM_CAP_NESTED_STATE);

	state->has_nested = size >= (int)sizeof(state->nested);
	state->nested.size = sizeof(state->nested);
	if (state->has_nested &&
	    ioctl(vcpu->fd, KVM_GET_NESTED_STATE, &state->nested) < 0)
		return -errno;
	return 0;
}

static int state_save(struct vcpu *vcpu)
{
	struct cpu_state *state = calloc(1, sizeof(*state));
	int fd = vcpu->fd, ret;
	uint64_t value;

	if (!state)
		return -ENOMEM;
	vcpu->power_on = state;
	if (ioctl(fd, KVM_GET_REGS, &state->regs) < 0 ||
	    ioctl(fd, KVM_GET_SREGS, &state->sregs) < 0 ||
	    ioctl(fd, KVM_GET_DEBUGREGS, &state->debugregs) < 0 ||
	    ioctl(fd, KVM_GET_VCPU_EVENTS, &state->events) < 0 ||
	    ioctl(fd, KVM_GET_MP_STATE, &state->mp_state) < 0 ||
	    ioctl(fd, KVM_GET_LAPIC, &state->lapic) < 0)
		return -errno;
	state->has_xcrs = ioctl(fd, KVM_GET_XCRS, &state->xcrs) == 0;
	state->has_feature_control =
		!cpu_msr_read(vcpu, MSR_FEATURE_CONTROL, &value);
	ret = nested_save(vcpu, state);
	if (!ret)
		ret = xsave_save(vcpu, state);
	return ret ? ret : msrs_save(vcpu, &state->msrs);
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

/* ---- where the first CPU starts ------------------------------------------------ */

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

/* ---- the steps ------------------------------------------------------------------ */

static int put_feature_control(const struct reset *r)
{
	return r->state->has_feature_control
		       ? cpu_msr_write(r->vcpu, MSR_FEATURE_CONTROL, 0)
		       : 0;
}

static int put_nested(const struct reset *r)
{
	return r->state->has_nested
		       ? put(r, KVM_SET_NESTED_STATE, &r->state->nested)
		       : 0;
}

/*
 * Reading them first makes pending what was only queued, an NMI that came
 * while the CPU stood still; then it goes with the others.
 */
static int put_events(const struct reset *r)
{
	struct kvm_vcpu_events queued;

	if (ioctl(r->vcpu->fd, KVM_GET_VCPU_EVENTS, &queued) < 0)
		return -errno;
	return put(r, KVM_SET_VCPU_EVENTS, &r->state->events);
}

static int put_sregs(const struct reset *r)
{
	return put(r, KVM_SET_SREGS, &r->sregs);
}

static int put_lapic(const struct reset *r)
{
	return put(r, KVM_SET_LAPIC, &r->state->lapic);
}

static int put_xsave(const struct reset *r)
{
	return put(r, KVM_SET_XSAVE, r->state->xsave);
}

static int put_xcrs(const struct reset *r)
{
	return r->state->has_xcrs ? put(r, KVM_SET_XCRS, &r->state->xcrs) : 0;
}

static int put_memory_types(const struct reset *r)
{
	return cpu_msr_write(r->vcpu, MSR_MTRR_DEFAULT_TYPE,
			     MTRR_ENABLED_WRITE_BACK);
}

static int put_debugregs(const struct reset *r)
{
	return put(r, KVM_SET_DEBUGREGS, &r->state->debugregs);
}

static int put_regs(const struct reset *r)
{
	return put(r, KVM_SET_REGS, &r->regs);
}

static int put_mp_state(const struct reset *r)
{
	return put(r, KVM_SET_MP_STATE, &r->state->mp_state);
}

struct step {
	const char *what;
	int (*put)(const struct reset *reset);
};

static const struct step before_msrs[] = {
	{ "feature control", put_feature_control },
	{ "nested state", put_nested },
	{ "events", put_events },
	{ "special registers", put_sregs },
	{ "local APIC", put_lapic },
	{ "extended state", put_xsave },
	{ "XCR0", put_xcrs },
};

static const struct step after_msrs[] = {
	{ "memory types", put_memory_types },
	{ "debug registers", put_debugregs },
	{ "registers", put_regs },
	{ "events", put_events },
	{ "run state", put_mp_state },
};

#define NR_STEPS(steps) (sizeof(steps) / sizeof((steps)[0]))

static int carry_out(const struct reset *r, const struct step *steps, size_t nr,
		     struct pm_error *err)
{
	for (size_t i = 0; i < nr; i++) {
		int ret = steps[i].put(r);

		if (ret)
			return pm_error_set(err, -ret,
					    "KVM does not take the %s that "
					    "vCPU %u has after power-on (%s)",
					    steps[i].what, r->vcpu->index,
					    strerror(-ret));
	}
	return 0;
}

int x86_64_vcpu_restore(struct vcpu *vcpu, const struct cpu_entry *entry,
			struct pm_error *err)
{
	struct reset r = {
		.vcpu = vcpu,
		.state = vcpu->power_on,
		.regs = vcpu->power_on->regs,
		.sregs = vcpu->power_on->sregs,
	};
	int ret;

	if (entry)
		state_enter(&r.regs, &r.sregs, entry);
	ret = carry_out(&r, before_msrs, NR_STEPS(before_msrs), err);
	if (!ret)
		ret = msrs_restore(vcpu, &r.state->msrs, err);
	if (!ret)
		ret = carry_out(&r, after_msrs, NR_STEPS(after_msrs), err);
	return ret;
}

void x86_64_vcpu_finish(struct vcpu *vcpu)
{
	if (vcpu->power_on)
		free(vcpu->power_on->xsave);
	free(vcpu->power_on);
}
