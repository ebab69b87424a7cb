/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests end to end over the qtest protocol: both machines run, and take
 * turns within each round.
 *
 * Theory of operation. A request is one round trip of three commands: a write
 * (the request and the ring's index), the notification, and a read (the used
 * ring and the answer). Two things are timed beside it, to be subtracted: the
 * round trip of an empty read, and that of the same three commands on memory
 * of which no device knows.
 */
#include "request.h"

#include <stdlib.h>

#include "mem.h"

enum { TURNS = 150 };

#define SPARE_GPA (UINT64_C(64) << 20)

struct contender {
	struct peer *peer;
	struct mem mem;
	uint64_t addr;
	double *requests[NR_WORKS], *empty, *silent;
};

static void begin(struct contender *c, enum peer_kind kind, const char *program,
		  unsigned int rounds)
{
	const struct peer_config config = {
		.kind = kind,
		.program = program,
		.nr_devices = 1,
		.devices = { {
			.max_size = REQUEST_BLOCKS * REQUEST_BLOCK_SIZE,
			.block_size = REQUEST_BLOCK_SIZE,
			.requested_size = REQUEST_BLOCKS * REQUEST_BLOCK_SIZE,
			.no_reserve = true,
			/* As it comes by default; QEMU has none. */
			.extra = "guard=required",
		} },
	};
	const struct mem_setup setup = { .queue_size = 2, .no_msix = true };

	c->peer = peer_start(&config);
	mem_open(&c->mem, c->peer, 0);
	mem_start(&c->mem, &setup);
	c->addr = virtio_config(&c->mem.virtio, MEM_ADDR, 8);
	for (unsigned int i = 0; i < NR_WORKS; i++)
		c->requests[i] = calloc(rounds, sizeof(double));
	c->empty = calloc(rounds, sizeof(double));
	c->silent = calloc(rounds, sizeof(double));
}

static void end(struct contender *c)
{
	for (unsigned int i = 0; i < NR_WORKS; i++)
		free(c->requests[i]);
	free(c->empty);
	free(c->silent);
	peer_stop(c->peer);
}

static void request(struct contender *c, uint16_t type, uint16_t nr)
{
	if (mem_request(&c->mem, type, c->addr, nr).type != MEM_ACK)
		abort();
}

static void turn(struct contender *c, enum work work)
{
	if (work == WORK_STATE) {
		request(c, MEM_STATE, work_blocks[work]);
		return;
	}
	request(c, MEM_PLUG, work_blocks[work]);
	request(c, MEM_UNPLUG, work_blocks[work]);
}

static double time_requests(struct contender *c, enum work work)
{
	int64_t began = now_ns();

	for (unsigned int i = 0; i < TURNS; i++)
		turn(c, work);
	return (double)(now_ns() - began) / TURNS / work_requests[work];
}

static double time_empty(struct contender *c)
{
	int64_t began = now_ns();

	for (unsigned int i = 0; i < TURNS; i++)
		qtest_load(&c->peer->qtest, SPARE_GPA, 1);
	return (double)(now_ns() - began) / TURNS;
}

/* As many bytes each way as a request has. */
static double time_silent(struct contender *c)
{
	uint8_t bytes[256] = { 0 };
	struct qtest *qt = &c->peer->qtest;
	uint64_t out = c->mem.slot, end = c->mem.ring.avail + VRING_ENTRIES;
	uint64_t in = c->mem.ring.used, answer_end = out + MEM_RESPONSE_SIZE;
	int64_t began = now_ns();

	for (unsigned int i = 0; i < TURNS; i++) {
		qtest_post_write(qt, SPARE_GPA, bytes, end - out);
		qtest_post_store(qt, SPARE_GPA, 0, 2);
		qtest_read(qt, SPARE_GPA, bytes, answer_end - in);
	}
	return (double)(now_ns() - began) / TURNS;
}

static void round_of(struct contender *c, unsigned int nth)
{
	for (unsigned int work = 0; work < NR_WORKS; work++)
		c->requests[work][nth] = time_requests(c, work);
	c->empty[nth] = time_empty(c);
	c->silent[nth] = time_silent(c);
}

void bench_qtest(const char *paramem, const char *qemu, unsigned int rounds,
		 struct bench_qtest *result)
{
	struct contender c[NR_PEERS];

	begin(&c[BENCH_PARAMEM], PEER_PARAMEM, paramem, rounds);
	begin(&c[BENCH_QEMU], PEER_QEMU, qemu, rounds);
	/* Who goes first alternates. */
	for (unsigned int i = 0; i < rounds; i++)
		for (unsigned int j = 0; j < NR_PEERS; j++)
			round_of(&c[(i + j) % NR_PEERS], i);
	for (unsigned int j = 0; j < NR_PEERS; j++) {
		for (unsigned int work = 0; work < NR_WORKS; work++)
			result->request[j][work] =
				median(c[j].requests[work], rounds);
		result->empty[j] = median(c[j].empty, rounds);
		result->silent[j] = median(c[j].silent, rounds);
		end(&c[j]);
	}
}
