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

/* The region that a range lies in, if it is there. */
static const struct guest_memory_region *
region_with(const struct guest_memory *gm, uint64_t gpa, uint64_t size)
{
	const struct guest_memory_region *r = region_find(gm, gpa, size);

	if (!r || !size)
		return NULL;
	if (r->present && !r->present(r->opaque, gpa - r->gpa, size))
		return NULL;
	return r;
}

bool guest_memory_is_there(const struct guest_memory *gm, uint64_t gpa,
			   uint64_t size)
{
	return region_with(gm, gpa, size);
}

/* ---- pieces -------------------------------------------------------------- */

/* The start of a range in @r: as much of it as can be mapped at once. */
static int piece_get(const struct guest_memory_region *r, uint64_t gpa,
		     uint64_t size, bool write, struct guest_view *piece)
{
	*piece =
		(struct guest_view){ .gpa = gpa, .size = size, .write = write };
	if (!r->map) {
		piece->host = r->host + (gpa - r->gpa);
		return 0;
	}
	return r->map(r->opaque, gpa - r->gpa, &piece->size, write,
		      &piece->host);
}

static void piece_drop(const struct guest_memory_region *r,
		       const struct guest_view *piece)
{
	if (r->unmap)
		r->unmap(r->opaque, piece->gpa - r->gpa, piece->size,
			 piece->write, piece->host);
}

/* The one end of all that devices write. */
static void piece_put(const struct guest_memory *gm,
		      const struct guest_memory_region *r,
		      const struct guest_view *piece)
{
	piece_drop(r, piece);
	if (piece->write && gm->dirty)
		gm->dirty(gm->dirty_opaque, piece->gpa, piece->size);
}

int guest_memory_get(const struct guest_memory *gm, uint64_t gpa, uint64_t size,
		     bool write, struct guest_view *view)
{
	const struct guest_memory_region *r = region_with(gm, gpa, size);
	struct guest_view piece;
	int ret;

	if (!r)
		return -EFAULT;
	ret = piece_get(r, gpa, size, write, &piece);
	if (ret)
		return ret;
	if (piece.size < size) {
		piece_drop(r, &piece);
		return -ENOMEM;
	}
	*view = piece;
	return 0;
}

void guest_memory_put(const struct guest_memory *gm,
		      const struct guest_view *view)
{
	piece_put(gm, region_find(gm, view->gpa, view->size), view);
}

/* ---- copies -------------------------------------------------------------- */

/* Exactly one of @to and @from is the guest's: NULL. */
static int copy(const struct guest_memory *gm, uint64_t gpa, uint8_t *to,
		const uint8_t *from, size_t size)
{
	const struct guest_memory_region *r = region_with(gm, gpa, size);
	struct guest_view piece;

	if (!r)
		return -EFAULT;
	for (size_t done = 0; done < size; done += piece.size) {
		int ret = piece_get(r, gpa + done, size - done, !to, &piece);

		if (ret)
			return ret;
		if (to)
			memcpy(to + done, piece.host, piece.size);
		else
			memcpy(piece.host, from + done, piece.size);
		piece_put(gm, r, &piece);
	}
	return 0;
}

int guest_memory_read(const struct guest_memory *gm, uint64_t gpa, void *buf,
		      size_t size)
{
	return copy(gm, gpa, buf, NULL, size);
}

int guest_memory_write(const struct guest_memory *gm, uint64_t gpa,
		       const void *buf, size_t size)
{
	return copy(gm, gpa, NULL, buf, size);
}

/* ---- shared fields ------------------------------------------------------- */

static int get16(const struct guest_memory *gm, uint64_t gpa, bool write,
		 struct guest_view *view)
{
	if (gpa % sizeof(uint16_t))
		return -EFAULT;
	return guest_memory_get(gm, gpa, sizeof(uint16_t), write, view);
}

int guest_memory_load16(const struct guest_memory *gm, uint64_t gpa,
			uint16_t *value)
{
	struct guest_view view;
	int ret = get16(gm, gpa, false, &view);

	if (ret)
		return ret;
	*value = le16toh(
		__atomic_load_n((const uint16_t *)view.host, __ATOMIC_ACQUIRE));
	guest_memory_put(gm, &view);
	return 0;
}

int guest_memory_store16(const struct guest_memory *gm, uint64_t gpa,
			 uint16_t value)
{
	struct guest_view view;
	int ret = get16(gm, gpa, true, &view);

	if (ret)
		return ret;
	__atomic_store_n((uint16_t *)view.host, htole16(value),
			 __ATOMIC_RELEASE);
	guest_memory_put(gm, &view);
	return 0;
}
