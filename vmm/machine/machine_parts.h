/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine as its own files see it: machine_build.c puts it together,
 * machine.c runs it.
 */
#ifndef VMM_MACHINE_PARTS_H
#define VMM_MACHINE_PARTS_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/accel.h"
#include "config/machine_config.h"
#include "host/loop.h"
#include "machine.h"
#include "memory/violations.h"
#include "observer.h"
#include "run_state.h"
#include "space/guest_memory.h"
#include "space/memory_map.h"

struct machine {
	struct machine_config config;
	const struct arch *arch;
	struct loop *loop;
	struct workers *workers;
	struct pm_host *pm_host; /* what the host says of its memory */
	struct bus *pio;
	struct bus *mmio;
	struct boot *boot;
	struct accel *accel;
	struct memory_map map;
	struct guest_memory memory;
	struct pm_ram *boot_ram;
	struct pci_host *pci;
	struct chardev *chardev;
	struct serial *serial;
	struct power *power;
	struct virtio_mem *mem_devices[MACHINE_MEM_DEVICES_MAX];
	unsigned int nr_mem_devices;
	struct guard_watch *watch;
	struct violations violations;
	struct dump *dump;
	struct machine_observer *observers;

	struct run_state run;
	bool button_waits; /* for the machine to go on */
	bool ended;
	struct loop_source wake;
	atomic_uint requests;
	struct loop_source signals;
	sigset_t old_signals;
	bool signals_blocked;

	pthread_mutex_t why_lock; /* vCPUs write why */
	char why[256];
	/* The last error and the last violation, as sentences. */
	char error[256];
	char violated[256];
	bool killed;
	struct pm_error failure; /* why the machine ended, if it had to */
};

/* Puts all into the power-on state and the kernel into memory. */
int machine_power_on(struct machine *machine, struct pm_error *err);

/* ---- what the parts call, with the machine ------------------------------- */

/* The loop, for machine.wake and machine.signals. */
void machine_handle_requests(void *machine, uint32_t events);
void machine_handle_signals(void *machine, uint32_t events);

/* On any thread. */
void machine_on_guest_off(void *machine);
void machine_on_guest_reset(void *machine);
void machine_on_terminal_quit(void *machine);
void machine_on_vcpu_event(void *machine, enum accel_event event,
			   const char *why);
/* The access waits meanwhile. */
void machine_on_violation(void *machine, unsigned int index,
			  const struct violation *violation);
void machine_on_size_changed(void *machine, unsigned int index, uint64_t size);

/* On the main thread. */
void machine_on_dump_done(void *machine);

#endif
