/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What host memory costs, against the bare kernel in the same run: growing and
 * populating, discarding, and reserving far more than there is.
 *
 * Library and kernel take turns, so that what drifts hits both; medians.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "paramem.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define BLOCK      (UINT64_C(2) << 20)
#define GIB        (UINT64_C(1) << 30)
#define TIB        (UINT64_C(1) << 40)
#define ROUNDS_MAX 101
#define MANY       1000
#define HUGE_SHIFT 26 /* of the logarithm in the flags of memfd_create(2) */

struct options {
	uint64_t size;
	unsigned int rounds;
	bool json;
};

struct kind {
	const char *name;
	enum pm_ram_backend backend;
};

static const struct kind kinds[] = {
	{ "anon", PM_RAM_ANON },
	{ "memfd", PM_RAM_MEMFD },
	{ "hugetlb", PM_RAM_HUGETLB },
};

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Seconds of the library and of the bare kernel, round by round. */
struct pair {
	double ours[ROUNDS_MAX];
	double bare[ROUNDS_MAX];
	unsigned int count;
};

struct discard {
	unsigned int blocks;
	struct pair seconds;
};

struct report {
	bool measured; /* false: the host lacks what it takes */
	struct pair populate;
	struct discard one, many;
	double reserve;
	long reserve_tables; /* bytes of page tables */
};

/* ---- tools ---------------------------------------------------------------- */

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench-ram: %s: %s\n", what, why);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values, unsigned int count)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), compare);
	return sorted[count / 2];
}

static double ours(const struct pair *p)
{
	return median(p->ours, p->count);
}

static double bare(const struct pair *p)
{
	return median(p->bare, p->count);
}

/* How much of the kernel's speed is left. */
static double ratio(const struct pair *p)
{
	return bare(p) / ours(p);
}

static struct pm_ram *create(const struct kind *kind, uint64_t max)
{
	const struct pm_ram_config config = {
		.backend = kind->backend,
		.max_size = max,
		.page_size = kind->backend == PM_RAM_HUGETLB ? BLOCK : 0,
	};
	struct pm_error err;
	struct pm_ram *ram = NULL;

	if (pm_ram_create(&config, &ram, &err) < 0)
		die(kind->name, err.text);
	return ram;
}

static bool populate(struct pm_ram *ram, uint64_t size)
{
	struct pm_error err;

	if (pm_ram_populate(ram, 0, size, &err) == 0)
		return true;
	fprintf(stderr, "bench-ram: %s\n", err.text);
	return false;
}

static bool grow_and_populate(struct pm_ram *ram, uint64_t size)
{
	struct pm_error err;

	if (pm_ram_resize(ram, size, &err) < 0)
		die("growing", err.text);
	return populate(ram, size);
}

/* ---- growing and populating ----------------------------------------------- */

static bool time_ours(const struct kind *kind, uint64_t size, double *seconds)
{
	struct pm_ram *ram = create(kind, TIB);
	double start = now();
	bool good = grow_and_populate(ram, size);

	*seconds = now() - start;
	pm_ram_destroy(ram);
	return good;
}

/* As aligned as the library's, or it would get fewer huge pages. */
static void *aligned_space(uint64_t size)
{
	char *p = mmap(NULL, size + BLOCK, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("mmap", strerror(errno));
	return p + (-(uintptr_t)p & (BLOCK - 1));
}

static int bare_file(const struct kind *kind)
{
	unsigned int huge = MFD_HUGETLB | 21u << HUGE_SHIFT;

	if (kind->backend == PM_RAM_ANON)
		return -1;
	return memfd_create("bare",
			    kind->backend == PM_RAM_HUGETLB ? huge : 0u);
}

static double time_bare(const struct kind *kind, uint64_t size)
{
	int flags = kind->backend == PM_RAM_ANON ? MAP_PRIVATE | MAP_ANONYMOUS
						 : MAP_SHARED;
	int fd = bare_file(kind);
	void *space = aligned_space(size);
	double start = now();
	void *p;

	if (fd >= 0 && ftruncate(fd, (off_t)size) < 0)
		die("ftruncate", strerror(errno));
	p = mmap(space, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
	if (p == MAP_FAILED)
		die("mmap", strerror(errno));
	madvise(p, size, MADV_HUGEPAGE);
	if (madvise(p, size, MADV_POPULATE_WRITE) < 0)
		die("MADV_POPULATE_WRITE", strerror(errno));
	start = now() - start;
	munmap(p, size);
	if (fd >= 0)
		close(fd);
	return start;
}

static bool measure_populate(const struct kind *kind, const struct options *o,
			     struct pair *p)
{
	double warm;

	if (!time_ours(kind, o->size, &warm))
		return false;
	for (p->count = 0; p->count < o->rounds; p->count++) {
		/* Who comes first alternates as well. */
		if (p->count % 2)
			p->bare[p->count] = time_bare(kind, o->size);
		time_ours(kind, o->size, &p->ours[p->count]);
		if (p->count % 2 == 0)
			p->bare[p->count] = time_bare(kind, o->size);
	}
	return true;
}

/* ---- discarding ----------------------------------------------------------- */

static double time_discard(struct pm_ram *ram, uint64_t size)
{
	double start = now();

	if (pm_ram_discard(ram, 0, size) < 0)
		die("discard", "not everything was freed");
	return now() - start;
}

/* The system call alone, and nobody looks whether it freed anything. */
static double time_bare_discard(struct pm_ram *ram, uint64_t size)
{
	double start = now();
	int ret;

	if (pm_ram_fd(ram) < 0)
		ret = madvise(pm_ram_host(ram), size, MADV_DONTNEED);
	else
		ret = fallocate(pm_ram_fd(ram),
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				(off_t)size);
	if (ret < 0)
		die("discard", strerror(errno));
	return now() - start;
}

static bool measure_discard(const struct kind *kind, const struct options *o,
			    struct discard *d)
{
	uint64_t size = d->blocks * BLOCK;
	struct pm_ram *ram = create(kind, TIB);
	struct pair *p = &d->seconds;
	bool good = grow_and_populate(ram, size);

	for (p->count = 0; good && p->count < o->rounds; p->count++) {
		/* Who comes first alternates here, too. */
		for (unsigned int turn = 0; good && turn < 2; turn++) {
			if ((p->count + turn) % 2)
				p->bare[p->count] =
					time_bare_discard(ram, size);
			else
				p->ours[p->count] = time_discard(ram, size);
			good = populate(ram, size);
		}
	}
	pm_ram_destroy(ram);
	return good;
}

/* ---- reserving ------------------------------------------------------------ */

/* Bytes of this process's page tables. */
static long page_tables(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[128];
	long kib = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "VmPTE:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	}
	if (file)
		fclose(file);
	return kib << 10;
}

static void measure_reserve(const struct kind *kind, const struct options *o,
			    struct report *r)
{
	double seconds[ROUNDS_MAX];
	long before = page_tables();

	for (unsigned int i = 0; i < o->rounds; i++) {
		double start = now();
		struct pm_ram *ram = create(kind, TIB);

		seconds[i] = now() - start;
		r->reserve_tables = page_tables() - before;
		pm_ram_destroy(ram);
	}
	r->reserve = median(seconds, o->rounds);
}

/* ---- the report ----------------------------------------------------------- */

static void measure(const struct kind *kind, const struct options *o,
		    struct report *r)
{
	r->one.blocks = 1;
	r->many.blocks = MANY;
	measure_reserve(kind, o, r);
	r->measured = measure_populate(kind, o, &r->populate) &&
		      measure_discard(kind, o, &r->one) &&
		      measure_discard(kind, o, &r->many);
}

static void print_table(const struct report *reports, const struct options *o)
{
	printf("grow and populate %" PRIu64 " MiB, discard 2 MiB blocks, "
	       "reserve 1 TiB; medians of %u\n\n",
	       o->size >> 20, o->rounds);
	printf("%-8s %8s %8s %6s  %9s %9s  %9s %9s  %9s %7s\n", "back end",
	       "GiB/s", "bare", "ratio", "1 block", "bare", "1000", "bare",
	       "reserve", "tables");
	for (unsigned int i = 0; i < NR_KINDS; i++) {
		const struct report *r = &reports[i];

		printf("%-8s ", kinds[i].name);
		if (!r->measured) {
			printf("not measured: too few pages\n");
			continue;
		}
		printf("%8.2f %8.2f %6.3f  %6.1f us %6.1f us  %6.0f us "
		       "%6.0f us  %6.1f us %5ld B\n",
		       (double)o->size / GIB / ours(&r->populate),
		       (double)o->size / GIB / bare(&r->populate),
		       ratio(&r->populate), ours(&r->one.seconds) * 1e6,
		       bare(&r->one.seconds) * 1e6,
		       ours(&r->many.seconds) * 1e6,
		       bare(&r->many.seconds) * 1e6, r->reserve * 1e6,
		       r->reserve_tables);
	}
}

static void print_json(const struct report *reports, const struct options *o)
{
	const char *comma = "";

	printf("{\"size\": %" PRIu64 ", \"rounds\": %u, \"backends\": [",
	       o->size, o->rounds);
	for (unsigned int i = 0; i < NR_KINDS; i++) {
		const struct report *r = &reports[i];

		if (!r->measured)
			continue;
		printf("%s\n {\"backend\": \"%s\", \"populate\": "
		       "{\"seconds\": %.6f, \"bare\": %.6f, \"ratio\": %.3f}, ",
		       comma, kinds[i].name, ours(&r->populate),
		       bare(&r->populate), ratio(&r->populate));
		printf("\"discard-1\": {\"seconds\": %.9f, \"bare\": %.9f}, "
		       "\"discard-1000\": {\"seconds\": %.9f, \"bare\": "
		       "%.9f}, ",
		       ours(&r->one.seconds), bare(&r->one.seconds),
		       ours(&r->many.seconds), bare(&r->many.seconds));
		printf("\"reserve-1T\": {\"seconds\": %.9f, \"page-tables\": "
		       "%ld}}",
		       r->reserve, r->reserve_tables);
		comma = ",";
	}
	printf("\n]}\n");
}

/* ---- the command line ----------------------------------------------------- */

static void usage(FILE *to)
{
	fprintf(to,
		"usage: bench-ram [--size MIB] [--rounds N] [--json]\n"
		"\n"
		"  --size MIB   how much to grow and populate (1024)\n"
		"  --rounds N   odd, up to %d (7)\n"
		"  --json       figures for programs, in seconds and bytes\n"
		"\n"
		"Huge pages of 2 MiB: as many as --size and 1000 blocks need\n"
		"have to be in the host's pool, see "
		"/proc/sys/vm/nr_hugepages.\n",
		ROUNDS_MAX);
}

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!*text || *end || !n || n > max)
		die(text, "not a number in range; see --help");
	return n;
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{ "size", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (c == 's')
			o->size = number(optarg, 1ul << 20) * (BLOCK / 2);
		else if (c == 'r')
			o->rounds =
				(unsigned int)number(optarg, ROUNDS_MAX) | 1;
		else if (c == 'j')
			o->json = true;
		else {
			usage(c == 'h' ? stdout : stderr);
			exit(c == 'h' ? 0 : 2);
		}
	}
	o->size = (o->size + BLOCK - 1) / BLOCK * BLOCK;
}

int main(int argc, char **argv)
{
	static struct report reports[NR_KINDS];
	struct options o = { .size = GIB, .rounds = 7 };

	parse(argc, argv, &o);
	for (unsigned int i = 0; i < NR_KINDS; i++)
		measure(&kinds[i], &o, &reports[i]);
	if (o.json)
		print_json(reports, &o);
	else
		print_table(reports, &o);
	return 0;
}
