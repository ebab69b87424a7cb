/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A memory device of a machine, as its control socket describes it.
 */
#include "mem_view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static uint64_t get_size(const json_t *data, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(data, key));
}

/* Leaves "" where there is none. */
static void get_string(const json_t *data, const char *key, char *text,
		       size_t size)
{
	const char *value = json_string_value(json_object_get(data, key));

	if (value)
		snprintf(text, size, "%s", value);
}

static int mem_view_parse(const json_t *data, struct mem_view *view)
{
	const char *id = json_string_value(json_object_get(data, "id"));
	const json_t *usable, *ready;

	memset(view, 0, sizeof(*view));
	view->block_size = get_size(data, "block-size");
	if (!id || strlen(id) > MACHINE_NAME_MAX || !view->block_size)
		return -EPROTO;
	strcpy(view->id, id);
	view->addr = get_size(data, "memaddr");
	view->size = get_size(data, "size");
	view->requested_size = get_size(data, "requested-size");
	view->max_size = get_size(data, "max-size");
	view->node = (int)get_size(data, "node");
	/* QEMU does not tell these. */
	usable = json_object_get(data, "x-paramem-usable-size");
	ready = json_object_get(data, "x-paramem-driver-ready");
	view->usable_size =
		usable ? (uint64_t)json_integer_value(usable) : view->max_size;
	view->driver_ready = !json_is_false(ready);
	get_string(data, "x-paramem-backend", view->backend,
		   sizeof(view->backend));
	get_string(data, "x-paramem-guard", view->guard, sizeof(view->guard));
	get_string(data, "x-paramem-guard-lack", view->guard_lack,
		   sizeof(view->guard_lack));
	get_string(data, "x-paramem-standing", view->standing,
		   sizeof(view->standing));
	get_string(data, "x-paramem-last-refusal", view->last_refusal,
		   sizeof(view->last_refusal));
	view->violations = get_size(data, "x-paramem-violations-read") +
			   get_size(data, "x-paramem-violations-write");
	return 0;
}

int mem_view_query(struct qmp_client *client,
		   struct mem_view views[MACHINE_MEM_DEVICES_MAX],
		   struct pm_error *err)
{
	json_t *list, *entry;
	int ret, nr = 0;
	size_t i;

	ret = qmp_client_command(client, "query-memory-devices", NULL, &list,
				 err);
	if (ret < 0)
		return ret;
	json_array_foreach(list, i, entry)
	{
		const char *type =
			json_string_value(json_object_get(entry, "type"));

		if (!type || strcmp(type, "virtio-mem") ||
		    nr == MACHINE_MEM_DEVICES_MAX)
			continue;
		if (!mem_view_parse(json_object_get(entry, "data"), &views[nr]))
			nr++;
	}
	json_decref(list);
	return nr;
}

static void no_such_device(const char *id, const struct mem_view *views, int nr,
			   struct pm_error *err)
{
	char others[256] = "";
	size_t len = 0;
	int i;

	if (!nr) {
		pm_error_set(err, ENODEV,
			     "there is no device '%.80s': the machine was "
			     "started without --mem-device",
			     id);
		return;
	}
	for (i = 0; i < nr && len < sizeof(others) - MACHINE_NAME_MAX - 8; i++)
		len += (size_t)snprintf(others + len, sizeof(others) - len,
					"%s%.64s", i ? ", " : "", views[i].id);
	pm_error_set(err, ENODEV,
		     "there is no device '%.80s': the machine has %s%s", id,
		     others, i < nr ? " and others" : "");
}

const struct mem_view *mem_view_find(const struct mem_view *views, int nr,
				     const char *id, struct pm_error *err)
{
	for (int i = 0; i < nr; i++) {
		if (!strcmp(views[i].id, id))
			return &views[i];
	}
	no_such_device(id, views, nr, err);
	return NULL;
}
