/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the virtio PCI transport: its state, and the structure through
 * which the driver sets the device up. For virtio_pci.c alone.
 */
#ifndef VMM_VIRTIO_PCI_COMMON_H
#define VMM_VIRTIO_PCI_COMMON_H

#include <assert.h>
#include <stddef.h>

#include "config_view.h"
#include "virtio_pci.h"

enum { VIRTIO_VECTORS = 2, VIRTIO_QUEUES = 1 };

struct virtio_pci {
	struct pci_function function; /* first: it is the BARs' opaque */
	struct virtio_pci_config config;
	pthread_mutex_t lock;
	struct msix msix;
	struct loop_source kick;
	unsigned int cfg_access; /* offset of that capability */
	struct virtqueue queue;
	struct virtqueue_chain chain; /* the one being handled */
	bool in_progress;             /* the device completes it later */
	bool forgotten;               /* by a reset before it did */
	bool completed;               /* but its answer could not be told yet */
	uint8_t response[VIRTIO_RESPONSE_MAX]; /* that answer */
	long response_len;
	bool held; /* chains wait in the ring */
	uint16_t queue_vector;
	uint16_t config_vector;
	uint64_t accepted;
	uint32_t feature_select;
	uint32_t driver_feature_select;
	uint16_t queue_select;
	uint8_t status;
	uint8_t isr;
	struct config_view view;
	/* What configuration space says of the function. */
	bool bus_master;
	bool intx_disabled;
};
static_assert(offsetof(struct virtio_pci, function) == 0, "BAR opaque");

/* The driver looks at the configuration: its generation. The lock is held. */
uint8_t virtio_config_look(struct virtio_pci *vp);

/*
 * The common configuration, [virtio] 4.1.4.3, at @offset within it. The lock
 * is held.
 */
uint64_t virtio_common_read(struct virtio_pci *vp, uint64_t offset,
			    unsigned int len);
void virtio_common_write(struct virtio_pci *vp, uint64_t offset, uint64_t value,
			 unsigned int len);

/* What a status of 0 does, [virtio] 2.4; the lock is held. */
void virtio_device_reset(struct virtio_pci *vp);

#endif /* VMM_VIRTIO_PCI_COMMON_H */
