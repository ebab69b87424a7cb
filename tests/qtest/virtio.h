/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver's side of the modern virtio PCI transport ([virtio] 4.1), for a
 * device with one queue.
 */
#ifndef QTEST_VIRTIO_H
#define QTEST_VIRTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>

#include "pci.h"

struct vring;

#define VIRTIO_VENDOR    0x1af4
#define VIRTIO_ID_MEM    24
#define VIRTIO_VERSION1  (UINT64_C(1) << VIRTIO_F_VERSION_1)
/* Those of linux/virtio_ring.h, as masks. */
#define VIRTIO_INDIRECT  (UINT64_C(1) << 28)
#define VIRTIO_EVENT_IDX (UINT64_C(1) << 29)

/* The status of a driver on its way, [virtio] 3.1.1. */
enum {
	STATUS_ACKNOWLEDGE = VIRTIO_CONFIG_S_ACKNOWLEDGE,
	STATUS_DRIVER = STATUS_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER,
	STATUS_FEATURES_OK = STATUS_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK,
	STATUS_DRIVER_OK = STATUS_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK,
	STATUS_NEEDS_RESET = VIRTIO_CONFIG_S_NEEDS_RESET,
};

/* The vectors that virtio_msix_setup() assigns. */
enum { VIRTIO_VECTOR_CONFIG = 0, VIRTIO_VECTOR_QUEUE = 1, VIRTIO_VECTORS = 2 };

struct virtio {
	struct pci_function pci;
	struct qtest *qtest;
	uint64_t common, isr, device; /* addresses of the structures */
	uint64_t notify;              /* of the whole structure */
	uint32_t notify_multiplier;
	uint64_t notify_queue; /* where queue 0 is notified */
	uint64_t device_size;  /* bytes of the device's configuration */
	unsigned int msix_cap; /* 0: no MSI-X, as with QEMU's memory devices */
	uint64_t msix_table, msix_pba;
	uint64_t msix_target;    /* see virtio_msix_setup() */
	unsigned int cfg_access; /* that capability's offset, or 0 */
};

/*
 * Finds the @nth device of that type, places its BARs and finds all of its
 * structures. A missing one is fatal(). Also needed after a system reset.
 */
void virtio_find(struct virtio *v, struct qtest *qtest, uint16_t type,
		 unsigned int nth);

/* ---- registers ----------------------------------------------------------- */

#define VIRTIO_COMMON(field) offsetof(struct virtio_pci_common_cfg, field)

/* The common configuration, at the offset of a field. */
uint64_t virtio_get(const struct virtio *v, size_t offset, unsigned int len);
void virtio_set(const struct virtio *v, size_t offset, uint64_t value,
		unsigned int len);

uint8_t virtio_status(const struct virtio *v);
void virtio_set_status(const struct virtio *v, uint8_t status);
uint8_t virtio_generation(const struct virtio *v);

uint64_t virtio_features(const struct virtio *v);
/* What the driver accepted, as the device reads it back. */
uint64_t virtio_accepted(const struct virtio *v);
void virtio_accept(const struct virtio *v, uint64_t features);

/* The device's own configuration. */
uint64_t virtio_config(const struct virtio *v, unsigned int offset,
		       unsigned int len);

/*
 * Reads the interrupt status, which clears it. Both peers set it for each
 * interrupt, also with MSI-X; so it tells which were sent. QEMU sets the
 * queue's bit for changes of configuration too.
 */
enum { VIRTIO_ISR_QUEUE = 1, VIRTIO_ISR_CONFIG = 2 };
uint8_t virtio_isr(const struct virtio *v);

/* ---- steps --------------------------------------------------------------- */

/* Writes a status of 0 and waits until it reads as 0. */
void virtio_reset(const struct virtio *v);

/*
 * From a reset to FEATURES_OK with exactly these features accepted. Whether
 * the device agreed.
 */
bool virtio_negotiate(const struct virtio *v, uint64_t features);

/* Tells the device where the ring of queue 0 is, and enables it. */
void virtio_queue_setup(struct virtio *v, const struct vring *ring);

void virtio_driver_ok(const struct virtio *v);

/* Notifies queue 0; posted, as qtest.h has it, or not. */
void virtio_notify(const struct virtio *v);
void virtio_post_notify(const struct virtio *v);

/* ---- MSI-X --------------------------------------------------------------- */

/*
 * Has each vector store a value of its own at @target + 4 * vector, in guest
 * memory, enables MSI-X and assigns both vectors.
 */
void virtio_msix_setup(struct virtio *v, uint64_t target);

/* The function's enable and mask bits. */
void virtio_msix_control(const struct virtio *v, bool enable, bool mask);

void virtio_msix_mask(const struct virtio *v, unsigned int vector, bool mask);
bool virtio_msix_pending(const struct virtio *v, unsigned int vector);

/* Whether messages of that vector came since the last call. */
bool virtio_msix_take(const struct virtio *v, unsigned int vector);

/* Forgets those that came. */
void virtio_msix_clear(const struct virtio *v);

#endif /* QTEST_VIRTIO_H */
