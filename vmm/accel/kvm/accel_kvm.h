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
#include "kvm_arch.h"

#define KVM_MSI_MAX 128

/* A CPU's power-on state; what it holds is the architecture's. */
struct cpu_state;
/* The interrupt controllers' power-on state, and clocks. */
struct vm_state;

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
	const struct kvm_arch_ops *arch;
	struct vm_state *state;

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

#endif /* VMM_ACCEL_KVM_H */
