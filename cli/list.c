/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * paramem list: the machines that run under a name. What a killed machine
 * left behind has nobody listening, and is passed over.
 */
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/size.h"
#include "machine_view.h"
#include "runtime_dir.h"

static const char help[] =
	"paramem list [--json]\n"
	"\n"
	"Lists your machines that run and have a name: state, memory now, and "
	"the\ncontrol socket.\n";

static int is_name(const struct dirent *entry)
{
	return machine_name_valid(entry->d_name);
}

/* False when nobody is there any more. */
static bool list_query(const char *name, struct machine_view *view)
{
	struct qmp_client *client;
	struct pm_error err;
	int ret;

	ret = qmp_client_open(name, &client, &err);
	if (!ret) {
		ret = machine_view_query(client, view, &err);
		qmp_client_close(client);
	}
	if (ret == -ETIMEDOUT || ret == -EAGAIN) {
		memset(view, 0, sizeof(*view));
		strcpy(view->status, "not answering");
		ret = 0;
	}
	return !ret;
}

static void list_print(const char *name, const struct machine_view *view,
		       const char *socket)
{
	uint64_t memory = view->boot_memory + view->plugged_memory;

	printf("%-20s %-14s %12s  %s\n", name, view->status,
	       size_format(memory).text, socket);
}

static json_t *list_json(const char *name, const struct machine_view *view,
			 const char *socket)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:s}", "name", name, "status",
			 view->status, "base-memory",
			 (json_int_t)view->boot_memory, "plugged-memory",
			 (json_int_t)view->plugged_memory, "socket", socket);
}

/* Appends to @array, or prints where that is NULL. */
static void list_one(const char *base, const char *name, json_t *array,
		     bool *header)
{
	struct machine_view view;
	char socket[PATH_MAX];

	if (runtime_dir_socket(base, name, socket, NULL) < 0 ||
	    !list_query(name, &view))
		return;
	if (array) {
		json_array_append_new(array, list_json(name, &view, socket));
		return;
	}
	if (*header)
		printf("%-20s %-14s %12s  %s\n", "NAME", "STATE", "MEMORY",
		       "SOCKET");
	*header = false;
	list_print(name, &view, socket);
}

static int list_all(bool json, struct pm_error *err)
{
	json_t *array = json ? json_array() : NULL;
	struct dirent **entries;
	char base[PATH_MAX];
	bool header = true;
	int i, nr, ret;

	ret = runtime_dir_base(base, err);
	if (ret < 0)
		return ret;
	nr = scandir(base, &entries, is_name, alphasort);
	if (nr < 0 && errno != ENOENT) {
		json_decref(array);
		return pm_error_set(err, errno, "cannot read '%.200s': %s",
				    base, strerror(errno));
	}
	for (i = 0; i < nr; i++) {
		list_one(base, entries[i]->d_name, array, &header);
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
	if (array) {
		json_dumpf(array, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(array);
	}
	return 0;
}

int cli_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct pm_error err;
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option == 'h')
			return cli_help(help);
		if (option != 'j')
			return cli_bad_option(argv, option);
		json = true;
	}
	if (argc != optind)
		return cli_usage_error("list", "list takes no target");
	return list_all(json, &err) < 0 ? cli_fail(&err) : EXIT_OK;
}
