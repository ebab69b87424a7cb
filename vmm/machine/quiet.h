/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a machine comes to stand still, and goes on. For the files of this
 * folder; the main thread.
 */
#ifndef VMM_MACHINE_QUIET_H
#define VMM_MACHINE_QUIET_H

struct machine;

/*
 * When this returns nothing of the guest's memory, rings, registers or devices
 * changes any more, but by a command or a reset. Waits for the vCPUs to leave
 * the guest, and for the workers to end the parts that they are at.
 */
void machine_stand_still(struct machine *machine);
/* Gives back what waited, and lets the vCPUs run. */
void machine_go_on(struct machine *machine);

/* The power button: now, or when the machine goes on. */
void machine_press_button(struct machine *machine);

#endif /* VMM_MACHINE_QUIET_H */
