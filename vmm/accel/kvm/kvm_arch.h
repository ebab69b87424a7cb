/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an architecture provides to the KVM accelerator: the interrupt
 * controllers, and what a CPU is after power-on. All that returns int returns
 * 0 or -errno.
 */
#ifndef VMM_KVM_ARCH_H
#define VMM_KVM_ARCH_H

#include <stdbool.h>

struct cpu_entry;
struct cpu_registers;
struct kvm_accel;
struct kvm_irq_routing_entry;
struct pm_error;
struct vcpu;

struct kvm_arch_ops {
	/* Interrupt lines; the routes of messages are numbered behind them. */
	unsigned int irq_lines;
	/* Where they lead: at most so many entries, and how many it wrote. */
	unsigned int line_routes_max;
	unsigned int (*line_routes)(struct kvm_irq_routing_entry *entries);
	void (*set_line)(struct kvm_accel *accel, unsigned int irq, bool level);

	/* Interrupt controllers, before any vCPU; with a sentence. */
	int (*vm_init)(struct kvm_accel *accel, struct pm_error *err);
	/* Once all vCPUs are there: reads the power-on state. */
	int (*vm_save)(struct kvm_accel *accel);
	/* While paused, before the vCPUs'; with a sentence. */
	int (*vm_restore)(struct kvm_accel *accel, struct pm_error *err);
	/* Takes a half-built one. */
	void (*vm_finish)(struct kvm_accel *accel);
	/* No vCPU runs any more, and soon they run again: clocks stand. */
	void (*paused)(struct kvm_accel *accel);
	void (*resuming)(struct kvm_accel *accel);

	/* CPU features, once, for a fresh vCPU; with a sentence. */
	int (*vcpu_init)(struct vcpu *vcpu, struct pm_error *err);
	int (*vcpu_save)(struct vcpu *vcpu, struct pm_error *err);
	/* @entry is NULL for all CPUs but the first; with a sentence. */
	int (*vcpu_restore)(struct vcpu *vcpu, const struct cpu_entry *entry,
			    struct pm_error *err);
	void (*vcpu_finish)(struct vcpu *vcpu);
	/* Those that a dump shows. */
	int (*vcpu_registers)(const struct vcpu *vcpu,
			      struct cpu_registers *registers);
	/* To all CPUs, whether they run or not. */
	int (*inject_nmi)(struct kvm_accel *accel);
};

#endif /* VMM_KVM_ARCH_H */
