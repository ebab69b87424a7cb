/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the test programs share: one peer each, which every test finds as a
 * fresh machine, and what is checked again and again.
 *
 * usage of a test program: PROGRAM [PATTERN], the binary of the peer
 */
#ifndef QTEST_SUITE_H
#define QTEST_SUITE_H

#include "../unit/cmocka_all.h"

#include "mem.h"
#include "mem_frame.h"
#include "mem_qmp.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* Skips (status 77) where there is no peer; makes fatal() fail a test. */
void suite_init(int argc, char **argv);

/* The second of these, again: after somebody else's handler. */
void suite_catch_fatal(void);

/* The binary of the peer. */
const char *suite_program(void);

#endif /* QTEST_SUITE_H */
