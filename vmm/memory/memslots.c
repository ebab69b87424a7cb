/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows a memory device's memory to the guest span by span. */
#include "memslots.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "accel/accel.h"

struct memslots {
	struct pm_listener listener;
	struct accel *accel;
	uint64_t gpa;
	uint64_t region;
	uint8_t *host;
	uint64_t span;
	struct {
		uint64_t plugged; /* bytes of it that are plugged */
		bool shown;
	} spans[MEMSLOTS_MAX];
};

static struct memslots *from_listener(struct pm_listener *l)
{
	return (struct memslots *)((uint8_t *)l -
				   offsetof(struct memslots, listener));
}

static int span_show(struct memslots *s, uint64_t index)
{
	uint64_t start = index * s->span;
	uint64_t size =
		s->region - start < s->span ? s->region - start : s->span;
	int ret;

	if (s->spans[index].shown)
		return 0;
	ret = accel_add_memory(s->accel, s->gpa + start, size, s->host + start);
	if (!ret)
		s->spans[index].shown = true;
	return ret;
}

/* Adds to, or takes from, what is plugged in each span of the range. */
static void spans_account(struct memslots *s, uint64_t offset, uint64_t size,
			  bool plug)
{
	while (size) {
		uint64_t index = offset / s->span;
		uint64_t len = (index + 1) * s->span - offset;

		if (len > size)
			len = size;
		s->spans[index].plugged += plug ? len : -len;
		offset += len;
		size -= len;
	}
}

static int memslots_populate(struct pm_listener *l, uint64_t offset,
			     uint64_t size)
{
	struct memslots *s = from_listener(l);

	/* A slot that was added before one failed does no harm: it stays. */
	for (uint64_t i = offset / s->span; i <= (offset + size - 1) / s->span;
	     i++) {
		int ret = span_show(s, i);

		if (ret)
			return ret;
	}
	spans_account(s, offset, size, true);
	return 0;
}

static void memslots_discard(struct pm_listener *l, uint64_t offset,
			     uint64_t size)
{
	spans_account(from_listener(l), offset, size, false);
}

int memslots_create(struct accel *accel, uint64_t gpa, uint64_t region,
		    uint64_t span, void *host, struct memslots **out)
{
	struct memslots *s;

	if (!span || (region - 1) / span >= MEMSLOTS_MAX)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->listener.populate = memslots_populate;
	s->listener.discard = memslots_discard;
	s->accel = accel;
	s->gpa = gpa;
	s->region = region;
	s->host = host;
	s->span = span;
	*out = s;
	return 0;
}

void memslots_destroy(struct memslots *s)
{
	free(s);
}

struct pm_listener *memslots_listener(struct memslots *s)
{
	return &s->listener;
}

void memslots_trim(struct memslots *s)
{
	for (uint64_t i = 0; i < MEMSLOTS_MAX; i++) {
		if (!s->spans[i].shown || s->spans[i].plugged)
			continue;
		accel_remove_memory(s->accel, s->gpa + i * s->span);
		s->spans[i].shown = false;
	}
}
