/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program: finds the subcommand and runs it.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "output.h"
#include "suggest.h"

static const struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
} subcommands[] = {
	{ "run", cli_run },   { "resize", cli_resize }, { "info", cli_info },
	{ "numa", cli_numa }, { "dump", cli_dump },     { "list", cli_list },
};

static const char help[] =
	"paramem: virtual machines whose memory grows and shrinks while they "
	"run\n"
	"\n"
	"  paramem run [NAME] --kernel FILE [OPTIONS]   run a virtual machine\n"
	"  paramem resize TARGET DEVICE SIZE            change its memory\n"
	"  paramem info TARGET                          show its memory\n"
	"  paramem numa TARGET                          show its NUMA nodes\n"
	"  paramem dump TARGET FILE                     write it to a core "
	"file\n"
	"  paramem list                                 show what runs\n"
	"\n"
	"  paramem SUBCOMMAND --help                    more on one of them\n"
	"  paramem --version\n"
	"\n"
	"TARGET is the name of a machine, or the path of its control socket.\n"
	"The manual is paramem(1).\n";

static const struct subcommand *find_subcommand(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
		if (!strcmp(subcommands[i].name, name))
			return &subcommands[i];
	}
	return NULL;
}

static int no_subcommand(const char *name)
{
	const char *names[sizeof(subcommands) / sizeof(subcommands[0]) + 1];
	size_t i;

	for (i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		names[i] = subcommands[i].name;
	names[i] = NULL;
	return cli_usage_error("", "there is no subcommand '%.80s'%s", name,
			       suggest(name, "", names).text);
}

static int run_subcommand(int argc, char **argv)
{
	const struct subcommand *subcommand;

	if (argc < 2) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help"))
		return cli_help(help);
	if (!strcmp(argv[1], "--version"))
		return cli_help("paramem " PARAMEM_VERSION "\n");
	subcommand = find_subcommand(argv[1]);
	if (!subcommand)
		return no_subcommand(argv[1]);
	return subcommand->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	output_begin();
	setlocale(LC_CTYPE, "");
	/* A write says by itself that nobody reads, or that a limit is met. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return output_end(run_subcommand(argc, argv));
}
