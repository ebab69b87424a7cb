/* SPDX-License-Identifier: BSD-3-Clause */
/* The features of an x86-64 CPU under KVM: what CPUID says. */
#include "accel/kvm/accel_kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm.h"

#define CPUID_ENTRIES_MAX 256

#define CPUID_1_ECX_TSC_DEADLINE   (1u << 24)
#define CPUID_1_ECX_HYPERVISOR     (1u << 31)
#define CPUID_1_EDX_HTT            (1u << 28)
#define CPUID_80000001_ECX_TOPOEXT (1u << 22)
#define CPUID_B_LEVEL_SMT          (1u << 8)
#define CPUID_B_LEVEL_CORE         (2u << 8)

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

int x86_64_vcpu_init(struct vcpu *vcpu, struct pm_error *err)
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
