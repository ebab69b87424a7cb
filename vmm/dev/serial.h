/* SPDX-License-Identifier: BSD-3-Clause */
/* A 16550A serial port: the guest's console. */
#ifndef VMM_DEV_SERIAL_H
#define VMM_DEV_SERIAL_H

#include <stdint.h>

struct accel;
struct bus;
struct chardev;
struct serial;

#define SERIAL_COM1     0x3f8
#define SERIAL_COM1_IRQ 4

/*
 * @quit is called on the main thread when the person at the terminal asks for
 * it. The chardev stays the caller's. 0 or -errno.
 */
int serial_create(struct bus *pio, struct accel *accel, struct chardev *chardev,
		  void (*quit)(void *opaque), void *opaque,
		  struct serial **serial);
void serial_destroy(struct serial *serial);

/* As after power-on; no vCPU runs. */
void serial_reset(struct serial *serial);

#endif /* VMM_DEV_SERIAL_H */
