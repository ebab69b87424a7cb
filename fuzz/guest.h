/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A memory device of the monitor in its rig, with a guest that may do
 * anything, and the checks of what has to hold whatever it does.
 */
#ifndef FUZZ_GUEST_H
#define FUZZ_GUEST_H

#include "driver.h"
#include "fuzz.h"
#include "virtio/virtio_mem.h"

#define GUEST_BASE   (UINT64_C(4) << 30)
#define GUEST_BLOCK  (UINT64_C(64) << 20)
#define GUEST_BLOCKS 24 /* two memory slots */

/* Request types and answers, [virtio-mem] "Device operation". */
enum { PLUG, UNPLUG, UNPLUG_ALL, STATE, NR_TYPES };
enum { ACK, NACK, BUSY, ERROR };

struct guest {
	struct input in;
	struct rig rig;
	struct mem_device_config device;
	struct virtio_mem *vm;
	struct driver d;
	uint64_t told_size;
};

/* From an input: what the device is like. The driver has found it. */
void guest_init(struct guest *g, const uint8_t *data, size_t size);

/* Checks too that a reset makes good whatever was done. */
void guest_finish(struct guest *g);

/* Sizes and memory slots agree with what is plugged. */
void guest_check(struct guest *g);

/* Steps that every target has: host and guest do something sensible. */
void guest_request(struct guest *g);
void guest_set_requested(struct guest *g);
void guest_populated(struct guest *g);
void guest_break_host(struct guest *g);
void guest_device_reset(struct guest *g);
void guest_system_reset(struct guest *g);
void guest_settle(struct guest *g);

#endif /* FUZZ_GUEST_H */
