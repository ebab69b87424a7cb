/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device against a model that is too simple to be wrong: an array of
 * bool, and the rules one after the other. Random requests, many of them
 * malformed, and random failures of the host.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"
#include "random.h"

#define NR_ROUNDS    200000
#define NR_BLOCKS    512 /* FIXTURE_REGION / FIXTURE_BLOCK */
#define SLACK_BLOCKS 128

struct model {
	bool plugged[NR_BLOCKS];
	uint64_t requested; /* in blocks, as all here */
	uint64_t usable;
};

static uint64_t model_usable_for(uint64_t requested)
{
	uint64_t usable = requested + SLACK_BLOCKS;

	if (!requested)
		return 0;
	return usable < NR_BLOCKS ? usable : NR_BLOCKS;
}

static uint64_t model_plugged(const struct model *m, uint64_t from, uint64_t nb)
{
	uint64_t count = 0;

	for (uint64_t i = from; i < from + nb; i++)
		count += m->plugged[i];
	return count;
}

static void model_fill(struct model *m, uint64_t from, uint64_t nb, bool value)
{
	for (uint64_t i = from; i < from + nb; i++)
		m->plugged[i] = value;
}

static int model_plug(struct model *m, uint64_t from, uint64_t nb, bool broken)
{
	if (!nb || from + nb > m->usable)
		return ERROR;
	if (model_plugged(m, 0, NR_BLOCKS) + nb > m->requested)
		return NACK;
	if (model_plugged(m, from, nb))
		return ERROR;
	if (broken)
		return BUSY;
	model_fill(m, from, nb, true);
	return ACK;
}

static int model_unplug(struct model *m, uint64_t from, uint64_t nb,
			bool broken)
{
	if (!nb || from + nb > m->usable)
		return ERROR;
	if (model_plugged(m, from, nb) != nb)
		return ERROR;
	if (broken)
		return BUSY;
	model_fill(m, from, nb, false);
	return ACK;
}

/* The first run cannot be freed when the host is broken. */
static int model_unplug_all(struct model *m, bool broken)
{
	uint64_t from = 0;
	uint64_t end;

	while (from < NR_BLOCKS && !m->plugged[from])
		from++;
	for (end = from; end < NR_BLOCKS && m->plugged[end];)
		end++;
	memset(m->plugged, 0, sizeof(m->plugged));
	if (broken && from < NR_BLOCKS) {
		model_fill(m, from, end - from, true);
		return BUSY;
	}
	m->usable = model_usable_for(m->requested);
	return ACK;
}

static int model_state(const struct model *m, uint64_t from, uint64_t nb)
{
	uint64_t count = model_plugged(m, from, nb);

	if (count == nb)
		return PLUGGED;
	return count ? MIXED : UNPLUGGED;
}

/* ---- random steps ------------------------------------------------------ */

struct pair {
	struct fixture f;
	struct model m;
	struct random r;
};

static void break_host(struct pair *p, bool broken)
{
	fault_reset();
	p->f.b.fail = broken ? -ENOMEM : 0;
	if (!broken)
		return;
	if (random_below(&p->r, 2))
		fault_resident(1);
	else
		fault_fail(FAULT_DONTNEED, 1, EAGAIN);
}

static void step_range(struct pair *p, int type, bool broken)
{
	uint64_t from = random_below(&p->r, NR_BLOCKS);
	uint16_t nb = (uint16_t)random_below(&p->r, 40);
	int want = type == PLUG ? model_plug(&p->m, from, nb, broken)
				: model_unplug(&p->m, from, nb, broken);

	assert_int_equal(ask(&p->f, type, block_addr(from), nb), want);
}

/* Unplugs a run that really is plugged; by chance few would be found. */
static void step_unplug_run(struct pair *p, bool broken)
{
	uint64_t from = random_below(&p->r, NR_BLOCKS);
	uint64_t nb = 0;

	while (from < NR_BLOCKS && !p->m.plugged[from])
		from++;
	while (from + nb < NR_BLOCKS && p->m.plugged[from + nb] && nb < 60)
		nb++;
	if (!nb)
		return;
	nb = 1 + random_below(&p->r, nb);
	assert_int_equal(ask(&p->f, UNPLUG, block_addr(from), (uint16_t)nb),
			 model_unplug(&p->m, from, nb, broken));
}

static void step_state(struct pair *p)
{
	uint64_t from, nb;

	if (!p->m.usable)
		return;
	from = random_below(&p->r, p->m.usable);
	nb = 1 + random_below(&p->r, p->m.usable - from);
	assert_int_equal(ask_state(&p->f, block_addr(from), (uint16_t)nb),
			 model_state(&p->m, from, nb));
}

static void step_set_requested(struct pair *p)
{
	bool idle = random_below(&p->r, 8) == 0;
	uint64_t blocks = idle ? 0 : random_below(&p->r, NR_BLOCKS + 1);
	uint64_t usable = model_usable_for(blocks);

	assert_int_equal(pm_device_set_requested(p->f.dev,
						 blocks * FIXTURE_BLOCK, NULL),
			 0);
	p->m.requested = blocks;
	if (usable > p->m.usable)
		p->m.usable = usable;
}

static void step_nonsense(struct pair *p)
{
	uint64_t addr = random_below(&p->r, UINT64_MAX) | 1;

	assert_int_equal(ask(&p->f, PLUG, addr, 1), ERROR);
	assert_int_equal(ask(&p->f, UNPLUG, -FIXTURE_BLOCK, 65535), ERROR);
}

static void step(struct pair *p)
{
	uint64_t dice = random_below(&p->r, 100);
	bool broken = random_below(&p->r, 10) == 0;

	break_host(p, broken);
	if (dice < 40)
		step_range(p, PLUG, broken);
	else if (dice < 50)
		step_range(p, UNPLUG, broken);
	else if (dice < 75)
		step_unplug_run(p, broken);
	else if (dice < 93)
		step_state(p);
	else if (dice < 97)
		step_nonsense(p);
	else if (dice < 99)
		step_set_requested(p);
	else
		assert_int_equal(ask(&p->f, UNPLUG_ALL, 0, 0),
				 model_unplug_all(&p->m, broken));
}

static void check_agreement(const struct pair *p)
{
	struct pm_device_info info = fixture_info(&p->f);

	assert_int_equal(info.requested_size, p->m.requested * FIXTURE_BLOCK);
	assert_int_equal(info.usable_size, p->m.usable * FIXTURE_BLOCK);
	assert_int_equal(info.plugged_size,
			 model_plugged(&p->m, 0, NR_BLOCKS) * FIXTURE_BLOCK);
	assert_int_equal(p->f.last_size, info.plugged_size);
}

static void agrees_with_model(void **state)
{
	static struct pair p;

	(void)state;
	random_init(&p.r);
	fixture_init(&p.f, 0);
	fixture_listen(&p.f);
	p.m.usable = model_usable_for(0);
	for (int i = 0; i < NR_ROUNDS; i++) {
		step(&p);
		check_agreement(&p);
		journal_clear(&p.f.journal);
	}
	fixture_finish(&p.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_model),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
