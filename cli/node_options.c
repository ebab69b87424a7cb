/* SPDX-License-Identifier: BSD-3-Clause */
/* What --node of `paramem run` takes. */
#include "node_options.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "suggest.h"

enum key { KEY_ID, KEY_CPUS, KEY_MEMORY, KEY_DISTANCE, NR_KEYS };

static char *const key_names[] = {
	[KEY_ID] = "id",         [KEY_CPUS] = "cpus",
	[KEY_MEMORY] = "memory", [KEY_DISTANCE] = "distance",
	[NR_KEYS] = NULL,
};

static const char *const examples[] = {
	[KEY_ID] = "0",
	[KEY_CPUS] = "0-1",
	[KEY_MEMORY] = "2G",
	[KEY_DISTANCE] = "1:20",
};

struct parse {
	struct numa_node node;
	unsigned long id;
	unsigned int seen; /* bits of keys */
};

static int bad_value(enum key key, const char *value, const char *cure,
		     struct pm_error *err)
{
	return pm_error_set(err, EINVAL, "--node: %s cannot be '%.80s': use %s",
			    key_names[key], value, cure);
}

static int set_id(struct parse *p, const char *value, struct pm_error *err)
{
	if (cli_parse_number(value, NUMA_NODES_MAX, &p->id))
		return 0;
	static_assert(NUMA_NODES_MAX == 64, "the sentence says so");
	return bad_value(KEY_ID, value, "a number from 0 to 63", err);
}

/* Commas part the options, so that more processors come by repeating. */
static int add_cpus(struct parse *p, const char *value, struct pm_error *err)
{
	unsigned long first, last;

	if (!cli_parse_range(value, MACHINE_CPUS_MAX, &first, &last))
		return bad_value(KEY_CPUS, value,
				 "a number or a range below 64, as in 0 or "
				 "0-1, and cpus again for others",
				 err);
	static_assert(MACHINE_CPUS_MAX == 64, "the sentence says so");
	for (; first <= last; first++)
		p->node.cpus |= UINT64_C(1) << first;
	return 0;
}

/* "ID:DISTANCE"; whether the distance makes sense is for the check. */
static int add_distance(struct parse *p, char *value, struct pm_error *err)
{
	char *colon = strchr(value, ':');
	unsigned long id = NUMA_NODES_MAX, distance = 0;

	if (colon)
		*colon = '\0';
	if (!colon || !cli_parse_number(value, NUMA_NODES_MAX, &id) ||
	    !cli_parse_number(colon + 1, UINT8_MAX + 1, &distance) ||
	    !distance) {
		if (colon)
			*colon = ':';
		return bad_value(KEY_DISTANCE, value,
				 "a node and how far it is, as in 1:20", err);
	}
	if (p->node.distances[id])
		return pm_error_set(err, EINVAL,
				    "--node has a distance to node %lu twice: "
				    "give it once",
				    id);
	p->node.distances[id] = (uint8_t)distance;
	return 0;
}

static int set_part(struct parse *p, enum key key, char *value,
		    struct pm_error *err)
{
	switch (key) {
	case KEY_ID:
		return set_id(p, value, err);
	case KEY_CPUS:
		return add_cpus(p, value, err);
	case KEY_MEMORY:
		return cli_parse_size("--node: memory", value, &p->node.memory,
				      err);
	default:
		return add_distance(p, value, err);
	}
}

static int no_such_part(const char *text, struct pm_error *err)
{
	const char *const *names = (const char *const *)key_names;
	struct suggestion meant;
	char word[64];

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(text, "="), text);
	meant = suggest(word, "", names);
	return pm_error_set(err, EINVAL, "--node has no part '%s'%s", word,
			    *meant.text
				    ? meant.text
				    : ": use id, cpus, memory and distance");
}

static int parse_part(struct parse *p, char **text, struct pm_error *err)
{
	char *value;
	int key = getsubopt(text, key_names, &value);

	if (key < 0)
		return no_such_part(value, err);
	if ((p->seen >> key & 1) && (key == KEY_ID || key == KEY_MEMORY))
		return pm_error_set(err, EINVAL,
				    "--node has %s twice: give it once",
				    key_names[key]);
	p->seen |= 1u << key;
	if (!value || !*value)
		return pm_error_set(err, EINVAL,
				    "--node: %s has no value: use %s=%s, say",
				    key_names[key], key_names[key],
				    examples[key]);
	return set_part(p, key, value, err);
}

int node_options_parse(char *text, struct numa_config *numa,
		       struct pm_error *err)
{
	struct parse p = { .node.given = true };
	int ret = 0;

	while (*text && !ret)
		ret = parse_part(&p, &text, err);
	if (ret)
		return ret;
	if (!(p.seen & 1u << KEY_ID))
		return pm_error_set(err, EINVAL,
				    "--node needs an id: add id=0, say");
	if (numa->nodes[p.id].given)
		return pm_error_set(err, EINVAL,
				    "two nodes have the id %lu: give each its "
				    "own",
				    p.id);
	numa->nodes[p.id] = p.node;
	numa->nr++;
	return 0;
}

void node_options_complete(struct machine_config *config)
{
	if (!config->cpus)
		config->cpus = numa_cpus(&config->numa);
	if (!config->cpus)
		config->cpus = 1;
	if (!config->memory)
		config->memory = numa_memory(&config->numa);
	if (!config->memory)
		config->memory = MACHINE_MEMORY_DEFAULT;
}
