/* SPDX-License-Identifier: BSD-3-Clause */
/* An x86-64 machine under KVM: what its files share. */
#ifndef VMM_X86_64_KVM_H
#define VMM_X86_64_KVM_H

#include <linux/kvm.h>
#include <stdint.h>

#include "accel/kvm/kvm_arch.h"
#include "paramem.h"

/* KVM's lists end in an array of any length: room for it comes beside. */
#define LIST(type, entry, nr)                                      \
	union {                                                    \
		type list;                                         \
		uint8_t room[sizeof(type) + (nr) * sizeof(entry)]; \
	}

/* In kvm_vm.c. */
extern const struct kvm_arch_ops x86_64_kvm;

/* Members of that, in kvm_cpuid.c, kvm_state.c and kvm_registers.c. */
int x86_64_vcpu_init(struct vcpu *vcpu, struct pm_error *err);
int x86_64_vcpu_save(struct vcpu *vcpu, struct pm_error *err);
int x86_64_vcpu_restore(struct vcpu *vcpu, const struct cpu_entry *entry,
			struct pm_error *err);
void x86_64_vcpu_finish(struct vcpu *vcpu);
int x86_64_vcpu_registers(const struct vcpu *vcpu,
			  struct cpu_registers *registers);

#endif /* VMM_X86_64_KVM_H */
