/* SPDX-License-Identifier: BSD-3-Clause */
/* The virtio-mem device: its life, its sizes, and the way to its parts. */
#include "device.h"

#include <errno.h>
#include <stdlib.h>

#include "config_space.h"
#include "device_config.h"
#include "request.h"
#include "usable.h"

/* ---- life -------------------------------------------------------------- */

static void device_free(struct pm_device *dev)
{
	host_memory_finish(&dev->memory);
	/* Whoever still waits for a page goes on, unguarded. */
	uffd_close(&dev->uffd);
	region_finish(&dev->region);
	free(dev);
}

/* NULL when out of memory. @config has been checked. */
static struct pm_device *device_alloc(const struct pm_device_config *config,
				      struct pm_ram *ram)
{
	struct pm_device *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return NULL;
	uffd_init(&dev->uffd);
	dev->features_offered = config->features;
	dev->features_required = config->required;
	if (config->features & PM_F_ACPI_PXM)
		dev->node = config->node;
	dev->plug = (struct plug){
		.region = &dev->region,
		.memory = &dev->memory.provider,
	};
	dev->join.plug = &dev->plug;
	dev->pending = (struct pending){
		.plug = &dev->plug,
		.async = config->async,
		.async_size = config->async_size,
	};
	if (region_init(&dev->region, config->id ? config->id : "virtio-mem",
			config->addr, config->block_size,
			pm_ram_max_size(ram)) < 0) {
		device_free(dev);
		return NULL;
	}
	return dev;
}

int pm_device_create(const struct pm_device_config *config, struct pm_ram *ram,
		     const struct pm_device_ops *ops, void *opaque,
		     struct pm_device **device, struct pm_error *err)
{
	struct pm_device *dev;
	int ret = device_config_check(config, ram, err);

	if (ret < 0)
		return ret;
	dev = device_alloc(config, ram);
	if (!dev)
		return pm_error_set(err, ENOMEM, "Out of memory");
	if (ops)
		dev->ops = *ops;
	dev->opaque = opaque;
	ret = host_memory_init(&dev->memory, config->guard, ram,
			       config->block_size, &dev->uffd, &dev->ops,
			       opaque, err);
	if (!ret)
		ret = usable_grow(&dev->region, &dev->memory.provider,
				  config->requested_size, err);
	if (ret < 0) {
		device_free(dev);
		return ret;
	}
	dev->plug.populates =
		config->prealloc || dev->memory.provider.must_populate;
	dev->region.requested_size = config->requested_size;
	*device = dev;
	return 0;
}

void pm_device_destroy(struct pm_device *dev)
{
	if (!dev)
		return;
	if (dev->join.listener)
		join_abort(&dev->join);
	pending_forget(&dev->pending);
	plug_forget_all(&dev->plug);
	device_free(dev);
}

/* ---- listeners --------------------------------------------------------- */

/* -EBUSY with a sentence while blocks may not change. */
static int check_idle(const struct pm_device *dev, struct pm_error *err)
{
	int ret = join_check_none(&dev->join, err);

	return ret ? ret : pending_check_none(&dev->pending, err);
}

int pm_device_add_listener(struct pm_device *dev, struct pm_listener *l)
{
	int ret = check_idle(dev, NULL);

	return ret ? ret : join_begin(&dev->join, l);
}

void pm_device_remove_listener(struct pm_device *dev, struct pm_listener *l)
{
	if (dev->join.listener == l) {
		join_abort(&dev->join);
		return;
	}
	pending_leave(&dev->pending, l);
	listener_list_remove(&dev->plug.listeners, l);
}

int pm_device_listener_done(struct pm_device *dev, struct pm_listener *l,
			    int result)
{
	if (dev->join.listener == l)
		return join_done(&dev->join, result);
	return pending_told(&dev->pending, l, result);
}

/* ---- sizes ------------------------------------------------------------- */

static void notify_config(struct pm_device *dev)
{
	if (dev->ops.config_changed)
		dev->ops.config_changed(dev->opaque);
}

/* Tells the owner when the plugged size no longer is @before. */
static void notify_plugged(struct pm_device *dev, uint64_t before)
{
	uint64_t now = dev->region.plugged_size;

	if (now != before && dev->ops.size_changed)
		dev->ops.size_changed(dev->opaque, now);
}

int pm_device_set_requested(struct pm_device *dev, uint64_t size,
			    struct pm_error *err)
{
	struct region *r = &dev->region;
	int ret = device_config_check_requested(size, r->size, r->block_size,
						err);

	if (!ret)
		ret = usable_grow(r, dev->plug.memory, size, err);
	if (ret < 0)
		return ret;
	r->requested_size = size;
	/* The same size too: that is how people wake a waiting driver. */
	notify_config(dev);
	return 0;
}

int pm_device_system_reset(struct pm_device *dev, struct pm_error *err)
{
	uint64_t before = dev->region.plugged_size;
	int ret;

	ret = check_idle(dev, err);
	if (ret < 0)
		return ret;
	ret = plug_clear_all(&dev->plug, err);
	guard_reset(&dev->memory.guard);
	if (!ret)
		ret = usable_shrink(&dev->region, dev->plug.memory, err);
	/* The driver is gone with the system: no configuration interrupt. */
	notify_plugged(dev, before);
	return ret;
}

/* ---- the driver --------------------------------------------------------- */

uint64_t pm_device_features(const struct pm_device *dev)
{
	return dev->features_offered;
}

bool pm_device_features_ok(const struct pm_device *dev, uint64_t accepted)
{
	return !(dev->features_required & ~accepted);
}

void pm_device_accept_features(struct pm_device *dev, uint64_t accepted)
{
	dev->features_accepted = accepted & dev->features_offered;
	guard_set_inaccessible(&dev->memory.guard,
			       dev->features_accepted &
				       PM_F_UNPLUGGED_INACCESSIBLE);
}

void pm_device_config_read(const struct pm_device *dev, uint64_t offset,
			   void *buf, size_t len)
{
	config_space_read(&dev->region, dev->node, offset, buf, len);
}

ssize_t pm_device_request(struct pm_device *dev, const void *request,
			  size_t request_len, void *response,
			  size_t response_size, struct pm_error *err)
{
	uint64_t before = dev->region.plugged_size;
	ssize_t ret = join_check_none(&dev->join, err);

	if (!ret)
		ret = request_handle(&dev->pending, request, request_len,
				     response, response_size, err);
	notify_plugged(dev, before);
	return ret;
}

bool pm_device_pending(const struct pm_device *dev, struct pm_pending *pending)
{
	return pending_describe(&dev->pending, pending);
}

int pm_device_pending_work(struct pm_device *dev, uint64_t offset,
			   uint64_t size, struct pm_error *err)
{
	return pending_work(&dev->pending, offset, size, err);
}

ssize_t pm_device_request_complete(struct pm_device *dev, int result,
				   const struct pm_error *why, void *response,
				   size_t response_size, struct pm_error *err)
{
	uint64_t before = dev->region.plugged_size;
	ssize_t ret = pending_complete(&dev->pending, result, why, response,
				       response_size, err);

	notify_plugged(dev, before);
	return ret;
}

/* ---- what others may see ----------------------------------------------- */

bool pm_device_range_plugged(const struct pm_device *dev, uint64_t offset,
			     uint64_t size)
{
	const struct region *r = &dev->region;
	struct block_range range;

	if (offset > r->size || size > r->size - offset)
		return false;
	if (!size)
		return true;
	range = region_blocks(r, (struct extent){ offset, size });
	return block_map_all_set(&r->plugged, range) &&
	       !pending_takes(&dev->pending, range);
}

bool pm_device_plugged_run(const struct pm_device *dev, uint64_t from,
			   uint64_t to, uint64_t *offset, uint64_t *size)
{
	const struct region *r = &dev->region;
	struct block_range range, run;
	uint64_t start, end;

	if (to > r->size)
		to = r->size;
	if (from >= to)
		return false;
	range = region_blocks(r, (struct extent){ from, to - from });
	if (!pending_next_run(&dev->pending, range, &run))
		return false;
	start = run.first * r->block_size;
	end = start + run.count * r->block_size;
	*offset = start < from ? from : start;
	*size = (end < to ? end : to) - *offset;
	return true;
}

void pm_device_get_info(const struct pm_device *dev,
			struct pm_device_info *info)
{
	const struct region *r = &dev->region;
	const struct guard *guard = &dev->memory.guard;

	*info = (struct pm_device_info){
		.id = r->id,
		.addr = r->addr,
		.block_size = r->block_size,
		.region_size = r->size,
		.usable_size = r->usable_size,
		.requested_size = r->requested_size,
		.plugged_size = r->plugged_size,
		.node = dev->node,
		.span_size = guard->span_size,
		.guard_level = guard->ops ? guard->ops->level : PM_GUARD_NONE,
		.guard_lack = guard->lack,
		.violations_read = guard->reads,
		.violations_write = guard->writes,
	};
}

/* ---- the guard ---------------------------------------------------------- */

void *pm_device_memory(const struct pm_device *dev)
{
	return dev->memory.guard.view;
}

int pm_device_guard_fd(const struct pm_device *dev)
{
	return guard_is_on(&dev->memory.guard) ? dev->uffd.fd : -ENOTSUP;
}

int pm_device_guard_handle(struct pm_device *dev)
{
	if (!guard_is_on(&dev->memory.guard))
		return -1;
	uffd_handle(&dev->uffd);
	return guard_expire(&dev->memory.guard);
}

int pm_device_guard_recall(struct pm_device *dev)
{
	return guard_recall(&dev->memory.guard);
}

void pm_device_guard_report(struct pm_device *dev, uint64_t offset, bool write,
			    pid_t thread)
{
	guard_report(&dev->memory.guard, offset, write, thread);
}
