/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands about dumps of the guest.
 *
 * A client that does not detach has its answer when the dump is over; its
 * connection holds the request until then.
 *
 * The guest stands still for a dump, so nobody should forget one: it ends with
 * the connection of the client that began it, unless that has detached. One
 * that wants its answer at once all the same, to ask how far it is, detaches
 * with x-paramem-attached.
 */
#include <string.h>

#include "commands.h"
#include "dispatch.h"
#include "dump/dump.h"
#include "host/log.h"
#include "server.h"

static const char *status_name(enum dump_status status)
{
	static const char *const names[] = {
		[DUMP_NONE] = "none",
		[DUMP_ACTIVE] = "active",
		[DUMP_COMPLETED] = "completed",
		[DUMP_FAILED] = "failed",
	};

	return names[status];
}

/* The sentence may quote a path, hence through a qmp_error. */
static void dump_error(const struct dump_info *info, struct qmp_error *error)
{
	*error = (struct qmp_error){ 0 };
	if (info->status == DUMP_FAILED)
		qmp_error_set(error, QMP_GENERIC_ERROR, "%s", info->why.text);
}

static json_t *dump_result(const struct dump_info *info)
{
	struct qmp_error error;
	json_t *found = NULL;

	dump_error(info, &error);
	if (info->status == DUMP_COMPLETED)
		found = json_boolean(info->vmcoreinfo);
	return json_pack("{s:s, s:I, s:I, s:I, s:o*, s:s*}", "status",
			 status_name(info->status), "completed",
			 (json_int_t)info->completed, "total",
			 (json_int_t)info->total, "x-paramem-stored",
			 (json_int_t)info->stored, "x-paramem-vmcoreinfo",
			 found, "x-paramem-error",
			 error.class ? error.desc.text : NULL);
}

/* ---- events and answers -------------------------------------------------- */

void qmp_dump_done(void *opaque, const struct dump_info *info)
{
	struct qmp_error error;

	dump_error(info, &error);
	qmp_event_send(opaque, "DUMP_COMPLETED",
		       json_pack("{s:o, s:s*}", "result", dump_result(info),
				 "error",
				 error.class ? error.desc.text : NULL));
}

void qmp_dump_settled(void *opaque, const struct dump_info *info)
{
	const struct qmp *qmp = opaque;
	struct qmp_error error;

	dump_error(info, &error);
	for (struct qmp_conn *conn = qmp->conns; conn; conn = conn->next) {
		conn->dumps = false;
		if (conn->later)
			qmp_dispatch_answer(conn,
					    error.class ? NULL : json_object(),
					    &error);
	}
}

void qmp_dump_abandon(struct qmp_conn *conn)
{
	log_warning("the dump is cancelled: the client that began it, process "
		    "%d, has hung up; with 'detach' it would go on",
		    (int)conn->pid);
	machine_dump_cancel(conn->qmp->machine);
}

/* ---- commands ------------------------------------------------------------ */

int qmp_check_no_dump(struct qmp_conn *conn, struct qmp_error *error)
{
	struct dump_info info;

	machine_dump_info(conn->qmp->machine, &info);
	if (info.status != DUMP_ACTIVE)
		return 0;
	return qmp_error_set(error, QMP_GENERIC_ERROR,
			     "There is a dump in process, please wait.");
}

/* QEMU has formats that this has not, and ranges. */
static int check_format(const json_t *args, struct qmp_error *error)
{
	const char *format = json_string_value(json_object_get(args, "format"));

	if (!format || !strcmp(format, "elf"))
		return 0;
	return qmp_error_set(error, QMP_GENERIC_ERROR,
			     "%s is not available now", format);
}

static int check_supported(const json_t *args, struct qmp_error *error)
{
	if (json_is_true(json_object_get(args, "paging")))
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "Parameter 'paging' cannot be true: "
				     "virtual addresses are not translated");
	if (!json_object_get(args, "begin") != !json_object_get(args, "length"))
		return qmp_error_set(
			error, QMP_GENERIC_ERROR, "Parameter '%s' is missing",
			json_object_get(args, "begin") ? "length" : "begin");
	if (json_object_get(args, "begin"))
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "Parameters 'begin' and 'length' are not "
				     "supported: all memory is dumped");
	return check_format(args, error);
}

static bool begins_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/*
 * To "file:PATH"; to "file:/dev/fdset/N", a descriptor of a set; or to
 * "fd:NAME", a descriptor that this client has passed.
 */
static int parse_protocol(struct qmp_conn *conn, const json_t *args,
			  struct dump_target *target, struct qmp_error *error)
{
	const char *to = json_string_value(json_object_get(args, "protocol"));

	if (begins_with(to, "fd:"))
		target->fd = qmp_fds_take(&conn->fds, to + 3, error);
	else if (begins_with(to, "file:" QMP_FDSET_PATH))
		target->fd = qmp_fdset_open(conn->qmp, to + 5, error);
	else if (begins_with(to, "file:"))
		target->path = to + 5;
	else
		qmp_error_set(error, QMP_GENERIC_ERROR,
			      "Invalid parameter 'protocol'");
	return target->path || target->fd >= 0 ? 0 : -1;
}

int qmp_dump_guest_memory(struct qmp_conn *conn, const json_t *args,
			  json_t **ret, struct qmp_error *error)
{
	bool detach = json_is_true(json_object_get(args, "detach"));
	bool attached =
		json_is_true(json_object_get(args, "x-paramem-attached"));
	struct dump_target target = {
		.fd = -1,
		.compress = json_is_true(
			json_object_get(args, "x-paramem-compress")),
	};
	struct pm_error why = { "" };

	if (qmp_check_no_dump(conn, error) < 0 ||
	    check_supported(args, error) < 0 ||
	    parse_protocol(conn, args, &target, error) < 0)
		return -1;
	if (machine_dump(conn->qmp->machine, &target, &why) < 0)
		return qmp_error_set(error, QMP_GENERIC_ERROR, "%s", why.text);
	conn->dumps = attached || !detach;
	if (!detach)
		return QMP_LATER;
	*ret = json_object();
	return 0;
}

int qmp_query_dump(struct qmp_conn *conn, const json_t *args, json_t **ret,
		   struct qmp_error *error)
{
	struct dump_info info;

	(void)args, (void)error;
	machine_dump_info(conn->qmp->machine, &info);
	*ret = dump_result(&info);
	return 0;
}

int qmp_query_dump_capability(struct qmp_conn *conn, const json_t *args,
			      json_t **ret, struct qmp_error *error)
{
	(void)conn, (void)args, (void)error;
	*ret = json_pack("{s:[s]}", "formats", "elf");
	return 0;
}

int qmp_dump_cancel(struct qmp_conn *conn, const json_t *args, json_t **ret,
		    struct qmp_error *error)
{
	(void)args, (void)error;
	machine_dump_cancel(conn->qmp->machine);
	*ret = json_object();
	return 0;
}
