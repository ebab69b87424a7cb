/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A memory device of the machine: the library's device and its host memory,
 * glued to the virtio PCI transport and to the guest's view of memory.
 *
 * Everything here belongs to the main thread, and takes the device's lock.
 */
#ifndef VMM_VIRTIO_MEM_H
#define VMM_VIRTIO_MEM_H

#include <stdbool.h>
#include <stdint.h>

#include "mem_info.h"
#include "memory/violations.h"
#include "paramem.h"

struct accel;
struct bus;
struct guard_watch;
struct guest_memory;
struct loop;
struct mem_device_config;
struct pci_host;
struct virtio_mem;
struct workers;

struct virtio_mem_config {
	const struct mem_device_config *device;
	uint64_t gpa; /* where the region lies */
	struct guest_memory *memory;
	struct accel *accel;
	struct bus *mmio;
	struct loop *loop;
	struct workers *workers;
	struct pci_host *host;
	struct pm_host *pm_host; /* shared by all; NULL: one of its own */
	/* The plugged size changed; called with the device's lock held. */
	void (*size_changed)(void *opaque, unsigned int index, uint64_t size);
	/*
	 * The guest used unplugged memory. Called on the watch's thread or a
	 * vCPU's, without any lock but maybe the watch's, before the access
	 * goes on.
	 */
	void (*violation)(void *opaque, unsigned int index,
			  const struct violation *violation);
	struct guard_watch *watch; /* NULL: no guard */
	unsigned int index;        /* the number of this device */
	void *opaque;
};

/* 0 or -errno with a sentence. */
int virtio_mem_create(const struct virtio_mem_config *config,
		      struct virtio_mem **vm, struct pm_error *err);
/* Waits for host work that is under way, as virtio_mem_reset() does. */
void virtio_mem_destroy(struct virtio_mem *vm);

void virtio_mem_info(struct virtio_mem *vm, struct mem_device_info *info);
int virtio_mem_set_requested(struct virtio_mem *vm, uint64_t size,
			     struct pm_error *err);

/* Takes back what the guest has of unplugged memory; no vCPU runs. */
void virtio_mem_recall(struct virtio_mem *vm);

/*
 * From when this returns until it is let go, the device does nothing: no block
 * comes or goes, and the guest is told nothing. What it asked for waits as far
 * as it is done, or in the ring. No vCPU runs meanwhile. Waits for workers, a
 * part each.
 */
void virtio_mem_hold(struct virtio_mem *vm, bool hold);

/* A system reset; no vCPU runs. */
int virtio_mem_reset(struct virtio_mem *vm, struct pm_error *err);

#endif /* VMM_VIRTIO_MEM_H */
