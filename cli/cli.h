/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the subcommands of the program share: their exit statuses, and how
 * they speak to whoever called them.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>

#include "paramem.h"

enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_REACHED = 3,
	EXIT_VIOLATION = 4,
};

/* Each takes its own arguments, argv[0] being its name; an exit status. */
int cli_run(int argc, char **argv);
int cli_resize(int argc, char **argv);
int cli_info(int argc, char **argv);
int cli_dump(int argc, char **argv);
int cli_list(int argc, char **argv);
int cli_numa(int argc, char **argv);

/* "paramem: SENTENCE" on standard error; returns EXIT_FAILED. */
int cli_fail(const struct pm_error *err);
/* The same for a value on the command line; returns EXIT_USAGE. */
int cli_bad_value(const struct pm_error *err);
/* "paramem: note: ..." on standard error, of what is no failure. */
void cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* For a command line of the wrong shape, with where to read on; EXIT_USAGE. */
int cli_usage_error(const char *subcommand, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints @text on standard output and returns EXIT_OK. */
int cli_help(const char *text);

/*
 * Parses @text as a size; -EINVAL or -ERANGE with a sentence. One of memory is
 * not so small that its unit has to have been forgotten.
 */
int cli_parse_bytes(const char *what, const char *text, uint64_t *size,
		    struct pm_error *err);
int cli_parse_size(const char *what, const char *text, uint64_t *size,
		   struct pm_error *err);

/* Decimal digits alone, and a number below @end; false for anything else. */
bool cli_parse_number(const char *text, unsigned long end,
		      unsigned long *number);
/* The same for a number or a range, as in "3" or "0-3". */
bool cli_parse_range(const char *text, unsigned long end, unsigned long *first,
		     unsigned long *last);

#endif /* CLI_CLI_H */
