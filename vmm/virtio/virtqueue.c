/* SPDX-License-Identifier: BSD-3-Clause */
/* A split virtqueue, the device's side, by [virtio] 2.7. */
#include "virtqueue.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define DESC_F_NEXT          1
#define DESC_F_WRITE         2
#define DESC_F_INDIRECT      4
#define AVAIL_F_NO_INTERRUPT 1

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};
static_assert(sizeof(struct desc) == 16, "[virtio] 2.7.5");

struct used_elem {
	uint32_t id;
	uint32_t len;
};
static_assert(sizeof(struct used_elem) == 8, "[virtio] 2.7.8");

/* Both rings start with flags and an index, [virtio] 2.7.6 and 2.7.8. */
#define RING_FLAGS 0
#define RING_INDEX 2
#define RING_ARRAY 4

void virtqueue_reset(struct virtqueue *vq, const struct guest_memory *memory,
		     uint16_t size)
{
	assert(size && size <= VIRTQUEUE_SIZE_MAX && !(size & (size - 1)));
	*vq = (struct virtqueue){ .memory = memory,
				  .size_max = size,
				  .size = size };
}

/* Where descriptors lie: the queue's own table, or an indirect one. */
struct table {
	uint64_t gpa;
	uint32_t size;
	uint32_t left; /* a chain that takes more than its size is a loop */
	bool indirect;
};

static int desc_load(const struct virtqueue *vq, struct table *table,
		     uint16_t index, struct desc *desc)
{
	int ret;

	if (index >= table->size || !table->left)
		return -EPROTO;
	table->left--;
	ret = guest_memory_read(vq->memory, table->gpa + index * sizeof(*desc),
				desc, sizeof(*desc));
	if (ret)
		return ret;
	desc->addr = le64toh(desc->addr);
	desc->len = le32toh(desc->len);
	desc->flags = le16toh(desc->flags);
	desc->next = le16toh(desc->next);
	return 0;
}

static int chain_add(struct virtqueue_chain *chain, const struct desc *desc)
{
	unsigned int nr = chain->nr_readable + chain->nr_writable;

	if (nr == VIRTQUEUE_SIZE_MAX)
		return -EPROTO;
	if (desc->flags & DESC_F_INDIRECT)
		return -EPROTO; /* a table within a table */
	if (desc->flags & DESC_F_WRITE)
		chain->nr_writable++;
	else if (chain->nr_writable)
		return -EPROTO; /* [virtio] 2.7.4.2: readable ones first */
	else
		chain->nr_readable++;
	chain->buffers[nr] = (struct virtqueue_buffer){ desc->addr, desc->len };
	return 0;
}

/* [virtio] 2.7.5.3: it ends the chain, and there is none within another. */
static int table_enter(const struct virtqueue *vq, const struct desc *desc,
		       struct table *table)
{
	if (!vq->indirect || table->indirect || (desc->flags & DESC_F_NEXT))
		return -EPROTO;
	if (!desc->len || desc->len % sizeof(*desc) ||
	    desc->len / sizeof(*desc) > VIRTQUEUE_SIZE_MAX ||
	    desc->addr > UINT64_MAX - desc->len)
		return -EPROTO;
	table->gpa = desc->addr;
	table->size = desc->len / sizeof(*desc);
	table->left = table->size;
	table->indirect = true;
	return 0;
}

/* Loads the next descriptor, or the first of the indirect table it names. */
static int desc_follow(const struct virtqueue *vq, struct table *table,
		       struct desc *desc)
{
	int ret = desc_load(vq, table, desc->next, desc);

	if (ret || !(desc->flags & DESC_F_INDIRECT))
		return ret;
	ret = table_enter(vq, desc, table);
	if (!ret)
		ret = desc_load(vq, table, 0, desc);
	return ret;
}

static int chain_load(const struct virtqueue *vq, uint16_t head,
		      struct virtqueue_chain *chain)
{
	struct table table = { .gpa = vq->descriptors,
			       .size = vq->size,
			       .left = vq->size };
	struct desc desc = { .next = head };

	chain->head = head;
	chain->nr_readable = 0;
	chain->nr_writable = 0;
	do {
		int ret = desc_follow(vq, &table, &desc);

		if (!ret)
			ret = chain_add(chain, &desc);
		if (ret)
			return ret;
	} while (desc.flags & DESC_F_NEXT);
	return 0;
}

int virtqueue_pop(struct virtqueue *vq, struct virtqueue_chain *chain)
{
	uint16_t index, head;
	/* The ring's entries are read after the index that covers them. */
	int ret = guest_memory_load16(vq->memory, vq->available + RING_INDEX,
				      &index);

	if (ret)
		return ret;
	if (index == vq->next_available)
		return 0;
	if ((uint16_t)(index - vq->next_available) > vq->size)
		return -EPROTO;
	ret = guest_memory_load16(vq->memory,
				  vq->available + RING_ARRAY +
					  vq->next_available % vq->size *
						  sizeof(head),
				  &head);
	if (!ret)
		ret = chain_load(vq, head, chain);
	if (ret)
		return ret;
	vq->next_available++;
	return 1;
}

int virtqueue_push(struct virtqueue *vq, const struct virtqueue_chain *chain,
		   uint32_t written)
{
	const struct used_elem elem = { .id = htole32(chain->head),
					.len = htole32(written) };
	int ret;

	ret = guest_memory_write(
		vq->memory,
		vq->used + RING_ARRAY + vq->next_used % vq->size * sizeof(elem),
		&elem, sizeof(elem));
	if (ret)
		return ret;
	/* The entry is seen before the index that covers it. */
	ret = guest_memory_store16(vq->memory, vq->used + RING_INDEX,
				   vq->next_used + 1);
	if (!ret)
		vq->next_used++;
	return ret;
}

bool virtqueue_wants_interrupt(const struct virtqueue *vq)
{
	uint16_t flags = 0;

	/* The index was stored before the driver's wish is looked at. */
	atomic_thread_fence(memory_order_seq_cst);
	if (guest_memory_load16(vq->memory, vq->available + RING_FLAGS, &flags))
		return false;
	return !(flags & AVAIL_F_NO_INTERRUPT);
}

long virtqueue_chain_read(const struct virtqueue *vq,
			  const struct virtqueue_chain *chain, void *buf,
			  size_t size)
{
	size_t done = 0;

	for (unsigned int i = 0; i < chain->nr_readable && done < size; i++) {
		const struct virtqueue_buffer *b = &chain->buffers[i];
		size_t len = b->len < size - done ? b->len : size - done;

		if (len && guest_memory_read(vq->memory, b->gpa,
					     (uint8_t *)buf + done, len))
			return -EFAULT;
		done += len;
	}
	return done;
}

uint64_t virtqueue_chain_room(const struct virtqueue_chain *chain)
{
	uint64_t room = 0;

	for (unsigned int i = 0; i < chain->nr_writable; i++)
		room += chain->buffers[chain->nr_readable + i].len;
	return room;
}

bool virtqueue_chain_can_write(const struct virtqueue *vq,
			       const struct virtqueue_chain *chain, size_t size)
{
	size_t done = 0;

	if (virtqueue_chain_room(chain) < size)
		return false;
	for (unsigned int i = 0; done < size; i++) {
		const struct virtqueue_buffer *b =
			&chain->buffers[chain->nr_readable + i];
		size_t len = b->len < size - done ? b->len : size - done;

		if (len && !guest_memory_is_there(vq->memory, b->gpa, len))
			return false;
		done += len;
	}
	return true;
}

long virtqueue_chain_write(const struct virtqueue *vq,
			   const struct virtqueue_chain *chain, const void *buf,
			   size_t size)
{
	size_t done = 0;

	if (virtqueue_chain_room(chain) < size)
		return -ENOSPC;
	for (unsigned int i = 0; done < size; i++) {
		const struct virtqueue_buffer *b =
			&chain->buffers[chain->nr_readable + i];
		size_t len = b->len < size - done ? b->len : size - done;

		if (len && guest_memory_write(vq->memory, b->gpa,
					      (const uint8_t *)buf + done, len))
			return -EFAULT;
		done += len;
	}
	return done;
}
