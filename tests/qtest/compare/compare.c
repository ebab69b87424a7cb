/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compares paramem's memory device with QEMU's: the same random requests and
 * resets to both, and everything that a driver or a manager can see.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../deadline.h"
#include "differences.h"
#include "lockstep.h"

enum { EXIT_USAGE = 2, EXIT_SKIPPED = 77 };

struct options {
	struct lockstep_options run;
	const char *config; /* NULL: all of them */
	bool list;
};

static const char usage_text[] =
	"usage: compare --paramem PATH [--qemu PATH] [--requests N] [--seed "
	"N]\n"
	"               [--config NAME] [--list]\n"
	"\n"
	"  --requests N   in all, shared out over the machines (200000)\n"
	"  --seed N       of the random steps (1)\n"
	"  --config NAME  one machine, and all requests for it\n"
	"  --list         name the machines and the listed differences\n"
	"\n"
	"Status 1: they differ in what is not listed; 77: there is no QEMU.\n";

static void usage(int status)
{
	fputs(usage_text, status ? stderr : stdout);
	exit(status);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 0);

	if (end == text || *end)
		usage(EXIT_USAGE);
	return n;
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "paramem", required_argument, NULL, 'p' },
		{ "qemu", required_argument, NULL, 'q' },
		{ "requests", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "config", required_argument, NULL, 'c' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'p':
			o->run.paramem = optarg;
			break;
		case 'q':
			o->run.qemu = optarg;
			break;
		case 'n':
			o->run.requests = number(optarg);
			break;
		case 's':
			o->run.seed = number(optarg);
			break;
		case 'c':
			o->config = strcmp(optarg, "all") ? optarg : NULL;
			break;
		case 'l':
			o->list = true;
			break;
		default:
			usage(c == 'h' ? 0 : EXIT_USAGE);
		}
	}
	if (optind < argc || (!o->run.paramem && !o->list))
		usage(EXIT_USAGE);
}

static void list(void)
{
	for (const struct setup *s = setups; s->name; s++) {
		printf("%-20s", s->name);
		for (unsigned int i = 0; i < s->nr_devices; i++)
			printf(" %" PRIu64 " blocks of %" PRIu64 " MiB%s",
			       s->devices[i].blocks,
			       s->devices[i].block_size >> 20,
			       i + 1 < s->nr_devices ? "," : "");
		printf("%s\n", s->inaccessible == PEER_ON
				       ? ", unplugged inaccessible"
				       : "");
	}
	for (unsigned int i = 0; i < differences_count(); i++) {
		const struct difference_text *t = difference_text(i);

		printf("| %s | %s | %s | %s |\n", t->id, t->qemu, t->paramem,
		       t->rule);
	}
}

/* Whether there is such a program, by path or on the search path. */
static bool runnable(const char *program)
{
	const char *path = getenv("PATH");
	char *dirs, *rest, *dir, full[4096];
	bool found = false;

	if (strchr(program, '/'))
		return !access(program, X_OK);
	rest = dirs = strdup(path ? path : "/usr/bin:/bin");
	while (!found && (dir = strsep(&rest, ":"))) {
		snprintf(full, sizeof(full), "%s/%s", dir, program);
		found = !access(full, X_OK);
	}
	free(dirs);
	return found;
}

static unsigned int count_setups(void)
{
	unsigned int nr = 0;

	while (setups[nr].name)
		nr++;
	return nr;
}

static unsigned int run_all(const struct options *o,
			    struct lockstep_result *result)
{
	struct lockstep_options run = o->run;
	unsigned int nr = 0, all = count_setups();

	if (!o->config)
		run.requests = (run.requests + all - 1) / all;
	for (const struct setup *s = setups; s->name; s++) {
		if (o->config && strcmp(o->config, s->name))
			continue;
		lockstep_run(&run, s, result);
		nr++;
	}
	return nr;
}

static void report(unsigned int nr, const struct lockstep_result *r,
		   int64_t began)
{
	printf("%u machines, %" PRIu64 " steps, %" PRIu64
	       " requests, in %" PRId64 " s: no difference that is not listed\n"
	       "answers: %" PRIu64 " ACK, %" PRIu64 " NACK, %" PRIu64
	       " BUSY, %" PRIu64 " ERROR\n\n",
	       nr, r->steps, r->requests, (clock_now_ms() - began) / 1000,
	       r->answers[0], r->answers[1], r->answers[2], r->answers[3]);
	printf("%-26s %10s\n", "listed difference", "seen");
	for (unsigned int i = 0; i < differences_count(); i++)
		printf("%-26s %10" PRIu64 "\n", difference_text(i)->id,
		       r->differences[i]);
}

int main(int argc, char **argv)
{
	struct options o = {
		.run = { .qemu = "qemu-system-x86_64",
			 .requests = 200000,
			 .seed = 1,
			 .progress = isatty(STDERR_FILENO) },
	};
	struct lockstep_result result = { 0 };
	int64_t began = clock_now_ms();
	unsigned int nr;

	parse(argc, argv, &o);
	if (o.list) {
		list();
		return 0;
	}
	if (!runnable(o.run.qemu)) {
		fprintf(stderr, "compare: there is no %s\n", o.run.qemu);
		return EXIT_SKIPPED;
	}
	nr = run_all(&o, &result);
	if (!nr) {
		fprintf(stderr, "compare: there is no machine %s: try --list\n",
			o.config);
		return EXIT_USAGE;
	}
	report(nr, &result, began);
	return 0;
}
