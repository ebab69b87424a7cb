/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * paramem resize: asks for a size and stays until the guest is there.
 *
 * The events of the device's size drive it. Since a machine may drop events
 * that nobody reads in time, and since a guest that does nothing sends none,
 * the device is also asked after each second without one.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/size.h"
#include "linux_sizes.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "reason.h"

#define RESIZE_WAIT_SECONDS 60
#define RESIZE_WAIT_MAX     (365 * 86400)
#define RESIZE_ASK_MS       1000
/* How many of them make it time to say why: moving busy memory takes time. */
#define RESIZE_ASKS_QUIET   4

static const char help[] =
	"paramem resize TARGET DEVICE SIZE [--wait SECONDS] [--json]\n"
	"\n"
	"Asks that DEVICE of the machine TARGET have SIZE of memory plugged, "
	"and waits\nuntil the guest is there.\n"
	"\n"
	"  SIZE            as in 512M, 2G, 1.5T; K, M, G, T, P are binary\n"
	"  --wait SECONDS  how long to wait at most; 60 if not given, and 0\n"
	"                  asks for the size without waiting\n"
	"  --json          prints one JSON object, and no progress\n"
	"\n"
	"Exit status: 0 the size was reached, or was not waited for; 1 failure;"
	"\n2 wrong usage; 3 not reached in time.\n";

struct resize {
	const char *target;
	const char *device;
	const char *size_text;
	unsigned int wait_seconds;
	bool json;

	uint64_t size;
	uint64_t before;
	int64_t began_ms;
	int64_t deadline_ms;
	/* As last heard. */
	struct machine_view machine;
	struct mem_view view;
	struct progress progress;
	unsigned int asks; /* since the last event */
};

static bool resize_reached(const struct resize *r)
{
	return r->view.size == r->size && r->view.requested_size == r->size;
}

/* Why the size is not reached. */
static struct reason resize_reason(const struct resize *r)
{
	struct reason reason = reason_of(&r->machine, &r->view);

	if (r->view.requested_size != r->size)
		snprintf(reason.text, sizeof(reason.text),
			 "somebody else asked for %s meanwhile",
			 size_format(r->view.requested_size).text);
	return reason;
}

static int not_a_multiple(const struct resize *r, struct pm_error *err)
{
	uint64_t block = r->view.block_size;
	uint64_t down = r->size - r->size % block;
	struct size_text up = size_format(down + block);

	if (down + block > r->view.max_size)
		up = size_format(r->view.max_size);
	return pm_error_set(err, EINVAL,
			    "%s: %s is not a multiple of its block size of "
			    "%s: use %s or %s",
			    r->device, size_format(r->size).text,
			    size_format(block).text, size_format(down).text,
			    up.text);
}

static int resize_check(const struct resize *r, struct pm_error *err)
{
	if (r->size > r->view.max_size)
		return pm_error_set(err, EINVAL,
				    "%s: %s is more than its maximum: use %s "
				    "or less",
				    r->device, size_format(r->size).text,
				    size_format(r->view.max_size).text);
	if (r->size % r->view.block_size)
		return not_a_multiple(r, err);
	return 0;
}

/* Other guests may do better, so that it is asked for all the same. */
static void resize_note(const struct resize *r)
{
	struct linux_sizes sizes =
		linux_sizes(r->size, r->view.max_size, r->view.block_size);
	struct pm_error sentence;

	if (r->json || linux_sizes_reached(&sizes))
		return;
	linux_sizes_explain(&sizes, &sentence);
	cli_note("%s: %s", r->device, sentence.text);
}

static int resize_request(struct resize *r, struct qmp_client *client,
			  struct pm_error *err)
{
	json_t *args =
		json_pack("{s:s+, s:s, s:I}", "path", "/machine/peripheral/",
			  r->device, "property", "requested-size", "value",
			  (json_int_t)r->size);

	return qmp_client_command(client, "qom-set", args, NULL, err);
}

static int resize_ask(struct resize *r, struct qmp_client *client,
		      struct pm_error *err)
{
	const struct mem_view *view;
	int ret = machine_view_query(client, &r->machine, err);

	if (ret < 0)
		return ret;
	view = mem_view_find(r->machine.devices, r->machine.nr_devices,
			     r->device, err);
	if (!view)
		return -ENODEV;
	r->view = *view;
	return 0;
}

/* Takes the size out of an event that is about our device. */
static bool resize_hear(struct resize *r, const json_t *event)
{
	const char *name = NULL, *id = NULL;
	json_int_t size;

	if (json_unpack((json_t *)event, "{s:s, s:{s:s, s:I}}", "event", &name,
			"data", "id", &id, "size", &size) < 0 ||
	    strcmp(name, "MEMORY_DEVICE_SIZE_CHANGE") || strcmp(id, r->device))
		return false;
	r->view.size = (uint64_t)size;
	return true;
}

static int resize_step(struct resize *r, struct qmp_client *client,
		       struct pm_error *err)
{
	int64_t until = qmp_client_now() + RESIZE_ASK_MS;
	json_t *event;
	bool heard;
	int ret;

	if (until > r->deadline_ms)
		until = r->deadline_ms;
	ret = qmp_client_event(client, until, &event, err);
	if (ret == -ETIMEDOUT) {
		ret = resize_ask(r, client, err);
		r->asks++;
		if (!ret && !r->json && !resize_reached(r) &&
		    r->asks >= RESIZE_ASKS_QUIET)
			progress_show(&r->progress, r->view.size,
				      resize_reason(r).text);
		return ret;
	}
	if (ret < 0)
		return ret;
	heard = resize_hear(r, event);
	json_decref(event);
	if (heard)
		r->asks = 0;
	if (heard && !r->json)
		progress_show(&r->progress, r->view.size, NULL);
	/* An event may be older than what was asked for; make sure. */
	if (heard && r->view.size == r->size)
		return resize_ask(r, client, err);
	return 0;
}

static int resize_wait(struct resize *r, struct qmp_client *client,
		       struct pm_error *err)
{
	int ret = 0;

	if (!r->json)
		progress_show(&r->progress, r->view.size, NULL);
	while (!ret && !resize_reached(r) && qmp_client_now() < r->deadline_ms)
		ret = resize_step(r, client, err);
	progress_finish(&r->progress);
	return ret ? ret : resize_ask(r, client, err);
}

static int resize_print_json(const struct resize *r, double seconds)
{
	struct reason why = resize_reason(r);
	const char *reason = resize_reached(r) ? NULL : why.text;
	json_t *object;

	if (reason && !r->wait_seconds)
		reason = "not waited for";
	object = json_pack("{s:s, s:I, s:I, s:I, s:b, s:f, s:s*}", "device",
			   r->device, "requested-size", (json_int_t)r->size,
			   "size", (json_int_t)r->view.size, "previous-size",
			   (json_int_t)r->before, "reached", resize_reached(r),
			   "seconds", seconds, "reason", reason);
	return output_json(object, JSON_REAL_PRECISION(6));
}

static void resize_print(const struct resize *r, double seconds)
{
	struct size_text now = size_format(r->view.size);
	struct size_text before = size_format(r->before);

	if (resize_reached(r) && r->before == r->size)
		printf("%s: %s plugged, as requested (no change)\n", r->device,
		       now.text);
	else if (resize_reached(r))
		printf("%s: %s plugged, as requested (was %s; %.1f s)\n",
		       r->device, now.text, before.text, seconds);
	else if (!r->wait_seconds)
		printf("%s: %s requested, %s plugged now\n", r->device,
		       size_format(r->size).text, now.text);
	else
		printf("%s: %s plugged, not the %s requested (was %s), after "
		       "%u s: %s\n",
		       r->device, now.text, size_format(r->size).text,
		       before.text, r->wait_seconds, resize_reason(r).text);
}

static int resize_report(const struct resize *r)
{
	double seconds = (double)(qmp_client_now() - r->began_ms) / 1000;

	int status = EXIT_OK;

	if (r->json)
		status = resize_print_json(r, seconds);
	else
		resize_print(r, seconds);
	if (status == EXIT_OK && !resize_reached(r) && r->wait_seconds)
		status = EXIT_NOT_REACHED;
	return status;
}

static int resize_with(struct resize *r, struct qmp_client *client,
		       struct pm_error *err)
{
	int ret;

	ret = resize_ask(r, client, err);
	if (ret < 0)
		return ret;
	ret = resize_check(r, err);
	if (ret < 0)
		return ret;
	resize_note(r);
	r->before = r->view.size;
	r->began_ms = qmp_client_now();
	r->deadline_ms = r->began_ms + (int64_t)r->wait_seconds * 1000;
	progress_init(&r->progress, r->device, r->before, r->size, r->began_ms);
	ret = resize_request(r, client, err);
	if (ret < 0)
		return ret;
	r->view.requested_size = r->size;
	return resize_wait(r, client, err);
}

static int parse_wait(void *opaque, char *text, struct pm_error *err)
{
	struct resize *r = opaque;
	unsigned long value;

	if (!cli_parse_number(text, RESIZE_WAIT_MAX + 1, &value))
		return pm_error_set(err, EINVAL,
				    "--wait cannot be '%.80s': use a whole "
				    "number of seconds, a year at most",
				    text);
	r->wait_seconds = (unsigned int)value;
	return 0;
}

/* OPTIONS_GO_ON or an exit status. */
static int resize_parse(struct resize *r, int argc, char **argv)
{
	const struct cli_option options[] = {
		{ "wait", .set = parse_wait },
		{ "json", .flag = &r->json },
		{ 0 },
	};
	int status = cli_options(argc, argv, options, help, r);

	if (status != OPTIONS_GO_ON)
		return status;
	if (argc - optind != 3)
		return cli_usage_error("resize",
				       "resize takes a target, a device and a "
				       "size");
	r->target = argv[optind];
	r->device = argv[optind + 1];
	r->size_text = argv[optind + 2];
	return OPTIONS_GO_ON;
}

int cli_resize(int argc, char **argv)
{
	struct resize r = { .wait_seconds = RESIZE_WAIT_SECONDS };
	struct qmp_client *client;
	struct pm_error err;
	int ret = resize_parse(&r, argc, argv);

	if (ret != OPTIONS_GO_ON)
		return ret;
	if (cli_parse_size("a size", r.size_text, &r.size, &err) < 0)
		return cli_bad_value(&err);
	if (qmp_client_open(r.target, &client, &err) < 0)
		return cli_fail(&err);
	ret = resize_with(&r, client, &err);
	qmp_client_close(client);
	return ret < 0 ? cli_fail(&err) : resize_report(&r);
}
