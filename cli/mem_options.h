/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What --memory and --mem-device of `paramem run` take: KEY=VALUE parts, most
 * of them the same for both.
 */
#ifndef CLI_MEM_OPTIONS_H
#define CLI_MEM_OPTIONS_H

#include "config/machine_config.h"

/*
 * Both cut @text up in place, and leave strings in it. -EINVAL or -ERANGE
 * with a sentence.
 */

/* A size alone, or parts; without a size among them @size stays. */
int mem_options_parse_memory(char *text, uint64_t *size,
			     struct ram_options *ram, struct pm_error *err);

int mem_options_parse_device(char *text, struct mem_device_config *device,
			     struct pm_error *err);

#endif /* CLI_MEM_OPTIONS_H */
