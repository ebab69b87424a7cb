/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine as a tree of objects with properties, at the paths and under the
 * names that QEMU gives them.
 */
#ifndef VMM_QMP_QOM_H
#define VMM_QMP_QOM_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#include "commands.h"

#define QOM_PATH_MAX 128

/* @index is which of its type, as its device or its processor. */
typedef json_t *qom_get_fn(struct machine *machine, unsigned int index);
typedef int qom_set_fn(struct machine *machine, unsigned int index,
		       const json_t *value, struct qmp_error *error);

struct qom_property {
	const char *name; /* NULL ends a list */
	const char *type;
	qom_get_fn *get;
	qom_set_fn *set; /* or NULL: not writable */
};

struct qom_type {
	const char *name;
	const char *parent; /* or NULL */
	bool abstract;
	const struct qom_property *properties;
};

/* All types that there are. */
extern const struct qom_type *const qom_types[];
extern const size_t qom_nr_types;
/* NULL when there is none of that name. */
const struct qom_type *qom_type_find(const char *name);

/* One object of the tree. */
struct qom_node {
	const struct qom_type *type;
	unsigned int index;
	char path[QOM_PATH_MAX]; /* from the root, "/" for that itself */
};

/*
 * The objects by number from 0, memory devices first; false when there are no
 * more.
 */
bool qom_node_at(struct machine *machine, unsigned int number,
		 struct qom_node *node);

/* True, and its name there, for an object right below another. */
bool qom_child_of(const struct qom_node *node, const struct qom_node *parent,
		  const char **name);

/*
 * What a path names: from the root with a slash in front, else any end of a
 * path. Where that fits several, it is the memory device. -1 with @error.
 */
int qom_find(struct machine *machine, const char *path, struct qom_node *node,
	     struct qmp_error *error);

#endif /* VMM_QMP_QOM_H */
