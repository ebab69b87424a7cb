/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A memory device of a machine, as its control socket describes it.
 */
#ifndef CLI_MEM_VIEW_H
#define CLI_MEM_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "config/machine_config.h"
#include "qmp_client.h"

struct mem_view {
	char id[MACHINE_NAME_MAX + 1];
	uint64_t addr;
	uint64_t block_size;
	uint64_t size; /* plugged */
	uint64_t requested_size;
	uint64_t usable_size;
	uint64_t max_size;
	int node;
	char backend[16];              /* "" when the machine does not tell */
	char guard[16];                /* the same */
	char guard_lack[PM_ERROR_MAX]; /* why it is not better, or "" */
	uint64_t violations;
	bool driver_ready; /* also when the machine does not tell */
	char last_refusal[PM_ERROR_MAX];
	char standing[16]; /* as the machine tells it, or "" */
};

/* All devices; how many there are, or -errno with a sentence. */
int mem_view_query(struct qmp_client *client,
		   struct mem_view views[MACHINE_MEM_DEVICES_MAX],
		   struct pm_error *err);

/* The one of this id, or NULL with a sentence that names the others. */
const struct mem_view *mem_view_find(const struct mem_view *views, int nr,
				     const char *id, struct pm_error *err);

#endif /* CLI_MEM_VIEW_H */
