/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole machine without a CPU: when it stands still, what it tells, and what
 * does not happen meanwhile.
 */
#include "../unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump/dump.h"
#include "host/loop.h"
#include "machine/machine.h"
#include "machine/machine_parts.h"
#include "machine/observer.h"

#define MIB (UINT64_C(1) << 20)

/* What it told, a letter each: S stopped, G goes on, R reset, E end, ... */
struct fixture {
	struct machine *machine;
	struct machine_observer observer;
	char told[64];
	char dir[64];
	char path[100];
	char dump[100];
};

static void note(void *opaque, char what)
{
	struct fixture *f = opaque;
	size_t len = strlen(f->told);

	assert_true(len + 1 < sizeof(f->told));
	f->told[len] = what;
}

static void on_stopped(void *opaque)
{
	note(opaque, 'S');
}

static void on_resumed(void *opaque)
{
	note(opaque, 'G');
}

static void on_reset(void *opaque, enum machine_cause cause)
{
	(void)cause;
	note(opaque, 'R');
}

static void on_shutdown(void *opaque, enum machine_cause cause)
{
	(void)cause;
	note(opaque, 'E');
}

static void on_powerdown(void *opaque)
{
	note(opaque, 'P');
}

static void on_violation(void *opaque, unsigned int device,
			 const struct violation *violation)
{
	(void)device, (void)violation;
	note(opaque, 'V');
}

static void on_dump_done(void *opaque, const struct dump_info *info)
{
	note(opaque, info->status == DUMP_COMPLETED ? 'D' : 'd');
}

static const struct machine_observer_ops observer_ops = {
	.stopped = on_stopped,
	.resumed = on_resumed,
	.reset = on_reset,
	.shutdown = on_shutdown,
	.powerdown = on_powerdown,
	.violation = on_violation,
	.dump_done = on_dump_done,
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct machine_config config = {
		.cpus = 1,
		.memory = MACHINE_MEMORY_MIN,
		.serial = SERIAL_NONE,
		.accel = ACCEL_QTEST,
		.nr_mem_devices = 1,
		.mem_devices = {
			{ .id = "vm0", .max_size = 64 * MIB,
			  .block_size = 2 * MIB,
			  .on_violation = VIOLATION_STOP },
		},
	};

	strcpy(f->dir, "/tmp/paramem-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/qtest.sock", f->dir);
	snprintf(f->dump, sizeof(f->dump), "%s/core", f->dir);
	config.qtest_path = f->path;
	assert_int_equal(machine_create(&config, &f->machine, NULL), 0);
	f->observer.ops = &observer_ops;
	f->observer.opaque = f;
	assert_int_equal(machine_cont(f->machine, NULL), 0);
	machine_add_observer(f->machine, &f->observer);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	machine_destroy(f->machine);
	unlink(f->dump);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void assert_state(struct fixture *f, enum machine_state state)
{
	assert_string_equal(machine_state_name(machine_state(f->machine)),
			    machine_state_name(state));
}

/* Turns of the loop until that many things were told. */
static void await(struct fixture *f, const char *told)
{
	while (strlen(f->told) < strlen(told))
		assert_int_equal(loop_run_once(machine_loop(f->machine)), 0);
	assert_string_equal(f->told, told);
}

static void violate(struct fixture *f)
{
	const struct violation v = { .gpa = 4096 * MIB, .write = true };

	machine_on_violation(f->machine, 0, &v);
}

static void begin_dump(struct fixture *f)
{
	const struct dump_target target = { .path = f->dump, .fd = -1 };

	assert_int_equal(machine_dump(f->machine, &target, NULL), 0);
}

/* ---- reasons to stand still ---------------------------------------------- */

static void stop_and_cont(void **state)
{
	struct fixture *f = *state;

	machine_stop(f->machine);
	machine_stop(f->machine);
	assert_state(f, MACHINE_PAUSED);
	assert_int_equal(machine_cont(f->machine, NULL), 0);
	assert_int_equal(machine_cont(f->machine, NULL), 0);
	assert_state(f, MACHINE_RUNNING);
	assert_string_equal(f->told, "SG");
}

static void a_violation_stops(void **state)
{
	struct fixture *f = *state;

	violate(f);
	await(f, "VS");
	assert_state(f, MACHINE_PAUSED);
	assert_string_not_equal(machine_pause_reason(f->machine), "");
	assert_int_equal(machine_cont(f->machine, NULL), 0);
	assert_string_equal(machine_pause_reason(f->machine), "");
}

static void a_dump_lets_go_on(void **state)
{
	struct fixture *f = *state;

	begin_dump(f);
	assert_state(f, MACHINE_SAVE_VM);
	await(f, "SDG");
	assert_state(f, MACHINE_RUNNING);
}

static void a_dump_of_what_stands_leaves_it_so(void **state)
{
	struct fixture *f = *state;

	machine_stop(f->machine);
	begin_dump(f);
	assert_state(f, MACHINE_PAUSED);
	await(f, "SD");
	assert_state(f, MACHINE_PAUSED);
}

/* The dump has begun when the main loop gets to the violation. */
static void a_violation_outlasts_a_dump(void **state)
{
	struct fixture *f = *state;

	violate(f);
	begin_dump(f);
	await(f, "SVD");
	assert_state(f, MACHINE_PAUSED);
	assert_string_not_equal(machine_pause_reason(f->machine), "");
	assert_int_equal(machine_cont(f->machine, NULL), 0);
	assert_string_equal(f->told, "SVDG");
}

/* Who wants to look at the guest does not find the next one at work. */
static void a_violation_outlasts_a_reset(void **state)
{
	struct fixture *f = *state;

	violate(f);
	machine_on_guest_reset(f->machine);
	await(f, "VSR");
	assert_state(f, MACHINE_PAUSED);
}

static void an_error_outlasts_a_dump(void **state)
{
	struct fixture *f = *state;
	struct pm_error why = { "" };

	machine_on_vcpu_event(f->machine, ACCEL_EVENT_ERROR, "it is broken");
	begin_dump(f);
	await(f, "SD");
	assert_state(f, MACHINE_INTERNAL_ERROR);
	assert_string_equal(machine_pause_reason(f->machine), "it is broken");
	assert_true(machine_cont(f->machine, &why) < 0);
	machine_request_reset(f->machine);
	await(f, "SDR");
	assert_state(f, MACHINE_PAUSED);
	assert_string_equal(machine_pause_reason(f->machine), "");
}

static void a_reset_ends_a_dump(void **state)
{
	struct fixture *f = *state;

	begin_dump(f);
	machine_request_reset(f->machine);
	while (!strchr(f->told, 'R'))
		assert_int_equal(loop_run_once(machine_loop(f->machine)), 0);
	assert_state(f, MACHINE_RUNNING);
}

static void nothing_goes_on_after_the_end(void **state)
{
	struct fixture *f = *state;

	begin_dump(f);
	machine_request_quit(f->machine);
	while (!strchr(f->told, 'E'))
		assert_int_equal(loop_run_once(machine_loop(f->machine)), 0);
	assert_state(f, MACHINE_SHUTDOWN);
	assert_null(strchr(f->told, 'G'));
	assert_true(machine_cont(f->machine, NULL) < 0);
}

/* ---- what waits meanwhile ------------------------------------------------ */

static void turn(struct fixture *f)
{
	assert_int_equal(loop_run_once(machine_loop(f->machine)), 0);
}

static void the_power_button_waits(void **state)
{
	struct fixture *f = *state;

	machine_stop(f->machine);
	machine_request_powerdown(f->machine);
	turn(f);
	assert_string_equal(f->told, "S");
	assert_int_equal(machine_cont(f->machine, NULL), 0);
	assert_string_equal(f->told, "SGP");
	machine_request_powerdown(f->machine);
	await(f, "SGPP");
}

/* The press was for the guest that is gone. */
static void a_reset_forgets_the_power_button(void **state)
{
	struct fixture *f = *state;

	machine_stop(f->machine);
	machine_request_powerdown(f->machine);
	turn(f);
	machine_request_reset(f->machine);
	await(f, "SR");
	assert_int_equal(machine_cont(f->machine, NULL), 0);
	assert_string_equal(f->told, "SRG");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stop_and_cont),
		TEST(a_violation_stops),
		TEST(a_dump_lets_go_on),
		TEST(a_dump_of_what_stands_leaves_it_so),
		TEST(a_violation_outlasts_a_dump),
		TEST(a_violation_outlasts_a_reset),
		TEST(an_error_outlasts_a_dump),
		TEST(a_reset_ends_a_dump),
		TEST(nothing_goes_on_after_the_end),
		TEST(the_power_button_waits),
		TEST(a_reset_forgets_the_power_button),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
