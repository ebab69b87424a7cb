/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The same steps on both machines, compared one by one.
 *
 * Theory of operation. A step is made up from the seed and from what both
 * sides are known to hold, done on one side, then on the other. Then all that
 * can be seen is read from both, and each number has to be the same, or as a
 * listed difference has it. A step that resets a device ends with its set-up,
 * and the comparison goes on from there.
 */
#include "lockstep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../deadline.h"
#include "../fatal.h"
#include "differences.h"
#include "observe.h"
#include "probes.h"
#include "sequence.h"

/* Steps that a failure shows. */
enum { HISTORY = 12, LINE = 512 };

/* QMP is asked after each special step, and after so many of the others. */
enum { QMP_EVERY = 16 };

/* Steps of a machine worth waiting for its last event. */
enum { EVENTS_STEPS = 2000 };

struct lockstep {
	const struct lockstep_options *options;
	const struct setup *setup;
	struct lockstep_result *result;
	struct side sides[NR_SIDES];
	struct model models[SETUP_DEVICES_MAX];
	struct dice dice;
	uint64_t steps, requests; /* of this machine */
	char history[HISTORY][LINE];
	int64_t shown; /* when progress was */
};

/* ---- failures ------------------------------------------------------------ */

/* Of the one that runs: a failure can come from anywhere. */
static struct lockstep *running;

static void tell_where(const struct lockstep *l)
{
	uint64_t first = l->steps > HISTORY ? l->steps - HISTORY : 0;

	fprintf(stderr, "\nmachine %s, seed %" PRIu64 ", step %" PRIu64 "\n",
		l->setup->name, l->options->seed, l->steps);
	fprintf(stderr, "the last steps:\n");
	for (uint64_t i = first; i < l->steps; i++)
		fprintf(stderr, "  %6" PRIu64 "  %s\n", i + 1,
			l->history[i % HISTORY]);
	fprintf(stderr,
		"repeat it with: compare --paramem %s --seed %" PRIu64
		" --config %s --requests %" PRIu64 "\n",
		l->options->paramem, l->options->seed, l->setup->name,
		l->requests + STEP_REQUESTS_MAX);
}

static void on_fatal(const char *sentence)
{
	fprintf(stderr, "\n%s\n", sentence);
	if (running)
		tell_where(running);
	exit(1);
}

/* ---- comparing ----------------------------------------------------------- */

static bool check_fact(struct lockstep *l, const struct occasion *o,
		       unsigned int fact)
{
	const struct facts *ours = o->seen[SIDE_PARAMEM];
	const struct facts *theirs = o->seen[SIDE_QEMU];
	uint64_t expected[NR_SIDES] = { ours->value[fact], ours->value[fact] };
	int due = difference_due(o, fact, expected);
	char name[64];

	if (ours->known[fact] == theirs->known[fact] &&
	    ours->value[fact] == expected[SIDE_PARAMEM] &&
	    theirs->value[fact] == expected[SIDE_QEMU]) {
		if (due >= 0)
			l->result->differences[due]++;
		return true;
	}
	fprintf(stderr, "\n%s: paramem 0x%" PRIx64 ", qemu 0x%" PRIx64,
		fact_name(fact, name, sizeof(name)), ours->value[fact],
		theirs->value[fact]);
	if (due >= 0)
		fprintf(stderr, "; %s has 0x%" PRIx64 " and 0x%" PRIx64,
			difference_text(due)->id, expected[SIDE_PARAMEM],
			expected[SIDE_QEMU]);
	else
		fprintf(stderr, "; no listed difference");
	return false;
}

static void check(struct lockstep *l, const struct step *step,
		  unsigned int device, bool fresh, const struct facts *seen)
{
	const struct occasion o = {
		.step = step,
		.fresh = fresh,
		.required = l->models[device].required,
		.seen = { &seen[SIDE_PARAMEM], &seen[SIDE_QEMU] },
	};
	bool good = true;

	for (unsigned int fact = 0; fact < NR_FACTS; fact++)
		if (seen[SIDE_PARAMEM].known[fact] ||
		    seen[SIDE_QEMU].known[fact])
			good &= check_fact(l, &o, fact);
	if (!good)
		fatal("vm%u differs in what is not listed", device);
}

static void look(struct lockstep *l, const struct step *step,
		 unsigned int device, bool fresh, bool qmp, struct facts *seen)
{
	for (unsigned int i = 0; i < NR_SIDES; i++) {
		observe(&l->sides[i], device, &seen[i]);
		if (qmp)
			observe_qmp(&l->sides[i], device, &seen[i]);
	}
	check(l, step, device, fresh, seen);
	l->models[device].usable = seen[0].value[FACT_USABLE_SIZE];
	l->models[device].requested = seen[0].value[FACT_REQUESTED_SIZE];
}

/* After steps that reset something, and were settled since. */
static void look_at_all(struct lockstep *l, const struct step *step)
{
	for (unsigned int i = 0; i < l->setup->nr_devices; i++) {
		struct facts seen[NR_SIDES] = { 0 };

		look(l, step, i, false, true, seen);
	}
	for (unsigned int i = 0; i < NR_SIDES; i++)
		observe_events(&l->sides[i], l->models, false);
}

/* ---- what was learned ---------------------------------------------------- */

static void learn_request(struct lockstep *l, const struct step *step,
			  const struct step_request *r, uint64_t answer)
{
	struct model *m = &l->models[step->device];
	uint16_t type = fact_answer_type(answer);

	if (answer == FACT_NO_ANSWER)
		return;
	l->result->answers[type & 3]++;
	if (type != MEM_ACK)
		return;
	if (r->type == MEM_UNPLUG_ALL)
		model_clear_all(m);
	else if (r->type != MEM_STATE)
		model_set(m, r->addr / m->block_size, r->nb_blocks,
			  r->type == MEM_PLUG);
}

/* What a probe with requests of its own went through. */
static void learn_probe(struct model *m, unsigned int probe)
{
	if (probe != PROBE_CONTENTS && probe != PROBE_UNPLUGGED_MEMORY)
		return;
	model_clear_all(m);
	if (probe == PROBE_UNPLUGGED_MEMORY)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		model_note_size(m, m->block_size);
		model_note_size(m, 0);
	}
}

static void learn(struct lockstep *l, const struct step *step,
		  const struct facts *seen)
{
	for (unsigned int i = 0; i < step->nr; i++)
		learn_request(l, step, &step->requests[i],
			      seen->value[FACT_ANSWER + i]);
	l->requests += step->nr;
	if (step->kind == STEP_PROBE)
		learn_probe(&l->models[step->device], step->probe);
	for (unsigned int i = 0; i < l->setup->nr_devices; i++)
		if (step->kind == STEP_SYSTEM_RESET)
			model_clear_all(&l->models[i]);
}

/* ---- steps --------------------------------------------------------------- */

static void remember(struct lockstep *l, const struct step *step)
{
	step_describe(step, l->history[l->steps % HISTORY], LINE);
	l->steps++;
}

static void know_setup(struct lockstep *l, unsigned int device,
		       const struct step_setup *setup)
{
	l->models[device].queue_size = setup->queue_size;
	l->models[device].indirect = setup->indirect;
}

static void renew(struct lockstep *l, const struct step *step,
		  unsigned int device)
{
	for (unsigned int i = 0; i < NR_SIDES; i++) {
		side_renew(&l->sides[i], device, &step->setup);
		side_settle(&l->sides[i], device);
	}
	know_setup(l, device, &step->setup);
}

static void do_step(struct lockstep *l, const struct step *step)
{
	struct facts seen[NR_SIDES] = { 0 };
	bool renews = step_renews(step);
	bool special = renews || step->kind == STEP_SYSTEM_RESET;

	remember(l, step);
	for (unsigned int i = 0; i < NR_SIDES; i++)
		side_perform(&l->sides[i], step, &seen[i]);
	/* A probe leaves the registers in any state, and tells of them. */
	if (step->kind == STEP_PROBE)
		check(l, step, step->device, true, seen);
	else if (step->kind != STEP_SYSTEM_RESET)
		look(l, step, step->device, true, !(l->steps % QMP_EVERY),
		     seen);
	learn(l, step, &seen[SIDE_PARAMEM]);
	if (renews)
		renew(l, step, step->device);
	if (step->kind == STEP_SYSTEM_RESET)
		for (unsigned int i = 0; i < l->setup->nr_devices; i++)
			know_setup(l, i, &step->setup);
	if (step->kind == STEP_SYSTEM_RESET)
		for (unsigned int i = 0; i < NR_SIDES; i++) {
			side_renew_all(&l->sides[i], &step->setup);
			for (unsigned int j = 0; j < l->sides[i].nr; j++)
				side_settle(&l->sides[i], j);
		}
	if (special)
		look_at_all(l, step);
}

/* ---- one machine --------------------------------------------------------- */

static void begin(struct lockstep *l)
{
	struct step step = { .kind = STEP_DEVICE_RESET };

	side_start(&l->sides[SIDE_PARAMEM], l->setup, PEER_PARAMEM,
		   l->options->paramem);
	side_start(&l->sides[SIDE_QEMU], l->setup, PEER_QEMU, l->options->qemu);
	for (unsigned int i = 0; i < l->setup->nr_devices; i++) {
		const struct setup_device *d = &l->setup->devices[i];

		model_init(&l->models[i], d->block_size, d->blocks);
		l->models[i].required = l->setup->inaccessible == PEER_ON;
		step.device = i;
		sequence_setup(&l->dice, &l->models[i], &step.setup);
		renew(l, &step, i);
	}
	look_at_all(l, &step);
}

/* Each once, so that a short run has them all. */
static void run_probes(struct lockstep *l)
{
	for (unsigned int i = 0; i < NR_PROBES; i++) {
		struct step step = {
			.kind = STEP_PROBE,
			.device = i % l->setup->nr_devices,
			.probe = i,
		};

		sequence_setup(&l->dice, &l->models[step.device], &step.setup);
		do_step(l, &step);
	}
}

static void show(struct lockstep *l, bool end)
{
	int64_t now = clock_now_ms();

	if (!l->options->progress || (!end && now - l->shown < 100))
		return;
	l->shown = now;
	fprintf(stderr, "\r%-20s %8" PRIu64 " of %" PRIu64 " requests%s",
		l->setup->name, l->requests, l->options->requests,
		end ? "\r\033[K" : "");
}

static void end(struct lockstep *l)
{
	show(l, true);
	for (unsigned int i = 0; i < NR_SIDES; i++) {
		observe_events(&l->sides[i], l->models,
			       l->steps >= EVENTS_STEPS);
		side_stop(&l->sides[i]);
	}
	for (unsigned int i = 0; i < l->setup->nr_devices; i++)
		model_finish(&l->models[i]);
	l->result->steps += l->steps;
	l->result->requests += l->requests;
}

void lockstep_run(const struct lockstep_options *options,
		  const struct setup *setup, struct lockstep_result *result)
{
	struct lockstep l = {
		.options = options,
		.setup = setup,
		.result = result,
		.dice = { options->seed },
	};

	running = &l;
	fatal_set_handler(on_fatal);
	begin(&l);
	run_probes(&l);
	while (l.requests < options->requests) {
		struct step step;

		sequence_next(&l.dice, l.models, setup->nr_devices, &step);
		do_step(&l, &step);
		show(&l, false);
	}
	end(&l);
	running = NULL;
}
