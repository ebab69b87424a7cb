/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Power-off, reset and the power button: ACPI's fixed hardware (PM1 event and
 * control registers) and the reset register. The functions are those of struct
 * arch_power, whose contracts hold.
 */
#ifndef VMM_X86_64_POWER_H
#define VMM_X86_64_POWER_H

#include "arch/arch.h"

#define POWER_PM1_EVENT   0x600
#define POWER_PM1_CONTROL 0x604
#define POWER_RESET       0xcf9
#define POWER_RESET_VALUE 0x06
#define POWER_SCI_IRQ     9
/* The sleep type that means power-off; dsdt.asl says it to the guest. */
#define POWER_SLEEP_S5    5

int power_create(struct bus *pio, struct bus *mmio, struct accel *accel,
		 const struct power_ops *ops, void *opaque,
		 struct power **power);
void power_destroy(struct power *power);
void power_press(struct power *power);
void power_reset(struct power *power);

#endif /* VMM_X86_64_POWER_H */
