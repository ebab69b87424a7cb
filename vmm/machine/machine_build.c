/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Puts the parts of a machine together, and takes it apart.
 *
 * Theory of operation. Each step finds what it needs made by those before it.
 * A step that fails leaves a half-built machine, which machine_destroy() takes
 * as it takes a whole one.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "accel/accel.h"
#include "accel/qtest/accel_qtest.h"
#include "arch/arch.h"
#include "dev/chardev.h"
#include "dev/serial.h"
#include "dump/dump.h"
#include "host/loop.h"
#include "host/workers.h"
#include "machine.h"
#include "machine_parts.h"
#include "memory/boot_memory.h"
#include "memory/guard_watch.h"
#include "pci/pci.h"
#include "space/bus.h"
#include "virtio/virtio_mem.h"

static int create_loop(struct machine *m)
{
	int ret = loop_create(&m->loop);

	if (ret)
		return ret;
	m->wake.fn = machine_handle_requests;
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
	m->signals.fn = machine_handle_signals;
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

	return m->config.kernel ? m->arch->boot->open(&config, &m->boot, err)
				: 0;
}

static int create_accel_qtest(struct machine *m, struct pm_error *err)
{
	const struct accel_qtest_config config = {
		.arch = m->arch,
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
		.arch = m->arch,
		.cpus = m->config.cpus,
		.package_cpus =
			numa_package_cpus(&m->config.numa, m->config.cpus),
		.pio = m->pio,
		.mmio = m->mmio,
		.event = machine_on_vcpu_event,
		.opaque = m,
	};

	if (m->config.accel == ACCEL_QTEST)
		return create_accel_qtest(m, err);
	return accel_kvm_create(&config, &m->accel, err);
}

static int lay_out_memory(struct machine *m, struct pm_error *err)
{
	int ret = memory_map_init(&m->map, &m->arch->layout, m->config.memory,
				  accel_address_bits(m->accel), err);

	return ret || !m->boot ? ret : m->arch->boot->check(m->boot, err);
}

static int create_boot_memory(struct machine *m, struct pm_error *err)
{
	int ret = pm_host_create(&m->pm_host, err);

	if (!ret)
		ret = boot_memory_create(&m->config, m->loop, m->workers,
					 m->pm_host, &m->ended, &m->boot_ram,
					 err);
	if (!ret)
		ret = boot_memory_show(m->boot_ram, &m->map, &m->memory,
				       m->accel, err);
	return ret;
}

static int create_serial(struct machine *m, struct pm_error *err)
{
	struct serial_config config = {
		.bus = m->arch->serial.mmio ? m->mmio : m->pio,
		.base = m->arch->serial.base,
		.accel = m->accel,
		.irq = m->arch->serial.irq,
		.quit = machine_on_terminal_quit,
		.opaque = m,
	};
	int ret = chardev_create(m->config.serial, m->config.serial_path,
				 m->loop, &m->chardev, err);

	if (ret)
		return ret;
	config.chardev = m->chardev;
	ret = serial_create(&config, &m->serial);
	if (ret)
		return pm_error_set(err, -ret,
				    "the serial port cannot be set up (%s)",
				    strerror(-ret));
	return 0;
}

static int create_platform(struct machine *m, struct pm_error *err)
{
	static const struct power_ops power_ops = {
		.off = machine_on_guest_off,
		.reset = machine_on_guest_reset,
	};
	int ret = m->arch->power->create(m->pio, m->mmio, m->accel, &power_ops,
					 m, &m->power);

	if (!ret)
		ret = pci_host_create(&m->arch->pci, m->pio, m->mmio, m->accel,
				      &m->pci);
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
		.pm_host = m->pm_host,
		.size_changed = machine_on_size_changed,
		.violation = machine_on_violation,
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
		.arch = m->arch->dump,
		.workers = m->workers,
		.accel = m->accel,
		.cpus = m->config.cpus,
		.memory = &m->memory,
		.done = machine_on_dump_done,
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
		machine_power_on,
	};
	int ret = machine_config_check(&m->config, err);

	if (!ret)
		numa_complete(&m->config.numa, m->config.cpus,
			      m->config.memory);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !ret; i++)
		ret = steps[i](m, err);
	return ret;
}

int machine_create(const struct machine_config *config, struct machine **out,
		   struct pm_error *err)
{
	struct machine *m = calloc(1, sizeof(*m));
	int ret;

	if (!m)
		return pm_error_set(err, ENOMEM, "no memory for a machine");
	m->config = *config;
	m->run = RUN_STATE_NEW;
	m->arch = &machine_arch;
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
	m->run = run_state_after(m->run, RUN_END); /* nor after a dump */
	dump_destroy(m->dump);
	for (unsigned int i = 0; i < m->nr_mem_devices; i++)
		virtio_mem_destroy(m->mem_devices[i]);
	guard_watch_destroy(m->watch);
	serial_destroy(m->serial);
	chardev_destroy(m->chardev);
	m->arch->power->destroy(m->power);
	pci_host_destroy(m->pci);
	accel_destroy(m->accel);
	pm_ram_destroy(m->boot_ram);
	pm_host_destroy(m->pm_host);
	m->arch->boot->close(m->boot);
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
