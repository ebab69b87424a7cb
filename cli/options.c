/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options of a subcommand.
 */
#include "options.h"

#include <assert.h>
#include <ctype.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "suggest.h"

/* What getopt_long() returns for the first: past all characters. */
#define OPTION_FIRST 0x100

struct table {
	const struct cli_option *options;
	struct option longs[OPTIONS_MAX + 1];
	const char *names[OPTIONS_MAX + 1];
	int nr; /* of the options but --help, which comes after them */
};

static void table_init(struct table *t, const struct cli_option *options)
{
	*t = (struct table){ .options = options };
	for (; options[t->nr].name; t->nr++) {
		const struct cli_option *option = &options[t->nr];

		assert(t->nr < OPTIONS_MAX - 1);
		t->names[t->nr] = option->name;
		t->longs[t->nr] = (struct option){
			.name = option->name,
			.has_arg =
				option->flag ? no_argument : required_argument,
			.val = OPTION_FIRST + t->nr,
		};
	}
	t->names[t->nr] = "help";
	t->longs[t->nr] = (struct option){ "help", no_argument, NULL, 'h' };
}

/* For what getopt_long() did not take. */
static int bad_option(const struct table *t, char **argv, int option)
{
	const char *word = argv[optind - 1];
	size_t len = strcspn(word, "=");
	char name[80];

	if (option == ':')
		return cli_usage_error(argv[0], "%.80s needs a value", word);
	if (optopt >= OPTION_FIRST || (optopt == 'h' && word[1] == '-'))
		return cli_usage_error(argv[0],
				       "%.*s takes no value: leave '%.80s' "
				       "out",
				       (int)len, word, word + len);
	/* The word of a short one may not be over yet, and is not known. */
	if (isdigit(optopt))
		return cli_usage_error(argv[0],
				       "there is no option '-%c': a size "
				       "cannot be below 0",
				       optopt);
	if (optopt) {
		const char letter[] = { (char)optopt, '\0' };

		return cli_usage_error(argv[0], "there is no option '-%c'%s",
				       optopt,
				       suggest(letter, "--", t->names).text);
	}
	snprintf(name, sizeof(name), "%.*s", (int)len, word);
	return cli_usage_error(argv[0], "there is no option '%s'%s", name,
			       suggest(name + 2, "--", t->names).text);
}

static int take(const struct table *t, int index, uint32_t *seen, char **argv,
		void *opaque)
{
	const struct cli_option *option = &t->options[index];
	struct pm_error err;

	if (option->flag) {
		*option->flag = true;
		return OPTIONS_GO_ON;
	}
	if (*seen >> index & 1 && !option->many)
		return cli_usage_error(argv[0],
				       "--%s is given twice, the second time "
				       "with '%.80s': give it once",
				       option->name, optarg);
	*seen |= UINT32_C(1) << index;
	if (option->set(opaque, optarg, &err) < 0)
		return cli_bad_value(&err);
	return OPTIONS_GO_ON;
}

int cli_options(int argc, char **argv, const struct cli_option *options,
		const char *help, void *opaque)
{
	struct table t;
	uint32_t seen = 0;
	int option, status;

	static_assert(OPTIONS_MAX <= 32, "a bit each of what was seen");
	table_init(&t, options);
	while ((option = getopt_long(argc, argv, ":h", t.longs, NULL)) != -1) {
		if (option == 'h')
			return cli_help(help);
		if (option < OPTION_FIRST)
			return bad_option(&t, argv, option);
		status = take(&t, option - OPTION_FIRST, &seen, argv, opaque);
		if (status != OPTIONS_GO_ON)
			return status;
	}
	return OPTIONS_GO_ON;
}
