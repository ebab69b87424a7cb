/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine's NUMA nodes with what they have now: as an object of our own,
 * and in the words of QEMU's "info numa".
 */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

/* What a node has of the memory devices. */
struct node_devices {
	uint64_t plugged;
	uint64_t requested;
	json_t *ids; /* may be NULL: nobody asks */
};

static void sum_devices(struct machine *machine, unsigned int node,
			struct node_devices *sum)
{
	unsigned int i, nr = machine_nr_mem_devices(machine);

	for (i = 0; i < nr; i++) {
		struct mem_device_info info;

		machine_mem_device_info(machine, i, &info);
		if (info.device.node != node)
			continue;
		sum->plugged += info.device.plugged_size;
		sum->requested += info.device.requested_size;
		if (sum->ids)
			json_array_append_new(sum->ids,
					      json_string(info.device.id));
	}
}

static json_t *node_cpus(const struct numa_node *node)
{
	json_t *cpus = json_array();

	for (unsigned int i = 0; i < MACHINE_CPUS_MAX; i++) {
		if (node->cpus >> i & 1)
			json_array_append_new(cpus, json_integer(i));
	}
	return cpus;
}

static json_t *node_distances(const struct numa_config *numa, unsigned int from)
{
	json_t *distances = json_array();

	for (unsigned int to = 0; to < numa->nr; to++)
		json_array_append_new(
			distances, json_integer(numa_distance(numa, from, to)));
	return distances;
}

static json_t *node_object(struct machine *machine, unsigned int id)
{
	const struct numa_config *numa = &machine_config(machine)->numa;
	struct node_devices sum = { .ids = json_array() };

	sum_devices(machine, id, &sum);
	return json_pack("{s:i, s:o, s:I, s:I, s:I, s:o, s:o}", "id", (int)id,
			 "cpus", node_cpus(&numa->nodes[id]), "base-memory",
			 (json_int_t)numa->nodes[id].memory, "plugged-memory",
			 (json_int_t)sum.plugged, "requested-memory",
			 (json_int_t)sum.requested, "distances",
			 node_distances(numa, id), "devices", sum.ids);
}

int qmp_query_numa(struct qmp_conn *conn, const json_t *args, json_t **ret,
		   struct qmp_error *error)
{
	struct machine *machine = conn->qmp->machine;
	unsigned int i, nr = machine_config(machine)->numa.nr;
	json_t *list = json_array();

	(void)args, (void)error;
	for (i = 0; i < nr; i++)
		json_array_append_new(list, node_object(machine, i));
	*ret = list;
	return 0;
}

/* ---- in words ------------------------------------------------------------ */

/* QEMU's figures: the size is that of boot memory and what is plugged. */
static void say_node(FILE *out, struct machine *machine, unsigned int id)
{
	const struct numa_node *node = &machine_config(machine)->numa.nodes[id];
	struct node_devices sum = { 0 };

	sum_devices(machine, id, &sum);
	fprintf(out, "node %u cpus:", id);
	for (unsigned int i = 0; i < MACHINE_CPUS_MAX; i++) {
		if (node->cpus >> i & 1)
			fprintf(out, " %u", i);
	}
	fprintf(out,
		"\r\nnode %u size: %" PRIu64 " MB\r\nnode %u plugged: %" PRIu64
		" MB\r\n",
		id, (node->memory + sum.plugged) >> 20, id, sum.plugged >> 20);
}

static void say_numa(FILE *out, struct machine *machine)
{
	unsigned int i, nr = machine_config(machine)->numa.nr;

	fprintf(out, "%u nodes\r\n", nr);
	for (i = 0; i < nr; i++)
		say_node(out, machine, i);
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t\r\n");
}

/* True, and @text behind it, when the next word of @text is @word. */
static bool take_word(const char **text, const char *word)
{
	size_t len = strcspn(*text, " \t\r\n");

	if (len != strlen(word) || memcmp(*text, word, len))
		return false;
	*text = skip_blanks(*text + len);
	return true;
}

static void say_unknown(FILE *out, const char *line, const char *word)
{
	size_t len = (size_t)(word - line) + strcspn(word, " \t\r\n");

	fprintf(out, "unknown command: '%.*s'\r\n", (int)len, line);
}

/* What is wrong with a line is told in words, too, as by QEMU. */
static void run_line(FILE *out, struct machine *machine, const char *line)
{
	const char *rest = skip_blanks(line), *start = rest;

	if (!*rest)
		return;
	if (!take_word(&rest, "info"))
		say_unknown(out, start, start);
	else if (!*rest)
		fputs("info numa  -- show NUMA information\r\n", out);
	else if (!take_word(&rest, "numa"))
		say_unknown(out, start, rest);
	else if (*rest)
		fputs("numa: extraneous characters at the end of line\r\n",
		      out);
	else
		say_numa(out, machine);
}

int qmp_human_monitor_command(struct qmp_conn *conn, const json_t *args,
			      json_t **ret, struct qmp_error *error)
{
	struct machine *machine = conn->qmp->machine;
	const char *line =
		json_string_value(json_object_get(args, "command-line"));
	const json_t *index = json_object_get(args, "cpu-index");
	json_int_t cpu = json_integer_value(index);
	char *text = NULL;
	size_t len;
	FILE *out;

	if (index && (cpu < 0 || cpu >= machine_config(machine)->cpus))
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "Parameter 'cpu-index' expects a CPU "
				     "number");
	out = open_memstream(&text, &len);
	if (!out)
		return 0;
	run_line(out, machine, line);
	if (!fclose(out))
		*ret = json_string(text);
	free(text);
	return 0;
}
