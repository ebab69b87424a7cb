/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An accelerator without a CPU, which writes down what it is told: memory,
 * interrupt lines, notifications, messages. A test plays the guest.
 */
#ifndef TESTS_FAKE_ACCEL_H
#define TESTS_FAKE_ACCEL_H

#include <pthread.h>

#include "accel/accel.h"

#define FAKE_MEMORY_MAX    64
#define FAKE_IOEVENTFD_MAX 32
#define FAKE_MSI_MAX       16
#define FAKE_IRQS          24

struct fake_msi {
	bool connected;
	int fd; /* the last one that was bound to it */
	uint64_t address;
	uint32_t data;
	unsigned int connects;
};

struct accel {
	pthread_mutex_t lock;
	struct {
		uint64_t gpa, size;
		void *host;
	} memory[FAKE_MEMORY_MAX];
	unsigned int nr_memory;
	unsigned int removals;
	bool irq[FAKE_IRQS];
	unsigned int rises[FAKE_IRQS]; /* edges from low to high */
	struct {
		uint64_t gpa;
		int fd;
	} ioeventfds[FAKE_IOEVENTFD_MAX];
	unsigned int nr_ioeventfds;
	struct fake_msi msi[FAKE_MSI_MAX];
	unsigned int nr_msi;
	struct {
		uint64_t address;
		uint32_t data;
		unsigned int count;
	} sent;                                /* without a route */
	const struct cpu_registers *registers; /* of each CPU; NULL: none */
	/* What the next call of each kind fails with: -errno, 0: it works. */
	int fail_add_memory;
	int fail_ioeventfd;
	int fail_msi_connect;
	int fail_msi_alloc;
	int fail_msi_send;
};

void fake_accel_init(struct accel *accel);
/* Fails the test when something was left connected. */
void fake_accel_finish(struct accel *accel);

/* The guest writes: to whoever KVM would hand that write. */
void fake_guest_write(struct accel *accel, struct bus *mmio, uint64_t gpa,
		      uint64_t value, unsigned int len);

/* How many messages arrived through the route since the last call. */
uint64_t fake_msi_take(struct accel *accel, int route);

/* Any thread. */
bool fake_irq_level(struct accel *accel, unsigned int irq);

#endif /* TESTS_FAKE_ACCEL_H */
