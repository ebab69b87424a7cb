/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine: puts the parts together, and carries a virtual machine from
 * its power-on to its end.
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
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "accel.h"
#include "accel_qtest.h"
#include "boot_memory.h"
#include "bus.h"
#include "dev/chardev.h"
#include "dev/power.h"
#include "dev/serial.h"
#include "guard_watch.h"
#include "dump/dump.h"
#include "guest_memory.h"
#include "log.h"
#include "loop.h"
#include "memory_map.h"
#include "pci.h"
#include "qmp/qmp.h"
#include "violations.h"
#include "virtio_mem.h"
#include "workers.h"
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

struct machine {
	struct machine_config config;
	struct loop *loop;
	struct workers *workers;
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
	struct qmp *qmp;

	enum machine_state state;
	bool ended;
	struct loop_source wake;
	atomic_uint requests;
	struct loop_source signals;
	sigset_t old_signals;
	bool signals_blocked;

	pthread_mutex_t why_lock; /* vCPUs write why */
	char why[256];
	char violated[256]; /* the last violation as a sentence */
	char pause_reason[256];
	bool killed;
	struct pm_error failure; /* why the machine ended, if it had to */
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

static void on_guest_off(void *opaque)
{
	request(opaque, REQUEST_GUEST_OFF);
}

static void on_guest_reset(void *opaque)
{
	request(opaque, REQUEST_GUEST_RESET);
}

static void on_terminal_quit(void *opaque)
{
	request(opaque, REQUEST_QUIT);
}

static void on_vcpu_event(void *opaque, enum accel_event event, const char *why)
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

/* On any thread; the access waits meanwhile. */
static void on_violation(void *opaque, unsigned int index,
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

static void on_size_changed(void *opaque, const char *id, uint64_t size)
{
	struct machine *m = opaque;

	if (m->qmp)
		qmp_event_size_change(m->qmp, id, size);
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

/* Puts all into the power-on state and the kernel into memory. */
static int power_on(struct machine *m, struct pm_error *err)
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

static void end(struct machine *m, bool guest, const char *reason)
{
	accel_pause(m->accel);
	m->state = MACHINE_SHUTDOWN;
	m->ended = true;
	if (m->dump)
		dump_stop(m->dump);
	if (m->qmp) /* not while it is being created */
		qmp_event_shutdown(m->qmp, guest, reason);
}

static void reset(struct machine *m, bool guest, const char *reason)
{
	bool running;

	dump_stop(m->dump); /* whereupon it may run again */
	running = m->state == MACHINE_RUNNING;
	accel_pause(m->accel);
	if (power_on(m, &m->failure)) {
		end(m, false, "host-error");
		return;
	}
	violations_forget(&m->violations);
	m->pause_reason[0] = '\0';
	qmp_event_reset(m->qmp, guest, reason);
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
		if (m->qmp)
			qmp_event_violation(m->qmp, i, &v);
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
	end(m, true, "guest-panic");
}

static void hold_mem_devices(struct machine *m, bool hold)
{
	for (unsigned int i = 0; i < m->nr_mem_devices; i++)
		virtio_mem_hold(m->mem_devices[i], hold);
}

static void on_dump_done(void *opaque)
{
	struct machine *m = opaque;

	hold_mem_devices(m, false);
	qmp_event_dump_completed(m->qmp);
	if (m->state == MACHINE_SAVE_VM) {
		m->state = MACHINE_PAUSED;
		machine_cont(m, NULL);
	}
	qmp_answer_dump(m->qmp);
}

static void requests_handle(void *opaque, uint32_t events)
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
		end(m, false, "host-signal");
	else if (r & REQUEST_QUIT)
		end(m, false, "host-qmp-quit");
	else if (r & REQUEST_KILL)
		kill_for_violation(m);
	else if (r & REQUEST_GUEST_OFF)
		end(m, true, "guest-shutdown");
	else if (r & REQUEST_HOST_RESET)
		reset(m, false, "host-qmp-system-reset");
	else if (r & REQUEST_GUEST_RESET)
		reset(m, true, "guest-reset");
	else if (r & REQUEST_ERROR)
		stop_on_error(m);
	else if (r & REQUEST_STOP)
		stop_for_violation(m);
	if ((r & REQUEST_POWERDOWN) && !m->ended)
		power_press(m->power);
}

static void signals_handle(void *opaque, uint32_t events)
{
	struct machine *m = opaque;
	struct signalfd_siginfo info;
	ssize_t n = read(m->signals.fd, &info, sizeof(info));

	(void)events;
	if (n == sizeof(info))
		request(m, REQUEST_SIGNAL);
}

/* ---- building ------------------------------------------------------------ */

static int create_loop(struct machine *m)
{
	int ret = loop_create(&m->loop);

	if (ret)
		return ret;
	m->wake.fn = requests_handle;
	m->wake.opaque = m;
	m->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->wake.fd < 0)
		return -errno;
	return loop_add(m->loop, &m->wake, EPOLLIN);
}

/* Before any thread starts, so that none of them gets these signals. */
static int create_signals(struct machine *m)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &set, &m->old_signals))
		return -EINVAL;
	m->signals_blocked = true;
	m->signals.fn = signals_handle;
	m->signals.opaque = m;
	m->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signals.fd < 0)
		return -errno;
	return loop_add(m->loop, &m->signals, EPOLLIN);
}

static int create_foundation(struct machine *m, struct pm_error *err)
{
	int ret = create_loop(m);

	if (!ret)
		ret = create_signals(m);
	if (!ret)
		ret = workers_create(m->loop, &m->workers);
	if (!ret)
		ret = bus_create(&m->pio);
	if (!ret)
		ret = bus_create(&m->mmio);
	if (ret)
		return pm_error_set(err, -ret,
				    "the machine cannot be set up (%s)",
				    strerror(-ret));
	return 0;
}

/* There may be none where there is no CPU. */
static int open_kernel(struct machine *m, struct pm_error *err)
{
	const struct boot_config config = {
		.kernel = m->config.kernel,
		.initrd = m->config.initrd,
		.append = m->config.append,
		.map = &m->map,
		.cpus = m->config.cpus,
		.numa = &m->config.numa,
	};

	return m->config.kernel ? boot_open(&config, &m->boot, err) : 0;
}

static int create_accel_qtest(struct machine *m, struct pm_error *err)
{
	const struct accel_qtest_config config = {
		.pio = m->pio,
		.mmio = m->mmio,
		.memory = &m->memory,
		.loop = m->loop,
		.path = m->config.qtest_path,
	};

	return accel_qtest_create(&config, &m->accel, err);
}

static int create_accel(struct machine *m, struct pm_error *err)
{
	const struct accel_config config = {
		.cpus = m->config.cpus,
		.package_cpus =
			numa_package_cpus(&m->config.numa, m->config.cpus),
		.pio = m->pio,
		.mmio = m->mmio,
		.event = on_vcpu_event,
		.opaque = m,
	};

	if (m->config.accel == ACCEL_QTEST)
		return create_accel_qtest(m, err);
	return accel_kvm_create(&config, &m->accel, err);
}

static int lay_out_memory(struct machine *m, struct pm_error *err)
{
	int ret = memory_map_init(&m->map, m->config.memory,
				  accel_address_bits(m->accel), err);

	return ret || !m->boot ? ret : boot_check(m->boot, err);
}

static int create_boot_memory(struct machine *m, struct pm_error *err)
{
	int ret = boot_memory_create(&m->config, m->loop, m->workers, &m->ended,
				     &m->boot_ram, err);

	if (!ret)
		ret = boot_memory_show(m->boot_ram, &m->map, &m->memory,
				       m->accel, err);
	return ret;
}

static int create_serial(struct machine *m, struct pm_error *err)
{
	int ret = chardev_create(m->config.serial, m->config.serial_path,
				 m->loop, &m->chardev, err);

	if (ret)
		return ret;
	ret = serial_create(m->pio, m->accel, m->chardev, on_terminal_quit, m,
			    &m->serial);
	if (ret)
		return pm_error_set(err, -ret,
				    "the serial port cannot be set up (%s)",
				    strerror(-ret));
	return 0;
}

static int create_platform(struct machine *m, struct pm_error *err)
{
	static const struct power_ops power_ops = {
		.off = on_guest_off,
		.reset = on_guest_reset,
	};
	int ret = power_create(m->pio, m->accel, &power_ops, m, &m->power);

	if (!ret)
		ret = pci_host_create(m->pio, m->mmio, m->accel, &m->pci);
	if (ret)
		return pm_error_set(err, -ret,
				    "the platform cannot be set up (%s)",
				    strerror(-ret));
	return 0;
}

static int create_mem_device(struct machine *m,
			     const struct mem_device_config *device,
			     struct pm_error *err)
{
	struct virtio_mem_config config = {
		.device = device,
		.memory = &m->memory,
		.accel = m->accel,
		.mmio = m->mmio,
		.loop = m->loop,
		.workers = m->workers,
		.host = m->pci,
		.size_changed = on_size_changed,
		.violation = on_violation,
		.watch = m->watch,
		.index = m->nr_mem_devices,
		.opaque = m,
	};
	struct memory_range region = { .size = device->max_size,
				       .node = device->node };
	int ret = memory_map_add_device(&m->map, device->id, device->block_size,
					&region, err);

	if (ret)
		return ret;
	config.gpa = region.base;
	ret = virtio_mem_create(&config, &m->mem_devices[m->nr_mem_devices],
				err);
	if (!ret)
		m->nr_mem_devices++;
	return ret;
}

static int create_mem_devices(struct machine *m, struct pm_error *err)
{
	int ret = guard_watch_create(&m->watch);

	if (ret)
		return pm_error_set(err, -ret,
				    "the guard cannot be set up (%s)",
				    strerror(-ret));
	for (unsigned int i = 0; i < m->config.nr_mem_devices && !ret; i++)
		ret = create_mem_device(m, &m->config.mem_devices[i], err);
	return ret;
}

static int create_dump(struct machine *m, struct pm_error *err)
{
	const struct dump_config config = {
		.workers = m->workers,
		.accel = m->accel,
		.cpus = m->config.cpus,
		.memory = &m->memory,
		.done = on_dump_done,
		.opaque = m,
	};

	return dump_create(&config, &m->dump)
		       ? pm_error_set(err, ENOMEM, "no memory for a machine")
		       : 0;
}

static int machine_init(struct machine *m, struct pm_error *err)
{
	static int (*const steps[])(struct machine * m,
				    struct pm_error * err) = {
		create_foundation,  open_kernel,        create_accel,
		lay_out_memory,     create_boot_memory, create_platform,
		create_mem_devices, create_serial,      create_dump,
		power_on,
	};
	int ret = machine_config_check(&m->config, err);

	if (!ret)
		numa_complete(&m->config.numa, m->config.cpus,
			      m->config.memory);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !ret; i++)
		ret = steps[i](m, err);
	/* Last, so that a machine that can be reached is a whole one. */
	return ret ? ret : qmp_create(m, &m->qmp, err);
}

int machine_create(const struct machine_config *config, struct machine **out,
		   struct pm_error *err)
{
	struct machine *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return pm_error_set(err, ENOMEM, "no memory for a machine");
	m->config = *config;
	m->wake.fd = -1;
	m->signals.fd = -1;
	pthread_mutex_init(&m->why_lock, NULL);
	violations_init(&m->violations);
	ret = machine_init(m, err);
	if (ret) {
		machine_destroy(m);
		return ret;
	}
	*out = m;
	return 0;
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

static void source_destroy(struct machine *m, struct loop_source *source)
{
	if (source->fd < 0)
		return;
	loop_remove(m->loop, source);
	close(source->fd);
}

/* The vCPUs end first: whatever they could still reach is there until then. */
void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	if (m->accel)
		accel_pause(m->accel);
	if (m->state == MACHINE_SAVE_VM)
		m->state = MACHINE_SHUTDOWN; /* not to go on after the dump */
	dump_destroy(m->dump);
	qmp_destroy(m->qmp);
	for (unsigned int i = 0; i < m->nr_mem_devices; i++)
		virtio_mem_destroy(m->mem_devices[i]);
	guard_watch_destroy(m->watch);
	serial_destroy(m->serial);
	chardev_destroy(m->chardev);
	power_destroy(m->power);
	pci_host_destroy(m->pci);
	accel_destroy(m->accel);
	pm_ram_destroy(m->boot_ram);
	boot_close(m->boot);
	bus_destroy(m->mmio);
	bus_destroy(m->pio);
	workers_destroy(m->workers);
	source_destroy(m, &m->signals);
	source_destroy(m, &m->wake);
	loop_destroy(m->loop);
	if (m->signals_blocked)
		pthread_sigmask(SIG_SETMASK, &m->old_signals, NULL);
	pthread_mutex_destroy(&m->why_lock);
	violations_finish(&m->violations);
	free(m);
}

/* ---- for the control socket ---------------------------------------------- */

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
	m->state = MACHINE_PAUSED;
	qmp_event_stop(m->qmp);
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
	accel_resume(m->accel);
	if (!first)
		qmp_event_resume(m->qmp);
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
	hold_mem_devices(m, true);
	ret = dump_start(m->dump, path, compress, err);
	if (!ret && running)
		m->state = MACHINE_SAVE_VM;
	if (!ret)
		return 0;
	hold_mem_devices(m, false);
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
