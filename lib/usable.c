/* SPDX-License-Identifier: BSD-3-Clause */
/* How much of a region is usable, with the host memory behind it. */
#include "human_size.h"
#include "usable.h"

#include <assert.h>

/*
 * How far the usable region reaches past the requested size. The stock Linux
 * driver works in whole memory blocks of its own, 128 MiB on most machines. It
 * has to name blocks past the requested size to fill a memory block in which
 * that size ends, and to make up for blocks that it had to pass over.
 */
#define USABLE_SLACK (UINT64_C(256) << 20)

/* The usable region that @requested bytes need. */
static uint64_t usable_for(const struct region *r, uint64_t requested)
{
	uint64_t slack = USABLE_SLACK;

	/* A device that nobody asks anything of costs nothing. */
	if (!requested)
		return 0;
	/* Of two powers of two the larger one is a multiple of both. */
	if (slack < r->block_size)
		slack = r->block_size;
	if (r->size - requested <= slack)
		return r->size;
	return requested + slack;
}

static int resize(struct region *r, struct provider *memory, uint64_t size,
		  struct pm_error *why)
{
	int ret = memory->ops->resize(memory, size, why);

	if (!ret)
		r->usable_size = size;
	return ret;
}

int usable_grow(struct region *r, struct provider *memory, uint64_t requested,
		struct pm_error *err)
{
	uint64_t usable = usable_for(r, requested);
	struct pm_error why;
	int ret = 0;

	if (usable > r->usable_size)
		ret = resize(r, memory, usable, &why);
	if (!ret)
		return 0;
	return pm_error_set(err, -ret,
			    "Memory device %s: %s cannot be requested, which "
			    "is %s with what drivers want above it: %s",
			    r->id, human_size(requested).text,
			    human_size(usable).text, why.text);
}

int usable_shrink(struct region *r, struct provider *memory,
		  struct pm_error *err)
{
	uint64_t usable = usable_for(r, r->requested_size);
	struct pm_error why;
	int ret = 0;

	assert(!r->plugged_size);
	if (usable < r->usable_size)
		ret = resize(r, memory, usable, &why);
	if (!ret)
		return 0;
	return pm_error_set(err, -ret, "Memory device %s: %s", r->id, why.text);
}
