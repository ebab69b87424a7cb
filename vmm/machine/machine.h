/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine: owns everything of one virtual machine, and tells observers
 * what becomes of it; who steers it stands above. What is declared here is
 * called on the main thread only.
 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/machine_config.h"
#include "paramem.h"
#include "run_state.h"
#include "virtio/mem_info.h"

struct dump_info;
struct dump_target;
struct loop;
struct machine;
struct machine_observer;
struct pci_info;

/*
 * Creates the whole machine, stopped before its first instruction. On failure
 * nothing is left behind. 0 or -errno with a sentence in @err.
 */
int machine_create(const struct machine_config *config,
		   struct machine **machine, struct pm_error *err);

/*
 * Runs the machine until the guest powers off, machine_quit() is called or
 * SIGTERM, SIGINT or SIGHUP arrives. 0, or -errno with a sentence.
 */
int machine_run(struct machine *machine, struct pm_error *err);

/* Takes NULL and half-built machines. */
void machine_destroy(struct machine *machine);

/* See observer.h. To remove one that is not there does nothing. */
void machine_add_observer(struct machine *machine,
			  struct machine_observer *observer);
void machine_remove_observer(struct machine *machine,
			     struct machine_observer *observer);

/* ---- what a control socket does with it --------------------------------- */

enum machine_state machine_state(const struct machine *machine);

/* What it was paused for, if by nobody's command, as a sentence, or "". */
const char *machine_pause_reason(const struct machine *machine);

/* It ended because of what the guest did to unplugged memory. */
bool machine_was_killed(const struct machine *machine);

struct loop *machine_loop(struct machine *machine);
const struct machine_config *machine_config(const struct machine *machine);

/*
 * It stands still when this returns, and does until the operator lets it go
 * on and nothing else is in the way; see run_state.c. Idempotent.
 */
void machine_stop(struct machine *machine);
/* Lets it go on. -EBUSY when that needs something else, with a sentence. */
int machine_cont(struct machine *machine, struct pm_error *err);
/*
 * Asks for a system reset, a press of the power button, or the end: carried
 * out by the main loop soon after. The host asked, not the guest.
 */
void machine_request_reset(struct machine *machine);
void machine_request_powerdown(struct machine *machine);
void machine_request_quit(struct machine *machine);
/* A non-maskable interrupt to all CPUs. 0 or -errno with a sentence. */
int machine_inject_nmi(struct machine *machine, struct pm_error *err);

/* Of the thread that runs a CPU, for whoever pins it. */
pid_t machine_cpu_thread_id(struct machine *machine, unsigned int cpu);

/* See pci_host_info(). */
bool machine_pci_info(struct machine *machine, unsigned int devfn,
		      struct pci_info *info);

/* The memory devices, in the order of the command line. */
unsigned int machine_nr_mem_devices(const struct machine *machine);

void machine_mem_device_info(struct machine *machine, unsigned int index,
			     struct mem_device_info *info);
int machine_mem_device_set_requested(struct machine *machine,
				     unsigned int index, uint64_t size,
				     struct pm_error *err);

/*
 * Begins a dump of the guest, see dump/dump.h. The guest stands still until it
 * is over. -EBUSY while one is under way. A descriptor is closed on failure.
 */
int machine_dump(struct machine *machine, const struct dump_target *target,
		 struct pm_error *err);
void machine_dump_cancel(struct machine *machine);
void machine_dump_info(const struct machine *machine, struct dump_info *info);

#endif /* VMM_MACHINE_H */
