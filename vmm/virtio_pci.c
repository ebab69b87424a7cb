/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The modern virtio PCI transport, by [virtio] 4.1.
 *
 * Theory of operation. One BAR holds the four structures of the transport, a
 * page each, another MSI-X. A notification of the guest is an ioeventfd: it
 * wakes the main loop, which handles the queue. What the guest does out of
 * order (a kick of a queue never set up, a ring outside memory) sets
 * DEVICE_NEEDS_RESET or is ignored; nothing goes on until the driver resets
 * the device.
 */
#include "virtio_pci.h"

#include <assert.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "accel.h"

#define VIRTIO_VENDOR      0x1af4
#define VIRTIO_DEVICE_BASE 0x1040
#define VIRTIO_SUBSYSTEM   0x1100
#define VIRTIO_REVISION    1

enum { BAR_VIRTIO = 0, BAR_MSIX = 1 };
enum { VECTORS = 2, QUEUES = 1 };

/* The pages of BAR_VIRTIO. */
#define COMMON_OFFSET 0x0000
#define ISR_OFFSET    0x1000
#define DEVICE_OFFSET 0x2000
#define NOTIFY_OFFSET 0x3000
#define PAGE          0x1000
#define VIRTIO_BAR    0x4000

#define ISR_QUEUE  1
#define ISR_CONFIG 2

struct virtio_pci {
	struct pci_function function; /* first: it is the BARs' opaque */
	struct virtio_pci_config config;
	pthread_mutex_t lock;
	struct msix msix;
	struct loop_source kick;
	unsigned int cfg_access; /* offset of that capability */
	struct virtqueue queue;
	uint16_t queue_vector;
	uint16_t config_vector;
	uint64_t accepted;
	uint32_t feature_select;
	uint32_t driver_feature_select;
	uint16_t queue_select;
	uint8_t status;
	uint8_t isr;
	uint8_t generation;
};
static_assert(offsetof(struct virtio_pci, function) == 0, "BAR opaque");

void virtio_pci_lock(struct virtio_pci *vp)
{
	pthread_mutex_lock(&vp->lock);
}

void virtio_pci_unlock(struct virtio_pci *vp)
{
	pthread_mutex_unlock(&vp->lock);
}

static uint64_t features(const struct virtio_pci *vp)
{
	return vp->config.ops->features(vp->config.opaque) |
	       UINT64_C(1) << VIRTIO_F_VERSION_1;
}

/* ---- interrupts and reset ------------------------------------------------ */

static void interrupt_config(struct virtio_pci *vp)
{
	vp->isr |= ISR_CONFIG;
	msix_notify(&vp->msix, vp->config_vector);
}

void virtio_pci_config_changed(struct virtio_pci *vp)
{
	vp->generation++;
	if (vp->status & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt_config(vp);
}

/* [virtio] 2.1.2: after DRIVER_OK the driver is told. */
static void needs_reset(struct virtio_pci *vp)
{
	vp->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	if (vp->status & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt_config(vp);
}

bool virtio_pci_driver_ready(const struct virtio_pci *vp)
{
	return (vp->status & VIRTIO_CONFIG_S_DRIVER_OK) &&
	       !(vp->status &
		 (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED));
}

static void device_reset(struct virtio_pci *vp)
{
	virtqueue_reset(&vp->queue, vp->config.memory);
	vp->queue_vector = VIRTIO_MSI_NO_VECTOR;
	vp->config_vector = VIRTIO_MSI_NO_VECTOR;
	vp->accepted = 0;
	vp->feature_select = 0;
	vp->driver_feature_select = 0;
	vp->queue_select = 0;
	vp->status = 0;
	vp->isr = 0;
	vp->config.ops->reset(vp->config.opaque);
}

static void status_write(struct virtio_pci *vp, uint8_t status)
{
	uint8_t fresh = status & ~vp->status;

	if (!status) {
		device_reset(vp);
		return;
	}
	if (fresh & VIRTIO_CONFIG_S_FEATURES_OK) {
		bool valid = !(vp->accepted & ~features(vp)) &&
			     (vp->accepted >> VIRTIO_F_VERSION_1 & 1);

		if (!valid) /* the driver sees that the bit did not stay */
			status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
		else
			vp->config.ops->features_accepted(vp->config.opaque,
							  vp->accepted);
	}
	/* Only a reset clears what is set. */
	vp->status |= status & ~VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* ---- the queue ----------------------------------------------------------- */

static bool queue_usable(const struct virtio_pci *vp)
{
	return virtio_pci_driver_ready(vp) && vp->queue.ready;
}

/*
 * At most one queue's worth of chains, so that a guest that refills the ring
 * without end cannot keep the main loop here. Returns whether to come back.
 */
static bool queue_handle(struct virtio_pci *vp)
{
	const struct virtio_ops *ops = vp->config.ops;
	struct virtqueue_chain chain;
	bool pushed = false;
	unsigned int budget = vp->queue.size;
	int ret = 0;

	while (budget && (ret = virtqueue_pop(&vp->queue, &chain)) > 0) {
		long n = ops->handle(vp->config.opaque, &vp->queue, &chain);

		/* [virtio] 4.1.4.3.1: it may have changed configuration too. */
		vp->generation++;
		ret = n < 0 ? (int)n : virtqueue_push(&vp->queue, &chain, n);
		if (ret)
			break;
		pushed = true;
		budget--;
	}
	if (pushed && virtqueue_wants_interrupt(&vp->queue)) {
		vp->isr |= ISR_QUEUE;
		msix_notify(&vp->msix, vp->queue_vector);
	}
	if (ret < 0)
		needs_reset(vp);
	return !budget;
}

static void kick_again(struct virtio_pci *vp)
{
	const uint64_t one = 1;
	ssize_t n = write(vp->kick.fd, &one, sizeof(one));

	(void)n; /* full means kicked */
}

static void kick_handle(void *opaque, uint32_t events)
{
	struct virtio_pci *vp = opaque;
	uint64_t count;
	ssize_t n = read(vp->kick.fd, &count, sizeof(count));

	(void)events;
	(void)n; /* what was kicked is in the ring, not in the count */
	virtio_pci_lock(vp);
	if (queue_usable(vp) && queue_handle(vp))
		kick_again(vp);
	virtio_pci_unlock(vp);
}

/* ---- the common configuration, [virtio] 4.1.4.3 -------------------------- */

#define COMMON(field) offsetof(struct virtio_pci_common_cfg, field)

static uint64_t queue_field_read(const struct virtio_pci *vp, uint64_t offset)
{
	const struct virtqueue *q = &vp->queue;

	if (vp->queue_select >= QUEUES)
		return 0;
	switch (offset) {
	case COMMON(queue_size):
		return q->size;
	case COMMON(queue_msix_vector):
		return vp->queue_vector;
	case COMMON(queue_enable):
		return q->ready;
	case COMMON(queue_notify_off):
		return 0;
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

static uint64_t common_field_read(const struct virtio_pci *vp, uint64_t offset)
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
		return QUEUES;
	case COMMON(device_status):
		return vp->status;
	case COMMON(config_generation):
		return vp->generation;
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
	if (size && size <= VIRTQUEUE_SIZE_MAX && !(size & (size - 1)))
		q->size = size;
}

static uint16_t vector_check(uint16_t vector)
{
	return vector < VECTORS ? vector : VIRTIO_MSI_NO_VECTOR;
}

/* [virtio] 4.1.4.3.2: the fields are fixed once the queue is enabled. */
static void queue_field_write(struct virtio_pci *vp, uint64_t offset,
			      uint32_t value)
{
	struct virtqueue *q = &vp->queue;

	if (vp->queue_select >= QUEUES)
		return;
	if (offset == COMMON(queue_msix_vector)) {
		vp->queue_vector = vector_check(value);
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
		vp->config_vector = vector_check(value);
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
static uint64_t common_read(const struct virtio_pci *vp, uint64_t offset,
			    unsigned int len)
{
	uint64_t value = common_field_read(vp, offset);

	if (len == 8)
		value |= common_field_read(vp, offset + 4) << 32;
	return value;
}

static void common_write(struct virtio_pci *vp, uint64_t offset, uint64_t value,
			 unsigned int len)
{
	unsigned int size = len == 8 ? 4 : len;

	for (unsigned int i = 0; i < len; i += size)
		if (common_field_size(offset + i) == size)
			common_field_write(vp, offset + i,
					   (uint32_t)(value >> (i * 8)));
}

/* ---- the BARs ------------------------------------------------------------ */

static uint64_t isr_read(struct virtio_pci *vp)
{
	uint8_t isr = vp->isr;

	vp->isr = 0; /* [virtio] 4.1.4.5.1: reading clears */
	return isr;
}

static uint64_t device_config_read(struct virtio_pci *vp, uint64_t offset,
				   unsigned int len)
{
	uint64_t value = 0;

	vp->config.ops->config_read(vp->config.opaque, offset, &value, len);
	return value;
}

static uint64_t virtio_bar_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct virtio_pci *vp = opaque;
	uint64_t value = 0;

	virtio_pci_lock(vp);
	switch (offset & ~(uint64_t)(PAGE - 1)) {
	case COMMON_OFFSET:
		value = common_read(vp, offset, len);
		break;
	case ISR_OFFSET:
		if (offset == ISR_OFFSET)
			value = isr_read(vp);
		break;
	case DEVICE_OFFSET:
		value = device_config_read(vp, offset - DEVICE_OFFSET, len);
		break;
	}
	virtio_pci_unlock(vp);
	return value;
}

static void virtio_bar_write(void *opaque, uint64_t offset, uint64_t value,
			     unsigned int len)
{
	struct virtio_pci *vp = opaque;

	virtio_pci_lock(vp);
	if (offset < ISR_OFFSET)
		common_write(vp, offset, value, len);
	else if (offset >= NOTIFY_OFFSET)
		kick_again(vp); /* where no ioeventfd caught it */
	virtio_pci_unlock(vp);
}

static uint64_t msix_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct virtio_pci *vp = opaque;
	uint64_t value;

	virtio_pci_lock(vp);
	value = msix_bar_read(&vp->msix, offset, len);
	virtio_pci_unlock(vp);
	return value;
}

static void msix_write(void *opaque, uint64_t offset, uint64_t value,
		       unsigned int len)
{
	struct virtio_pci *vp = opaque;

	virtio_pci_lock(vp);
	msix_bar_write(&vp->msix, offset, value, len);
	virtio_pci_unlock(vp);
}

static const struct bus_ops virtio_bar_ops = { virtio_bar_read,
					       virtio_bar_write };
static const struct bus_ops msix_bar_ops = { msix_read, msix_write };

/* ---- configuration space ------------------------------------------------- */

static void bar_mapped(struct pci_function *f, unsigned int bar, uint64_t gpa,
		       bool mapped)
{
	struct virtio_pci *vp = (struct virtio_pci *)f;

	/* Without an ioeventfd the write exits to virtio_bar_write(). */
	if (bar == BAR_VIRTIO)
		accel_ioeventfd(vp->config.accel, gpa + NOTIFY_OFFSET,
				vp->kick.fd, mapped);
}

/*
 * [virtio] 4.1.4.9: a window to the BARs through configuration space, for
 * what cannot reach memory yet. Returns whether it selects something valid.
 */
static bool cfg_access(const struct virtio_pci *vp, unsigned int offset,
		       uint32_t *bar_offset, uint32_t *len)
{
	const uint8_t *c = vp->function.config + vp->cfg_access;

	if (offset !=
	    vp->cfg_access + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data))
		return false;
	memcpy(bar_offset, c + offsetof(struct virtio_pci_cap, offset), 4);
	memcpy(len, c + offsetof(struct virtio_pci_cap, length), 4);
	return c[offsetof(struct virtio_pci_cap, bar)] == BAR_VIRTIO &&
	       (*len == 1 || *len == 2 || *len == 4) && !(*bar_offset % *len) &&
	       *bar_offset <= VIRTIO_BAR - *len;
}

static void config_reading(struct pci_function *f, unsigned int offset,
			   unsigned int size)
{
	struct virtio_pci *vp = (struct virtio_pci *)f;
	uint32_t bar_offset, len, value;

	(void)size;
	if (!cfg_access(vp, offset, &bar_offset, &len))
		return;
	value = virtio_bar_read(vp, bar_offset, len);
	memcpy(f->config + offset, &value, 4);
}

static void config_written(struct pci_function *f, unsigned int offset,
			   unsigned int size)
{
	struct virtio_pci *vp = (struct virtio_pci *)f;
	uint32_t bar_offset, len, value;

	(void)size;
	if (cfg_access(vp, offset, &bar_offset, &len)) {
		memcpy(&value, f->config + offset, 4);
		if (len < 4)
			value &= (1u << len * 8) - 1;
		virtio_bar_write(vp, bar_offset, value, len);
	}
	virtio_pci_lock(vp);
	msix_config_written(&vp->msix);
	virtio_pci_unlock(vp);
}

static const struct pci_function_ops function_ops = {
	.config_written = config_written,
	.config_reading = config_reading,
	.bar_mapped = bar_mapped,
};

static void capability_add(struct virtio_pci *vp, uint8_t type, uint32_t offset)
{
	struct virtio_pci_notify_cap cap = {
		.cap = { .cap_len = sizeof(struct virtio_pci_cap),
			 .cfg_type = type,
			 .bar = BAR_VIRTIO,
			 .offset = offset,
			 .length = PAGE },
		.notify_off_multiplier = 4,
	};

	if (type == VIRTIO_PCI_CAP_NOTIFY_CFG)
		cap.cap.cap_len = sizeof(cap);
	pci_add_capability(&vp->function, PCI_CAP_ID_VNDR, &cap,
			   cap.cap.cap_len);
}

static void cfg_access_add(struct virtio_pci *vp)
{
	const struct virtio_pci_cfg_cap cap = {
		.cap = { .cap_len = sizeof(cap),
			 .cfg_type = VIRTIO_PCI_CAP_PCI_CFG },
	};
	uint8_t *writable;

	vp->cfg_access = pci_add_capability(&vp->function, PCI_CAP_ID_VNDR,
					    &cap, sizeof(cap));
	writable = vp->function.writable + vp->cfg_access;
	writable[offsetof(struct virtio_pci_cap, bar)] = 0xff;
	memset(writable + offsetof(struct virtio_pci_cap, offset), 0xff, 4);
	memset(writable + offsetof(struct virtio_pci_cap, length), 0xff, 4);
	memset(writable + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data),
	       0xff, 4);
}

/* ---- life ---------------------------------------------------------------- */

static void function_init(struct virtio_pci *vp)
{
	const struct pci_ids ids = {
		.vendor = VIRTIO_VENDOR,
		.device = VIRTIO_DEVICE_BASE + vp->config.device_type,
		.subsystem_vendor = VIRTIO_VENDOR,
		.subsystem = VIRTIO_SUBSYSTEM,
		.revision = VIRTIO_REVISION,
		.class = vp->config.class,
	};

	pci_function_init(&vp->function, &ids, &function_ops);
	pci_set_bar(&vp->function, BAR_VIRTIO, VIRTIO_BAR, &virtio_bar_ops);
	pci_set_bar(&vp->function, BAR_MSIX, MSIX_BAR_SIZE, &msix_bar_ops);
	capability_add(vp, VIRTIO_PCI_CAP_COMMON_CFG, COMMON_OFFSET);
	capability_add(vp, VIRTIO_PCI_CAP_ISR_CFG, ISR_OFFSET);
	capability_add(vp, VIRTIO_PCI_CAP_DEVICE_CFG, DEVICE_OFFSET);
	capability_add(vp, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_OFFSET);
	cfg_access_add(vp);
}

static int kick_init(struct virtio_pci *vp)
{
	vp->kick.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vp->kick.fn = kick_handle;
	vp->kick.opaque = vp;
	if (vp->kick.fd < 0)
		return -errno;
	return loop_add(vp->config.loop, &vp->kick, EPOLLIN);
}

int virtio_pci_create(const struct virtio_pci_config *config,
		      struct virtio_pci **out)
{
	struct virtio_pci *vp = calloc(1, sizeof(*vp));
	int ret;

	if (!vp)
		return -ENOMEM;
	vp->config = *config;
	vp->kick.fd = -1;
	pthread_mutex_init(&vp->lock, NULL);
	function_init(vp);
	ret = kick_init(vp);
	if (!ret)
		ret = msix_init(&vp->msix, config->accel, &vp->function,
				BAR_MSIX, VECTORS);
	if (!ret)
		ret = pci_host_add(config->host, &vp->function);
	if (ret) {
		virtio_pci_destroy(vp);
		return ret;
	}
	device_reset(vp);
	*out = vp;
	return 0;
}

void virtio_pci_destroy(struct virtio_pci *vp)
{
	if (!vp)
		return;
	if (vp->kick.fd >= 0) {
		loop_remove(vp->config.loop, &vp->kick);
		close(vp->kick.fd);
	}
	msix_finish(&vp->msix);
	pthread_mutex_destroy(&vp->lock);
	free(vp);
}

void virtio_pci_reset(struct virtio_pci *vp)
{
	virtio_pci_lock(vp);
	device_reset(vp);
	msix_reset(&vp->msix);
	virtio_pci_unlock(vp);
}
