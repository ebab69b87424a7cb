/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * paramem info: one machine and its memory, for a person or as JSON.
 */
#include "cli.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bar.h"
#include "host/size.h"
#include "machine_view.h"
#include "options.h"
#include "output.h"
#include "reason.h"

#define INFO_BAR_WIDTH 48

static const char help[] =
	"paramem info TARGET [--json]\n"
	"\n"
	"Shows the machine TARGET, its boot memory, and of each memory device "
	"how much\nis plugged, requested, usable, and the maximum.\n";

static void print_guard(const struct mem_view *dev)
{
	const char *what = "unplugged memory is not guarded";
	const char *lack = dev->guard_lack;

	if (!strcmp(dev->guard, "writes"))
		what = "unplugged memory is guarded against writes";
	else if (!strcmp(dev->guard, "accesses"))
		what = "unplugged memory is guarded";
	printf("  %s, %" PRIu64 " violation%s%s%s\n", what, dev->violations,
	       dev->violations == 1 ? "" : "s", *lack ? ": " : "", lack);
}

static void print_device(const struct machine_view *view,
			 const struct mem_view *dev)
{
	struct reason reason = reason_of(view, dev);
	struct bar bar =
		bar_draw_device(INFO_BAR_WIDTH, dev->size, dev->requested_size,
				dev->usable_size, dev->max_size, bar_utf8());

	printf("\n%s\n  %s\n", dev->id, bar.text);
	printf("  %s plugged, %s requested, %s usable, %s at most\n",
	       size_format(dev->size).text,
	       size_format(dev->requested_size).text,
	       size_format(dev->usable_size).text,
	       size_format(dev->max_size).text);
	printf("  %s%sblocks of %s at 0x%" PRIx64 ", node %d, driver %s\n",
	       dev->backend, *dev->backend ? ", " : "",
	       size_format(dev->block_size).text, dev->addr, dev->node,
	       dev->driver_ready ? "ready" : "not ready");
	if (*dev->guard)
		print_guard(dev);
	if (*reason.text)
		printf("  not as requested: %s\n", reason.text);
}

static void print_machine(const struct machine_view *view)
{
	int i;

	printf("%s: %s%s%s\n", *view->name ? view->name : "(no name)",
	       view->status, *view->pause_reason ? ", " : "",
	       view->pause_reason);
	printf("%s now: %s at boot, %s plugged\n",
	       size_format(view->boot_memory + view->plugged_memory).text,
	       size_format(view->boot_memory).text,
	       size_format(view->plugged_memory).text);
	for (i = 0; i < view->nr_devices; i++)
		print_device(view, &view->devices[i]);
}

static json_t *device_json(const struct machine_view *view,
			   const struct mem_view *dev)
{
	struct reason reason = reason_of(view, dev);
	const char *refusal = *dev->last_refusal ? dev->last_refusal : NULL;
	const char *backend = *dev->backend ? dev->backend : NULL;
	const char *guard = *dev->guard ? dev->guard : NULL;

	return json_pack("{s:s, s:s*, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:b,"
			 " s:s*, s:s*, s:I, s:s*, s:s*}",
			 "id", dev->id, "backend", backend, "size",
			 (json_int_t)dev->size, "requested-size",
			 (json_int_t)dev->requested_size, "usable-size",
			 (json_int_t)dev->usable_size, "max-size",
			 (json_int_t)dev->max_size, "block-size",
			 (json_int_t)dev->block_size, "memaddr",
			 (json_int_t)dev->addr, "node", dev->node,
			 "driver-ready", dev->driver_ready, "last-refusal",
			 refusal, "guard", guard, "violations",
			 (json_int_t)dev->violations, "standing",
			 *dev->standing ? dev->standing : NULL, "reason",
			 *reason.text ? reason.text : NULL);
}

static json_t *machine_json(const struct machine_view *view)
{
	json_t *devices = json_array();
	int i;

	for (i = 0; i < view->nr_devices; i++)
		json_array_append_new(devices,
				      device_json(view, &view->devices[i]));
	return json_pack("{s:s*, s:s, s:s*, s:I, s:I, s:o}", "name",
			 *view->name ? view->name : NULL, "status",
			 view->status, "pause-reason",
			 *view->pause_reason ? view->pause_reason : NULL,
			 "base-memory", (json_int_t)view->boot_memory,
			 "plugged-memory", (json_int_t)view->plugged_memory,
			 "devices", devices);
}

static int info_show(const char *target, bool json)
{
	struct machine_view view;
	struct qmp_client *client;
	struct pm_error err;
	int ret;

	if (qmp_client_open(target, &client, &err) < 0)
		return cli_fail(&err);
	ret = machine_view_query(client, &view, &err);
	qmp_client_close(client);
	if (ret < 0)
		return cli_fail(&err);
	if (json)
		return output_json(machine_json(&view), JSON_INDENT(2));
	print_machine(&view);
	return EXIT_OK;
}

int cli_info(int argc, char **argv)
{
	bool json = false;
	const struct cli_option options[] = {
		{ "json", .flag = &json },
		{ 0 },
	};
	int status = cli_options(argc, argv, options, help, NULL);

	if (status != OPTIONS_GO_ON)
		return status;
	if (argc - optind != 1)
		return cli_usage_error("info", "info takes one target");
	return info_show(argv[optind], json);
}
