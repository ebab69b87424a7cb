/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a machine comes to stand still.
 *
 * Who reads the whole machine (a dump; a snapshot, a migration) relies on this:
 * while it stands nothing of the guest's memory, rings, registers or devices
 * changes. All that could change them ends before, or is parked: it stays as
 * far as it is, whole, and goes on with the guest.
 *
 *	a vCPU within an access         ends: KVM has completed it (kvm_vcpu.c)
 *	a vCPU at unplugged memory      ends: the guard answers its fault
 *	pages that the guard has lent   ends: they are taken back
 *	a request of the guest whose    parked between two parts of its work: its
 *	work the workers do             chain is not given back, its blocks are
 *	                                still what they were in the map
 *	work that is done, and whose    parked: it is completed later
 *	request is not
 *	a chain that nobody looked at,  parked in the ring
 *	a kick that is pending
 *	an answer that waits for bus    parked
 *	mastering
 *	a new requested size            taken, as the operator commands; that the
 *	                                guest is told is parked
 *	the timer that wakes a guest    parked when it fires
 *	that was refused
 *	input for the serial port       parked where it comes from; at a terminal,
 *	                                in a small buffer (chardev.c)
 *	the serial port's output, of    parked in the port's FIFO
 *	which the host took no more
 *	the power button                parked, and its event: the last press counts
 *	events about all this           told before that the machine stopped
 *
 * What does not stand still is time: clocks and timers that KVM itself drives
 * (the APIC's, the PIT) count on, and what expires is pending when the guest
 * goes on. And where there is no CPU the test's client stands for one: nobody
 * keeps it from writing to memory and to registers.
 */
#include "quiet.h"

#include "accel/accel.h"
#include "arch/arch.h"
#include "dev/chardev.h"
#include "machine_parts.h"
#include "virtio/virtio_mem.h"

static void hold(struct machine *m, bool hold)
{
	chardev_hold(m->chardev, hold);
	for (unsigned int i = 0; i < m->nr_mem_devices; i++)
		virtio_mem_hold(m->mem_devices[i], hold);
}

void machine_stand_still(struct machine *m)
{
	accel_pause(m->accel);
	hold(m, true);
	for (unsigned int i = 0; i < m->nr_mem_devices; i++)
		virtio_mem_recall(m->mem_devices[i]);
}

static void press(struct machine *m)
{
	m->button_waits = false;
	m->arch->power->press(m->power);
	observers_tell(m->observers, powerdown);
}

void machine_go_on(struct machine *m)
{
	hold(m, false);
	if (m->button_waits)
		press(m);
	accel_resume(m->accel);
}

void machine_press_button(struct machine *m)
{
	if (run_state_runs(m->run))
		press(m);
	else
		m->button_waits = true;
}
