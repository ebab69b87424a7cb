/* SPDX-License-Identifier: BSD-3-Clause */
/* The one door to guest memory. */
#include "guest_memory.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

int guest_memory_add(struct guest_memory *gm,
		     const struct guest_memory_region *region)
{
	if (gm->nr == GUEST_MEMORY_REGIONS_MAX)
		return -ENOSPC;
	if (!region->size || region->size - 1 > UINT64_MAX - region->gpa)
		return -EINVAL;
	gm->regions[gm->nr++] = *region;
	return 0;
}

static const struct guest_memory_region *
region_find(const struct guest_memory *gm, uint64_t gpa, uint64_t size)
{
	for (unsigned int i = 0; i < gm->nr; i++) {
		const struct guest_memory_region *r = &gm->regions[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->size &&
		    size <= r->size - (gpa - r->gpa))
			return r;
	}
	return NULL;
}

void *guest_memory_at(const struct guest_memory *gm, uint64_t gpa,
		      uint64_t size)
{
	const struct guest_memory_region *r = region_find(gm, gpa, size);

	if (!r || !size)
		return NULL;
	if (r->present && !r->present(r->opaque, gpa - r->gpa, size))
		return NULL;
	return r->host + (gpa - r->gpa);
}

int guest_memory_read(const struct guest_memory *gm, uint64_t gpa, void *buf,
		      size_t size)
{
	const void *host = guest_memory_at(gm, gpa, size);

	if (!host)
		return -EFAULT;
	memcpy(buf, host, size);
	return 0;
}

int guest_memory_write(const struct guest_memory *gm, uint64_t gpa,
		       const void *buf, size_t size)
{
	void *host = guest_memory_at(gm, gpa, size);

	if (!host)
		return -EFAULT;
	memcpy(host, buf, size);
	return 0;
}

static uint16_t *shared16(const struct guest_memory *gm, uint64_t gpa)
{
	return gpa % sizeof(uint16_t)
		       ? NULL
		       : guest_memory_at(gm, gpa, sizeof(uint16_t));
}

int guest_memory_load16(const struct guest_memory *gm, uint64_t gpa,
			uint16_t *value)
{
	const uint16_t *shared = shared16(gm, gpa);

	if (!shared)
		return -EFAULT;
	*value = le16toh(__atomic_load_n(shared, __ATOMIC_ACQUIRE));
	return 0;
}

int guest_memory_store16(const struct guest_memory *gm, uint64_t gpa,
			 uint16_t value)
{
	uint16_t *shared = shared16(gm, gpa);

	if (!shared)
		return -EFAULT;
	__atomic_store_n(shared, htole16(value), __ATOMIC_RELEASE);
	return 0;
}
