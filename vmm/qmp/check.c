/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a value is of a type of the schema. What is wrong is said in QEMU's
 * words, and of a member in a member as "outer.inner" or "list[3]".
 */
#include <stdio.h>
#include <string.h>

#include "json_text.h"
#include "schema.h"

#define PATH_LEN 160

static int check_at(const struct qmp_type *type, const json_t *value,
		    const char *path, struct qmp_error *error);

static const char *expected(const struct qmp_type *type)
{
	switch (type->meta) {
	case QMP_ARRAY:
		return "array";
	case QMP_OBJECT:
		return "object";
	case QMP_BUILTIN:
		if (!strcmp(type->json, "int"))
			return "integer";
		return type->json;
	default:
		return "string";
	}
}

static bool kind_matches(const struct qmp_type *type, const json_t *value)
{
	switch (type->meta) {
	case QMP_ARRAY:
		return json_is_array(value);
	case QMP_OBJECT:
		return json_is_object(value);
	case QMP_BUILTIN:
		if (!strcmp(type->json, "value"))
			return true;
		if (!strcmp(type->json, "int"))
			return json_is_integer(value);
		if (!strcmp(type->json, "boolean"))
			return json_is_boolean(value);
		return json_text_is_string(value);
	default:
		return json_text_is_string(value);
	}
}

static int check_enum(const struct qmp_type *type, const json_t *value,
		      const char *path, struct qmp_error *error)
{
	const char *text = json_string_value(value);

	for (const char *const *known = type->values; *known; known++) {
		if (!strcmp(*known, text))
			return 0;
	}
	return qmp_error_set(error, QMP_GENERIC_ERROR,
			     "Parameter '%s' does not accept value '%.80s'",
			     path, text);
}

static int check_array(const struct qmp_type *type, const json_t *value,
		       const char *path, struct qmp_error *error)
{
	char inner[PATH_LEN];
	int ret = 0;

	for (size_t i = 0; i < json_array_size(value) && !ret; i++) {
		snprintf(inner, sizeof(inner), "%s[%zu]", path, i);
		ret = check_at(type->element, json_array_get(value, i), inner,
			       error);
	}
	return ret;
}

/* ---- objects ------------------------------------------------------------- */

static void join(char out[PATH_LEN], const char *path, const char *name)
{
	snprintf(out, PATH_LEN, "%s%s%.80s", path, *path ? "." : "", name);
}

/* The variant that a tag, which is checked already, selects; or NULL. */
static const struct qmp_type *variant(const struct qmp_type *type,
				      const json_t *value)
{
	const char *tag;

	if (!type->variants)
		return NULL;
	tag = json_string_value(json_object_get(value, type->tag));
	for (const struct qmp_variant *v = type->variants; v->value; v++) {
		if (!strcmp(v->value, tag))
			return v->type;
	}
	return NULL;
}

static int check_members(const struct qmp_member *members, const json_t *value,
			 const char *path, struct qmp_error *error)
{
	char inner[PATH_LEN];
	int ret = 0;

	for (; members->name && !ret; members++) {
		const json_t *member = json_object_get(value, members->name);

		join(inner, path, members->name);
		if (member)
			ret = check_at(members->type, member, inner, error);
		else if (members->presence == QMP_REQUIRED)
			ret = qmp_error_set(error, QMP_GENERIC_ERROR,
					    "Parameter '%s' is missing", inner);
	}
	return ret;
}

static bool has_member(const struct qmp_type *type, const char *name)
{
	const struct qmp_member *member = type ? type->members : NULL;

	for (; member && member->name; member++) {
		if (!strcmp(member->name, name))
			return true;
	}
	return false;
}

static int check_object(const struct qmp_type *type, const json_t *value,
			const char *path, struct qmp_error *error)
{
	const struct qmp_type *more;
	char inner[PATH_LEN];
	const char *key;
	json_t *member;

	if (check_members(type->members, value, path, error) < 0)
		return -1;
	more = variant(type, value);
	if (more && check_members(more->members, value, path, error) < 0)
		return -1;
	json_object_foreach((json_t *)value, key, member)
	{
		if (has_member(type, key) || has_member(more, key))
			continue;
		join(inner, path, key);
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "Parameter '%s' is unexpected", inner);
	}
	return 0;
}

/* ---- all ----------------------------------------------------------------- */

static int check_at(const struct qmp_type *type, const json_t *value,
		    const char *path, struct qmp_error *error)
{
	if (value && !kind_matches(type, value))
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "Invalid parameter type for '%s', "
				     "expected: %s",
				     path, expected(type));
	switch (type->meta) {
	case QMP_ENUM:
		return check_enum(type, value, path, error);
	case QMP_ARRAY:
		return check_array(type, value, path, error);
	case QMP_OBJECT:
		return check_object(type, value, path, error);
	default:
		return 0;
	}
}

int qmp_check(const struct qmp_type *type, const json_t *value,
	      struct qmp_error *error)
{
	return check_at(type, value, "", error);
}
