/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands about memory.
 */
#include "commands.h"

#include "server.h"

const char *qmp_guard_level(const struct mem_device_info *info)
{
	static const char *const names[] = {
		[PM_GUARD_NONE] = "none",
		[PM_GUARD_WRITES] = "writes",
		[PM_GUARD_ACCESSES] = "accesses",
	};

	return names[info->device.guard_level];
}

const char *qmp_standing(const struct mem_device_info *info)
{
	static const char *const names[] = {
		[MEM_REACHED] = "reached",     [MEM_NO_DRIVER] = "no-driver",
		[MEM_REFUSED] = "refused",     [MEM_UNDER_WAY] = "under-way",
		[MEM_UNNOTICED] = "unnoticed", [MEM_KEPT] = "kept",
		[MEM_NOT_TAKEN] = "not-taken",
	};

	return names[info->standing];
}

static json_t *mem_device_data(const struct mem_device_info *info)
{
	const struct pm_device_info *dev = &info->device;
	const char *refusal = *info->last_refusal ? info->last_refusal : NULL;

	return json_pack(
		"{s:s, s:I, s:I, s:I, s:i, s:I, s:I, s:s+,"
		" s:s, s:I, s:b, s:s*, s:s, s:s*, s:I, s:I, s:s}",
		"id", dev->id, "memaddr", (json_int_t)dev->addr,
		"requested-size", (json_int_t)dev->requested_size, "size",
		(json_int_t)dev->plugged_size, "node", (int)dev->node,
		"max-size", (json_int_t)dev->region_size, "block-size",
		(json_int_t)dev->block_size, "memdev", "/objects/", dev->id,
		"x-paramem-backend", info->backend, "x-paramem-usable-size",
		(json_int_t)dev->usable_size, "x-paramem-driver-ready",
		info->driver_ready, "x-paramem-last-refusal", refusal,
		"x-paramem-guard", qmp_guard_level(info),
		"x-paramem-guard-lack", dev->guard_lack,
		"x-paramem-violations-read", (json_int_t)dev->violations_read,
		"x-paramem-violations-write", (json_int_t)dev->violations_write,
		"x-paramem-standing", qmp_standing(info));
}

int qmp_query_memory_devices(struct qmp_conn *conn, const json_t *args,
			     json_t **ret, struct qmp_error *error)
{
	struct machine *machine = conn->qmp->machine;
	unsigned int i, nr = machine_nr_mem_devices(machine);
	json_t *list = json_array();

	(void)args, (void)error;
	for (i = 0; i < nr; i++) {
		struct mem_device_info info;

		machine_mem_device_info(machine, i, &info);
		json_array_append_new(list, json_pack("{s:s, s:o}", "type",
						      "virtio-mem", "data",
						      mem_device_data(&info)));
	}
	*ret = list;
	return 0;
}

int qmp_query_memory_size_summary(struct qmp_conn *conn, const json_t *args,
				  json_t **ret, struct qmp_error *error)
{
	struct machine *machine = conn->qmp->machine;
	unsigned int i, nr = machine_nr_mem_devices(machine);
	uint64_t plugged = 0;

	(void)args, (void)error;
	for (i = 0; i < nr; i++) {
		struct mem_device_info info;

		machine_mem_device_info(machine, i, &info);
		plugged += info.device.plugged_size;
	}
	*ret = json_pack("{s:I, s:I}", "base-memory",
			 (json_int_t)machine_config(machine)->memory,
			 "plugged-memory", (json_int_t)plugged);
	return 0;
}
