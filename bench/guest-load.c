/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a guest does with its memory, in steps that can be timed: bench/guest-load
 * NODE CHUNK CHUNKS, run in the guest by bench/guest-guard.
 *
 * All memory comes from one node, half of it in small pages, half in huge ones
 * if the guest has them; each half is CHUNKS of CHUNK MiB. A letter on standard
 * input asks for a step, and its nanoseconds are the answer:
 *
 *	s  touches the next chunk of the small half for the first time
 *	h  the same in the huge half
 *	c  copies one half to the other
 *	r  reads and writes words of both halves, each in another page
 *	n  no step: the answer is how many pages are on other nodes
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE     4096
#define HUGE     (UINT64_C(2) << 20)
#define ACCESSES 100000

#define MPOL_BIND 2

struct half {
	unsigned char *start;
	unsigned int touched; /* chunks */
};

static uint64_t chunk;
static unsigned int chunks;
static struct half small, huge;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void half_init(struct half *half, int advice)
{
	uint64_t size = chunk * chunks;
	unsigned char *p = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	half->start = p + (-(uintptr_t)p & (HUGE - 1));
	madvise(half->start, size, advice);
}

static void touch(struct half *half)
{
	unsigned char *p = half->start + half->touched * chunk;

	if (half->touched == chunks)
		return;
	for (uint64_t at = 0; at < chunk; at += PAGE)
		*(volatile unsigned char *)(p + at) = 1;
	half->touched++;
}

static void access_at_random(void)
{
	static uint64_t seed = 88172645463325252;
	uint64_t pages = chunk * chunks / PAGE;

	for (int i = 0; i < ACCESSES; i++) {
		volatile uint64_t *p;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		p = (void *)((seed & 1 ? small : huge).start +
			     (seed >> 8) % pages * PAGE + (seed & 0xff8));
		*p += seed;
	}
}

static uint64_t elsewhere_of(const struct half *half, int node)
{
	uint64_t pages = half->touched * chunk / PAGE, count = 0;

	for (uint64_t i = 0; i < pages; i++) {
		void *page = half->start + i * PAGE;
		int where = -1;

		syscall(SYS_move_pages, 0, 1L, &page, NULL, &where, 0);
		count += where != node;
	}
	return count;
}

static uint64_t elsewhere(int node)
{
	return elsewhere_of(&small, node) + elsewhere_of(&huge, node);
}

static void step(int letter)
{
	switch (letter) {
	case 's':
		touch(&small);
		break;
	case 'h':
		touch(&huge);
		break;
	case 'c':
		memcpy(small.start, huge.start, chunk * chunks);
		break;
	case 'r':
		access_at_random();
		break;
	}
}

int main(int argc, char **argv)
{
	int letter, node = argc == 4 ? atoi(argv[1]) : 0;
	unsigned long mask = 1UL << node;

	if (argc != 4)
		return 2;
	chunk = strtoull(argv[2], NULL, 10) << 20;
	chunks = (unsigned int)atoi(argv[3]);
	half_init(&small, MADV_NOHUGEPAGE);
	half_init(&huge, MADV_HUGEPAGE);
	/* Only now: this program's own pages come from where they are. */
	if (syscall(SYS_set_mempolicy, MPOL_BIND, &mask, 64UL))
		die("set_mempolicy");
	puts("load: ready");
	fflush(stdout);
	while ((letter = getchar()) != EOF) {
		uint64_t began = now(), answer;

		if (letter == '\n')
			continue;
		step(letter);
		answer = letter == 'n' ? elsewhere(node) : now() - began;
		printf("load: %" PRIu64 "\n", answer);
		fflush(stdout);
	}
	return 0;
}
