/* SPDX-License-Identifier: BSD-3-Clause */
/* A size as a person reads it. */
#include "human_size.h"

#include <inttypes.h>
#include <stdio.h>

struct human_size human_size(uint64_t size)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB",
					     "TiB",   "PiB", "EiB" };
	struct human_size human;
	unsigned int unit = 0;

	/* The largest that comes out whole: a wrong size is seen to be. */
	for (; size && size % 1024 == 0; unit++)
		size /= 1024;
	snprintf(human.text, sizeof(human.text), "%" PRIu64 " %s", size,
		 units[unit]);
	return human;
}
