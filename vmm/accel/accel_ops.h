/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an accelerator provides to accel.c. Each member is the function of the
 * same name in accel.h, whose contract holds.
 */
#ifndef VMM_ACCEL_OPS_H
#define VMM_ACCEL_OPS_H

#include "accel.h"

struct accel_ops {
	void (*destroy)(struct accel *accel);
	int (*add_memory)(struct accel *accel, uint64_t gpa, uint64_t size,
			  void *host);
	void (*remove_memory)(struct accel *accel, uint64_t gpa);
	void (*set_irq)(struct accel *accel, unsigned int irq, bool level);
	int (*ioeventfd)(struct accel *accel, uint64_t gpa, int fd, bool on);
	int (*msi_alloc)(struct accel *accel);
	int (*msi_connect)(struct accel *accel, int route, int fd,
			   uint64_t address, uint32_t data);
	int (*msi_send)(struct accel *accel, uint64_t address, uint32_t data);
	void (*msi_disconnect)(struct accel *accel, int route, int fd);
	int (*reset)(struct accel *accel, const struct cpu_entry *entry,
		     struct pm_error *err);
	int (*get_registers)(struct accel *accel, unsigned int cpu,
			     struct cpu_registers *registers);
	void (*pause)(struct accel *accel);
	void (*resume)(struct accel *accel);
	void (*interrupt)(struct accel *accel);
	int (*vcpu_of_thread)(struct accel *accel, pid_t thread);
	pid_t (*vcpu_thread_id)(struct accel *accel, unsigned int cpu);
	int (*inject_nmi)(struct accel *accel);
};

/* The first member of each accelerator's own structure. */
struct accel {
	const struct accel_ops *ops;
	unsigned int address_bits;
};

#endif /* VMM_ACCEL_OPS_H */
