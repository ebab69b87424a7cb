/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * paramem numa: a machine's nodes and what each has now, for a person or as
 * JSON.
 */
#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "host/size.h"
#include "options.h"
#include "output.h"
#include "qmp_client.h"

static const char help[] =
	"paramem numa TARGET [--json]\n"
	"\n"
	"Shows the NUMA nodes of the machine TARGET: their processors, their "
	"memory at\nboot, what their memory devices have plugged and were "
	"asked for, and how far the\nnodes are from each other.\n";

#define LIST_MAX 400

static uint64_t get_size(const json_t *node, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(node, key));
}

/* Appends, as far as it fits. */
static void append(char *text, const char *more)
{
	strncat(text, more, LIST_MAX - 1 - strlen(text));
}

/* "0-1,4", or "-" for none. */
static void cpus_text(const json_t *cpus, char text[LIST_MAX])
{
	size_t i, nr = json_array_size(cpus);

	strcpy(text, nr ? "" : "-");
	for (i = 0; i < nr;) {
		json_int_t first = json_integer_value(json_array_get(cpus, i));
		json_int_t last = first;
		char range[64];

		while (++i < nr &&
		       json_integer_value(json_array_get(cpus, i)) == last + 1)
			last++;
		snprintf(range, sizeof(range),
			 last > first ? "%s%lld-%lld" : "%s%lld",
			 *text ? "," : "", (long long)first, (long long)last);
		append(text, range);
	}
}

static void devices_text(const json_t *devices, char text[LIST_MAX])
{
	const json_t *id;
	size_t i;

	strcpy(text, json_array_size(devices) ? "" : "-");
	json_array_foreach(devices, i, id)
	{
		append(text, i ? "," : "");
		append(text, json_string_value(id));
	}
}

static void print_node(const json_t *node)
{
	uint64_t boot = get_size(node, "base-memory");
	uint64_t plugged = get_size(node, "plugged-memory");
	char cpus[LIST_MAX], devices[LIST_MAX];

	cpus_text(json_object_get(node, "cpus"), cpus);
	devices_text(json_object_get(node, "devices"), devices);
	printf("%-4d %-12s %12s %12s %12s %12s  %s\n",
	       (int)get_size(node, "id"), cpus,
	       size_format(boot + plugged).text, size_format(boot).text,
	       size_format(plugged).text,
	       size_format(get_size(node, "requested-memory")).text, devices);
}

static void print_distances(const json_t *nodes)
{
	const json_t *node, *distance;
	size_t i, j;

	printf("\nDISTANCE");
	for (i = 0; i < json_array_size(nodes); i++)
		printf(" %4zu", i);
	json_array_foreach(nodes, i, node)
	{
		printf("\n%8zu", i);
		json_array_foreach(json_object_get(node, "distances"), j,
				   distance)
			printf(" %4d", (int)json_integer_value(distance));
	}
	putchar('\n');
}

static void print_nodes(const json_t *nodes)
{
	const json_t *node;
	size_t i;

	printf("%-4s %-12s %12s %12s %12s %12s  %s\n", "NODE", "PROCESSORS",
	       "MEMORY", "AT BOOT", "PLUGGED", "REQUESTED", "DEVICES");
	json_array_foreach(nodes, i, node) print_node(node);
	if (json_array_size(nodes) > 1)
		print_distances(nodes);
}

static int numa_show(const char *target, bool json)
{
	struct qmp_client *client;
	struct pm_error err;
	json_t *nodes;
	int ret;

	if (qmp_client_open(target, &client, &err) < 0)
		return cli_fail(&err);
	ret = qmp_client_command(client, "x-paramem-query-numa", NULL, &nodes,
				 &err);
	qmp_client_close(client);
	if (ret < 0)
		return cli_fail(&err);
	if (json)
		return output_json(nodes, JSON_INDENT(2));
	print_nodes(nodes);
	json_decref(nodes);
	return EXIT_OK;
}

int cli_numa(int argc, char **argv)
{
	bool json = false;
	const struct cli_option options[] = {
		{ "json", .flag = &json },
		{ 0 },
	};
	int status = cli_options(argc, argv, options, help, NULL);

	if (status != OPTIONS_GO_ON)
		return status;
	if (argc - optind != 1)
		return cli_usage_error("numa", "numa takes one target");
	return numa_show(argv[optind], json);
}
