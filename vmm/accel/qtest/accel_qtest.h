/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An accelerator without a CPU: a test reads and writes what a CPU would,
 * through a socket that speaks QEMU's qtest protocol.
 */
#ifndef VMM_ACCEL_QTEST_H
#define VMM_ACCEL_QTEST_H

#include "accel/accel.h"

struct guest_memory;
struct loop;

struct accel_qtest_config {
	const struct arch *arch;
	struct bus *pio;
	struct bus *mmio;
	const struct guest_memory *memory;
	/* Its clock becomes virtual: it moves when the test says so. */
	struct loop *loop;
	const char *path; /* of the socket; the caller's */
};

/* Listens at the socket. 0 or -errno with a sentence. */
int accel_qtest_create(const struct accel_qtest_config *config,
		       struct accel **accel, struct pm_error *err);

#endif /* VMM_ACCEL_QTEST_H */
