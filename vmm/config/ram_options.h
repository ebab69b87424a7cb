/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What host memory a user asked for, behind the boot memory or a device: the
 * check of it, and what the library is told.
 */
#ifndef VMM_RAM_OPTIONS_H
#define VMM_RAM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "paramem.h"

/* All zeros is what applies when nothing is said. */
struct ram_options {
	enum pm_ram_backend backend;
	uint64_t page_size; /* of huge pages; 0: the host's default */
	bool prealloc;      /* provide pages before they are touched */
	bool no_reserve;
	bool no_thp;
	bool lock;
	bool dump;
	enum pm_numa_policy policy;
	uint64_t nodes[PM_NUMA_NODES_MAX / 64]; /* as in pm_ram_config */
};

/* "anon", "memfd" or "hugetlb". */
const char *ram_backend_name(enum pm_ram_backend backend);

/*
 * Checks what can be known without touching the host. @whose opens the
 * sentence, as in "vm0: ". 0 or -EINVAL.
 */
int ram_options_check(const struct ram_options *options, const char *whose,
		      struct pm_error *err);

/*
 * Whether pages are provided before anybody touches them. Huge pages always
 * are: a touch that finds the host's pool empty would raise SIGBUS.
 */
bool ram_options_populate(const struct ram_options *options);

/* Adds to the sentence of a failure what of the options would help. */
void ram_options_cure(const struct ram_options *options, int ret,
		      struct pm_error *err);

struct pm_ram_config ram_options_config(const struct ram_options *options,
					uint64_t max_size,
					struct pm_host *host);

#endif /* VMM_RAM_OPTIONS_H */
