/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The options of a subcommand, by getopt_long(): what is the same for all of
 * them.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>

#include "paramem.h"

/* The subcommand goes on; its operands begin at argv[optind]. */
#define OPTIONS_GO_ON (-1)
/* Of one subcommand, --help included. */
#define OPTIONS_MAX   32

struct cli_option {
	const char *name; /* without the dashes; NULL ends a list */
	bool *flag;       /* set by an option that takes no value */
	/* Takes the value of one that does; -errno with a sentence. */
	int (*set)(void *opaque, char *value, struct pm_error *err);
	bool many; /* may be given more than once */
};

/*
 * Takes the options and moves them before the operands. OPTIONS_GO_ON, or an
 * exit status: of --help, for which @help is printed, or of a wrong command
 * line, with a sentence.
 */
int cli_options(int argc, char **argv, const struct cli_option *options,
		const char *help, void *opaque);

#endif /* CLI_OPTIONS_H */
