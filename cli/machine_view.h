/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine, as its control socket describes it.
 */
#ifndef CLI_MACHINE_VIEW_H
#define CLI_MACHINE_VIEW_H

#include "mem_view.h"

struct machine_view {
	char name[MACHINE_NAME_MAX + 1]; /* "" when it has none */
	char status[32];
	char pause_reason[PM_ERROR_MAX]; /* "" where none is told */
	uint64_t boot_memory;
	uint64_t plugged_memory;
	struct mem_view devices[MACHINE_MEM_DEVICES_MAX];
	int nr_devices;
};

int machine_view_query(struct qmp_client *client, struct machine_view *view,
		       struct pm_error *err);

#endif /* CLI_MACHINE_VIEW_H */
