/* SPDX-License-Identifier: BSD-3-Clause */
/* One step of a sequence, for a person. */
#include "step.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "probes.h"

struct text {
	char *at;
	size_t left;
};

static void say(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->at, t->left, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->left)
		n = t->left ? t->left - 1 : 0;
	t->at += n;
	t->left -= n;
}

static void say_request(struct text *t, const struct step_request *r)
{
	static const char *const types[] = { "PLUG", "UNPLUG", "UNPLUG_ALL",
					     "STATE" };

	if (r->type < 4)
		say(t, " %s", types[r->type]);
	else
		say(t, " type %u", r->type);
	if (r->type != 2)
		say(t, "(%s0x%" PRIx64 ", %u)", r->absolute ? "" : "+", r->addr,
		    r->nb_blocks);
}

static void say_setup(struct text *t, const struct step_setup *s)
{
	say(t, "; set up: queue of %u, +0x%" PRIx64 "%s%s", s->queue_size,
	    s->shift, s->indirect ? ", indirect" : "",
	    s->inaccessible ? ", inaccessible" : "");
}

bool step_renews(const struct step *step)
{
	return step->kind == STEP_MALFORMED ||
	       step->kind == STEP_DEVICE_RESET || step->kind == STEP_PROBE;
}

void step_describe(const struct step *step, char *text, size_t size)
{
	static const char *const kinds[NR_STEP_KINDS] = {
		"request",        "request in pieces",
		"batch",          "malformed",
		"requested-size", "device reset",
		"system reset",   "probe",
	};
	static const char *const faults[NR_FAULTS] = {
		"", "request too short", "answer buffer too small",
		"unknown type"
	};
	struct text t = { text, size };

	say(&t, "vm%u %s", step->device, kinds[step->kind]);
	if (step->kind == STEP_RESIZE)
		say(&t, " %" PRIu64, step->size);
	if (step->kind == STEP_PROBE)
		say(&t, " %s", probe_name(step->probe));
	for (unsigned int i = 0; i < step->nr; i++)
		say_request(&t, &step->requests[i]);
	if (step->kind == STEP_PIECES)
		say(&t, " by %u and %u, room %u%s", step->framing.out_each,
		    step->framing.in_each, step->framing.in_total,
		    step->framing.indirect ? ", indirect" : "");
	if (step->fault)
		say(&t, " [%s]", faults[step->fault]);
	if (step_renews(step))
		say_setup(&t, &step->setup);
}
