/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one door to guest memory: takes a guest physical address and a length,
 * checks both, and never yields memory that is unplugged.
 *
 * Regions are added before the guest runs. What a region yields stays valid
 * until the main thread plugs or unplugs, so devices reach guest memory on
 * the main thread alone.
 */
#ifndef VMM_GUEST_MEMORY_H
#define VMM_GUEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_MEMORY_REGIONS_MAX 64

struct pm_ram;

struct guest_memory_region {
	uint64_t gpa;
	uint64_t size;
	uint8_t *host;
	struct pm_ram *ram; /* what @host points into, at ram_offset */
	uint64_t ram_offset;
	/* Whether a range within the region is there now; NULL: always. */
	bool (*present)(void *opaque, uint64_t offset, uint64_t size);
	/* The first run at or above @from that is; false: none. NULL: all. */
	bool (*next)(void *opaque, uint64_t from, uint64_t *offset,
		     uint64_t *size);
	void *opaque;
};

struct guest_memory {
	struct guest_memory_region regions[GUEST_MEMORY_REGIONS_MAX];
	unsigned int nr;
};

/* 0, -ENOSPC or -EINVAL when the region wraps. */
int guest_memory_add(struct guest_memory *gm,
		     const struct guest_memory_region *region);

/*
 * The host address of a range that lies within one region and is all
 * present, or NULL. An empty range is never there.
 */
void *guest_memory_at(const struct guest_memory *gm, uint64_t gpa,
		      uint64_t size);

/* Copies out of or into guest memory. 0 or -EFAULT; then nothing was done. */
int guest_memory_read(const struct guest_memory *gm, uint64_t gpa, void *buf,
		      size_t size);
int guest_memory_write(const struct guest_memory *gm, uint64_t gpa,
		       const void *buf, size_t size);

/*
 * A little-endian field of two bytes that guest and device share, as the
 * indices of a ring are: in one access, never torn. What the other side wrote
 * before it stored the value is seen after loading it, and the reverse.
 * 0, or -EFAULT also when @gpa is odd.
 */
int guest_memory_load16(const struct guest_memory *gm, uint64_t gpa,
			uint16_t *value);
int guest_memory_store16(const struct guest_memory *gm, uint64_t gpa,
			 uint16_t value);

#endif /* VMM_GUEST_MEMORY_H */
