/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sizes from nothing to the largest numbers there are: each is taken and told
 * true, or refused with nothing changed.
 */
#include "suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TIB (UINT64_C(1) << 40)

/* Past 2^32 blocks of 1 MiB there is no address space; past 2^32 KiB is. */
static const struct {
	uint64_t block, max;
} sizes[] = {
	{ MIB, 64 * GIB },
	{ 2 * MIB, TIB },
	{ 128 * MIB, 4 * TIB },
	{ GIB, 8 * TIB },
};

enum { DEVICES = ARRAY_SIZE(sizes) };

static void expect_figures(struct mem *mem, unsigned int nth, uint64_t size)
{
	struct mem_config config;
	json_t *data = mem_query(mem);

	mem_read_config(mem, &config);
	assert_int_equal(config.block_size, sizes[nth].block);
	assert_int_equal(config.region_size, sizes[nth].max);
	assert_int_equal(config.requested_size, size);
	assert_true(config.usable_size >= size);
	assert_true(config.usable_size <= config.region_size);
	assert_int_equal(config.usable_size % config.block_size, 0);
	assert_int_equal(mem_property(mem, "requested-size"), size);
	assert_int_equal(
		json_integer_value(json_object_get(data, "requested-size")),
		size);
	assert_int_equal(json_integer_value(json_object_get(data, "max-size")),
			 sizes[nth].max);
	json_decref(data);
}

static void expect_taken(struct mem *mem, unsigned int nth, uint64_t size)
{
	set_requested(mem, size);
	assert_true(virtio_isr(&mem->virtio) & VIRTIO_ISR_CONFIG);
	expect_figures(mem, nth, size);
}

/* @value as it is written in JSON. */
static void expect_refused(struct mem *mem, unsigned int nth, const char *value)
{
	uint64_t before = config_field(mem, MEM_REQUESTED_SIZE);
	struct qmp_error error;
	char line[512];

	snprintf(line, sizeof(line),
		 "{\"execute\": \"qom-set\", \"arguments\": {\"path\": "
		 "\"/machine/peripheral/%s\", \"property\": "
		 "\"requested-size\", \"value\": %s}}",
		 mem->id, value);
	if (qmp_execute_text(&mem->peer->qmp, line, &error))
		fail_msg("a requested size of %s was taken", value);
	assert_true(error.desc[0]);
	assert_int_equal(virtio_isr(&mem->virtio), 0);
	expect_figures(mem, nth, before);
}

static void expect_size_refused(struct mem *mem, unsigned int nth,
				uint64_t size)
{
	char value[32];

	snprintf(value, sizeof(value), "%" PRIu64, size);
	expect_refused(mem, nth, value);
}

static void mistake_12_every_size_that_fits(void **state)
{
	struct mem *mem = *state, other;

	for (unsigned int i = 0; i < DEVICES; i++) {
		uint64_t block = sizes[i].block, max = sizes[i].max;

		suite_open(&other, mem, i);
		expect_taken(&other, i, 0);
		expect_taken(&other, i, block);
		for (uint64_t size = block; size <= max; size *= 2) {
			expect_taken(&other, i, size);
			expect_taken(&other, i, size - block);
		}
		expect_taken(&other, i, max);
		expect_taken(&other, i, 0);
	}
}

static void mistake_12_no_size_that_does_not(void **state)
{
	const uint64_t beyond[] = {
		UINT64_C(1) << 53,       (UINT64_C(1) << 53) + 1,
		UINT64_C(1) << 52,       UINT64_C(1) << 62,
		(UINT64_C(1) << 63) - 1, UINT64_C(1) << 63,
		-UINT64_C(1) << 30,      UINT64_MAX,
	};
	struct mem *mem = *state, other;

	for (unsigned int i = 0; i < DEVICES; i++) {
		uint64_t block = sizes[i].block, max = sizes[i].max;

		suite_open(&other, mem, i);
		expect_taken(&other, i, 3 * block);
		expect_size_refused(&other, i, 1);
		expect_size_refused(&other, i, block - 1);
		expect_size_refused(&other, i, block + 1);
		expect_size_refused(&other, i, block / 2);
		expect_size_refused(&other, i, max + 1);
		expect_size_refused(&other, i, max + block);
		expect_size_refused(&other, i, 2 * max);
		for (size_t j = 0; j < ARRAY_SIZE(beyond); j++)
			expect_size_refused(&other, i, beyond[j]);
	}
}

/* What wraps to something good in 64 or in 32 bits, and what is no size. */
static void mistake_12_numbers_that_would_wrap(void **state)
{
	const char *const values[] = {
		"18446744073709551616", /* 2^64 */
		"18446744073711648768", /* 2^64 + 2 MiB */
		"36893488147419103232", /* 2^65 */
		"1000000000000000000000000000000000000000",
		"-1",
		"-2097152",
		"-9223372036854775808",
		"-9223372036854775809",
		"1.5",
		"1e400",
		"2097152.5",
		"true",
		"null",
		"[]",
		"{}",
		"\"\"",
	};
	struct mem *mem = *state;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		expect_refused(mem, 0, values[i]);
	expect_alive(mem);
}

static void blocks_at_the_end_of_large_regions(void **state)
{
	struct mem *mem = *state, other;

	for (unsigned int i = 0; i < DEVICES; i++) {
		uint64_t last = sizes[i].max / sizes[i].block - 1;

		suite_open(&other, mem, i);
		set_requested(&other, sizes[i].max);
		expect_block_answer(&other, MEM_PLUG, last, 1, MEM_ACK);
		expect_block_answer(&other, MEM_PLUG, last + 1, 1, MEM_ERROR);
		expect_block_answer(&other, MEM_PLUG, last, 2, MEM_ERROR);
		expect_block_state(&other, last - 1, 2, MEM_MIXED);
		assert_int_equal(config_field(&other, MEM_PLUGGED_SIZE),
				 sizes[i].block);
		expect_block_answer(&other, MEM_UNPLUG, last, 1, MEM_ACK);
	}
}

/* Terabytes of blocks that nobody touches are only marked. */
static void plugging_most_of_a_large_region(void **state)
{
	struct mem *mem = *state, other;
	uint64_t block = sizes[1].block, nr = 65535;

	suite_open(&other, mem, 1);
	set_requested(&other, sizes[1].max);
	expect_block_answer(&other, MEM_PLUG, 0, nr, MEM_ACK);
	expect_block_answer(&other, MEM_PLUG, nr, nr, MEM_ACK);
	assert_int_equal(config_field(&other, MEM_PLUGGED_SIZE),
			 2 * nr * block);
	assert_int_equal(mem_property(&other, "size"), 2 * nr * block);
	expect_block_state(&other, 0, nr, MEM_PLUGGED);
	expect_block_answer(&other, MEM_UNPLUG, 1, nr, MEM_ACK);
	expect_block_state(&other, 0, nr, MEM_MIXED);
	expect_block_answer(&other, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
	assert_int_equal(config_field(&other, MEM_PLUGGED_SIZE), 0);
}

static void regions_do_not_overlap(void **state)
{
	struct mem *mem = *state, other;
	uint64_t end = 4 * GIB;

	for (unsigned int i = 0; i < DEVICES; i++) {
		struct mem_config config;

		suite_open(&other, mem, i);
		mem_read_config(&other, &config);
		assert_true(config.addr >= end);
		assert_int_equal(config.addr % config.block_size, 0);
		end = config.addr + config.region_size;
	}
}

/* ---- at the start -------------------------------------------------------- */

static void expect_start_refused(const struct peer_device *device,
				 const char *says)
{
	struct peer_config config = { .kind = PEER_PARAMEM,
				      .program = suite_program(),
				      .nr_devices = 1,
				      .devices = { *device } };
	char text[4096];

	assert_int_not_equal(peer_refuses(&config, text, sizeof(text)), 0);
	if (!strstr(text, says))
		fail_msg("it said: %s", text);
}

static void mistake_09_blocks_below_the_page_size(void **state)
{
	(void)state;
	suite_only_paramem();
	expect_start_refused(&(struct peer_device){ .max_size = GIB,
						    .block_size = MIB,
						    .hugetlb = true,
						    .extra = "page-size=2M" },
			     "page size");
	expect_start_refused(&(struct peer_device){ .max_size = GIB,
						    .block_size = 2 * MIB,
						    .hugetlb = true,
						    .extra = "page-size=1G" },
			     "page size");
}

static void blocks_that_break_the_rules(void **state)
{
	const uint64_t blocks[] = { 3 * MIB, MIB / 2, 4096, MIB + 1,
				    UINT64_C(1) << 63 };

	(void)state;
	suite_only_paramem();
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		expect_start_refused(&(struct peer_device){ .max_size = 3 * GIB,
							    .block_size =
								    blocks[i] },
				     "block size");
}

static void sizes_that_break_the_rules(void **state)
{
	const struct peer_device devices[] = {
		{ .max_size = GIB + MIB, .block_size = 2 * MIB },
		{ .max_size = 0, .block_size = 2 * MIB },
		{ .max_size = UINT64_C(1) << 63, .block_size = 2 * MIB },
		{ .max_size = -UINT64_C(2) << 20, .block_size = 2 * MIB },
		{ .max_size = GIB,
		  .block_size = 2 * MIB,
		  .requested_size = GIB + 2 * MIB },
		{ .max_size = GIB, .block_size = 2 * MIB, .requested_size = 1 },
		{ .max_size = GIB,
		  .block_size = 2 * MIB,
		  .requested_size = UINT64_C(1) << 63 },
	};

	(void)state;
	suite_only_paramem();
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		expect_start_refused(&devices[i], "size");
}

int main(int argc, char **argv)
{
	struct peer_config config = { .nr_devices = DEVICES };
	const struct CMUnitTest tests[] = {
		SUITE_TEST(mistake_12_every_size_that_fits),
		SUITE_TEST(mistake_12_no_size_that_does_not),
		SUITE_TEST(mistake_12_numbers_that_would_wrap),
		SUITE_TEST(blocks_at_the_end_of_large_regions),
		SUITE_TEST(plugging_most_of_a_large_region),
		SUITE_TEST(regions_do_not_overlap),
		SUITE_TEST(mistake_09_blocks_below_the_page_size),
		SUITE_TEST(blocks_that_break_the_rules),
		SUITE_TEST(sizes_that_break_the_rules),
	};

	for (unsigned int i = 0; i < DEVICES; i++) {
		config.devices[i] = (struct peer_device){
			.max_size = sizes[i].max,
			.block_size = sizes[i].block,
			/* More than any host could promise. */
			.extra = "reserve=off",
		};
	}
	/* The first can be asked for at once. */
	config.devices[0].requested_size = 64 * MIB;
	suite_init(argc, argv);
	return SUITE_RUN(tests, &config);
}
