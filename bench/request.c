/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a request costs: in the library, with the host's calls stubbed out, and
 * end to end over the qtest protocol, for paramem and QEMU in turn.
 *
 * usage: bench-request PARAMEM [QEMU [ROUNDS]]
 */
#include "request.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define TARGET 0.7

const uint16_t work_blocks[NR_WORKS] = { 1, 64, 65535 };
const unsigned int work_requests[NR_WORKS] = { 2, 2, 1 };
const char *const work_names[NR_WORKS] = {
	"PLUG+UNPLUG of 1 block",
	"PLUG+UNPLUG of 64 blocks",
	"STATE of 65,535 blocks",
};

static void show_library(const double ns[NR_WORKS])
{
	printf("in the library, ns per request\n");
	for (unsigned int i = 0; i < NR_WORKS; i++)
		printf("  %-26s %10.0f\n", work_names[i], ns[i]);
}

/* One way to subtract the socket. Whether all ratios are at most @target. */
static bool show_ratios(const struct bench_qtest *r, const char *what,
			const double *socket, double target)
{
	bool met = true;

	printf("\nover qtest, ns per request, less %s\n", what);
	printf("  %-26s %10s %10s %7s\n", "", "paramem", "QEMU", "ratio");
	for (unsigned int i = 0; i < NR_WORKS; i++) {
		double a = r->request[BENCH_PARAMEM][i] - socket[BENCH_PARAMEM];
		double b = r->request[BENCH_QEMU][i] - socket[BENCH_QEMU];

		printf("  %-26s %10.0f %10.0f %7.2f%s\n", work_names[i], a, b,
		       a / b, a / b > target ? " missed" : "");
		met &= a / b <= target;
	}
	printf("  %-26s %10.0f %10.0f\n", "subtracted", socket[BENCH_PARAMEM],
	       socket[BENCH_QEMU]);
	return met;
}

int main(int argc, char **argv)
{
	const char *qemu = argc > 2 ? argv[2] : "qemu-system-x86_64";
	unsigned int rounds = argc > 3 ? atoi(argv[3]) : 41;
	double library[NR_WORKS];
	struct bench_qtest r;
	bool met;

	if (argc < 2 || argc > 4 || !rounds) {
		fprintf(stderr,
			"usage: bench-request PARAMEM [QEMU [ROUNDS]]\n");
		return 2;
	}
	bench_library(rounds, library);
	show_library(library);
	bench_qtest(argv[1], qemu, rounds, &r);
	met = show_ratios(&r, "an empty read", r.empty, TARGET);
	show_ratios(&r, "the same commands without a device", r.silent,
		    HUGE_VAL);
	printf("\ntarget: at most %.1f, less an empty read: %s\n", TARGET,
	       met ? "met" : "missed");
	return met ? 0 : 1;
}
