/* SPDX-License-Identifier: BSD-3-Clause */
/* The same tests for every back end. */
#ifndef TEST_RAM_KINDS_H
#define TEST_RAM_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "paramem.h"

struct ram_kind {
	const char *name;
	struct pm_ram_config config; /* its maximum is set by create */
};

extern const struct ram_kind kind_anon;
extern const struct ram_kind kind_memfd;
extern const struct ram_kind kind_hugetlb;

/* A test of one back end, which it finds as its state. */
#define KIND_TEST(function, kind)                               \
	{                                                       \
#function " (" #kind ")", function, NULL, NULL, \
			(void *)(uintptr_t)&kind_##kind         \
	}
#define KIND_TESTS(function)                                   \
	KIND_TEST(function, anon), KIND_TEST(function, memfd), \
		KIND_TEST(function, hugetlb)

/* What the sizes of these tests are multiples of, and the most they need. */
#define UNIT (UINT64_C(2) << 20)
#define MAX  (32 * UNIT)

/* What this host says of itself; it stays. */
struct pm_host *this_host(void);

/* The huge pages of UNIT bytes that are left; false without such pages. */
bool free_huge_pages(uint64_t *count);

/* Skips the test, with a reason, when the host cannot run it. */
void kind_need(const struct ram_kind *kind);

/* No faults, and the memory; skips where kind_need() would. */
struct pm_ram *kind_create(const struct ram_kind *kind, uint64_t max);
struct pm_ram *kind_create_sized(const struct ram_kind *kind, uint64_t max,
				 uint64_t size);

/* Host memory behind the first @size bytes, as the host counts it. */
uint64_t ram_backing(struct pm_ram *ram, uint64_t size);

/* Fails the test unless a range reads as zeros, at every page. */
void assert_zeros(const unsigned char *p, uint64_t size);

/* What /proc/self/smaps says of a reservation. */
struct ram_mappings {
	unsigned int count;
	uint64_t charged; /* bytes that count as committed: flag "ac" */
	uint64_t dumped;  /* bytes that a core dump would hold: no flag "dd" */
	uint64_t locked;  /* flag "lo" */
	uint64_t no_thp;  /* flag "nh" */
};

/* False without smaps. */
bool ram_mappings(struct pm_ram *ram, struct ram_mappings *m);

/* Mappings and descriptors of this process: what a leak would raise. */
struct footprint {
	unsigned int mappings;
	unsigned int fds;
};

struct footprint footprint(void);

#endif
