/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the subcommands speak to whoever called them.
 */
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/size.h"

int cli_fail(const struct pm_error *err)
{
	fprintf(stderr, "paramem: %s\n", err->text);
	return EXIT_FAILED;
}

int cli_bad_value(const struct pm_error *err)
{
	cli_fail(err);
	return EXIT_USAGE;
}

void cli_note(const char *fmt, ...)
{
	va_list args;

	fputs("paramem: note: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

int cli_usage_error(const char *subcommand, const char *fmt, ...)
{
	va_list args;

	fputs("paramem: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nTry 'paramem %s%s--help'.\n", subcommand,
		*subcommand ? " " : "");
	return EXIT_USAGE;
}

int cli_help(const char *text)
{
	fputs(text, stdout);
	return EXIT_OK;
}

int cli_parse_size(const char *what, const char *text, uint64_t *size,
		   struct pm_error *err)
{
	switch (size_parse(text, size)) {
	case 0:
		return 0;
	case -ERANGE:
		return pm_error_set(err, ERANGE,
				    "%s of '%.100s' is more than 64 bits can "
				    "count: use a smaller one",
				    what, text);
	default:
		return pm_error_set(err, EINVAL,
				    "%s cannot be '%.100s': use " SIZE_SYNTAX,
				    what, text);
	}
}

/* Moves @text past the number. */
static bool take_number(const char **text, unsigned long end,
			unsigned long *number)
{
	char *rest;

	if (!isdigit((unsigned char)**text))
		return false;
	*number = strtoul(*text, &rest, 10); /* ULONG_MAX when too large */
	*text = rest;
	return *number < end;
}

bool cli_parse_number(const char *text, unsigned long end,
		      unsigned long *number)
{
	return take_number(&text, end, number) && !*text;
}

bool cli_parse_range(const char *text, unsigned long end, unsigned long *first,
		     unsigned long *last)
{
	if (!take_number(&text, end, first))
		return false;
	*last = *first;
	if (*text != '-')
		return !*text;
	text++;
	return take_number(&text, end, last) && !*text && *first <= *last;
}
