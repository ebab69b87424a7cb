/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of the control socket.
 */
#ifndef VMM_QMP_COMMANDS_H
#define VMM_QMP_COMMANDS_H

#include <stdbool.h>
#include <jansson.h>

#include "conn.h"
#include "machine/machine.h"

/* The classes of QMP's errors. */
#define QMP_GENERIC_ERROR     "GenericError"
#define QMP_COMMAND_NOT_FOUND "CommandNotFound"
#define QMP_DEVICE_NOT_FOUND  "DeviceNotFound"

struct qmp_error {
	const char *class;
	struct pm_error desc;
};

/* Fills in @error, always in valid UTF-8, and returns -1. */
int qmp_error_set(struct qmp_error *error, const char *class, const char *fmt,
		  ...) __attribute__((format(printf, 3, 4)));

/*
 * @args are checked against the command's list before it runs; NULL when the
 * request had none. On success @ret becomes a new reference, or NULL when
 * memory ran out; on failure -1 with @error. QMP_LATER: the client waits for
 * qmp_dispatch_answer(), and no other request of its is looked at until then.
 */
#define QMP_LATER 1

typedef int qmp_command_fn(struct qmp_conn *conn, const json_t *args,
			   json_t **ret, struct qmp_error *error);

json_t *qmp_version_object(void);

/* As query-target, query-cpus-fast and the tree of objects name things. */
#define QMP_TARGET   PARAMEM_TARGET
#define QMP_CPU_TYPE "host-" QMP_TARGET "-cpu"
#define QMP_CPU_PATH "/machine/unattached/device[%u]"

struct qmp_cpu_place {
	unsigned int node, socket, core;
};

void qmp_cpu_place(const struct machine_config *config, unsigned int cpu,
		   struct qmp_cpu_place *place);

/* "none", "writes" or "accesses". */
const char *qmp_guard_level(const struct mem_device_info *info);
const char *qmp_standing(const struct mem_device_info *info);

/* commands.c: the connection, and what the machine is to do. */
qmp_command_fn qmp_capabilities;
qmp_command_fn qmp_query_status;
qmp_command_fn qmp_stop;
qmp_command_fn qmp_cont;
qmp_command_fn qmp_system_reset;
qmp_command_fn qmp_system_powerdown;
qmp_command_fn qmp_inject_nmi;
qmp_command_fn qmp_quit;

/* introspect.c */
qmp_command_fn qmp_query_schema;
qmp_command_fn qmp_query_commands;
qmp_command_fn qmp_query_events;

/* about.c: what the machine is, and what it is made of. */
qmp_command_fn qmp_query_version;
qmp_command_fn qmp_query_name;
qmp_command_fn qmp_query_uuid;
qmp_command_fn qmp_query_kvm;
qmp_command_fn qmp_query_target;
qmp_command_fn qmp_query_machines;
qmp_command_fn qmp_query_chardev;
qmp_command_fn qmp_query_pci;
qmp_command_fn qmp_query_none; /* an empty list */
qmp_command_fn qmp_device_del;

/* fds.c */
qmp_command_fn qmp_getfd;
qmp_command_fn qmp_closefd;
qmp_command_fn qmp_add_fd;
qmp_command_fn qmp_remove_fd;
qmp_command_fn qmp_query_fdsets;

/* cpus.c */
qmp_command_fn qmp_query_cpus_fast;

/* memory.c */
qmp_command_fn qmp_query_memory_devices;
qmp_command_fn qmp_query_memory_size_summary;

/* qom.c */
qmp_command_fn qmp_qom_list;
qmp_command_fn qmp_qom_get;
qmp_command_fn qmp_qom_set;
qmp_command_fn qmp_qom_list_types;
qmp_command_fn qmp_qom_list_properties;

/* numa.c */
qmp_command_fn qmp_query_numa;
qmp_command_fn qmp_human_monitor_command;

/* dump.c */
qmp_command_fn qmp_dump_guest_memory;
qmp_command_fn qmp_query_dump;
qmp_command_fn qmp_query_dump_capability;
qmp_command_fn qmp_dump_cancel;
/* -1 with @error while a dump is under way. */
int qmp_check_no_dump(struct qmp_conn *conn, struct qmp_error *error);

#endif /* VMM_QMP_COMMANDS_H */
