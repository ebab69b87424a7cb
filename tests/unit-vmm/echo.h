/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device on the virtio PCI transport that sends back what it is sent, and
 * the driver that talks to it.
 */
#ifndef TESTS_ECHO_H
#define TESTS_ECHO_H

#include <linux/virtio_config.h>

#include "driver.h"
#include "virtio/virtio_pci.h"

#define VERSION_1        (UINT64_C(1) << VIRTIO_F_VERSION_1)
#define INDIRECT         (UINT64_C(1) << 28)
#define ECHO_FEATURES    (UINT64_C(1) << 1 | UINT64_C(1) << 40)
/* Its queues, of which one has fewer places than the others. */
#define ECHO_QUEUES      3
#define ECHO_SHORT_QUEUE 2
#define ECHO_SHORT       8
#define ECHO_SLOT        1
#define ECHO_CONFIG_SIZE 16

#define ACKNOWLEDGE VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER      VIRTIO_CONFIG_S_DRIVER
#define FEATURES_OK VIRTIO_CONFIG_S_FEATURES_OK
#define DRIVER_OK   VIRTIO_CONFIG_S_DRIVER_OK
#define FAILED      VIRTIO_CONFIG_S_FAILED
#define NEEDS_RESET VIRTIO_CONFIG_S_NEEDS_RESET

struct echo {
	struct rig rig;
	struct virtio_pci *vp;
	struct driver d;
	uint64_t accepted;
	int accepts, resets, handled;
	unsigned int last_queue; /* of the chain that was handled last */
	uint8_t shift; /* a byte of its configuration is its offset and this */
	int refill;    /* the driver offers more while one is handled */
};

struct virtio_pci_config echo_config(struct echo *f);

/* For cmocka: *state is a struct echo, set up as far as driver_find(). */
int echo_setup(void **state);
int echo_teardown(void **state);

/* Puts an echo of @byte into descriptors @index and @index + 1. */
void echo_put(struct echo *f, unsigned int index, char byte);
/* What came back to it. The byte 'x' is one that the device chokes on. */
char echo_answer(struct echo *f, unsigned int index);
/* Hands the chain to the device and lets it work. */
void echo_send(struct echo *f, uint16_t head);

#endif /* TESTS_ECHO_H */
