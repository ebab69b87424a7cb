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
#include <string.h>

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

/*
 * "2GB" and "2Gi" stand for what is "2G" here, and "1,5G" for "1.5G": that, in
 * @meant, or false.
 */
static bool meant_size(const char *text, char *meant, size_t size)
{
	size_t len = strlen(text);
	uint64_t value;
	char *comma;

	if (!len || len >= size)
		return false;
	strcpy(meant, text);
	comma = strchr(meant, ',');
	if (comma)
		*comma = '.';
	if (size_parse(meant, &value) < 0 && strchr("Bbi", text[len - 1]))
		meant[len - 1] = '\0';
	return !size_parse(meant, &value);
}

static int bad_size(const char *what, const char *text, struct pm_error *err)
{
	char meant[24];

	if (*text == '-')
		return pm_error_set(err, EINVAL,
				    "%s cannot be '%.100s': a size is not "
				    "below 0",
				    what, text);
	if (meant_size(text, meant, sizeof(meant)))
		return pm_error_set(err, EINVAL,
				    "%s cannot be '%.100s': did you mean %s? "
				    "Units are binary: G is GiB, and GB is "
				    "none",
				    what, text, meant);
	return pm_error_set(err, EINVAL,
			    "%s cannot be '%.100s': use " SIZE_SYNTAX, what,
			    text);
}

/* So few bytes that a unit was forgotten: no memory comes in less. */
#define SIZE_BARE_MIN (64 * 1024)

static int check_bare(const char *what, const char *text, uint64_t size,
		      struct pm_error *err)
{
	if (!size || size >= SIZE_BARE_MIN || text[strspn(text, "0123456789")])
		return 0;
	return pm_error_set(err, EINVAL,
			    "%s cannot be '%.100s', which is in bytes: did you "
			    "mean %sM?",
			    what, text, text);
}

int cli_parse_bytes(const char *what, const char *text, uint64_t *size,
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
		return bad_size(what, text, err);
	}
}

int cli_parse_size(const char *what, const char *text, uint64_t *size,
		   struct pm_error *err)
{
	int ret = cli_parse_bytes(what, text, size, err);

	return ret ? ret : check_bare(what, text, *size, err);
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
