/* SPDX-License-Identifier: BSD-3-Clause */
/* Where things lie in the guest's physical address space. */
#include "memory_map.h"

#include <errno.h>
#include <inttypes.h>

#define MIB(x) ((x) >> 20)

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

int memory_map_init(struct memory_map *map, uint64_t boot_size,
		    unsigned int address_bits, struct pm_error *err)
{
	uint64_t limit = UINT64_C(1) << address_bits;
	uint64_t low = boot_size < MAP_HOLE_BASE ? boot_size : MAP_HOLE_BASE;

	if (boot_size - low > limit - MAP_HIGH_BASE)
		return pm_error_set(err, EINVAL,
				    "boot memory of %" PRIu64
				    " MiB does not fit: this CPU addresses %u "
				    "bits, so it ends at %" PRIu64
				    " MiB; ask for less memory",
				    MIB(boot_size), address_bits, MIB(limit));
	map->low_size = low;
	map->high_size = boot_size - low;
	map->device_base =
		align_up(MAP_HIGH_BASE + map->high_size, MAP_DEVICE_ALIGN);
	map->device_end = map->device_base;
	map->limit = limit;
	return 0;
}

int memory_map_add_device(struct memory_map *map, const char *id, uint64_t size,
			  uint64_t *gpa, struct pm_error *err)
{
	uint64_t base = align_up(map->device_end, MAP_DEVICE_ALIGN);

	if (base > map->limit || size > map->limit - base)
		return pm_error_set(err, EINVAL,
				    "memory device %s of %" PRIu64
				    " MiB does not fit: this CPU's addresses "
				    "end at %" PRIu64 " MiB and %" PRIu64
				    " MiB are left above what comes before; "
				    "choose a smaller max-size",
				    id, MIB(size), MIB(map->limit),
				    base > map->limit ? 0
						      : MIB(map->limit - base));
	*gpa = base;
	map->device_end = base + size;
	return 0;
}
