/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the KVM accelerator share. */
#ifndef VMM_ACCEL_KVM_H
#define VMM_ACCEL_KVM_H

#include <assert.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accel/accel_ops.h"

/* Routes for messages follow the lines of the interrupt controllers. */
#define KVM_IRQ_LINES 24
#define KVM_MSI_MAX   128

/* A CPU's power-on state; what it holds is the architecture's. */
struct cpu_state;
/* The interrupt controllers' power-on state. */
struct chip_state;

struct vcpu {
	struct kvm_accel *accel;
	unsigned int index;
	int fd;
	struct kvm_run *run;
	size_t run_size;
	pthread_t thread;
	_Atomic pid_t tid; /* of that thread; 0: not yet */
	bool started;
	bool parked; /* both under accel->lock */
	bool stuck;  /* waits for a reset */
	struct cpu_state *power_on;
};

struct kvm_accel {
	struct accel accel; /* first */
	struct accel_config config;
	int kvm_fd;
	int vm_fd;
	struct chip_state *power_on;
	struct kvm_clock_data clock; /* when it was paused */

	/* Memory slots: a slot's number is its index; size 0 is free. */
	struct kvm_userspace_memory_region *slots;
	unsigned int nr_slots;

	pthread_mutex_t route_lock;
	struct kvm_irq_routing *routing;
	unsigned int nr_msi;

	/* The vCPUs' threads: guards paused, quit, and their flags. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool paused;
	bool quit;
	bool settled; /* the main thread has seen all of them parked */
	struct vcpu *vcpus;
};

static_assert(offsetof(struct kvm_accel, accel) == 0, "accel_to_kvm()");

static inline struct kvm_accel *accel_to_kvm(struct accel *accel)
{
	return (struct kvm_accel *)accel;
}

/* Creates the vCPU and its thread, parked. 0 or -errno with a sentence. */
int vcpu_create(struct kvm_accel *accel, unsigned int index, struct vcpu *vcpu,
		struct pm_error *err);
/* Joins the thread, which accel->quit has told to end. */
void vcpu_destroy(struct vcpu *vcpu);

/* ---- the architecture's part -------------------------------------------- */

/* The interrupt controllers, before any vCPU. */
int arch_vm_init(struct kvm_accel *accel, struct pm_error *err);
/* CPUID and the like, once, for a fresh vCPU. */
int arch_vcpu_init(struct vcpu *vcpu, struct pm_error *err);
int arch_vm_save(struct kvm_accel *accel);
int arch_vcpu_save(struct vcpu *vcpu);
int arch_vm_restore(struct kvm_accel *accel);
/* @entry is NULL for all CPUs but the first. */
int arch_vcpu_restore(struct vcpu *vcpu, const struct accel_entry *entry);
/* To all CPUs, whether they run or not. 0 or -errno. */
int arch_inject_nmi(struct kvm_accel *accel);
/* Those that a dump shows. 0 or -errno. */
int arch_vcpu_get_registers(const struct vcpu *vcpu,
			    struct cpu_registers *registers);
void arch_vm_finish(struct kvm_accel *accel);
void arch_vcpu_finish(struct vcpu *vcpu);
/* The lines of the interrupt controllers; returns how many entries. */
unsigned int arch_irq_lines(struct kvm_irq_routing_entry *entries);
/* The most entries that arch_irq_lines() writes. */
#define ARCH_IRQ_LINE_ENTRIES (KVM_IRQ_LINES + 16)

#endif /* VMM_ACCEL_KVM_H */
