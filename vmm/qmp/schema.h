/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the control socket takes and gives: its commands, events and types, in
 * one table. Arguments are checked against it, and query-qmp-schema tells it,
 * so that neither can say what the other does not.
 */
#ifndef VMM_QMP_SCHEMA_H
#define VMM_QMP_SCHEMA_H

#include <stdbool.h>
#include <jansson.h>

#include "commands.h"

/* The kinds of QEMU's SchemaMetaType that there are here. */
enum qmp_meta {
	QMP_BUILTIN,
	QMP_ENUM,
	QMP_ARRAY,
	QMP_OBJECT,
	QMP_COMMAND,
	QMP_EVENT,
};

enum qmp_presence { QMP_REQUIRED, QMP_OPTIONAL };

struct qmp_member {
	const char *name; /* NULL ends a list */
	const struct qmp_type *type;
	enum qmp_presence presence;
};

/* What members an object has besides, for a value of its tag. */
struct qmp_variant {
	const char *value; /* NULL ends a list */
	const struct qmp_type *type;
};

struct qmp_type {
	enum qmp_meta meta;
	const char *name;                   /* an array has none of its own */
	const char *json;                   /* QMP_BUILTIN: a JSONType */
	const char *const *values;          /* QMP_ENUM, up to NULL */
	const struct qmp_type *element;     /* QMP_ARRAY */
	const struct qmp_member *members;   /* QMP_OBJECT */
	const char *tag;                    /* the member that tells which */
	const struct qmp_variant *variants; /* or NULL */
};

struct qmp_command {
	const char *name;               /* NULL ends the list */
	const struct qmp_type *args;    /* an object */
	const struct qmp_type *returns; /* any */
	qmp_command_fn *run;
};

struct qmp_event {
	const char *name;            /* NULL ends the list */
	const struct qmp_type *data; /* an object */
};

extern const struct qmp_command qmp_commands[];
extern const struct qmp_event qmp_events[];

/* NULL when there is none of that name. */
const struct qmp_command *qmp_command_find(const char *name);

/*
 * Whether a value, which may be NULL for an empty object, is of a type, to the
 * last member; -1 with @error where it is not.
 */
int qmp_check(const struct qmp_type *type, const json_t *value,
	      struct qmp_error *error);

#endif /* VMM_QMP_SCHEMA_H */
