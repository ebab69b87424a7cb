/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A memory device of the machine: the library's device on virtio PCI.
 *
 * Theory of operation. A request that takes the host long is pending in the
 * library, and its chain in progress in the transport, while the workers
 * populate or free memory. They end on the main thread, which completes both,
 * or starts the next round. Who does not want to wait cancels:
 *
 *	the driver resets the device   on a vCPU: populating is cancelled, while
 *	                               freeing goes on, and the request
 *	                               completed when that has ended; the driver
 *	                               is told nothing, and requests of its new
 *	                               queue wait until then
 *	system reset, destruction      on the main thread, which waits for the
 *	                               parts that run
 *	the machine stands still       nobody cancels: the work is parked between
 *	                               two of its parts, and goes on with the guest
 *
 * A cancelled request fails, even if all of its work was done: the driver that
 * asked for it is gone.
 *
 * A guest whose request the host refused would sleep for a minute. So it is
 * woken now and then, as long as the last answer was a refusal. Each refusal
 * arms the timer once: a guest that no longer asks is not woken for ever.
 */
#include "virtio_mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accel/accel.h"
#include "host/clock.h"
#include "host/range_job.h"
#include "memory/guard_watch.h"
#include "memory/memslots.h"
#include "space/bus.h"
#include "space/guest_memory.h"
#include "virtio_pci.h"

#define VIRTIO_ID_MEM 24
#define REQUEST_QUEUE 0        /* [virtio-mem] "Virtqueues": the only one */
#define PCI_CLASS_RAM 0x050000 /* memory controller, RAM */

/* When a refused guest is woken, at first and at most. */
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 8000

/*
 * What is left to the workers. Less of it takes the main thread milliseconds,
 * and handing it over would take a driver that asks block by block longer.
 */
#define LONG_WORK (UINT64_C(256) << 20)

/* This thread, a vCPU's, handles an access where no memory slot is. */
static _Thread_local bool in_hole;

struct virtio_mem {
	struct virtio_mem_config config;
	struct pm_ram *ram;
	struct pm_device *device;
	struct memslots *slots;
	struct virtio_pci *pci;
	bool listening;
	bool watched;
	pthread_mutex_t guard_lock;
	struct pm_error refusal; /* the last reason for a BUSY */
	struct loop_timer retry;
	unsigned int retry_ms;
	struct range_job job; /* for the pending request */
	bool cancelled;       /* that request */
	bool orphaned;        /* its driver has reset the device */
	/* Of the driver, since the requested size was set. */
	bool noticed;          /* it has read that */
	int64_t asked_last_ms; /* it asked for a change; 0: never */
};

/* ---- refusals ------------------------------------------------------------ */

static void set_refusal(struct virtio_mem *vm, const struct pm_error *why)
{
	vm->refusal = *why;
	if (!why->text[0]) {
		vm->retry_ms = RETRY_MIN_MS;
		return;
	}
	loop_timer_arm(&vm->retry, vm->retry_ms);
	vm->retry_ms *= 2;
	if (vm->retry_ms > RETRY_MAX_MS)
		vm->retry_ms = RETRY_MAX_MS;
}

static void clear_refusal(struct virtio_mem *vm)
{
	const struct pm_error none = { "" };

	set_refusal(vm, &none);
}

static void retry_due(void *opaque)
{
	struct virtio_mem *vm = opaque;
	struct pm_device_info info;

	virtio_pci_lock(vm->pci);
	pm_device_get_info(vm->device, &info);
	if (vm->refusal.text[0] && info.plugged_size != info.requested_size)
		virtio_pci_config_changed(vm->pci);
	virtio_pci_unlock(vm->pci);
}

/* ---- how far a resize is ------------------------------------------------- */

/* So long after a driver's last request it still counts as being at it. */
#define AT_IT_MS 3000

/* Where the requested size is in configuration space. */
#define REQUESTED_FROM 48
#define REQUESTED_TO   56

static void forget_driver(struct virtio_mem *vm)
{
	vm->noticed = false;
	vm->asked_last_ms = 0;
}

static enum mem_standing standing(const struct virtio_mem *vm,
				  const struct mem_device_info *info)
{
	const struct pm_device_info *dev = &info->device;

	if (dev->plugged_size == dev->requested_size)
		return MEM_REACHED;
	if (!info->driver_ready)
		return MEM_NO_DRIVER;
	if (vm->refusal.text[0])
		return MEM_REFUSED;
	if (vm->asked_last_ms && clock_now_ms() - vm->asked_last_ms < AT_IT_MS)
		return MEM_UNDER_WAY;
	if (pm_device_pending(vm->device, NULL))
		return MEM_UNDER_WAY;
	if (!vm->noticed)
		return MEM_UNNOTICED;
	return dev->plugged_size > dev->requested_size ? MEM_KEPT
						       : MEM_NOT_TAKEN;
}

/* ---- long work ----------------------------------------------------------- */

static int work_on_part(void *opaque, uint64_t offset, uint64_t size,
			struct pm_error *err)
{
	struct virtio_mem *vm = opaque;

	return pm_device_pending_work(vm->device, offset, size, err);
}

static int work_start(struct virtio_mem *vm, struct pm_error *why)
{
	struct pm_pending p = { 0 };

	pm_device_pending(vm->device, &p);
	return range_job_start(&vm->job, vm->config.workers, p.offset, p.size,
			       p.unit, why);
}

/*
 * Ends a round of the pending request, and starts the next if there is one; the
 * lock is held, and no worker is at it. The length of the answer, or
 * -EINPROGRESS.
 */
static long work_end(struct virtio_mem *vm, int result,
		     const struct pm_error *why, uint8_t *response)
{
	struct pm_error refusal = { "" };
	long len;

	do {
		len = pm_device_request_complete(
			vm->device, vm->cancelled ? -ECANCELED : result, why,
			response, PM_RESPONSE_SIZE, &refusal);
		if (len != -EINPROGRESS)
			break;
		result = work_start(vm, &refusal);
		why = &refusal;
	} while (result);
	if (len != -EINPROGRESS && !vm->cancelled)
		set_refusal(vm, &refusal);
	return len;
}

static uint64_t usable_size(const struct virtio_mem *vm)
{
	struct pm_device_info info;

	pm_device_get_info(vm->device, &info);
	return info.usable_size;
}

/* The same for one whose chain is in progress. */
static void work_complete(struct virtio_mem *vm, int result,
			  const struct pm_error *why)
{
	uint8_t response[PM_RESPONSE_SIZE];
	uint64_t usable = usable_size(vm);
	long len = work_end(vm, result, why, response);

	if (len == -EINPROGRESS)
		return;
	/* A driver that asked for it expects it, but this one did not. */
	if (vm->orphaned && usable_size(vm) != usable)
		virtio_pci_config_changed(vm->pci);
	vm->cancelled = false;
	vm->orphaned = false;
	virtio_pci_complete(vm->pci, REQUEST_QUEUE, response, len);
}

static void on_worked(void *opaque, int result, const struct pm_error *why)
{
	struct virtio_mem *vm = opaque;

	virtio_pci_lock(vm->pci);
	work_complete(vm, result, why);
	virtio_pci_unlock(vm->pci);
}

/* -EINPROGRESS, or the answer when it could not even be begun. */
static long work_begin(struct virtio_mem *vm, uint8_t *response)
{
	struct pm_error why = { "" };
	int ret = work_start(vm, &why);

	return ret ? work_end(vm, ret, &why, response) : -EINPROGRESS;
}

/* The main thread, without the lock: workers never take it, but vCPUs do. */
static void work_abort(struct virtio_mem *vm)
{
	range_job_stop(&vm->job);
	virtio_pci_lock(vm->pci);
	if (pm_device_pending(vm->device, NULL)) {
		vm->cancelled = true;
		work_complete(vm, -ECANCELED, NULL);
	}
	virtio_pci_unlock(vm->pci);
}

/* ---- what the transport asks --------------------------------------------- */

static uint64_t mem_features(void *opaque)
{
	struct virtio_mem *vm = opaque;

	return pm_device_features(vm->device);
}

static bool mem_features_ok(void *opaque, uint64_t features)
{
	struct virtio_mem *vm = opaque;

	return pm_device_features_ok(vm->device, features);
}

static void mem_features_accepted(void *opaque, uint64_t features)
{
	struct virtio_mem *vm = opaque;

	pm_device_accept_features(vm->device, features);
}

static void mem_config_get(void *opaque, uint64_t offset, void *buf,
			   unsigned int len)
{
	struct virtio_mem *vm = opaque;

	pm_device_config_read(vm->device, offset, buf, len);
}

static void mem_config_was_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct virtio_mem *vm = opaque;

	if (offset < REQUESTED_TO && offset + len > REQUESTED_FROM)
		vm->noticed = true;
}

/* [virtio-mem] "Device operation": the type that changes nothing. */
#define REQUEST_STATE 3

static bool asks_for_a_change(const uint8_t *request, long len)
{
	return len >= 2 && (request[0] | request[1] << 8) != REQUEST_STATE;
}

/* Copies the request out, once, and the response in. */
static long mem_handle(void *opaque, unsigned int queue,
		       const struct virtqueue *vq,
		       const struct virtqueue_chain *chain)
{
	struct virtio_mem *vm = opaque;
	uint8_t request[PM_REQUEST_SIZE];
	uint8_t response[PM_RESPONSE_SIZE];
	uint64_t room = virtqueue_chain_room(chain);
	struct pm_error why = { "" };
	long len;

	(void)queue;
	len = virtqueue_chain_read(vq, chain, request, sizeof(request));
	if (len < 0)
		return len;
	if (asks_for_a_change(request, len))
		vm->asked_last_ms = clock_now_ms();
	/* Nothing is done that could not be answered. */
	if (room >= sizeof(response) &&
	    !virtqueue_chain_can_write(vq, chain, sizeof(response)))
		return -EFAULT;
	len = pm_device_request(
		vm->device, request, len, response,
		room < sizeof(response) ? room : sizeof(response), &why);
	if (len == -EINPROGRESS)
		len = work_begin(vm, response);
	else
		set_refusal(vm, &why); /* none, once the host could */
	if (len < 0)
		return len;
	return virtqueue_chain_write(vq, chain, response, len);
}

static void mem_device_reset(void *opaque)
{
	struct virtio_mem *vm = opaque;
	struct pm_pending p;

	pm_device_accept_features(vm->device, 0);
	if (!pm_device_pending(vm->device, &p))
		return;
	vm->orphaned = true;
	/* What is being unplugged may as well be, with nobody to tell. */
	if (p.unplugs)
		return;
	vm->cancelled = true;
	range_job_cancel(&vm->job);
}

static const struct virtio_ops mem_virtio_ops = {
	.features = mem_features,
	.features_ok = mem_features_ok,
	.features_accepted = mem_features_accepted,
	.config_get = mem_config_get,
	.config_was_read = mem_config_was_read,
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

	vm->config.size_changed(vm->config.opaque, vm->config.index, size);
}

/* @repeated: the guest executes the instruction again. */
static void tell_violation(struct virtio_mem *vm, const struct pm_violation *v,
			   bool repeated)
{
	const struct violation violation = {
		.gpa = vm->config.gpa + v->offset,
		.write = v->write,
		.vcpu = accel_vcpu_of_thread(vm->config.accel, v->thread),
		.count = v->count,
		.repeated = repeated,
	};

	vm->config.violation(vm->config.opaque, vm->config.index, &violation);
}

/* Within hole_write() and hole_read() KVM has done the access already. */
static void mem_violation(void *opaque, const struct pm_violation *v)
{
	tell_violation(opaque, v, !in_hole);
}

static void mem_guard_lock(void *opaque)
{
	struct virtio_mem *vm = opaque;

	pthread_mutex_lock(&vm->guard_lock);
}

static void mem_guard_unlock(void *opaque)
{
	struct virtio_mem *vm = opaque;

	pthread_mutex_unlock(&vm->guard_lock);
}

static const struct pm_device_ops mem_device_ops = {
	.config_changed = mem_config_changed,
	.size_changed = mem_size_changed,
	.violation = mem_violation,
	.guard_lock = mem_guard_lock,
	.guard_unlock = mem_guard_unlock,
};

/* ---- the region in the guest's address space ----------------------------- */

static bool mem_present(void *opaque, uint64_t offset, uint64_t size)
{
	struct virtio_mem *vm = opaque;

	return pm_device_range_plugged(vm->device, offset, size);
}

/* The main thread, without the lock. */
static bool mem_next(void *opaque, uint64_t from, uint64_t *offset,
		     uint64_t *size)
{
	struct virtio_mem *vm = opaque;
	bool any;

	virtio_pci_lock(vm->pci);
	any = pm_device_plugged_run(vm->device, from, UINT64_MAX, offset, size);
	virtio_pci_unlock(vm->pci);
	return any;
}

/*
 * Where no memory slot is, a guest may read unplugged memory and gets zeros
 * ([virtio-mem], without UNPLUGGED_INACCESSIBLE); its writes are lost.
 */
static void hole_used(struct virtio_mem *vm, uint64_t offset, bool write)
{
	in_hole = true;
	pm_device_guard_report(vm->device, offset, write, gettid());
	in_hole = false;
}

static uint64_t hole_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)len;
	hole_used(opaque, offset, false);
	return 0;
}

static void hole_write(void *opaque, uint64_t offset, uint64_t value,
		       unsigned int len)
{
	(void)value;
	(void)len;
	hole_used(opaque, offset, true);
}

static const struct bus_ops hole_ops = { hole_read, hole_write };

static int region_show(struct virtio_mem *vm)
{
	struct pm_device_info info;
	const struct guest_memory_region region = {
		.gpa = vm->config.gpa,
		.size = vm->config.device->max_size,
		.host = pm_ram_host(vm->ram),
		.ram = vm->ram,
		.present = mem_present,
		.next = mem_next,
		.opaque = vm,
	};
	int ret = guest_memory_add(vm->config.memory, &region);

	pm_device_get_info(vm->device, &info);
	if (!ret)
		ret = bus_map(vm->config.mmio, region.gpa, region.size,
			      &hole_ops, vm);
	if (!ret)
		ret = memslots_create(vm->config.accel, region.gpa, region.size,
				      info.span_size,
				      pm_device_memory(vm->device), &vm->slots);
	return ret;
}

/* ---- life ---------------------------------------------------------------- */

/* There is an SRAT, so that every node has a number in ACPI. */
static uint64_t features_offered(const struct mem_device_config *c)
{
	return c->unplugged_inaccessible == UNPLUGGED_ABSENT
		       ? PM_F_ACPI_PXM
		       : PM_F_ACPI_PXM | PM_F_UNPLUGGED_INACCESSIBLE;
}

static int device_create(struct virtio_mem *vm, struct pm_error *err)
{
	const struct mem_device_config *c = vm->config.device;
	const struct pm_device_config config = {
		.id = c->id,
		.addr = vm->config.gpa,
		.block_size = c->block_size,
		.requested_size = c->requested_size,
		.features = features_offered(c),
		.required = c->unplugged_inaccessible == UNPLUGGED_REQUIRED
				    ? PM_F_UNPLUGGED_INACCESSIBLE
				    : 0,
		.node = c->node,
		.prealloc = ram_options_populate(&c->ram),
		.async = true,
		.async_size = LONG_WORK,
		.guard = vm->config.watch ? c->guard : PM_GUARD_OFF,
	};
	const struct pm_ram_config memory =
		ram_options_config(&c->ram, c->max_size, vm->config.pm_host);
	struct pm_error why = { "" };
	int ret = pm_ram_create(&memory, &vm->ram, &why);

	if (ret)
		return pm_error_set(err, -ret, "memory device %s: %s", c->id,
				    why.text);
	ret = pm_device_create(&config, vm->ram, &mem_device_ops, vm,
			       &vm->device, err);
	ram_options_cure(&c->ram, ret, err);
	return ret;
}

static int pci_create(struct virtio_mem *vm)
{
	const struct virtio_pci_config config = {
		.id = vm->config.device->id,
		.device_type = VIRTIO_ID_MEM,
		.class = PCI_CLASS_RAM,
		.config_size = PM_CONFIG_SIZE,
		.nr_queues = 1,
		.ops = &mem_virtio_ops,
		.opaque = vm,
		.memory = vm->config.memory,
		.accel = vm->config.accel,
		.loop = vm->config.loop,
		.host = vm->config.host,
	};

	return virtio_pci_create(&config, &vm->pci);
}

static int watch_guard(struct virtio_mem *vm, struct pm_error *err)
{
	int ret;

	if (pm_device_guard_fd(vm->device) < 0)
		return 0;
	ret = guard_watch_add(vm->config.watch, vm->device);
	if (ret)
		return pm_error_set(err, -ret,
				    "memory device %s cannot be watched (%s)",
				    vm->config.device->id, strerror(-ret));
	vm->watched = true;
	return 0;
}

static int mem_init(struct virtio_mem *vm, struct pm_error *err)
{
	int ret = device_create(vm, err);

	if (ret)
		return ret;
	ret = region_show(vm);
	if (!ret)
		ret = loop_timer_init(vm->config.loop, &vm->retry, retry_due,
				      vm);
	if (!ret)
		ret = pci_create(vm);
	if (!ret)
		ret = pm_device_add_listener(vm->device,
					     memslots_listener(vm->slots));
	vm->listening = !ret;
	if (ret)
		return pm_error_set(err, -ret,
				    "memory device %s cannot be set up (%s)",
				    vm->config.device->id, strerror(-ret));
	return watch_guard(vm, err);
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
	vm->job.work = work_on_part;
	vm->job.done = on_worked;
	vm->job.opaque = vm;
	vm->retry_ms = RETRY_MIN_MS;
	pthread_mutex_init(&vm->guard_lock, NULL);
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
	/* What is pending then is forgotten with the device. */
	range_job_stop(&vm->job);
	loop_timer_finish(vm->config.loop, &vm->retry);
	virtio_pci_destroy(vm->pci);
	if (vm->listening)
		pm_device_remove_listener(vm->device,
					  memslots_listener(vm->slots));
	if (vm->watched)
		guard_watch_remove(vm->config.watch, vm->device);
	memslots_destroy(vm->slots);
	pm_device_destroy(vm->device);
	pm_ram_destroy(vm->ram);
	pthread_mutex_destroy(&vm->guard_lock);
	free(vm);
}

void virtio_mem_info(struct virtio_mem *vm, struct mem_device_info *info)
{
	virtio_pci_lock(vm->pci);
	pm_device_get_info(vm->device, &info->device);
	info->backend = ram_backend_name(vm->config.device->ram.backend);
	info->driver_ready = virtio_pci_driver_ready(vm->pci);
	strcpy(info->last_refusal, vm->refusal.text);
	info->standing = standing(vm, info);
	virtio_pci_unlock(vm->pci);
}

int virtio_mem_set_requested(struct virtio_mem *vm, uint64_t size,
			     struct pm_error *err)
{
	int ret;

	virtio_pci_lock(vm->pci);
	ret = pm_device_set_requested(vm->device, size, err);
	ram_options_cure(&vm->config.device->ram, ret, err);
	if (!ret) {
		clear_refusal(vm);
		forget_driver(vm);
	}
	virtio_pci_unlock(vm->pci);
	return ret;
}

/* What the host cannot take back now, the watch tries again. */
void virtio_mem_recall(struct virtio_mem *vm)
{
	pm_device_guard_recall(vm->device);
}

void virtio_mem_hold(struct virtio_mem *vm, bool hold)
{
	if (!hold)
		range_job_unpark(&vm->job);
	virtio_pci_lock(vm->pci);
	virtio_pci_hold(vm->pci, hold);
	virtio_pci_unlock(vm->pci);
	/* Without the lock, as work_abort(). */
	if (hold)
		range_job_park(&vm->job);
}

int virtio_mem_reset(struct virtio_mem *vm, struct pm_error *err)
{
	int ret;

	virtio_pci_reset(vm->pci);
	work_abort(vm);
	virtio_pci_lock(vm->pci);
	clear_refusal(vm);
	forget_driver(vm);
	ret = pm_device_system_reset(vm->device, err);
	virtio_pci_unlock(vm->pci);
	if (!ret)
		memslots_trim(vm->slots);
	return ret;
}
