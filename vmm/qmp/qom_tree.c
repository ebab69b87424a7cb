/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which objects there are, and how a path finds one.
 *
 *	/                           container
 *	/machine                    paramem-machine
 *	/machine/peripheral/ID      virtio-mem-pci, a memory device
 *	/machine/unattached/device[N]  host-TARGET-cpu, a processor
 *	/objects/ID                 memory-backend-*, a device's host memory
 */
#include <stdio.h>
#include <string.h>

#include "qom.h"
#include "server.h"

static const struct {
	const char *path;
	const char *type;
} fixed[] = {
	{ "/", "container" },
	{ "/machine", "paramem-machine" },
	{ "/machine/peripheral", "container" },
	{ "/machine/peripheral-anon", "container" },
	{ "/machine/unattached", "container" },
	{ "/objects", "container" },
};

#define NR_FIXED (sizeof(fixed) / sizeof(fixed[0]))

static const char *backend_type(const struct mem_device_config *config)
{
	return config->ram.backend == PM_RAM_ANON ? "memory-backend-ram"
						  : "memory-backend-memfd";
}

bool qom_node_at(struct machine *machine, unsigned int n, struct qom_node *node)
{
	const struct machine_config *config = machine_config(machine);
	unsigned int devices = config->nr_mem_devices;
	const char *type;

	node->index = n;
	if (n < devices) {
		type = "virtio-mem-pci";
		snprintf(node->path, QOM_PATH_MAX, "/machine/peripheral/%s",
			 config->mem_devices[n].id);
	} else if ((n -= devices) < devices) {
		type = backend_type(&config->mem_devices[n]);
		snprintf(node->path, QOM_PATH_MAX, "/objects/%s",
			 config->mem_devices[n].id);
	} else if ((n -= devices) < config->cpus) {
		type = QMP_CPU_TYPE;
		snprintf(node->path, QOM_PATH_MAX, QMP_CPU_PATH, n);
	} else if ((n -= config->cpus) < NR_FIXED) {
		type = fixed[n].type;
		snprintf(node->path, QOM_PATH_MAX, "%s", fixed[n].path);
	} else {
		return false;
	}
	node->index = n;
	node->type = qom_type_find(type);
	return true;
}

bool qom_child_of(const struct qom_node *node, const struct qom_node *parent,
		  const char **name)
{
	size_t len = strlen(parent->path);

	if (len == 1) /* the root, whose path is the slash itself */
		len = 0;
	if (strncmp(node->path, parent->path, len) || node->path[len] != '/' ||
	    !node->path[len + 1] || strchr(node->path + len + 1, '/'))
		return false;
	*name = node->path + len + 1;
	return true;
}

/* ---- paths --------------------------------------------------------------- */

/* With a slash before each component and nowhere else; false: too long. */
static bool canonical(const char *path, char out[QOM_PATH_MAX])
{
	size_t at = 0;

	while (*(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");

		if (at + len + 2 > QOM_PATH_MAX)
			return false;
		out[at++] = '/';
		memcpy(out + at, path, len);
		at += len;
		path += len;
	}
	if (!at)
		out[at++] = '/';
	out[at] = '\0';
	return true;
}

/* Both begin with a slash. */
static bool ends_with(const char *path, const char *end)
{
	size_t len = strlen(path), end_len = strlen(end);

	return end_len <= len && !strcmp(path + len - end_len, end);
}

static int not_found(const char *path, struct qmp_error *error)
{
	return qmp_error_set(error, QMP_DEVICE_NOT_FOUND,
			     "Device '%.200s' not found", path);
}

static int find_absolute(struct machine *machine, const char *given,
			 const char *path, struct qom_node *node,
			 struct qmp_error *error)
{
	for (unsigned int i = 0; qom_node_at(machine, i, node); i++) {
		if (!strcmp(node->path, path))
			return 0;
	}
	return not_found(given, error);
}

static int find_partial(struct machine *machine, const char *given,
			const char *path, struct qom_node *node,
			struct qmp_error *error)
{
	unsigned int devices = machine_config(machine)->nr_mem_devices;
	unsigned int found = 0, matches = 0;

	for (unsigned int i = 0; qom_node_at(machine, i, node); i++) {
		if (path[1] && !ends_with(node->path, path))
			continue;
		if (!matches++)
			found = i;
	}
	if (!matches)
		return not_found(given, error);
	if (matches > 1 && (found >= devices || !path[1]))
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "Path '%.200s' is ambiguous", given);
	qom_node_at(machine, found, node);
	return 0;
}

int qom_find(struct machine *machine, const char *path, struct qom_node *node,
	     struct qmp_error *error)
{
	char name[QOM_PATH_MAX];

	if (!canonical(path, name))
		return not_found(path, error);
	if (*path == '/')
		return find_absolute(machine, path, name, node, error);
	return find_partial(machine, path, name, node, error);
}
