/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the guard costs the host: a checkerboard of single blocks over a large
 * region, requests for many blocks, and the guest's first touch of what it was
 * given, with and without the guard in turn.
 *
 * usage: bench-guard [GIB [ROUNDS]]
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"
#include "paramem.h"

#define MIB   (UINT64_C(1) << 20)
#define GIB   (UINT64_C(1) << 30)
#define BLOCK (2 * MIB)
#define ADDR  (UINT64_C(1) << 36)

/* What the guest touches; that of huge pages has to be in the pool. */
#define TOUCHED    (256 * MIB)
#define BLOCKS_MAX 32768
#define ROUNDS_MAX 64

enum { PLUG = 0, UNPLUG = 1, UNPLUG_ALL = 2, ACK = 0 };

struct kind {
	const char *name;
	enum pm_ram_backend backend;
	enum pm_ram_thp thp;
	unsigned int every; /* of so many blocks one is plugged */
};

static const struct kind kinds[] = {
	{ "anon", PM_RAM_ANON, PM_THP_ON, 2 },
	{ "anon, thp=off", PM_RAM_ANON, PM_THP_OFF, 2 },
	{ "memfd", PM_RAM_MEMFD, PM_THP_ON, 2 },
	{ "huge pages", PM_RAM_HUGETLB, PM_THP_ON, 256 },
};

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Milliseconds, but for what says otherwise. */
struct costs {
	double start, plug_us, unplug_us, clear, plug_all, unplug_all;
	double touch_us;
	long mappings, tables; /* of the checkerboard; tables in KiB */
};

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench-guard: %s: %s\n", what, why);
	exit(1);
}

static double now_ms(void)
{
	return (double)now_ns() * 1e-6;
}

static long mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	long lines = 0;
	int c;

	while (f && (c = getc(f)) != EOF)
		lines += c == '\n';
	if (f)
		fclose(f);
	return lines;
}

static long page_tables(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	long kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmPTE: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/* Huge pages are there in advance, those of the checkerboard and one more. */
static bool pool_suffices(const struct kind *kind, uint64_t blocks)
{
	uint64_t needed = blocks / kind->every + 1;
	unsigned long long available = 0;
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];

	if (needed < TOUCHED / BLOCK)
		needed = TOUCHED / BLOCK;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "HugePages_Free: %llu", &available) == 1)
			break;
	if (f)
		fclose(f);
	if (kind->backend != PM_RAM_HUGETLB || available >= needed)
		return true;
	printf("%s: left out, since %" PRIu64 " free ones are needed and there "
	       "are %llu (vm.nr_hugepages)\n",
	       kind->name, needed, available);
	return false;
}

/* ---- a device and its handler -------------------------------------------- */

struct rig {
	const struct kind *kind;
	struct pm_ram *ram;
	struct pm_device *device;
	pthread_mutex_t lock;
	pthread_t handler;
	atomic_bool stop;
	bool guarded;
};

static void lock(void *opaque)
{
	pthread_mutex_lock(&((struct rig *)opaque)->lock);
}

static void unlock(void *opaque)
{
	pthread_mutex_unlock(&((struct rig *)opaque)->lock);
}

static void *handle(void *opaque)
{
	struct rig *r = opaque;
	struct pollfd p = { .fd = pm_device_guard_fd(r->device),
			    .events = POLLIN };

	while (!r->stop) {
		poll(&p, 1, 20);
		pm_device_guard_handle(r->device);
	}
	return NULL;
}

static bool create(struct rig *r, const struct kind *kind, uint64_t size,
		   bool guarded)
{
	static const struct pm_device_ops ops = {
		.guard_lock = lock,
		.guard_unlock = unlock,
	};
	const struct pm_ram_config memory = {
		.backend = kind->backend,
		.max_size = size,
		.page_size = kind->backend == PM_RAM_HUGETLB ? BLOCK : 0,
		.thp = kind->thp,
		.no_reserve = true,
	};
	const struct pm_device_config config = {
		.id = "bench",
		.addr = ADDR,
		.block_size = BLOCK,
		.requested_size = size,
		.features = PM_F_UNPLUGGED_INACCESSIBLE,
		.guard = guarded ? PM_GUARD_REQUIRED : PM_GUARD_OFF,
	};
	struct pm_error err;

	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->guarded = guarded;
	pthread_mutex_init(&r->lock, NULL);
	if (pm_ram_create(&memory, &r->ram, &err) < 0 ||
	    pm_device_create(&config, r->ram, &ops, r, &r->device, &err) < 0) {
		fprintf(stderr, "bench-guard: %s: %s\n", kind->name, err.text);
		pm_ram_destroy(r->ram);
		return false;
	}
	if (guarded && pthread_create(&r->handler, NULL, handle, r) != 0)
		die(kind->name, "no thread");
	return true;
}

static void destroy(struct rig *r)
{
	r->stop = true;
	if (r->guarded)
		pthread_join(r->handler, NULL);
	pm_device_destroy(r->device);
	pm_ram_destroy(r->ram);
	pthread_mutex_destroy(&r->lock);
}

static double request(struct rig *r, uint16_t type, uint64_t block,
		      uint64_t count)
{
	uint8_t bytes[PM_REQUEST_SIZE] = { 0 }, answer[PM_RESPONSE_SIZE];
	const uint64_t addr = htole64(ADDR + block * BLOCK);
	const uint16_t nr = htole16((uint16_t)count);
	struct pm_error err = { .text = "" };
	double began = now_ms();

	type = htole16(type);
	memcpy(bytes, &type, sizeof(type));
	memcpy(bytes + 8, &addr, sizeof(addr));
	memcpy(bytes + 16, &nr, sizeof(nr));
	if (pm_device_request(r->device, bytes, sizeof(bytes), answer,
			      sizeof(answer), &err) < 0 ||
	    answer[0] != ACK)
		die(r->kind->name, err.text);
	return now_ms() - began;
}

/* ---- what is measured ---------------------------------------------------- */

/* Single blocks, and the next of each taken away again. */
static void checkerboard(struct rig *r, uint64_t blocks, struct costs *c)
{
	const uint64_t every = r->kind->every;
	static double plug[BLOCKS_MAX], unplug[BLOCKS_MAX];
	unsigned int n = 0;

	for (uint64_t i = 0; i + 1 < blocks; i += every, n++) {
		plug[n] = request(r, PLUG, i, 1);
		request(r, PLUG, i + 1, 1);
		unplug[n] = request(r, UNPLUG, i + 1, 1);
	}
	c->plug_us = median(plug, n) * 1e3;
	c->unplug_us = median(unplug, n) * 1e3;
}

/* As a vCPU does it, but for KVM's share: each page for the first time. */
static double touch(struct rig *r)
{
	unsigned char *at = pm_device_memory(r->device);
	double began;

	request(r, PLUG, 0, TOUCHED / BLOCK);
	began = now_ms();
	for (uint64_t i = 0; i < TOUCHED; i += 4096)
		__atomic_store_n(at + i, 1, __ATOMIC_RELAXED);
	began = now_ms() - began;
	request(r, UNPLUG, 0, TOUCHED / BLOCK);
	return began * 1e3 / (TOUCHED / 4096);
}

static bool measure(const struct kind *kind, uint64_t size, bool guarded,
		    struct costs *c)
{
	const uint64_t blocks = size / BLOCK;
	const bool huge = kind->backend == PM_RAM_HUGETLB;
	long before = mappings(), tables = page_tables();
	double began = now_ms();
	struct rig r;

	if (!create(&r, kind, size, guarded))
		return false;
	c->start = now_ms() - began;
	checkerboard(&r, blocks, c);
	c->mappings = mappings() - before;
	c->tables = page_tables() - tables;
	c->clear = request(&r, UNPLUG_ALL, 0, 0);
	/* More than the pool has, for huge pages. */
	c->plug_all = huge ? 0 : request(&r, PLUG, 0, blocks);
	c->unplug_all = huge ? 0 : request(&r, UNPLUG, 0, blocks);
	c->touch_us = touch(&r);
	destroy(&r);
	return true;
}

/* ---- the report ---------------------------------------------------------- */

#define ROWS(X)                                      \
	X(start, "start, ms")                        \
	X(plug_us, "PLUG of one block, us")          \
	X(unplug_us, "UNPLUG of one block, us")      \
	X(clear, "UNPLUG_ALL of a checkerboard, ms") \
	X(plug_all, "PLUG of all blocks, ms")        \
	X(unplug_all, "UNPLUG of all blocks, ms")    \
	X(touch_us, "first touch of a page, us")

static void show(const char *what, double off, double on)
{
	printf("  %-34s %10.2f %10.2f", what, off, on);
	if (on > 0)
		printf(" %7.2f", off / on);
	putchar('\n');
}

static double of_rounds(const struct costs *c, unsigned int rounds,
			size_t member)
{
	double values[ROUNDS_MAX];

	for (unsigned int i = 0; i < rounds; i++)
		values[i] = *(const double *)((const char *)&c[i] + member);
	return median(values, rounds);
}

static void report(const struct kind *kind, const struct costs *off,
		   const struct costs *on, unsigned int rounds)
{
	printf("%s, one block of %u plugged\n", kind->name, kind->every);
	printf("  %-34s %10s %10s %7s\n", "", "off", "guard", "off/on");
#define ROW(member, what)                                                  \
	show(what, of_rounds(off, rounds, offsetof(struct costs, member)), \
	     of_rounds(on, rounds, offsetof(struct costs, member)));
	ROWS(ROW)
#undef ROW
	printf("  %-34s %10ld %10ld\n", "mappings", off->mappings,
	       on->mappings);
	printf("  %-34s %10ld %10ld\n\n", "page tables, KiB", off->tables,
	       on->tables);
}

int main(int argc, char **argv)
{
	uint64_t size = (argc > 1 ? strtoull(argv[1], NULL, 10) : 64) * GIB;
	unsigned int rounds = argc > 2 ? atoi(argv[2]) : 5;
	static struct costs off[ROUNDS_MAX], on[ROUNDS_MAX];

	if (size < GIB || size / BLOCK > BLOCKS_MAX || !rounds ||
	    rounds > ROUNDS_MAX) {
		fprintf(stderr,
			"usage: bench-guard [GIB [ROUNDS]], at most 64 GiB "
			"and %d rounds\n",
			ROUNDS_MAX);
		return 1;
	}
	printf("%" PRIu64 " GiB in blocks of 2 MiB, medians of %u rounds\n\n",
	       size / GIB, rounds);
	for (size_t k = 0; k < NR_KINDS; k++) {
		bool done = pool_suffices(&kinds[k], size / BLOCK);

		for (unsigned int i = 0; i < rounds && done; i++) {
			done = measure(&kinds[k], size, false, &off[i]) &&
			       measure(&kinds[k], size, true, &on[i]);
		}
		if (done)
			report(&kinds[k], off, on, rounds);
	}
	return 0;
}
