/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which sizes a Linux guest can reach, and why one was not: what a machine
 * tells, and what people read of it.
 */
#include "../unit/cmocka_all.h"

#include <string.h>

#include "../../cli/linux_sizes.h"
#include "../../cli/reason.h"

#define M (UINT64_C(1) << 20)
#define G (UINT64_C(1) << 30)

static struct machine_view machine;
static struct mem_view view;

/* A device of blocks of 2 MiB in a small guest that has @size of @requested. */
static void device(uint64_t size, uint64_t requested, const char *standing)
{
	machine = (struct machine_view){
		.status = "running",
		.boot_memory = 512 * M,
	};
	view = (struct mem_view){
		.block_size = 2 * M,
		.size = size,
		.requested_size = requested,
		.max_size = 8 * G,
		.driver_ready = true,
	};
	strcpy(view.standing, standing);
}

static void assert_reason(const char *text, bool there)
{
	struct reason reason = reason_of(&machine, &view);

	if (!!strstr(reason.text, text) != there)
		fail_msg("'%s': '%s'", text, reason.text);
}

#define SAID(text)   assert_reason(text, true)
#define UNSAID(text) assert_reason(text, false)

static void test_reached(void **state)
{
	(void)state;
	device(1 * G, 1 * G, "reached");
	assert_string_equal(reason_of(&machine, &view).text, "");
}

static void test_machine_that_does_not_run(void **state)
{
	(void)state;
	device(0, 1 * G, "unnoticed");
	SAID("hangs");
	strcpy(machine.status, "paused");
	SAID("is paused");
	UNSAID("hangs");
	strcpy(machine.status, "prelaunch");
	SAID("not been started");
	strcpy(machine.status, "internal-error");
	SAID("an error");
	strcpy(machine.status, "shutdown");
	SAID("has shut down");
	/* One that we do not know leaves what is known of the device. */
	strcpy(machine.status, "colo");
	SAID("has not looked");
}

/* A guest that sleeps has put its driver down, as one that has none. */
static void test_no_driver(void **state)
{
	(void)state;
	device(0, 1 * G, "no-driver");
	view.driver_ready = false;
	SAID("no virtio-mem driver is ready");
	SAID("sleeps");
	SAID("booting");
}

static void test_refused(void **state)
{
	(void)state;
	device(0, 1 * G, "refused");
	strcpy(view.last_refusal, "the host has no memory");
	SAID("the host has no memory");
	UNSAID("guest");
}

static void test_driver_busy(void **state)
{
	(void)state;
	device(0, 1 * G, "under-way");
	SAID("still at it");
}

static void test_not_taken(void **state)
{
	(void)state;
	/* What is offline cannot be why before there is enough of it. */
	device(512 * M, 2 * G, "not-taken");
	SAID("low on memory");
	UNSAID("memhp_default_state");
	device(1 * G, 2 * G, "not-taken");
	SAID("low on memory");
	SAID("memhp_default_state=online_movable");
	device(0, 512 * M, "not-taken");
	machine.boot_memory = 64 * G;
	SAID("blocks of up to 2 GiB");
}

static void test_kept(void **state)
{
	(void)state;
	device(1 * G, 512 * M, "kept");
	SAID("in use");
	SAID("memhp_default_state=online_movable");
	/* QEMU does not tell. */
	device(1 * G, 512 * M, "");
	SAID("in use");
}

static void check_sizes(uint64_t size, uint64_t max, uint64_t block,
			uint64_t below, uint64_t above)
{
	struct linux_sizes s = linux_sizes(size, max, block);

	assert_int_equal(s.below, below);
	assert_int_equal(s.above, above);
	assert_int_equal(linux_sizes_reached(&s), below == size);
}

static void test_linux_sizes(void **state)
{
	(void)state;
	check_sizes(0, 100 * M, 2 * M, 0, 0);
	check_sizes(100 * M, 100 * M, 2 * M, 0, 0);
	check_sizes(2 * M, 128 * M, 2 * M, 2 * M, 2 * M);
	check_sizes(777 * M, 777 * M, 1 * M, 768 * M, 0);
	check_sizes(768 * M, 777 * M, 1 * M, 768 * M, 768 * M);
	check_sizes(767 * M, 777 * M, 1 * M, 766 * M, 768 * M);
	check_sizes(257 * M, 1 * G, 1 * M, 256 * M, 258 * M);
	check_sizes(1 * M, 1 * G, 1 * M, 0, 2 * M);
	check_sizes(256 * M, 640 * M, 256 * M, 256 * M, 256 * M);
	check_sizes(1 * G, 1 * G, 1 * G, 1 * G, 1 * G);
	check_sizes(UINT64_C(1) << 52, UINT64_C(1) << 52, 1 * M,
		    UINT64_C(1) << 52, UINT64_C(1) << 52);
}

/* It got as far as it can: its memory is neither low nor in use. */
static void test_size_out_of_reach(void **state)
{
	(void)state;
	device(768 * M, 777 * M, "not-taken");
	view.block_size = M;
	view.max_size = 777 * M;
	SAID("gets to 768 MiB at most rather than 777 MiB");
	SAID("blocks of 128 MiB");
	UNSAID("low");
	device(256 * M, 257 * M, "not-taken");
	view.block_size = M;
	SAID("256 MiB or 258 MiB rather than 257 MiB");
	device(258 * M, 257 * M, "kept");
	view.block_size = M;
	SAID("256 MiB or 258 MiB rather than 257 MiB");
	UNSAID("in use");
	/* Elsewhere that is not why. */
	device(64 * M, 257 * M, "not-taken");
	view.block_size = M;
	SAID("low on memory");
	device(256 * M, 257 * M, "under-way");
	view.block_size = M;
	SAID("still at it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reached),
		cmocka_unit_test(test_machine_that_does_not_run),
		cmocka_unit_test(test_no_driver),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_driver_busy),
		cmocka_unit_test(test_not_taken),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_linux_sizes),
		cmocka_unit_test(test_size_out_of_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
