/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Unplugged memory that costs nothing.
 *
 * Theory of operation. To protect private anonymous memory there has to be
 * something to protect, zeros, which take page tables and time, by the GiB
 * (guard_anon.c). But memory without any page needs none of that: watched for
 * missing pages, whoever touches it waits. What rules that out for plugged
 * memory, that it has no transparent huge pages then, is no matter where none
 * is plugged. So blocks are one of two kinds:
 *
 *  fresh  watched for missing pages; nothing is there, no page table even
 *  used   watched for writes to what is protected: the guest's, if granted, or
 *         else filled with protected zeros
 *
 * Memory is fresh when it becomes accessible. A block is used from when it is
 * granted, and fresh again when it was discarded, so whoever grows and shrinks
 * in order never meets the zeros. Both are a change of the mapping alone,
 * whatever the size. A guest that reads unplugged memory, where it may, has
 * zeros put there, as many as it would have had in advance otherwise.
 *
 * Each border between the two kinds is one between two mappings, of which a
 * process may have but so many. So the more runs of used blocks there are, the
 * coarser they become: a block that is granted takes its neighbours with it,
 * and they get zeros. What is discarded stays used then, until nothing at all is
 * granted any more.
 */
#include "guard_fresh.h"

#include <errno.h>
#include <stdlib.h>

#include "ram.h"

/*
 * As many runs may there be of single blocks; then of units of which a region
 * has so many; and then of larger ones, half of which make the rest. In all a
 * device has at most 1,024 mappings: 32 of them leave the process half of
 * vm.max_map_count, 65,530.
 */
#define RUNS_FINE    128
#define UNITS_MEDIUM 16384
#define RUNS_MEDIUM  256
#define UNITS_COARSE 512

/* Who reads often reads on. While zeros are put there, others can write. */
#define SHOW_MIN (UINT64_C(16) << 20)

static bool knows_fresh(const struct guard *g)
{
	return g->used.words;
}

int guard_fresh_init(struct guard *g)
{
	uint64_t nr = pm_ram_max_size(g->ram) / g->block_size;
	uint64_t *words = calloc(block_map_words(nr), sizeof(*words));

	if (!words)
		return -ENOMEM;
	block_map_init(&g->used, words, nr);
	return 0;
}

void guard_fresh_finish(struct guard *g)
{
	free(g->used.words);
}

/* ---- runs of used blocks ------------------------------------------------- */

static bool is_used(const struct guard *g, uint64_t block)
{
	return block < g->used.nr_blocks &&
	       block_map_all_set(&g->used, (struct block_range){ block, 1 });
}

/* How many of the two neighbours of a range are used. */
static unsigned int neighbours(const struct guard *g, struct block_range r)
{
	return (r.first && is_used(g, r.first - 1)) +
	       is_used(g, r.first + r.count);
}

/* All of the range is fresh. */
static void note_used(struct guard *g, struct block_range r)
{
	g->nr_runs += 1 - neighbours(g, r);
	block_map_set(&g->used, r);
}

/* All of the range is used. */
static void note_fresh(struct guard *g, struct block_range r)
{
	g->nr_runs += neighbours(g, r) - 1;
	block_map_clear(&g->used, r);
}

/* Takes the first run of fresh blocks off @rest. */
static bool next_fresh(const struct guard *g, struct block_range *rest,
		       struct block_range *run)
{
	uint64_t end = rest->first + rest->count, at = rest->first;
	struct block_range used;

	if (block_map_first_run(&g->used, *rest, &used) && used.first == at) {
		at += used.count;
		used.count = 0;
	}
	if (at == end)
		return false;
	run->first = at;
	if (!block_map_first_run(&g->used, (struct block_range){ at, end - at },
				 &used))
		used.first = end;
	run->count = used.first - at;
	rest->first = used.first;
	rest->count = end - used.first;
	return true;
}

bool guard_fresh_has(const struct guard *g, uint64_t offset)
{
	return knows_fresh(g) && !is_used(g, offset / g->block_size);
}

bool guard_fresh_next_used(const struct guard *g, uint64_t *at, uint64_t end,
			   uint64_t *offset, uint64_t *size)
{
	struct block_range run;

	if (*at == end)
		return false;
	if (!knows_fresh(g)) {
		*offset = *at;
		*size = end - *at;
		*at = end;
		return true;
	}
	if (!block_map_first_run(&g->used, guard_blocks(g, *at, end - *at),
				 &run))
		return false;
	*offset = run.first * g->block_size;
	*size = run.count * g->block_size;
	*at = *offset + *size;
	return true;
}

/* ---- fresh to used ------------------------------------------------------- */

/* In blocks; what is used goes together by that many. */
static uint64_t unit(const struct guard *g)
{
	uint64_t nr = g->used.nr_blocks, units;

	if (g->nr_runs < RUNS_FINE)
		return 1;
	units = g->nr_runs < RUNS_MEDIUM ? UNITS_MEDIUM : UNITS_COARSE;
	return nr > units ? (nr - 1) / units + 1 : 1;
}

/* Whole units around a range, as far as memory is accessible. */
static struct block_range around(const struct guard *g, struct block_range r,
				 uint64_t blocks)
{
	uint64_t first = r.first - r.first % blocks;
	uint64_t end = r.first + r.count + blocks - 1;
	uint64_t accessible = g->ram->size / g->block_size;

	end -= end % blocks;
	if (end > accessible)
		end = accessible;
	return (struct block_range){ .first = first, .count = end - first };
}

static int cover(struct guard *g, uint64_t first, uint64_t end)
{
	uint64_t size = g->block_size;

	return first < end
		       ? g->ops->cover(g, first * size, (end - first) * size)
		       : 0;
}

/*
 * Fresh blocks become used; zeros come to all but those in @bare. What could
 * not be covered is made fresh again, or else nobody gets there any more.
 */
static int use(struct guard *g, struct block_range run, struct block_range bare)
{
	uint64_t offset = run.first * g->block_size;
	uint64_t size = run.count * g->block_size;
	uint64_t end = run.first + run.count;
	uint64_t bare_end = bare.first + bare.count;
	int ret = g->ops->use(g, offset, size);

	if (!ret)
		ret = cover(g, run.first, bare.first < end ? bare.first : end);
	if (!ret)
		ret = cover(g, bare_end > run.first ? bare_end : run.first,
			    end);
	if (!ret)
		note_used(g, run);
	else if (g->ops->retire(g, offset, size) < 0)
		guard_close(g, offset, size);
	return ret;
}

static int use_all(struct guard *g, struct block_range rest,
		   struct block_range bare)
{
	struct block_range run;
	int ret = 0;

	while (!ret && next_fresh(g, &rest, &run))
		ret = use(g, run, bare);
	return ret;
}

int guard_fresh_use(struct guard *g, uint64_t offset, uint64_t size)
{
	struct block_range range = guard_blocks(g, offset, size);

	if (!knows_fresh(g) || block_map_all_set(&g->used, range))
		return 0;
	return use_all(g, around(g, range, unit(g)), range);
}

int guard_fresh_show(struct guard *g, uint64_t offset, bool write)
{
	uint64_t block = offset / g->block_size;
	uint64_t blocks = unit(g);

	if (!write && blocks < SHOW_MIN / g->block_size)
		blocks = SHOW_MIN / g->block_size;
	return use_all(g, around(g, (struct block_range){ block, 1 }, blocks),
		       (struct block_range){ .first = UINT64_MAX });
}

/* ---- used to fresh ------------------------------------------------------- */

static int retire(struct guard *g, uint64_t offset, uint64_t size)
{
	int ret = g->ops->retire(g, offset, size);

	if (ret < 0)
		return ret;
	guard_forget_loans(g, offset, size);
	note_fresh(g, guard_blocks(g, offset, size));
	return 0;
}

/* Whether a part of a run of used blocks, or all of it, may become fresh. */
static bool may_retire(const struct guard *g, uint64_t offset, uint64_t size)
{
	switch (neighbours(g, guard_blocks(g, offset, size))) {
	case 0:
		return true;
	case 1:
		return g->nr_runs < RUNS_MEDIUM;
	default:
		return g->nr_runs < RUNS_FINE;
	}
}

int guard_fresh_discard(struct guard *g, uint64_t offset, uint64_t size)
{
	uint64_t at = offset, end = offset + size;
	int ret = 0;

	while (!ret && guard_fresh_next_used(g, &at, end, &offset, &size)) {
		ret = knows_fresh(g) && may_retire(g, offset, size)
			      ? retire(g, offset, size)
			      : -ENOTSUP;
		if (ret < 0)
			ret = g->ops->discard(g, offset, size);
	}
	return ret;
}

void guard_fresh_reset(struct guard *g)
{
	uint64_t at = 0, end = g->ram->size, offset, size;

	if (!g->nr_runs)
		return;
	while (guard_fresh_next_used(g, &at, end, &offset, &size)) {
		/* What could not be freed is plugged still. */
		if (block_map_all_clear(&g->granted,
					guard_blocks(g, offset, size)) &&
		    retire(g, offset, size) < 0 &&
		    g->ops->discard(g, offset, size) < 0)
			guard_close(g, offset, size);
	}
}

/* ---- sizes --------------------------------------------------------------- */

void guard_fresh_gone(struct guard *g, uint64_t offset)
{
	uint64_t at = offset, end = pm_ram_max_size(g->ram), size;

	if (!g->nr_runs)
		return;
	while (guard_fresh_next_used(g, &at, end, &offset, &size))
		note_fresh(g, guard_blocks(g, offset, size));
}
