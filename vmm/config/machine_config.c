/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The check of a machine's configuration: every rule that can be told without
 * touching the host, each with the sentence for whoever broke it.
 */
#include "machine_config.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "host/size.h"

static_assert(MACHINE_CPUS_MAX <= 64, "a node's processors are 64 bits");

bool machine_name_valid(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t len = strnlen(name, MACHINE_NAME_MAX + 1);

	return len && len <= MACHINE_NAME_MAX && *name != '.' && *name != '-' &&
	       strspn(name, allowed) == len;
}

static int check_name(const char *what, const char *name, struct pm_error *err)
{
	if (machine_name_valid(name))
		return 0;
	return pm_error_set(err, EINVAL,
			    "'%.80s' cannot be %s: use 1 to %d of the "
			    "characters A-Z a-z 0-9 . _ - and begin with a "
			    "letter, a digit or _",
			    name, what, MACHINE_NAME_MAX);
}

static uint64_t round_up_or_max(uint64_t size, uint64_t unit, uint64_t max)
{
	uint64_t down = size - size % unit;

	return down == size || max - down < unit ? down : down + unit;
}

/* The sentence for a size that is no multiple of @unit, and what would be. */
static int not_a_multiple(const char *id, const char *what, uint64_t size,
			  uint64_t unit, uint64_t max, struct pm_error *err)
{
	uint64_t down = size - size % unit;
	uint64_t up = round_up_or_max(size, unit, max);

	if (!down || down == up)
		return pm_error_set(err, EINVAL,
				    "%s%s of %s is not a multiple of %s: "
				    "use %s",
				    id, what, size_format(size).text,
				    size_format(unit).text,
				    size_format(down ? down : up).text);
	return pm_error_set(err, EINVAL,
			    "%s%s of %s is not a multiple of %s: use %s or %s",
			    id, what, size_format(size).text,
			    size_format(unit).text, size_format(down).text,
			    size_format(up).text);
}

static int check_processors(const struct machine_config *config,
			    struct pm_error *err)
{
	if (config->cpus >= 1 && config->cpus <= MACHINE_CPUS_MAX)
		return 0;
	return pm_error_set(err, EINVAL,
			    "a machine cannot have %u processors: use 1 to %d",
			    config->cpus, MACHINE_CPUS_MAX);
}

static int check_memory(const struct machine_config *config,
			struct pm_error *err)
{
	uint64_t page = config->memory_ram.page_size;
	uint64_t memory = config->memory;

	if (memory < MACHINE_MEMORY_MIN)
		return pm_error_set(err, EINVAL,
				    "a boot memory of %s is too small: use %s "
				    "or more",
				    size_format(memory).text,
				    size_format(MACHINE_MEMORY_MIN).text);
	if (memory > MACHINE_ADDRESSABLE)
		return pm_error_set(err, EINVAL,
				    "a boot memory of %s is more than a "
				    "machine can address: use less than %s",
				    size_format(memory).text,
				    size_format(MACHINE_ADDRESSABLE).text);
	if (memory % MACHINE_MEMORY_UNIT)
		return not_a_multiple("", "a boot memory", memory,
				      MACHINE_MEMORY_UNIT, MACHINE_ADDRESSABLE,
				      err);
	if (ram_options_check(&config->memory_ram, "boot memory: ", err))
		return -EINVAL;
	if (page && memory % page)
		return not_a_multiple("", "a boot memory", memory, page,
				      MACHINE_ADDRESSABLE, err);
	return 0;
}

static int check_block_size(const char *id, uint64_t size, struct pm_error *err)
{
	uint64_t down;

	if (size < PM_BLOCK_SIZE_MIN)
		return pm_error_set(err, EINVAL,
				    "%s: a block size of %s is too small: use "
				    "%s or a larger power of two",
				    id, size_format(size).text,
				    size_format(PM_BLOCK_SIZE_MIN).text);
	if (size > MACHINE_ADDRESSABLE / 2)
		return pm_error_set(err, EINVAL,
				    "%s: a block size of %s is too large: %s "
				    "is usual",
				    id, size_format(size).text,
				    size_format(PM_BLOCK_SIZE_DEFAULT).text);
	if (!(size & (size - 1)))
		return 0;
	down = UINT64_C(1) << (63 - __builtin_clzll(size));
	return pm_error_set(err, EINVAL,
			    "%s: a block size of %s is not a power of two: "
			    "use %s or %s",
			    id, size_format(size).text, size_format(down).text,
			    size_format(2 * down).text);
}

static int check_ram(const struct mem_device_config *dev, const char *id,
		     struct pm_error *err)
{
	int ret = ram_options_check(&dev->ram, id, err);

	if (ret || dev->block_size >= dev->ram.page_size)
		return ret;
	return pm_error_set(err, EINVAL,
			    "%sa block size of %s is below the page size: use "
			    "%s or a larger power of two",
			    id, size_format(dev->block_size).text,
			    size_format(dev->ram.page_size).text);
}

static int check_max_size(const struct mem_device_config *dev, const char *id,
			  struct pm_error *err)
{
	if (!dev->max_size)
		return pm_error_set(err, EINVAL,
				    "%s: a maximum size of 0 leaves nothing "
				    "to plug: use %s or more",
				    dev->id, size_format(dev->block_size).text);
	if (dev->max_size > MACHINE_ADDRESSABLE)
		return pm_error_set(err, EINVAL,
				    "%s: a maximum size of %s is more than a "
				    "machine can address: use less than %s",
				    dev->id, size_format(dev->max_size).text,
				    size_format(MACHINE_ADDRESSABLE).text);
	if (dev->max_size % dev->block_size)
		return not_a_multiple(id, "a maximum size", dev->max_size,
				      dev->block_size, MACHINE_ADDRESSABLE,
				      err);
	return 0;
}

static int check_requested_size(const struct mem_device_config *dev,
				const char *id, struct pm_error *err)
{
	if (dev->requested_size > dev->max_size)
		return pm_error_set(err, EINVAL,
				    "%s: a requested size of %s is above the "
				    "maximum: use %s or less",
				    dev->id,
				    size_format(dev->requested_size).text,
				    size_format(dev->max_size).text);
	if (dev->requested_size % dev->block_size)
		return not_a_multiple(id, "a requested size",
				      dev->requested_size, dev->block_size,
				      dev->max_size, err);
	return 0;
}

static int check_mem_device(const struct mem_device_config *dev,
			    struct pm_error *err)
{
	char id[MACHINE_NAME_MAX + 3];
	int ret;

	ret = check_name("the id of a device", dev->id, err);
	if (ret < 0)
		return ret;
	strcpy(id, dev->id);
	strcat(id, ": ");
	ret = check_block_size(dev->id, dev->block_size, err);
	if (ret < 0)
		return ret;
	ret = check_ram(dev, id, err);
	if (ret < 0)
		return ret;
	ret = check_max_size(dev, id, err);
	if (ret < 0)
		return ret;
	return check_requested_size(dev, id, err);
}

static int check_duplicate_ids(const struct machine_config *config,
			       struct pm_error *err)
{
	unsigned int i, j;

	for (i = 0; i < config->nr_mem_devices; i++) {
		const char *id = config->mem_devices[i].id;

		for (j = 0; j < i; j++) {
			if (!strcmp(id, config->mem_devices[j].id))
				return pm_error_set(
					err, EINVAL,
					"two devices have the id '%s': give "
					"each its own",
					id);
		}
	}
	return 0;
}

static int check_node(const struct mem_device_config *dev,
		      const struct numa_config *numa, struct pm_error *err)
{
	unsigned int nr = numa->nr ? numa->nr : 1;

	if (dev->node < nr)
		return 0;
	if (!numa->nr)
		return pm_error_set(err, EINVAL,
				    "%s: there is no node %u: describe the "
				    "machine's nodes with --node, or leave "
				    "node=%u out",
				    dev->id, dev->node, dev->node);
	return pm_error_set(err, EINVAL,
			    "%s: there is no node %u: the last one is %u; add "
			    "--node id=%u, or choose another",
			    dev->id, dev->node, nr - 1, dev->node);
}

static int check_mem_devices(const struct machine_config *config,
			     struct pm_error *err)
{
	uint64_t total = config->memory;
	unsigned int i;
	int ret;

	if (config->nr_mem_devices > MACHINE_MEM_DEVICES_MAX)
		return pm_error_set(err, EINVAL,
				    "a machine cannot have %u memory devices: "
				    "use at most %d",
				    config->nr_mem_devices,
				    MACHINE_MEM_DEVICES_MAX);
	for (i = 0; i < config->nr_mem_devices; i++) {
		ret = check_mem_device(&config->mem_devices[i], err);
		if (!ret)
			ret = check_node(&config->mem_devices[i], &config->numa,
					 err);
		if (ret < 0)
			return ret;
		/* Each is at most 2^52 and there are few: no overflow. */
		total += config->mem_devices[i].max_size;
	}
	if (total > MACHINE_ADDRESSABLE)
		return pm_error_set(err, EINVAL,
				    "boot memory and devices of %s together "
				    "are more than a machine can address: use "
				    "less than %s",
				    size_format(total).text,
				    size_format(MACHINE_ADDRESSABLE).text);
	return check_duplicate_ids(config, err);
}

/* The guest would not know of such a node. */
static int check_empty_nodes(const struct machine_config *config,
			     struct pm_error *err)
{
	uint64_t used = 0;

	for (unsigned int i = 0; i < config->nr_mem_devices; i++)
		used |= UINT64_C(1) << config->mem_devices[i].node;
	for (unsigned int i = 0; i < config->numa.nr; i++) {
		const struct numa_node *node = &config->numa.nodes[i];

		if (!node->cpus && !node->memory && !(used >> i & 1))
			return pm_error_set(
				err, EINVAL,
				"node %u has no processor, no boot memory and "
				"no memory device: give it one, or leave it "
				"out",
				i);
	}
	return 0;
}

static int check_socket_path(const char *path, struct pm_error *err)
{
	size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

	if (!*path)
		return pm_error_set(err, EINVAL,
				    "a socket needs a path: it is empty");
	if (strlen(path) <= max)
		return 0;
	return pm_error_set(err, EINVAL,
			    "the socket path '%.300s' is too long: use one of "
			    "at most %zu bytes",
			    path, max);
}

static int check_sockets(const struct machine_config *config,
			 struct pm_error *err)
{
	unsigned int i;
	int ret;

	if (config->nr_qmp_paths > MACHINE_QMP_SOCKETS_MAX)
		return pm_error_set(err, EINVAL,
				    "a machine cannot have %u control "
				    "sockets: use at most %d",
				    config->nr_qmp_paths,
				    MACHINE_QMP_SOCKETS_MAX);
	for (i = 0; i < config->nr_qmp_paths; i++) {
		ret = check_socket_path(config->qmp_paths[i], err);
		if (ret < 0)
			return ret;
		if (i && !strcmp(config->qmp_paths[i], config->qmp_paths[0]))
			return pm_error_set(err, EINVAL,
					    "the control socket '%s' is given "
					    "twice: leave one out",
					    config->qmp_paths[i]);
	}
	return 0;
}

static int check_serial(const struct machine_config *config,
			struct pm_error *err)
{
	if (config->serial != SERIAL_FILE && config->serial != SERIAL_UNIX)
		return 0;
	if (!config->serial_path || !*config->serial_path)
		return pm_error_set(err, EINVAL,
				    "the serial port needs a path: it is "
				    "empty");
	if (config->serial == SERIAL_UNIX)
		return check_socket_path(config->serial_path, err);
	return 0;
}

static int check_accel(const struct machine_config *config,
		       struct pm_error *err)
{
	bool qtest = config->accel == ACCEL_QTEST;

	if (qtest && !config->qtest_path)
		return pm_error_set(err, EINVAL,
				    "a machine without a CPU needs a socket "
				    "to be driven through: give one with "
				    "--qtest unix:PATH");
	if (qtest)
		return check_socket_path(config->qtest_path, err);
	if (config->qtest_path)
		return pm_error_set(err, EINVAL,
				    "only a machine without a CPU has a qtest "
				    "socket: add --accel qtest, or leave "
				    "--qtest out");
	if (!config->kernel)
		return pm_error_set(err, EINVAL,
				    "a machine needs a kernel: give one with "
				    "--kernel FILE");
	return 0;
}

int machine_config_check(const struct machine_config *config,
			 struct pm_error *err)
{
	int ret;

	if (config->name) {
		ret = check_name("the name of a machine", config->name, err);
		if (ret < 0)
			return ret;
	}
	ret = check_accel(config, err);
	if (ret < 0)
		return ret;
	ret = check_processors(config, err);
	if (ret < 0)
		return ret;
	ret = check_memory(config, err);
	if (ret < 0)
		return ret;
	ret = numa_check(&config->numa, config->cpus, config->memory, err);
	if (ret < 0)
		return ret;
	ret = check_mem_devices(config, err);
	if (ret < 0)
		return ret;
	ret = check_empty_nodes(config, err);
	if (ret < 0)
		return ret;
	ret = check_serial(config, err);
	if (ret < 0)
		return ret;
	return check_sockets(config, err);
}
