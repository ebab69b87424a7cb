/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands that negotiate, and those that run, stop or end the machine.
 */
#include "commands.h"

#include <stdarg.h>
#include <stdio.h>

#include "server.h"

/*
 * A sentence may quote a path, which is any bytes, or cut a client's string
 * within a character; JSON takes valid UTF-8 alone.
 */
static void force_utf8(char *text)
{
	json_t *valid = json_string(text);

	for (; !valid && *text; text++) {
		if ((unsigned char)*text >= 0x80)
			*text = '?';
	}
	json_decref(valid);
}

int qmp_error_set(struct qmp_error *error, const char *class, const char *fmt,
		  ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error->desc.text, sizeof(error->desc.text), fmt, args);
	va_end(args);
	force_utf8(error->desc.text);
	error->class = class;
	return -1;
}

static int done(json_t **ret)
{
	*ret = json_object();
	return 0;
}

/* The greeting offers no capability, so that none can be enabled. */
int qmp_capabilities(struct qmp_conn *conn, const json_t *args, json_t **ret,
		     struct qmp_error *error)
{
	const json_t *enable = json_object_get(args, "enable");
	const json_t *first = json_array_get(enable, 0);

	if (first)
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "Capability %s is not available",
				     json_string_value(first));
	conn->negotiated = true;
	return done(ret);
}

int qmp_query_status(struct qmp_conn *conn, const json_t *args, json_t **ret,
		     struct qmp_error *error)
{
	enum machine_state state = machine_state(conn->qmp->machine);
	const char *reason;

	(void)args, (void)error;
	reason = machine_pause_reason(conn->qmp->machine);
	*ret = json_pack("{s:s, s:b, s:b, s:s*}", "status",
			 machine_state_name(state), "singlestep", 0, "running",
			 state == MACHINE_RUNNING, "x-paramem-reason",
			 *reason ? reason : NULL);
	return 0;
}

int qmp_stop(struct qmp_conn *conn, const json_t *args, json_t **ret,
	     struct qmp_error *error)
{
	(void)args;
	if (qmp_check_no_dump(conn, error) < 0)
		return -1;
	machine_stop(conn->qmp->machine);
	return done(ret);
}

int qmp_cont(struct qmp_conn *conn, const json_t *args, json_t **ret,
	     struct qmp_error *error)
{
	struct pm_error why = { "" };

	(void)args;
	if (qmp_check_no_dump(conn, error) < 0)
		return -1;
	if (machine_cont(conn->qmp->machine, &why) < 0)
		return qmp_error_set(error, QMP_GENERIC_ERROR, "%s", why.text);
	return done(ret);
}

int qmp_system_reset(struct qmp_conn *conn, const json_t *args, json_t **ret,
		     struct qmp_error *error)
{
	(void)args, (void)error;
	machine_request_reset(conn->qmp->machine);
	return done(ret);
}

int qmp_system_powerdown(struct qmp_conn *conn, const json_t *args,
			 json_t **ret, struct qmp_error *error)
{
	(void)args, (void)error;
	machine_request_powerdown(conn->qmp->machine);
	return done(ret);
}

int qmp_quit(struct qmp_conn *conn, const json_t *args, json_t **ret,
	     struct qmp_error *error)
{
	(void)args, (void)error;
	machine_request_quit(conn->qmp->machine);
	return done(ret);
}

int qmp_inject_nmi(struct qmp_conn *conn, const json_t *args, json_t **ret,
		   struct qmp_error *error)
{
	struct pm_error why = { "" };

	(void)args;
	if (machine_inject_nmi(conn->qmp->machine, &why) < 0)
		return qmp_error_set(error, QMP_GENERIC_ERROR, "%s", why.text);
	return done(ret);
}
