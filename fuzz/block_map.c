/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations on a map of blocks, against an array of bool. */
#include <stdlib.h>
#include <string.h>

#include "block_map.h"
#include "fuzz.h"

#define BLOCKS_MAX 300 /* more than four words, the last one in part */
#define STEPS_MAX  200

struct pair {
	struct input in;
	struct block_map map;
	bool naive[BLOCKS_MAX];
};

/* ---- the naive side ------------------------------------------------------ */

static uint64_t naive_count(const struct pair *p, struct block_range range)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < range.count; i++)
		count += p->naive[range.first + i];
	return count;
}

static void naive_fill(struct pair *p, struct block_range range, bool value)
{
	for (uint64_t i = 0; i < range.count; i++)
		p->naive[range.first + i] = value;
}

static struct block_range naive_first_run(const struct pair *p,
					  struct block_range range)
{
	uint64_t end = range.first + range.count;
	struct block_range run = { .first = range.first };

	while (run.first < end && !p->naive[run.first])
		run.first++;
	while (run.first + run.count < end && p->naive[run.first + run.count])
		run.count++;
	return run;
}

/* ---- both ---------------------------------------------------------------- */

static struct block_range take_range(struct pair *p)
{
	struct block_range range;

	range.first = input_below(&p->in, (unsigned int)p->map.nr_blocks + 1);
	range.count = input_below(
		&p->in, (unsigned int)(p->map.nr_blocks - range.first) + 1);
	return range;
}

static void check_range(struct pair *p, struct block_range range)
{
	uint64_t count = naive_count(p, range);
	struct block_range want = naive_first_run(p, range);
	struct block_range run = { .first = 1234, .count = 5678 };

	fuzz_check(block_map_count(&p->map, range) == count);
	fuzz_check(block_map_all_set(&p->map, range) == (count == range.count));
	fuzz_check(block_map_all_clear(&p->map, range) == !count);
	fuzz_check(block_map_first_run(&p->map, range, &run) == !!count);
	if (!count)
		want = (struct block_range){ .first = 1234, .count = 5678 };
	fuzz_check(run.first == want.first && run.count == want.count);
}

/* Any numbers, in arithmetic that cannot wrap. */
static void check_contains(struct pair *p)
{
	struct block_range range = { .first = input_u64(&p->in),
				     .count = input_u64(&p->in) };
	unsigned __int128 end = (unsigned __int128)range.first + range.count;

	fuzz_check(block_map_contains(&p->map, range) ==
		   (end <= p->map.nr_blocks));
}

static void step(struct pair *p)
{
	uint8_t op = input_u8(&p->in);
	struct block_range range = take_range(p);

	switch (op % 4) {
	case 0:
		block_map_set(&p->map, range);
		naive_fill(p, range, true);
		break;
	case 1:
		block_map_clear(&p->map, range);
		naive_fill(p, range, false);
		break;
	case 2:
		check_contains(p);
		break;
	}
	check_range(p, range);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pair p = { .in = { data, size } };
	uint64_t nr_blocks = input_below(&p.in, BLOCKS_MAX + 1);
	size_t bytes = block_map_words(nr_blocks) * sizeof(uint64_t);
	uint64_t *words = malloc(bytes ? bytes : 1);

	fuzz_check(words);
	memset(words, 0x5a, bytes);
	block_map_init(&p.map, words, nr_blocks);
	for (int i = 0; i < STEPS_MAX && input_more(&p.in); i++)
		step(&p);
	check_range(&p, (struct block_range){ .count = nr_blocks });
	free(words);
	return 0;
}
