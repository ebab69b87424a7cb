/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver's side of a split virtqueue in guest memory. */
#include "vring.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "deadline.h"
#include "fatal.h"

enum { USED_SIZE = 8, AVAIL_SIZE = 2, EVENT_SIZE = 2 };

static_assert(sizeof(struct vring_desc) == VRING_DESC_SIZE, "[virtio] 2.7.5");
static_assert(sizeof(struct vring_used) == USED_SIZE, "[virtio] 2.7.8");

/* ---- layout -------------------------------------------------------------- */

unsigned int vring_used_bytes(const struct vring *ring)
{
	return VRING_ENTRIES + ring->size * USED_SIZE;
}

unsigned int vring_avail_bytes(const struct vring *ring)
{
	return VRING_ENTRIES + ring->size * AVAIL_SIZE;
}

static uint64_t align(uint64_t n, uint64_t to)
{
	return (n + to - 1) & -to;
}

uint64_t vring_gap(const struct vring *ring)
{
	return ring->used +
	       align(vring_used_bytes(ring) + EVENT_SIZE, VRING_ENTRIES);
}

uint64_t vring_init(struct vring *ring, struct qtest *qtest, uint64_t base,
		    uint16_t size, unsigned int gap)
{
	uint64_t end;

	*ring = (struct vring){ .qtest = qtest, .size = size, .used = base };
	ring->avail = vring_gap(ring) + align(gap, AVAIL_SIZE);
	ring->desc = align(ring->avail + vring_avail_bytes(ring) + EVENT_SIZE,
			   VRING_DESC_SIZE);
	end = ring->desc + (uint64_t)size * VRING_DESC_SIZE;
	qtest_memset(qtest, base, 0, end - base);
	return end;
}

/* ---- what the driver writes ---------------------------------------------- */

void vring_put_desc(struct qtest *qtest, uint64_t table, unsigned int index,
		    const struct vring_desc *desc)
{
	const struct vring_desc wire = {
		.addr = htole64(desc->addr),
		.len = htole32(desc->len),
		.flags = htole16(desc->flags),
		.next = htole16(desc->next),
	};

	qtest_post_write(qtest, table + index * sizeof(wire), &wire,
			 sizeof(wire));
}

void vring_desc(struct vring *ring, unsigned int index, uint64_t addr,
		uint32_t len, uint16_t flags, uint16_t next)
{
	const struct vring_desc desc = { addr, len, flags, next };

	vring_put_desc(ring->qtest, ring->desc, index, &desc);
}

void vring_put_entry(struct vring *ring, uint16_t position, uint16_t head)
{
	qtest_post_store(ring->qtest,
			 ring->avail + VRING_ENTRIES +
				 position % ring->size * AVAIL_SIZE,
			 head, 2);
}

void vring_put_index(struct vring *ring, uint16_t index)
{
	qtest_post_store(ring->qtest, ring->avail + VRING_INDEX, index, 2);
}

void vring_put_avail_flags(struct vring *ring, uint16_t flags)
{
	qtest_post_store(ring->qtest, ring->avail + VRING_FLAGS, flags, 2);
}

void vring_offer(struct vring *ring, uint16_t head)
{
	vring_put_entry(ring, ring->avail_index, head);
	vring_put_index(ring, ++ring->avail_index);
}

/* ---- what the device writes ---------------------------------------------- */

uint16_t vring_decode16(const uint8_t *bytes)
{
	uint16_t wire;

	memcpy(&wire, bytes, sizeof(wire));
	return le16toh(wire);
}

struct vring_used vring_used_decode(const uint8_t *bytes)
{
	struct vring_used wire;

	memcpy(&wire, bytes, sizeof(wire));
	return (struct vring_used){ le32toh(wire.id), le32toh(wire.len) };
}

uint16_t vring_device_index(const struct vring *ring)
{
	return qtest_load(ring->qtest, ring->used + VRING_INDEX, 2);
}

bool vring_take(struct vring *ring, struct vring_used *used)
{
	uint8_t bytes[USED_SIZE];

	if (vring_device_index(ring) == ring->used_index)
		return false;
	qtest_read(ring->qtest,
		   ring->used + VRING_ENTRIES +
			   ring->used_index % ring->size * USED_SIZE,
		   bytes, sizeof(bytes));
	ring->used_index++;
	*used = vring_used_decode(bytes);
	return true;
}

struct vring_used vring_wait(struct vring *ring)
{
	int64_t deadline = deadline_in(DEADLINE_DEFAULT_MS);
	struct vring_used used;

	while (!vring_take(ring, &used))
		if (!deadline_pause(deadline))
			fatal("virtqueue: no buffer was used in time");
	return used;
}
