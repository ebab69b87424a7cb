/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The modern virtio PCI transport, by [virtio] 4.1.
 *
 * Theory of operation. One BAR holds the four structures of the transport, a
 * page each, another MSI-X. A notification of the guest is an ioeventfd, one
 * a queue: it wakes the main loop, which handles the queue (virtio_queue.c).
 * What the guest does out of order (a kick of a queue never set up, a ring
 * outside memory) sets DEVICE_NEEDS_RESET or is ignored; nothing goes on until
 * the driver resets the device.
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

#include "accel/accel.h"
#include "virtio_pci_common.h"

#define VIRTIO_VENDOR      0x1af4
#define VIRTIO_DEVICE_BASE 0x1040
#define VIRTIO_SUBSYSTEM   0x1100
#define VIRTIO_REVISION    1

enum { BAR_VIRTIO = 0, BAR_MSIX = 1 };

/* The pages of BAR_VIRTIO. */
#define COMMON_OFFSET 0x0000
#define ISR_OFFSET    0x1000
#define DEVICE_OFFSET 0x2000
#define NOTIFY_OFFSET 0x3000
#define PAGE          0x1000
#define VIRTIO_BAR    0x4000

/* [virtio] 4.1.4.4: queues are notified four bytes apart. */
#define NOTIFY_EACH 4
static_assert(VIRTIO_QUEUES_MAX * NOTIFY_EACH <= PAGE, "their page");

#define ISR_QUEUE  1
#define ISR_CONFIG 2

void virtio_pci_lock(struct virtio_pci *vp)
{
	pthread_mutex_lock(&vp->lock);
}

void virtio_pci_unlock(struct virtio_pci *vp)
{
	pthread_mutex_unlock(&vp->lock);
}

/* ---- interrupts and reset ------------------------------------------------ */

/* [virtio] 4.1.4.5.1: without MSI-X, the line follows the ISR. */
static void intx_update(struct virtio_pci *vp)
{
	pci_set_intx(&vp->function,
		     vp->isr && !vp->msix.enabled && !vp->intx_disabled);
}

static void interrupt(struct virtio_pci *vp, uint8_t why, uint16_t vector)
{
	vp->isr |= why;
	msix_notify(&vp->msix, vector);
	intx_update(vp);
}

static void interrupt_config(struct virtio_pci *vp)
{
	interrupt(vp, ISR_CONFIG, vp->config_vector);
}

void virtio_queue_interrupt(struct virtio_queue *q)
{
	interrupt(q->vp, ISR_QUEUE, q->vector);
}

/* [virtio] 2.1.2 and 3.1.1: nothing is sent before both. */
static bool driver_listens(const struct virtio_pci *vp)
{
	const uint8_t needed =
		VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;

	return (vp->status & needed) == needed;
}

void virtio_pci_config_changed(struct virtio_pci *vp)
{
	vp->change_waits = vp->held;
	if (vp->held)
		return;
	config_view_announce(&vp->view);
	if (driver_listens(vp))
		interrupt_config(vp);
}

/* [virtio] 2.1.2: after DRIVER_OK the driver is told. */
void virtio_needs_reset(struct virtio_pci *vp)
{
	vp->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	if (driver_listens(vp))
		interrupt_config(vp);
}

bool virtio_pci_driver_ready(const struct virtio_pci *vp)
{
	return driver_listens(vp) &&
	       !(vp->status &
		 (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED));
}

/* ---- the BARs ------------------------------------------------------------ */

static uint64_t isr_read(struct virtio_pci *vp)
{
	uint8_t isr = vp->isr;

	vp->isr = 0; /* [virtio] 4.1.4.5.1: reading clears */
	intx_update(vp);
	return isr;
}

uint8_t virtio_config_look(struct virtio_pci *vp)
{
	uint8_t now[CONFIG_VIEW_MAX];

	vp->config.ops->config_get(vp->config.opaque, 0, now,
				   vp->config.config_size);
	return config_view_look(&vp->view, now, vp->config.config_size);
}

static uint64_t device_config_read(struct virtio_pci *vp, uint64_t offset,
				   unsigned int len)
{
	const struct virtio_ops *ops = vp->config.ops;
	uint64_t value = 0;

	virtio_config_look(vp);
	ops->config_get(vp->config.opaque, offset, &value, len);
	if (ops->config_was_read)
		ops->config_was_read(vp->config.opaque, offset, len);
	return value;
}

static uint64_t virtio_bar_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct virtio_pci *vp = opaque;
	uint64_t value = 0;

	virtio_pci_lock(vp);
	switch (offset & ~(uint64_t)(PAGE - 1)) {
	case COMMON_OFFSET:
		value = virtio_common_read(vp, offset, len);
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
	if (offset < ISR_OFFSET) {
		virtio_common_write(vp, offset, value, len);
		intx_update(vp); /* a reset clears the ISR */
	} else if (offset >= NOTIFY_OFFSET) {
		/* Where no ioeventfd caught it. */
		uint64_t nr = (offset - NOTIFY_OFFSET) / NOTIFY_EACH;

		if (nr < vp->nr_queues)
			virtio_queue_kick(&vp->queues[nr]);
	}
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

	if (bar != BAR_VIRTIO)
		return;
	/* Without an ioeventfd the write exits to virtio_bar_write(). */
	for (unsigned int i = 0; i < vp->nr_queues; i++)
		accel_ioeventfd(vp->config.accel,
				gpa + NOTIFY_OFFSET + i * NOTIFY_EACH,
				vp->queues[i].kick.fd, mapped);
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
	virtio_pci_lock(vp);
	f->config[PCI_STATUS] &= ~PCI_STATUS_INTERRUPT;
	if (vp->isr && !vp->msix.enabled)
		f->config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
	virtio_pci_unlock(vp);
	if (!cfg_access(vp, offset, &bar_offset, &len))
		return;
	value = virtio_bar_read(vp, bar_offset, len);
	memcpy(f->config + offset, &value, 4);
}

static void command_written(struct virtio_pci *vp)
{
	const uint8_t *c = vp->function.config + PCI_COMMAND;

	vp->intx_disabled = c[1] & PCI_COMMAND_INTX_DISABLE >> 8;
	vp->bus_master = c[0] & PCI_COMMAND_MASTER;
	if (vp->bus_master)
		virtio_queues_kick(vp); /* for what had to wait */
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
	command_written(vp);
	msix_config_written(&vp->msix);
	intx_update(vp);
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
		.notify_off_multiplier = NOTIFY_EACH,
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
	vp->function.id = vp->config.id;
	vp->function.config[PCI_INTERRUPT_PIN] = 1; /* INTA# */
	pci_set_bar(&vp->function, BAR_VIRTIO, VIRTIO_BAR, &virtio_bar_ops);
	pci_set_bar(&vp->function, BAR_MSIX, MSIX_BAR_SIZE, &msix_bar_ops);
	capability_add(vp, VIRTIO_PCI_CAP_COMMON_CFG, COMMON_OFFSET);
	capability_add(vp, VIRTIO_PCI_CAP_ISR_CFG, ISR_OFFSET);
	capability_add(vp, VIRTIO_PCI_CAP_DEVICE_CFG, DEVICE_OFFSET);
	capability_add(vp, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_OFFSET);
	cfg_access_add(vp);
}

static int queues_init(struct virtio_pci *vp)
{
	int ret = 0;

	for (unsigned int i = 0; i < vp->nr_queues; i++) {
		vp->queues[i].vp = vp;
		vp->queues[i].kick.fd = -1;
		vp->queues[i].call.fd = -1;
	}
	for (unsigned int i = 0; i < vp->nr_queues && !ret; i++)
		ret = virtio_queue_init(&vp->queues[i], vp);
	return ret;
}

int virtio_pci_create(const struct virtio_pci_config *config,
		      struct virtio_pci **out)
{
	struct virtio_pci *vp;
	int ret;

	assert(config->nr_queues && config->nr_queues <= VIRTIO_QUEUES_MAX);
	vp = calloc(1, sizeof(*vp) + config->nr_queues * sizeof(vp->queues[0]));
	if (!vp)
		return -ENOMEM;
	vp->config = *config;
	vp->nr_queues = config->nr_queues;
	pthread_mutex_init(&vp->lock, NULL);
	function_init(vp);
	ret = queues_init(vp);
	if (!ret)
		ret = msix_init(&vp->msix, config->accel, &vp->function,
				BAR_MSIX, 1 + vp->nr_queues);
	if (!ret)
		ret = pci_host_add(config->host, &vp->function);
	if (ret) {
		virtio_pci_destroy(vp);
		return ret;
	}
	virtio_device_reset(vp);
	*out = vp;
	return 0;
}

void virtio_pci_destroy(struct virtio_pci *vp)
{
	if (!vp)
		return;
	for (unsigned int i = 0; i < vp->nr_queues; i++)
		virtio_queue_finish(&vp->queues[i]);
	msix_finish(&vp->msix);
	pthread_mutex_destroy(&vp->lock);
	free(vp);
}

void virtio_pci_reset(struct virtio_pci *vp)
{
	virtio_pci_lock(vp);
	virtio_device_reset(vp);
	msix_reset(&vp->msix);
	vp->bus_master = false;
	vp->intx_disabled = false;
	intx_update(vp);
	virtio_pci_unlock(vp);
}
