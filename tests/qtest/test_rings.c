/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring: its sizes, its wrap, and every way in which it can be wrong. */
#include "suite.h"

#include <string.h>

#define BLOCK     (2 * MIB)
#define REQUESTED (64 * MIB)
#define MEMORY    (128 * MIB) /* at boot */

/* ---- sizes --------------------------------------------------------------- */

static void every_power_of_two_is_a_size(void **state)
{
	struct mem *mem = *state;

	for (uint16_t size = 2; size <= 128; size *= 2) {
		mem_start(mem, &(struct mem_setup){ .queue_size = size });
		assert_int_equal(virtio_get(&mem->virtio,
					    VIRTIO_COMMON(queue_size), 2),
				 size);
		for (unsigned int i = 0; i < 2u * size + 1; i++) {
			expect_block_answer(mem, MEM_PLUG, i % 32, 1, MEM_ACK);
			expect_block_answer(mem, MEM_UNPLUG, i % 32, 1,
					    MEM_ACK);
		}
	}
}

/* A request takes two descriptors: in a ring of one they are indirect. */
static void a_queue_of_one(void **state)
{
	struct mem *mem = *state;
	const struct mem_setup setup = {
		.queue_size = 1, .features = UINT64_MAX & ~VIRTIO_EVENT_IDX
	};
	uint8_t bytes[MEM_REQUEST_SIZE], back[MEM_RESPONSE_SIZE];
	const struct mem_pieces p = { .bytes = bytes,
				      .nr_out = 1,
				      .nr_in = 1,
				      .out = { MEM_REQUEST_SIZE },
				      .in = { MEM_RESPONSE_SIZE },
				      .table = mem->arena + MEM_SCRATCH };

	mem_start(mem, &setup);
	mem_encode(bytes, MEM_STATE, config_field(mem, MEM_ADDR), 1);
	for (unsigned int i = 0; i < 5; i++) {
		mem_put_pieces(mem, 0, &p);
		vring_offer(&mem->ring, 0);
		virtio_notify(&mem->virtio);
		assert_int_equal(vring_wait(&mem->ring).len, 10);
		mem_get_pieces(mem, 0, &p, back);
		assert_int_equal(mem_decode(back).type, MEM_ACK);
		assert_int_equal(mem_decode(back).state, MEM_UNPLUGGED);
	}
}

static void other_sizes_are_not_taken(void **state)
{
	const uint16_t sizes[] = { 0,   3,   5,   7,      100,    127,
				   129, 256, 512, 0x4000, 0x8000, 0xffff };
	struct mem *mem = *state;
	const struct virtio *v = &mem->virtio;

	suite_only_paramem();
	virtio_reset(v);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		virtio_set(v, VIRTIO_COMMON(queue_size), 16, 2);
		virtio_set(v, VIRTIO_COMMON(queue_size), sizes[i], 2);
		assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_size), 2),
				 16);
	}
}

static void a_queue_is_fixed_once_enabled(void **state)
{
	struct mem *mem = *state;
	const struct virtio *v = &mem->virtio;

	suite_only_paramem();
	virtio_set(v, VIRTIO_COMMON(queue_size), 2, 2);
	virtio_set(v, VIRTIO_COMMON(queue_desc_lo), 0, 4);
	virtio_set(v, VIRTIO_COMMON(queue_avail_lo), 0, 4);
	virtio_set(v, VIRTIO_COMMON(queue_used_lo), 0, 4);
	virtio_set(v, VIRTIO_COMMON(queue_enable), 0, 2);
	assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_size), 2),
			 MEM_QUEUE_SIZE);
	expect_alive(mem);
}

/* ---- a machine that stands still ---------------------------------------- */

/* What is asked meanwhile waits; nothing is lost. */
static void a_stopped_machine_handles_no_request(void **state)
{
	struct mem *mem = *state;
	struct qmp *qmp = &mem->peer->qmp;

	suite_only_paramem();
	qmp_do(qmp, "stop", NULL);
	mem_put(mem, 0, MEM_UNPLUG_ALL, 0, 0);
	vring_offer(&mem->ring, 0);
	virtio_notify(&mem->virtio);
	/* The loop that would handle it answers these. */
	for (int i = 0; i < 20; i++)
		qmp_do(qmp, "query-status", NULL);
	assert_int_not_equal(vring_device_index(&mem->ring),
			     mem->ring.avail_index);
	qmp_do(qmp, "cont", NULL);
	mem_settle(mem);
}

/* ---- the wrap ------------------------------------------------------------ */

/* As many as the ring holds at a time, all of them the same request. */
static void run_laps(struct mem *mem, unsigned int laps)
{
	uint8_t heads[2 * 128] = { 0 };

	mem_put(mem, 0, MEM_UNPLUG_ALL, 0, 0);
	qtest_write(mem->qtest, mem->ring.avail + VRING_ENTRIES, heads,
		    2u * mem->ring.size);
	for (unsigned int i = 0; i < laps; i++) {
		mem->ring.avail_index += mem->ring.size;
		vring_put_index(&mem->ring, mem->ring.avail_index);
		virtio_notify(&mem->virtio);
		mem->ring.used_index = mem->ring.avail_index;
		assert_int_equal(vring_device_index(&mem->ring),
				 mem->ring.used_index);
	}
}

static void the_index_wraps_at_65536(void **state)
{
	struct mem *mem = *state;

	for (uint16_t size = 8; size <= 128; size *= 16) {
		mem_start(mem, &(struct mem_setup){ .queue_size = size });
		run_laps(mem, 65536 / size - 1);
		/* One at a time over the wrap, and on. */
		for (unsigned int i = 0; i < 2u * size; i++)
			expect_block_state(mem, 0, 1, MEM_UNPLUGGED);
		assert_int_equal(mem->ring.avail_index, size);
		expect_alive(mem);
	}
}

/* A ring that is full when its index wraps. */
static void a_full_ring_over_the_wrap(void **state)
{
	struct mem *mem = *state;

	mem_start(mem, &(struct mem_setup){ .queue_size = 128 });
	run_laps(mem, 511);
	for (unsigned int i = 0; i < 64; i++)
		expect_block_state(mem, 0, 1, MEM_UNPLUGGED);
	mem->prepared = false;
	run_laps(mem, 2);
	expect_alive(mem);
}

/* ---- malformed ----------------------------------------------------------- */

static void expect_no_answer(struct mem *mem)
{
	virtio_notify(&mem->virtio);
	assert_int_equal(vring_device_index(&mem->ring), mem->ring.used_index);
	expect_needs_reset(mem);
}

static void an_index_too_far_ahead(void **state)
{
	const uint16_t steps[] = { MEM_QUEUE_SIZE + 1, 2 * MEM_QUEUE_SIZE,
				   0x7fff, 0x8000, 0xffff };
	struct mem *mem = *state;

	/* QEMU handles what it finds, as often as the index says. */
	suite_only_paramem();
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		mem_put(mem, 0, MEM_UNPLUG_ALL, 0, 0);
		vring_put_index(&mem->ring, steps[i]);
		expect_no_answer(mem);
	}
}

static void heads_that_do_not_exist(void **state)
{
	const uint16_t heads[] = { MEM_QUEUE_SIZE, MEM_QUEUE_SIZE + 1, 0x8000,
				   0xffff };
	struct mem *mem = *state;

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		vring_offer(&mem->ring, heads[i]);
		mem->prepared = false;
		expect_no_answer(mem);
	}
}

static void next_descriptors_that_do_not_exist(void **state)
{
	const uint16_t nexts[] = { MEM_QUEUE_SIZE, MEM_QUEUE_SIZE + 1, 0x8000,
				   0xffff };
	struct mem *mem = *state;

	for (size_t i = 0; i < ARRAY_SIZE(nexts); i++) {
		mem_put(mem, 0, MEM_UNPLUG_ALL, 0, 0);
		vring_desc(&mem->ring, 0, mem->arena + MEM_BUFFERS, 24,
			   VRING_NEXT, nexts[i]);
		vring_offer(&mem->ring, 0);
		expect_no_answer(mem);
	}
}

/* Of one, of two, of the whole ring; of readable and writable ones. */
static void chains_that_are_loops(void **state)
{
	const unsigned int lengths[] = { 1, 2, MEM_QUEUE_SIZE };
	const uint16_t kinds[] = { 0, VRING_WRITE };
	struct mem *mem = *state;

	for (size_t i = 0; i < ARRAY_SIZE(lengths) * 2; i++) {
		unsigned int len = lengths[i / 2];

		for (unsigned int j = 0; j < len; j++)
			vring_desc(&mem->ring, j, mem->arena + MEM_BUFFERS, 1,
				   VRING_NEXT | kinds[i % 2], (j + 1) % len);
		vring_offer(&mem->ring, 0);
		mem->prepared = false;
		expect_no_answer(mem);
	}
}

/* No memory is at any of these, in whole or in part. */
static const struct {
	uint64_t addr;
	uint32_t len;
} nowhere[] = {
	{ MEMORY, 24 },
	{ MEMORY - 8, 24 },
	{ 0xa0000000, 24 },
	{ 3 * GIB, 24 },
	{ 0xfee00000, 24 },
	{ UINT64_C(1) << 46, 24 },
	{ UINT64_C(1) << 52, 24 },
	{ UINT64_C(1) << 63, 24 },
	{ UINT64_MAX, 24 },
	{ -UINT64_C(8), 24 },
	{ -UINT64_C(24), 24 },
	{ UINT64_MAX, UINT32_MAX },
	{ -UINT64_C(1) << 32, UINT32_MAX },
};

static void requests_outside_memory(void **state)
{
	struct mem *mem = *state;

	suite_only_paramem();
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		mem_put(mem, 0, MEM_UNPLUG_ALL, 0, 0);
		vring_desc(&mem->ring, 0, nowhere[i].addr, nowhere[i].len,
			   VRING_NEXT, 1);
		vring_offer(&mem->ring, 0);
		expect_no_answer(mem);
	}
}

/* And nothing is done that could not be answered. */
static void answers_outside_memory(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);

	suite_only_paramem();
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		mem_put(mem, 0, MEM_PLUG, addr, 1);
		vring_desc(&mem->ring, 1, nowhere[i].addr, nowhere[i].len,
			   VRING_WRITE, 0);
		vring_offer(&mem->ring, 0);
		expect_no_answer(mem);
	}
	expect_plugged(mem, 0);
}

/* A length that reaches past memory hurts only if it has to be used. */
static void long_buffers_that_end_outside_memory(void **state)
{
	struct mem *mem = *state;

	suite_only_paramem();
	mem_put(mem, 0, MEM_UNPLUG_ALL, 0, 0);
	vring_desc(&mem->ring, 1, mem->arena + MEM_SCRATCH, UINT32_MAX,
		   VRING_WRITE, 0);
	vring_offer(&mem->ring, 0);
	virtio_notify(&mem->virtio);
	if (vring_device_index(&mem->ring) == mem->ring.used_index)
		expect_needs_reset(mem);
}

static void expect_ring_nowhere(struct mem *mem, uint64_t *where, uint64_t addr)
{
	uint64_t before = *where;
	struct mem_answer answer;

	assert_true(virtio_negotiate(&mem->virtio, VIRTIO_VERSION1));
	*where = addr;
	virtio_queue_setup(&mem->virtio, &mem->ring);
	*where = before;
	virtio_driver_ok(&mem->virtio);
	mem->prepared = false;
	mem->ring.avail_index = mem->ring.used_index = 0;
	qtest_memset(mem->qtest, mem->ring.used, 0, 4);
	assert_false(mem_try_request(mem, MEM_UNPLUG_ALL, 0, 0, &answer));
	mem_start(mem, NULL);
	expect_block_answer(mem, MEM_STATE, 0, 1, MEM_ACK);
}

static void rings_outside_memory(void **state)
{
	struct mem *mem = *state;

	suite_only_paramem();
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		uint64_t addr = nowhere[i].addr & -UINT64_C(16);

		expect_ring_nowhere(mem, &mem->ring.desc, addr);
		expect_ring_nowhere(mem, &mem->ring.avail, addr);
		expect_ring_nowhere(mem, &mem->ring.used, addr);
	}
}

/* Whatever the parts make of each other, the device stays in its bounds. */
static void parts_of_a_ring_on_top_of_each_other(void **state)
{
	struct mem *mem = *state;
	uint64_t place = mem->arena;

	for (unsigned int i = 0; i < 8; i++) {
		assert_true(virtio_negotiate(&mem->virtio, VIRTIO_VERSION1));
		vring_init(&mem->ring, mem->qtest, place, 64, 64);
		mem->ring.desc = i & 1 ? place : mem->ring.desc;
		mem->ring.avail = i & 2 ? place : mem->ring.avail;
		mem->ring.used = i & 4 ? place : mem->ring.used;
		virtio_queue_setup(&mem->virtio, &mem->ring);
		virtio_driver_ok(&mem->virtio);
		mem_put(mem, 0, MEM_UNPLUG_ALL, 0, 0);
		for (unsigned int j = 0; j < 64; j++) {
			vring_offer(&mem->ring, 0);
			virtio_notify(&mem->virtio);
		}
		mem_start(mem, NULL);
		expect_alive(mem);
	}
}

/* ---- in device memory ---------------------------------------------------- */

/* Lays the ring out in a block and starts the driver again. */
static void ring_in_block(struct mem *mem, uint64_t block)
{
	uint64_t at = config_field(mem, MEM_ADDR) + block * BLOCK;
	uint64_t arena = mem->arena;

	mem->arena = at;
	mem_start(mem, NULL);
	mem->arena = arena;
}

static void a_ring_in_plugged_memory_works(void **state)
{
	struct mem *mem = *state;

	expect_block_answer(mem, MEM_PLUG, 3, 1, MEM_ACK);
	ring_in_block(mem, 3);
	expect_block_state(mem, 3, 1, MEM_PLUGGED);
	expect_block_answer(mem, MEM_PLUG, 0, 3, MEM_ACK);
	expect_interrupts(mem, VIRTIO_ISR_QUEUE);
	expect_block_answer(mem, MEM_UNPLUG, 0, 3, MEM_ACK);
}

static void a_ring_that_unplugs_itself(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);
	struct mem_answer answer;

	suite_only_paramem();
	expect_block_answer(mem, MEM_PLUG, 0, 4, MEM_ACK);
	ring_in_block(mem, 3);
	assert_false(
		mem_try_request(mem, MEM_UNPLUG, addr + 3 * BLOCK, 1, &answer));
	assert_true(virtio_status(&mem->virtio) & STATUS_NEEDS_RESET);
	assert_int_equal(config_field(mem, MEM_PLUGGED_SIZE), 3 * BLOCK);
	assert_int_equal(qtest_load(mem->qtest, addr + 3 * BLOCK + 2, 2), 0);
	mem_start(mem, NULL);
	expect_block_state(mem, 0, 3, MEM_PLUGGED);
	expect_block_state(mem, 3, 1, MEM_UNPLUGGED);
}

static void a_ring_in_unplugged_memory(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);

	suite_only_paramem();
	expect_ring_nowhere(mem, &mem->ring.desc, addr);
	expect_ring_nowhere(mem, &mem->ring.used, addr);
	expect_ring_nowhere(mem, &mem->ring.avail, addr);
	expect_block_answer(mem, MEM_PLUG, 0, 1, MEM_ACK);
	/* One that ends behind the plugged block. */
	expect_ring_nowhere(mem, &mem->ring.desc, addr + BLOCK - 16);
}

static void buffers_in_unplugged_memory(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);
	const uint64_t places[] = { addr, addr + BLOCK, addr + 2 * BLOCK - 8,
				    addr + GIB - BLOCK };

	suite_only_paramem();
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		mem_put(mem, 0, MEM_PLUG, addr + 20 * BLOCK, 1);
		vring_desc(&mem->ring, 0, places[i], 24, VRING_NEXT, 1);
		vring_offer(&mem->ring, 0);
		expect_no_answer(mem);
		mem_put(mem, 0, MEM_PLUG, addr + 20 * BLOCK, 1);
		vring_desc(&mem->ring, 1, places[i], 10, VRING_WRITE, 0);
		vring_offer(&mem->ring, 0);
		expect_no_answer(mem);
	}
	expect_plugged(mem, 0);
}

/* The place for the answer goes with the request's success. */
static void an_answer_into_what_is_unplugged(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);

	suite_only_paramem();
	expect_block_answer(mem, MEM_PLUG, 0, 2, MEM_ACK);
	mem_put(mem, 0, MEM_UNPLUG, addr + BLOCK, 1);
	vring_desc(&mem->ring, 1, addr + BLOCK, 10, VRING_WRITE, 0);
	vring_offer(&mem->ring, 0);
	virtio_notify(&mem->virtio);
	assert_true(virtio_status(&mem->virtio) & STATUS_NEEDS_RESET);
	mem_start(mem, NULL);
	expect_block_state(mem, 0, 1, MEM_PLUGGED);
	expect_block_state(mem, 1, 1, MEM_UNPLUGGED);
	expect_plugged(mem, BLOCK);
	assert_int_equal(qtest_load(mem->qtest, addr + BLOCK, 8), 0);
}

int main(int argc, char **argv)
{
	const struct peer_config config = {
		.memory = MEMORY,
		.nr_devices = 1,
		.devices = { { .max_size = GIB,
			       .block_size = BLOCK,
			       .requested_size = REQUESTED } },
	};
	const struct CMUnitTest tests[] = {
		SUITE_TEST(every_power_of_two_is_a_size),
		SUITE_TEST(a_queue_of_one),
		SUITE_TEST(other_sizes_are_not_taken),
		SUITE_TEST(a_queue_is_fixed_once_enabled),
		SUITE_TEST(a_stopped_machine_handles_no_request),
		SUITE_TEST(the_index_wraps_at_65536),
		SUITE_TEST(a_full_ring_over_the_wrap),
		SUITE_TEST(an_index_too_far_ahead),
		SUITE_TEST(heads_that_do_not_exist),
		SUITE_TEST(next_descriptors_that_do_not_exist),
		SUITE_TEST(chains_that_are_loops),
		SUITE_TEST(requests_outside_memory),
		SUITE_TEST(answers_outside_memory),
		SUITE_TEST(long_buffers_that_end_outside_memory),
		SUITE_TEST(rings_outside_memory),
		SUITE_TEST(parts_of_a_ring_on_top_of_each_other),
		SUITE_TEST(a_ring_in_plugged_memory_works),
		SUITE_TEST(a_ring_that_unplugs_itself),
		SUITE_TEST(a_ring_in_unplugged_memory),
		SUITE_TEST(buffers_in_unplugged_memory),
		SUITE_TEST(an_answer_into_what_is_unplugged),
	};

	suite_init(argc, argv);
	return SUITE_RUN(tests, &config);
}
