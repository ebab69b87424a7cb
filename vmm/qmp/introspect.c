/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the schema says of itself: query-qmp-schema, query-commands and
 * query-events.
 *
 * As QEMU does, commands and events come first, and then each type that they
 * lead to, once. Names of types are no part of the interface; QEMU has numbers
 * in their place.
 */
#include <stdio.h>

#include "schema.h"

/* The entries so far, and the names of the types that are among them. */
struct walk {
	json_t *entries;
	json_t *seen;
};

#define TYPE_NAME_LEN 80

static void put_type(struct walk *walk, const struct qmp_type *type);

static const char *type_name(const struct qmp_type *type,
			     char buf[TYPE_NAME_LEN])
{
	if (type->meta != QMP_ARRAY)
		return type->name;
	snprintf(buf, TYPE_NAME_LEN, "[%s]", type->element->name);
	return buf;
}

static json_t *name_of(const struct qmp_type *type)
{
	char buf[TYPE_NAME_LEN];

	return json_string(type_name(type, buf));
}

static const char *meta_name(enum qmp_meta meta)
{
	static const char *const names[] = {
		[QMP_BUILTIN] = "builtin", [QMP_ENUM] = "enum",
		[QMP_ARRAY] = "array",     [QMP_OBJECT] = "object",
		[QMP_COMMAND] = "command", [QMP_EVENT] = "event",
	};

	return names[meta];
}

/* ---- what each kind has -------------------------------------------------- */

static void put_enum(json_t *entry, const struct qmp_type *type)
{
	json_t *members = json_array(), *values = json_array();

	for (const char *const *value = type->values; *value; value++) {
		json_array_append_new(members,
				      json_pack("{s:s}", "name", *value));
		json_array_append_new(values, json_string(*value));
	}
	json_object_set_new(entry, "members", members);
	json_object_set_new(entry, "values", values);
}

/* What need not be there has a default, of which nothing is said. */
static json_t *member_object(const struct qmp_member *member)
{
	json_t *object = json_pack("{s:s, s:o}", "name", member->name, "type",
				   name_of(member->type));

	if (member->presence == QMP_OPTIONAL)
		json_object_set_new(object, "default", json_null());
	return object;
}

static void put_object(struct walk *walk, json_t *entry,
		       const struct qmp_type *type)
{
	json_t *members = json_array(), *variants = json_array();
	const struct qmp_variant *v = type->variants;

	for (const struct qmp_member *m = type->members; m->name; m++)
		json_array_append_new(members, member_object(m));
	json_object_set_new(entry, "members", members);
	for (; v && v->value; v++)
		json_array_append_new(variants,
				      json_pack("{s:s, s:o}", "case", v->value,
						"type", name_of(v->type)));
	if (!type->variants) {
		json_decref(variants);
	} else {
		json_object_set_new(entry, "tag", json_string(type->tag));
		json_object_set_new(entry, "variants", variants);
	}
	for (const struct qmp_member *m = type->members; m->name; m++)
		put_type(walk, m->type);
	for (v = type->variants; v && v->value; v++)
		put_type(walk, v->type);
}

static void put_type(struct walk *walk, const struct qmp_type *type)
{
	char buf[TYPE_NAME_LEN];
	const char *name = type_name(type, buf);
	json_t *entry;

	if (json_object_get(walk->seen, name))
		return;
	json_object_set_new(walk->seen, name, json_true());
	entry = json_pack("{s:s, s:s}", "name", name, "meta-type",
			  meta_name(type->meta));
	json_array_append_new(walk->entries, entry);
	switch (type->meta) {
	case QMP_BUILTIN:
		json_object_set_new(entry, "json-type",
				    json_string(type->json));
		break;
	case QMP_ENUM:
		put_enum(entry, type);
		break;
	case QMP_ARRAY:
		json_object_set_new(entry, "element-type",
				    name_of(type->element));
		put_type(walk, type->element);
		break;
	default:
		put_object(walk, entry, type);
	}
}

/* ---- the commands -------------------------------------------------------- */

static void put_entries(struct walk *walk)
{
	const struct qmp_command *c;
	const struct qmp_event *e;

	for (c = qmp_commands; c->name; c++)
		json_array_append_new(
			walk->entries,
			json_pack("{s:s, s:s, s:o, s:o}", "name", c->name,
				  "meta-type", meta_name(QMP_COMMAND),
				  "arg-type", name_of(c->args), "ret-type",
				  name_of(c->returns)));
	for (e = qmp_events; e->name; e++)
		json_array_append_new(walk->entries,
				      json_pack("{s:s, s:s, s:o}", "name",
						e->name, "meta-type",
						meta_name(QMP_EVENT),
						"arg-type", name_of(e->data)));
	for (c = qmp_commands; c->name; c++) {
		put_type(walk, c->args);
		put_type(walk, c->returns);
	}
	for (e = qmp_events; e->name; e++)
		put_type(walk, e->data);
}

int qmp_query_schema(struct qmp_conn *conn, const json_t *args, json_t **ret,
		     struct qmp_error *error)
{
	struct walk walk = { json_array(), json_object() };

	(void)conn, (void)args, (void)error;
	put_entries(&walk);
	json_decref(walk.seen);
	*ret = walk.entries;
	return 0;
}

int qmp_query_commands(struct qmp_conn *conn, const json_t *args, json_t **ret,
		       struct qmp_error *error)
{
	json_t *list = json_array();

	(void)conn, (void)args, (void)error;
	for (const struct qmp_command *c = qmp_commands; c->name; c++)
		json_array_append_new(list,
				      json_pack("{s:s}", "name", c->name));
	*ret = list;
	return 0;
}

int qmp_query_events(struct qmp_conn *conn, const json_t *args, json_t **ret,
		     struct qmp_error *error)
{
	json_t *list = json_array();

	(void)conn, (void)args, (void)error;
	for (const struct qmp_event *e = qmp_events; e->name; e++)
		json_array_append_new(list,
				      json_pack("{s:s}", "name", e->name));
	*ret = list;
	return 0;
}
