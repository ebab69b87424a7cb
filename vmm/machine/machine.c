/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Carries a virtual machine from its power-on to its end; machine_build.c has
 * put it together.
 *
 * Theory of operation. vCPU threads run the guest; everything else happens on
 * the main thread's loop. What a vCPU, a signal or a control socket wants of
 * the machine as a whole (reset, power-off, the power button) is a bit in
 * requests and a ring of a descriptor, and the main loop carries it out: that
 * thread alone pauses vCPUs, and it holds no lock when it does.
 *
 * Order of locks: PCI host, then a device (virtio or port), then what it
 * calls (chardev, bus, routes). The loop's thread takes them like any other.
 */
#include "machine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "accel/accel.h"
#include "arch/arch.h"
#include "dev/serial.h"
#include "dump/dump.h"
#include "host/log.h"
#include "host/loop.h"
#include "machine_parts.h"
#include "memory/boot_memory.h"
#include "pci/pci.h"
#include "quiet.h"
#include "virtio/virtio_mem.h"

enum request {
	REQUEST_GUEST_OFF = 1 << 0,
	REQUEST_GUEST_RESET = 1 << 1,
	REQUEST_HOST_RESET = 1 << 2,
	REQUEST_POWERDOWN = 1 << 3,
	REQUEST_QUIT = 1 << 4,
	REQUEST_SIGNAL = 1 << 5,
	REQUEST_ERROR = 1 << 6,
	REQUEST_TELL = 1 << 7, /* of violations */
	REQUEST_STOP = 1 << 8, /* for one */
	REQUEST_KILL = 1 << 9, /* for one */
};

/* ---- requests ------------------------------------------------------------ */

static void request(struct machine *m, unsigned int what)
{
	const uint64_t one = 1;
	ssize_t n;

	atomic_fetch_or(&m->requests, what);
	n = write(m->wake.fd, &one, sizeof(one));
	(void)n; /* full means rung */
}

void machine_on_guest_off(void *opaque)
{
	request(opaque, REQUEST_GUEST_OFF);
}

void machine_on_guest_reset(void *opaque)
{
	request(opaque, REQUEST_GUEST_RESET);
}

void machine_on_terminal_quit(void *opaque)
{
	request(opaque, REQUEST_QUIT);
}

void machine_on_vcpu_event(void *opaque, enum accel_event event,
			   const char *why)
{
	struct machine *m = opaque;

	if (event == ACCEL_EVENT_RESET) {
		request(m, REQUEST_GUEST_RESET);
		return;
	}
	pthread_mutex_lock(&m->why_lock);
	strncpy(m->why, why, sizeof(m->why) - 1);
	pthread_mutex_unlock(&m->why_lock);
	request(m, REQUEST_ERROR);
}

void machine_on_violation(void *opaque, unsigned int index,
			  const struct violation *violation)
{
	struct machine *m = opaque;
	enum on_violation action =
		violations_note(&m->violations, index,
				m->config.mem_devices[index].on_violation,
				violation);

	/* Then no instruction has its effect, nor does any after it. */
	if (action != VIOLATION_LOG)
		accel_interrupt(m->accel);
	request(m, REQUEST_TELL |
			   (action == VIOLATION_STOP ? REQUEST_STOP : 0) |
			   (action == VIOLATION_KILL ? REQUEST_KILL : 0));
}

void machine_on_size_changed(void *opaque, unsigned int index, uint64_t size)
{
	struct machine *m = opaque;

	observers_tell(m->observers, size_changed, index, size);
}

/* ---- to stand still and to go on ----------------------------------------- */

/* The one place where the machine stops and goes on, and tells of it. */
static void change(struct machine *m, enum run_input input)
{
	struct run_state before = m->run;
	bool shown = run_state_shown_running(before);

	m->run = run_state_after(before, input);
	if (run_state_runs(before) && !run_state_runs(m->run))
		machine_stand_still(m);
	if (shown && !run_state_shown_running(m->run) && input != RUN_END)
		observers_tell(m->observers, stopped);
	if (!shown && run_state_shown_running(m->run))
		observers_tell(m->observers, resumed);
	if (!run_state_runs(before) && run_state_runs(m->run))
		machine_go_on(m);
}

/* ---- reset and the end --------------------------------------------------- */

static int devices_reset(struct machine *m, struct pm_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < m->nr_mem_devices && !ret; i++)
		ret = virtio_mem_reset(m->mem_devices[i], err);
	pci_host_reset(m->pci);
	serial_reset(m->serial);
	m->arch->power->reset(m->power);
	m->button_waits = false; /* as it would be cleared */
	return ret;
}

int machine_power_on(struct machine *m, struct pm_error *err)
{
	const struct cpu_entry *entry = NULL;
	int ret;

	ret = devices_reset(m, err);
	if (!ret)
		ret = boot_memory_reset(&m->config, m->boot_ram, err);
	if (!ret && m->boot)
		ret = m->arch->boot->load(m->boot, &m->memory, &entry, err);
	if (!ret)
		ret = accel_reset(m->accel, entry, err);
	return ret;
}

static void end(struct machine *m, enum machine_cause cause)
{
	change(m, RUN_END);
	m->ended = true;
	if (m->dump)
		dump_stop(m->dump);
	observers_tell(m->observers, shutdown, cause);
}

static void reset(struct machine *m, enum machine_cause cause)
{
	change(m, RUN_RESET_BEGINS);
	dump_stop(m->dump);
	if (machine_power_on(m, &m->failure)) {
		end(m, MACHINE_HOST_ERROR);
		return;
	}
	violations_forget(&m->violations);
	observers_tell(m->observers, reset, cause);
	change(m, RUN_RESET_ENDS);
}

static void stop_on_error(struct machine *m)
{
	pthread_mutex_lock(&m->why_lock);
	memcpy(m->error, m->why, sizeof(m->error));
	pthread_mutex_unlock(&m->why_lock);
	change(m, RUN_ERROR);
	log_warning("the guest is stopped: %s; system_reset starts it again, "
		    "quit ends it",
		    m->error);
}

static void violations_tell(struct machine *m)
{
	struct violation v;

	for (unsigned int i = 0; i < m->nr_mem_devices; i++) {
		const char *id = m->config.mem_devices[i].id;

		if (!violations_take(&m->violations, i, &v))
			continue;
		snprintf(m->violated, sizeof(m->violated),
			 "the guest %s unplugged memory of device %s at "
			 "0x%" PRIx64,
			 v.write ? "wrote to" : "read", id, v.gpa);
		observers_tell(m->observers, violation, i, &v);
	}
}

static void kill_for_violation(struct machine *m)
{
	m->killed = true;
	pm_error_set(&m->failure, EPERM, "%s, and on-violation=kill ends it",
		     m->violated);
	end(m, MACHINE_GUEST_VIOLATED);
}

void machine_on_dump_done(void *opaque)
{
	struct machine *m = opaque;
	struct dump_info info;

	dump_get_info(m->dump, &info);
	observers_tell(m->observers, dump_done, &info);
	change(m, RUN_DUMP_ENDS);
	observers_tell(m->observers, dump_settled, &info);
}

static bool end_if_asked(struct machine *m, unsigned int r)
{
	if (r & REQUEST_SIGNAL)
		end(m, MACHINE_HOST_SIGNAL);
	else if (r & REQUEST_QUIT)
		end(m, MACHINE_HOST_QUIT);
	else if (r & REQUEST_KILL)
		kill_for_violation(m);
	else if (r & REQUEST_GUEST_OFF)
		end(m, MACHINE_GUEST_OFF);
	return m->ended;
}

/* Each of them, for none makes another void: a reset comes after what led to it. */
static void carry_out(struct machine *m, unsigned int r)
{
	if (r & REQUEST_STOP)
		change(m, RUN_VIOLATION);
	if (r & REQUEST_ERROR)
		stop_on_error(m);
	if (r & REQUEST_HOST_RESET)
		reset(m, MACHINE_HOST_RESET);
	else if (r & REQUEST_GUEST_RESET)
		reset(m, MACHINE_GUEST_RESET);
	if ((r & REQUEST_POWERDOWN) && !m->ended)
		machine_press_button(m);
}

void machine_handle_requests(void *opaque, uint32_t events)
{
	struct machine *m = opaque;
	unsigned int r = atomic_exchange(&m->requests, 0);
	uint64_t count;
	ssize_t n = read(m->wake.fd, &count, sizeof(count));

	(void)events;
	(void)n;
	if (m->ended)
		return;
	if (r & REQUEST_TELL)
		violations_tell(m);
	if (!end_if_asked(m, r))
		carry_out(m, r);
}

void machine_handle_signals(void *opaque, uint32_t events)
{
	struct machine *m = opaque;
	struct signalfd_siginfo info;
	ssize_t n = read(m->signals.fd, &info, sizeof(info));

	(void)events;
	if (n == sizeof(info))
		request(m, REQUEST_SIGNAL);
}

int machine_run(struct machine *m, struct pm_error *err)
{
	int ret = machine_cont(m, err);

	while (!ret && !m->ended) {
		ret = loop_run_once(m->loop);
		if (ret)
			pm_error_set(err, -ret, "the main loop failed (%s)",
				     strerror(-ret));
	}
	if (!ret && m->failure.text[0])
		ret = pm_error_set(err, EIO, "%s", m->failure.text);
	return ret;
}

/* ---- for who watches and steers it --------------------------------------- */

void machine_add_observer(struct machine *m, struct machine_observer *observer)
{
	observers_add(&m->observers, observer);
}

void machine_remove_observer(struct machine *m,
			     struct machine_observer *observer)
{
	observers_remove(&m->observers, observer);
}

enum machine_state machine_state(const struct machine *m)
{
	return run_state_called(m->run);
}

struct loop *machine_loop(struct machine *m)
{
	return m->loop;
}

const struct machine_config *machine_config(const struct machine *m)
{
	return &m->config;
}

void machine_stop(struct machine *m)
{
	change(m, RUN_STOP);
}

static int refuse(unsigned int reasons, const char *what, struct pm_error *err)
{
	const char *why = "has ended";

	if (reasons & PAUSE_DUMP)
		why = "is being dumped: wait for the end of that, or cancel it";
	else if (reasons & PAUSE_RESET)
		why = "is being reset: wait for the end of that";
	else if (reasons & PAUSE_ERROR)
		why = "is in the state internal-error: reset it first";
	return pm_error_set(err, EBUSY, "the machine cannot %s, since it %s",
			    what, why);
}

int machine_cont(struct machine *m, struct pm_error *err)
{
	unsigned int reasons = run_state_refuses(m->run, RUN_CONT);

	if (reasons)
		return refuse(reasons, "continue", err);
	if (m->run.reasons & PAUSE_VIOLATION)
		violations_forgive(&m->violations);
	change(m, RUN_CONT);
	return 0;
}

const char *machine_pause_reason(const struct machine *m)
{
	if (m->run.reasons & PAUSE_ERROR)
		return m->error;
	return m->run.reasons & PAUSE_VIOLATION ? m->violated : "";
}

bool machine_was_killed(const struct machine *m)
{
	return m->killed;
}

void machine_request_reset(struct machine *m)
{
	request(m, REQUEST_HOST_RESET);
}

void machine_request_powerdown(struct machine *m)
{
	request(m, REQUEST_POWERDOWN);
}

void machine_request_quit(struct machine *m)
{
	request(m, REQUEST_QUIT);
}

int machine_inject_nmi(struct machine *m, struct pm_error *err)
{
	int ret = accel_inject_nmi(m->accel);

	if (!ret)
		return 0;
	return pm_error_set(err, -ret, "the interrupt cannot be sent: %s",
			    ret == -ENOTSUP ? "this machine has no CPUs"
					    : strerror(-ret));
}

/* Where there are no CPUs, the main thread plays them. */
pid_t machine_cpu_thread_id(struct machine *m, unsigned int cpu)
{
	pid_t id = accel_vcpu_thread_id(m->accel, cpu);

	return id > 0 ? id : getpid();
}

bool machine_pci_info(struct machine *m, unsigned int devfn,
		      struct pci_info *info)
{
	return pci_host_info(m->pci, devfn, info);
}

unsigned int machine_nr_mem_devices(const struct machine *m)
{
	return m->nr_mem_devices;
}

void machine_mem_device_info(struct machine *m, unsigned int index,
			     struct mem_device_info *info)
{
	virtio_mem_info(m->mem_devices[index], info);
}

int machine_mem_device_set_requested(struct machine *m, unsigned int index,
				     uint64_t size, struct pm_error *err)
{
	return virtio_mem_set_requested(m->mem_devices[index], size, err);
}

int machine_dump(struct machine *m, const struct dump_target *target,
		 struct pm_error *err)
{
	unsigned int reasons = run_state_refuses(m->run, RUN_DUMP_BEGINS);
	int ret;

	if (reasons) {
		if (!target->path)
			close(target->fd);
		return refuse(reasons, "be dumped", err);
	}
	change(m, RUN_DUMP_BEGINS);
	ret = dump_start(m->dump, target, err);
	if (ret)
		change(m, RUN_DUMP_ENDS);
	return ret;
}

void machine_dump_cancel(struct machine *m)
{
	dump_cancel(m->dump);
}

void machine_dump_info(const struct machine *m, struct dump_info *info)
{
	dump_get_info(m->dump, info);
}
