/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The types of objects and their properties.
 */
#include <inttypes.h>
#include <string.h>

#include "json_text.h"
#include "qom.h"
#include "server.h"

/* In the sentences that name a property. */
#define MEM_TYPE "virtio-mem-pci"

/* ---- memory devices ------------------------------------------------------ */

static struct mem_device_info info_of(struct machine *machine,
				      unsigned int index)
{
	struct mem_device_info info;

	machine_mem_device_info(machine, index, &info);
	return info;
}

#define GETTER(name, value)                                          \
	static json_t *name(struct machine *machine, unsigned int i) \
	{                                                            \
		struct mem_device_info info = info_of(machine, i);   \
                                                                     \
		return value;                                        \
	}

GETTER(get_size, json_integer((json_int_t)info.device.plugged_size))
GETTER(get_requested_size, json_integer((json_int_t)info.device.requested_size))
GETTER(get_block_size, json_integer((json_int_t)info.device.block_size))
GETTER(get_max_size, json_integer((json_int_t)info.device.region_size))
GETTER(get_memaddr, json_integer((json_int_t)info.device.addr))
GETTER(get_node, json_integer(info.device.node))
GETTER(get_memdev, json_sprintf("/objects/%s", info.device.id))
GETTER(get_backend, json_string(info.backend))
GETTER(get_usable_size, json_integer((json_int_t)info.device.usable_size))
GETTER(get_driver_ready, json_boolean(info.driver_ready))
GETTER(get_last_refusal, json_string(info.last_refusal))
GETTER(get_standing, json_string(qmp_standing(&info)))
GETTER(get_guard, json_string(qmp_guard_level(&info)))

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

static json_t *get_true(struct machine *machine, unsigned int index)
{
	(void)machine, (void)index;
	return json_true();
}

static json_t *get_false(struct machine *machine, unsigned int index)
{
	(void)machine, (void)index;
	return json_false();
}

static const struct qom_property mem_properties[] = {
	{ "realized", "bool", get_true, NULL },
	{ "hotplugged", "bool", get_false, NULL },
	{ "hotpluggable", "bool", get_false, NULL },
	{ "requested-size", "size", get_requested_size, set_requested_size },
	{ "size", "size", get_size, NULL },
	{ "block-size", "size", get_block_size, NULL },
	{ "max-size", "size", get_max_size, NULL },
	{ "memaddr", "uint64", get_memaddr, NULL },
	{ "memdev", "link<memory-backend>", get_memdev, NULL },
	{ "node", "uint32", get_node, NULL },
	{ "x-paramem-backend", "string", get_backend, NULL },
	{ "x-paramem-usable-size", "size", get_usable_size, NULL },
	{ "x-paramem-driver-ready", "bool", get_driver_ready, NULL },
	{ "x-paramem-last-refusal", "string", get_last_refusal, NULL },
	{ "x-paramem-standing", "string", get_standing, NULL },
	{ "x-paramem-guard", "string", get_guard, NULL },
	{ NULL, NULL, NULL, NULL },
};

/* ---- their host memory --------------------------------------------------- */

static const struct mem_device_config *config_of(struct machine *machine,
						 unsigned int index)
{
	return &machine_config(machine)->mem_devices[index];
}

static json_t *get_backend_size(struct machine *machine, unsigned int index)
{
	return json_integer((json_int_t)config_of(machine, index)->max_size);
}

static json_t *get_share(struct machine *machine, unsigned int index)
{
	return json_boolean(config_of(machine, index)->ram.backend !=
			    PM_RAM_ANON);
}

static json_t *get_prealloc(struct machine *machine, unsigned int index)
{
	return json_boolean(config_of(machine, index)->ram.prealloc);
}

static json_t *get_reserve(struct machine *machine, unsigned int index)
{
	return json_boolean(!config_of(machine, index)->ram.no_reserve);
}

static json_t *get_dump(struct machine *machine, unsigned int index)
{
	return json_boolean(config_of(machine, index)->ram.dump);
}

static json_t *get_policy(struct machine *machine, unsigned int index)
{
	static const char *const names[] = {
		[PM_NUMA_NONE] = "default",
		[PM_NUMA_BIND] = "bind",
		[PM_NUMA_PREFERRED] = "preferred",
		[PM_NUMA_INTERLEAVE] = "interleave",
	};

	return json_string(names[config_of(machine, index)->ram.policy]);
}

static const struct qom_property backend_properties[] = {
	{ "size", "int", get_backend_size, NULL },
	{ "share", "bool", get_share, NULL },
	{ "prealloc", "bool", get_prealloc, NULL },
	{ "reserve", "bool", get_reserve, NULL },
	{ "dump", "bool", get_dump, NULL },
	{ "merge", "bool", get_false, NULL },
	{ "policy", "HostMemPolicy", get_policy, NULL },
	{ NULL, NULL, NULL, NULL },
};

/* ---- processors ---------------------------------------------------------- */

static struct qmp_cpu_place place_of(struct machine *machine,
				     unsigned int index)
{
	struct qmp_cpu_place place;

	qmp_cpu_place(machine_config(machine), index, &place);
	return place;
}

static json_t *get_socket(struct machine *machine, unsigned int index)
{
	return json_integer(place_of(machine, index).socket);
}

static json_t *get_core(struct machine *machine, unsigned int index)
{
	return json_integer(place_of(machine, index).core);
}

static json_t *get_thread(struct machine *machine, unsigned int index)
{
	(void)machine, (void)index;
	return json_integer(0);
}

static json_t *get_cpu_node(struct machine *machine, unsigned int index)
{
	return json_integer(place_of(machine, index).node);
}

static const struct qom_property cpu_properties[] = {
	{ "realized", "bool", get_true, NULL },
	{ "hotplugged", "bool", get_false, NULL },
	{ "hotpluggable", "bool", get_false, NULL },
	{ "socket-id", "int32", get_socket, NULL },
	{ "core-id", "int32", get_core, NULL },
	{ "thread-id", "int32", get_thread, NULL },
	{ "node-id", "int32", get_cpu_node, NULL },
	{ NULL, NULL, NULL, NULL },
};

/* ---- all types ----------------------------------------------------------- */

static const struct qom_property no_properties[] = {
	{ NULL, NULL, NULL, NULL },
};

#define TYPE(id, ...) static const struct qom_type id = { __VA_ARGS__ }

TYPE(object, "object", NULL, true, no_properties);
TYPE(container, "container", "object", false, no_properties);
TYPE(machine_base, "machine", "object", true, no_properties);
TYPE(machine_type, "paramem-machine", "machine", false, no_properties);
TYPE(device, "device", "object", true, no_properties);
TYPE(cpu_base, "cpu", "device", true, no_properties);
TYPE(cpu, QMP_CPU_TYPE, "cpu", false, cpu_properties);
TYPE(pci_device, "pci-device", "device", true, no_properties);
TYPE(mem_device, MEM_TYPE, "pci-device", false, mem_properties);
TYPE(backend, "memory-backend", "object", true, no_properties);
TYPE(backend_ram, "memory-backend-ram", "memory-backend", false,
     backend_properties);
TYPE(backend_memfd, "memory-backend-memfd", "memory-backend", false,
     backend_properties);

const struct qom_type *const qom_types[] = {
	&object,     &container, &machine_base, &machine_type,
	&device,     &cpu_base,  &cpu,          &pci_device,
	&mem_device, &backend,   &backend_ram,  &backend_memfd,
};

const size_t qom_nr_types = sizeof(qom_types) / sizeof(qom_types[0]);

const struct qom_type *qom_type_find(const char *name)
{
	for (size_t i = 0; i < qom_nr_types; i++) {
		if (!strcmp(qom_types[i]->name, name))
			return qom_types[i];
	}
	return NULL;
}
