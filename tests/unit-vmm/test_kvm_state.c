/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reset of a CPU, against a KVM that is played: it refuses what the real one
 * refuses, in the states in which an old guest may have left the CPU.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "accel/kvm/accel_kvm.h"
#include "x86_64/entry.h"
#include "x86_64/kvm.h"
#include "x86_64/registers.h"

#define VCPU_FD 1000
#define VM_FD   1001
#define KVM_FD  1002

#define MSR_TSC             0x10u
#define MSR_FEATURE_CONTROL 0x3au
#define MSR_VMX_BASIC       0x480u
#define MSR_TSC_DEADLINE    0x6e0u
#define MSR_STAR            0xc0000081u
#define MSR_KERNEL_GS       0xc0000102u
#define MTRR_FIXED          0x250u

#define CR4_VMXE  (1u << 13)
#define EFER_SVME (1u << 12)

#define MSRS    16
#define LOG_MAX 64

static const uint32_t enumerated[] = {
	MSR_TSC,       MSR_STAR,         MSR_KERNEL_GS, MSR_FEATURE_CONTROL,
	MSR_VMX_BASIC, MSR_TSC_DEADLINE,
};

/* KVM's side of one CPU. */
static struct {
	/* What this KVM has. */
	bool has_vmx, has_svm, has_nested_state;
	/* What the guest did. */
	bool vmx_on, guest_mode, smm;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp_state;
	uint32_t lapic_timer;
	uint32_t msr_index[MSRS];
	uint64_t msr[MSRS];
	unsigned int nr_msrs;
	uint32_t refuse; /* writes of this MSR from now on; 0: none */
	unsigned int nmis_queued;
	/* What was written, in its order. */
	unsigned long log[LOG_MAX];
	unsigned int nr_log;
	unsigned long fail;     /* this request fails */
	struct kvm_xsave xsave; /* last, for its length varies */
} kvm;

/* ---- MSRs ------------------------------------------------------------------ */

static uint64_t *msr(uint32_t index)
{
	for (unsigned int i = 0; i < kvm.nr_msrs; i++)
		if (kvm.msr_index[i] == index)
			return &kvm.msr[i];
	return NULL;
}

static void leave_nested(void)
{
	kvm.vmx_on = kvm.guest_mode = false;
}

static bool msr_set(uint32_t index, uint64_t value)
{
	uint64_t *m = msr(index);

	if (!m || (kvm.refuse && kvm.refuse == index))
		return false;
	if (index == MSR_VMX_BASIC && kvm.vmx_on)
		return false;
	if (index == MSR_FEATURE_CONTROL && !value)
		leave_nested();
	/* Ignored without the timer's mode. */
	if (index != MSR_TSC_DEADLINE || kvm.lapic_timer)
		*m = value;
	return true;
}

static int msrs_each(struct kvm_msrs *list, bool set)
{
	for (uint32_t i = 0; i < list->nmsrs; i++) {
		struct kvm_msr_entry *e = &list->entries[i];
		uint64_t *m = msr(e->index);

		if (!m || (set && !msr_set(e->index, e->data)))
			return (int)i;
		e->data = *m;
	}
	return (int)list->nmsrs;
}

static int msr_list(struct kvm_msr_list *list)
{
	assert_true(list->nmsrs >= MSRS);
	list->nmsrs = 0;
	for (size_t i = 0; i < sizeof(enumerated) / sizeof(enumerated[0]); i++)
		list->indices[list->nmsrs++] = enumerated[i];
	return 0;
}

/* ---- the rest ---------------------------------------------------------------- */

static int fail_with(int error)
{
	errno = error;
	return -1;
}

static int set_sregs(const struct kvm_sregs *s)
{
	if (kvm.vmx_on && !(s->cr4 & CR4_VMXE))
		return fail_with(EINVAL);
	if (kvm.guest_mode || kvm.smm)
		return fail_with(EINVAL);
	kvm.sregs = *s;
	return 0;
}

static int get_nested(struct kvm_nested_state *n)
{
	if (n->size < sizeof(*n))
		return fail_with(E2BIG);
	n->size = sizeof(*n);
	n->flags = kvm.has_svm ? KVM_STATE_NESTED_GIF_SET : 0;
	n->format = kvm.has_svm ? KVM_STATE_NESTED_FORMAT_SVM
				: KVM_STATE_NESTED_FORMAT_VMX;
	if (!kvm.has_svm)
		n->hdr.vmx.vmxon_pa = n->hdr.vmx.vmcs12_pa = UINT64_MAX;
	return 0;
}

static int set_nested(const struct kvm_nested_state *n)
{
	if (kvm.has_svm && n->flags != KVM_STATE_NESTED_GIF_SET)
		return fail_with(EINVAL);
	if (!kvm.has_svm && n->hdr.vmx.vmxon_pa != UINT64_MAX)
		return fail_with(EINVAL);
	leave_nested();
	return 0;
}

static int get_events(struct kvm_vcpu_events *e)
{
	kvm.events.nmi.pending += kvm.nmis_queued;
	kvm.nmis_queued = 0;
	*e = kvm.events;
	e->smi.smm = kvm.smm;
	return 0;
}

static int set_events(const struct kvm_vcpu_events *e)
{
	kvm.events = *e;
	kvm.smm = e->smi.smm;
	return 0;
}

static int set_regs(const struct kvm_regs *r)
{
	kvm.regs = *r;
	kvm.events.exception.pending = 0;
	return 0;
}

static int set_lapic(const struct kvm_lapic_state *l)
{
	memcpy(&kvm.lapic_timer, l->regs + 0x320, sizeof(kvm.lapic_timer));
	kvm.lapic_timer &= 1u << 18;
	/* A mode that changes ends the timer. */
	*msr(MSR_TSC_DEADLINE) = 0;
	return 0;
}

static int copy(void *to, const void *from, size_t size)
{
	memcpy(to, from, size);
	return 0;
}

static int vcpu_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case KVM_GET_REGS:
		return copy(arg, &kvm.regs, sizeof(kvm.regs));
	case KVM_GET_SREGS:
		return copy(arg, &kvm.sregs, sizeof(kvm.sregs));
	case KVM_GET_VCPU_EVENTS:
		return get_events(arg);
	case KVM_GET_MP_STATE:
		return copy(arg, &kvm.mp_state, sizeof(kvm.mp_state));
	case KVM_GET_XSAVE:
		return copy(arg, &kvm.xsave, sizeof(kvm.xsave));
	case KVM_GET_MSRS:
		return msrs_each(arg, false);
	case KVM_GET_NESTED_STATE:
		return get_nested(arg);
	case KVM_SET_NESTED_STATE:
		return set_nested(arg);
	case KVM_SET_MSRS:
		return msrs_each(arg, true);
	case KVM_SET_SREGS:
		return set_sregs(arg);
	case KVM_SET_REGS:
		return set_regs(arg);
	case KVM_SET_VCPU_EVENTS:
		return set_events(arg);
	case KVM_SET_MP_STATE:
		return copy(&kvm.mp_state, arg, sizeof(kvm.mp_state));
	case KVM_SET_XSAVE:
		return copy(&kvm.xsave, arg, sizeof(kvm.xsave));
	case KVM_SET_LAPIC:
		return set_lapic(arg);
	default:
		return 0; /* nothing here depends on it */
	}
}

static int extension(uintptr_t cap)
{
	return cap == KVM_CAP_NESTED_STATE && kvm.has_nested_state ? 4096 : 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	void *arg;
	va_list ap;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == kvm.fail)
		return fail_with(EINVAL);
	if (request == KVM_CHECK_EXTENSION)
		return extension((uintptr_t)arg);
	if (request == KVM_GET_MSR_INDEX_LIST)
		return msr_list(arg);
	assert_int_equal(fd, VCPU_FD);
	if (_IOC_DIR(request) == _IOC_WRITE && kvm.nr_log < LOG_MAX)
		kvm.log[kvm.nr_log++] = request;
	return vcpu_ioctl(request, arg);
}

/* ---- the test's side ----------------------------------------------------------- */

struct fixture {
	struct kvm_accel accel;
	struct vcpu vcpu;
	struct pm_error err;
};

static void power_up(struct fixture *f)
{
	static const uint32_t all[] = {
		MSR_TSC,          MSR_STAR,   MSR_KERNEL_GS, MSR_VMX_BASIC,
		MSR_TSC_DEADLINE, MTRR_FIXED, 0x2ff,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		kvm.msr_index[kvm.nr_msrs++] = all[i];
	if (kvm.has_vmx)
		kvm.msr_index[kvm.nr_msrs++] = MSR_FEATURE_CONTROL;
	kvm.regs.rip = 0xfff0;
	kvm.mp_state.mp_state = KVM_MP_STATE_UNINITIALIZED;
	assert_int_equal(x86_64_vcpu_save(&f->vcpu, &f->err), 0);
	kvm.nr_log = 0;
}

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	memset(&kvm, 0, sizeof(kvm));
	f.accel.kvm_fd = KVM_FD;
	f.accel.vm_fd = VM_FD;
	f.vcpu.accel = &f.accel;
	f.vcpu.fd = VCPU_FD;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	x86_64_vcpu_finish(&f->vcpu);
	return 0;
}

static int restore(struct fixture *f)
{
	return x86_64_vcpu_restore(&f->vcpu, NULL, &f->err);
}

/* When it was written first or last; fails when it never was. */
static unsigned int first(unsigned long request)
{
	for (unsigned int i = 0; i < kvm.nr_log; i++)
		if (kvm.log[i] == request)
			return i;
	fail_msg("request %lx was not made", request);
	return 0;
}

static unsigned int last(unsigned long request)
{
	unsigned int at = first(request);

	for (unsigned int i = at; i < kvm.nr_log; i++)
		if (kvm.log[i] == request)
			at = i;
	return at;
}

/* ---- a guest with a hypervisor of its own --------------------------------------- */

static void vmx_operation_ends(void **state)
{
	struct fixture *f = *state;

	kvm.has_vmx = kvm.has_nested_state = true;
	power_up(f);
	kvm.vmx_on = true;
	kvm.sregs.cr4 = CR4_VMXE;
	*msr(MSR_FEATURE_CONTROL) = 5;
	*msr(MSR_VMX_BASIC) = 77;
	assert_int_equal(restore(f), 0);
	assert_false(kvm.vmx_on);
	assert_int_equal(kvm.sregs.cr4, 0);
	assert_int_equal(*msr(MSR_FEATURE_CONTROL), 0);
	assert_int_equal(*msr(MSR_VMX_BASIC), 0);
	assert_true(first(KVM_SET_MSRS) < first(KVM_SET_NESTED_STATE));
	assert_true(first(KVM_SET_NESTED_STATE) < first(KVM_SET_SREGS));
}

static void vmx_operation_ends_on_kernels_without_nested_state(void **state)
{
	struct fixture *f = *state;

	kvm.has_vmx = true;
	power_up(f);
	kvm.vmx_on = kvm.guest_mode = true;
	*msr(MSR_FEATURE_CONTROL) = 5;
	assert_int_equal(restore(f), 0);
	assert_false(kvm.vmx_on);
	assert_true(first(KVM_SET_MSRS) < first(KVM_SET_SREGS));
}

static void a_nested_guest_of_svm_ends(void **state)
{
	struct fixture *f = *state;

	kvm.has_svm = kvm.has_nested_state = true;
	power_up(f);
	kvm.guest_mode = true;
	kvm.sregs.efer = EFER_SVME;
	assert_int_equal(restore(f), 0);
	assert_false(kvm.guest_mode);
	assert_int_equal(kvm.sregs.efer, 0);
	assert_true(first(KVM_SET_NESTED_STATE) < first(KVM_SET_SREGS));
}

static void system_management_mode_ends(void **state)
{
	struct fixture *f = *state;

	power_up(f);
	kvm.smm = true;
	assert_int_equal(restore(f), 0);
	assert_false(kvm.smm);
	assert_true(first(KVM_SET_VCPU_EVENTS) < first(KVM_SET_SREGS));
}

/* ---- the order ---------------------------------------------------------------- */

static void each_part_comes_after_what_it_needs(void **state)
{
	struct fixture *f = *state;

	kvm.has_vmx = kvm.has_nested_state = true;
	power_up(f);
	assert_int_equal(restore(f), 0);
	assert_true(first(KVM_SET_SREGS) < first(KVM_SET_LAPIC));
	assert_true(first(KVM_SET_LAPIC) < last(KVM_SET_MSRS));
	assert_true(last(KVM_SET_REGS) < last(KVM_SET_VCPU_EVENTS));
	assert_int_equal(last(KVM_SET_MP_STATE), kvm.nr_log - 1);
	first(KVM_SET_XSAVE);
	first(KVM_SET_DEBUGREGS);
	first(KVM_SET_XCRS);
}

static void what_was_about_to_happen_does_not(void **state)
{
	struct fixture *f = *state;

	power_up(f);
	kvm.nmis_queued = 2;
	kvm.events.exception.pending = 1;
	kvm.events.interrupt.injected = 1;
	kvm.mp_state.mp_state = KVM_MP_STATE_HALTED;
	assert_int_equal(restore(f), 0);
	assert_int_equal(kvm.nmis_queued, 0);
	assert_int_equal(kvm.events.nmi.pending, 0);
	assert_int_equal(kvm.events.exception.pending, 0);
	assert_int_equal(kvm.events.interrupt.injected, 0);
	assert_int_equal(kvm.mp_state.mp_state, KVM_MP_STATE_UNINITIALIZED);
}

static void extended_state_is_all_said_to_be_there(void **state)
{
	struct fixture *f = *state;

	power_up(f);
	memset(&kvm.xsave, 0xee, sizeof(kvm.xsave));
	assert_int_equal(restore(f), 0);
	assert_int_equal(kvm.xsave.region[6], 0); /* MXCSR, here */
	assert_int_equal(kvm.xsave.region[128] & 3, 3);
	assert_int_equal(kvm.xsave.region[128] & 1 << 9, 1 << 9);
}

static void the_first_cpu_starts_in_64_bit_mode(void **state)
{
	const struct cpu_entry entry = { 0x100200, 0x8000, 0x1000, 0x7000 };
	struct fixture *f = *state;

	power_up(f);
	assert_int_equal(x86_64_vcpu_restore(&f->vcpu, &entry, &f->err), 0);
	assert_int_equal(kvm.regs.rip, 0x100200);
	assert_int_equal(kvm.regs.rsi, 0x8000);
	assert_int_equal(kvm.sregs.cr3, 0x1000);
	assert_int_equal(kvm.sregs.gdt.base, 0x7000);
	assert_int_equal(kvm.sregs.efer, 0x500);
	assert_int_equal(kvm.sregs.cs.l, 1);
}

/* ---- MSRs ----------------------------------------------------------------------- */

static void registers_that_are_not_enumerated_are_reset(void **state)
{
	struct fixture *f = *state;

	power_up(f);
	*msr(MTRR_FIXED) = 0x0606060606060606;
	*msr(0x2ff) = 0;
	assert_int_equal(restore(f), 0);
	assert_int_equal(*msr(MTRR_FIXED), 0);
	assert_int_equal(*msr(0x2ff), 0x806); /* as firmware leaves it */
}

static void a_register_that_is_refused_is_named(void **state)
{
	struct fixture *f = *state;

	power_up(f);
	*msr(MSR_STAR) = 5;
	kvm.refuse = MSR_STAR;
	assert_int_equal(restore(f), -EIO);
	assert_non_null(strstr(f->err.text, "0xc0000081"));
}

/* Also those behind it get their values. */
static void a_register_that_is_refused_as_it_is(void **state)
{
	struct fixture *f = *state;

	power_up(f);
	*msr(MSR_KERNEL_GS) = 5;
	kvm.refuse = MSR_STAR;
	assert_int_equal(restore(f), 0);
	assert_int_equal(*msr(MSR_KERNEL_GS), 0);
}

static void a_refused_step_is_named(void **state)
{
	static const struct {
		unsigned long request;
		const char *word;
	} steps[] = {
		{ KVM_SET_NESTED_STATE, "nested" },
		{ KVM_SET_SREGS, "special registers" },
		{ KVM_SET_LAPIC, "APIC" },
		{ KVM_SET_XSAVE, "extended" },
		{ KVM_SET_MP_STATE, "run state" },
	};
	struct fixture *f = *state;

	kvm.has_svm = kvm.has_nested_state = true;
	power_up(f);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		kvm.fail = steps[i].request;
		assert_int_equal(restore(f), -EINVAL);
		assert_non_null(strstr(f->err.text, steps[i].word));
		assert_non_null(strstr(f->err.text, "vCPU 0"));
	}
}

static void a_dump_does_not_make_up_a_register(void **state)
{
	struct fixture *f = *state;
	struct cpu_registers registers;

	power_up(f);
	*msr(MSR_KERNEL_GS) = 0x99;
	assert_int_equal(x86_64_vcpu_registers(&f->vcpu, &registers), 0);
	assert_int_equal(registers.kernel_gs_base, 0x99);
	kvm.nr_msrs = 0;
	assert_int_equal(x86_64_vcpu_registers(&f->vcpu, &registers), -EIO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vmx_operation_ends),
		TEST(vmx_operation_ends_on_kernels_without_nested_state),
		TEST(a_nested_guest_of_svm_ends),
		TEST(system_management_mode_ends),
		TEST(each_part_comes_after_what_it_needs),
		TEST(what_was_about_to_happen_does_not),
		TEST(extended_state_is_all_said_to_be_there),
		TEST(the_first_cpu_starts_in_64_bit_mode),
		TEST(registers_that_are_not_enumerated_are_reset),
		TEST(a_register_that_is_refused_is_named),
		TEST(a_register_that_is_refused_as_it_is),
		TEST(a_refused_step_is_named),
		TEST(a_dump_does_not_make_up_a_register),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
