/* SPDX-License-Identifier: BSD-3-Clause */
/* What the test programs share. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fatal.h"

enum { SKIPPED = 77 };

static const char *program;

static void fail_test(const char *sentence)
{
	fail_msg("%s", sentence);
}

void suite_catch_fatal(void)
{
	fatal_set_handler(fail_test);
}

void suite_init(int argc, char **argv)
{
	if (argc < 2 || access(argv[1], X_OK)) {
		fprintf(stderr, "no peer: %s\n", argc < 2 ? "" : argv[1]);
		exit(SKIPPED);
	}
	program = argv[1];
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	suite_catch_fatal();
}

const char *suite_program(void)
{
	return program;
}
