/* SPDX-License-Identifier: BSD-3-Clause */
/* The client library, held against QEMU. */
#include "suite.h"

#include <string.h>

#include "fatal.h"

static int setup(void **state)
{
	const struct peer_config config = {
		.kind = suite_kind(),
		.program = suite_program(),
		.nr_devices = 2,
		.devices = { { .max_size = GIB,
			       .block_size = 2 * MIB,
			       .requested_size = 64 * MIB,
			       .unplugged_inaccessible = PEER_OFF },
			     { .max_size = 512 * MIB, .block_size = 4 * MIB } },
	};

	*state = peer_start(&config);
	return 0;
}

static int teardown(void **state)
{
	peer_stop(*state);
	return 0;
}

static void memory_in_every_width(void **state)
{
	struct peer *peer = *state;
	struct qtest *qt = &peer->qtest;
	uint8_t bytes[256], back[256];

	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 7;
	qtest_write(qt, 32 * MIB, bytes, sizeof(bytes));
	qtest_read(qt, 32 * MIB, back, sizeof(back));
	assert_memory_equal(bytes, back, sizeof(bytes));
	for (unsigned int len = 1; len <= 8; len *= 2) {
		qtest_store(qt, 32 * MIB, UINT64_C(0x1122334455667788), len);
		assert_int_equal(qtest_load(qt, 32 * MIB, len),
				 UINT64_C(0x1122334455667788) &
					 UINT64_MAX >> (64 - len * 8));
	}
	qtest_memset(qt, 32 * MIB, 0xaa, 5);
	assert_int_equal(qtest_load(qt, 32 * MIB + 1, 8) & 0xffffffff,
			 0xaaaaaaaa);
	for (unsigned int i = 0; i < 1000; i++)
		qtest_post_store(qt, 32 * MIB + i * 4, i, 4);
	assert_int_equal(qtest_load(qt, 32 * MIB + 999 * 4, 4), 999);
}

static void requests_are_answered(void **state)
{
	struct mem_config config;
	struct mem mem;

	mem_open(&mem, *state, 0);
	mem_start(&mem, NULL);
	mem_read_config(&mem, &config);
	assert_int_equal(config.region_size, GIB);
	assert_int_equal(config.requested_size, 64 * MIB);
	for (unsigned int i = 0; i < 200; i++) {
		assert_int_equal(
			mem_request(&mem, MEM_PLUG, config.addr, 2).type,
			MEM_ACK);
		assert_int_equal(
			mem_request(&mem, MEM_STATE, config.addr, 2).state,
			MEM_PLUGGED);
		assert_int_equal(
			mem_request(&mem, MEM_UNPLUG, config.addr, 2).type,
			MEM_ACK);
	}
	assert_int_equal(virtio_isr(&mem.virtio), VIRTIO_ISR_QUEUE);
	assert_int_equal(mem_set_requested(&mem, 128 * MIB, NULL), 0);
	assert_true(virtio_isr(&mem.virtio) & VIRTIO_ISR_CONFIG);
	assert_int_equal(mem_property(&mem, "requested-size"), 128 * MIB);
}

static void requests_in_pieces(void **state)
{
	uint8_t bytes[MEM_REQUEST_SIZE], back[MEM_RESPONSE_SIZE];
	struct mem_pieces pieces = { .bytes = bytes };
	struct mem_config config;
	struct mem mem;

	mem_open(&mem, *state, 1);
	mem_start(&mem, &(struct mem_setup){ .features = UINT64_MAX &
							 ~VIRTIO_EVENT_IDX });
	assert_int_equal(mem_set_requested(&mem, 64 * MIB, NULL), 0);
	mem_read_config(&mem, &config);
	assert_int_equal(config.block_size, 4 * MIB);
	mem_encode(bytes, MEM_PLUG, config.addr, 1);
	pieces.nr_out = mem_cut(pieces.out, sizeof(bytes), 1);
	pieces.nr_in = mem_cut(pieces.in, sizeof(back), 3);
	mem_put_pieces(&mem, 1, &pieces);
	vring_offer(&mem.ring, 1);
	virtio_notify(&mem.virtio);
	assert_int_equal(vring_wait(&mem.ring).len, MEM_RESPONSE_SIZE);
	mem_get_pieces(&mem, 1, &pieces, back);
	assert_int_equal(mem_decode(back).type, MEM_ACK);
	mem_encode(bytes, MEM_STATE, config.addr, 2);
	pieces.table = mem.arena + MEM_SCRATCH;
	mem_put_pieces(&mem, 1, &pieces);
	vring_offer(&mem.ring, 1);
	virtio_notify(&mem.virtio);
	assert_int_equal(vring_wait(&mem.ring).len, MEM_RESPONSE_SIZE);
	mem_get_pieces(&mem, 1, &pieces, back);
	assert_int_equal(mem_decode(back).type, MEM_ACK);
	assert_int_equal(mem_decode(back).state, MEM_MIXED);
}

static void a_reset_makes_a_fresh_machine(void **state)
{
	struct mem_config config;
	struct mem mem;

	mem_open(&mem, *state, 0);
	mem_start(&mem, NULL);
	peer_system_reset(*state);
	mem_restart(&mem, NULL);
	mem_read_config(&mem, &config);
	assert_int_equal(config.plugged_size, 0);
	assert_int_equal(mem_request(&mem, MEM_PLUG, config.addr, 1).type,
			 MEM_ACK);
}

static void interrupt_lines_are_told(void **state)
{
	struct peer *peer = *state;
	struct mem mem;
	int irq;

	qtest_irq_intercept_in(&peer->qtest, "ioapic");
	mem_open(&mem, peer, 0);
	mem_start(&mem, &(struct mem_setup){ .no_msix = true });
	qtest_irq_take_all(&peer->qtest);
	mem_request(&mem, MEM_UNPLUG_ALL, 0, 0);
	irq = qtest_irq_raised(&peer->qtest);
	assert_true(irq >= 0);
	assert_int_equal(qtest_irq_take_all(&peer->qtest), 1);
	assert_true(qtest_irq_level(&peer->qtest, irq));
	assert_int_equal(virtio_isr(&mem.virtio), VIRTIO_ISR_QUEUE);
	assert_false(qtest_irq_level(&peer->qtest, irq));
}

static void qmp_errors_are_returned(void **state)
{
	struct peer *peer = *state;
	struct qmp_error error;
	struct mem mem;

	mem_open(&mem, peer, 0);
	assert_int_equal(mem_set_requested(&mem, 2 * GIB, &error), -1);
	assert_string_equal(error.class, "GenericError");
	assert_true(error.desc[0]);
	assert_null(qmp_execute_text(&peer->qmp, "{]", &error));
}

/* What the last fatal() said. */
static char told[16384];
static jmp_buf back_here;

static void catch_fatal(const char *sentence)
{
	strncpy(told, sentence, sizeof(told) - 1);
	longjmp(back_here, 1);
}

static void a_peer_that_cannot_start_is_fatal(void **state)
{
	const struct peer_config config = { .kind = PEER_PARAMEM,
					    .program = "/bin/false" };

	(void)state;
	if (!setjmp(back_here)) {
		fatal_set_handler(catch_fatal);
		peer_start(&config);
	}
	suite_catch_fatal();
	assert_non_null(strstr(told, "exited with status 1"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_in_every_width),
		cmocka_unit_test(requests_are_answered),
		cmocka_unit_test(requests_in_pieces),
		cmocka_unit_test(a_reset_makes_a_fresh_machine),
		cmocka_unit_test(interrupt_lines_are_told),
		cmocka_unit_test(qmp_errors_are_returned),
		cmocka_unit_test(a_peer_that_cannot_start_is_fatal),
	};

	suite_init(argc, argv);
	return cmocka_run_group_tests(tests, setup, teardown);
}
