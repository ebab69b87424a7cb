/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration: its fields, widths and generation, and QMP beside it. */
#include "suite.h"

#include <string.h>

#include "deadline.h"

/* Without slack in the way: the usable region is not yet all of it. */
#define BLOCK     (2 * MIB)
#define REGION    (2 * GIB)
#define REQUESTED (64 * MIB)
#define SLACK     (256 * MIB)
/* Of the other device: what the host cannot take back at once. */
#define LARGE     (6 * GIB)

enum { SMALL_DEVICE, LARGE_DEVICE, DEVICES };

static void rule_fields_of_a_fresh_device(void **state)
{
	struct mem *mem = *state;
	struct mem_config config;

	mem_read_config(mem, &config);
	assert_int_equal(config.block_size, BLOCK);
	assert_int_equal(config.node_id, 0);
	assert_int_equal(config.region_size, REGION);
	assert_int_equal(config.plugged_size, 0);
	assert_int_equal(config.requested_size, REQUESTED);
	assert_int_equal(config.addr % config.block_size, 0);
	assert_true(config.usable_size >= config.requested_size);
	assert_int_equal(config.usable_size % config.block_size, 0);
	assert_true(mem->virtio.device_size >= MEM_CONFIG_SIZE);
}

/* All of it in accesses of each width are the same bytes. */
static void rule_every_field_in_every_width(void **state)
{
	struct mem *mem = *state;
	uint8_t bytes[MEM_CONFIG_SIZE];
	uint64_t value;

	expect_block_answer(mem, MEM_PLUG, 3, 2, MEM_ACK);
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = virtio_config(&mem->virtio, i, 1);
	memcpy(&value, bytes + MEM_PLUGGED_SIZE, 8);
	assert_int_equal(value, 2 * BLOCK);
	for (unsigned int width = 2; width <= 8; width *= 2) {
		for (unsigned int i = 0; i < sizeof(bytes); i += width) {
			value = virtio_config(&mem->virtio, i, width);
			assert_memory_equal(&value, bytes + i, width);
		}
	}
}

static void padding_and_what_lies_behind_read_as_zeros(void **state)
{
	struct mem *mem = *state;

	for (unsigned int i = 10; i < 16; i++)
		assert_int_equal(virtio_config(&mem->virtio, i, 1), 0);
	suite_only_paramem();
	assert_int_equal(virtio_config(&mem->virtio, MEM_CONFIG_SIZE, 8), 0);
	assert_int_equal(virtio_config(&mem->virtio, 0xff8, 8), 0);
}

static void rule_the_driver_cannot_write_configuration(void **state)
{
	struct mem *mem = *state;
	struct mem_config before, after;

	mem_read_config(mem, &before);
	for (unsigned int i = 0; i < MEM_CONFIG_SIZE; i++)
		qtest_post_store(mem->qtest, mem->virtio.device + i, 0xff, 1);
	for (unsigned int i = 0; i < MEM_CONFIG_SIZE; i += 8)
		qtest_post_store(mem->qtest, mem->virtio.device + i, UINT64_MAX,
				 8);
	mem_read_config(mem, &after);
	assert_int_equal(before.block_size, after.block_size);
	assert_int_equal(before.node_id, after.node_id);
	assert_int_equal(before.addr, after.addr);
	assert_int_equal(before.region_size, after.region_size);
	assert_int_equal(before.usable_size, after.usable_size);
	assert_int_equal(before.plugged_size, after.plugged_size);
	assert_int_equal(before.requested_size, after.requested_size);
	expect_alive(mem);
}

static void generation_changes_with_the_requested_size(void **state)
{
	struct mem *mem = *state;
	uint8_t before = virtio_generation(&mem->virtio);

	assert_int_equal(virtio_generation(&mem->virtio), before);
	config_field(mem, MEM_REQUESTED_SIZE);
	assert_int_equal(virtio_generation(&mem->virtio), before);
	set_requested(mem, 2 * REQUESTED);
	assert_int_not_equal(virtio_generation(&mem->virtio), before);
}

/* [virtio] 4.1.4.3.1: at each access that could have seen another value. */
static void generation_changes_with_the_plugged_size(void **state)
{
	struct mem *mem = *state;
	uint8_t before = virtio_generation(&mem->virtio), after;

	suite_only_paramem();
	expect_block_answer(mem, MEM_PLUG, 0, 1, MEM_ACK);
	after = virtio_generation(&mem->virtio);
	assert_int_not_equal(after, before);
	expect_block_answer(mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
	assert_int_not_equal(virtio_generation(&mem->virtio), after);
}

/* Plugs 6 GiB, asks to have them back, and starts over without waiting. */
static void start_over_amid_unplug(struct mem *mem)
{
	const uint16_t blocks = LARGE / BLOCK;
	uint64_t addr = config_field(mem, MEM_ADDR);

	set_requested(mem, LARGE);
	assert_int_equal(mem_request(mem, MEM_PLUG, addr, blocks).type,
			 MEM_ACK);
	mem_put(mem, 0, MEM_UNPLUG, addr, blocks);
	vring_offer(&mem->ring, 0);
	virtio_post_notify(&mem->virtio);
	virtio_reset(&mem->virtio);
}

/* A driver that starts meanwhile sees that what it read is of the past. */
static void generation_changes_with_what_ends_late(void **state)
{
	struct mem large, *mem = &large;
	bool seen = false;

	suite_only_paramem();
	suite_open(mem, *state, LARGE_DEVICE);
	for (int i = 0; i < 10 && !seen; i++) {
		int64_t deadline = deadline_in(30000);
		uint8_t before;

		start_over_amid_unplug(mem);
		before = virtio_generation(&mem->virtio);
		seen = config_field(mem, MEM_PLUGGED_SIZE) == LARGE;
		while (config_field(mem, MEM_PLUGGED_SIZE))
			assert_true(deadline_left(deadline) > 0);
		if (seen)
			assert_int_not_equal(virtio_generation(&mem->virtio),
					     before);
		mem_start(mem, NULL);
	}
	if (!seen)
		print_message("the host was always faster\n");
}

static void rule_plugged_size_is_always_true(void **state)
{
	struct mem *mem = *state;

	expect_plugged(mem, 0);
	expect_block_answer(mem, MEM_PLUG, 5, 7, MEM_ACK);
	expect_plugged(mem, 7 * BLOCK);
	expect_block_answer(mem, MEM_PLUG, 100, 1, MEM_ACK);
	expect_plugged(mem, 8 * BLOCK);
	expect_block_answer(mem, MEM_UNPLUG, 6, 2, MEM_ACK);
	expect_plugged(mem, 6 * BLOCK);
	expect_block_answer(mem, MEM_UNPLUG, 4, 3, MEM_ERROR);
	expect_plugged(mem, 6 * BLOCK);
	expect_block_answer(mem, MEM_PLUG, 4, 3, MEM_ERROR);
	expect_plugged(mem, 6 * BLOCK);
	set_requested(mem, 2 * BLOCK);
	expect_plugged(mem, 6 * BLOCK);
	expect_block_answer(mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
	expect_plugged(mem, 0);
}

static void expect_member(const json_t *data, const char *name, uint64_t value)
{
	const json_t *member = json_object_get(data, name);

	assert_true(json_is_integer(member));
	assert_int_equal(json_integer_value(member), value);
}

static void qmp_agrees_with_the_configuration(void **state)
{
	struct mem *mem = *state;
	struct mem_config config;
	json_t *data;

	expect_block_answer(mem, MEM_PLUG, 0, 9, MEM_ACK);
	set_requested(mem, 3 * REQUESTED);
	mem_read_config(mem, &config);
	data = mem_query(mem);
	expect_member(data, "memaddr", config.addr);
	expect_member(data, "requested-size", config.requested_size);
	expect_member(data, "size", config.plugged_size);
	expect_member(data, "max-size", config.region_size);
	expect_member(data, "block-size", config.block_size);
	expect_member(data, "node", config.node_id);
	json_decref(data);
	assert_int_equal(mem_property(mem, "requested-size"),
			 config.requested_size);
	assert_int_equal(mem_property(mem, "size"), config.plugged_size);
	assert_int_equal(mem_property(mem, "block-size"), config.block_size);
	suite_only_paramem();
	assert_int_equal(mem_property(mem, "x-paramem-usable-size"),
			 config.usable_size);
}

/* Late ones may be put together, but the last size is always told. */
static void expect_last_size_event(struct mem *mem, uint64_t size)
{
	bool told;

	/* The timers of a machine without a CPU wait for its clock. */
	if (suite_kind() == PEER_PARAMEM)
		qtest_clock_step(mem->qtest, 1000000000);
	do {
		json_t *data = qmp_wait_event(&mem->peer->qmp,
					      "MEMORY_DEVICE_SIZE_CHANGE");

		const char *id = json_string_value(json_object_get(data, "id"));

		/* What the test before did to another may be told now. */
		told = strcmp(id, mem->id) == 0 &&
		       (uint64_t)json_integer_value(
			       json_object_get(data, "size")) == size;
		json_decref(data);
	} while (!told);
}

static void mistake_15_every_change_of_size_is_told(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_PLUG, 0, 4, MEM_ACK);
	expect_last_size_event(mem, 4 * BLOCK);
	expect_block_answer(mem, MEM_PLUG, 4, 1, MEM_ACK);
	expect_block_answer(mem, MEM_UNPLUG, 0, 2, MEM_ACK);
	expect_last_size_event(mem, 3 * BLOCK);
	expect_block_answer(mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
	expect_last_size_event(mem, 0);
}

/* What was only requested is not told as if it were so. */
static void mistake_15_requested_is_not_resized(void **state)
{
	struct mem *mem = *state;
	json_t *data;

	set_requested(mem, 4 * REQUESTED);
	assert_int_equal(mem_property(mem, "size"), 0);
	data = mem_query(mem);
	expect_member(data, "size", 0);
	json_decref(data);
	if (suite_kind() == PEER_PARAMEM)
		qtest_clock_step(mem->qtest, 1000000000);
	mem_property(mem, "size");
	assert_null(
		qmp_try_event(&mem->peer->qmp, "MEMORY_DEVICE_SIZE_CHANGE", 0));
}

static bool driver_ready(struct mem *mem)
{
	json_t *data = mem_query(mem);
	bool ready =
		json_is_true(json_object_get(data, "x-paramem-driver-ready"));

	json_decref(data);
	return ready;
}

static void mistake_15_a_guest_without_a_driver_is_seen(void **state)
{
	struct mem *mem = *state;

	suite_only_paramem();
	assert_true(driver_ready(mem));
	virtio_reset(&mem->virtio);
	assert_false(driver_ready(mem));
	assert_true(virtio_negotiate(&mem->virtio, VIRTIO_VERSION1));
	assert_false(driver_ready(mem));
	mem_start(mem, NULL);
	assert_true(driver_ready(mem));
}

static void expect_standing(struct mem *mem, const char *standing)
{
	json_t *data = mem_query(mem);

	assert_string_equal(
		json_string_value(json_object_get(data, "x-paramem-standing")),
		standing);
	json_decref(data);
}

static void mistake_15_why_it_is_not_reached_is_told(void **state)
{
	struct mem *mem = *state;
	struct mem_config config;

	suite_only_paramem();
	set_requested(mem, 4 * BLOCK);
	expect_standing(mem, "unnoticed");
	mem_read_config(mem, &config);
	expect_standing(mem, "not-taken");
	/* Who looks at what is plugged asks for nothing. */
	expect_block_state(mem, 0, 4, MEM_UNPLUGGED);
	expect_standing(mem, "not-taken");
	expect_block_answer(mem, MEM_PLUG, 0, 1, MEM_ACK);
	expect_standing(mem, "under-way");
	expect_block_answer(mem, MEM_PLUG, 1, 3, MEM_ACK);
	expect_standing(mem, "reached");
	set_requested(mem, 2 * BLOCK);
	expect_standing(mem, "unnoticed");
	mem_read_config(mem, &config);
	expect_standing(mem, "kept");
	virtio_reset(&mem->virtio);
	expect_standing(mem, "no-driver");
	mem_start(mem, NULL);
}

static void rule_constants_stay_over_a_device_reset(void **state)
{
	struct mem *mem = *state;
	struct mem_config before, after;

	mem_read_config(mem, &before);
	mem_start(mem, NULL);
	mem_read_config(mem, &after);
	assert_int_equal(before.block_size, after.block_size);
	assert_int_equal(before.addr, after.addr);
	assert_int_equal(before.region_size, after.region_size);
	assert_int_equal(before.node_id, after.node_id);
}

int main(int argc, char **argv)
{
	const struct peer_config config = {
		.nr_devices = DEVICES,
		.devices = { { .max_size = REGION,
			       .block_size = BLOCK,
			       .requested_size = REQUESTED,
			       .unplugged_inaccessible = PEER_AUTO },
			     { .max_size = LARGE,
			       .block_size = BLOCK,
			       .unplugged_inaccessible = PEER_AUTO,
			       .no_reserve = true } },
	};
	const struct CMUnitTest tests[] = {
		SUITE_TEST(rule_fields_of_a_fresh_device),
		SUITE_TEST(rule_every_field_in_every_width),
		SUITE_TEST(padding_and_what_lies_behind_read_as_zeros),
		SUITE_TEST(rule_the_driver_cannot_write_configuration),
		SUITE_TEST(generation_changes_with_the_requested_size),
		SUITE_TEST(generation_changes_with_the_plugged_size),
		SUITE_TEST(generation_changes_with_what_ends_late),
		SUITE_TEST(rule_plugged_size_is_always_true),
		SUITE_TEST(qmp_agrees_with_the_configuration),
		SUITE_TEST(mistake_15_every_change_of_size_is_told),
		SUITE_TEST(mistake_15_requested_is_not_resized),
		SUITE_TEST(mistake_15_a_guest_without_a_driver_is_seen),
		SUITE_TEST(mistake_15_why_it_is_not_reached_is_told),
		SUITE_TEST(rule_constants_stay_over_a_device_reset),
	};

	suite_init(argc, argv);
	return SUITE_RUN(tests, &config);
}
