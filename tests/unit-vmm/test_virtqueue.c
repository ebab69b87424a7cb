/* SPDX-License-Identifier: BSD-3-Clause */
/* A split ring, the device's side, against a driver that may do anything. */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "virtio/virtqueue.h"

#define MEMORY 0x10000
#define DESC   0x1000
#define AVAIL  0x2000
#define USED   0x3000
#define DATA   0x8000

#define TABLE 0x4000 /* an indirect one */

enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

struct fixture {
	uint8_t ram[MEMORY];
	uint64_t absent; /* this page is unplugged; 0: none */
	struct guest_memory gm;
	struct virtqueue vq;
	struct virtqueue_chain chain;
};

static bool present(void *opaque, uint64_t offset, uint64_t size)
{
	struct fixture *f = opaque;

	return !f->absent || offset + size <= f->absent ||
	       offset >= f->absent + 0x1000;
}

static int setup(void **state)
{
	static struct fixture f;
	const struct guest_memory_region region = {
		.size = MEMORY, .host = f.ram, .present = present, .opaque = &f
	};

	memset(&f, 0, sizeof(f));
	assert_int_equal(guest_memory_add(&f.gm, &region), 0);
	virtqueue_reset(&f.vq, &f.gm, VIRTQUEUE_SIZE_MAX);
	f.vq.size = 8;
	f.vq.descriptors = DESC;
	f.vq.available = AVAIL;
	f.vq.used = USED;
	*state = &f;
	return 0;
}

static void put(struct fixture *f, uint64_t gpa, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		f->ram[gpa + i] = value >> (i * 8);
}

static uint32_t get(struct fixture *f, uint64_t gpa, int bytes)
{
	uint32_t value = 0;

	for (int i = 0; i < bytes; i++)
		value |= (uint32_t)f->ram[gpa + i] << (i * 8);
	return value;
}

static void desc_at(struct fixture *f, uint64_t at, uint64_t addr, uint32_t len,
		    uint16_t flags, uint16_t next)
{

	put(f, at, addr, 8);
	put(f, at + 8, len, 4);
	put(f, at + 12, flags, 2);
	put(f, at + 14, next, 2);
}

static void desc(struct fixture *f, unsigned int index, uint64_t addr,
		 uint32_t len, uint16_t flags, uint16_t next)
{
	desc_at(f, DESC + index * 16, addr, len, flags, next);
}

/* The same in the indirect table. */
static void entry(struct fixture *f, unsigned int index, uint64_t addr,
		  uint32_t len, uint16_t flags, uint16_t next)
{
	desc_at(f, TABLE + index * 16, addr, len, flags, next);
}

/* Makes @head available as the entry number @index ever. */
static void offer(struct fixture *f, uint16_t index, uint16_t head)
{
	put(f, AVAIL + 4 + index % f->vq.size * 2, head, 2);
	put(f, AVAIL + 2, (uint16_t)(index + 1), 2);
}

static int pop(struct fixture *f)
{
	return virtqueue_pop(&f->vq, &f->chain);
}

static void an_empty_ring_gives_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(pop(f), 0);
	assert_int_equal(pop(f), 0);
	assert_int_equal(f->vq.next_available, 0);
}

static void reset_leaves_the_largest_size(void **state)
{
	struct fixture *f = *state;

	f->vq.ready = true;
	f->vq.next_used = 3;
	virtqueue_reset(&f->vq, &f->gm, VIRTQUEUE_SIZE_MAX);
	assert_int_equal(f->vq.size, VIRTQUEUE_SIZE_MAX);
	assert_false(f->vq.ready);
	assert_int_equal(f->vq.next_used, 0);
	assert_int_equal(f->vq.descriptors, 0);
}

static void one_chain_comes_and_goes_back(void **state)
{
	struct fixture *f = *state;

	desc(f, 5, DATA, 24, NEXT, 2);
	desc(f, 2, DATA + 0x100, 10, WRITE, 0);
	offer(f, 0, 5);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.head, 5);
	assert_int_equal(f->chain.nr_readable, 1);
	assert_int_equal(f->chain.nr_writable, 1);
	assert_int_equal(f->chain.buffers[0].gpa, DATA);
	assert_int_equal(f->chain.buffers[0].len, 24);
	assert_int_equal(f->chain.buffers[1].gpa, DATA + 0x100);
	assert_int_equal(f->chain.buffers[1].len, 10);
	assert_int_equal(pop(f), 0);
	assert_int_equal(virtqueue_push(&f->vq, &f->chain, 10), 0);
	assert_int_equal(get(f, USED + 2, 2), 1);
	assert_int_equal(get(f, USED + 4, 4), 5);
	assert_int_equal(get(f, USED + 8, 4), 10);
}

static void several_chains_keep_their_order(void **state)
{
	struct fixture *f = *state;

	for (uint16_t i = 0; i < 8; i++) {
		desc(f, i, DATA + i, 1, 0, 0);
		offer(f, i, 7 - i);
	}
	for (uint16_t i = 0; i < 8; i++) {
		assert_int_equal(pop(f), 1);
		assert_int_equal(f->chain.head, 7 - i);
		assert_int_equal(virtqueue_push(&f->vq, &f->chain, i), 0);
		assert_int_equal(get(f, USED + 4 + i * 8, 4), 7 - i);
		assert_int_equal(get(f, USED + 8 + i * 8, 4), i);
	}
	assert_int_equal(pop(f), 0);
	assert_int_equal(get(f, USED + 2, 2), 8);
}

static void indexes_wrap_at_65536(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 65536 + 20; i++) {
		desc(f, i % 8, DATA + i % 8, 1, 0, 0);
		offer(f, i, i % 8);
		assert_int_equal(pop(f), 1);
		assert_int_equal(f->chain.head, i % 8);
		assert_int_equal(pop(f), 0);
		assert_int_equal(virtqueue_push(&f->vq, &f->chain, i), 0);
		assert_int_equal(get(f, USED + 2, 2), (uint16_t)(i + 1));
		assert_int_equal(get(f, USED + 4 + i % 8 * 8, 4), i % 8);
	}
}

static void a_loop_breaks_the_rules(void **state)
{
	struct fixture *f = *state;

	desc(f, 0, DATA, 1, NEXT, 0);
	offer(f, 0, 0);
	assert_int_equal(pop(f), -EPROTO);
	desc(f, 0, DATA, 1, NEXT, 1);
	desc(f, 1, DATA, 1, NEXT, 0);
	assert_int_equal(pop(f), -EPROTO);
	assert_int_equal(f->vq.next_available, 0);
}

static void a_chain_may_be_as_long_as_the_queue(void **state)
{
	struct fixture *f = *state;

	for (uint16_t i = 0; i < 8; i++)
		desc(f, i, DATA + i, 1, i < 7 ? NEXT : 0, i + 1);
	offer(f, 0, 0);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.nr_readable, 8);
}

static void an_index_that_jumps_too_far(void **state)
{
	struct fixture *f = *state;

	put(f, AVAIL + 2, 9, 2);
	assert_int_equal(pop(f), -EPROTO);
	put(f, AVAIL + 2, 0xffff, 2); /* backwards */
	assert_int_equal(pop(f), -EPROTO);
	put(f, AVAIL + 2, 8, 2);
	assert_int_equal(pop(f), 1);
}

static void a_descriptor_out_of_range(void **state)
{
	struct fixture *f = *state;

	desc(f, 8, DATA, 1, 0, 0); /* there, and behind the table */
	offer(f, 0, 8);
	assert_int_equal(pop(f), -EPROTO);
	offer(f, 0, 0xffff);
	assert_int_equal(pop(f), -EPROTO);
	desc(f, 0, DATA, 1, NEXT, 8);
	offer(f, 0, 0);
	assert_int_equal(pop(f), -EPROTO);
}

static void readable_buffers_come_first(void **state)
{
	struct fixture *f = *state;

	desc(f, 0, DATA, 1, WRITE | NEXT, 1);
	desc(f, 1, DATA, 1, 0, 0);
	offer(f, 0, 0);
	assert_int_equal(pop(f), -EPROTO);
}

static void a_ring_outside_memory(void **state)
{
	const uint64_t places[] = { MEMORY, MEMORY - 1, UINT64_C(1) << 63,
				    UINT64_MAX - 0xff };
	struct fixture *f = *state;

	desc(f, 0, DATA, 1, 0, 0);
	offer(f, 0, 0);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		f->vq.available = places[i];
		assert_int_equal(pop(f), -EFAULT);
		f->vq.available = AVAIL;
		f->vq.descriptors = places[i];
		assert_int_equal(pop(f), -EFAULT);
		f->vq.descriptors = DESC;
	}
	assert_int_equal(pop(f), 1);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		f->vq.used = places[i];
		assert_int_equal(virtqueue_push(&f->vq, &f->chain, 0), -EFAULT);
	}
	assert_int_equal(f->vq.next_used, 0);
}

static void a_ring_in_memory_that_is_absent(void **state)
{
	struct fixture *f = *state;

	desc(f, 0, DATA, 1, 0, 0);
	offer(f, 0, 0);
	f->absent = AVAIL;
	assert_int_equal(pop(f), -EFAULT);
	assert_false(virtqueue_wants_interrupt(&f->vq));
	f->absent = DESC;
	assert_int_equal(pop(f), -EFAULT);
	f->absent = 0;
	assert_int_equal(pop(f), 1);
	f->absent = USED;
	assert_int_equal(virtqueue_push(&f->vq, &f->chain, 0), -EFAULT);
	f->absent = DATA;
	assert_int_equal(virtqueue_chain_read(&f->vq, &f->chain, f->ram, 1),
			 -EFAULT);
}

static void framing_is_free(void **state)
{
	struct fixture *f = *state;
	char text[16] = "";

	f->vq.size = 64;
	for (int i = 0; i < 10; i++) {
		f->ram[DATA + i * 7] = 'a' + i;
		desc(f, i, DATA + i * 7, 1, NEXT, i + 1);
	}
	desc(f, 10, DATA + 0x100, 3, WRITE | NEXT, 11);
	desc(f, 11, DATA + 0x200, 1, WRITE | NEXT, 12);
	desc(f, 12, DATA + 0x300, 100, WRITE, 0);
	offer(f, 0, 0);
	assert_int_equal(pop(f), 1);
	assert_int_equal(virtqueue_chain_read(&f->vq, &f->chain, text, 15), 10);
	assert_string_equal(text, "abcdefghij");
	assert_int_equal(virtqueue_chain_read(&f->vq, &f->chain, text, 4), 4);
	assert_int_equal(virtqueue_chain_room(&f->chain), 104);
	assert_int_equal(
		virtqueue_chain_write(&f->vq, &f->chain, "0123456789", 10), 10);
	assert_memory_equal(f->ram + DATA + 0x100, "012", 4);
	assert_memory_equal(f->ram + DATA + 0x200, "3", 2);
	assert_memory_equal(f->ram + DATA + 0x300, "456789", 7);
}

static void empty_buffers_are_skipped(void **state)
{
	struct fixture *f = *state;
	uint8_t byte = 0;

	f->ram[DATA] = 'x';
	/* Where an empty buffer lies does not matter. */
	desc(f, 0, UINT64_MAX, 0, NEXT, 1);
	desc(f, 1, DATA, 1, NEXT, 2);
	desc(f, 2, MEMORY, 0, WRITE | NEXT, 3);
	desc(f, 3, DATA + 1, 1, WRITE, 0);
	offer(f, 0, 0);
	assert_int_equal(pop(f), 1);
	assert_int_equal(virtqueue_chain_read(&f->vq, &f->chain, &byte, 1), 1);
	assert_int_equal(byte, 'x');
	assert_int_equal(virtqueue_chain_write(&f->vq, &f->chain, "y", 1), 1);
	assert_int_equal(f->ram[DATA + 1], 'y');
}

static void too_little_room_writes_nothing(void **state)
{
	struct fixture *f = *state;

	desc(f, 0, DATA, 5, WRITE | NEXT, 1);
	desc(f, 1, DATA + 5, 4, WRITE, 0);
	offer(f, 0, 0);
	assert_int_equal(pop(f), 1);
	assert_int_equal(virtqueue_chain_room(&f->chain), 9);
	assert_int_equal(virtqueue_chain_write(&f->vq, &f->chain, "0123456789",
					       10),
			 -ENOSPC);
	assert_int_equal(f->ram[DATA], 0);
	f->chain.nr_writable = 0;
	assert_int_equal(virtqueue_chain_write(&f->vq, &f->chain, "0", 1),
			 -ENOSPC);
	assert_int_equal(virtqueue_chain_write(&f->vq, &f->chain, "", 0), 0);
}

static void room_outside_memory_is_known_before(void **state)
{
	struct fixture *f = *state;

	desc(f, 0, DATA, 4, WRITE | NEXT, 1);
	desc(f, 1, MEMORY, 0, WRITE | NEXT, 2);
	desc(f, 2, MEMORY - 4, 5, WRITE, 0);
	offer(f, 0, 0);
	assert_int_equal(pop(f), 1);
	assert_true(virtqueue_chain_can_write(&f->vq, &f->chain, 0));
	assert_true(virtqueue_chain_can_write(&f->vq, &f->chain, 8));
	assert_false(virtqueue_chain_can_write(&f->vq, &f->chain, 9));
	assert_false(virtqueue_chain_can_write(&f->vq, &f->chain, 10));
	f->absent = DATA;
	assert_false(virtqueue_chain_can_write(&f->vq, &f->chain, 1));
}

/* Eight lengths of almost 4 GiB do not wrap. */
static void room_is_counted_in_64_bits(void **state)
{
	struct fixture *f = *state;

	for (uint16_t i = 0; i < 8; i++)
		desc(f, i, DATA, 0xffffffff, WRITE | (i < 7 ? NEXT : 0), i + 1);
	offer(f, 0, 0);
	assert_int_equal(pop(f), 1);
	assert_int_equal(virtqueue_chain_room(&f->chain),
			 8 * UINT64_C(0xffffffff));
}

static void the_driver_may_decline_interrupts(void **state)
{
	struct fixture *f = *state;

	assert_true(virtqueue_wants_interrupt(&f->vq));
	put(f, AVAIL, 1, 2);
	assert_false(virtqueue_wants_interrupt(&f->vq));
}

static void an_indirect_table_ends_a_chain(void **state)
{
	struct fixture *f = *state;

	f->vq.indirect = true;
	desc(f, 0, DATA, 4, NEXT, 1);
	/* Its own write flag means nothing. */
	desc(f, 1, TABLE, 3 * 16, INDIRECT | WRITE, 0);
	entry(f, 0, DATA + 4, 4, NEXT, 2);
	entry(f, 2, DATA + 8, 4, NEXT | WRITE, 1);
	entry(f, 1, DATA + 12, 4, WRITE, 0);
	offer(f, 0, 0);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.nr_readable, 2);
	assert_int_equal(f->chain.nr_writable, 2);
	assert_int_equal(f->chain.buffers[1].gpa, DATA + 4);
	assert_int_equal(f->chain.buffers[3].gpa, DATA + 12);
}

static void an_indirect_table_may_be_longer_than_the_queue(void **state)
{
	struct fixture *f = *state;

	f->vq.indirect = true;
	for (int i = 0; i < VIRTQUEUE_SIZE_MAX; i++)
		entry(f, i, DATA + i, 1, i < VIRTQUEUE_SIZE_MAX - 1 ? NEXT : 0,
		      i + 1);
	desc(f, 0, TABLE, VIRTQUEUE_SIZE_MAX * 16, INDIRECT, 0);
	offer(f, 0, 0);
	assert_int_equal(pop(f), 1);
	assert_int_equal(f->chain.nr_readable, VIRTQUEUE_SIZE_MAX);
}

static void expect_broken(struct fixture *f, int error)
{
	offer(f, 0, 0);
	assert_int_equal(pop(f), error);
	assert_int_equal(f->vq.next_available, 0);
}

static void an_indirect_table_has_to_be_negotiated(void **state)
{
	struct fixture *f = *state;

	desc(f, 0, TABLE, 16, INDIRECT, 0);
	entry(f, 0, DATA, 4, 0, 0);
	expect_broken(f, -EPROTO);
}

static void an_indirect_table_breaks_the_rules(void **state)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags;
		int error;
	} bad[] = {
		{ TABLE, 16, INDIRECT | NEXT, -EPROTO },
		{ TABLE, 0, INDIRECT, -EPROTO },
		{ TABLE, 15, INDIRECT, -EPROTO },
		{ TABLE, 17, INDIRECT, -EPROTO },
		{ TABLE, (VIRTQUEUE_SIZE_MAX + 1) * 16, INDIRECT, -EPROTO },
		{ TABLE, 0xfffffff0, INDIRECT, -EPROTO },
		{ UINT64_MAX - 7, 16, INDIRECT, -EPROTO },
		{ MEMORY - 8, 16, INDIRECT, -EFAULT },
	};
	struct fixture *f = *state;

	f->vq.indirect = true;
	entry(f, 0, DATA, 4, 0, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		desc(f, 0, bad[i].addr, bad[i].len, bad[i].flags, 1);
		expect_broken(f, bad[i].error);
	}
}

static void what_an_indirect_table_must_not_hold(void **state)
{
	struct fixture *f = *state;

	f->vq.indirect = true;
	desc(f, 0, TABLE, 2 * 16, INDIRECT, 0);
	entry(f, 0, TABLE, 16, INDIRECT, 0); /* a table */
	expect_broken(f, -EPROTO);
	entry(f, 0, DATA, 4, NEXT, 1); /* a table, further on */
	entry(f, 1, TABLE, 16, INDIRECT, 0);
	expect_broken(f, -EPROTO);
	entry(f, 1, DATA, 4, NEXT, 0); /* a loop */
	expect_broken(f, -EPROTO);
	entry(f, 1, DATA, 4, NEXT, 2); /* an index past its end */
	expect_broken(f, -EPROTO);
}

static void a_chain_has_room_for_so_many_buffers(void **state)
{
	struct fixture *f = *state;

	f->vq.indirect = true;
	for (int i = 0; i < VIRTQUEUE_SIZE_MAX; i++)
		entry(f, i, DATA + i, 1, i < VIRTQUEUE_SIZE_MAX - 1 ? NEXT : 0,
		      i + 1);
	desc(f, 0, DATA, 1, NEXT, 1);
	desc(f, 1, TABLE, VIRTQUEUE_SIZE_MAX * 16, INDIRECT, 0);
	expect_broken(f, -EPROTO);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_ring_gives_nothing),
		TEST(reset_leaves_the_largest_size),
		TEST(one_chain_comes_and_goes_back),
		TEST(several_chains_keep_their_order),
		TEST(indexes_wrap_at_65536),
		TEST(a_loop_breaks_the_rules),
		TEST(a_chain_may_be_as_long_as_the_queue),
		TEST(an_index_that_jumps_too_far),
		TEST(a_descriptor_out_of_range),
		TEST(readable_buffers_come_first),
		TEST(a_ring_outside_memory),
		TEST(a_ring_in_memory_that_is_absent),
		TEST(framing_is_free),
		TEST(empty_buffers_are_skipped),
		TEST(too_little_room_writes_nothing),
		TEST(room_outside_memory_is_known_before),
		TEST(room_is_counted_in_64_bits),
		TEST(the_driver_may_decline_interrupts),
		TEST(an_indirect_table_ends_a_chain),
		TEST(an_indirect_table_may_be_longer_than_the_queue),
		TEST(an_indirect_table_has_to_be_negotiated),
		TEST(an_indirect_table_breaks_the_rules),
		TEST(what_an_indirect_table_must_not_hold),
		TEST(a_chain_has_room_for_so_many_buffers),
	};

	return cmocka_run_group_tests_name("virtqueue", tests, NULL, NULL);
}
