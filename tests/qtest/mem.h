/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver's side of a memory device: finds it, sets it up and sends it
 * requests over its queue.
 */
#ifndef QTEST_MEM_H
#define QTEST_MEM_H

#include <stdbool.h>
#include <stdint.h>

#include "peer.h"
#include "virtio.h"
#include "vring.h"

/* [virtio-mem] "Device operation". */
enum { MEM_PLUG, MEM_UNPLUG, MEM_UNPLUG_ALL, MEM_STATE };
enum { MEM_ACK, MEM_NACK, MEM_BUSY, MEM_ERROR };
enum { MEM_PLUGGED, MEM_UNPLUGGED, MEM_MIXED };

enum { MEM_REQUEST_SIZE = 24, MEM_RESPONSE_SIZE = 10 };

/*
 * What is put where the device is to write, or must not look; and how an
 * answer reads to which it wrote nothing.
 */
enum { MEM_FILLER = 0x5a, MEM_NO_ANSWER = 0x5a5a };

/* Feature bits. */
#define MEM_F_ACPI_PXM               (UINT64_C(1) << 0)
#define MEM_F_UNPLUGGED_INACCESSIBLE (UINT64_C(1) << 1)

/* Offsets of the configuration. */
enum {
	MEM_BLOCK_SIZE = 0,
	MEM_NODE_ID = 8,
	MEM_ADDR = 16,
	MEM_REGION_SIZE = 24,
	MEM_USABLE_SIZE = 32,
	MEM_PLUGGED_SIZE = 40,
	MEM_REQUESTED_SIZE = 48,
	MEM_CONFIG_SIZE = 56,
};

struct mem_config {
	uint64_t block_size;
	uint64_t addr;
	uint64_t region_size;
	uint64_t usable_size;
	uint64_t plugged_size;
	uint64_t requested_size;
	uint16_t node_id;
};

struct mem_answer {
	uint16_t type;  /* MEM_ACK and so on */
	uint16_t state; /* for an acknowledged MEM_STATE */
};

/*
 * Guest memory that a driver has for itself: 1 MiB each, from 16 MiB on. The
 * ring is at its start, MSI-X messages and buffers follow.
 */
#define MEM_ARENA(nth)    ((UINT64_C(16) + (nth)) << 20)
#define MEM_MESSAGES      0x10000 /* offset in the arena */
#define MEM_BUFFERS       0x20000 /* of mem_put() and mem_put_pieces() */
#define MEM_SCRATCH       0x80000 /* from here on it is the test's */
#define MEM_BUFFER_STRIDE 0x100   /* a descriptor's buffers start there */
#define MEM_QUEUE_SIZE    64      /* where none is asked for */

/* A driver; everything in it may be used and changed by a test. */
struct mem {
	struct virtio virtio; /* first, so that it can be found from here */
	struct peer *peer;
	struct qtest *qtest;
	struct vring ring;
	unsigned int nth;
	uint64_t arena;
	char id[16];   /* in the peer's description */
	uint64_t slot; /* response and request of mem_request() */
	bool prepared; /* descriptors and entries are as mem_request() has it */
};

struct mem_setup {
	uint16_t queue_size; /* 0: MEM_QUEUE_SIZE */
	/* Of those offered; 0: VERSION_1 and those of memory devices. */
	uint64_t features;
	bool no_msix; /* leave MSI-X off, also where there is one: INTx */
};

/* Finds the @nth device of the peer; it may be in any state. */
void mem_open(struct mem *mem, struct peer *peer, unsigned int nth);

/*
 * Resets the device and sets it up until DRIVER_OK. @setup may be NULL. A
 * device that does not agree to the features is fatal().
 */
void mem_start(struct mem *mem, const struct mem_setup *setup);

/* mem_open() and mem_start(), after a system reset. */
void mem_restart(struct mem *mem, const struct mem_setup *setup);

/* Reads all of the configuration at once, without regard to its generation. */
void mem_read_config(const struct mem *mem, struct mem_config *config);

/* The address of a block. */
uint64_t mem_block(const struct mem_config *config, uint64_t index);

/* ---- requests ------------------------------------------------------------ */

/* @bytes is MEM_REQUEST_SIZE long; padding is filled, since it is ignored. */
void mem_encode(uint8_t *bytes, uint16_t type, uint64_t addr,
		uint16_t nb_blocks);
struct mem_answer mem_decode(const uint8_t *bytes);

/*
 * Sends a request and waits for its answer: one round trip where the device
 * answers at once. None within 30 seconds, or a used element other than it has
 * to be, is fatal().
 */
struct mem_answer mem_request(struct mem *mem, uint16_t type, uint64_t addr,
			      uint16_t nb_blocks);

/*
 * The same for requests that the device may not answer, since it needs a
 * reset: whether it did. Returns at once in either case.
 */
bool mem_try_request(struct mem *mem, uint16_t type, uint64_t addr,
		     uint16_t nb_blocks, struct mem_answer *answer);

/* The same, however long the device takes. */
bool mem_request_handled(struct mem *mem, uint16_t type, uint64_t addr,
			 uint16_t nb_blocks, struct mem_answer *answer);

/* Until all that was offered is used, or the device no longer handles any. */
void mem_settle(struct mem *mem);

#endif /* QTEST_MEM_H */
