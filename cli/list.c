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
#include "options.h"
#include "output.h"
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

/* 1 with what it says of itself, 0 when nobody is there any more, -errno. */
static int list_query(const char *name, struct machine_view *view,
		      struct pm_error *err)
{
	struct qmp_client *client;
	int ret;

	ret = qmp_client_open(name, &client, err);
	if (!ret) {
		ret = machine_view_query(client, view, err);
		qmp_client_close(client);
	}
	switch (ret) {
	case -ETIMEDOUT:
	case -EAGAIN:
		memset(view, 0, sizeof(*view));
		strcpy(view->status, "not answering");
		return 1;
	case -ENOENT:
	case -ENOTDIR:
	case -ECONNREFUSED:
	case -ECONNRESET:
		return 0;
	default:
		return ret < 0 ? ret : 1;
	}
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

/* Appends to @array, or prints where that is NULL. An exit status. */
static int list_one(const char *base, const char *name, json_t *array,
		    bool *header)
{
	struct machine_view view = { 0 };
	char socket[PATH_MAX];
	struct pm_error err;
	int ret = runtime_dir_socket(base, name, socket, &err);

	if (!ret)
		ret = list_query(name, &view, &err);
	if (ret < 0) {
		fprintf(stderr, "paramem: %s: %s\n", name, err.text);
		return EXIT_FAILED;
	}
	if (!ret)
		return EXIT_OK;
	if (array) {
		if (!json_array_append_new(array,
					   list_json(name, &view, socket)))
			return EXIT_OK;
		return output_json(NULL, 0);
	}
	if (*header)
		printf("%-20s %-14s %12s  %s\n", "NAME", "STATE", "MEMORY",
		       "SOCKET");
	*header = false;
	list_print(name, &view, socket);
	return EXIT_OK;
}

/* Those that cannot be asked are told of, and the others listed. */
static int list_entries(const char *base, struct dirent **entries, int nr,
			bool json)
{
	json_t *array = json ? json_array() : NULL;
	int status = EXIT_OK;
	bool header = true;

	for (int i = 0; i < nr; i++) {
		if (list_one(base, entries[i]->d_name, array, &header))
			status = EXIT_FAILED;
		free(entries[i]);
	}
	if (array && output_json(array, JSON_INDENT(2)))
		status = EXIT_FAILED;
	return status;
}

static int list_all(bool json)
{
	struct dirent **entries = NULL;
	char base[PATH_MAX];
	struct pm_error err;
	int nr, status;

	if (runtime_dir_base(base, &err) < 0)
		return cli_fail(&err);
	nr = scandir(base, &entries, is_name, alphasort);
	if (nr < 0 && errno != ENOENT) {
		pm_error_set(&err, errno, "cannot read '%.200s': %s", base,
			     strerror(errno));
		return cli_fail(&err);
	}
	status = list_entries(base, entries, nr, json);
	free(entries);
	return status;
}

int cli_list(int argc, char **argv)
{
	bool json = false;
	const struct cli_option options[] = {
		{ "json", .flag = &json },
		{ 0 },
	};
	int status = cli_options(argc, argv, options, help, NULL);

	if (status != OPTIONS_GO_ON)
		return status;
	if (argc != optind)
		return cli_usage_error("list", "list takes no target");
	return list_all(json);
}
