/* SPDX-License-Identifier: BSD-3-Clause */
/* What a memory device is told and asked over QMP. */
#include "mem_qmp.h"

#include <string.h>

#include "fatal.h"

static json_t *property_args(const struct mem *mem, const char *name)
{
	return json_pack("{s:s+, s:s}", "path", "/machine/peripheral/", mem->id,
			 "property", name);
}

int mem_set_requested(struct mem *mem, uint64_t size, struct qmp_error *error)
{
	json_t *args = property_args(mem, "requested-size"), *ret;

	qtest_sync(mem->qtest);
	json_object_set_new(args, "value", json_integer((json_int_t)size));
	ret = qmp_execute(&mem->peer->qmp, "qom-set", args, error);
	json_decref(ret);
	return ret ? 0 : -1;
}

uint64_t mem_property(struct mem *mem, const char *name)
{
	json_t *ret;
	uint64_t value;

	qtest_sync(mem->qtest);
	ret = qmp_execute(&mem->peer->qmp, "qom-get", property_args(mem, name),
			  NULL);
	if (!json_is_integer(ret))
		fatal("QMP: %s of %s is no number", name, mem->id);
	value = (uint64_t)json_integer_value(ret);
	json_decref(ret);
	return value;
}

json_t *mem_query(struct mem *mem)
{
	json_t *list, *entry, *found = NULL;
	size_t i;

	qtest_sync(mem->qtest);
	list = qmp_execute(&mem->peer->qmp, "query-memory-devices", NULL, NULL);
	json_array_foreach(list, i, entry)
	{
		json_t *data = json_object_get(entry, "data");
		const char *id = json_string_value(json_object_get(data, "id"));

		if (id && !strcmp(id, mem->id))
			found = json_incref(data);
	}
	json_decref(list);
	if (!found)
		fatal("QMP: there is no device %s", mem->id);
	return found;
}
