/* SPDX-License-Identifier: BSD-3-Clause */
/* The model-specific registers of a CPU: all that can be read and written. */
#ifndef VMM_X86_64_KVM_MSRS_H
#define VMM_X86_64_KVM_MSRS_H

#include "kvm.h"

#define MSRS_MAX 768

union cpu_msrs {
	LIST(struct kvm_msrs, struct kvm_msr_entry, MSRS_MAX);
};

/* One: 0 or -errno, -EIO where KVM does not take it or has none such. */
int cpu_msr_read(const struct vcpu *vcpu, uint32_t index, uint64_t *value);
int cpu_msr_write(const struct vcpu *vcpu, uint32_t index, uint64_t value);

/* Reads all that there are. 0 or -errno. */
int msrs_save(const struct vcpu *vcpu, union cpu_msrs *msrs);
/*
 * Writes them back. One that KVM does not take, and that has another value, is
 * a failure: -errno with a sentence that names it.
 */
int msrs_restore(const struct vcpu *vcpu, const union cpu_msrs *msrs,
		 struct pm_error *err);

#endif /* VMM_X86_64_KVM_MSRS_H */
