/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a device does not have its requested size, as far as that can be known
 * from outside the guest. Where causes cannot be told apart there, all that
 * are usual are named, each with what would help. Pure.
 */
#ifndef CLI_REASON_H
#define CLI_REASON_H

#include "machine_view.h"

struct reason {
	char text[PM_ERROR_MAX]; /* "" where the size is as requested */
};

struct reason reason_of(const struct machine_view *machine,
			const struct mem_view *device);

#endif /* CLI_REASON_H */
