/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules of the device once more, one after the other, on an array of
 * bool: too simple to be wrong.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define MODEL_BLOCKS_MAX 64

/* [virtio-mem] "Device operation". */
enum { PLUG, UNPLUG, UNPLUG_ALL, STATE, NR_TYPES };
enum { ACK, NACK, BUSY, ERROR };
enum { PLUGGED, UNPLUGGED, MIXED };

/* But for the block size and the address, all is counted in blocks. */
struct model {
	uint64_t block_size;
	uint64_t addr;
	uint64_t nr_blocks;
	uint64_t requested;
	uint64_t usable;
	bool plugged[MODEL_BLOCKS_MAX];
};

struct model_request {
	uint16_t type;
	uint16_t nb_blocks;
	uint64_t addr;
};

/* The usable size that a requested size needs. */
uint64_t model_usable_for(const struct model *m, uint64_t requested);

uint64_t model_plugged(const struct model *m);

struct model_request model_decode(const uint8_t bytes[24]);

/* The answer of a host that can do everything; @state where one is asked. */
int model_answer(const struct model *m, const struct model_request *r,
		 uint16_t *state);

/* The block that an acknowledged request starts with. */
uint64_t model_first(const struct model *m, const struct model_request *r);

/* What a request does that was acknowledged. */
void model_carry_out(struct model *m, const struct model_request *r);

void model_set_requested(struct model *m, uint64_t requested);

/* Also what UNPLUG_ALL does. */
void model_system_reset(struct model *m);

#endif /* FUZZ_MODEL_H */
