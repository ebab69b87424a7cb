/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * paramem dump: writes the guest's memory and CPUs to a file.
 *
 * The machine does the work; this asks now and then how far it is, and once
 * more when the machine says that it is over. An interrupt cancels, and so does
 * the machine when this program is gone.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/size.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "qmp_client.h"

#define DUMP_ASK_MS 200

static const char help[] =
	"paramem dump TARGET FILE [--compress] [--json]\n"
	"\n"
	"Writes the memory and the CPUs of the machine TARGET to FILE, an ELF "
	"core for\ncrash, makedumpfile and gdb. The guest stands still "
	"meanwhile, and goes on after\nit if it ran.\n"
	"\n"
	"  --compress  compresses it; 'zstd -d' restores the ELF core\n"
	"  --json      prints one JSON object, and no progress\n";

struct dump {
	const char *target;
	const char *file;
	bool compress;
	bool json;

	char path[PATH_MAX];
	int64_t began_ms;
	struct progress progress;
	bool cancelled;
	/* As last heard. */
	bool active;
	bool completed;
	uint64_t done, total, stored;
	bool vmcoreinfo;
	char why[PM_ERROR_MAX]; /* of a failure */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signo)
{
	(void)signo;
	interrupted = 1;
}

static void catch_interrupts(void)
{
	struct sigaction sa = { .sa_handler = on_interrupt };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

/* The machine may be in another directory. */
static int dump_path(struct dump *d, struct pm_error *err)
{
	char cwd[PATH_MAX] = "";
	bool relative;
	int n;

	if (!d->file || !*d->file)
		return pm_error_set(err, EINVAL,
				    "the name of the file is "
				    "empty");
	relative = *d->file != '/';
	if (relative && !getcwd(cwd, sizeof(cwd)))
		return pm_error_set(err, errno,
				    "the current directory is unknown (%s)",
				    strerror(errno));
	n = snprintf(d->path, sizeof(d->path), "%s%s%s", cwd,
		     relative ? "/" : "", d->file);
	if (n < 0 || (size_t)n >= sizeof(d->path))
		return pm_error_set(err, ENAMETOOLONG,
				    "the path of the file is too long");
	if (access(d->path, F_OK) == 0)
		return pm_error_set(err, EEXIST,
				    "'%.300s' is there already: remove it, or "
				    "name another file",
				    d->file);
	return 0;
}

static int dump_command(struct dump *d, struct qmp_client *client,
			bool attached, struct pm_error *err)
{
	json_t *args = json_pack("{s:b, s:s+, s:b}", "paging", 0, "protocol",
				 "file:", d->path, "detach", 1);

	if (!args)
		return pm_error_set(err, EINVAL,
				    "the path of the file is not in UTF-8");
	if (attached)
		json_object_set_new(args, "x-paramem-attached", json_true());
	/* Not said unless it is needed: QEMU would not understand it. */
	if (d->compress)
		json_object_set_new(args, "x-paramem-compress", json_true());
	return qmp_client_command(client, "dump-guest-memory", args, NULL, err);
}

/* Attached, unless the machine does not know that, as QEMU does not. */
static int dump_request(struct dump *d, struct qmp_client *client,
			struct pm_error *err)
{
	int ret = dump_command(d, client, true, err);

	if (ret < 0 && strstr(err->text, "x-paramem-attached"))
		ret = dump_command(d, client, false, err);
	return ret;
}

static int dump_ask(struct dump *d, struct qmp_client *client,
		    struct pm_error *err)
{
	const char *status = "", *why = NULL;
	json_int_t done = 0, total = 0, stored = 0;
	int vmcoreinfo = 0;
	json_t *result;
	int ret = qmp_client_command(client, "query-dump", NULL, &result, err);

	if (ret < 0)
		return ret;
	json_unpack(result, "{s:s, s:I, s:I, s?I, s?b, s?s}", "status", &status,
		    "completed", &done, "total", &total, "x-paramem-stored",
		    &stored, "x-paramem-vmcoreinfo", &vmcoreinfo,
		    "x-paramem-error", &why);
	d->active = !strcmp(status, "active");
	d->completed = !strcmp(status, "completed");
	d->done = (uint64_t)done;
	d->total = (uint64_t)total;
	d->stored = (uint64_t)stored;
	d->vmcoreinfo = vmcoreinfo;
	if (why)
		snprintf(d->why, sizeof(d->why), "%s", why);
	json_decref(result);
	return 0;
}

/* The event that ends it says why it failed, and it does so with QEMU too. */
static void dump_hear(struct dump *d, const json_t *event)
{
	const char *name = NULL, *why = NULL;

	json_unpack((json_t *)event, "{s:s, s?{s?s}}", "event", &name, "data",
		    "error", &why);
	if (!name || strcmp(name, "DUMP_COMPLETED"))
		return;
	d->active = false;
	if (why)
		snprintf(d->why, sizeof(d->why), "%s", why);
}

static int dump_step(struct dump *d, struct qmp_client *client,
		     struct pm_error *err)
{
	json_t *event;
	int ret = qmp_client_event(client, qmp_client_now() + DUMP_ASK_MS,
				   &event, err);

	if (interrupted && !d->cancelled) {
		d->cancelled = true;
		qmp_client_command(client, "x-paramem-dump-cancel", NULL, NULL,
				   NULL);
	}
	if (ret == -ETIMEDOUT) {
		ret = dump_ask(d, client, err);
	} else if (!ret) {
		dump_hear(d, event);
		json_decref(event);
	}
	if (!ret && d->active && d->total && !d->json) {
		d->progress.target = d->total;
		/* In whole MiB, which read better. */
		progress_show(&d->progress, d->done >> 20 << 20, NULL);
	}
	return ret;
}

static int dump_with(struct dump *d, struct qmp_client *client,
		     struct pm_error *err)
{
	int ret = dump_path(d, err);

	if (ret < 0)
		return ret;
	d->began_ms = qmp_client_now();
	progress_init(&d->progress, "dump", 0, 0, d->began_ms);
	catch_interrupts();
	ret = dump_request(d, client, err);
	d->active = true;
	while (!ret && d->active)
		ret = dump_step(d, client, err);
	progress_finish(&d->progress);
	if (!ret)
		ret = dump_ask(d, client, err);
	if (!ret && !d->completed)
		ret = pm_error_set(err, EIO, "%s",
				   *d->why ? d->why : "the dump failed");
	return ret;
}

static int dump_print_json(const struct dump *d, double seconds)
{
	json_t *object =
		json_pack("{s:s, s:I, s:I, s:b, s:b, s:f}", "file", d->path,
			  "memory", (json_int_t)d->total, "stored",
			  (json_int_t)d->stored, "compressed", d->compress,
			  "vmcoreinfo", d->vmcoreinfo, "seconds", seconds);

	return output_json(object, JSON_REAL_PRECISION(6));
}

static int dump_report(const struct dump *d)
{
	double seconds = (double)(qmp_client_now() - d->began_ms) / 1000;

	if (d->json)
		return dump_print_json(d, seconds);
	printf("%s: %s of memory, of which %s had to be stored (%.1f s)\n",
	       d->file, size_format(d->total).text,
	       size_format_rounded(d->stored).text, seconds);
	if (!d->vmcoreinfo)
		puts("The guest's kernel tells nothing of itself there: to "
		     "read it takes its debug symbols.");
	return EXIT_OK;
}

/* OPTIONS_GO_ON or an exit status. */
static int dump_parse(struct dump *d, int argc, char **argv)
{
	const struct cli_option options[] = {
		{ "compress", .flag = &d->compress },
		{ "json", .flag = &d->json },
		{ 0 },
	};
	int status = cli_options(argc, argv, options, help, NULL);

	if (status != OPTIONS_GO_ON)
		return status;
	if (argc - optind != 2)
		return cli_usage_error("dump",
				       "dump takes a target and a file");
	d->target = argv[optind];
	d->file = argv[optind + 1];
	return OPTIONS_GO_ON;
}

int cli_dump(int argc, char **argv)
{
	struct dump d = { 0 };
	struct qmp_client *client;
	struct pm_error err;
	int ret = dump_parse(&d, argc, argv);

	if (ret != OPTIONS_GO_ON)
		return ret;
	if (qmp_client_open(d.target, &client, &err) < 0)
		return cli_fail(&err);
	ret = dump_with(&d, client, &err);
	qmp_client_close(client);
	return ret < 0 ? cli_fail(&err) : dump_report(&d);
}
