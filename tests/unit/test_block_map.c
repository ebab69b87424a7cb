/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <string.h>

#include "block_map.h"
#include "cmocka_all.h"
#include "random.h"

#define NR_BLOCKS 1000
#define NR_WORDS  16
#define CANARY    UINT64_C(0xdeadbeefdeadbeef)
#define NR_ROUNDS 300000

struct storage {
	uint64_t words[NR_WORDS + 1];
	struct block_map map;
};

static void storage_init(struct storage *s)
{
	memset(s->words, 0xff, sizeof(s->words));
	s->words[NR_WORDS] = CANARY;
	block_map_init(&s->map, s->words, NR_BLOCKS);
}

static struct block_range range(uint64_t first, uint64_t count)
{
	return (struct block_range){ .first = first, .count = count };
}

static void words_needed(void **state)
{
	(void)state;
	assert_int_equal(block_map_words(0), 0);
	assert_int_equal(block_map_words(1), 1);
	assert_int_equal(block_map_words(64), 1);
	assert_int_equal(block_map_words(65), 2);
	assert_int_equal(block_map_words(UINT64_MAX), UINT64_C(1) << 58);
	assert_int_equal(block_map_words(NR_BLOCKS), NR_WORDS);
}

static void starts_clear(void **state)
{
	struct storage s;
	struct block_range run = range(7, 7);

	(void)state;
	storage_init(&s);
	assert_true(block_map_all_clear(&s.map, range(0, NR_BLOCKS)));
	assert_int_equal(block_map_count(&s.map, range(0, NR_BLOCKS)), 0);
	assert_false(block_map_first_run(&s.map, range(0, NR_BLOCKS), &run));
	assert_int_equal(run.first, 7);
	assert_int_equal(run.count, 7);
	assert_int_equal(s.words[NR_WORDS], CANARY);
}

static void contains_is_overflow_safe(void **state)
{
	struct storage s;

	(void)state;
	storage_init(&s);
	assert_true(block_map_contains(&s.map, range(0, NR_BLOCKS)));
	assert_true(block_map_contains(&s.map, range(NR_BLOCKS, 0)));
	assert_false(block_map_contains(&s.map, range(NR_BLOCKS, 1)));
	assert_false(block_map_contains(&s.map, range(1, NR_BLOCKS)));
	assert_false(block_map_contains(&s.map, range(1, UINT64_MAX)));
	assert_false(block_map_contains(&s.map, range(UINT64_MAX, 1)));
	assert_false(block_map_contains(&s.map, range(UINT64_MAX, 2)));
}

static void empty_range_changes_nothing(void **state)
{
	struct storage s;

	(void)state;
	storage_init(&s);
	block_map_set(&s.map, range(64, 0));
	block_map_set(&s.map, range(NR_BLOCKS, 0));
	assert_int_equal(block_map_count(&s.map, range(0, NR_BLOCKS)), 0);
	assert_true(block_map_all_set(&s.map, range(3, 0)));
	assert_true(block_map_all_clear(&s.map, range(3, 0)));
}

/* Every range that begins or ends near the edge of a word. */
static void word_edges(void **state)
{
	struct storage s;

	(void)state;
	for (uint64_t first = 60; first < 70; first++) {
		for (uint64_t end = first + 1; end < 200; end++) {
			struct block_range r = range(first, end - first);
			struct block_range run;

			storage_init(&s);
			block_map_set(&s.map, r);
			assert_true(block_map_all_set(&s.map, r));
			assert_true(
				block_map_all_clear(&s.map, range(0, first)));
			assert_true(block_map_all_clear(
				&s.map, range(end, NR_BLOCKS - end)));
			assert_true(block_map_first_run(
				&s.map, range(0, NR_BLOCKS), &run));
			assert_int_equal(run.first, first);
			assert_int_equal(run.count, end - first);
			block_map_clear(&s.map, r);
			assert_true(block_map_all_clear(&s.map,
							range(0, NR_BLOCKS)));
		}
	}
}

static void run_is_cut_at_range(void **state)
{
	struct storage s;
	struct block_range run;

	(void)state;
	storage_init(&s);
	block_map_set(&s.map, range(0, NR_BLOCKS));
	assert_true(block_map_first_run(&s.map, range(100, 300), &run));
	assert_int_equal(run.first, 100);
	assert_int_equal(run.count, 300);
	assert_int_equal(s.words[NR_WORDS], CANARY);
}

/* ---- against a model --------------------------------------------------- */

static void model_fill(bool *model, struct block_range r, bool value)
{
	for (uint64_t i = 0; i < r.count; i++)
		model[r.first + i] = value;
}

static uint64_t model_count(const bool *model, struct block_range r)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < r.count; i++)
		count += model[r.first + i];
	return count;
}

static bool model_run(const bool *model, struct block_range r,
		      struct block_range *run)
{
	uint64_t end = r.first + r.count;
	uint64_t i = r.first;

	while (i < end && !model[i])
		i++;
	if (i == end)
		return false;
	*run = range(i, 0);
	for (; i < end && model[i]; i++)
		run->count++;
	return true;
}

static void check_range(const struct block_map *map, const bool *model,
			struct block_range r)
{
	struct block_range want, got;
	uint64_t count = model_count(model, r);
	bool found = model_run(model, r, &want);

	assert_int_equal(block_map_count(map, r), count);
	assert_int_equal(block_map_all_set(map, r), count == r.count);
	assert_int_equal(block_map_all_clear(map, r), count == 0);
	assert_int_equal(block_map_first_run(map, r, &got), found);
	if (found) {
		assert_int_equal(got.first, want.first);
		assert_int_equal(got.count, want.count);
	}
}

static struct block_range random_range(struct random *r)
{
	uint64_t first = random_below(r, NR_BLOCKS);
	uint64_t left = NR_BLOCKS - first;
	uint64_t limit = random_below(r, 4) ? 80 : NR_BLOCKS;

	return range(first, random_below(r, left < limit ? left + 1 : limit));
}

static void agrees_with_model(void **state)
{
	static bool model[NR_BLOCKS];
	struct storage s;
	struct random r;

	(void)state;
	random_init(&r);
	storage_init(&s);
	for (int i = 0; i < NR_ROUNDS; i++) {
		struct block_range change = random_range(&r);

		if (random_below(&r, 2)) {
			block_map_set(&s.map, change);
			model_fill(model, change, true);
		} else {
			block_map_clear(&s.map, change);
			model_fill(model, change, false);
		}
		check_range(&s.map, model, random_range(&r));
	}
	check_range(&s.map, model, range(0, NR_BLOCKS));
	assert_int_equal(s.words[NR_WORDS], CANARY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_needed),
		cmocka_unit_test(starts_clear),
		cmocka_unit_test(contains_is_overflow_safe),
		cmocka_unit_test(empty_range_changes_nothing),
		cmocka_unit_test(word_edges),
		cmocka_unit_test(run_is_cut_at_range),
		cmocka_unit_test(agrees_with_model),
	};

	return cmocka_run_group_tests_name("block_map", tests, NULL, NULL);
}
