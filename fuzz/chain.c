/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rings of a memory device: any bytes in descriptors, rings and indirect
 * tables, wherever the driver says that they are.
 */
#include <linux/virtio_config.h>
#include <string.h>

#include "guest.h"

#define STEPS_MAX 100
#define INDIRECT  0x30000 /* tables for indirect descriptors */

/* What is in rings, and what rings lead to. */
static const uint64_t areas[] = {
	DRIVER_DESC,    DRIVER_AVAIL,    DRIVER_USED,
	DRIVER_REQUEST, DRIVER_RESPONSE, INDIRECT,
};

/* The rings are where they belong, and hold what the driver put there. */
static bool in_order;

#define NR_AREAS (sizeof(areas) / sizeof(areas[0]))

/* Mostly where something is; also device memory, and no memory at all. */
static uint64_t take_address(struct guest *g)
{
	unsigned int kind = input_below(&g->in, NR_AREAS + 4);
	uint64_t block;

	if (kind < NR_AREAS)
		return areas[kind] + input_u8(&g->in);
	switch (kind - NR_AREAS) {
	case 0:
		block = input_below(&g->in, GUEST_BLOCKS);
		return GUEST_BASE + block * GUEST_BLOCK + input_u8(&g->in);
	case 1: /* at the end of boot memory, and of what is plugged */
		return RIG_RAM_SIZE - input_u8(&g->in);
	case 2:
		block = input_below(&g->in, GUEST_BLOCKS);
		return GUEST_BASE + block * GUEST_BLOCK - input_u8(&g->in);
	default:
		return input_u64(&g->in);
	}
}

static void put_le(uint8_t *at, uint64_t value, unsigned int nr_bytes)
{
	for (unsigned int i = 0; i < nr_bytes; i++)
		at[i] = value >> (8 * i);
}

/* ---- steps --------------------------------------------------------------- */

static void step_fill(struct guest *g)
{
	uint64_t area = areas[input_below(&g->in, NR_AREAS)];
	size_t offset = input_u16(&g->in) % 0x1000;

	in_order = false;
	input_bytes(&g->in, g->rig.ram + area + offset, input_u8(&g->in));
}

/* In the queue's own table, or in one for indirect descriptors. */
static void step_descriptor(struct guest *g)
{
	uint8_t where = input_u8(&g->in);
	uint64_t table = where & 0x80 ? INDIRECT : DRIVER_DESC;
	uint8_t *desc = g->rig.ram + table + (where & 0x3f) * 16;
	uint8_t kind;

	in_order = false; /* it may well lead into a ring */
	put_le(desc, take_address(g), 8);
	kind = input_u8(&g->in);
	put_le(desc + 8, kind >= 0xf0 ? input_u64(&g->in) : kind, 4);
	put_le(desc + 12, input_u8(&g->in), 2);
	put_le(desc + 14, input_u8(&g->in), 2);
}

/* A whole table behind one descriptor: a request, and room for its answer. */
static void step_indirect(struct guest *g)
{
	unsigned int index = input_below(&g->in, DRIVER_SIZE / 2) * 2;
	uint8_t *queue = g->rig.ram + DRIVER_DESC;
	uint64_t len = input_below(&g->in, 64) * 8;

	memcpy(g->rig.ram + INDIRECT, queue + index * 16, 32);
	/* Next, in the table, is the table's second. */
	put_le(g->rig.ram + INDIRECT + 14, 1, 2);
	driver_desc(&g->d, index, INDIRECT, len ? len : 32, 4, 0);
}

static void step_offer(struct guest *g)
{
	driver_offer(&g->d, input_u8(&g->in));
	driver_kick(&g->d);
}

/* The index of the available ring jumps. */
static void step_available(struct guest *g)
{
	uint16_t jump = input_u16(&g->in);

	in_order = false;
	put_le(g->rig.ram + DRIVER_AVAIL + 2, g->d.available + jump, 2);
	driver_kick(&g->d);
}

/* A device reset, and a queue of any size anywhere. */
static void step_set_up(struct guest *g)
{
	static const size_t fields[] = {
		COMMON_FIELD(queue_desc_lo),
		COMMON_FIELD(queue_avail_lo),
		COMMON_FIELD(queue_used_lo),
	};
	uint8_t moved = input_u8(&g->in);
	uint64_t addresses[] = { DRIVER_DESC, DRIVER_AVAIL, DRIVER_USED };

	driver_negotiate(&g->d);
	driver_setup_msix(&g->d);
	driver_set(&g->d, COMMON_FIELD(queue_size), 1 << (moved >> 4), 2);
	for (int i = 0; i < 3; i++) {
		if (moved >> i & 1)
			addresses[i] = take_address(g);
		driver_set(&g->d, fields[i], addresses[i], 8);
	}
	g->d.available = 0;
	in_order = false;
	driver_set(&g->d, COMMON_FIELD(queue_enable), 1, 2);
	driver_set_status(&g->d,
			  driver_status(&g->d) | VIRTIO_CONFIG_S_DRIVER_OK);
	driver_kick(&g->d);
}

static void step_kick(struct guest *g)
{
	driver_kick(&g->d);
	rig_settle(&g->rig);
}

static void step_device_reset(struct guest *g)
{
	guest_device_reset(g);
	if (driver_status(&g->d))
		in_order = true;
}

static void step_system_reset(struct guest *g)
{
	guest_system_reset(g);
	driver_start(&g->d);
	in_order = true;
}

/* ---- what has to hold ---------------------------------------------------- */

enum { CONFIG_WORDS = PM_CONFIG_SIZE / 8 };

/* The configuration as the driver saw it last, and its generation then. */
static struct {
	uint64_t words[CONFIG_WORDS];
	uint8_t generation;
} seen;

static void look(struct guest *g)
{
	seen.generation = driver_get(&g->d, COMMON_FIELD(config_generation), 1);
	for (unsigned int i = 0; i < CONFIG_WORDS; i++)
		seen.words[i] = driver_config(&g->d, i * 8, 8);
}

/* No value changes under the same generation. */
static void check_generation(struct guest *g)
{
	uint64_t before[CONFIG_WORDS];
	uint8_t generation = seen.generation;

	memcpy(before, seen.words, sizeof(before));
	look(g);
	fuzz_check(!memcmp(before, seen.words, sizeof(before)) ||
		   seen.generation != generation);
}

typedef void step_fn(struct guest *g);

static step_fn *const steps[] = {
	guest_request,     step_kick,        step_fill,
	step_descriptor,   step_indirect,    step_offer,
	step_available,    step_set_up,      guest_set_requested,
	guest_populated,   guest_break_host, step_device_reset,
	step_system_reset, guest_request,    step_descriptor,
	guest_settle,
};

/* A device that needs a reset uses no buffer until it gets one. */
static void step(struct guest *g)
{
	step_fn *fn =
		steps[input_below(&g->in, sizeof(steps) / sizeof(steps[0]))];
	bool broken = driver_status(&g->d) & VIRTIO_CONFIG_S_NEEDS_RESET;
	uint16_t used = driver_used(&g->d);

	fn(g);
	if (broken && (fn == step_kick || fn == guest_settle))
		fuzz_check(driver_used(&g->d) == used);
	/* Nobody is given an answer to what was asked of another ring. */
	fuzz_check(!in_order || driver_used(&g->d) <= g->d.available);
	guest_check(g);
	check_generation(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct guest g;

	guest_init(&g, data, size);
	driver_start(&g.d);
	in_order = true;
	look(&g);
	for (int i = 0; i < STEPS_MAX && input_more(&g.in); i++)
		step(&g);
	guest_finish(&g);
	return 0;
}
