/* SPDX-License-Identifier: BSD-3-Clause */
/* A device's configuration space, as its driver sees it. */
#include "config_space.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "paramem.h"

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

void config_space_read(const struct region *r, uint16_t node, uint64_t offset,
		       void *buf, size_t len)
{
	const struct config_space space = {
		.block_size = htole64(r->block_size),
		.node_id = htole16(node),
		.addr = htole64(r->addr),
		.region_size = htole64(r->size),
		.usable_region_size = htole64(r->usable_size),
		.plugged_size = htole64(r->plugged_size),
		.requested_size = htole64(r->requested_size),
	};
	size_t n;

	memset(buf, 0, len);
	if (offset >= sizeof(space))
		return;
	n = sizeof(space) - offset;
	memcpy(buf, (const unsigned char *)&space + offset, len < n ? len : n);
}
