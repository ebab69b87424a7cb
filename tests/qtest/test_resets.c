/* SPDX-License-Identifier: BSD-3-Clause */
/* Resets of the device and of the system; what memory holds, and when. */
#include "suite.h"

#include <string.h>

/* The first device's, and those of one whose memory is a file. */
#define BLOCK     (2 * MIB)
#define REQUESTED (64 * MIB)

enum { ANON, MEMFD, DEVICES };

static uint64_t block_at(const struct mem *mem, uint64_t block)
{
	return config_field(mem, MEM_ADDR) + block * BLOCK;
}

/* A value of its own in the first and the last bytes of a block. */
static uint64_t pattern(uint64_t block)
{
	return UINT64_C(0x9e3779b97f4a7c15) * (block + 1);
}

static void fill(struct mem *mem, uint64_t block)
{
	uint64_t at = block_at(mem, block);

	qtest_memset(mem->qtest, at, block + 1, BLOCK);
	qtest_post_store(mem->qtest, at, pattern(block), 8);
	qtest_store(mem->qtest, at + BLOCK - 8, pattern(block), 8);
}

static void expect_filled(struct mem *mem, uint64_t block)
{
	static uint8_t bytes[BLOCK];
	uint64_t value = pattern(block);

	qtest_read(mem->qtest, block_at(mem, block), bytes, sizeof(bytes));
	assert_memory_equal(bytes, &value, 8);
	assert_memory_equal(bytes + BLOCK - 8, &value, 8);
	for (size_t i = 8; i < BLOCK - 8; i++)
		if (bytes[i] != (uint8_t)(block + 1))
			fail_msg("byte %zu of block %u", i,
				 (unsigned int)block);
}

static void expect_zeros(struct mem *mem, uint64_t block)
{
	static const uint8_t zeros[BLOCK];
	static uint8_t bytes[BLOCK];

	qtest_read(mem->qtest, block_at(mem, block), bytes, sizeof(bytes));
	assert_memory_equal(bytes, zeros, sizeof(bytes));
}

/* ---- resets -------------------------------------------------------------- */

static void rule_a_device_reset_changes_no_block(void **state)
{
	struct mem *mem = *state;
	struct mem_config before, after;

	expect_block_answer(mem, MEM_PLUG, 2, 3, MEM_ACK);
	expect_block_answer(mem, MEM_PLUG, 9, 1, MEM_ACK);
	fill(mem, 2);
	fill(mem, 9);
	set_requested(mem, 2 * REQUESTED);
	set_requested(mem, REQUESTED);
	mem_read_config(mem, &before);
	for (unsigned int i = 0; i < 3; i++)
		mem_start(mem, NULL);
	mem_read_config(mem, &after);
	assert_int_equal(before.plugged_size, after.plugged_size);
	assert_int_equal(before.requested_size, after.requested_size);
	assert_int_equal(before.usable_size, after.usable_size);
	expect_block_state(mem, 2, 3, MEM_PLUGGED);
	expect_block_state(mem, 9, 1, MEM_PLUGGED);
	expect_block_state(mem, 5, 4, MEM_UNPLUGGED);
	expect_plugged(mem, 4 * BLOCK);
	expect_filled(mem, 2);
	expect_filled(mem, 9);
}

static void rule_a_system_reset_unplugs_everything(void **state)
{
	struct mem *mem = *state;
	struct mem_config before, after;

	expect_block_answer(mem, MEM_PLUG, 2, 3, MEM_ACK);
	fill(mem, 2);
	mem_read_config(mem, &before);
	peer_system_reset(mem->peer);
	mem_restart(mem, NULL);
	mem_read_config(mem, &after);
	assert_int_equal(after.plugged_size, 0);
	assert_int_equal(after.requested_size, before.requested_size);
	assert_true(after.usable_size >= after.requested_size);
	assert_int_equal(after.addr, before.addr);
	assert_int_equal(after.region_size, before.region_size);
	expect_plugged(mem, 0);
	expect_block_answer(mem, MEM_PLUG, 2, 3, MEM_ACK);
	expect_zeros(mem, 2);
}

static void a_system_reset_of_all_devices(void **state)
{
	struct mem *mem = *state, other;

	suite_open(&other, mem, MEMFD);
	expect_block_answer(mem, MEM_PLUG, 0, 4, MEM_ACK);
	expect_block_answer(&other, MEM_PLUG, 0, 4, MEM_ACK);
	peer_system_reset(mem->peer);
	mem_restart(mem, NULL);
	mem_restart(&other, NULL);
	expect_plugged(mem, 0);
	expect_plugged(&other, 0);
}

static void many_resets(void **state)
{
	struct mem *mem = *state;

	for (unsigned int i = 0; i < 20; i++) {
		expect_block_answer(mem, MEM_PLUG, i, 2, MEM_ACK);
		peer_system_reset(mem->peer);
		mem_restart(mem, NULL);
		expect_block_state(mem, 0, 32, MEM_UNPLUGGED);
	}
}

/* ---- what memory holds --------------------------------------------------- */

static void rule_plugged_memory_is_never_modified(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_PLUG, 0, 12, MEM_ACK);
	for (unsigned int i = 0; i < 12; i++)
		fill(mem, i);
	for (unsigned int i = 1; i < 12; i += 2)
		expect_block_answer(mem, MEM_UNPLUG, i, 1, MEM_ACK);
	for (unsigned int i = 1; i < 12; i += 2)
		expect_block_answer(mem, MEM_PLUG, i, 1, MEM_ACK);
	set_requested(mem, GIB);
	set_requested(mem, 0);
	expect_block_answer(mem, MEM_UNPLUG, 11, 1, MEM_ACK);
	expect_block_answer(mem, MEM_UNPLUG, 0, 16, MEM_ERROR);
	for (unsigned int i = 0; i < 12; i += 2)
		expect_filled(mem, i);
	for (unsigned int i = 1; i < 11; i += 2)
		expect_zeros(mem, i);
}

static void unplugged_memory_comes_back_empty(void **state)
{
	struct mem *mem = *state, other;

	suite_open(&other, mem, MEMFD);
	for (struct mem *m = mem; m; m = m == mem ? &other : NULL) {
		expect_block_answer(m, MEM_PLUG, 5, 2, MEM_ACK);
		expect_zeros(m, 5);
		fill(m, 5);
		fill(m, 6);
		expect_block_answer(m, MEM_UNPLUG, 5, 1, MEM_ACK);
		expect_block_answer(m, MEM_PLUG, 5, 1, MEM_ACK);
		expect_zeros(m, 5);
		expect_filled(m, 6);
		fill(m, 5);
		expect_block_answer(m, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
		expect_block_answer(m, MEM_PLUG, 5, 2, MEM_ACK);
		expect_zeros(m, 5);
		expect_zeros(m, 6);
	}
}

/* Without UNPLUGGED_INACCESSIBLE; and a write to it is lost. */
static void rule_unplugged_memory_can_be_read(void **state)
{
	struct mem *mem = *state, other;
	struct mem_config config;

	suite_only_paramem();
	mem_read_config(mem, &config);
	for (uint64_t at = config.addr; at < config.addr + config.usable_size;
	     at += 16 * MIB)
		assert_int_equal(qtest_load(mem->qtest, at, 8), 0);
	qtest_store(mem->qtest, block_at(mem, 1), UINT64_MAX, 8);
	qtest_memset(mem->qtest, block_at(mem, 2), 0xff, 4096);
	assert_int_equal(qtest_load(mem->qtest, block_at(mem, 1), 8), 0);
	assert_int_equal(qtest_load(mem->qtest, block_at(mem, 2), 8), 0);
	expect_block_answer(mem, MEM_PLUG, 1, 2, MEM_ACK);
	expect_zeros(mem, 1);
	expect_zeros(mem, 2);
	suite_open(&other, mem, MEMFD);
	assert_int_equal(qtest_load(mem->qtest, block_at(&other, 3), 8), 0);
}

/* An access over the edge gets what is there of either side. */
static void accesses_over_the_edge_of_a_block(void **state)
{
	struct mem *mem = *state;
	uint8_t bytes[64], back[64], want[64] = { 0 };
	uint64_t edge = block_at(mem, 4);

	suite_only_paramem();
	expect_block_answer(mem, MEM_PLUG, 3, 1, MEM_ACK);
	memset(bytes, 0xab, sizeof(bytes));
	qtest_write(mem->qtest, edge - 32, bytes, sizeof(bytes));
	qtest_read(mem->qtest, edge - 32, back, sizeof(back));
	memset(want, 0xab, 32);
	assert_memory_equal(back, want, sizeof(want));
}

/* ---- mistakes ------------------------------------------------------------ */

/* What the host has of it in this process, once it was all written to. */
static void expect_freed(struct mem *mem)
{
	const uint64_t size = 32 * BLOCK;
	uint64_t before = peer_resident(mem->peer), full;

	set_requested(mem, size);
	expect_block_answer(mem, MEM_PLUG, 0, 32, MEM_ACK);
	for (unsigned int i = 0; i < 32; i++)
		qtest_memset(mem->qtest, block_at(mem, i), 0x77, BLOCK);
	full = peer_resident(mem->peer);
	assert_true(full >= before + size - size / 8);
	expect_block_answer(mem, MEM_UNPLUG, 0, 16, MEM_ACK);
	assert_true(peer_resident(mem->peer) <= full - size / 2 + size / 8);
	expect_block_answer(mem, MEM_UNPLUG, 16, 16, MEM_ACK);
	assert_true(peer_resident(mem->peer) <= full - size + size / 8);
}

static void mistake_04_unplugged_memory_is_freed(void **state)
{
	expect_freed(*state);
}

static void mistake_04_unplugged_shared_memory_is_freed(void **state)
{
	struct mem *mem = *state, other;

	suite_open(&other, mem, MEMFD);
	expect_freed(&other);
}

static void mistake_04_a_system_reset_frees_it_too(void **state)
{
	struct mem *mem = *state;
	uint64_t before = peer_resident(mem->peer);

	expect_block_answer(mem, MEM_PLUG, 0, 32, MEM_ACK);
	for (unsigned int i = 0; i < 32; i++)
		qtest_memset(mem->qtest, block_at(mem, i), 0x77, BLOCK);
	peer_system_reset(mem->peer);
	assert_true(peer_resident(mem->peer) < before + 8 * BLOCK);
	mem_restart(mem, NULL);
	expect_plugged(mem, 0);
}

/* Ranges that no power of two but the block is aligned to. */
static void mistake_06_every_block_is_reached_when_plugged(void **state)
{
	const unsigned int blocks[] = { 0, 1, 3, 7, 13, 31, 63, 64, 65, 127 };
	struct mem *mem = *state;

	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		expect_block_answer(mem, MEM_PLUG, blocks[i], 1, MEM_ACK);
		fill(mem, blocks[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		expect_filled(mem, blocks[i]);
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		expect_block_answer(mem, MEM_UNPLUG, blocks[i], 1, MEM_ACK);
	if (suite_kind() != PEER_PARAMEM)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		expect_zeros(mem, blocks[i]);
}

int main(int argc, char **argv)
{
	const struct peer_config config = {
		.nr_devices = DEVICES,
		.devices = { [ANON] = { .max_size = GIB,
					.block_size = BLOCK,
					.requested_size = REQUESTED,
					.unplugged_inaccessible = PEER_AUTO },
			     [MEMFD] = { .max_size = GIB,
					 .block_size = BLOCK,
					 .requested_size = REQUESTED,
					 .unplugged_inaccessible = PEER_OFF,
					 .extra = "backend=memfd" } },
	};
	const struct CMUnitTest tests[] = {
		SUITE_TEST(rule_a_device_reset_changes_no_block),
		SUITE_TEST(rule_a_system_reset_unplugs_everything),
		SUITE_TEST(a_system_reset_of_all_devices),
		SUITE_TEST(many_resets),
		SUITE_TEST(rule_plugged_memory_is_never_modified),
		SUITE_TEST(unplugged_memory_comes_back_empty),
		SUITE_TEST(rule_unplugged_memory_can_be_read),
		SUITE_TEST(accesses_over_the_edge_of_a_block),
		SUITE_TEST(mistake_04_unplugged_memory_is_freed),
		SUITE_TEST(mistake_04_unplugged_shared_memory_is_freed),
		SUITE_TEST(mistake_04_a_system_reset_frees_it_too),
		SUITE_TEST(mistake_06_every_block_is_reached_when_plugged),
	};

	suite_init(argc, argv);
	return SUITE_RUN(tests, &config);
}
