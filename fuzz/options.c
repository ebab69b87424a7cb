/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A command line's --memory, on the first line, and on each that follows a
 * --node, if it begins with #, or a --mem-device; and the check of the machine
 * that they make.
 */
#include <stdlib.h>
#include <string.h>

#include "../cli/mem_options.h"
#include "../cli/node_options.h"
#include "fuzz.h"
#include "host/size.h"

/* A sentence for a person: one line, and not an empty one. */
static void check_sentence(const struct pm_error *err)
{
	const char *end = memchr(err->text, '\0', sizeof(err->text));

	fuzz_check(end && end > err->text);
}

/* What is told to people they can give back. */
static void check_size(uint64_t size)
{
	struct size_text text = size_format(size);
	uint64_t back = ~size;

	fuzz_check(!size_parse(text.text, &back) && back == size);
	text = size_format_rounded(size);
	fuzz_check(memchr(text.text, '\0', sizeof(text.text)));
}

static void check_ram(const struct ram_options *o)
{
	bool nodes = false;

	for (size_t i = 0; i < sizeof(o->nodes) / sizeof(o->nodes[0]); i++)
		nodes |= o->nodes[i] != 0;
	fuzz_check(nodes == (o->policy != PM_NUMA_NONE));
	fuzz_check(!o->page_size || o->backend == PM_RAM_HUGETLB);
	fuzz_check(!(o->page_size & (o->page_size - 1)));
	fuzz_check(!(o->prealloc && o->no_reserve));
}

static void check_device(const struct mem_device_config *dev)
{
	fuzz_check(machine_name_valid(dev->id));
	fuzz_check(dev->block_size >= PM_BLOCK_SIZE_MIN);
	fuzz_check(!(dev->block_size & (dev->block_size - 1)));
	fuzz_check(dev->block_size >= dev->ram.page_size);
	fuzz_check(dev->max_size && dev->max_size % dev->block_size == 0);
	fuzz_check(dev->requested_size % dev->block_size == 0);
	fuzz_check(dev->requested_size <= dev->max_size);
	check_ram(&dev->ram);
}

/* Everything is in exactly one node. */
static void check_nodes(const struct machine_config *config)
{
	const struct numa_config *numa = &config->numa;
	uint64_t cpus = 0, memory = 0;

	for (unsigned int i = 0; i < numa->nr; i++) {
		fuzz_check(numa->nodes[i].given);
		fuzz_check(!(cpus & numa->nodes[i].cpus));
		cpus |= numa->nodes[i].cpus;
		memory += numa->nodes[i].memory;
		for (unsigned int j = 0; j < numa->nr; j++)
			fuzz_check((numa_distance(numa, i, j) == 10) ==
				   (i == j));
	}
	fuzz_check(config->cpus >= 1 && config->cpus <= MACHINE_CPUS_MAX);
	if (!numa->nr)
		return;
	fuzz_check(cpus == UINT64_MAX >> (64 - config->cpus));
	fuzz_check(memory == config->memory);
}

/* By the rules once more, where the check found nothing wrong. */
static void check_machine(const struct machine_config *config)
{
	uint64_t total = config->memory;

	fuzz_check(config->memory >= MACHINE_MEMORY_MIN);
	fuzz_check(config->memory % MACHINE_MEMORY_UNIT == 0);
	check_ram(&config->memory_ram);
	check_nodes(config);
	fuzz_check(config->nr_mem_devices <= MACHINE_MEM_DEVICES_MAX);
	for (unsigned int i = 0; i < config->nr_mem_devices; i++) {
		const struct mem_device_config *dev = &config->mem_devices[i];

		check_device(dev);
		fuzz_check(!dev->node || dev->node < config->numa.nr);
		fuzz_check(
			!__builtin_add_overflow(total, dev->max_size, &total));
		for (unsigned int j = 0; j < i; j++)
			fuzz_check(strcmp(dev->id, config->mem_devices[j].id) !=
				   0);
	}
	fuzz_check(total <= MACHINE_ADDRESSABLE);
}

static int parse_line(char *line, struct machine_config *config, bool first,
		      struct pm_error *err)
{
	struct mem_device_config *dev;

	if (first)
		return *line ? mem_options_parse_memory(line, &config->memory,
							&config->memory_ram,
							err)
			     : 0;
	if (*line == '#')
		return node_options_parse(line + 1, &config->numa, err);
	if (config->nr_mem_devices == MACHINE_MEM_DEVICES_MAX)
		return 0;
	dev = &config->mem_devices[config->nr_mem_devices++];
	return mem_options_parse_device(line, dev, err);
}

static void check_sizes(const struct machine_config *config)
{
	check_size(config->memory);
	for (unsigned int i = 0; i < config->nr_mem_devices; i++) {
		check_size(config->mem_devices[i].max_size);
		check_size(config->mem_devices[i].requested_size);
		check_size(config->mem_devices[i].block_size);
	}
}

static void parse_text(char *text)
{
	static struct machine_config config;
	struct pm_error err = { "" };
	bool first = true;
	char *line;
	int ret = 0;

	config = (struct machine_config){ .kernel = "vmlinuz" };
	while (!ret && (line = strsep(&text, "\n"))) {
		ret = parse_line(line, &config, first, &err);
		first = false;
	}
	if (!ret) {
		node_options_complete(&config);
		check_sizes(&config);
		ret = machine_config_check(&config, &err);
	}
	if (!ret)
		check_machine(&config);
	else
		check_sentence(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	fuzz_check(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	parse_text(text);
	free(text);
	return 0;
}
