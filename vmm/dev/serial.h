/* SPDX-License-Identifier: BSD-3-Clause */
/* A 16550A serial port: the guest's console. */
#ifndef VMM_DEV_SERIAL_H
#define VMM_DEV_SERIAL_H

#include <stdint.h>

struct accel;
struct bus;
struct chardev;
struct serial;

struct serial_config {
	struct bus *bus;
	uint64_t base; /* of its eight registers there */
	struct accel *accel;
	unsigned int irq;
	struct chardev *chardev; /* the caller's */
	/*
	 * On the main thread, when the person at the terminal asks for it;
	 * @opaque is handed to it.
	 */
	void (*quit)(void *opaque);
	void *opaque;
};

/* 0 or -errno. */
int serial_create(const struct serial_config *config, struct serial **serial);
void serial_destroy(struct serial *serial);

/* As after power-on; no vCPU runs. */
void serial_reset(struct serial *serial);

#endif /* VMM_DEV_SERIAL_H */
