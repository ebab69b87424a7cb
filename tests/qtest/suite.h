/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the test programs share: one peer each, which every test finds as a
 * fresh machine, and what is checked again and again.
 *
 * usage of a test program: PROGRAM PEER [PATTERN], with the binary of the peer,
 * which is QEMU's when its name says so
 */
#ifndef QTEST_SUITE_H
#define QTEST_SUITE_H

#include "../unit/cmocka_all.h"

#include "mem.h"
#include "mem_frame.h"
#include "mem_qmp.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Skips (status 77) where there is no peer; makes fatal() fail a test. */
void suite_init(int argc, char **argv);

/* The second of these, again: after somebody else's handler. */
void suite_catch_fatal(void);

/* The binary of the peer, and what it is. */
const char *suite_program(void);
enum peer_kind suite_kind(void);

/* Skips a test of what QEMU does otherwise on purpose, or lacks. */
void suite_only_paramem(void);

/*
 * Runs the tests on one machine made from @config (kind and program are put
 * in). Each has SUITE_TEST's set-up, and a struct mem as its state: the driver
 * of the first device, after a system reset, the requested size as at first.
 */
#define SUITE_TEST(fn) cmocka_unit_test_setup(fn, suite_fresh)
#define SUITE_RUN(tests, config) \
	(suite_config(config),   \
	 cmocka_run_group_tests(tests, suite_start, suite_stop))

void suite_config(const struct peer_config *config);
int suite_start(void **state);
int suite_fresh(void **state);
int suite_stop(void **state);

/* The driver of another device, started. */
void suite_open(struct mem *mem, const struct mem *first, unsigned int nth);

/* ---- what is checked again and again ------------------------------------- */

/* One request and its answer's type. */
void expect_answer(struct mem *mem, uint16_t type, uint64_t addr,
		   uint16_t nb_blocks, uint16_t answer);

/* The state of an acknowledged MEM_STATE. */
void expect_state(struct mem *mem, uint64_t addr, uint16_t nb_blocks,
		  uint16_t state);

/* By block numbers from the start of the region. */
void expect_block_answer(struct mem *mem, uint16_t type, uint64_t block,
			 uint16_t nb_blocks, uint16_t answer);
void expect_block_state(struct mem *mem, uint64_t block, uint16_t nb_blocks,
			uint16_t state);

/* The plugged size, in the configuration, in QMP, and the sum of states. */
void expect_plugged(struct mem *mem, uint64_t size);

uint64_t config_field(const struct mem *mem, unsigned int offset);

void set_requested(struct mem *mem, uint64_t size);

/* The interrupts since the last call, as bits of the interrupt status. */
void expect_interrupts(struct mem *mem, uint8_t isr);

/*
 * The device needs a reset, said so if it could, handles nothing until then
 * and works afterwards.
 */
void expect_needs_reset(struct mem *mem);

/* The device is not in need of a reset, and answers. */
void expect_alive(struct mem *mem);

#endif /* QTEST_SUITE_H */
