/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An x86-64 CPU under KVM: what CPUID says, and the state that it, and the
 * interrupt controllers, have after power-on.
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

#define MSRS_MAX          512
#define CPUID_ENTRIES_MAX 256

#define CPUID_1_ECX_TSC_DEADLINE   (1u << 24)
#define CPUID_1_ECX_HYPERVISOR     (1u << 31)
#define CPUID_1_EDX_HTT            (1u << 28)
#define CPUID_80000001_ECX_TOPOEXT (1u << 22)
#define CPUID_B_LEVEL_SMT          (1u << 8)
#define CPUID_B_LEVEL_CORE         (2u << 8)

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

/* A message to one local APIC by its id. */
#define MSI_ADDRESS           0xfee00000u
#define MSI_DESTINATION_SHIFT 12
#define MSI_DELIVER_NMI       (4u << 8)

/* Any address below 4 GiB that holds nothing else: three pages for the TSS. */
#define TSS_ADDRESS          0xfffbd000u
#define IDENTITY_MAP_ADDRESS UINT64_C(0xfffbc000)

/* KVM's lists end in an array of any length: room for it comes beside. */
#define LIST(type, entry, nr)                                      \
	union {                                                    \
		type list;                                         \
		uint8_t room[sizeof(type) + (nr) * sizeof(entry)]; \
	}

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

#define CHIPS 3 /* both 8259s and the I/O APIC */

struct chip_state {
	struct kvm_irqchip chips[CHIPS];
	struct kvm_pit_state2 pit;
};

/* ---- the machine --------------------------------------------------------- */

int arch_vm_init(struct kvm_accel *accel, struct pm_error *err)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t identity = IDENTITY_MAP_ADDRESS;

	if (ioctl(accel->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0 ||
	    ioctl(accel->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS) < 0 ||
	    ioctl(accel->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0 ||
	    ioctl(accel->vm_fd, KVM_CREATE_PIT2, &pit) < 0)
		return pm_error_set(
			err, errno,
			"KVM cannot create the interrupt controllers (%s)",
			strerror(errno));
	return 0;
}

unsigned int arch_irq_lines(struct kvm_irq_routing_entry *e)
{
	unsigned int nr = 0;

	for (unsigned int irq = 0; irq < KVM_IRQ_LINES; irq++) {
		e[nr++] = (struct kvm_irq_routing_entry){
			.gsi = irq,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { KVM_IRQCHIP_IOAPIC, irq },
		};
		if (irq >= 16)
			continue;
		e[nr++] = (struct kvm_irq_routing_entry){
			.gsi = irq,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { irq < 8 ? KVM_IRQCHIP_PIC_MASTER
					       : KVM_IRQCHIP_PIC_SLAVE,
				       irq % 8 },
		};
	}
	return nr;
}

int arch_vm_save(struct kvm_accel *accel)
{
	struct chip_state *state = calloc(1, sizeof(*state));

	if (!state)
		return -ENOMEM;
	accel->power_on = state;
	for (unsigned int i = 0; i < CHIPS; i++) {
		state->chips[i].chip_id = i;
		if (ioctl(accel->vm_fd, KVM_GET_IRQCHIP, &state->chips[i]) < 0)
			return -errno;
	}
	return ioctl(accel->vm_fd, KVM_GET_PIT2, &state->pit) < 0 ? -errno : 0;
}

int arch_vm_restore(struct kvm_accel *accel)
{
	struct chip_state *state = accel->power_on;

	for (unsigned int i = 0; i < CHIPS; i++)
		if (ioctl(accel->vm_fd, KVM_SET_IRQCHIP, &state->chips[i]) < 0)
			return -errno;
	return ioctl(accel->vm_fd, KVM_SET_PIT2, &state->pit) < 0 ? -errno : 0;
}

void arch_vm_finish(struct kvm_accel *accel)
{
	free(accel->power_on);
}

/*
 * A message reaches a CPU's local APIC at any time, while KVM_NMI would wait
 * for a vCPU that is in the guest to leave it.
 */
int arch_inject_nmi(struct kvm_accel *accel)
{
	for (unsigned int i = 0; i < accel->config.cpus; i++) {
		struct kvm_msi msi = {
			.address_lo = MSI_ADDRESS | i << MSI_DESTINATION_SHIFT,
			.data = MSI_DELIVER_NMI,
		};

		if (ioctl(accel->vm_fd, KVM_SIGNAL_MSI, &msi) < 0)
			return -errno;
	}
	return 0;
}

/* ---- CPUID --------------------------------------------------------------- */

union cpuid {
	LIST(struct kvm_cpuid2, struct kvm_cpuid_entry2, CPUID_ENTRIES_MAX);
};

static unsigned int bits_for(unsigned int cpus)
{
	unsigned int bits = 0;

	while (1u << bits < cpus)
		bits++;
	return bits;
}

/* Leaves that describe the host's topology; ours replaces them. */
static bool cpuid_is_topology(uint32_t function)
{
	return function == 0xb || function == 0x1f || function == 0x8000001d ||
	       function == 0x8000001e;
}

static void cpuid_drop_topology(union cpuid *cpuid)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < cpuid->list.nent; i++)
		if (!cpuid_is_topology(cpuid->list.entries[i].function))
			cpuid->list.entries[kept++] = cpuid->list.entries[i];
	cpuid->list.nent = kept;
}

/* Packages of single-threaded cores. */
static void cpuid_add_topology(union cpuid *cpuid, unsigned int cores,
			       uint32_t apic_id)
{
	const struct kvm_cpuid_entry2 levels[] = {
		{ .function = 0xb,
		  .index = 0,
		  .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = 0,
		  .ebx = 1,
		  .ecx = 0 | CPUID_B_LEVEL_SMT,
		  .edx = apic_id },
		{ .function = 0xb,
		  .index = 1,
		  .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		  .eax = bits_for(cores),
		  .ebx = cores,
		  .ecx = 1 | CPUID_B_LEVEL_CORE,
		  .edx = apic_id },
	};

	memcpy(&cpuid->list.entries[cpuid->list.nent], levels, sizeof(levels));
	cpuid->list.nent += 2;
}

static void cpuid_set_entry(struct kvm_cpuid_entry2 *e, const struct vcpu *vcpu,
			    bool tsc_deadline)
{
	unsigned int cores = vcpu->accel->config.package_cpus;

	switch (e->function) {
	case 0:
		if (e->eax < 0xb)
			e->eax = 0xb;
		break;
	case 1:
		e->ebx = (e->ebx & 0xffff) | (cores & 0xff) << 16 |
			 vcpu->index << 24;
		if (cores > 1)
			e->edx |= CPUID_1_EDX_HTT;
		e->ecx |= CPUID_1_ECX_HYPERVISOR;
		if (tsc_deadline)
			e->ecx |= CPUID_1_ECX_TSC_DEADLINE;
		break;
	case 4: /* Intel: cores of the package, sharers of each cache */
		e->eax = (e->eax & 0x3fff) | (cores - 1) << 26;
		break;
	case 0x80000001:
		e->ecx &= ~CPUID_80000001_ECX_TOPOEXT;
		break;
	case 0x80000008: /* AMD: cores and APIC id bits of the package */
		e->ecx = (cores - 1) | bits_for(cores) << 12;
		vcpu->accel->accel.address_bits = e->eax & 0xff;
		break;
	}
}

static int cpuid_init(struct vcpu *vcpu)
{
	struct kvm_accel *accel = vcpu->accel;
	bool tsc_deadline = ioctl(accel->kvm_fd, KVM_CHECK_EXTENSION,
				  KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	union cpuid *cpuid = calloc(1, sizeof(*cpuid));
	int ret = 0;

	if (!cpuid)
		return -ENOMEM;
	/* Room for the levels that are added. */
	cpuid->list.nent = CPUID_ENTRIES_MAX - 2;
	if (ioctl(accel->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0) {
		ret = -errno;
		goto out;
	}
	cpuid_drop_topology(cpuid);
	for (uint32_t i = 0; i < cpuid->list.nent; i++)
		cpuid_set_entry(&cpuid->list.entries[i], vcpu, tsc_deadline);
	cpuid_add_topology(cpuid, accel->config.package_cpus, vcpu->index);
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid) < 0)
		ret = -errno;
out:
	free(cpuid);
	return ret;
}

int arch_vcpu_init(struct vcpu *vcpu, struct pm_error *err)
{
	int ret;

	/* What a CPU without leaf 0x80000008 has. */
	if (!vcpu->index)
		vcpu->accel->accel.address_bits = 36;
	ret = cpuid_init(vcpu);
	if (ret)
		return pm_error_set(
			err, -ret,
			"KVM does not take the CPU's features for vCPU %u (%s)",
			vcpu->index, strerror(-ret));
	return 0;
}

/* ---- power-on state ------------------------------------------------------ */

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

int arch_vcpu_save(struct vcpu *vcpu)
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
			const struct accel_entry *entry)
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

int arch_vcpu_restore(struct vcpu *vcpu, const struct accel_entry *entry)
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

void arch_vcpu_finish(struct vcpu *vcpu)
{
	free(vcpu->power_on);
}
