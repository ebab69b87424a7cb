/* SPDX-License-Identifier: BSD-3-Clause */
/* The states of a machine: each input in each set of reasons. */
#include "../unit/cmocka_all.h"

#include "machine/run_state.h"

#define ALL (2 * PAUSE_END - 1)

static struct run_state state_of(unsigned int reasons)
{
	return (struct run_state){ reasons };
}

/* The reasons after @input. */
static unsigned int after(unsigned int reasons, enum run_input input)
{
	return run_state_after(state_of(reasons), input).reasons;
}

static enum machine_state called(unsigned int reasons)
{
	return run_state_called(state_of(reasons));
}

static void it_runs_when_no_reason_is_left(void **state)
{
	(void)state;
	assert_true(run_state_runs(state_of(0)));
	for (unsigned int r = 1; r <= ALL; r++)
		assert_false(run_state_runs(state_of(r)));
	assert_int_equal(RUN_STATE_NEW.reasons, PAUSE_LAUNCH);
	assert_int_equal(after(RUN_STATE_NEW.reasons, RUN_CONT), 0);
}

/* No input but those of its own row takes a reason away. */
static void each_reason_ends_by_its_own(void **state)
{
	static const struct {
		enum run_input input;
		unsigned int takes;
		unsigned int adds;
	} rows[] = {
		{ RUN_STOP, 0, PAUSE_OPERATOR },
		{ RUN_CONT, PAUSE_LAUNCH | PAUSE_OPERATOR | PAUSE_VIOLATION,
		  0 },
		{ RUN_VIOLATION, 0, PAUSE_VIOLATION },
		{ RUN_ERROR, 0, PAUSE_ERROR },
		{ RUN_DUMP_BEGINS, 0, PAUSE_DUMP },
		{ RUN_DUMP_ENDS, PAUSE_DUMP, 0 },
		{ RUN_RESET_ENDS, PAUSE_RESET, 0 },
		{ RUN_END, 0, PAUSE_END },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned int r = 0; r <= ALL; r++)
			assert_int_equal(after(r, rows[i].input),
					 (r & ~rows[i].takes) | rows[i].adds);
	}
}

static void a_reset_leaves_the_rest_to_the_operator(void **state)
{
	(void)state;
	assert_int_equal(after(0, RUN_RESET_BEGINS), PAUSE_RESET);
	assert_int_equal(after(PAUSE_VIOLATION, RUN_RESET_BEGINS),
			 PAUSE_OPERATOR | PAUSE_RESET);
	assert_int_equal(after(PAUSE_ERROR | PAUSE_DUMP, RUN_RESET_BEGINS),
			 PAUSE_OPERATOR | PAUSE_DUMP | PAUSE_RESET);
}

static void what_is_refused(void **state)
{
	(void)state;
	for (unsigned int r = 0; r <= ALL; r++) {
		assert_int_equal(run_state_refuses(state_of(r), RUN_CONT),
				 r & (PAUSE_ERROR | PAUSE_DUMP | PAUSE_END));
		assert_int_equal(run_state_refuses(state_of(r),
						   RUN_DUMP_BEGINS),
				 r & (PAUSE_DUMP | PAUSE_RESET | PAUSE_END));
		assert_int_equal(run_state_refuses(state_of(r), RUN_STOP), 0);
	}
}

static void what_it_is_called(void **state)
{
	(void)state;
	assert_int_equal(called(0), MACHINE_RUNNING);
	assert_int_equal(called(PAUSE_RESET), MACHINE_RUNNING);
	assert_int_equal(called(PAUSE_DUMP), MACHINE_SAVE_VM);
	assert_int_equal(called(PAUSE_DUMP | PAUSE_VIOLATION), MACHINE_PAUSED);
	assert_int_equal(called(PAUSE_DUMP | PAUSE_OPERATOR), MACHINE_PAUSED);
	assert_int_equal(called(PAUSE_LAUNCH | PAUSE_OPERATOR),
			 MACHINE_PRELAUNCH);
	assert_int_equal(called(ALL & ~PAUSE_END), MACHINE_INTERNAL_ERROR);
	assert_int_equal(called(ALL), MACHINE_SHUTDOWN);
	assert_string_equal(machine_state_name(MACHINE_SAVE_VM), "save-vm");
	for (unsigned int r = 0; r <= ALL; r++)
		assert_int_equal(run_state_shown_running(state_of(r)),
				 called(r) == MACHINE_RUNNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_runs_when_no_reason_is_left),
		cmocka_unit_test(each_reason_ends_by_its_own),
		cmocka_unit_test(a_reset_leaves_the_rest_to_the_operator),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(what_it_is_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
