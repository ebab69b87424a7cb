/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio driver by hand: finds the device through configuration space, sets
 * it up through its BARs and talks to it through a ring, as a guest does.
 */
#ifndef TESTS_DRIVER_H
#define TESTS_DRIVER_H

#include <stddef.h>

#include <linux/virtio_pci.h>

#include "rig.h"

/*
 * Where the driver keeps what it shares with the device, in boot memory: the
 * rings are those of queue 0, and those of the next follow.
 */
#define DRIVER_DESC     0x10000
#define DRIVER_AVAIL    0x11000
#define DRIVER_USED     0x12000
#define DRIVER_REQUEST  0x20000
#define DRIVER_RESPONSE 0x21000
#define DRIVER_SIZE     64 /* of the queue */
#define DRIVER_STRIDE   0x3000
#define DRIVER_QUEUES   5 /* that there is room for */

/*
 * The vectors that it asks for, and the routes that they get. Each further
 * queue has the next.
 */
enum { DRIVER_CONFIG_VECTOR = 0, DRIVER_QUEUE_VECTOR = 1 };

enum { DESC_NEXT = 1, DESC_WRITE = 2 };

struct driver {
	struct rig *rig;
	unsigned int slot;
	uint64_t common, isr, device, notify, msix; /* addresses */
	unsigned int cfg_access; /* the capability's offset */
	unsigned int msix_cap;
	unsigned int queue; /* whose rings are used below; 0 at first */
	uint16_t available; /* the index that was last made available */
	uint16_t others[DRIVER_QUEUES]; /* the same of queues not in use */
};

/* Finds the structures and turns the BARs on. */
void driver_find(struct driver *d, struct rig *rig, unsigned int slot);

#define COMMON_FIELD(field) offsetof(struct virtio_pci_common_cfg, field)

uint64_t driver_get(struct driver *d, size_t field, unsigned int len);
void driver_set(struct driver *d, size_t field, uint64_t value,
		unsigned int len);
uint8_t driver_status(struct driver *d);
void driver_set_status(struct driver *d, uint8_t status);
uint64_t driver_features(struct driver *d);
void driver_accept(struct driver *d, uint64_t features);
uint64_t driver_config(struct driver *d, unsigned int offset, unsigned int len);

/* The steps of [virtio] 3.1.1, and all of them. */
void driver_negotiate(struct driver *d);
void driver_setup_msix(struct driver *d);
void driver_setup_queue(struct driver *d);
void driver_start(struct driver *d);

/* From now on the rings of this queue are meant. */
void driver_use_queue(struct driver *d, unsigned int queue);

/* The ring. */
void driver_desc(struct driver *d, unsigned int index, uint64_t addr,
		 uint32_t len, uint16_t flags, uint16_t next);
void driver_offer(struct driver *d, uint16_t head);
void driver_kick(struct driver *d);
uint16_t driver_used(struct driver *d);

/* Puts a request and room for its response into descriptors @index and on. */
void driver_put_request(struct driver *d, unsigned int index, uint16_t type,
			uint64_t addr, uint16_t nb_blocks);
/* Type and state of the response to the request at @index. */
int driver_answer(struct driver *d, unsigned int index, uint16_t *state);

/* Sends one request and waits; the answer's type, or -1 when there is none. */
int driver_request(struct driver *d, uint16_t type, uint64_t addr,
		   uint16_t nb_blocks, uint16_t *state);

/* Interrupts since the last call. */
uint64_t driver_interrupts(struct driver *d, unsigned int vector);

#endif /* TESTS_DRIVER_H */
