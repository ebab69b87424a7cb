/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Power-off, reset and the power button: ACPI's fixed hardware (PM1 event and
 * control registers) and the reset register.
 */
#ifndef VMM_DEV_POWER_H
#define VMM_DEV_POWER_H

#include <stdint.h>

struct accel;
struct bus;
struct power;

#define POWER_PM1_EVENT   0x600
#define POWER_PM1_CONTROL 0x604
#define POWER_RESET       0xcf9
#define POWER_RESET_VALUE 0x06
#define POWER_SCI_IRQ     9
/* The sleep type that means power-off; dsdt.asl says it to the guest. */
#define POWER_SLEEP_S5    5

/* Called on the thread of the vCPU that asked. */
struct power_ops {
	void (*off)(void *opaque);
	void (*reset)(void *opaque);
};

/* 0 or -errno. */
int power_create(struct bus *pio, struct accel *accel,
		 const struct power_ops *ops, void *opaque,
		 struct power **power);
void power_destroy(struct power *power);

/* Presses the power button; the guest decides what that means. */
void power_press(struct power *power);
/* The state after power-on. */
void power_reset(struct power *power);

#endif /* VMM_DEV_POWER_H */
