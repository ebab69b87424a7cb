/* SPDX-License-Identifier: BSD-3-Clause */
/* A memory device of the machine: the library's device on virtio PCI. */
#include "virtio_mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "guest_memory.h"
#include "memslots.h"
#include "virtio_pci.h"

#define VIRTIO_ID_MEM 24
#define PCI_CLASS_RAM 0x050000 /* memory controller, RAM */

struct virtio_mem {
	struct virtio_mem_config config;
	struct pm_ram *ram;
	struct pm_device *device;
	struct memslots *slots;
	struct virtio_pci *pci;
	bool listening;
	struct pm_error refusal; /* the last reason for a BUSY */
};

/* ---- what the transport asks --------------------------------------------- */

static uint64_t mem_features(void *opaque)
{
	struct virtio_mem *vm = opaque;

	return pm_device_features(vm->device);
}

static void mem_features_accepted(void *opaque, uint64_t features)
{
	struct virtio_mem *vm = opaque;

	pm_device_accept_features(vm->device, features);
}

static void mem_config_read(void *opaque, uint64_t offset, void *buf,
			    unsigned int len)
{
	struct virtio_mem *vm = opaque;

	pm_device_config_read(vm->device, offset, buf, len);
}

/* Copies the request out, once, and the response in. */
static long mem_handle(void *opaque, const struct virtqueue *vq,
		       const struct virtqueue_chain *chain)
{
	struct virtio_mem *vm = opaque;
	uint8_t request[PM_REQUEST_SIZE];
	uint8_t response[PM_RESPONSE_SIZE];
	uint64_t room = virtqueue_chain_room(chain);
	struct pm_error why = { "" };
	long len;

	len = virtqueue_chain_read(vq, chain, request, sizeof(request));
	if (len < 0)
		return len;
	/* Nothing is done that could not be answered. */
	if (room >= sizeof(response) &&
	    !virtqueue_chain_can_write(vq, chain, sizeof(response)))
		return -EFAULT;
	len = pm_device_request(
		vm->device, request, len, response,
		room < sizeof(response) ? room : sizeof(response), &why);
	vm->refusal = why; /* empty again, once the host could */
	if (len < 0)
		return len;
	return virtqueue_chain_write(vq, chain, response, len);
}

static void mem_device_reset(void *opaque)
{
	struct virtio_mem *vm = opaque;

	pm_device_accept_features(vm->device, 0);
}

static const struct virtio_ops mem_virtio_ops = {
	.features = mem_features,
	.features_accepted = mem_features_accepted,
	.config_read = mem_config_read,
	.handle = mem_handle,
	.reset = mem_device_reset,
};

/* ---- what the library's device tells ------------------------------------- */

static void mem_config_changed(void *opaque)
{
	struct virtio_mem *vm = opaque;

	if (vm->pci)
		virtio_pci_config_changed(vm->pci);
}

static void mem_size_changed(void *opaque, uint64_t size)
{
	struct virtio_mem *vm = opaque;

	vm->config.size_changed(vm->config.opaque, vm->config.device->id, size);
}

static const struct pm_device_ops mem_device_ops = {
	.config_changed = mem_config_changed,
	.size_changed = mem_size_changed,
};

/* ---- the region in the guest's address space ----------------------------- */

static bool mem_present(void *opaque, uint64_t offset, uint64_t size)
{
	struct virtio_mem *vm = opaque;

	return pm_device_range_plugged(vm->device, offset, size);
}

/*
 * Where no memory slot is, a guest may read unplugged memory and gets zeros
 * ([virtio-mem], without UNPLUGGED_INACCESSIBLE); its writes are lost.
 */
static uint64_t hole_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)opaque;
	(void)offset;
	(void)len;
	return 0;
}

static void hole_write(void *opaque, uint64_t offset, uint64_t value,
		       unsigned int len)
{
	(void)opaque;
	(void)offset;
	(void)value;
	(void)len;
}

static const struct bus_ops hole_ops = { hole_read, hole_write };

static int region_show(struct virtio_mem *vm)
{
	const struct guest_memory_region region = {
		.gpa = vm->config.gpa,
		.size = vm->config.device->max_size,
		.host = pm_ram_host(vm->ram),
		.present = mem_present,
		.opaque = vm,
	};
	int ret = guest_memory_add(vm->config.memory, &region);

	if (!ret)
		ret = bus_map(vm->config.mmio, region.gpa, region.size,
			      &hole_ops, vm);
	if (!ret)
		ret = memslots_create(vm->config.accel, region.gpa, region.size,
				      region.host, &vm->slots);
	return ret;
}

/* ---- life ---------------------------------------------------------------- */

static int device_create(struct virtio_mem *vm, struct pm_error *err)
{
	const struct mem_device_config *c = vm->config.device;
	const struct pm_device_config config = {
		.id = c->id,
		.addr = vm->config.gpa,
		.block_size = c->block_size,
		.requested_size = c->requested_size,
		.features = PM_F_UNPLUGGED_INACCESSIBLE,
	};
	const struct pm_ram_config memory = { .max_size = c->max_size };
	int ret = pm_ram_create(&memory, &vm->ram, err);

	if (!ret)
		ret = pm_device_create(&config, vm->ram, &mem_device_ops, vm,
				       &vm->device, err);
	return ret;
}

static int pci_create(struct virtio_mem *vm)
{
	const struct virtio_pci_config config = {
		.device_type = VIRTIO_ID_MEM,
		.class = PCI_CLASS_RAM,
		.ops = &mem_virtio_ops,
		.opaque = vm,
		.memory = vm->config.memory,
		.accel = vm->config.accel,
		.loop = vm->config.loop,
		.host = vm->config.host,
	};

	return virtio_pci_create(&config, &vm->pci);
}

static int mem_init(struct virtio_mem *vm, struct pm_error *err)
{
	int ret = device_create(vm, err);

	if (ret)
		return ret;
	ret = region_show(vm);
	if (!ret)
		ret = pci_create(vm);
	if (ret)
		return pm_error_set(err, -ret,
				    "memory device %s cannot be set up (%s)",
				    vm->config.device->id, strerror(-ret));
	pm_device_add_listener(vm->device, memslots_listener(vm->slots));
	vm->listening = true;
	return 0;
}

int virtio_mem_create(const struct virtio_mem_config *config,
		      struct virtio_mem **out, struct pm_error *err)
{
	struct virtio_mem *vm = calloc(1, sizeof(*vm));
	int ret;

	if (!vm)
		return pm_error_set(err, ENOMEM, "no memory for device %s",
				    config->device->id);
	vm->config = *config;
	ret = mem_init(vm, err);
	if (ret) {
		virtio_mem_destroy(vm);
		return ret;
	}
	*out = vm;
	return 0;
}

void virtio_mem_destroy(struct virtio_mem *vm)
{
	if (!vm)
		return;
	virtio_pci_destroy(vm->pci);
	if (vm->listening)
		pm_device_remove_listener(vm->device,
					  memslots_listener(vm->slots));
	memslots_destroy(vm->slots);
	pm_device_destroy(vm->device);
	pm_ram_destroy(vm->ram);
	free(vm);
}

void virtio_mem_info(struct virtio_mem *vm, struct mem_device_info *info)
{
	virtio_pci_lock(vm->pci);
	pm_device_get_info(vm->device, &info->device);
	info->driver_ready = virtio_pci_driver_ready(vm->pci);
	strcpy(info->last_refusal, vm->refusal.text);
	virtio_pci_unlock(vm->pci);
}

int virtio_mem_set_requested(struct virtio_mem *vm, uint64_t size,
			     struct pm_error *err)
{
	int ret;

	virtio_pci_lock(vm->pci);
	ret = pm_device_set_requested(vm->device, size, err);
	if (!ret)
		vm->refusal.text[0] = '\0';
	virtio_pci_unlock(vm->pci);
	return ret;
}

int virtio_mem_reset(struct virtio_mem *vm, struct pm_error *err)
{
	int ret;

	virtio_pci_reset(vm->pci);
	virtio_pci_lock(vm->pci);
	ret = pm_device_system_reset(vm->device, err);
	virtio_pci_unlock(vm->pci);
	if (!ret)
		memslots_trim(vm->slots);
	return ret;
}
