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
	get_string(data, "x-paramem-standing", view->standing,
		   sizeof(view->standing));
	get_string(data, "x-paramem-last-refusal", view->last_refusal,
		   sizeof(view->last_refusal));
	view->violations = get_size(data, "x-paramem-violations-read") +
			   get_size(data, "x-paramem-violations-write");
	return 0;
}

const char *mem_view_reason(const struct mem_view *view)
{
	if (view->size == view->requested_size)
		return NULL;
	if (!view->driver_ready)
		return "the guest has no virtio-mem driver running";
	if (*view->last_refusal)
		return view->last_refusal;
	if (!strcmp(view->standing, "unnoticed"))
		return "the guest's driver has not looked at the requested "
		       "size: it may hang";
	if (!strcmp(view->standing, "under-way"))
		return "the guest is still at it";
	if (view->size > view->requested_size)
		return "the guest has not given it back: that memory may be "
		       "in use";
	return "the guest has not taken it: it may be low on memory";
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

static int no_such_device(const char *id, const struct mem_view *views, int nr,
			  struct pm_error *err)
{
	char others[256] = "";
	size_t len = 0;
	int i;

	if (!nr)
		return pm_error_set(err, ENODEV,
				    "there is no device '%.80s': the machine "
				    "was started without --mem-device",
				    id);
	for (i = 0; i < nr && len < sizeof(others) - MACHINE_NAME_MAX - 8; i++)
		len += (size_t)snprintf(others + len, sizeof(others) - len,
					"%s%.64s", i ? ", " : "", views[i].id);
	return pm_error_set(err, ENODEV,
			    "there is no device '%.80s': the machine has %s%s",
			    id, others, i < nr ? " and others" : "");
}

int mem_view_find(struct qmp_client *client, const char *id,
		  struct mem_view *view, struct pm_error *err)
{
	struct mem_view views[MACHINE_MEM_DEVICES_MAX];
	int i, nr = mem_view_query(client, views, err);

	for (i = 0; i < nr; i++) {
		if (!strcmp(views[i].id, id)) {
			*view = views[i];
			return 0;
		}
	}
	return nr < 0 ? nr : no_such_device(id, views, nr, err);
}
