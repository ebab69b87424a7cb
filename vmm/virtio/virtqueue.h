/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A split virtqueue, the device's side ([virtio] 2.7). All that the guest
 * wrote is copied once and checked on the copy; a ring that breaks the rules
 * is an error of the queue, and costs at most queue-size steps.
 *
 * Nothing here locks: the queue's owner does.
 */
#ifndef VMM_VIRTQUEUE_H
#define VMM_VIRTQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "space/guest_memory.h"

#define VIRTQUEUE_SIZE_MAX 128

/* What the driver set up; the transport fills it in. */
struct virtqueue {
	const struct guest_memory *memory;
	uint16_t size_max; /* what the driver may set */
	uint16_t size;
	bool ready;
	bool indirect; /* VIRTIO_F_INDIRECT_DESC was negotiated */
	uint64_t descriptors;
	uint64_t available;
	uint64_t used;
	uint16_t next_available;
	uint16_t next_used;
};

struct virtqueue_buffer {
	uint64_t gpa;
	uint32_t len;
};

/* One chain: buffers that the device reads, then those that it writes. */
struct virtqueue_chain {
	uint16_t head;
	unsigned int nr_readable;
	unsigned int nr_writable;
	struct virtqueue_buffer buffers[VIRTQUEUE_SIZE_MAX];
};

/* Back to what a device reset leaves, with the largest size: @size. */
void virtqueue_reset(struct virtqueue *vq, const struct guest_memory *memory,
		     uint16_t size);

/*
 * Takes the next chain. 1 when there is one, 0 when the ring is empty, or
 * -EFAULT and -EPROTO when the ring lies outside memory or breaks the rules.
 */
int virtqueue_pop(struct virtqueue *vq, struct virtqueue_chain *chain);

/* Gives the chain back with @written bytes written. 0 or -EFAULT. */
int virtqueue_push(struct virtqueue *vq, const struct virtqueue_chain *chain,
		   uint32_t written);

/* Whether the driver wants an interrupt for what was pushed. */
bool virtqueue_wants_interrupt(const struct virtqueue *vq);

/*
 * Copies up to @size bytes from the chain's readable buffers, and exactly
 * @size into its writable ones. The number of bytes, -EFAULT, or -ENOSPC
 * when the writable buffers are too small.
 */
long virtqueue_chain_read(const struct virtqueue *vq,
			  const struct virtqueue_chain *chain, void *buf,
			  size_t size);
long virtqueue_chain_write(const struct virtqueue *vq,
			   const struct virtqueue_chain *chain, const void *buf,
			   size_t size);
/* Bytes that the writable buffers hold. */
uint64_t virtqueue_chain_room(const struct virtqueue_chain *chain);
/* Whether @size bytes of room are there, and in memory that is. */
bool virtqueue_chain_can_write(const struct virtqueue *vq,
			       const struct virtqueue_chain *chain,
			       size_t size);

#endif /* VMM_VIRTQUEUE_H */
