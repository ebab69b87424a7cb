/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests framed oddly: in any pieces, behind indirect descriptors, and such
 * that no answer can be given.
 */
#include "suite.h"

#include <string.h>

#define BLOCK     (2 * MIB)
#define REQUESTED (64 * MIB)

/* Where indirect tables are put. */
static uint64_t table_of(const struct mem *mem)
{
	return mem->arena + MEM_SCRATCH;
}

/* Indirect descriptors are there to be used. */
static void start_indirect(struct mem *mem)
{
	mem_start(mem, &(struct mem_setup){
			       .features = VIRTIO_INDIRECT |
					   MEM_F_UNPLUGGED_INACCESSIBLE });
}

static void offer(struct mem *mem, uint16_t head)
{
	vring_offer(&mem->ring, head);
	virtio_notify(&mem->virtio);
}

/* Sends pieces at descriptor 1 and takes the answer. */
static struct mem_answer send_pieces(struct mem *mem,
				     const struct mem_pieces *p)
{
	uint8_t back[8192];
	struct vring_used used;

	mem_put_pieces(mem, 1, p);
	offer(mem, 1);
	used = vring_wait(&mem->ring);
	assert_int_equal(used.id, 1);
	assert_int_equal(used.len, MEM_RESPONSE_SIZE);
	mem_get_pieces(mem, 1, p, back);
	return mem_decode(back);
}

/* A plug of two blocks and its undoing, cut the same way. */
static void expect_pieces_work(struct mem *mem, struct mem_pieces *p)
{
	uint64_t addr = config_field(mem, MEM_ADDR);
	uint8_t bytes[256] = { 0 };

	p->bytes = bytes;
	mem_encode(bytes, MEM_PLUG, addr, 2);
	assert_int_equal(send_pieces(mem, p).type, MEM_ACK);
	assert_int_equal(config_field(mem, MEM_PLUGGED_SIZE), 2 * BLOCK);
	mem_encode(bytes, MEM_STATE, addr, 3);
	assert_int_equal(send_pieces(mem, p).state, MEM_MIXED);
	mem_encode(bytes, MEM_UNPLUG, addr, 2);
	assert_int_equal(send_pieces(mem, p).type, MEM_ACK);
	assert_int_equal(config_field(mem, MEM_PLUGGED_SIZE), 0);
}

static void cut_all(struct mem_pieces *p, uint32_t out, uint32_t in)
{
	p->nr_out = mem_cut(p->out, MEM_REQUEST_SIZE, out);
	p->nr_in = mem_cut(p->in, MEM_RESPONSE_SIZE, in);
}

/* ---- in pieces ----------------------------------------------------------- */

static void rule_requests_in_pieces_of_a_byte(void **state)
{
	struct mem_pieces p = { 0 };

	cut_all(&p, 1, 1);
	expect_pieces_work(*state, &p);
}

static void rule_requests_in_pieces_of_every_size(void **state)
{
	struct mem_pieces p = { 0 };

	for (unsigned int each = 2; each <= MEM_REQUEST_SIZE; each++) {
		cut_all(&p, each, each);
		expect_pieces_work(*state, &p);
	}
}

static void rule_requests_cut_anywhere(void **state)
{
	struct mem_pieces p = { .nr_out = 2, .nr_in = 2 };

	for (uint32_t at = 1; at < MEM_REQUEST_SIZE; at++) {
		p.out[0] = at;
		p.out[1] = MEM_REQUEST_SIZE - at;
		p.in[0] = 1 + at % (MEM_RESPONSE_SIZE - 1);
		p.in[1] = MEM_RESPONSE_SIZE - p.in[0];
		expect_pieces_work(*state, &p);
	}
}

/* Descriptors of no length change nothing. */
static void rule_empty_pieces_in_between(void **state)
{
	struct mem_pieces p = {
		.nr_out = 5,
		.nr_in = 5,
		.out = { 0, 10, 0, 14, 0 },
		.in = { 0, 4, 0, 6, 0 },
	};

	suite_only_paramem();
	expect_pieces_work(*state, &p);
}

static void rule_more_room_than_needed(void **state)
{
	struct mem_pieces p = {
		.nr_out = 2,
		.nr_in = 3,
		.out = { 7, 200 },
		.in = { 3, 4000, 4000 },
	};

	expect_pieces_work(*state, &p);
}

static void what_is_behind_the_answer_stays(void **state)
{
	struct mem *mem = *state;
	struct mem_pieces p = { .nr_out = 1,
				.nr_in = 1,
				.out = { MEM_REQUEST_SIZE },
				.in = { 64 } };
	uint8_t bytes[MEM_REQUEST_SIZE], back[64];

	p.bytes = bytes;
	mem_encode(bytes, MEM_UNPLUG_ALL, 0, 0);
	send_pieces(mem, &p);
	mem_get_pieces(mem, 1, &p, back);
	for (unsigned int i = MEM_RESPONSE_SIZE; i < sizeof(back); i++)
		assert_int_equal(back[i], MEM_FILLER);
}

/* ---- indirect ------------------------------------------------------------ */

static void indirect_requests_in_pieces(void **state)
{
	struct mem *mem = *state;
	struct mem_pieces p = { .table = table_of(mem) };

	start_indirect(mem);
	for (unsigned int each = 1; each <= MEM_REQUEST_SIZE; each++) {
		cut_all(&p, each, each);
		expect_pieces_work(mem, &p);
	}
}

/* A well-formed table of two, to be spoilt; one descriptor names it. */
static void put_table(struct mem *mem, uint16_t flags, uint32_t len)
{
	struct mem_pieces p = { .nr_out = 1,
				.nr_in = 1,
				.out = { MEM_REQUEST_SIZE },
				.in = { MEM_RESPONSE_SIZE },
				.table = table_of(mem) };
	uint8_t bytes[MEM_REQUEST_SIZE];

	p.bytes = bytes;
	mem_encode(bytes, MEM_UNPLUG_ALL, 0, 0);
	mem_put_pieces(mem, 1, &p);
	vring_desc(&mem->ring, 1, p.table, len, VRING_INDIRECT | flags, 2);
}

static void spoil_table(struct mem *mem, unsigned int index, uint64_t addr,
			uint16_t flags, uint16_t next)
{
	const struct vring_desc desc = { addr, 8, flags, next };

	vring_put_desc(mem->qtest, table_of(mem), index, &desc);
}

static void expect_chain_needs_reset(struct mem *mem, uint16_t head)
{
	offer(mem, head);
	assert_int_equal(vring_device_index(&mem->ring), mem->ring.used_index);
	expect_needs_reset(mem);
}

static void indirect_tables_of_a_bad_length(void **state)
{
	const uint32_t lengths[] = { 0, 1, 15, 17, 31, 33, 0xfffffff1 };
	struct mem *mem = *state;

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		start_indirect(mem);
		put_table(mem, 0, lengths[i]);
		expect_chain_needs_reset(mem, 1);
	}
}

/* A table that ends before the chain does. */
static void indirect_chains_past_their_table(void **state)
{
	struct mem *mem = *state;

	start_indirect(mem);
	put_table(mem, 0, VRING_DESC_SIZE);
	expect_chain_needs_reset(mem, 1);
	start_indirect(mem);
	put_table(mem, 0, 2 * VRING_DESC_SIZE);
	spoil_table(mem, 0, mem->arena, VRING_NEXT, 2);
	expect_chain_needs_reset(mem, 1);
	start_indirect(mem);
	put_table(mem, 0, 2 * VRING_DESC_SIZE);
	spoil_table(mem, 0, mem->arena, VRING_NEXT, UINT16_MAX);
	expect_chain_needs_reset(mem, 1);
}

/* A table may be longer than what is used of it. */
static void indirect_tables_longer_than_the_queue(void **state)
{
	struct mem *mem = *state;

	start_indirect(mem);
	put_table(mem, 0, 2 * MEM_QUEUE_SIZE * VRING_DESC_SIZE);
	offer(mem, 1);
	assert_int_equal(vring_wait(&mem->ring).len, MEM_RESPONSE_SIZE);
}

/* The longest chain is that of the longest queue. */
static void indirect_chains_longer_than_any_queue(void **state)
{
	struct mem *mem = *state;
	struct mem_pieces p = { .table = table_of(mem) };
	uint8_t bytes[MEM_PIECES_MAX] = { MEM_UNPLUG_ALL };

	suite_only_paramem();
	start_indirect(mem);
	p.bytes = bytes;
	p.nr_in = mem_cut(p.in, MEM_RESPONSE_SIZE, 1);
	p.nr_out = mem_cut(p.out, 128 - MEM_RESPONSE_SIZE, 1);
	assert_int_equal(send_pieces(mem, &p).type, MEM_ACK);
	p.nr_out = mem_cut(p.out, 129 - MEM_RESPONSE_SIZE, 1);
	mem_put_pieces(mem, 1, &p);
	expect_chain_needs_reset(mem, 1);
}

static void indirect_loops(void **state)
{
	struct mem *mem = *state;

	start_indirect(mem);
	put_table(mem, 0, 2 * VRING_DESC_SIZE);
	spoil_table(mem, 0, mem->arena, VRING_NEXT, 0);
	expect_chain_needs_reset(mem, 1);
	start_indirect(mem);
	put_table(mem, 0, 2 * VRING_DESC_SIZE);
	spoil_table(mem, 1, mem->arena, VRING_NEXT | VRING_WRITE, 1);
	expect_chain_needs_reset(mem, 1);
}

static void indirect_within_indirect(void **state)
{
	struct mem *mem = *state;

	start_indirect(mem);
	put_table(mem, 0, 2 * VRING_DESC_SIZE);
	spoil_table(mem, 0, table_of(mem), VRING_INDIRECT, 0);
	expect_chain_needs_reset(mem, 1);
	start_indirect(mem);
	put_table(mem, 0, 2 * VRING_DESC_SIZE);
	spoil_table(mem, 0, table_of(mem), VRING_INDIRECT | VRING_NEXT, 1);
	expect_chain_needs_reset(mem, 1);
}

static void indirect_with_next(void **state)
{
	struct mem *mem = *state;

	suite_only_paramem();
	start_indirect(mem);
	put_table(mem, VRING_NEXT, 2 * VRING_DESC_SIZE);
	expect_chain_needs_reset(mem, 1);
}

/* [virtio] 2.7.5.3.2: the device ignores the write flag of such a one. */
static void indirect_with_write_is_ignored(void **state)
{
	struct mem *mem = *state;

	start_indirect(mem);
	put_table(mem, VRING_WRITE, 2 * VRING_DESC_SIZE);
	offer(mem, 1);
	assert_int_equal(vring_wait(&mem->ring).len, MEM_RESPONSE_SIZE);
}

static void indirect_tables_outside_memory(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);
	const uint64_t tables[] = {
		3 * GIB,       UINT64_C(1) << 51, UINT64_C(1) << 63,
		-UINT64_C(16), -UINT64_C(32),     128 * MIB - 16,
		addr
	};

	suite_only_paramem();
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		start_indirect(mem);
		vring_desc(&mem->ring, 1, tables[i], 32, VRING_INDIRECT, 0);
		mem->prepared = false;
		expect_chain_needs_reset(mem, 1);
	}
}

static void indirect_that_was_not_negotiated(void **state)
{
	struct mem *mem = *state;

	suite_only_paramem();
	put_table(mem, 0, 2 * VRING_DESC_SIZE);
	expect_chain_needs_reset(mem, 1);
}

/* ---- no answer can be given ---------------------------------------------- */

static void put_sizes(struct mem *mem, unsigned int index, uint16_t type,
		      uint32_t request, uint32_t response)
{
	uint8_t bytes[MEM_REQUEST_SIZE];
	struct mem_pieces p = { .bytes = bytes };

	mem_encode(bytes, type, config_field(mem, MEM_ADDR), 1);
	p.nr_out = mem_cut(p.out, request, 5);
	p.nr_in = mem_cut(p.in, response, 5);
	mem_put_pieces(mem, index, &p);
}

static void rule_short_requests_need_a_reset(void **state)
{
	struct mem *mem = *state;

	for (uint32_t len = 1; len < MEM_REQUEST_SIZE; len++) {
		put_sizes(mem, 1, MEM_PLUG, len, MEM_RESPONSE_SIZE);
		expect_chain_needs_reset(mem, 1);
	}
	expect_plugged(mem, 0);
}

static void rule_short_answer_buffers_need_a_reset(void **state)
{
	struct mem *mem = *state;

	for (uint32_t len = 1; len < MEM_RESPONSE_SIZE; len++) {
		put_sizes(mem, 1, MEM_PLUG, MEM_REQUEST_SIZE, len);
		expect_chain_needs_reset(mem, 1);
	}
	/* What cannot be answered is not done either. */
	expect_plugged(mem, 0);
}

static void rule_chains_of_one_kind_need_a_reset(void **state)
{
	struct mem *mem = *state;

	put_sizes(mem, 1, MEM_PLUG, MEM_REQUEST_SIZE, 0);
	expect_chain_needs_reset(mem, 1);
	put_sizes(mem, 1, MEM_PLUG, 0, MEM_RESPONSE_SIZE);
	expect_chain_needs_reset(mem, 1);
	expect_plugged(mem, 0);
}

static void rule_unknown_types_need_a_reset(void **state)
{
	const uint16_t types[] = { 4, 5, 0xff, 0x100, 0x101, 0x8000, 0xffff };
	struct mem *mem = *state;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		put_sizes(mem, 1, types[i], MEM_REQUEST_SIZE,
			  MEM_RESPONSE_SIZE);
		expect_chain_needs_reset(mem, 1);
	}
	expect_plugged(mem, 0);
}

/* [virtio] 2.7.4.2: what the device may write comes last. */
static void readable_behind_writable_needs_a_reset(void **state)
{
	struct mem *mem = *state;
	uint64_t at = mem->arena + MEM_SCRATCH;

	vring_desc(&mem->ring, 1, at, 10, VRING_WRITE | VRING_NEXT, 2);
	vring_desc(&mem->ring, 2, at + 64, 24, 0, 0);
	mem->prepared = false;
	expect_chain_needs_reset(mem, 1);
}

/* ---- batches ------------------------------------------------------------- */

/* Two good requests, a bad one, another good one. */
static void put_batch(struct mem *mem)
{
	uint64_t addr = config_field(mem, MEM_ADDR);

	mem_put(mem, 0, MEM_PLUG, addr, 1);
	mem_put(mem, 2, MEM_PLUG, addr + BLOCK, 1);
	mem_put(mem, 12, MEM_PLUG, addr + 2 * BLOCK, 1);
	vring_offer(&mem->ring, 0);
	vring_offer(&mem->ring, 2);
	vring_offer(&mem->ring, 4);
	vring_offer(&mem->ring, 12);
	virtio_isr(&mem->virtio);
	virtio_msix_clear(&mem->virtio);
	virtio_notify(&mem->virtio);
}

static void expect_first_two(struct mem *mem)
{
	assert_int_equal(vring_device_index(&mem->ring), 2);
	assert_int_equal(vring_wait(&mem->ring).id, 0);
	assert_int_equal(vring_wait(&mem->ring).id, 2);
	assert_int_equal(mem_get(mem, 0).type, MEM_ACK);
	assert_int_equal(mem_get(mem, 2).type, MEM_ACK);
	assert_int_equal(mem_get(mem, 12).type, MEM_NO_ANSWER);
	assert_int_equal(config_field(mem, MEM_PLUGGED_SIZE), 2 * BLOCK);
	assert_int_equal(virtio_isr(&mem->virtio),
			 VIRTIO_ISR_QUEUE | VIRTIO_ISR_CONFIG);
	assert_int_equal(virtio_status(&mem->virtio),
			 STATUS_DRIVER_OK | STATUS_NEEDS_RESET);
}

static void expect_works_again(struct mem *mem)
{
	mem_start(mem, NULL);
	expect_block_state(mem, 0, 2, MEM_PLUGGED);
	expect_block_answer(mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
	expect_plugged(mem, 0);
	mem_start(mem, NULL);
}

static void mistake_08_a_bad_request_strands_no_answers(void **state)
{
	struct mem *mem = *state;

	put_sizes(mem, 4, 0x100, MEM_REQUEST_SIZE, MEM_RESPONSE_SIZE);
	put_batch(mem);
	expect_first_two(mem);
	if (mem->virtio.msix_cap)
		assert_true(
			virtio_msix_take(&mem->virtio, VIRTIO_VECTOR_QUEUE));
	expect_works_again(mem);
}

static void mistake_08_short_ones_strand_no_answers(void **state)
{
	struct mem *mem = *state;

	put_sizes(mem, 4, MEM_PLUG, MEM_REQUEST_SIZE - 1, MEM_RESPONSE_SIZE);
	put_batch(mem);
	expect_first_two(mem);
	expect_works_again(mem);
	put_sizes(mem, 4, MEM_PLUG, MEM_REQUEST_SIZE, MEM_RESPONSE_SIZE - 1);
	put_batch(mem);
	expect_first_two(mem);
	expect_works_again(mem);
}

static void mistake_08_a_bad_chain_strands_no_answers(void **state)
{
	struct mem *mem = *state;

	vring_desc(&mem->ring, 4, mem->arena, 24, VRING_NEXT, 4);
	put_batch(mem);
	expect_first_two(mem);
	expect_works_again(mem);
}

/* Whatever was offered before is gone with the reset. */
static void mistake_08_the_queue_is_not_wedged(void **state)
{
	struct mem *mem = *state;

	for (unsigned int i = 0; i < 100; i++) {
		put_sizes(mem, 1, 77, MEM_REQUEST_SIZE, MEM_RESPONSE_SIZE);
		offer(mem, 1);
		virtio_notify(&mem->virtio);
		mem_start(mem, NULL);
		expect_alive(mem);
	}
}

static void a_batch_of_many_is_answered_in_order(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);

	for (unsigned int i = 0; i < 32; i++) {
		mem_put(mem, i * 2, i % 2 ? MEM_UNPLUG : MEM_PLUG,
			addr + i / 4 * BLOCK, 1);
		vring_offer(&mem->ring, i * 2);
	}
	virtio_notify(&mem->virtio);
	for (unsigned int i = 0; i < 32; i++) {
		assert_int_equal(vring_wait(&mem->ring).id, i * 2);
		assert_int_equal(mem_get(mem, i * 2).type, MEM_ACK);
	}
	expect_plugged(mem, 0);
}

int main(int argc, char **argv)
{
	const struct peer_config config = {
		.nr_devices = 1,
		.devices = { { .max_size = GIB,
			       .block_size = BLOCK,
			       .requested_size = REQUESTED } },
	};
	const struct CMUnitTest tests[] = {
		SUITE_TEST(rule_requests_in_pieces_of_a_byte),
		SUITE_TEST(rule_requests_in_pieces_of_every_size),
		SUITE_TEST(rule_requests_cut_anywhere),
		SUITE_TEST(rule_empty_pieces_in_between),
		SUITE_TEST(rule_more_room_than_needed),
		SUITE_TEST(what_is_behind_the_answer_stays),
		SUITE_TEST(indirect_requests_in_pieces),
		SUITE_TEST(indirect_tables_of_a_bad_length),
		SUITE_TEST(indirect_chains_past_their_table),
		SUITE_TEST(indirect_tables_longer_than_the_queue),
		SUITE_TEST(indirect_chains_longer_than_any_queue),
		SUITE_TEST(indirect_loops),
		SUITE_TEST(indirect_within_indirect),
		SUITE_TEST(indirect_with_next),
		SUITE_TEST(indirect_with_write_is_ignored),
		SUITE_TEST(indirect_tables_outside_memory),
		SUITE_TEST(indirect_that_was_not_negotiated),
		SUITE_TEST(rule_short_requests_need_a_reset),
		SUITE_TEST(rule_short_answer_buffers_need_a_reset),
		SUITE_TEST(rule_chains_of_one_kind_need_a_reset),
		SUITE_TEST(rule_unknown_types_need_a_reset),
		SUITE_TEST(readable_behind_writable_needs_a_reset),
		SUITE_TEST(mistake_08_a_bad_request_strands_no_answers),
		SUITE_TEST(mistake_08_short_ones_strand_no_answers),
		SUITE_TEST(mistake_08_a_bad_chain_strands_no_answers),
		SUITE_TEST(mistake_08_the_queue_is_not_wedged),
		SUITE_TEST(a_batch_of_many_is_answered_in_order),
	};

	suite_init(argc, argv);
	return SUITE_RUN(tests, &config);
}
