/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fixed exchanges that ask one question each, where the two are known to
 * differ or where no random step leads. Each begins by resetting the device,
 * and leaves it to be set up again with nothing plugged.
 */
#ifndef COMPARE_PROBES_H
#define COMPARE_PROBES_H

#include "../mem.h"

enum probe {
	PROBE_REGISTERS,
	PROBE_NO_QUEUE,
	PROBE_ODD_QUEUE_SIZE,
	PROBE_LARGE_QUEUE_SIZE,
	PROBE_ENABLE_QUEUE_0,
	PROBE_FIELDS_OF_LIVE_QUEUE,
	PROBE_UNKNOWN_FEATURE,
	PROBE_NO_VERSION_1,
	PROBE_NO_INACCESSIBLE,
	PROBE_LATE_FEATURES,
	PROBE_STATUS_GOES_BACK,
	PROBE_NO_FEATURES_OK,
	PROBE_NO_DRIVER_OK,
	PROBE_DRIVER_NEEDS_RESET,
	PROBE_BROKEN_GOES_ON,
	PROBE_NO_BUS_MASTER,
	PROBE_NO_INTERRUPT,
	PROBE_LATE_INDIRECT,
	PROBE_INDIRECT_NOT_ACCEPTED,
	PROBE_LARGE_TABLE,
	PROBE_EMPTY_BUFFER,
	PROBE_WRONG_ORDER,
	PROBE_LOOP,
	PROBE_HEAD_OUTSIDE,
	PROBE_INDEX_JUMPS,
	PROBE_REQUEST_NOWHERE,
	PROBE_ANSWER_NOWHERE,
	PROBE_CONFIG_WIDTHS,
	PROBE_CONFIG_END,
	PROBE_CONFIG_WRITE,
	PROBE_RESIZE_UNHEARD,
	PROBE_CONTENTS,
	PROBE_UNPLUGGED_MEMORY,
	NR_PROBES,
};

const char *probe_name(unsigned int probe);

/* Runs it; returns how many values it gave. */
unsigned int probe_run(struct mem *mem, unsigned int probe, uint64_t *values);

#endif /* COMPARE_PROBES_H */
