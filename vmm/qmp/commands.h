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

enum qmp_type { QMP_STRING, QMP_ARRAY, QMP_BOOL, QMP_INTEGER, QMP_ANY };

struct qmp_arg {
	const char *name; /* NULL ends the list */
	enum qmp_type type;
	bool optional;
};

/*
 * @args are checked against the command's list before it runs; NULL when the
 * request had none. On success @ret becomes a new reference, or NULL when
 * memory ran out; on failure -1 with @error. QMP_LATER: the client waits for
 * qmp_dispatch_answer(), and no other request of its is looked at until then.
 */
#define QMP_LATER 1

typedef int qmp_command_fn(struct qmp_conn *conn, const json_t *args,
			   json_t **ret, struct qmp_error *error);

struct qmp_command {
	const char *name;
	const struct qmp_arg *args;
	qmp_command_fn *run;
};

const struct qmp_command *qmp_command_find(const char *name);

json_t *qmp_version_object(void);

/* "none", "writes" or "accesses". */
const char *qmp_guard_level(const struct mem_device_info *info);
const char *qmp_standing(const struct mem_device_info *info);

/* In qom.c. */
qmp_command_fn qmp_qom_get;
qmp_command_fn qmp_qom_set;

/* In numa.c. */
qmp_command_fn qmp_query_numa;
qmp_command_fn qmp_human_monitor_command;
/* In dump.c. */
qmp_command_fn qmp_dump_guest_memory;
qmp_command_fn qmp_query_dump;
qmp_command_fn qmp_query_dump_capability;
qmp_command_fn qmp_dump_cancel;
/* -1 with @error while a dump is under way. */
int qmp_check_no_dump(struct qmp_conn *conn, struct qmp_error *error);

#endif /* VMM_QMP_COMMANDS_H */
