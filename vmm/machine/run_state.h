/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a machine runs, and why not. Pure: values in, values out.
 */
#ifndef VMM_MACHINE_RUN_STATE_H
#define VMM_MACHINE_RUN_STATE_H

#include <stdbool.h>

/* What keeps a machine from running. It runs when no reason is left. */
enum pause_reason {
	PAUSE_LAUNCH = 1 << 0,   /* it was not started yet */
	PAUSE_OPERATOR = 1 << 1, /* who steers it wants it so */
	PAUSE_VIOLATION =
		1 << 2,       /* of unplugged memory, until an operator looks */
	PAUSE_ERROR = 1 << 3, /* a CPU cannot go on, until a reset */
	PAUSE_DUMP = 1 << 4,  /* one is being written */
	PAUSE_RESET = 1 << 5, /* one is under way */
	PAUSE_END = 1 << 6,   /* it never goes on */
};

/* What happens to it; run_state.c has the table. */
enum run_input {
	RUN_STOP,
	RUN_CONT,
	RUN_VIOLATION,
	RUN_ERROR,
	RUN_DUMP_BEGINS,
	RUN_DUMP_ENDS,
	RUN_RESET_BEGINS,
	RUN_RESET_ENDS,
	RUN_END,
};

struct run_state {
	unsigned int reasons; /* enum pause_reason */
};

#define RUN_STATE_NEW ((struct run_state){ PAUSE_LAUNCH })

/* Those of the reasons for which it does not take @input; 0: it does. */
unsigned int run_state_refuses(struct run_state state, enum run_input input);

/* The state after @input, which it takes. */
struct run_state run_state_after(struct run_state state, enum run_input input);

/* The guest executes instructions. */
bool run_state_runs(struct run_state state);
/*
 * As who watches is told: a machine that runs goes on running over a reset,
 * although its guest stands still for that.
 */
bool run_state_shown_running(struct run_state state);

/* What it is called, of the reasons that it has. */
enum machine_state {
	MACHINE_PRELAUNCH,
	MACHINE_RUNNING,
	MACHINE_PAUSED,
	MACHINE_SHUTDOWN,
	MACHINE_INTERNAL_ERROR,
	MACHINE_SAVE_VM, /* stands still for a dump, and goes on after it */
};

enum machine_state run_state_called(struct run_state state);
/* "running", "paused", ...: by the names of QMP's RunState. */
const char *machine_state_name(enum machine_state state);

#endif /* VMM_MACHINE_RUN_STATE_H */
