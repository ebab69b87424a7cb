/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes over the guest request queue, [virtio-mem] "Device operation". */
#ifndef PARAMEM_WIRE_H
#define PARAMEM_WIRE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "paramem.h"

enum request_type {
	REQUEST_PLUG = 0,
	REQUEST_UNPLUG = 1,
	REQUEST_UNPLUG_ALL = 2,
	REQUEST_STATE = 3,
};

enum response_type {
	RESPONSE_ACK = 0,
	RESPONSE_NACK = 1,
	RESPONSE_BUSY = 2,
	RESPONSE_ERROR = 3,
	RESPONSE_LATER = -1, /* never sent: the request is pending */
};

enum block_state {
	STATE_PLUGGED = 0,
	STATE_UNPLUGGED = 1,
	STATE_MIXED = 2,
};

/* Little-endian, as the driver wrote them. */
struct request_wire {
	uint16_t type;
	uint8_t padding[6];
	uint64_t addr;
	uint16_t nb_blocks;
	uint8_t padding2[6];
} __attribute__((packed));

struct response_wire {
	uint16_t type;
	uint8_t padding[6];
	uint16_t state;
} __attribute__((packed));

static_assert(sizeof(struct request_wire) == PM_REQUEST_SIZE, "layout");
static_assert(offsetof(struct request_wire, addr) == 8, "layout");
static_assert(offsetof(struct request_wire, nb_blocks) == 16, "layout");
static_assert(sizeof(struct response_wire) == PM_RESPONSE_SIZE, "layout");
static_assert(offsetof(struct response_wire, state) == 8, "layout");

/* A decoded request, in the host's byte order. Nothing in it is trusted. */
struct request {
	uint16_t type;
	uint16_t nb_blocks;
	uint64_t addr;
};

/* @bytes holds PM_REQUEST_SIZE, or takes PM_RESPONSE_SIZE. */
struct request wire_decode(const void *bytes);
void wire_encode(enum response_type type, enum block_state state, void *bytes);

/* -EPROTO with a sentence where there is no request, or no answer fits. */
int wire_check_request_size(size_t len, struct pm_error *err);
int wire_check_response_size(size_t size, struct pm_error *err);

#endif
