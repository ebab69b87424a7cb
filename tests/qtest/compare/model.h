/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device is known to hold, by the answers that both sides gave: the
 * generator aims with it, and the events are held against its history.
 */
#ifndef COMPARE_MODEL_H
#define COMPARE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model {
	uint64_t block_size;
	uint64_t blocks;  /* of the region */
	uint8_t *plugged; /* one byte each */
	uint64_t nr_plugged;
	uint64_t usable, requested; /* bytes, as last read */
	unsigned int queue_size;
	bool indirect;   /* negotiated */
	bool required;   /* the driver must take UNPLUGGED_INACCESSIBLE */
	uint64_t *sizes; /* every plugged size since the start, in bytes */
	size_t nr_sizes, max_sizes;
};

void model_init(struct model *m, uint64_t block_size, uint64_t blocks);
void model_finish(struct model *m);

/* An acknowledged request changed these blocks. */
void model_set(struct model *m, uint64_t first, uint64_t count, bool plugged);
void model_clear_all(struct model *m);

/* Passed sizes that come and go within one step. */
void model_note_size(struct model *m, uint64_t size);

/* The run of such blocks, at most @max long, at or after @from; 0: none. */
uint64_t model_run(const struct model *m, bool plugged, uint64_t from,
		   uint64_t end, uint64_t max, uint64_t *first);

#endif /* COMPARE_MODEL_H */
