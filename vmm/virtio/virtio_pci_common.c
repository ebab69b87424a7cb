/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The common configuration of the virtio PCI transport ([virtio] 4.1.4.3):
 * how the driver negotiates features, sets the queue up and resets.
 */
#include "virtio_pci_common.h"

#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>

static uint64_t features(const struct virtio_pci *vp)
{
	return vp->config.ops->features(vp->config.opaque) |
	       UINT64_C(1) << VIRTIO_F_VERSION_1 |
	       UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC;
}

/* ---- reset and status ---------------------------------------------------- */

void virtio_device_reset(struct virtio_pci *vp)
{
	/* Who has a queue on loan ends its use here. */
	vp->config.ops->reset(vp->config.opaque);
	for (unsigned int i = 0; i < vp->nr_queues; i++)
		virtio_queue_reset(&vp->queues[i]);
	vp->config_vector = VIRTIO_MSI_NO_VECTOR;
	vp->accepted = 0;
	vp->feature_select = 0;
	vp->driver_feature_select = 0;
	vp->queue_select = 0;
	vp->status = 0;
	vp->isr = 0;
}

/* [virtio] 3.1.1: what the driver accepted takes effect, or is refused. */
static bool features_take(struct virtio_pci *vp)
{
	const struct virtio_ops *ops = vp->config.ops;
	uint64_t accepted = vp->accepted;

	if ((accepted & ~features(vp)) ||
	    !(accepted >> VIRTIO_F_VERSION_1 & 1) ||
	    !ops->features_ok(vp->config.opaque, accepted))
		return false;
	for (unsigned int i = 0; i < vp->nr_queues; i++)
		vp->queues[i].ring.indirect =
			accepted >> VIRTIO_RING_F_INDIRECT_DESC & 1;
	ops->features_accepted(vp->config.opaque, accepted);
	return true;
}

static void status_write(struct virtio_pci *vp, uint8_t status)
{
	uint8_t fresh = status & ~vp->status;

	if (!status) {
		virtio_device_reset(vp);
		return;
	}
	if ((fresh & VIRTIO_CONFIG_S_FEATURES_OK) && !features_take(vp))
		/* The driver sees that the bit did not stay. */
		status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	/* Only a reset clears what is set. */
	vp->status |= status & ~VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* ---- the fields ---------------------------------------------------------- */

#define COMMON(field) offsetof(struct virtio_pci_common_cfg, field)

static uint64_t queue_field_read(const struct virtio_pci *vp, uint64_t offset)
{
	const struct virtio_queue *queue;
	const struct virtqueue *q;

	if (vp->queue_select >= vp->nr_queues)
		return 0;
	queue = &vp->queues[vp->queue_select];
	q = &queue->ring;
	switch (offset) {
	case COMMON(queue_size):
		return q->size;
	case COMMON(queue_msix_vector):
		return queue->vector;
	case COMMON(queue_enable):
		return q->ready;
	case COMMON(queue_notify_off):
		return vp->queue_select;
	case COMMON(queue_desc_lo):
		return (uint32_t)q->descriptors;
	case COMMON(queue_desc_hi):
		return q->descriptors >> 32;
	case COMMON(queue_avail_lo):
		return (uint32_t)q->available;
	case COMMON(queue_avail_hi):
		return q->available >> 32;
	case COMMON(queue_used_lo):
		return (uint32_t)q->used;
	case COMMON(queue_used_hi):
		return q->used >> 32;
	default:
		return 0;
	}
}

static uint64_t common_field_read(struct virtio_pci *vp, uint64_t offset)
{
	switch (offset) {
	case COMMON(device_feature_select):
		return vp->feature_select;
	case COMMON(device_feature):
		return vp->feature_select > 1
			       ? 0
			       : (uint32_t)(features(vp) >>
					    (vp->feature_select * 32));
	case COMMON(guest_feature_select):
		return vp->driver_feature_select;
	case COMMON(guest_feature):
		return vp->driver_feature_select > 1
			       ? 0
			       : (uint32_t)(vp->accepted >>
					    (vp->driver_feature_select * 32));
	case COMMON(msix_config):
		return vp->config_vector;
	case COMMON(num_queues):
		return vp->nr_queues;
	case COMMON(device_status):
		return vp->status;
	case COMMON(config_generation):
		return virtio_config_look(vp);
	case COMMON(queue_select):
		return vp->queue_select;
	default:
		return queue_field_read(vp, offset);
	}
}

static void half_set(uint64_t *field, bool high, uint32_t value)
{
	unsigned int shift = high ? 32 : 0;

	*field = (*field & ~(UINT64_C(0xffffffff) << shift)) | (uint64_t)value
								       << shift;
}

static void queue_size_write(struct virtqueue *q, uint16_t size)
{
	/* [virtio] 2.7: a power of two; what is not is not taken. */
	if (size && size <= q->size_max && !(size & (size - 1)))
		q->size = size;
}

static uint16_t vector_check(const struct virtio_pci *vp, uint16_t vector)
{
	return vector < vp->msix.nr ? vector : VIRTIO_MSI_NO_VECTOR;
}

/* [virtio] 4.1.4.3.2: the fields are fixed once the queue is enabled. */
static void queue_field_write(struct virtio_pci *vp, uint64_t offset,
			      uint32_t value)
{
	struct virtio_queue *queue;
	struct virtqueue *q;

	if (vp->queue_select >= vp->nr_queues)
		return;
	queue = &vp->queues[vp->queue_select];
	q = &queue->ring;
	if (offset == COMMON(queue_msix_vector)) {
		queue->vector = vector_check(vp, value);
		return;
	}
	if (q->ready)
		return;
	switch (offset) {
	case COMMON(queue_size):
		queue_size_write(q, value);
		break;
	case COMMON(queue_enable):
		q->ready = value == 1;
		break;
	case COMMON(queue_desc_lo):
	case COMMON(queue_desc_hi):
		half_set(&q->descriptors, offset == COMMON(queue_desc_hi),
			 value);
		break;
	case COMMON(queue_avail_lo):
	case COMMON(queue_avail_hi):
		half_set(&q->available, offset == COMMON(queue_avail_hi),
			 value);
		break;
	case COMMON(queue_used_lo):
	case COMMON(queue_used_hi):
		half_set(&q->used, offset == COMMON(queue_used_hi), value);
		break;
	}
}

static void features_write(struct virtio_pci *vp, uint32_t value)
{
	if (vp->driver_feature_select > 1 ||
	    (vp->status & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	half_set(&vp->accepted, vp->driver_feature_select, value);
}

static void common_field_write(struct virtio_pci *vp, uint64_t offset,
			       uint32_t value)
{
	switch (offset) {
	case COMMON(device_feature_select):
		vp->feature_select = value;
		break;
	case COMMON(guest_feature_select):
		vp->driver_feature_select = value;
		break;
	case COMMON(guest_feature):
		features_write(vp, value);
		break;
	case COMMON(msix_config):
		vp->config_vector = vector_check(vp, value);
		break;
	case COMMON(device_status):
		status_write(vp, value);
		break;
	case COMMON(queue_select):
		vp->queue_select = value;
		break;
	default:
		queue_field_write(vp, offset, value);
		break;
	}
}

static unsigned int common_field_size(uint64_t offset)
{
	switch (offset) {
	case COMMON(device_status):
	case COMMON(config_generation):
		return 1;
	case COMMON(msix_config):
	case COMMON(num_queues):
	case COMMON(queue_select):
	case COMMON(queue_size):
	case COMMON(queue_msix_vector):
	case COMMON(queue_enable):
	case COMMON(queue_notify_off):
		return 2;
	default:
		return 4;
	}
}

/* [virtio] 4.1.3.1: a driver uses the width of the field; 64 bits as two. */
uint64_t virtio_common_read(struct virtio_pci *vp, uint64_t offset,
			    unsigned int len)
{
	uint64_t value = common_field_read(vp, offset);

	if (len == 8)
		value |= common_field_read(vp, offset + 4) << 32;
	return value;
}

void virtio_common_write(struct virtio_pci *vp, uint64_t offset, uint64_t value,
			 unsigned int len)
{
	unsigned int size = len == 8 ? 4 : len;

	for (unsigned int i = 0; i < len; i += size)
		if (common_field_size(offset + i) == size)
			common_field_write(vp, offset + i,
					   (uint32_t)(value >> (i * 8)));
}
