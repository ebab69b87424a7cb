/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine, as its control socket describes it.
 */
#include "machine_view.h"

#include <stdio.h>

static void get_string(const json_t *object, const char *key, char *text,
		       size_t size)
{
	const char *value = json_string_value(json_object_get(object, key));

	snprintf(text, size, "%s", value ? value : "");
}

static int query_name(struct qmp_client *client, struct machine_view *view,
		      struct pm_error *err)
{
	json_t *object;
	int ret = qmp_client_command(client, "query-name", NULL, &object, err);

	if (ret < 0)
		return ret;
	get_string(object, "name", view->name, sizeof(view->name));
	json_decref(object);
	return 0;
}

static int query_status(struct qmp_client *client, struct machine_view *view,
			struct pm_error *err)
{
	json_t *object;
	int ret =
		qmp_client_command(client, "query-status", NULL, &object, err);

	if (ret < 0)
		return ret;
	get_string(object, "status", view->status, sizeof(view->status));
	get_string(object, "x-paramem-reason", view->pause_reason,
		   sizeof(view->pause_reason));
	json_decref(object);
	return 0;
}

static int query_memory(struct qmp_client *client, struct machine_view *view,
			struct pm_error *err)
{
	json_int_t boot = 0, plugged = 0;
	json_t *object;
	int ret;

	ret = qmp_client_command(client, "query-memory-size-summary", NULL,
				 &object, err);
	if (ret < 0)
		return ret;
	json_unpack(object, "{s:I, s?I}", "base-memory", &boot,
		    "plugged-memory", &plugged);
	json_decref(object);
	view->boot_memory = (uint64_t)boot;
	view->plugged_memory = (uint64_t)plugged;
	return 0;
}

int machine_view_query(struct qmp_client *client, struct machine_view *view,
		       struct pm_error *err)
{
	int ret;

	ret = query_name(client, view, err);
	if (ret < 0)
		return ret;
	ret = query_status(client, view, err);
	if (ret < 0)
		return ret;
	ret = query_memory(client, view, err);
	if (ret < 0)
		return ret;
	ret = mem_view_query(client, view->devices, err);
	if (ret < 0)
		return ret;
	view->nr_devices = ret;
	return 0;
}
