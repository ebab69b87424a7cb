/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands on objects and their properties. Each object has its type as a
 * property besides those of that, and one for each child.
 */
#include "qom.h"

#include <string.h>

#include "server.h"

static int find_object(struct machine *machine, const json_t *args,
		       struct qom_node *node, struct qmp_error *error)
{
	const char *path = json_string_value(json_object_get(args, "path"));

	return qom_find(machine, path, node, error);
}

/* For a property: QEMU has one class for all that is wrong with a path. */
static int find_owner(struct machine *machine, const json_t *args,
		      struct qom_node *node, struct qmp_error *error)
{
	if (find_object(machine, args, node, error) == 0)
		return 0;
	error->class = QMP_DEVICE_NOT_FOUND;
	return -1;
}

static const struct qom_property *find_property(const struct qom_type *type,
						const char *name)
{
	for (const struct qom_property *p = type->properties; p->name; p++) {
		if (!strcmp(p->name, name))
			return p;
	}
	return NULL;
}

/* The path of a child of that name, or NULL. */
static json_t *find_child(struct machine *machine, const struct qom_node *node,
			  const char *name)
{
	struct qom_node child;
	const char *its;

	for (unsigned int i = 0; qom_node_at(machine, i, &child); i++) {
		if (qom_child_of(&child, node, &its) && !strcmp(its, name))
			return json_string(child.path);
	}
	return NULL;
}

/* ---- qom-get, qom-set ---------------------------------------------------- */

int qmp_qom_get(struct qmp_conn *conn, const json_t *args, json_t **ret,
		struct qmp_error *error)
{
	const char *name = json_string_value(json_object_get(args, "property"));
	struct machine *machine = conn->qmp->machine;
	const struct qom_property *property;
	struct qom_node node;

	if (find_owner(machine, args, &node, error) < 0)
		return -1;
	property = find_property(node.type, name);
	if (property)
		*ret = property->get(machine, node.index);
	else if (!strcmp(name, "type"))
		*ret = json_string(node.type->name);
	else
		*ret = find_child(machine, &node, name);
	if (property || *ret)
		return 0;
	return qmp_error_set(error, QMP_GENERIC_ERROR,
			     "Property '%s.%.80s' not found", node.type->name,
			     name);
}

int qmp_qom_set(struct qmp_conn *conn, const json_t *args, json_t **ret,
		struct qmp_error *error)
{
	const char *name = json_string_value(json_object_get(args, "property"));
	struct machine *machine = conn->qmp->machine;
	const struct qom_property *property;
	struct qom_node node;
	json_t *child = NULL;
	bool known;

	if (find_owner(machine, args, &node, error) < 0)
		return -1;
	property = find_property(node.type, name);
	if (property && property->set) {
		if (property->set(machine, node.index,
				  json_object_get(args, "value"), error) < 0)
			return -1;
		*ret = json_object();
		return 0;
	}
	child = find_child(machine, &node, name);
	known = property || child || !strcmp(name, "type");
	json_decref(child);
	return qmp_error_set(error, QMP_GENERIC_ERROR,
			     known ? "Property '%s.%.80s' is not writable"
				   : "Property '%s.%.80s' not found",
			     node.type->name, name);
}

/* ---- lists --------------------------------------------------------------- */

static json_t *property_info(const char *name, const char *type)
{
	return json_pack("{s:s, s:s}", "name", name, "type", type);
}

static json_t *type_properties(const struct qom_type *type)
{
	json_t *list = json_array();

	json_array_append_new(list, property_info("type", "string"));
	for (const struct qom_property *p = type->properties; p->name; p++)
		json_array_append_new(list, property_info(p->name, p->type));
	return list;
}

int qmp_qom_list(struct qmp_conn *conn, const json_t *args, json_t **ret,
		 struct qmp_error *error)
{
	struct machine *machine = conn->qmp->machine;
	struct qom_node node, child;
	const char *name;

	if (find_object(machine, args, &node, error) < 0)
		return -1;
	*ret = type_properties(node.type);
	for (unsigned int i = 0; qom_node_at(machine, i, &child); i++) {
		if (qom_child_of(&child, &node, &name))
			json_array_append_new(*ret,
					      json_pack("{s:s, s:s++}", "name",
							name, "type", "child<",
							child.type->name, ">"));
	}
	return 0;
}

int qmp_qom_list_properties(struct qmp_conn *conn, const json_t *args,
			    json_t **ret, struct qmp_error *error)
{
	const char *name = json_string_value(json_object_get(args, "typename"));
	const struct qom_type *type = qom_type_find(name);

	(void)conn;
	if (!type)
		return qmp_error_set(error, QMP_DEVICE_NOT_FOUND,
				     "Class '%.200s' not found", name);
	*ret = type_properties(type);
	return 0;
}

/* Whether a type is another, or comes of it. */
static bool implements(const struct qom_type *type, const char *name)
{
	while (type && strcmp(type->name, name))
		type = type->parent ? qom_type_find(type->parent) : NULL;
	return type;
}

static json_t *type_info(const struct qom_type *type)
{
	json_t *info = json_pack("{s:s, s:s*}", "name", type->name, "parent",
				 type->parent);

	if (type->abstract)
		json_object_set_new(info, "abstract", json_true());
	return info;
}

int qmp_qom_list_types(struct qmp_conn *conn, const json_t *args, json_t **ret,
		       struct qmp_error *error)
{
	const char *name =
		json_string_value(json_object_get(args, "implements"));
	bool abstract = json_is_true(json_object_get(args, "abstract"));

	(void)conn, (void)error;
	*ret = json_array();
	for (size_t i = 0; i < qom_nr_types; i++) {
		const struct qom_type *type = qom_types[i];

		if ((type->abstract && !abstract) ||
		    (name && !implements(type, name)))
			continue;
		json_array_append_new(*ret, type_info(type));
	}
	return 0;
}
