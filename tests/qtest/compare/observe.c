/* SPDX-License-Identifier: BSD-3-Clause */
/* What is looked at after a step. */
#include "observe.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "../deadline.h"
#include "../fatal.h"
#include "../mem_qmp.h"

/* QEMU tells the size of a device once a second at most. */
#define EVENT_MS 5000
#define EVENT_NS 1000000000

static uint64_t get64(const uint8_t *bytes)
{
	uint64_t wire;

	memcpy(&wire, bytes, sizeof(wire));
	return le64toh(wire);
}

static void observe_config(struct side *side, unsigned int device,
			   struct facts *f)
{
	const struct virtio *v = &side->mems[device].virtio;
	uint8_t space[MEM_CONFIG_SIZE];

	qtest_read(v->qtest, v->device, space, sizeof(space));
	f->config_changed =
		memcmp(side->config[device], space, sizeof(space)) != 0;
	memcpy(side->config[device], space, sizeof(space));
	facts_set(f, FACT_BLOCK_SIZE, get64(space + MEM_BLOCK_SIZE));
	/* With its padding. */
	facts_set(f, FACT_NODE_ID, get64(space + MEM_NODE_ID));
	facts_set(f, FACT_ADDR,
		  get64(space + MEM_ADDR) - side->first[device].addr);
	facts_set(f, FACT_REGION_SIZE, get64(space + MEM_REGION_SIZE));
	facts_set(f, FACT_USABLE_SIZE, get64(space + MEM_USABLE_SIZE));
	facts_set(f, FACT_PLUGGED_SIZE, get64(space + MEM_PLUGGED_SIZE));
	facts_set(f, FACT_REQUESTED_SIZE, get64(space + MEM_REQUESTED_SIZE));
}

static void observe_interrupts(struct side *side, unsigned int device,
			       struct facts *f)
{
	const struct virtio *v = &side->mems[device].virtio;

	facts_set(f, FACT_STATUS, virtio_status(v));
	facts_set(f, FACT_RAISES, side_take_raises(side));
	facts_set(f, FACT_ISR, virtio_isr(v));
	facts_set(f, FACT_LEVEL, side_line_raised(side));
}

void observe(struct side *side, unsigned int device, struct facts *f)
{
	const struct mem *mem = &side->mems[device];
	uint8_t generation = virtio_generation(&mem->virtio);

	facts_set(f, FACT_GENERATION,
		  (uint8_t)(generation - side->generation[device]));
	side->generation[device] = generation;
	observe_interrupts(side, device, f);
	observe_config(side, device, f);
	if (mem->ring.size)
		facts_set(f, FACT_USED_INDEX, mem->ring.used_index);
}

static void observe_query(struct mem *mem, uint64_t addr, struct facts *f)
{
	static const struct {
		const char *key;
		enum fact fact;
	} members[] = {
		{ "size", FACT_QUERY_SIZE },
		{ "requested-size", FACT_QUERY_REQUESTED },
		{ "max-size", FACT_QUERY_MAX },
		{ "block-size", FACT_QUERY_BLOCK },
		{ "node", FACT_QUERY_NODE },
		{ "memaddr", FACT_QUERY_ADDR },
	};
	json_t *data = mem_query(mem);

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const json_t *value = json_object_get(data, members[i].key);

		if (!json_is_integer(value))
			fatal("QMP: query-memory-devices: no %s",
			      members[i].key);
		facts_set(f, members[i].fact, json_integer_value(value));
	}
	f->value[FACT_QUERY_ADDR] -= addr;
	json_decref(data);
}

void observe_qmp(struct side *side, unsigned int device, struct facts *f)
{
	struct mem *mem = &side->mems[device];
	uint64_t addr = side->first[device].addr;

	observe_query(mem, addr, f);
	facts_set(f, FACT_QOM_SIZE, mem_property(mem, "size"));
	facts_set(f, FACT_QOM_REQUESTED, mem_property(mem, "requested-size"));
	facts_set(f, FACT_QOM_BLOCK, mem_property(mem, "block-size"));
	facts_set(f, FACT_QOM_ADDR, mem_property(mem, "memaddr") - addr);
	facts_set(f, FACT_QOM_NODE, mem_property(mem, "node"));
}

/* ---- events -------------------------------------------------------------- */

static void match_event(struct side *side, const struct model *models,
			const json_t *data)
{
	uint64_t size = json_integer_value(json_object_get(data, "size"));
	const char *id = json_string_value(json_object_get(data, "id"));

	for (unsigned int i = 0; i < side->nr; i++) {
		const struct model *m = &models[i];
		size_t *at = &side->told[i];

		if (!id || strcmp(id, side->mems[i].id))
			continue;
		while (*at < m->nr_sizes && m->sizes[*at] != size)
			(*at)++;
		if (*at == m->nr_sizes)
			fatal("%s: an event told of %" PRIu64
			      " bytes plugged in %s, which never were",
			      peer_name(side->peer), size, id);
		return;
	}
	fatal("%s: an event of an unknown device", peer_name(side->peer));
}

static bool all_told(const struct side *side, const struct model *models)
{
	for (unsigned int i = 0; i < side->nr; i++) {
		const struct model *m = &models[i];

		if (m->sizes[side->told[i]] != m->sizes[m->nr_sizes - 1])
			return false;
	}
	return true;
}

void observe_events(struct side *side, const struct model *models, bool all)
{
	int64_t deadline = deadline_in(EVENT_MS);
	json_t *data;

	qtest_sync(&side->peer->qtest);
	/* Here they follow the clock that we move, there the host's. */
	if (all && side->peer->kind == PEER_PARAMEM)
		qtest_clock_step(&side->peer->qtest, EVENT_NS);
	for (;;) {
		bool wait = all && !all_told(side, models);

		data = qmp_try_event(&side->peer->qmp,
				     "MEMORY_DEVICE_SIZE_CHANGE",
				     wait ? deadline : 0);
		if (!data && wait)
			fatal("%s: no event told of the last size",
			      peer_name(side->peer));
		if (!data)
			return;
		match_event(side, models, data);
		json_decref(data);
	}
}
