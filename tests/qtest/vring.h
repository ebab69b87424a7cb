/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver's side of a split virtqueue ([virtio] 2.7) in guest memory, down
 * to the single field, so that it can be wrong in any way.
 */
#ifndef QTEST_VRING_H
#define QTEST_VRING_H

#include <stdbool.h>
#include <stdint.h>

#include "qtest.h"

/* Flags of a descriptor. */
enum { VRING_NEXT = 1, VRING_WRITE = 2, VRING_INDIRECT = 4 };

enum { VRING_DESC_SIZE = 16, VRING_SIZE_MAX = 1024 };

struct vring_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct vring_used {
	uint32_t id;
	uint32_t len;
};

/* Its addresses may be changed before the device is told of them. */
struct vring {
	struct qtest *qtest;
	uint16_t size;
	uint64_t used, avail, desc; /* guest physical addresses */
	uint16_t avail_index; /* the next to be offered, counted on and on */
	uint16_t used_index;  /* the next to be taken, likewise */
};

/*
 * Lays a ring of @size entries out from @base, and zeroes it. It lies as
 *
 *	used ring | @gap bytes | available ring | descriptors
 *
 * so that who keeps its buffers in the gap can write them with the available
 * index, and read them with the used ring, in one go. The gap starts at
 * vring_gap(). Returns the end.
 */
uint64_t vring_init(struct vring *ring, struct qtest *qtest, uint64_t base,
		    uint16_t size, unsigned int gap);

uint64_t vring_gap(const struct vring *ring);

/* Bytes of the used and of the available ring, without their event fields. */
unsigned int vring_used_bytes(const struct vring *ring);
unsigned int vring_avail_bytes(const struct vring *ring);

/* Offsets within either ring. */
enum { VRING_FLAGS = 0, VRING_INDEX = 2, VRING_ENTRIES = 4 };

/* Puts descriptor @index of the table at @table; posted. */
void vring_put_desc(struct qtest *qtest, uint64_t table, unsigned int index,
		    const struct vring_desc *desc);

/* The same in the ring's own table. */
void vring_desc(struct vring *ring, unsigned int index, uint64_t addr,
		uint32_t len, uint16_t flags, uint16_t next);

/* Makes a chain available: its entry, then the index. */
void vring_offer(struct vring *ring, uint16_t head);

/* The halves of that: an entry without the index, and any index. */
void vring_put_entry(struct vring *ring, uint16_t position, uint16_t head);
void vring_put_index(struct vring *ring, uint16_t index);

/* 1: no interrupt wanted for used buffers. */
void vring_put_avail_flags(struct vring *ring, uint16_t flags);

/* The device's index, as it is now. */
uint16_t vring_device_index(const struct vring *ring);

/* The next used element; false when the device gave none yet. */
bool vring_take(struct vring *ring, struct vring_used *used);

/* Waits for it; none within 30 seconds is fatal(). */
struct vring_used vring_wait(struct vring *ring);

/* Both for who already has the bytes: of an element, and of a 16-bit field. */
struct vring_used vring_used_decode(const uint8_t *bytes);
uint16_t vring_decode16(const uint8_t *bytes);

#endif /* QTEST_VRING_H */
