/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PLUG, UNPLUG, UNPLUG_ALL and STATE: every answer, and the order of the
 * checks behind them.
 */
#include "suite.h"

/*
 * 32 blocks are requested. The usable region ends before the region does, and
 * where it ends is the device's choice.
 */
#define BLOCK        (2 * MIB)
#define REGION       (2 * GIB)
#define NR_BLOCKS    (REGION / BLOCK)
#define REQUESTED    (32 * BLOCK)
#define NR_REQUESTED 32

static uint64_t usable_blocks(const struct mem *mem)
{
	return config_field(mem, MEM_USABLE_SIZE) / BLOCK;
}

static void rule_plug_and_unplug_are_acknowledged(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_PLUG, 0, 1, MEM_ACK);
	expect_block_answer(mem, MEM_PLUG, 1, 20, MEM_ACK);
	expect_block_answer(mem, MEM_PLUG, 63, 1, MEM_ACK);
	expect_block_state(mem, 0, 21, MEM_PLUGGED);
	expect_block_answer(mem, MEM_UNPLUG, 5, 10, MEM_ACK);
	expect_block_state(mem, 5, 10, MEM_UNPLUGGED);
	expect_block_state(mem, 0, 5, MEM_PLUGGED);
	expect_block_state(mem, 15, 6, MEM_PLUGGED);
	expect_plugged(mem, 12 * BLOCK);
}

static void rule_state_is_plugged_unplugged_or_mixed(void **state)
{
	struct mem *mem = *state;

	expect_block_state(mem, 0, usable_blocks(mem), MEM_UNPLUGGED);
	expect_block_answer(mem, MEM_PLUG, 10, 1, MEM_ACK);
	expect_block_state(mem, 10, 1, MEM_PLUGGED);
	expect_block_state(mem, 9, 1, MEM_UNPLUGGED);
	expect_block_state(mem, 11, 1, MEM_UNPLUGGED);
	expect_block_state(mem, 9, 2, MEM_MIXED);
	expect_block_state(mem, 10, 2, MEM_MIXED);
	expect_block_state(mem, 0, usable_blocks(mem), MEM_MIXED);
}

/* ---- the range ----------------------------------------------------------- */

static void expect_range_error(struct mem *mem, uint64_t addr, uint16_t nb)
{
	expect_answer(mem, MEM_PLUG, addr, nb, MEM_ERROR);
	expect_answer(mem, MEM_UNPLUG, addr, nb, MEM_ERROR);
	expect_answer(mem, MEM_STATE, addr, nb, MEM_ERROR);
}

static void rule_unaligned_addresses_are_errors(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);

	expect_range_error(mem, addr + 1, 1);
	expect_range_error(mem, addr + 4096, 1);
	expect_range_error(mem, addr + BLOCK / 2, 1);
	expect_range_error(mem, addr + BLOCK - 1, 1);
	expect_range_error(mem, addr - 1, 1);
}

static void rule_no_blocks_are_an_error(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);

	expect_range_error(mem, addr, 0);
	expect_range_error(mem, addr + BLOCK, 0);
	expect_range_error(mem, 0, 0);
}

static void rule_outside_the_usable_region_is_an_error(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);
	uint64_t usable = usable_blocks(mem);

	assert_true(usable < NR_BLOCKS);
	expect_range_error(mem, 0, 1);
	expect_range_error(mem, addr - BLOCK, 1);
	expect_range_error(mem, addr - BLOCK, 2);
	expect_range_error(mem, addr + usable * BLOCK, 1);
	expect_range_error(mem, addr + (usable - 1) * BLOCK, 2);
	expect_range_error(mem, addr, usable + 1);
	expect_range_error(mem, addr, UINT16_MAX);
	expect_range_error(mem, addr + REGION, 1);
	expect_range_error(mem, addr + REGION - BLOCK, 1);
	expect_block_answer(mem, MEM_PLUG, usable - 1, 1, MEM_ACK);
	expect_block_answer(mem, MEM_UNPLUG, usable - 1, 1, MEM_ACK);
	expect_plugged(mem, 0);
}

static void rule_ranges_that_overflow_are_errors(void **state)
{
	const uint16_t counts[] = { 1, 2, 2048, 32768, 65535 };
	const uint64_t addrs[] = {
		-BLOCK,
		-2 * BLOCK,
		-2048 * BLOCK,
		UINT64_C(1) << 63,
		(UINT64_C(1) << 63) - BLOCK,
		UINT64_MAX,
		UINT64_MAX - 1,
		UINT64_MAX << 32,
		UINT64_C(1) << 52,
		UINT64_C(1) << 32,
	};
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);

	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		if (addrs[i] == addr)
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(counts); j++)
			expect_range_error(mem, addrs[i], counts[j]);
	}
	/* What is right but for its upper bits. */
	for (unsigned int bit = 33; bit < 64; bit++)
		if (!(addr >> bit & 1))
			expect_range_error(mem, addr | UINT64_C(1) << bit, 1);
	expect_plugged(mem, 0);
}

/* ---- the requested size -------------------------------------------------- */

static void mistake_01_plug_past_requested_is_nack(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_PLUG, 0, NR_REQUESTED + 1, MEM_NACK);
	expect_plugged(mem, 0);
	expect_block_answer(mem, MEM_PLUG, 0, NR_REQUESTED, MEM_ACK);
	expect_block_answer(mem, MEM_PLUG, NR_REQUESTED, 1, MEM_NACK);
	expect_block_answer(mem, MEM_UNPLUG, 3, 1, MEM_ACK);
	expect_block_answer(mem, MEM_PLUG, NR_REQUESTED, 2, MEM_NACK);
	expect_block_answer(mem, MEM_PLUG, NR_REQUESTED, 1, MEM_ACK);
	expect_plugged(mem, REQUESTED);
}

/* The race that breaks a driver for good: the host shrinks, the guest plugs. */
static void mistake_01_a_shrink_that_races_a_plug_is_nack(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_PLUG, 0, 16, MEM_ACK);
	set_requested(mem, 8 * BLOCK);
	expect_block_answer(mem, MEM_PLUG, 16, 16, MEM_NACK);
	expect_block_answer(mem, MEM_PLUG, 16, 1, MEM_NACK);
	set_requested(mem, 0);
	expect_block_answer(mem, MEM_PLUG, 16, 1, MEM_NACK);
	expect_plugged(mem, 16 * BLOCK);
	set_requested(mem, 17 * BLOCK);
	expect_block_answer(mem, MEM_PLUG, 16, 1, MEM_ACK);
}

static void rule_unplug_is_not_held_against_requested(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_PLUG, 0, 16, MEM_ACK);
	set_requested(mem, 16 * BLOCK);
	expect_block_answer(mem, MEM_UNPLUG, 0, 4, MEM_ACK);
	set_requested(mem, 32 * BLOCK);
	expect_block_answer(mem, MEM_UNPLUG, 4, 4, MEM_ACK);
	set_requested(mem, 0);
	expect_block_answer(mem, MEM_UNPLUG, 8, 4, MEM_ACK);
	expect_plugged(mem, 4 * BLOCK);
}

/* ---- the state of the blocks --------------------------------------------- */

static void rule_plug_of_plugged_is_an_error(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_PLUG, 4, 4, MEM_ACK);
	expect_block_answer(mem, MEM_PLUG, 4, 4, MEM_ERROR);
	expect_block_answer(mem, MEM_PLUG, 3, 2, MEM_ERROR);
	expect_block_answer(mem, MEM_PLUG, 7, 2, MEM_ERROR);
	expect_block_answer(mem, MEM_PLUG, 0, 20, MEM_ERROR);
	expect_plugged(mem, 4 * BLOCK);
}

static void rule_unplug_of_unplugged_is_an_error(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_UNPLUG, 0, 1, MEM_ERROR);
	expect_block_answer(mem, MEM_PLUG, 4, 4, MEM_ACK);
	expect_block_answer(mem, MEM_UNPLUG, 3, 2, MEM_ERROR);
	expect_block_answer(mem, MEM_UNPLUG, 7, 2, MEM_ERROR);
	expect_block_answer(mem, MEM_UNPLUG, 0, 20, MEM_ERROR);
	expect_plugged(mem, 4 * BLOCK);
}

/* ---- the order ----------------------------------------------------------- */

static void mistake_10_a_range_error_comes_before_nack(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);
	uint64_t usable = usable_blocks(mem);

	/* All of these are past the requested size as well. */
	expect_answer(mem, MEM_PLUG, addr, usable + 1, MEM_ERROR);
	expect_answer(mem, MEM_PLUG, addr + 1, 40, MEM_ERROR);
	expect_answer(mem, MEM_PLUG, addr + usable * BLOCK, 40, MEM_ERROR);
	expect_answer(mem, MEM_PLUG, addr, UINT16_MAX, MEM_ERROR);
	set_requested(mem, 0);
	expect_answer(mem, MEM_PLUG, addr, 0, MEM_ERROR);
	expect_answer(mem, MEM_PLUG, addr + usable * BLOCK, 1, MEM_ERROR);
	expect_answer(mem, MEM_PLUG, UINT64_MAX, UINT16_MAX, MEM_ERROR);
}

static void rule_nack_comes_before_a_wrong_state(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_PLUG, 0, NR_REQUESTED, MEM_ACK);
	expect_block_answer(mem, MEM_PLUG, 0, 1, MEM_NACK);
	expect_block_answer(mem, MEM_PLUG, 0, NR_REQUESTED, MEM_NACK);
}

/* ---- the usable region --------------------------------------------------- */

static void rule_usable_is_never_below_requested(void **state)
{
	struct mem *mem = *state;
	const uint64_t sizes[] = {
		BLOCK,     2 * BLOCK,      511 * MIB & -BLOCK,
		512 * MIB, REGION - BLOCK, REGION
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		set_requested(mem, sizes[i]);
		assert_true(config_field(mem, MEM_USABLE_SIZE) >= sizes[i]);
		assert_true(config_field(mem, MEM_USABLE_SIZE) <= REGION);
		expect_block_answer(mem, MEM_PLUG, sizes[i] / BLOCK - 1, 1,
				    MEM_ACK);
		expect_block_answer(mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
		assert_true(config_field(mem, MEM_USABLE_SIZE) >= sizes[i]);
	}
}

static void mistake_02_unplug_all_keeps_what_requested_needs(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
	assert_true(config_field(mem, MEM_USABLE_SIZE) >= REQUESTED);
	expect_block_answer(mem, MEM_PLUG, 0, NR_REQUESTED, MEM_ACK);
	expect_block_answer(mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
	assert_true(config_field(mem, MEM_USABLE_SIZE) >= REQUESTED);
	expect_block_answer(mem, MEM_PLUG, 0, NR_REQUESTED, MEM_ACK);
}

static void rule_usable_shrinks_only_in_unplug_all_or_reset(void **state)
{
	struct mem *mem = *state;
	uint64_t first = config_field(mem, MEM_USABLE_SIZE), grown;

	set_requested(mem, GIB);
	grown = config_field(mem, MEM_USABLE_SIZE);
	assert_true(grown > first);
	set_requested(mem, REQUESTED);
	assert_int_equal(config_field(mem, MEM_USABLE_SIZE), grown);
	expect_block_answer(mem, MEM_PLUG, 0, 1, MEM_ACK);
	expect_block_answer(mem, MEM_UNPLUG, 0, 1, MEM_ACK);
	assert_int_equal(config_field(mem, MEM_USABLE_SIZE), grown);
	mem_start(mem, NULL);
	assert_int_equal(config_field(mem, MEM_USABLE_SIZE), grown);
	expect_block_answer(mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
	assert_int_equal(config_field(mem, MEM_USABLE_SIZE), first);
	set_requested(mem, GIB);
	set_requested(mem, REQUESTED);
	peer_system_reset(mem->peer);
	mem_restart(mem, NULL);
	assert_int_equal(config_field(mem, MEM_USABLE_SIZE), first);
}

static void rule_nothing_requested_makes_nothing_usable(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);

	suite_only_paramem();
	set_requested(mem, 0);
	expect_block_answer(mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
	assert_int_equal(config_field(mem, MEM_USABLE_SIZE), 0);
	expect_range_error(mem, addr, 1);
	expect_block_answer(mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
}

/* ---- UNPLUG_ALL and the rest --------------------------------------------- */

static void rule_unplug_all_ignores_its_other_fields(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_PLUG, 0, 8, MEM_ACK);
	expect_answer(mem, MEM_UNPLUG_ALL, UINT64_MAX, UINT16_MAX, MEM_ACK);
	expect_plugged(mem, 0);
	expect_answer(mem, MEM_UNPLUG_ALL, 1, 1, MEM_ACK);
}

/* Every request of this suite has its padding filled; here it is not. */
static void rule_padding_is_ignored(void **state)
{
	uint8_t bytes[MEM_REQUEST_SIZE] = { 0 };
	const struct mem_pieces pieces = {
		.bytes = bytes,
		.nr_out = 1,
		.nr_in = 1,
		.out = { MEM_REQUEST_SIZE },
		.in = { MEM_RESPONSE_SIZE },
	};
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);
	uint8_t response[MEM_RESPONSE_SIZE];

	bytes[0] = MEM_STATE;
	for (unsigned int i = 0; i < 8; i++)
		bytes[8 + i] = addr >> (i * 8);
	bytes[16] = 1;
	mem_put_pieces(mem, 2, &pieces);
	vring_offer(&mem->ring, 2);
	virtio_notify(&mem->virtio);
	assert_int_equal(vring_wait(&mem->ring).len, MEM_RESPONSE_SIZE);
	mem_get_pieces(mem, 2, &pieces, response);
	assert_int_equal(mem_decode(response).type, MEM_ACK);
	assert_int_equal(mem_decode(response).state, MEM_UNPLUGGED);
}

static void mistake_11_the_same_size_again_is_taken(void **state)
{
	struct mem *mem = *state;

	expect_interrupts(mem, 0);
	set_requested(mem, REQUESTED);
	assert_true(virtio_isr(&mem->virtio) & VIRTIO_ISR_CONFIG);
	expect_block_answer(mem, MEM_PLUG, 0, NR_REQUESTED, MEM_ACK);
	set_requested(mem, REQUESTED);
	assert_true(virtio_isr(&mem->virtio) & VIRTIO_ISR_CONFIG);
	set_requested(mem, 0);
	set_requested(mem, 0);
	expect_plugged(mem, REQUESTED);
}

/* Whole regions at once, as a driver at its fastest would. */
static void every_block_of_a_region(void **state)
{
	struct mem *mem = *state;

	set_requested(mem, REGION);
	expect_block_answer(mem, MEM_PLUG, 0, NR_BLOCKS, MEM_ACK);
	expect_block_state(mem, 0, NR_BLOCKS, MEM_PLUGGED);
	expect_block_answer(mem, MEM_PLUG, 0, 1, MEM_NACK);
	for (unsigned int i = 0; i < NR_BLOCKS; i += 2)
		expect_block_answer(mem, MEM_UNPLUG, i, 1, MEM_ACK);
	expect_plugged(mem, REGION / 2);
	expect_block_state(mem, 0, NR_BLOCKS, MEM_MIXED);
	expect_block_answer(mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
	expect_block_state(mem, 0, NR_BLOCKS, MEM_UNPLUGGED);
}

int main(int argc, char **argv)
{
	const struct peer_config config = {
		.nr_devices = 1,
		.devices = { { .max_size = REGION,
			       .block_size = BLOCK,
			       .requested_size = REQUESTED,
			       .unplugged_inaccessible = PEER_AUTO } },
	};
	const struct CMUnitTest tests[] = {
		SUITE_TEST(rule_plug_and_unplug_are_acknowledged),
		SUITE_TEST(rule_state_is_plugged_unplugged_or_mixed),
		SUITE_TEST(rule_unaligned_addresses_are_errors),
		SUITE_TEST(rule_no_blocks_are_an_error),
		SUITE_TEST(rule_outside_the_usable_region_is_an_error),
		SUITE_TEST(rule_ranges_that_overflow_are_errors),
		SUITE_TEST(mistake_01_plug_past_requested_is_nack),
		SUITE_TEST(mistake_01_a_shrink_that_races_a_plug_is_nack),
		SUITE_TEST(rule_unplug_is_not_held_against_requested),
		SUITE_TEST(rule_plug_of_plugged_is_an_error),
		SUITE_TEST(rule_unplug_of_unplugged_is_an_error),
		SUITE_TEST(mistake_10_a_range_error_comes_before_nack),
		SUITE_TEST(rule_nack_comes_before_a_wrong_state),
		SUITE_TEST(rule_usable_is_never_below_requested),
		SUITE_TEST(mistake_02_unplug_all_keeps_what_requested_needs),
		SUITE_TEST(rule_usable_shrinks_only_in_unplug_all_or_reset),
		SUITE_TEST(rule_nothing_requested_makes_nothing_usable),
		SUITE_TEST(rule_unplug_all_ignores_its_other_fields),
		SUITE_TEST(rule_padding_is_ignored),
		SUITE_TEST(mistake_11_the_same_size_again_is_taken),
		SUITE_TEST(every_block_of_a_region),
	};

	suite_init(argc, argv);
	return SUITE_RUN(tests, &config);
}
