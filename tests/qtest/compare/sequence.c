/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The random steps, weighted so that every answer is frequent.
 *
 * A request first gets its type, then an aim: where its range is to lie. With
 * the model of what is plugged the aims hit what they are for most of the
 * time; what was aimed badly is a request like any other.
 */
#include "sequence.h"

#include "../mem.h"
#include "probes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum aim {
	AIM_CLEAR,      /* blocks that are not plugged */
	AIM_PLUGGED,    /* blocks that are */
	AIM_ANY,        /* within the usable region */
	AIM_EDGE,       /* around the end of it or of the region */
	AIM_LARGE,      /* most of the region */
	AIM_MISALIGNED, /* by less than a block */
	AIM_BELOW,      /* before the region */
	AIM_BEYOND,     /* after it */
	AIM_NOTHING,    /* zero blocks */
	AIM_OVERFLOW,   /* past the end of the address space */
	AIM_WILD,       /* any number */
	NR_AIMS,
};

/* By type, MEM_PLUG and so on. */
static const unsigned int aims[][NR_AIMS] = {
	{ 500, 60, 90, 40, 8, 40, 15, 25, 25, 15, 10 },
	{ 60, 500, 90, 40, 8, 40, 15, 25, 25, 15, 10 },
	{ 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1 },
	{ 100, 100, 150, 60, 60, 40, 15, 25, 25, 15, 10 },
};

/* ---- ranges -------------------------------------------------------------- */

static uint64_t usable_blocks(const struct model *m)
{
	return m->usable / m->block_size;
}

static uint64_t some_count(struct dice *d)
{
	static const unsigned int weights[] = { 50, 25, 15, 8, 2 };
	static const unsigned int most[] = { 1, 4, 64, 512, 65535 };

	return 1 +
	       dice_below(d, most[dice_weighted(d, weights, COUNT(weights))]);
}

/* A run of blocks in that state, from a random place on. */
static void aim_run(struct dice *d, const struct model *m, bool plugged,
		    struct step_request *r)
{
	uint64_t end = usable_blocks(m), first, count;
	uint64_t max = some_count(d), from = dice_below(d, end);

	count = model_run(m, plugged, from, end, max, &first);
	if (!count)
		count = model_run(m, plugged, 0, end, max, &first);
	r->addr = first * m->block_size;
	r->nb_blocks = count ? count : 1;
}

static void aim_edge(struct dice *d, const struct model *m,
		     struct step_request *r)
{
	uint64_t edge = dice_percent(d, 50) ? m->blocks : usable_blocks(m);
	uint64_t back = dice_below(d, 6);

	r->addr = (edge - back) * m->block_size;
	r->nb_blocks = back + dice_below(d, 3);
}

static void aim_large(struct dice *d, const struct model *m,
		      struct step_request *r)
{
	uint64_t first = dice_below(d, 3), end = usable_blocks(m);
	uint64_t count = end > first ? end - first : 1;

	r->addr = first * m->block_size;
	r->nb_blocks = count > UINT16_MAX ? UINT16_MAX : count;
}

static void aim_overflow(struct dice *d, const struct model *m,
			 struct step_request *r)
{
	r->absolute = true;
	r->addr = -m->block_size * (1 + dice_below(d, 4));
	r->nb_blocks = dice_percent(d, 50) ? UINT16_MAX : 1 + dice_below(d, 8);
}

static void aim_range(struct dice *d, const struct model *m, enum aim aim,
		      struct step_request *r)
{
	r->addr = dice_below(d, usable_blocks(m)) * m->block_size;
	r->nb_blocks = some_count(d);
	switch (aim) {
	case AIM_CLEAR:
	case AIM_PLUGGED:
		aim_run(d, m, aim == AIM_PLUGGED, r);
		break;
	case AIM_EDGE:
		aim_edge(d, m, r);
		break;
	case AIM_LARGE:
		aim_large(d, m, r);
		break;
	case AIM_MISALIGNED:
		r->addr += 1 + dice_below(d, m->block_size - 1);
		break;
	case AIM_BELOW:
		r->addr = -m->block_size * (1 + dice_below(d, 4));
		break;
	case AIM_BEYOND:
		r->addr = (m->blocks + dice_below(d, 4)) * m->block_size;
		break;
	case AIM_NOTHING:
		r->nb_blocks = 0;
		break;
	case AIM_OVERFLOW:
		aim_overflow(d, m, r);
		break;
	case AIM_WILD:
		r->addr = dice_below(d, UINT64_MAX) >> dice_below(d, 40);
		break;
	default:
		break;
	}
}

static void some_request(struct dice *d, const struct model *m,
			 struct step_request *r)
{
	static const unsigned int weights[] = { 430, 330, 8, 230 };

	*r = (struct step_request){
		.type = dice_weighted(d, weights, COUNT(weights)),
	};
	aim_range(d, m, dice_weighted(d, aims[r->type], NR_AIMS), r);
}

/* ---- steps --------------------------------------------------------------- */

static void batch(struct dice *d, const struct model *m, struct step *step)
{
	unsigned int max = m->queue_size / 2;

	if (max > STEP_REQUESTS_MAX)
		max = STEP_REQUESTS_MAX;
	step->nr = 1 + dice_below(d, max);
	for (unsigned int i = 0; i < step->nr; i++)
		some_request(d, m, &step->requests[i]);
}

static void malformed(struct dice *d, const struct model *m, struct step *step)
{
	batch(d, m, step);
	step->fault = 1 + dice_below(d, NR_FAULTS - 1);
	if (step->fault == FAULT_UNKNOWN_TYPE)
		step->requests[step->nr - 1].type =
			4 + dice_below(d, UINT16_MAX - 4);
}

/* In a queue that is too small for the pieces an indirect table has them. */
static void pieces(struct dice *d, const struct model *m, struct step *step)
{
	struct step_framing *f = &step->framing;
	unsigned int nr;

	step->nr = 1;
	some_request(d, m, &step->requests[0]);
	f->in_total = MEM_RESPONSE_SIZE;
	if (dice_percent(d, 30))
		f->in_total += dice_below(d, 60);
	f->out_each = 1 + dice_below(d, MEM_REQUEST_SIZE);
	f->in_each = 1 + dice_below(d, f->in_total);
	f->indirect = m->indirect && dice_percent(d, 50);
	nr = (MEM_REQUEST_SIZE + f->out_each - 1) / f->out_each +
	     (f->in_total + f->in_each - 1) / f->in_each;
	if (nr <= m->queue_size)
		return;
	f->indirect = false;
	f->out_each = MEM_REQUEST_SIZE;
	f->in_each = f->in_total;
}

static uint64_t some_size(struct dice *d, const struct model *m)
{
	static const unsigned int weights[] = { 40, 20, 12, 8, 8, 4, 4, 4 };

	switch (dice_weighted(d, weights, COUNT(weights))) {
	case 0:
		return dice_below(d, m->blocks + 1) * m->block_size;
	case 1:
		return dice_below(d, (m->blocks + 7) / 8) * m->block_size;
	case 2:
		return m->requested;
	case 3:
		return m->blocks * m->block_size;
	case 4:
		return 0;
	case 5:
		return m->requested + 1 + dice_below(d, m->block_size - 1);
	case 6:
		return (m->blocks + 1 + dice_below(d, 9)) * m->block_size;
	default:
		return dice_below(d, INT64_MAX) >> dice_below(d, 30);
	}
}

void sequence_setup(struct dice *d, const struct model *m,
		    struct step_setup *setup)
{
	setup->queue_size = 2u << dice_below(d, 7);
	setup->indirect = dice_percent(d, 70);
	setup->inaccessible = m->required || dice_percent(d, 70);
	setup->shift = dice_below(d, 3) * (UINT64_C(8) << 20) +
		       dice_below(d, 256) * 16;
}

void sequence_next(struct dice *d, const struct model *models,
		   unsigned int nr_devices, struct step *step)
{
	static const unsigned int weights[NR_STEP_KINDS] = {
		7600, 900, 700, 90, 550, 70, 20, 60,
	};
	const struct model *m;

	*step = (struct step){
		.device = dice_below(d, nr_devices),
		.kind = dice_weighted(d, weights, NR_STEP_KINDS),
	};
	m = &models[step->device];
	switch (step->kind) {
	case STEP_REQUEST:
		step->nr = 1;
		some_request(d, m, &step->requests[0]);
		break;
	case STEP_PIECES:
		pieces(d, m, step);
		break;
	case STEP_BATCH:
		batch(d, m, step);
		break;
	case STEP_MALFORMED:
		malformed(d, m, step);
		break;
	case STEP_RESIZE:
		step->size = some_size(d, m);
		break;
	case STEP_PROBE:
		step->probe = dice_below(d, NR_PROBES);
		break;
	default:
		break;
	}
	if (step_renews(step) || step->kind == STEP_SYSTEM_RESET)
		sequence_setup(d, m, &step->setup);
}
