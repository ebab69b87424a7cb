/* SPDX-License-Identifier: BSD-3-Clause */
/* An address space and who answers where: a short array behind a lock. */
#include "bus.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* Two ranges a PCI function, device regions, ports: far below this. */
#define BUS_RANGES_MAX 128

struct bus_range {
	uint64_t base;
	uint64_t size;
	const struct bus_ops *ops;
	void *opaque;
};

struct bus {
	pthread_rwlock_t lock;
	struct bus_range ranges[BUS_RANGES_MAX];
	unsigned int nr;
};

int bus_create(struct bus **out)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (!bus)
		return -ENOMEM;
	pthread_rwlock_init(&bus->lock, NULL);
	*out = bus;
	return 0;
}

void bus_destroy(struct bus *bus)
{
	if (!bus)
		return;
	pthread_rwlock_destroy(&bus->lock);
	free(bus);
}

static bool ranges_overlap(const struct bus_range *r, uint64_t base,
			   uint64_t size)
{
	return base < r->base ? r->base - base < size
			      : base - r->base < r->size;
}

static int bus_insert(struct bus *bus, const struct bus_range *range)
{
	if (bus->nr == BUS_RANGES_MAX)
		return -ENOSPC;
	for (unsigned int i = 0; i < bus->nr; i++)
		if (ranges_overlap(&bus->ranges[i], range->base, range->size))
			return -EEXIST;
	bus->ranges[bus->nr++] = *range;
	return 0;
}

int bus_map(struct bus *bus, uint64_t base, uint64_t size,
	    const struct bus_ops *ops, void *opaque)
{
	const struct bus_range range = {
		.base = base, .size = size, .ops = ops, .opaque = opaque
	};
	int ret;

	if (!size || size - 1 > UINT64_MAX - base)
		return -EINVAL;
	pthread_rwlock_wrlock(&bus->lock);
	ret = bus_insert(bus, &range);
	pthread_rwlock_unlock(&bus->lock);
	return ret;
}

void bus_unmap(struct bus *bus, uint64_t base)
{
	pthread_rwlock_wrlock(&bus->lock);
	for (unsigned int i = 0; i < bus->nr; i++) {
		if (bus->ranges[i].base != base)
			continue;
		bus->ranges[i] = bus->ranges[--bus->nr];
		break;
	}
	pthread_rwlock_unlock(&bus->lock);
}

/* Copies the range out, so that no lock is held while a device works. */
static bool bus_find(struct bus *bus, uint64_t addr, struct bus_range *range)
{
	bool found = false;

	pthread_rwlock_rdlock(&bus->lock);
	for (unsigned int i = 0; i < bus->nr && !found; i++) {
		const struct bus_range *r = &bus->ranges[i];

		if (addr < r->base || addr - r->base >= r->size)
			continue;
		*range = *r;
		found = true;
	}
	pthread_rwlock_unlock(&bus->lock);
	return found;
}

uint64_t bus_read(struct bus *bus, uint64_t addr, unsigned int len)
{
	struct bus_range r;

	if (!bus_find(bus, addr, &r))
		return UINT64_MAX;
	return r.ops->read(r.opaque, addr - r.base, len);
}

void bus_write(struct bus *bus, uint64_t addr, uint64_t value, unsigned int len)
{
	struct bus_range r;

	if (bus_find(bus, addr, &r))
		r.ops->write(r.opaque, addr - r.base, value, len);
}
