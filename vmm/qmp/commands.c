/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of the control socket, but for those on properties (qom.c).
 */
#include "commands.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json_text.h"
#include "server.h"

#ifndef PARAMEM_VERSION
#error "the build defines PARAMEM_VERSION as a string: major.minor.micro"
#endif

/*
 * A sentence may quote a path, which is any bytes, or cut a client's string
 * within a character; JSON takes valid UTF-8 alone.
 */
static void force_utf8(char *text)
{
	json_t *valid = json_string(text);

	for (; !valid && *text; text++) {
		if ((unsigned char)*text >= 0x80)
			*text = '?';
	}
	json_decref(valid);
}

int qmp_error_set(struct qmp_error *error, const char *class, const char *fmt,
		  ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error->desc.text, sizeof(error->desc.text), fmt, args);
	va_end(args);
	force_utf8(error->desc.text);
	error->class = class;
	return -1;
}

json_t *qmp_version_object(void)
{
	unsigned int major = 0, minor = 0, micro = 0;

	sscanf(PARAMEM_VERSION, "%u.%u.%u", &major, &minor, &micro);
	return json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "micro",
			 (int)micro, "minor", (int)minor, "major", (int)major,
			 "package", "paramem " PARAMEM_VERSION);
}

static int done(json_t **ret)
{
	*ret = json_object();
	return 0;
}

/* The greeting offers no capability, so that none can be enabled. */
static int run_capabilities(struct qmp_conn *conn, const json_t *args,
			    json_t **ret, struct qmp_error *error)
{
	const json_t *enable = json_object_get(args, "enable");
	const json_t *first = json_array_get(enable, 0);

	if (first && !json_text_is_string(first))
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "Invalid parameter type for 'enable[0]', "
				     "expected: string");
	if (first)
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "Capability %.80s is not available",
				     json_string_value(first));
	conn->negotiated = true;
	return done(ret);
}

static int run_query_version(struct qmp_conn *conn, const json_t *args,
			     json_t **ret, struct qmp_error *error)
{
	(void)conn, (void)args, (void)error;
	*ret = qmp_version_object();
	return 0;
}

static int run_query_status(struct qmp_conn *conn, const json_t *args,
			    json_t **ret, struct qmp_error *error)
{
	enum machine_state state = machine_state(conn->qmp->machine);
	const char *reason;

	(void)args, (void)error;
	reason = machine_pause_reason(conn->qmp->machine);
	*ret = json_pack("{s:s, s:b, s:b, s:s*}", "status",
			 machine_state_name(state), "singlestep", 0, "running",
			 state == MACHINE_RUNNING, "x-paramem-reason",
			 *reason ? reason : NULL);
	return 0;
}

static int run_query_name(struct qmp_conn *conn, const json_t *args,
			  json_t **ret, struct qmp_error *error)
{
	const char *name = machine_config(conn->qmp->machine)->name;

	(void)args, (void)error;
	*ret = json_pack("{s:s*}", "name", name);
	return 0;
}

static int run_stop(struct qmp_conn *conn, const json_t *args, json_t **ret,
		    struct qmp_error *error)
{
	(void)args;
	if (qmp_check_no_dump(conn, error) < 0)
		return -1;
	machine_stop(conn->qmp->machine);
	return done(ret);
}

static int run_cont(struct qmp_conn *conn, const json_t *args, json_t **ret,
		    struct qmp_error *error)
{
	struct pm_error why = { "" };

	(void)args;
	if (qmp_check_no_dump(conn, error) < 0)
		return -1;
	if (machine_cont(conn->qmp->machine, &why) < 0)
		return qmp_error_set(error, QMP_GENERIC_ERROR, "%s", why.text);
	return done(ret);
}

static int run_system_reset(struct qmp_conn *conn, const json_t *args,
			    json_t **ret, struct qmp_error *error)
{
	(void)args, (void)error;
	machine_request_reset(conn->qmp->machine);
	return done(ret);
}

static int run_system_powerdown(struct qmp_conn *conn, const json_t *args,
				json_t **ret, struct qmp_error *error)
{
	(void)args, (void)error;
	machine_request_powerdown(conn->qmp->machine);
	return done(ret);
}

static int run_quit(struct qmp_conn *conn, const json_t *args, json_t **ret,
		    struct qmp_error *error)
{
	(void)args, (void)error;
	machine_request_quit(conn->qmp->machine);
	return done(ret);
}

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

static int run_query_memory_devices(struct qmp_conn *conn, const json_t *args,
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

static int run_query_memory_size_summary(struct qmp_conn *conn,
					 const json_t *args, json_t **ret,
					 struct qmp_error *error)
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

static qmp_command_fn run_query_commands;

static const struct qmp_arg args_none[] = { { 0 } };

static const struct qmp_arg args_capabilities[] = {
	{ "enable", QMP_ARRAY, true },
	{ 0 },
};

static const struct qmp_arg args_qom_get[] = {
	{ "path", QMP_STRING, false },
	{ "property", QMP_STRING, false },
	{ 0 },
};

static const struct qmp_arg args_qom_set[] = {
	{ "path", QMP_STRING, false },
	{ "property", QMP_STRING, false },
	{ "value", QMP_ANY, false },
	{ 0 },
};

static const struct qmp_arg args_human_monitor[] = {
	{ "command-line", QMP_STRING, false },
	{ "cpu-index", QMP_INTEGER, true },
	{ 0 },
};

static const struct qmp_arg args_dump[] = {
	{ "paging", QMP_BOOL, false },
	{ "protocol", QMP_STRING, false },
	{ "detach", QMP_BOOL, true },
	{ "begin", QMP_INTEGER, true },
	{ "length", QMP_INTEGER, true },
	{ "format", QMP_STRING, true },
	{ "x-paramem-compress", QMP_BOOL, true },
	{ 0 },
};

static const struct qmp_command commands[] = {
	{ "qmp_capabilities", args_capabilities, run_capabilities },
	{ "query-version", args_none, run_query_version },
	{ "query-commands", args_none, run_query_commands },
	{ "query-status", args_none, run_query_status },
	{ "query-name", args_none, run_query_name },
	{ "stop", args_none, run_stop },
	{ "cont", args_none, run_cont },
	{ "system_reset", args_none, run_system_reset },
	{ "system_powerdown", args_none, run_system_powerdown },
	{ "quit", args_none, run_quit },
	{ "qom-get", args_qom_get, qmp_qom_get },
	{ "qom-set", args_qom_set, qmp_qom_set },
	{ "query-memory-devices", args_none, run_query_memory_devices },
	{ "query-memory-size-summary", args_none,
	  run_query_memory_size_summary },
	{ "human-monitor-command", args_human_monitor,
	  qmp_human_monitor_command },
	{ "x-paramem-query-numa", args_none, qmp_query_numa },
	{ "dump-guest-memory", args_dump, qmp_dump_guest_memory },
	{ "query-dump", args_none, qmp_query_dump },
	{ "query-dump-guest-memory-capability", args_none,
	  qmp_query_dump_capability },
	{ "x-paramem-dump-cancel", args_none, qmp_dump_cancel },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int run_query_commands(struct qmp_conn *conn, const json_t *args,
			      json_t **ret, struct qmp_error *error)
{
	json_t *list = json_array();
	size_t i;

	(void)conn, (void)args, (void)error;
	for (i = 0; i < NR_COMMANDS; i++)
		json_array_append_new(list, json_pack("{s:s}", "name",
						      commands[i].name));
	*ret = list;
	return 0;
}

const struct qmp_command *qmp_command_find(const char *name)
{
	size_t i;

	for (i = 0; i < NR_COMMANDS; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}
