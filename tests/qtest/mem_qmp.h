/* SPDX-License-Identifier: BSD-3-Clause */
/* What a memory device is told and asked over QMP. */
#ifndef QTEST_MEM_QMP_H
#define QTEST_MEM_QMP_H

#include "mem.h"

/* -1, and the error in @error, when it was refused; NULL makes that fatal(). */
int mem_set_requested(struct mem *mem, uint64_t size, struct qmp_error *error);

/* A property of the device that is a size. */
uint64_t mem_property(struct mem *mem, const char *name);

/* The data of the device in query-memory-devices, to be released. */
json_t *mem_query(struct mem *mem);

#endif /* QTEST_MEM_QMP_H */
