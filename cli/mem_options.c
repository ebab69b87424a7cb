/* SPDX-License-Identifier: BSD-3-Clause */
/* What --memory and --mem-device of `paramem run` take. */
#include "mem_options.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "host/size.h"
#include "suggest.h"

enum key {
	KEY_ID,
	KEY_MAX_SIZE,
	KEY_REQUESTED_SIZE,
	KEY_BLOCK_SIZE,
	KEY_NODE,
	KEY_UNPLUGGED_INACCESSIBLE,
	KEY_GUARD,
	KEY_ON_VIOLATION,
	KEY_SIZE,
	KEY_BACKEND,
	KEY_PAGE_SIZE,
	KEY_PREALLOC,
	KEY_RESERVE,
	KEY_THP,
	KEY_LOCK,
	KEY_DUMP,
	KEY_HOST_NODES,
	KEY_POLICY,
	NR_KEYS,
};

static char *const key_names[] = {
	[KEY_ID] = "id",
	[KEY_MAX_SIZE] = "max-size",
	[KEY_REQUESTED_SIZE] = "requested-size",
	[KEY_BLOCK_SIZE] = "block-size",
	[KEY_NODE] = "node",
	[KEY_UNPLUGGED_INACCESSIBLE] = "unplugged-inaccessible",
	[KEY_GUARD] = "guard",
	[KEY_ON_VIOLATION] = "on-violation",
	[KEY_SIZE] = "size",
	[KEY_BACKEND] = "backend",
	[KEY_PAGE_SIZE] = "page-size",
	[KEY_PREALLOC] = "prealloc",
	[KEY_RESERVE] = "reserve",
	[KEY_THP] = "thp",
	[KEY_LOCK] = "lock",
	[KEY_DUMP] = "dump",
	[KEY_HOST_NODES] = "host-nodes",
	[KEY_POLICY] = "policy",
	[NR_KEYS] = NULL,
};

#define BIT(key)    (1u << (key))
#define RAM_KEYS    (BIT(NR_KEYS) - BIT(KEY_BACKEND))
#define DEVICE_KEYS (RAM_KEYS | (BIT(KEY_SIZE) - 1))
#define MEMORY_KEYS (RAM_KEYS | BIT(KEY_SIZE))

struct parse {
	const char *option;
	unsigned int allowed; /* bits of keys */
	unsigned int seen;
	uint64_t *size;                   /* of --memory */
	struct mem_device_config *device; /* of --mem-device */
	struct ram_options *ram;
};

/* ---- values -------------------------------------------------------------- */

struct word {
	const char *text;
	int value;
};

static const struct word on_off[] = { { "on", 1 }, { "off", 0 }, { 0 } };

static const struct word backends[] = {
	{ "anon", PM_RAM_ANON },
	{ "memfd", PM_RAM_MEMFD },
	{ "hugetlb", PM_RAM_HUGETLB },
	{ 0 },
};

static const struct word policies[] = {
	{ "bind", PM_NUMA_BIND },
	{ "preferred", PM_NUMA_PREFERRED },
	{ "interleave", PM_NUMA_INTERLEAVE },
	{ 0 },
};

/* As QEMU's property of that name: "on" demands it of the driver. */
static const struct word unplugged[] = {
	{ "auto", UNPLUGGED_OFFERED },
	{ "on", UNPLUGGED_REQUIRED },
	{ "off", UNPLUGGED_ABSENT },
	{ 0 },
};

static const struct word guards[] = {
	{ "auto", PM_GUARD_AUTO },
	{ "required", PM_GUARD_REQUIRED },
	{ "off", PM_GUARD_OFF },
	{ 0 },
};

static const struct word reactions[] = {
	{ "log", VIOLATION_LOG },
	{ "stop", VIOLATION_STOP },
	{ "kill", VIOLATION_KILL },
	{ 0 },
};

static int bad_value(const struct parse *p, enum key key, const char *value,
		     const char *cure, struct pm_error *err)
{
	return pm_error_set(err, EINVAL, "%s: %s cannot be '%.80s': use %s",
			    p->option, key_names[key], value, cure);
}

/* The value of a word, or -EINVAL. @cure lists the words, for a person. */
static int get_word(const struct parse *p, enum key key, const char *value,
		    const struct word *words, const char *cure,
		    struct pm_error *err)
{
	for (; words->text; words++) {
		if (!strcmp(words->text, value))
			return words->value;
	}
	return bad_value(p, key, value, cure, err);
}

static int set_size(const struct parse *p, enum key key, const char *value,
		    struct pm_error *err)
{
	uint64_t *size = NULL;

	switch (key) {
	case KEY_MAX_SIZE:
		size = &p->device->max_size;
		break;
	case KEY_REQUESTED_SIZE:
		size = &p->device->requested_size;
		break;
	case KEY_BLOCK_SIZE:
		size = &p->device->block_size;
		break;
	case KEY_PAGE_SIZE:
		size = &p->ram->page_size;
		break;
	default:
		size = p->size;
		break;
	}
	if (key == KEY_BLOCK_SIZE || key == KEY_PAGE_SIZE)
		return cli_parse_bytes(key_names[key], value, size, err);
	return cli_parse_size(key_names[key], value, size, err);
}

static int set_switch(const struct parse *p, enum key key, const char *value,
		      struct pm_error *err)
{
	struct ram_options *ram = p->ram;
	int on = get_word(p, key, value, on_off, "on or off", err);

	if (on < 0)
		return on;
	if (key == KEY_PREALLOC)
		ram->prealloc = on;
	else if (key == KEY_RESERVE)
		ram->no_reserve = !on;
	else if (key == KEY_THP)
		ram->no_thp = !on;
	else if (key == KEY_LOCK)
		ram->lock = on;
	else
		ram->dump = on;
	return 0;
}

static int set_backend(const struct parse *p, const char *value,
		       struct pm_error *err)
{
	int backend = get_word(p, KEY_BACKEND, value, backends,
			       "anon, memfd or hugetlb", err);

	if (backend < 0)
		return backend;
	p->ram->backend = (enum pm_ram_backend)backend;
	return 0;
}

static int set_policy(const struct parse *p, const char *value,
		      struct pm_error *err)
{
	int policy = get_word(p, KEY_POLICY, value, policies,
			      "bind, preferred or interleave", err);

	if (policy < 0)
		return policy;
	p->ram->policy = (enum pm_numa_policy)policy;
	return 0;
}

static int set_unplugged(const struct parse *p, const char *value,
			 struct pm_error *err)
{
	int word = get_word(p, KEY_UNPLUGGED_INACCESSIBLE, value, unplugged,
			    "auto, on or off", err);

	if (word < 0)
		return word;
	p->device->unplugged_inaccessible = (enum unplugged_inaccessible)word;
	return 0;
}

static int set_guard(const struct parse *p, const char *value,
		     struct pm_error *err)
{
	int word = get_word(p, KEY_GUARD, value, guards,
			    "auto, required or off", err);

	if (word < 0)
		return word;
	p->device->guard = (enum pm_guard)word;
	return 0;
}

static int set_on_violation(const struct parse *p, const char *value,
			    struct pm_error *err)
{
	int word = get_word(p, KEY_ON_VIOLATION, value, reactions,
			    "log, stop or kill", err);

	if (word < 0)
		return word;
	p->device->on_violation = (enum on_violation)word;
	return 0;
}

static int set_node(const struct parse *p, const char *value,
		    struct pm_error *err)
{
	unsigned long node;

	if (!cli_parse_number(value, NUMA_NODES_MAX, &node))
		return bad_value(p, KEY_NODE, value, "a number from 0 to 63",
				 err);
	static_assert(NUMA_NODES_MAX == 64, "the sentence says so");
	p->device->node = (unsigned int)node;
	return 0;
}

/* "0" or "0-3". Commas part the options, so that more nodes come by repeating. */
static int add_nodes(const struct parse *p, const char *value,
		     struct pm_error *err)
{
	unsigned long first, last;

	if (!cli_parse_range(value, PM_NUMA_NODES_MAX, &first, &last))
		return bad_value(p, KEY_HOST_NODES, value,
				 "a node or a range, as in 0 or 0-1, and "
				 "host-nodes again for others",
				 err);
	for (; first <= last; first++)
		p->ram->nodes[first / 64] |= UINT64_C(1) << (first % 64);
	return 0;
}

/* ---- parts --------------------------------------------------------------- */

static int set_part(struct parse *p, enum key key, char *value,
		    struct pm_error *err)
{
	switch (key) {
	case KEY_ID:
		p->device->id = value;
		return 0;
	case KEY_BACKEND:
		return set_backend(p, value, err);
	case KEY_HOST_NODES:
		return add_nodes(p, value, err);
	case KEY_POLICY:
		return set_policy(p, value, err);
	case KEY_NODE:
		return set_node(p, value, err);
	case KEY_UNPLUGGED_INACCESSIBLE:
		return set_unplugged(p, value, err);
	case KEY_GUARD:
		return set_guard(p, value, err);
	case KEY_ON_VIOLATION:
		return set_on_violation(p, value, err);
	case KEY_PREALLOC:
	case KEY_RESERVE:
	case KEY_THP:
	case KEY_LOCK:
	case KEY_DUMP:
		return set_switch(p, key, value, err);
	default:
		return set_size(p, key, value, err);
	}
}

/* What was meant by a part that there is not; "" for no idea. */
static struct suggestion meant_part(const struct parse *p, const char *text,
				    const char *word)
{
	const char *allowed[NR_KEYS + 1];
	struct suggestion meant;
	uint64_t size;
	int nr = 0;

	for (int key = 0; key < NR_KEYS; key++) {
		if (p->allowed & BIT(key))
			allowed[nr++] = key_names[key];
	}
	allowed[nr] = NULL;
	meant = suggest(word, "", allowed);
	if (p->size && !size_parse(text, &size))
		snprintf(meant.text, sizeof(meant.text),
			 ": did you mean size=%.40s?", text);
	return meant;
}

static int no_such_part(const struct parse *p, const char *text,
			struct pm_error *err)
{
	char names[256] = "", word[64];
	struct suggestion meant;

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(text, "="), text);
	meant = meant_part(p, text, word);
	if (*meant.text)
		return pm_error_set(err, EINVAL, "%s has no part '%s'%s",
				    p->option, word, meant.text);
	for (int key = 0; key < NR_KEYS; key++) {
		if (!(p->allowed & BIT(key)))
			continue;
		if (*names)
			strcat(names, key == NR_KEYS - 1 ? " and " : ", ");
		strcat(names, key_names[key]);
	}
	return pm_error_set(err, EINVAL, "%s has no part '%.80s': use %s",
			    p->option, text, names);
}

static const char *example(enum key key)
{
	static const char *const examples[NR_KEYS] = {
		[KEY_ID] = "vm0",       [KEY_BACKEND] = "memfd",
		[KEY_PAGE_SIZE] = "2M", [KEY_BLOCK_SIZE] = "2M",
		[KEY_HOST_NODES] = "0", [KEY_POLICY] = "bind",
		[KEY_PREALLOC] = "on",  [KEY_RESERVE] = "off",
		[KEY_THP] = "off",      [KEY_LOCK] = "on",
		[KEY_DUMP] = "on",      [KEY_UNPLUGGED_INACCESSIBLE] = "on",
		[KEY_GUARD] = "auto",   [KEY_ON_VIOLATION] = "stop",
		[KEY_NODE] = "1",
	};

	return examples[key] ? examples[key] : "2G";
}

static int parse_part(struct parse *p, char **text, struct pm_error *err)
{
	char *value;
	int key = getsubopt(text, key_names, &value);

	if (key < 0 || !(p->allowed & BIT(key)))
		return no_such_part(p, key < 0 ? value : key_names[key], err);
	if ((p->seen & BIT(key)) && key != KEY_HOST_NODES)
		return pm_error_set(err, EINVAL,
				    "%s has %s twice: give it once", p->option,
				    key_names[key]);
	p->seen |= BIT(key);
	if (!value || !*value)
		return pm_error_set(err, EINVAL,
				    "%s: %s has no value: use %s=%s, say",
				    p->option, key_names[key], key_names[key],
				    example(key));
	return set_part(p, key, value, err);
}

static int parse_parts(struct parse *p, char *text, struct pm_error *err)
{
	int ret = 0;

	while (*text && !ret)
		ret = parse_part(p, &text, err);
	return ret;
}

int mem_options_parse_memory(char *text, uint64_t *size,
			     struct ram_options *ram, struct pm_error *err)
{
	struct parse p = {
		.option = "--memory",
		.allowed = MEMORY_KEYS,
		.size = size,
		.ram = ram,
	};

	if (!strpbrk(text, "=,"))
		return cli_parse_size("--memory", text, size, err);
	return parse_parts(&p, text, err);
}

int mem_options_parse_device(char *text, struct mem_device_config *device,
			     struct pm_error *err)
{
	struct parse p = {
		.option = "--mem-device",
		.allowed = DEVICE_KEYS,
		.device = device,
		.ram = &device->ram,
	};
	int ret;

	device->guard = PM_GUARD_AUTO;
	ret = parse_parts(&p, text, err);
	if (ret < 0)
		return ret;
	if (!device->id)
		return pm_error_set(err, EINVAL,
				    "--mem-device needs an id: add id=vm0, "
				    "say");
	if (!(p.seen & BIT(KEY_MAX_SIZE)))
		return pm_error_set(err, EINVAL,
				    "--mem-device '%.64s' needs a maximum: add "
				    "max-size=8G, say",
				    device->id);
	if (p.seen & BIT(KEY_BLOCK_SIZE))
		return 0;
	/* No block is smaller than a page. */
	device->block_size = PM_BLOCK_SIZE_DEFAULT;
	if (device->block_size < device->ram.page_size)
		device->block_size = device->ram.page_size;
	return 0;
}
