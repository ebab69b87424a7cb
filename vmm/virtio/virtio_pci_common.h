/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the virtio PCI transport: its state, its queues, and the
 * structure through which the driver sets the device up. For the files of the
 * transport alone. The device's lock is held in every function here.
 */
#ifndef VMM_VIRTIO_PCI_COMMON_H
#define VMM_VIRTIO_PCI_COMMON_H

#include <assert.h>
#include <stddef.h>

#include "config_view.h"
#include "virtio_pci.h"

/* A queue of the transport: see virtio_queue.c. */
struct virtio_queue {
	struct virtio_pci *vp;
	struct virtqueue ring;
	struct virtqueue_chain chain; /* the one being handled */
	bool in_progress;             /* the device completes it later */
	bool forgotten;               /* by a reset before it did */
	bool completed;               /* but its answer could not be told yet */
	bool lent;                    /* somebody else handles the ring */
	bool call_waits;              /* an interrupt, for the hold to end */
	uint8_t response[VIRTIO_RESPONSE_MAX]; /* of what is completed */
	long response_len;
	uint16_t vector;
	struct loop_source kick;
	struct loop_source call; /* of who it was lent to; -1: not yet */
};

struct virtio_pci {
	struct pci_function function; /* first: it is the BARs' opaque */
	struct virtio_pci_config config;
	pthread_mutex_t lock;
	struct msix msix;
	unsigned int cfg_access; /* offset of that capability */
	bool held;               /* chains wait in the rings */
	bool change_waits;       /* to be told when it is let go */
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
	unsigned int nr_queues;
	struct virtio_queue queues[];
};
static_assert(offsetof(struct virtio_pci, function) == 0, "BAR opaque");

/* The driver looks at the configuration: its generation. */
uint8_t virtio_config_look(struct virtio_pci *vp);

/*
 * The common configuration, [virtio] 4.1.4.3, at @offset within it.
 */
uint64_t virtio_common_read(struct virtio_pci *vp, uint64_t offset,
			    unsigned int len);
void virtio_common_write(struct virtio_pci *vp, uint64_t offset, uint64_t value,
			 unsigned int len);

/* What a status of 0 does, [virtio] 2.4. */
void virtio_device_reset(struct virtio_pci *vp);
/* The device, or its driver, is at a loss: nothing goes on until a reset. */
void virtio_needs_reset(struct virtio_pci *vp);

/* 0 or -errno, and something for virtio_queue_finish(). */
int virtio_queue_init(struct virtio_queue *q, struct virtio_pci *vp);
void virtio_queue_finish(struct virtio_queue *q);
/* What a device reset leaves of it. */
void virtio_queue_reset(struct virtio_queue *q);
/* Has the ring looked at, by whoever handles it. Any thread. */
void virtio_queue_kick(struct virtio_queue *q);
void virtio_queues_kick(struct virtio_pci *vp);
/* Tells the driver of used buffers. */
void virtio_queue_interrupt(struct virtio_queue *q);

#endif /* VMM_VIRTIO_PCI_COMMON_H */
