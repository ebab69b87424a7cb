/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules of the device once more, on an array of bool. */
#include "model.h"

#include <string.h>

#define SLACK (UINT64_C(256) << 20)

uint64_t model_usable_for(const struct model *m, uint64_t requested)
{
	uint64_t slack = SLACK > m->block_size ? SLACK / m->block_size : 1;

	if (!requested)
		return 0;
	return requested + slack < m->nr_blocks ? requested + slack
						: m->nr_blocks;
}

static uint64_t count(const struct model *m, uint64_t first, uint64_t nb)
{
	uint64_t n = 0;

	for (uint64_t i = first; i < first + nb; i++)
		n += m->plugged[i];
	return n;
}

uint64_t model_plugged(const struct model *m)
{
	return count(m, 0, m->nr_blocks);
}

static uint64_t get_le(const uint8_t *bytes, unsigned int nr_bytes)
{
	uint64_t value = 0;

	while (nr_bytes--)
		value = value << 8 | bytes[nr_bytes];
	return value;
}

struct model_request model_decode(const uint8_t bytes[24])
{
	return (struct model_request){
		.type = get_le(bytes, 2),
		.addr = get_le(bytes + 8, 8),
		.nb_blocks = get_le(bytes + 16, 2),
	};
}

uint64_t model_first(const struct model *m, const struct model_request *r)
{
	return (r->addr - m->addr) / m->block_size;
}

/* In numbers so wide that nothing can wrap. */
static bool in_range(const struct model *m, const struct model_request *r)
{
	__extension__ typedef unsigned __int128 u128;
	u128 start = r->addr;
	u128 end = start + (u128)r->nb_blocks * m->block_size;

	return r->nb_blocks && r->addr % m->block_size == 0 &&
	       start >= m->addr &&
	       end <= (u128)m->addr + (u128)m->usable * m->block_size;
}

static uint16_t state_of(const struct model *m, uint64_t first, uint64_t nb)
{
	uint64_t n = count(m, first, nb);

	if (n == nb)
		return PLUGGED;
	return n ? MIXED : UNPLUGGED;
}

int model_answer(const struct model *m, const struct model_request *r,
		 uint16_t *state)
{
	uint64_t first = model_first(m, r);

	*state = 0;
	if (r->type == UNPLUG_ALL)
		return ACK;
	if (!in_range(m, r))
		return ERROR;
	switch (r->type) {
	case PLUG:
		if (model_plugged(m) + r->nb_blocks > m->requested)
			return NACK;
		return count(m, first, r->nb_blocks) ? ERROR : ACK;
	case UNPLUG:
		return count(m, first, r->nb_blocks) == r->nb_blocks ? ACK
								     : ERROR;
	default:
		*state = state_of(m, first, r->nb_blocks);
		return ACK;
	}
}

void model_carry_out(struct model *m, const struct model_request *r)
{
	if (r->type == UNPLUG_ALL)
		model_system_reset(m);
	if (r->type == PLUG || r->type == UNPLUG)
		for (uint64_t i = 0; i < r->nb_blocks; i++)
			m->plugged[model_first(m, r) + i] = r->type == PLUG;
}

void model_set_requested(struct model *m, uint64_t requested)
{
	uint64_t usable = model_usable_for(m, requested);

	m->requested = requested;
	if (usable > m->usable)
		m->usable = usable;
}

void model_system_reset(struct model *m)
{
	memset(m->plugged, 0, sizeof(m->plugged));
	m->usable = model_usable_for(m, m->requested);
}
