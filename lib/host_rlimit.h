/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits of the process, as setrlimit(2) sets them. */
#ifndef PARAMEM_HOST_RLIMIT_H
#define PARAMEM_HOST_RLIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False when there is no such limit. */
bool host_rlimit(int resource, uint64_t *limit);

/*
 * Writes what a limit is and what would help: the end of a sentence, or nothing
 * when there is no limit.
 */
void host_rlimit_text(int resource, char *text, size_t size);

#endif
