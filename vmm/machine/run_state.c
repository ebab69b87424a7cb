/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a machine runs, and why not.
 *
 * A machine has a set of reasons to stand still, and runs when the set is
 * empty. Reasons come and go each by itself: a dump that ends takes away its
 * own and leaves the violation that happened meanwhile.
 *
 *	what happens    not while        takes away            adds
 *	stop                                                   operator
 *	cont            error, dump,     launch, operator,
 *	                end              violation
 *	violation                                              violation
 *	error                                                  error
 *	dump begins     dump, reset, end                       dump
 *	dump ends                        dump
 *	reset begins                     error, violation (1)  reset
 *	reset ends                       reset
 *	end                                                    end
 *
 * (1) They are of the guest that is gone. Who stopped for one wants to start
 *     the next guest by hand, so the operator's reason takes their place.
 *
 * What it is called is the first line here of which it has a reason:
 *
 *	end                   shutdown
 *	error                 internal-error
 *	launch                prelaunch
 *	operator, violation   paused
 *	dump                  save-vm
 *	none, reset           running
 */
#include "run_state.h"

#include <stddef.h>

static const struct {
	unsigned int refused_by;
	unsigned int takes;
	unsigned int adds;
} table[] = {
	[RUN_STOP] = { 0, 0, PAUSE_OPERATOR },
	[RUN_CONT] = { PAUSE_ERROR | PAUSE_DUMP | PAUSE_END,
		       PAUSE_LAUNCH | PAUSE_OPERATOR | PAUSE_VIOLATION, 0 },
	[RUN_VIOLATION] = { 0, 0, PAUSE_VIOLATION },
	[RUN_ERROR] = { 0, 0, PAUSE_ERROR },
	[RUN_DUMP_BEGINS] = { PAUSE_DUMP | PAUSE_RESET | PAUSE_END, 0,
			      PAUSE_DUMP },
	[RUN_DUMP_ENDS] = { 0, PAUSE_DUMP, 0 },
	[RUN_RESET_BEGINS] = { 0, PAUSE_ERROR | PAUSE_VIOLATION, PAUSE_RESET },
	[RUN_RESET_ENDS] = { 0, PAUSE_RESET, 0 },
	[RUN_END] = { 0, 0, PAUSE_END },
};

static const struct {
	unsigned int reasons;
	enum machine_state state;
} calls[] = {
	{ PAUSE_END, MACHINE_SHUTDOWN },
	{ PAUSE_ERROR, MACHINE_INTERNAL_ERROR },
	{ PAUSE_LAUNCH, MACHINE_PRELAUNCH },
	{ PAUSE_OPERATOR | PAUSE_VIOLATION, MACHINE_PAUSED },
	{ PAUSE_DUMP, MACHINE_SAVE_VM },
};

unsigned int run_state_refuses(struct run_state s, enum run_input input)
{
	return s.reasons & table[input].refused_by;
}

struct run_state run_state_after(struct run_state s, enum run_input input)
{
	unsigned int taken = s.reasons & table[input].takes;

	s.reasons = (s.reasons & ~taken) | table[input].adds;
	if (input == RUN_RESET_BEGINS && taken)
		s.reasons |= PAUSE_OPERATOR;
	return s;
}

bool run_state_runs(struct run_state s)
{
	return !s.reasons;
}

bool run_state_shown_running(struct run_state s)
{
	return !(s.reasons & ~(unsigned int)PAUSE_RESET);
}

enum machine_state run_state_called(struct run_state s)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (s.reasons & calls[i].reasons)
			return calls[i].state;
	}
	return MACHINE_RUNNING;
}

const char *machine_state_name(enum machine_state state)
{
	static const char *const names[] = {
		[MACHINE_PRELAUNCH] = "prelaunch",
		[MACHINE_RUNNING] = "running",
		[MACHINE_PAUSED] = "paused",
		[MACHINE_SHUTDOWN] = "shutdown",
		[MACHINE_INTERNAL_ERROR] = "internal-error",
		[MACHINE_SAVE_VM] = "save-vm",
	};

	return names[state];
}
