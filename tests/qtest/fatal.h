/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the client library gives up: a peer that died, broke its protocol or
 * did not answer in time. Nothing in the library returns such a failure.
 */
#ifndef QTEST_FATAL_H
#define QTEST_FATAL_H

/*
 * Called with the sentence; must not return (exit, or a long jump out of the
 * test). The default prints the sentence and exits with status 1.
 */
typedef void fatal_fn(const char *sentence);

void fatal_set_handler(fatal_fn *fn);

void fatal(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

#endif /* QTEST_FATAL_H */
