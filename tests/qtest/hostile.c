/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest that refills its ring without end, in several ways, while somebody
 * asks the machine how it is: how long the answers take at worst, and whether
 * memory grows.
 *
 * usage: hostile PEER [SECONDS [LIMIT_MS]]
 *
 * Prints a line for each way. Fails when QMP is not answered, when the peer's
 * memory grows, and, where a limit is given, when an answer takes longer.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deadline.h"
#include "fatal.h"
#include "mem.h"
#include "mem_frame.h"
#include "mem_qmp.h"

enum { QUEUE = 128, SKIPPED = 77 };

#define BLOCK  (UINT64_C(1) << 20)
#define REGION (UINT64_C(64) << 30)

/* What a longest run of an allocator and of the kernel's counters may vary. */
#define GROWTH_MAX (UINT64_C(16) << 20)

/* A guest without manners, on a thread of its own. */
struct guest {
	struct mem mem;
	struct mem_config config;
	const struct way *way;
	atomic_bool stop;
	uint64_t requests;
};

struct way {
	const char *name;
	void (*prepare)(struct guest *g);
	void (*round)(struct guest *g);
	uint16_t batch; /* requests offered at once, where they are refilled */
};

/* ---- rings --------------------------------------------------------------- */

/* Has all entries of the ring name these two chains in turn. */
static void fill_entries(struct guest *g, uint16_t even, uint16_t odd)
{
	for (uint16_t i = 0; i < QUEUE; i++)
		vring_put_entry(&g->mem.ring, i, i % 2 ? odd : even);
}

static void start(struct guest *g)
{
	mem_start(&g->mem, &(struct mem_setup){ .queue_size = QUEUE });
}

/*
 * Offers the ring again, or part of it, once it was used. Waits for the socket, so that
 * the peer has one notification at a time before it, as a device has of its
 * guest.
 */
static void refill(struct guest *g)
{
	struct vring *ring = &g->mem.ring;

	mem_settle(&g->mem);
	ring->avail_index += g->way->batch;
	vring_put_index(ring, ring->avail_index);
	virtio_notify(&g->mem.virtio);
	g->requests += g->way->batch;
}

static void prepare_state(struct guest *g)
{
	start(g);
	mem_put(&g->mem, 0, MEM_STATE, g->config.addr, UINT16_MAX);
	fill_entries(g, 0, 0);
}

static void prepare_plug(struct guest *g)
{
	start(g);
	mem_put(&g->mem, 0, MEM_PLUG, g->config.addr, UINT16_MAX);
	mem_put(&g->mem, 2, MEM_UNPLUG, g->config.addr, UINT16_MAX);
	fill_entries(g, 0, 2);
}

/* Every other block stays, so that nothing is done in large runs. */
static void prepare_small(struct guest *g)
{
	start(g);
	for (unsigned int i = 0; i < UINT16_MAX; i += 64)
		mem_request(&g->mem, MEM_PLUG, mem_block(&g->config, i), 1);
	mem_put(&g->mem, 0, MEM_PLUG, mem_block(&g->config, 1), 63);
	mem_put(&g->mem, 2, MEM_UNPLUG, mem_block(&g->config, 1), 63);
	fill_entries(g, 0, 2);
}

static void prepare_chains(struct guest *g)
{
	uint8_t bytes[MEM_PIECES_MAX] = { 0 };
	struct mem_pieces p = { .bytes = bytes };

	start(g);
	mem_encode(bytes, MEM_STATE, g->config.addr, UINT16_MAX);
	p.nr_in = mem_cut(p.in, MEM_RESPONSE_SIZE, 1);
	p.nr_out = mem_cut(p.out, QUEUE - MEM_RESPONSE_SIZE, 1);
	mem_put_pieces(&g->mem, 0, &p);
	fill_entries(g, 0, 0);
}

/* A malformed request after each reset. */
static void round_resets(struct guest *g)
{
	start(g);
	mem_put(&g->mem, 0, UINT16_MAX, 0, 0);
	vring_offer(&g->mem.ring, 0);
	virtio_notify(&g->mem.virtio);
	g->requests++;
}

/* Memory that was used takes the host long to free. */
static void round_used(struct guest *g)
{
	const unsigned int blocks = 1024, step = 8;

	mem_request(&g->mem, MEM_PLUG, g->config.addr, blocks);
	for (unsigned int i = 0; i < blocks; i += step) {
		qtest_memset(g->mem.qtest, mem_block(&g->config, i), 0x5a,
			     step * BLOCK);
		qtest_sync(g->mem.qtest);
	}
	mem_request(&g->mem, MEM_UNPLUG, g->config.addr, blocks);
	g->requests += 2;
}

/* What the answers take on this machine as it is. */
static void round_idle(struct guest *g)
{
	(void)g;
	deadline_pause(deadline_in(DEADLINE_DEFAULT_MS));
}

static const struct way ways[] = {
	{ "an idle guest", start, round_idle, 0 },
	{ "state of 65535 blocks", prepare_state, refill, QUEUE },
	/* Few, since they take a tenth of a second each. */
	{ "plug and unplug 65535 blocks", prepare_plug, refill, 4 },
	{ "plug and unplug 63 blocks", prepare_small, refill, QUEUE },
	{ "use 1 GiB and unplug it", start, round_used, 0 },
	{ "chains of 128 bytes", prepare_chains, refill, QUEUE },
	{ "malformed requests and resets", start, round_resets, 0 },
};

static void *guest_run(void *opaque)
{
	struct guest *g = opaque;

	while (!atomic_load(&g->stop))
		g->way->round(g);
	mem_settle(&g->mem);
	return NULL;
}

/* ---- the one who asks ---------------------------------------------------- */

struct latency {
	int64_t worst_ns, sum_ns;
	unsigned int nr;
};

static void ask(struct qmp *qmp, struct latency *latency)
{
	int64_t began = clock_now_ns(), took;

	qmp_do(qmp, "query-status", NULL);
	took = clock_now_ns() - began;
	if (took > latency->worst_ns)
		latency->worst_ns = took;
	latency->sum_ns += took;
	latency->nr++;
	qmp_drop_events(qmp);
}

static void ask_for(struct guest *g, int seconds, struct latency *latency)
{
	int64_t deadline = deadline_in(seconds * 1000);
	struct qmp *qmp = &g->mem.peer->qmp;
	pthread_t thread;

	atomic_store(&g->stop, false);
	if (pthread_create(&thread, NULL, guest_run, g))
		fatal("no thread for the guest");
	do
		ask(qmp, latency);
	while (deadline_pause(deadline));
	atomic_store(&g->stop, true);
	pthread_join(thread, NULL);
}

/* A ring that came to a halt would be no ordeal. */
static void check_handled(struct guest *g)
{
	const uint8_t bad = STATUS_NEEDS_RESET;

	if (g->way->round != refill)
		return;
	if (virtio_status(&g->mem.virtio) & bad)
		fatal("%s: the device needs a reset", g->way->name);
	if (vring_device_index(&g->mem.ring) != g->mem.ring.avail_index)
		fatal("%s: requests were left", g->way->name);
}

/* Whether all was well. */
static bool run_way(struct guest *g, int seconds, int limit_ms)
{
	struct latency latency = { 0 };
	uint64_t before, after;
	bool slow;

	mem_request(&g->mem, MEM_UNPLUG_ALL, 0, 0);
	g->way->prepare(g);
	g->way->round(g);
	qtest_sync(g->mem.qtest);
	g->requests = 0;
	before = peer_resident(g->mem.peer);
	ask_for(g, seconds, &latency);
	after = peer_resident(g->mem.peer);
	check_handled(g);
	mem_start(&g->mem, NULL);
	slow = limit_ms && latency.worst_ns > limit_ms * INT64_C(1000000);
	printf("%-30s %10" PRIu64 " requests, %5u answers: worst %8.3f ms, "
	       "mean %7.3f ms; resident %" PRIu64 " -> %" PRIu64 " KiB%s\n",
	       g->way->name, g->requests, latency.nr, latency.worst_ns / 1e6,
	       latency.sum_ns / 1e6 / latency.nr, before >> 10, after >> 10,
	       slow ? ": TOO SLOW" : "");
	fflush(stdout);
	return !slow && after < before + GROWTH_MAX;
}

/* Memory that a sanitizer keeps from being used again is no growth. */
static void limit_quarantine(void)
{
	const char *options = getenv("ASAN_OPTIONS");
	char text[512];

	snprintf(text, sizeof(text), "%s:quarantine_size_mb=1",
		 options ? options : "");
	setenv("ASAN_OPTIONS", text, 1);
}

int main(int argc, char **argv)
{
	const struct peer_config config = {
		.kind = argc > 1 && strstr(argv[1], "qemu") ? PEER_QEMU
							    : PEER_PARAMEM,
		.program = argc > 1 ? argv[1] : NULL,
		.nr_devices = 1,
		.devices = { { .max_size = REGION,
			       .block_size = BLOCK,
			       .requested_size = REGION,
			       .extra = "reserve=off" } },
	};
	int seconds = argc > 2 ? atoi(argv[2]) : 10;
	int limit_ms = argc > 3 ? atoi(argv[3]) : 0;
	struct guest g = { 0 };
	bool good = true;

	if (argc < 2 || access(argv[1], X_OK))
		return SKIPPED;
	limit_quarantine();
	mem_open(&g.mem, peer_start(&config), 0);
	mem_start(&g.mem, NULL);
	mem_read_config(&g.mem, &g.config);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		g.way = &ways[i];
		good &= run_way(&g, seconds, limit_ms);
	}
	peer_stop(g.mem.peer);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
