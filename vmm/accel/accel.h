/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What drives the guest: its CPUs, its view of memory, its interrupts.
 *
 * Threads: accel_set_irq() and the descriptors that are handed in may be used
 * on any thread; accel_ioeventfd() and accel_msi_*() on any thread, serialised
 * inside; all else belongs to the main thread.
 */
#ifndef VMM_ACCEL_H
#define VMM_ACCEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "paramem.h"

struct accel;
struct arch;
struct bus;
struct cpu_entry;
struct cpu_registers;

/* Why a vCPU cannot go on by itself. */
enum accel_event {
	ACCEL_EVENT_RESET, /* triple fault */
	ACCEL_EVENT_ERROR, /* the CPU cannot continue; the text says why */
};

struct accel_config {
	const struct arch *arch;
	unsigned int cpus;
	unsigned int package_cpus; /* how many make a package: all, or 2^n */
	struct bus *pio;
	struct bus *mmio;
	/* Called on the vCPU's thread, which then waits for a reset. */
	void (*event)(void *opaque, enum accel_event event, const char *why);
	void *opaque;
};

/* A KVM virtual machine with interrupt controllers; no vCPU runs yet. */
int accel_kvm_create(const struct accel_config *config, struct accel **accel,
		     struct pm_error *err);
/* Ends the vCPUs' threads; takes NULL and half-built objects. */
void accel_destroy(struct accel *accel);

/* The guest's physical addresses end below 1 << this. */
unsigned int accel_address_bits(const struct accel *accel);

/* Shows host memory to the guest at @gpa, which must be free. 0 or -errno. */
int accel_add_memory(struct accel *accel, uint64_t gpa, uint64_t size,
		     void *host);
/* Takes back what was added at exactly @gpa. */
void accel_remove_memory(struct accel *accel, uint64_t gpa);

/* The level of an interrupt line; its number is the architecture's. */
void accel_set_irq(struct accel *accel, unsigned int irq, bool level);

/* A write of any width to @gpa signals @fd instead of reaching the bus. */
int accel_ioeventfd(struct accel *accel, uint64_t gpa, int fd, bool on);

/*
 * Message-signalled interrupts: a route is a number to which an eventfd and a
 * message are bound; while it is connected, a write to @fd sends the message.
 */
int accel_msi_alloc(struct accel *accel);
int accel_msi_connect(struct accel *accel, int route, int fd, uint64_t address,
		      uint32_t data);
/* Sends one without a route. 0 or -errno. */
int accel_msi_send(struct accel *accel, uint64_t address, uint32_t data);
void accel_msi_disconnect(struct accel *accel, int route, int fd);

/*
 * Puts all CPUs and interrupt controllers into their power-on state, the
 * first CPU at @entry, which the architecture's loader of kernels has made,
 * the others waiting for it. Only while paused. Where there are no CPUs,
 * @entry may be NULL.
 */
int accel_reset(struct accel *accel, const struct cpu_entry *entry,
		struct pm_error *err);

/*
 * The registers of a CPU, while paused. 0 or -errno; -ENOTSUP where there are
 * no CPUs.
 */
int accel_get_registers(struct accel *accel, unsigned int cpu,
			struct cpu_registers *registers);

/* All vCPUs start paused. Pausing returns when none runs any more. */
void accel_pause(struct accel *accel);
void accel_resume(struct accel *accel);

/*
 * On any thread: no vCPU executes another instruction of the guest, as soon
 * as it is told, and one that is in KVM before it gets back to the guest. To
 * be followed by a pause.
 */
void accel_interrupt(struct accel *accel);

/* The vCPU that runs on a thread, or -1. On any thread. */
int accel_vcpu_of_thread(struct accel *accel, pid_t thread);
/* The other way: the thread of vCPU @cpu, or -1 where there is none. */
pid_t accel_vcpu_thread_id(struct accel *accel, unsigned int cpu);

/*
 * A non-maskable interrupt to all CPUs, as from a button; one that is paused
 * takes it when it runs again. 0 or -errno; -ENOTSUP where there are no CPUs.
 */
int accel_inject_nmi(struct accel *accel);

#endif /* VMM_ACCEL_H */
