/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine of mere words.
 */
#include "fake_machine.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "host/loop.h"
#include "pci/pci.h"

static void fake_add_device(struct machine *m, const char *id, uint64_t max,
			    uint64_t block, uint64_t addr)
{
	unsigned int index = m->config.nr_mem_devices++;

	m->config.mem_devices[index] = (struct mem_device_config){
		.id = id,
		.max_size = max,
		.block_size = block,
	};
	m->devices[index].device = (struct pm_device_info){
		.id = id,
		.addr = addr,
		.block_size = block,
		.region_size = max,
		.usable_size = max,
	};
	m->devices[index].backend = "anon";
	m->devices[index].driver_ready = true;
}

void fake_machine_split(struct machine *m)
{
	m->config.cpus = 4;
	m->config.numa = (struct numa_config){
		.nr = 2,
		.nodes = {
			{ .given = true,
			  .cpus = 0xb,
			  .memory = UINT64_C(384) << 20 },
			{ .given = true,
			  .cpus = 0x4,
			  .memory = UINT64_C(128) << 20,
			  .distances = { 17 } },
		},
	};
	m->devices[1].device.node = 1;
}

struct machine *fake_machine_create(const char *qmp_path)
{
	struct machine *m = calloc(1, sizeof(*m));
	int ret;

	assert(m);
	m->config.name = "fake";
	m->config.kernel = "vmlinuz";
	m->config.cpus = 1;
	m->config.memory = MACHINE_MEMORY_DEFAULT;
	numa_complete(&m->config.numa, m->config.cpus, m->config.memory);
	if (qmp_path)
		m->config.qmp_paths[m->config.nr_qmp_paths++] = qmp_path;
	fake_add_device(m, "vm0", UINT64_C(8) << 30, UINT64_C(2) << 20,
			UINT64_C(1) << 32);
	fake_add_device(m, "vm1", UINT64_C(1) << 30, UINT64_C(128) << 20,
			UINT64_C(3) << 32);
	ret = loop_create(&m->loop);
	assert(!ret);
	(void)ret;
	return m;
}

void fake_machine_destroy(struct machine *m)
{
	qmp_destroy(m->qmp);
	loop_destroy(m->loop);
	free(m);
}

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

const char *machine_pause_reason(const struct machine *m)
{
	return m->pause_reason;
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
	m->state = MACHINE_PAUSED;
	observers_tell(m->observers, stopped);
}

int machine_cont(struct machine *m, struct pm_error *err)
{
	if (m->state == MACHINE_INTERNAL_ERROR)
		return pm_error_set(err, EBUSY, "the machine cannot go on");
	if (m->state != MACHINE_RUNNING) {
		m->state = MACHINE_RUNNING;
		observers_tell(m->observers, resumed);
	}
	return 0;
}

void machine_request_reset(struct machine *m)
{
	m->resets++;
	observers_tell(m->observers, reset, MACHINE_HOST_RESET);
}

void machine_request_powerdown(struct machine *m)
{
	m->powerdowns++;
	observers_tell(m->observers, powerdown);
}

void machine_request_quit(struct machine *m)
{
	m->quits++;
	observers_tell(m->observers, shutdown, MACHINE_HOST_QUIT);
}

int machine_inject_nmi(struct machine *m, struct pm_error *err)
{
	if (m->fail_nmi)
		return pm_error_set(err, -m->fail_nmi, "there are no CPUs");
	m->nmis++;
	return 0;
}

pid_t machine_cpu_thread_id(struct machine *m, unsigned int cpu)
{
	(void)m;
	return (pid_t)(1000 + cpu);
}

/* A bridge, and a device in the second function of another slot. */
bool machine_pci_info(struct machine *m, unsigned int devfn,
		      struct pci_info *info)
{
	(void)m;
	*info = (struct pci_info){ .devfn = devfn ? 9 : 0 };
	for (unsigned int i = 0; i < PCI_BARS; i++)
		info->bar_addresses[i] = UINT64_MAX;
	info->ids.class = devfn ? 0xff0000 : 0x060000;
	if (devfn) {
		info->id = "vm0";
		info->irq_pin = 1;
		info->irq_line = 11;
		info->bar_sizes[0] = info->bar_sizes[2] = 4096;
		info->bar_addresses[2] = UINT64_C(0xe0000000);
	}
	return devfn <= 9;
}

unsigned int machine_nr_mem_devices(const struct machine *m)
{
	return m->config.nr_mem_devices;
}

void machine_mem_device_info(struct machine *m, unsigned int index,
			     struct mem_device_info *info)
{
	*info = m->devices[index];
}

static void fake_follow(struct machine *m, unsigned int index)
{
	struct pm_device_info *dev = &m->devices[index].device;

	while (dev->plugged_size != dev->requested_size) {
		if (dev->plugged_size < dev->requested_size)
			dev->plugged_size += dev->block_size;
		else
			dev->plugged_size -= dev->block_size;
		observers_tell(m->observers, size_changed, index,
			       dev->plugged_size);
	}
}

int machine_mem_device_set_requested(struct machine *m, unsigned int index,
				     uint64_t size, struct pm_error *err)
{
	struct pm_device_info *dev = &m->devices[index].device;

	if (m->fail_set)
		return pm_error_set(err, -m->fail_set,
				    "the host has no memory left \xff");
	dev->requested_size = size;
	if (m->follow)
		fake_follow(m, index);
	return 0;
}

int machine_dump(struct machine *m, const struct dump_target *target,
		 struct pm_error *err)
{
	struct stat st = { 0 };

	if (!target->path) {
		fstat(target->fd, &st);
		close(target->fd);
	}
	m->dump_inode = st.st_ino;
	if (m->fail_dump)
		return pm_error_set(err, -m->fail_dump,
				    "'%s' cannot be created", target->path);
	m->dump = (struct dump_info){ .status = DUMP_ACTIVE, .total = 4096 };
	snprintf(m->dump_path, sizeof(m->dump_path), "%s",
		 target->path ? target->path : "");
	m->dump_compress = target->compress;
	return 0;
}

void machine_dump_cancel(struct machine *m)
{
	m->dump_cancels++;
}

void machine_dump_info(const struct machine *m, struct dump_info *info)
{
	*info = m->dump;
}
