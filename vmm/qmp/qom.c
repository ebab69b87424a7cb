/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * qom-get and qom-set: the properties of the memory devices, at the paths and
 * under the names that QEMU gives them.
 */
#include "commands.h"

#include <inttypes.h>
#include <string.h>

#include "json_text.h"
#include "server.h"

/* In the sentences that name a property. */
#define QOM_TYPE "virtio-mem-pci"

/* Takes the last component off, which must be @name; false when it is not. */
static bool path_take_last(const char *path, size_t *len, const char *name)
{
	size_t name_len = strlen(name), end = *len;

	while (end && path[end - 1] == '/')
		end--;
	if (end < name_len || memcmp(path + end - name_len, name, name_len))
		return false;
	end -= name_len;
	if (end && path[end - 1] != '/')
		return false;
	*len = end;
	return true;
}

static bool path_is_slashes(const char *path, size_t len)
{
	return strspn(path, "/") >= len;
}

/*
 * "/machine/peripheral/ID", or without a leading slash any end of that, as
 * QEMU resolves partial paths.
 */
static bool path_names_device(const char *path, const char *id)
{
	static const char *const parents[] = { "peripheral", "machine" };
	bool absolute = *path == '/';
	size_t i, len = strlen(path);

	if (!path_take_last(path, &len, id))
		return false;
	for (i = 0; i < 2; i++) {
		if (!absolute && !len)
			return true;
		if (!path_take_last(path, &len, parents[i]))
			return false;
	}
	return absolute ? path_is_slashes(path, len) : !len;
}

static int find_device(struct machine *machine, const json_t *args,
		       unsigned int *index, struct qmp_error *error)
{
	const char *path = json_string_value(json_object_get(args, "path"));
	unsigned int i, nr = machine_nr_mem_devices(machine);

	for (i = 0; i < nr; i++) {
		const char *id = machine_config(machine)->mem_devices[i].id;

		if (path_names_device(path, id)) {
			*index = i;
			return 0;
		}
	}
	return qmp_error_set(error, QMP_DEVICE_NOT_FOUND,
			     "Device '%.200s' not found", path);
}

typedef json_t *property_get_fn(const struct mem_device_info *info);

static json_t *get_size(const struct mem_device_info *info)
{
	return json_integer((json_int_t)info->device.plugged_size);
}

static json_t *get_requested_size(const struct mem_device_info *info)
{
	return json_integer((json_int_t)info->device.requested_size);
}

static json_t *get_block_size(const struct mem_device_info *info)
{
	return json_integer((json_int_t)info->device.block_size);
}

static json_t *get_max_size(const struct mem_device_info *info)
{
	return json_integer((json_int_t)info->device.region_size);
}

static json_t *get_memaddr(const struct mem_device_info *info)
{
	return json_integer((json_int_t)info->device.addr);
}

static json_t *get_node(const struct mem_device_info *info)
{
	return json_integer(info->device.node);
}

static json_t *get_memdev(const struct mem_device_info *info)
{
	return json_sprintf("/objects/%s", info->device.id);
}

static json_t *get_type(const struct mem_device_info *info)
{
	(void)info;
	return json_string(QOM_TYPE);
}

static json_t *get_realized(const struct mem_device_info *info)
{
	(void)info;
	return json_true();
}

static json_t *get_backend(const struct mem_device_info *info)
{
	return json_string(info->backend);
}

static json_t *get_usable_size(const struct mem_device_info *info)
{
	return json_integer((json_int_t)info->device.usable_size);
}

static json_t *get_driver_ready(const struct mem_device_info *info)
{
	return json_boolean(info->driver_ready);
}

static json_t *get_last_refusal(const struct mem_device_info *info)
{
	return json_string(info->last_refusal);
}

static json_t *get_standing(const struct mem_device_info *info)
{
	return json_string(qmp_standing(info));
}

static const struct property {
	const char *name;
	property_get_fn *get;
} properties[] = {
	{ "requested-size", get_requested_size },
	{ "size", get_size },
	{ "block-size", get_block_size },
	{ "max-size", get_max_size },
	{ "memaddr", get_memaddr },
	{ "memdev", get_memdev },
	{ "node", get_node },
	{ "type", get_type },
	{ "realized", get_realized },
	{ "x-paramem-backend", get_backend },
	{ "x-paramem-usable-size", get_usable_size },
	{ "x-paramem-driver-ready", get_driver_ready },
	{ "x-paramem-last-refusal", get_last_refusal },
	{ "x-paramem-standing", get_standing },
};

/* NULL with @error when there is none of that name. */
static const struct property *find_property(const json_t *args,
					    struct qmp_error *error)
{
	const char *name = json_string_value(json_object_get(args, "property"));
	size_t i;

	for (i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
		if (!strcmp(properties[i].name, name))
			return &properties[i];
	}
	qmp_error_set(error, QMP_GENERIC_ERROR,
		      "Property '" QOM_TYPE ".%.80s' not found", name);
	return NULL;
}

int qmp_qom_get(struct qmp_conn *conn, const json_t *args, json_t **ret,
		struct qmp_error *error)
{
	struct machine *machine = conn->qmp->machine;
	const struct property *property;
	struct mem_device_info info;
	unsigned int index;

	if (find_device(machine, args, &index, error) < 0)
		return -1;
	property = find_property(args, error);
	if (!property)
		return -1;
	machine_mem_device_info(machine, index, &info);
	*ret = property->get(&info);
	return 0;
}

static int set_requested_size(struct machine *machine, unsigned int index,
			      const json_t *value, struct qmp_error *error)
{
	struct pm_error why = { "" };
	struct mem_device_info info;
	uint64_t size;

	if (!json_text_uint64(value, &size))
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "Parameter 'requested-size' expects "
				     "uint64");
	machine_mem_device_info(machine, index, &info);
	if (size % info.device.block_size)
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "'requested-size' has to be multiples of "
				     "'block-size' (0x%" PRIx64 ")",
				     info.device.block_size);
	if (size > info.device.region_size)
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "'requested-size' cannot exceed the "
				     "memory backend size(0x%" PRIx64 ")",
				     info.device.region_size);
	if (machine_mem_device_set_requested(machine, index, size, &why) < 0)
		return qmp_error_set(error, QMP_GENERIC_ERROR, "%s", why.text);
	return 0;
}

int qmp_qom_set(struct qmp_conn *conn, const json_t *args, json_t **ret,
		struct qmp_error *error)
{
	struct machine *machine = conn->qmp->machine;
	const json_t *value = json_object_get(args, "value");
	const struct property *property;
	unsigned int index = 0;

	if (find_device(machine, args, &index, error) < 0)
		return -1;
	property = find_property(args, error);
	if (!property)
		return -1;
	if (property->get != get_requested_size)
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "Property '" QOM_TYPE ".%s' is not "
				     "writable",
				     property->name);
	if (set_requested_size(machine, index, value, error) < 0)
		return -1;
	*ret = json_object();
	return 0;
}
