/* SPDX-License-Identifier: BSD-3-Clause */
/* What the test programs share. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fatal.h"

enum { SKIPPED = 77 };

static const char *program;

/* The machine that all tests of a program have. */
static struct {
	struct peer_config config;
	struct peer *peer;
	struct mem mem;
} machine;

/* ---- the program --------------------------------------------------------- */

static void fail_test(const char *sentence)
{
	fail_msg("%s", sentence);
}

void suite_catch_fatal(void)
{
	fatal_set_handler(fail_test);
}

void suite_init(int argc, char **argv)
{
	if (argc < 2 || access(argv[1], X_OK)) {
		fprintf(stderr, "no peer: %s\n", argc < 2 ? "" : argv[1]);
		exit(SKIPPED);
	}
	program = argv[1];
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	suite_catch_fatal();
}

const char *suite_program(void)
{
	return program;
}

enum peer_kind suite_kind(void)
{
	return strstr(program, "qemu") ? PEER_QEMU : PEER_PARAMEM;
}

void suite_only_paramem(void)
{
	if (suite_kind() != PEER_PARAMEM)
		skip();
}

/* ---- the machine --------------------------------------------------------- */

void suite_config(const struct peer_config *config)
{
	machine.config = *config;
	machine.config.kind = suite_kind();
	machine.config.program = program;
}

int suite_start(void **state)
{
	machine.peer = peer_start(&machine.config);
	*state = &machine.mem;
	return 0;
}

/* One that a failed test left unusable is replaced. */
int suite_fresh(void **state)
{
	struct mem *mem = &machine.mem;

	*state = mem;
	if (!machine.peer || machine.peer->qtest.stream.dead ||
	    machine.peer->qmp.stream.dead) {
		peer_kill(machine.peer);
		machine.peer = NULL;
		machine.peer = peer_start(&machine.config);
	}
	mem->peer = machine.peer;
	mem->qtest = &machine.peer->qtest;
	for (unsigned int i = machine.config.nr_devices; i-- > 0;) {
		peer_device_id(mem->id, sizeof(mem->id), i);
		set_requested(mem, machine.config.devices[i].requested_size);
	}
	peer_system_reset(machine.peer);
	qmp_drop_events(&machine.peer->qmp);
	mem_open(mem, machine.peer, 0);
	mem_start(mem, NULL);
	qtest_irq_take_all(mem->qtest);
	return 0;
}

int suite_stop(void **state)
{
	(void)state;
	peer_stop(machine.peer);
	machine.peer = NULL;
	return 0;
}

void suite_open(struct mem *mem, const struct mem *first, unsigned int nth)
{
	mem_open(mem, first->peer, nth);
	mem_start(mem, NULL);
}

/* ---- what is checked again and again ------------------------------------- */

void expect_answer(struct mem *mem, uint16_t type, uint64_t addr,
		   uint16_t nb_blocks, uint16_t answer)
{
	assert_int_equal(mem_request(mem, type, addr, nb_blocks).type, answer);
}

void expect_state(struct mem *mem, uint64_t addr, uint16_t nb_blocks,
		  uint16_t state)
{
	struct mem_answer answer = mem_request(mem, MEM_STATE, addr, nb_blocks);

	assert_int_equal(answer.type, MEM_ACK);
	assert_int_equal(answer.state, state);
}

static uint64_t block_addr(const struct mem *mem, uint64_t block)
{
	return config_field(mem, MEM_ADDR) +
	       block * config_field(mem, MEM_BLOCK_SIZE);
}

void expect_block_answer(struct mem *mem, uint16_t type, uint64_t block,
			 uint16_t nb_blocks, uint16_t answer)
{
	expect_answer(mem, type, block_addr(mem, block), nb_blocks, answer);
}

void expect_block_state(struct mem *mem, uint64_t block, uint16_t nb_blocks,
			uint16_t state)
{
	expect_state(mem, block_addr(mem, block), nb_blocks, state);
}

void expect_plugged(struct mem *mem, uint64_t size)
{
	struct mem_config config;
	uint64_t sum = 0;

	mem_read_config(mem, &config);
	assert_int_equal(config.plugged_size, size);
	assert_int_equal(mem_property(mem, "size"), size);
	for (uint64_t i = 0; i < config.usable_size / config.block_size; i++) {
		struct mem_answer answer =
			mem_request(mem, MEM_STATE, mem_block(&config, i), 1);

		assert_int_equal(answer.type, MEM_ACK);
		if (answer.state == MEM_PLUGGED)
			sum += config.block_size;
	}
	assert_int_equal(sum, size);
}

uint64_t config_field(const struct mem *mem, unsigned int offset)
{
	return virtio_config(&mem->virtio, offset,
			     offset == MEM_NODE_ID ? 2 : 8);
}

void set_requested(struct mem *mem, uint64_t size)
{
	assert_int_equal(mem_set_requested(mem, size, NULL), 0);
}

void expect_interrupts(struct mem *mem, uint8_t isr)
{
	const struct virtio *v = &mem->virtio;
	uint8_t told = virtio_isr(v);

	/* See virtio_isr(). */
	if (suite_kind() == PEER_QEMU && (isr & VIRTIO_ISR_CONFIG))
		told &= ~VIRTIO_ISR_QUEUE;
	assert_int_equal(told, isr);
	if (!v->msix_cap || !v->msix_target)
		return;
	assert_int_equal(virtio_msix_take(v, VIRTIO_VECTOR_QUEUE),
			 !!(isr & VIRTIO_ISR_QUEUE));
	assert_int_equal(virtio_msix_take(v, VIRTIO_VECTOR_CONFIG),
			 !!(isr & VIRTIO_ISR_CONFIG));
}

void expect_alive(struct mem *mem)
{
	assert_int_equal(virtio_status(&mem->virtio), STATUS_DRIVER_OK);
	expect_block_state(mem, 0, 1, MEM_UNPLUGGED);
}

void expect_needs_reset(struct mem *mem)
{
	struct mem_answer answer;

	assert_int_equal(virtio_status(&mem->virtio),
			 STATUS_DRIVER_OK | STATUS_NEEDS_RESET);
	assert_true(virtio_isr(&mem->virtio) & VIRTIO_ISR_CONFIG);
	mem->ring.used_index = vring_device_index(&mem->ring);
	assert_false(mem_try_request(mem, MEM_STATE, block_addr(mem, 0), 1,
				     &answer));
	mem_start(mem, NULL);
	expect_alive(mem);
}
