/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where things lie in the guest's physical address space.
 *
 * Device memory is handed out range by range, the lowest place that fits
 * first. A range owns whole units of the alignment that it was asked with, so
 * that two guests' memory blocks never meet in one unit.
 */
#include "memory_map.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "host/size.h"

static uint64_t align_down(uint64_t value, uint64_t align)
{
	return value & ~(align - 1);
}

/* Addresses end at 2^52 at most, alignments at 2^63: no overflow. */
static uint64_t align_up(uint64_t value, uint64_t align)
{
	return align_down(value + align - 1, align);
}

int memory_map_init(struct memory_map *map, const struct arch_layout *layout,
		    uint64_t boot_size, unsigned int address_bits,
		    struct pm_error *err)
{
	uint64_t limit = UINT64_C(1) << address_bits;
	uint64_t high_base = layout->hole.base + layout->hole.size;
	uint64_t low_max = layout->hole.base - layout->boot_base;
	uint64_t low = boot_size < low_max ? boot_size : low_max;

	if (boot_size - low > limit - high_base)
		return pm_error_set(err, EINVAL,
				    "boot memory of %s does not fit: this CPU "
				    "addresses %u bits, so it ends at %s; ask "
				    "for less memory",
				    size_format(boot_size).text, address_bits,
				    size_format(limit).text);
	*map = (struct memory_map){
		.layout = layout,
		.low_size = low,
		.high_base = high_base,
		.high_size = boot_size - low,
		.limit = limit,
	};
	map->device_base =
		align_up(high_base + map->high_size, layout->device_align);
	return 0;
}

/* ---- device memory ------------------------------------------------------- */

static bool is_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* Where whoever has the range ends to own addresses. */
static uint64_t range_end(const struct memory_range *range)
{
	return align_up(range->base + range->size, range->align);
}

/*
 * How much of the free part before range @index, or behind the last one, a
 * range with this alignment may have, and from where.
 */
static uint64_t gap_room(const struct memory_map *map, unsigned int index,
			 uint64_t align, uint64_t *base)
{
	uint64_t start =
		index ? range_end(&map->ranges[index - 1]) : map->device_base;
	uint64_t end =
		index < map->nr_ranges ? map->ranges[index].base : map->limit;

	if (align > end)
		return 0;
	*base = align_up(start, align);
	end = align_down(end, align);
	return *base < end ? end - *base : 0;
}

uint64_t memory_map_room(const struct memory_map *map, uint64_t align)
{
	uint64_t base, most = 0;

	for (unsigned int i = 0; i <= map->nr_ranges; i++) {
		uint64_t room = gap_room(map, i, align, &base);

		if (room > most)
			most = room;
	}
	return most;
}

static void range_insert(struct memory_map *map, unsigned int index,
			 const struct memory_range *range)
{
	memmove(&map->ranges[index + 1], &map->ranges[index],
		(map->nr_ranges - index) * sizeof(*range));
	map->ranges[index] = *range;
	map->nr_ranges++;
}

int memory_map_alloc(struct memory_map *map, struct memory_range *range)
{
	uint64_t base;

	if (!range->size || !is_power_of_two(range->align))
		return -EINVAL;
	if (map->nr_ranges == MAP_RANGES_MAX)
		return -ENOMEM;
	for (unsigned int i = 0; i <= map->nr_ranges; i++) {
		if (gap_room(map, i, range->align, &base) < range->size)
			continue;
		range->base = base;
		range_insert(map, i, range);
		return 0;
	}
	return -ENOSPC;
}

static int no_room(const struct memory_map *map, const char *id,
		   uint64_t block_size, const struct memory_range *range,
		   struct pm_error *err)
{
	uint64_t room =
		align_down(memory_map_room(map, range->align), block_size);

	if (!room)
		return pm_error_set(err, ENOSPC,
				    "memory device %s does not fit: this CPU's "
				    "addresses end at %s, and what comes "
				    "before it leaves none; choose smaller "
				    "maximum sizes",
				    id, size_format(map->limit).text);
	return pm_error_set(err, ENOSPC,
			    "memory device %s of %s does not fit: this CPU's "
			    "addresses end at %s, and what comes before it "
			    "leaves %s; choose a max-size of %s or less",
			    id, size_format(range->size).text,
			    size_format(map->limit).text,
			    size_format(room).text, size_format(room).text);
}

int memory_map_add_device(struct memory_map *map, const char *id,
			  uint64_t block_size, struct memory_range *range,
			  struct pm_error *err)
{
	uint64_t align = map->layout->device_align;
	int ret;

	range->align = block_size > align ? block_size : align;
	ret = memory_map_alloc(map, range);
	if (ret == -ENOSPC)
		return no_room(map, id, block_size, range, err);
	if (ret)
		return pm_error_set(err, -ret,
				    "memory device %s does not fit: the "
				    "machine's addresses are in too many parts",
				    id);
	return 0;
}
