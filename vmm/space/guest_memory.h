/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one door to guest memory: takes a guest physical address and a length,
 * checks both, and never yields memory that is unplugged.
 *
 * Theory of operation. A range is copied from or to, or had for a while: got
 * and put back. Nobody keeps an address after that, since somebody else's may
 * be behind it then. What is there at once, as memory of this process is,
 * has a host address; what another hypervisor has is mapped on demand, in a
 * window that has an end, by the region's own functions.
 *
 *	get, copy   the range is checked: within one region, and present
 *	use         on the main thread alone, which also plugs and unplugs, so
 *	            that nothing goes while it is used
 *	put, copied the range is told to the dirty hook, if it was written
 *
 * Whatever a device writes to guest memory it writes through here, and the hook
 * hears of it after it was written: who sends pages elsewhere sends them again.
 * A range that was got for writing counts as written.
 *
 * Regions are added before the guest runs.
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
	uint8_t *host;      /* NULL: by map() */
	struct pm_ram *ram; /* what @host points into, at ram_offset */
	uint64_t ram_offset;
	/*
	 * Where there is no host address: maps *@size bytes at @offset, or as
	 * many of them as fit and at least what is left of a page, and says
	 * so in *@size; and unmaps exactly those. 0; -EAGAIN when there is no
	 * room now, -ENOMEM when there never is so much. A range of up to a
	 * page is to have room always: copies rely on it.
	 */
	int (*map)(void *opaque, uint64_t offset, uint64_t *size, bool write,
		   uint8_t **host);
	void (*unmap)(void *opaque, uint64_t offset, uint64_t size, bool write,
		      uint8_t *host);
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
	/* Hears of each range that was written; NULL: nobody. */
	void (*dirty)(void *opaque, uint64_t gpa, uint64_t size);
	void *dirty_opaque;
};

/* A range that is had for a while. */
struct guest_view {
	uint8_t *host;
	uint64_t gpa;
	uint64_t size;
	bool write;
};

/* 0, -ENOSPC or -EINVAL when the region wraps. */
int guest_memory_add(struct guest_memory *gm,
		     const struct guest_memory_region *region);

/*
 * Whether a range lies within one region and is all present. An empty range is
 * never there.
 */
bool guest_memory_is_there(const struct guest_memory *gm, uint64_t gpa,
			   uint64_t size);

/*
 * Has all of such a range at one host address until guest_memory_put(), and
 * may be written to only with @write. 0; -EFAULT when it is not there; -EAGAIN
 * or -ENOMEM when it cannot be mapped, now or at all.
 */
int guest_memory_get(const struct guest_memory *gm, uint64_t gpa, uint64_t size,
		     bool write, struct guest_view *view);
void guest_memory_put(const struct guest_memory *gm,
		      const struct guest_view *view);

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
