/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the client library gives up. */
#include "fatal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void print_and_exit(const char *sentence)
{
	fprintf(stderr, "%s\n", sentence);
	exit(EXIT_FAILURE);
}

static fatal_fn *handler = print_and_exit;

void fatal_set_handler(fatal_fn *fn)
{
	handler = fn;
}

void fatal(const char *fmt, ...)
{
	static char sentence[16384];
	va_list args;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	handler(sentence);
	abort();
}
