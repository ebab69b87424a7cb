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
#include "dev/power.h"
#include "dev/serial.h"
#include "dump/dump.h"
#include "host/log.h"
#include "host/loop.h"
#include "machine_parts.h"
#include "memory/boot_memory.h"
#include "pci/pci.h"
#include "virtio/virtio_mem.h"
#include "x86_64/boot.h"

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

/* ---- reset and run states ------------------------------------------------ */

static int devices_reset(struct machine *m, struct pm_error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < m->nr_mem_devices && !ret; i++)
		ret = virtio_mem_reset(m->mem_devices[i], err);
	pci_host_reset(m->pci);
	serial_reset(m->serial);
	power_reset(m->power);
	return ret;
}

int machine_power_on(struct machine *m, struct pm_error *err)
{
	struct accel_entry entry = { 0 };
	int ret;

	ret = devices_reset(m, err);
	if (!ret)
		ret = boot_memory_reset(&m->config, m->boot_ram, err);
	if (!ret && m->boot)
		ret = boot_load(m->boot, &m->memory, &entry, err);
	if (!ret)
		ret = accel_reset(m->accel, &entry, err);
	return ret;
}

static void end(struct machine *m, enum machine_cause cause)
{
	accel_pause(m->accel);
	m->state = MACHINE_SHUTDOWN;
	m->ended = true;
	if (m->dump)
		dump_stop(m->dump);
	observers_tell(m->observers, shutdown, cause);
}

static void reset(struct machine *m, enum machine_cause cause)
{
	bool running;

	dump_stop(m->dump); /* whereupon it may run again */
	running = m->state == MACHINE_RUNNING;
	accel_pause(m->accel);
	if (machine_power_on(m, &m->failure)) {
		end(m, MACHINE_HOST_ERROR);
		return;
	}
	violations_forget(&m->violations);
	m->pause_reason[0] = '\0';
	observers_tell(m->observers, reset, cause);
	if (m->state == MACHINE_INTERNAL_ERROR)
		m->state = MACHINE_PAUSED;
	if (running)
		accel_resume(m->accel);
}

static void stop_on_error(struct machine *m)
{
	machine_stop(m);
	m->state = MACHINE_INTERNAL_ERROR;
	pthread_mutex_lock(&m->why_lock);
	log_warning("the guest is stopped: %s; system_reset starts it again, "
		    "quit ends it",
		    m->why);
	pthread_mutex_unlock(&m->why_lock);
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

static void recall_all(struct machine *m)
{
	for (unsigned int i = 0; i < m->nr_mem_devices; i++)
		virtio_mem_recall(m->mem_devices[i]);
}

static void stop_for_violation(struct machine *m)
{
	accel_pause(m->accel);
	recall_all(m);
	memcpy(m->pause_reason, m->violated, sizeof(m->pause_reason));
	machine_stop(m);
}

static void kill_for_violation(struct machine *m)
{
	m->killed = true;
	pm_error_set(&m->failure, EPERM, "%s, and on-violation=kill ends it",
		     m->violated);
	end(m, MACHINE_GUEST_VIOLATED);
}

static void hold_mem_devices(struct machine *m, bool hold)
{
	for (unsigned int i = 0; i < m->nr_mem_devices; i++)
		virtio_mem_hold(m->mem_devices[i], hold);
}

void machine_on_dump_done(void *opaque)
{
	struct machine *m = opaque;
	struct dump_info info;

	dump_get_info(m->dump, &info);
	observers_tell(m->observers, dump_done, &info);
	if (m->state == MACHINE_SAVE_VM) {
		m->state = MACHINE_PAUSED;
		machine_cont(m, NULL);
	}
	observers_tell(m->observers, dump_settled, &info);
}

static void powerdown(struct machine *m)
{
	power_press(m->power);
	observers_tell(m->observers, powerdown);
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
	if (r & REQUEST_SIGNAL)
		end(m, MACHINE_HOST_SIGNAL);
	else if (r & REQUEST_QUIT)
		end(m, MACHINE_HOST_QUIT);
	else if (r & REQUEST_KILL)
		kill_for_violation(m);
	else if (r & REQUEST_GUEST_OFF)
		end(m, MACHINE_GUEST_OFF);
	else if (r & REQUEST_HOST_RESET)
		reset(m, MACHINE_HOST_RESET);
	else if (r & REQUEST_GUEST_RESET)
		reset(m, MACHINE_GUEST_RESET);
	else if (r & REQUEST_ERROR)
		stop_on_error(m);
	else if (r & REQUEST_STOP)
		stop_for_violation(m);
	if ((r & REQUEST_POWERDOWN) && !m->ended)
		powerdown(m);
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
	return m->state;
}

const char *machine_state_name(enum machine_state state)
{
	static const char *const names[] = {
		[MACHINE_PRELAUNCH] = "prelaunch",
		[MACHINE_RUNNING] = "running",
		[MACHINE_PAUSED] = "paused",
		[MACHINE_SHUTDOWN] = "shutdown",
		[MACHINE_INTERNAL_ERROR] = "internal-error",
		[MACHINE_SAVE_VM] = "save-vm",
	};

	return names[state];
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
	if (m->state != MACHINE_RUNNING)
		return;
	accel_pause(m->accel);
	hold_mem_devices(m, true);
	m->state = MACHINE_PAUSED;
	observers_tell(m->observers, stopped);
}

int machine_cont(struct machine *m, struct pm_error *err)
{
	bool first = m->state == MACHINE_PRELAUNCH;

	if (m->state == MACHINE_RUNNING)
		return 0;
	if (m->state != MACHINE_PAUSED && !first)
		return pm_error_set(err, EBUSY,
				    "a machine in the state %s cannot "
				    "continue: reset it first",
				    machine_state_name(m->state));
	m->state = MACHINE_RUNNING;
	m->pause_reason[0] = '\0';
	violations_forgive(&m->violations);
	hold_mem_devices(m, false);
	accel_resume(m->accel);
	if (!first)
		observers_tell(m->observers, resumed);
	return 0;
}

const char *machine_pause_reason(const struct machine *m)
{
	return m->pause_reason;
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

int machine_dump(struct machine *m, const char *path, bool compress,
		 struct pm_error *err)
{
	bool running = m->state == MACHINE_RUNNING;
	int ret;

	machine_stop(m);
	ret = dump_start(m->dump, path, compress, err);
	if (!ret && running)
		m->state = MACHINE_SAVE_VM;
	if (!ret)
		return 0;
	if (running)
		machine_cont(m, NULL);
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
