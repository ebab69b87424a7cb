/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which blocks are plugged.
 *
 * Every operation cuts its range into pieces of one word each, so that its
 * cost is one step per 64 blocks.
 */
#include <assert.h>
#include <limits.h>
#include <string.h>

#include "block_map.h"

#define WORD_BITS UINT64_C(64)

static_assert(sizeof(uint64_t) * CHAR_BIT == WORD_BITS,
	      "a word of the map has 64 bits");
static_assert(sizeof(unsigned long long) == sizeof(uint64_t),
	      "the compiler's bit builtins take a whole word");

/* The bits of one word that belong to a range. */
struct piece {
	uint64_t word;
	uint64_t mask;
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* @count is 1 to 64 - @bit. */
static uint64_t mask_of(uint64_t bit, uint64_t count)
{
	return (UINT64_MAX >> (WORD_BITS - count)) << bit;
}

/* Cuts the first piece off @rest; false when nothing is left. */
static bool piece_next(struct block_range *rest, struct piece *piece)
{
	uint64_t bit = rest->first % WORD_BITS;
	uint64_t count = min_u64(rest->count, WORD_BITS - bit);

	if (!count)
		return false;
	piece->word = rest->first / WORD_BITS;
	piece->mask = mask_of(bit, count);
	rest->first += count;
	rest->count -= count;
	return true;
}

/* Takes whole words off the start of @range that are all @skip. */
static void skip_words(const struct block_map *map, struct block_range *range,
		       uint64_t skip)
{
	const uint64_t *word = map->words + range->first / WORD_BITS;
	uint64_t nr = range->count / WORD_BITS, i = 0;

	if (range->first % WORD_BITS)
		return;
	while (i < nr && word[i] == skip)
		i++;
	range->first += i * WORD_BITS;
	range->count -= i * WORD_BITS;
}

/*
 * The first block of @range whose bit, after an exclusive or with @invert, is
 * set; the end of the range when there is none.
 */
static uint64_t find_first(const struct block_map *map,
			   struct block_range range, uint64_t invert)
{
	uint64_t end = range.first + range.count;
	struct piece p;

	while (piece_next(&range, &p)) {
		uint64_t bits = (map->words[p.word] ^ invert) & p.mask;

		if (bits)
			return p.word * WORD_BITS +
			       (uint64_t)__builtin_ctzll(bits);
		skip_words(map, &range, invert);
	}
	return end;
}

uint64_t block_map_words(uint64_t nr_blocks)
{
	return nr_blocks / WORD_BITS + (nr_blocks % WORD_BITS != 0);
}

void block_map_init(struct block_map *map, uint64_t *words, uint64_t nr_blocks)
{
	map->words = words;
	map->nr_blocks = nr_blocks;
	memset(words, 0, block_map_words(nr_blocks) * sizeof(*words));
}

bool block_map_contains(const struct block_map *map, struct block_range range)
{
	return range.first <= map->nr_blocks &&
	       range.count <= map->nr_blocks - range.first;
}

void block_map_set(struct block_map *map, struct block_range range)
{
	struct piece p;

	assert(block_map_contains(map, range));
	while (piece_next(&range, &p))
		map->words[p.word] |= p.mask;
}

void block_map_clear(struct block_map *map, struct block_range range)
{
	struct piece p;

	assert(block_map_contains(map, range));
	while (piece_next(&range, &p))
		map->words[p.word] &= ~p.mask;
}

bool block_map_all_set(const struct block_map *map, struct block_range range)
{
	assert(block_map_contains(map, range));
	return find_first(map, range, UINT64_MAX) == range.first + range.count;
}

bool block_map_all_clear(const struct block_map *map, struct block_range range)
{
	assert(block_map_contains(map, range));
	return find_first(map, range, 0) == range.first + range.count;
}

uint64_t block_map_count(const struct block_map *map, struct block_range range)
{
	uint64_t count = 0;
	struct piece p;

	assert(block_map_contains(map, range));
	while (piece_next(&range, &p))
		count += (uint64_t)__builtin_popcountll(map->words[p.word] &
							p.mask);
	return count;
}

bool block_map_first_run(const struct block_map *map, struct block_range range,
			 struct block_range *run)
{
	uint64_t end = range.first + range.count;
	uint64_t first;

	assert(block_map_contains(map, range));
	first = find_first(map, range, 0);
	if (first == end)
		return false;
	range.first = first;
	range.count = end - first;
	run->count = find_first(map, range, UINT64_MAX) - first;
	run->first = first;
	return true;
}
