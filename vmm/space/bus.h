/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An address space (ports or memory-mapped I/O) and who answers where.
 *
 * Any thread may access a bus while another maps or unmaps; an access that
 * had found its device goes on after the device was unmapped, so devices
 * outlive the vCPUs.
 */
#ifndef VMM_BUS_H
#define VMM_BUS_H

#include <stdint.h>

struct bus;

/* @len is 1, 2, 4 or 8; @offset + @len may reach beyond the range. */
struct bus_ops {
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned int len);
	void (*write)(void *opaque, uint64_t offset, uint64_t value,
		      unsigned int len);
};

int bus_create(struct bus **bus);
void bus_destroy(struct bus *bus);

/*
 * 0, -EEXIST when it overlaps another range, -ENOSPC, or -EINVAL when it is
 * empty or wraps.
 */
int bus_map(struct bus *bus, uint64_t base, uint64_t size,
	    const struct bus_ops *ops, void *opaque);
/* Unmaps what starts at @base; nothing happens if nothing does. */
void bus_unmap(struct bus *bus, uint64_t base);

/* Where nobody answers, reads give all ones and writes are lost. */
uint64_t bus_read(struct bus *bus, uint64_t addr, unsigned int len);
void bus_write(struct bus *bus, uint64_t addr, uint64_t value,
	       unsigned int len);

#endif /* VMM_BUS_H */
