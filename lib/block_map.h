/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which blocks are plugged: one bit per block, in the caller's memory.
 *
 * Pure bit work without side effects. Ranges are in blocks, never in bytes,
 * and must lie within the map: who takes a range from a guest checks it first.
 */
#ifndef PARAMEM_BLOCK_MAP_H
#define PARAMEM_BLOCK_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block_map {
	uint64_t *words; /* bit n % 64 of word n / 64 is block n */
	uint64_t nr_blocks;
};

struct block_range {
	uint64_t first;
	uint64_t count;
};

/* How many words a map of @nr_blocks needs. */
uint64_t block_map_words(uint64_t nr_blocks);

/* @words holds block_map_words(@nr_blocks) words; all blocks become clear. */
void block_map_init(struct block_map *map, uint64_t *words, uint64_t nr_blocks);

/* True when @range lies within the map; safe for any numbers. */
bool block_map_contains(const struct block_map *map, struct block_range range);

void block_map_set(struct block_map *map, struct block_range range);
void block_map_clear(struct block_map *map, struct block_range range);

/* Both are true of an empty range. */
bool block_map_all_set(const struct block_map *map, struct block_range range);
bool block_map_all_clear(const struct block_map *map, struct block_range range);

/* How many blocks of @range are set. */
uint64_t block_map_count(const struct block_map *map, struct block_range range);

/*
 * Finds the first run of set blocks in @range, cut off at its end. False, and
 * @run untouched, when there is none.
 */
bool block_map_first_run(const struct block_map *map, struct block_range range,
			 struct block_range *run);

#endif
