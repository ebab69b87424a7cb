/* SPDX-License-Identifier: BSD-3-Clause */
/* The virtio-mem device: its life, its configuration space and its sizes. */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "plug.h"
#include "ram.h"
#include "ram_settings.h"
#include "request.h"

/*
 * How far the usable region reaches past the requested size. The stock Linux
 * driver works in whole memory blocks of its own, 128 MiB on most machines. It
 * has to name blocks past the requested size to fill a memory block in which
 * that size ends, and to make up for blocks that it had to pass over.
 */
#define USABLE_SLACK (UINT64_C(256) << 20)

#define FEATURES_KNOWN (PM_F_ACPI_PXM | PM_F_UNPLUGGED_INACCESSIBLE)

/* [virtio-mem] "Device configuration layout". */
struct config_space {
	uint64_t block_size;
	uint16_t node_id;
	uint8_t padding[6];
	uint64_t addr;
	uint64_t region_size;
	uint64_t usable_region_size;
	uint64_t plugged_size;
	uint64_t requested_size;
} __attribute__((packed));

static_assert(sizeof(struct config_space) == PM_CONFIG_SIZE, "layout");
static_assert(offsetof(struct config_space, block_size) == 0, "layout");
static_assert(offsetof(struct config_space, node_id) == 8, "layout");
static_assert(offsetof(struct config_space, addr) == 16, "layout");
static_assert(offsetof(struct config_space, region_size) == 24, "layout");
static_assert(offsetof(struct config_space, usable_region_size) == 32,
	      "layout");
static_assert(offsetof(struct config_space, plugged_size) == 40, "layout");
static_assert(offsetof(struct config_space, requested_size) == 48, "layout");

static bool is_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* ---- what a configuration may say -------------------------------------- */

static int check_block_size(uint64_t block_size, uint64_t page_size,
			    struct pm_error *err)
{
	if (!is_power_of_two(block_size))
		return pm_error_set(err, EINVAL,
				    "The block size, %" PRIu64
				    " bytes, is not a power of two",
				    block_size);
	if (block_size < PM_BLOCK_SIZE_MIN)
		return pm_error_set(err, EINVAL,
				    "The block size, %" PRIu64
				    " bytes, is below the minimum, %" PRIu64,
				    block_size, PM_BLOCK_SIZE_MIN);
	if (block_size % page_size)
		return pm_error_set(err, EINVAL,
				    "The block size, %" PRIu64
				    " bytes, is below the page size of its "
				    "memory, %" PRIu64,
				    block_size, page_size);
	return 0;
}

static int check_region(uint64_t addr, uint64_t region_size,
			uint64_t block_size, struct pm_error *err)
{
	if (region_size % block_size)
		return pm_error_set(err, EINVAL,
				    "The region size, %" PRIu64
				    " bytes, is not a multiple of the block "
				    "size, %" PRIu64,
				    region_size, block_size);
	if (addr % block_size)
		return pm_error_set(err, EINVAL,
				    "The address 0x%" PRIx64
				    " is not a multiple of the block size, "
				    "0x%" PRIx64,
				    addr, block_size);
	if (addr > UINT64_MAX - region_size)
		return pm_error_set(err, EINVAL,
				    "A region of %" PRIu64
				    " bytes at 0x%" PRIx64
				    " is past the end of the address space",
				    region_size, addr);
	return 0;
}

static int check_requested(uint64_t size, uint64_t region_size,
			   uint64_t block_size, struct pm_error *err)
{
	if (size % block_size)
		return pm_error_set(err, EINVAL,
				    "The requested size, %" PRIu64
				    " bytes, is not a multiple of the block "
				    "size, %" PRIu64,
				    size, block_size);
	if (size > region_size)
		return pm_error_set(err, EINVAL,
				    "The requested size, %" PRIu64
				    " bytes, is past the region size, %" PRIu64,
				    size, region_size);
	return 0;
}

static int check_features(uint64_t features, uint64_t required,
			  struct pm_error *err)
{
	if (features & ~FEATURES_KNOWN)
		return pm_error_set(err, EINVAL,
				    "The features 0x%" PRIx64
				    " have bits that this device lacks",
				    features);
	if (required & ~features)
		return pm_error_set(err, EINVAL,
				    "The features 0x%" PRIx64
				    " are required and not offered",
				    required & ~features);
	return 0;
}

static int check_config(const struct pm_device_config *c,
			const struct pm_ram *ram, struct pm_error *err)
{
	uint64_t region_size = pm_ram_max_size(ram);
	int ret = check_block_size(c->block_size, pm_ram_page_size(ram), err);

	if (!ret)
		ret = check_region(c->addr, region_size, c->block_size, err);
	if (!ret)
		ret = check_requested(c->requested_size, region_size,
				      c->block_size, err);
	if (!ret)
		ret = check_features(c->features, c->required, err);
	return ret;
}

/* ---- the usable region ------------------------------------------------- */

/* The usable region that @requested bytes need. */
static uint64_t usable_for(const struct pm_device *dev, uint64_t requested)
{
	uint64_t slack = USABLE_SLACK;

	/* A device that nobody asks anything of costs nothing. */
	if (!requested)
		return 0;
	/* Of two powers of two the larger one is a multiple of both. */
	if (slack < dev->block_size)
		slack = dev->block_size;
	if (dev->region_size - requested <= slack)
		return dev->region_size;
	return requested + slack;
}

/* Resizes the host memory to go with a usable region of @size bytes. */
static int resize_ram(struct pm_device *dev, uint64_t size,
		      struct pm_error *err)
{
	struct pm_error why;
	int ret = pm_ram_resize(dev->ram, size, &why);

	if (ret < 0)
		return pm_error_set(err, -ret, "Memory device %s: %s", dev->id,
				    why.text);
	return 0;
}

static int grow_usable(struct pm_device *dev, uint64_t requested,
		       struct pm_error *err)
{
	uint64_t usable = usable_for(dev, requested);
	int ret;

	if (usable <= dev->usable_size)
		return 0;
	ret = resize_ram(dev, usable, err);
	if (ret < 0)
		return ret;
	dev->usable_size = usable;
	return 0;
}

int device_shrink_usable(struct pm_device *dev, struct pm_error *err)
{
	uint64_t usable = usable_for(dev, dev->requested_size);
	int ret;

	assert(!dev->plugged_size);
	if (usable >= dev->usable_size)
		return 0;
	ret = resize_ram(dev, usable, err);
	if (ret < 0)
		return ret;
	dev->usable_size = usable;
	return 0;
}

struct block_range device_usable_blocks(const struct pm_device *dev)
{
	return (struct block_range){ .count = dev->usable_size /
					      dev->block_size };
}

void device_extent(const struct pm_device *dev, struct block_range range,
		   uint64_t *offset, uint64_t *size)
{
	*offset = range.first * dev->block_size;
	*size = range.count * dev->block_size;
}

/* ---- life -------------------------------------------------------------- */

static void device_free(struct pm_device *dev)
{
	guard_finish(&dev->guard);
	free(dev->plugged.words);
	free(dev->id);
	free(dev);
}

static int alloc_map(struct pm_device *dev)
{
	uint64_t nr_blocks = dev->region_size / dev->block_size;
	uint64_t nr_words = block_map_words(nr_blocks);
	uint64_t *words;

	if (nr_words > SIZE_MAX)
		return -ENOMEM;
	words = calloc(nr_words, sizeof(*words));
	if (!words)
		return -ENOMEM;
	block_map_init(&dev->plugged, words, nr_blocks);
	return 0;
}

/* NULL when out of memory. @config has been checked. */
static struct pm_device *device_alloc(const struct pm_device_config *config,
				      uint64_t region_size)
{
	struct pm_device *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return NULL;
	dev->addr = config->addr;
	dev->block_size = config->block_size;
	dev->region_size = region_size;
	dev->requested_size = config->requested_size;
	dev->features_offered = config->features;
	dev->features_required = config->required;
	dev->async = config->async;
	dev->async_size = config->async_size;
	if (config->features & PM_F_ACPI_PXM)
		dev->node = config->node;
	dev->id = strdup(config->id ? config->id : "virtio-mem");
	if (!dev->id || alloc_map(dev) < 0) {
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
	int ret = check_config(config, ram, err);

	if (ret < 0)
		return ret;
	dev = device_alloc(config, pm_ram_max_size(ram));
	if (!dev)
		return pm_error_set(err, ENOMEM, "Out of memory");
	dev->ram = ram;
	dev->populates = config->prealloc || ram_must_populate(ram);
	if (ops)
		dev->ops = *ops;
	dev->opaque = opaque;
	/* Nothing may be left of an earlier use: unplugged memory is empty. */
	ret = resize_ram(dev, 0, err);
	/* Such a page would be behind several blocks. */
	if (config->block_size < ram_thp_size())
		ram_settings_end_thp(ram);
	if (!ret)
		ret = guard_init(&dev->guard, config->guard, ram,
				 dev->block_size, &dev->ops, opaque, err);
	if (!ret)
		ret = grow_usable(dev, dev->requested_size, err);
	if (ret < 0) {
		device_free(dev);
		return ret;
	}
	*device = dev;
	return 0;
}

void pm_device_destroy(struct pm_device *dev)
{
	if (!dev)
		return;
	pending_forget(dev);
	plug_forget_all(dev);
	device_free(dev);
}

void pm_device_add_listener(struct pm_device *dev, struct pm_listener *l)
{
	listener_list_add(&dev->listeners, l);
}

void pm_device_remove_listener(struct pm_device *dev, struct pm_listener *l)
{
	listener_list_remove(&dev->listeners, l);
}

/* ---- sizes ------------------------------------------------------------- */

static void notify_config(struct pm_device *dev)
{
	if (dev->ops.config_changed)
		dev->ops.config_changed(dev->opaque);
}

void device_notify_plugged(struct pm_device *dev, uint64_t before)
{
	if (dev->plugged_size != before && dev->ops.size_changed)
		dev->ops.size_changed(dev->opaque, dev->plugged_size);
}

int pm_device_set_requested(struct pm_device *dev, uint64_t size,
			    struct pm_error *err)
{
	int ret = check_requested(size, dev->region_size, dev->block_size, err);

	if (!ret)
		ret = grow_usable(dev, size, err);
	if (ret < 0)
		return ret;
	dev->requested_size = size;
	/* The same size too: that is how people wake a waiting driver. */
	notify_config(dev);
	return 0;
}

int pm_device_system_reset(struct pm_device *dev, struct pm_error *err)
{
	uint64_t before = dev->plugged_size;
	int ret;

	ret = pending_check_none(dev, err);
	if (ret < 0)
		return ret;
	ret = plug_clear_all(dev, err);
	guard_reset(&dev->guard);
	if (!ret)
		ret = device_shrink_usable(dev, err);
	/* The driver is gone with the system: no configuration interrupt. */
	device_notify_plugged(dev, before);
	return ret;
}

/* ---- what others may see ----------------------------------------------- */

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
	guard_set_inaccessible(&dev->guard,
			       dev->features_accepted &
				       PM_F_UNPLUGGED_INACCESSIBLE);
}

void pm_device_config_read(const struct pm_device *dev, uint64_t offset,
			   void *buf, size_t len)
{
	const struct config_space space = {
		.block_size = htole64(dev->block_size),
		.node_id = htole16(dev->node),
		.addr = htole64(dev->addr),
		.region_size = htole64(dev->region_size),
		.usable_region_size = htole64(dev->usable_size),
		.plugged_size = htole64(dev->plugged_size),
		.requested_size = htole64(dev->requested_size),
	};
	size_t n;

	memset(buf, 0, len);
	if (offset >= sizeof(space))
		return;
	n = sizeof(space) - offset;
	memcpy(buf, (const unsigned char *)&space + offset, len < n ? len : n);
}

bool pm_device_range_plugged(const struct pm_device *dev, uint64_t offset,
			     uint64_t size)
{
	struct block_range range;

	if (offset > dev->region_size || size > dev->region_size - offset)
		return false;
	if (!size)
		return true;
	range.first = offset / dev->block_size;
	range.count = (offset + size - 1) / dev->block_size - range.first + 1;
	return block_map_all_set(&dev->plugged, range) &&
	       !pending_takes(dev, range);
}

/* The first run of plugged blocks that is not being unplugged. */
static bool first_run(const struct pm_device *dev, struct block_range rest,
		      struct block_range *run)
{
	const struct block_range *taken = &dev->pending.range;

	while (plug_next_run(dev, &rest, run)) {
		uint64_t end = run->first + run->count;

		if (!pending_takes(dev, *run))
			return true;
		if (run->first < taken->first) {
			run->count = taken->first - run->first;
			return true;
		}
		run->first = taken->first + taken->count;
		run->count = end > run->first ? end - run->first : 0;
		if (run->count)
			return true;
	}
	return false;
}

bool pm_device_plugged_run(const struct pm_device *dev, uint64_t from,
			   uint64_t to, uint64_t *offset, uint64_t *size)
{
	struct block_range range, run;
	uint64_t start, end;

	if (to > dev->region_size)
		to = dev->region_size;
	if (from >= to)
		return false;
	range.first = from / dev->block_size;
	range.count = (to - 1) / dev->block_size - range.first + 1;
	if (!first_run(dev, range, &run))
		return false;
	start = run.first * dev->block_size;
	end = start + run.count * dev->block_size;
	*offset = start < from ? from : start;
	*size = (end < to ? end : to) - *offset;
	return true;
}

void pm_device_get_info(const struct pm_device *dev,
			struct pm_device_info *info)
{
	const struct guard *guard = &dev->guard;

	*info = (struct pm_device_info){
		.id = dev->id,
		.addr = dev->addr,
		.block_size = dev->block_size,
		.region_size = dev->region_size,
		.usable_size = dev->usable_size,
		.requested_size = dev->requested_size,
		.plugged_size = dev->plugged_size,
		.node = dev->node,
		.span_size = guard->span_size,
		.guard_level = guard->ops ? guard->ops->level : PM_GUARD_NONE,
		.guard_lack = guard->lack,
		.violations_read = guard->reads,
		.violations_write = guard->writes,
	};
}
