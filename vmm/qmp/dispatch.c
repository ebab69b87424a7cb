/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the text of a request to its reply: parses it, checks its envelope and
 * its arguments against the command's, runs the command, and echoes the id.
 */
#include "dispatch.h"

#include <string.h>

#include "commands.h"
#include "json_text.h"
#include "schema.h"
#include "server.h"

json_t *qmp_greeting(void)
{
	return json_pack("{s:{s:o, s:[]}}", "QMP", "version",
			 qmp_version_object(), "capabilities");
}

/* Steals @reply, borrows @id. */
static void dispatch_send(struct qmp_conn *conn, json_t *reply,
			  const json_t *request)
{
	json_t *id = json_object_get(request, "id");

	if (reply && id && json_object_set(reply, "id", id) < 0) {
		json_decref(reply);
		reply = NULL;
	}
	qmp_conn_send(conn, reply);
}

static json_t *error_reply(const struct qmp_error *error)
{
	return json_pack("{s:{s:s, s:s}}", "error", "class", error->class,
			 "desc", error->desc.text);
}

void qmp_dispatch_error(struct qmp_conn *conn, const char *text)
{
	struct qmp_error error;

	qmp_error_set(&error, QMP_GENERIC_ERROR, "%s", text);
	dispatch_send(conn, error_reply(&error), NULL);
}

/* The envelope: execute, and perhaps arguments and id, and nothing else. */
static int check_envelope(const json_t *request, struct qmp_error *error)
{
	const char *key;
	json_t *value;

	if (!json_is_object(request))
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "QMP input must be a JSON object");
	json_object_foreach((json_t *)request, key, value)
	{
		if (!strcmp(key, "id"))
			continue;
		if (!strcmp(key, "execute") && !json_text_is_string(value))
			return qmp_error_set(error, QMP_GENERIC_ERROR,
					     "QMP input member 'execute' must "
					     "be a string");
		if (!strcmp(key, "arguments") && !json_is_object(value))
			return qmp_error_set(error, QMP_GENERIC_ERROR,
					     "QMP input member 'arguments' "
					     "must be an object");
		if (strcmp(key, "execute") && strcmp(key, "arguments"))
			return qmp_error_set(error, QMP_GENERIC_ERROR,
					     "QMP input member '%.80s' is "
					     "unexpected",
					     key);
	}
	if (!json_object_get(request, "execute"))
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "QMP input lacks member 'execute'");
	return 0;
}

/* Before the negotiation there is but one command, and after it not that. */
static int check_negotiation(const struct qmp_conn *conn, const char *name,
			     struct qmp_error *error)
{
	bool negotiates = !strcmp(name, "qmp_capabilities");

	if (conn->negotiated && negotiates)
		return qmp_error_set(error, QMP_COMMAND_NOT_FOUND,
				     "Capabilities negotiation is already "
				     "complete, command ignored");
	if (!conn->negotiated && !negotiates)
		return qmp_error_set(error, QMP_COMMAND_NOT_FOUND,
				     "Expecting capabilities negotiation with "
				     "'qmp_capabilities'");
	return 0;
}

/* On success what @ret points at is the command's answer, a new reference. */
static int run_request(struct qmp_conn *conn, const json_t *request,
		       json_t **ret, struct qmp_error *error)
{
	const json_t *arguments = json_object_get(request, "arguments");
	const struct qmp_command *command;
	const char *name;

	if (check_envelope(request, error) < 0)
		return -1;
	name = json_string_value(json_object_get(request, "execute"));
	if (check_negotiation(conn, name, error) < 0)
		return -1;
	command = qmp_command_find(name);
	if (!command)
		return qmp_error_set(error, QMP_COMMAND_NOT_FOUND,
				     "The command %.200s has not been found",
				     name);
	if (qmp_check(command->args, arguments, error) < 0)
		return -1;
	return command->run(conn, arguments, ret, error);
}

static int parse_request(const char *text, size_t len, json_t **request,
			 struct qmp_error *error)
{
	json_error_t parse;

	*request = json_text_parse(text, len, &parse);
	if (*request)
		return 0;
	return qmp_error_set(error, QMP_GENERIC_ERROR, "JSON parse error, %s",
			     parse.text);
}

void qmp_dispatch(struct qmp_conn *conn, const char *text, size_t len)
{
	struct qmp_error error;
	json_t *request, *ret = NULL;
	int status;

	if (parse_request(text, len, &request, &error) < 0) {
		dispatch_send(conn, error_reply(&error), NULL);
		return;
	}
	status = run_request(conn, request, &ret, &error);
	if (status < 0)
		dispatch_send(conn, error_reply(&error), request);
	else if (status == QMP_LATER)
		conn->later = json_incref(request);
	else
		dispatch_send(conn, json_pack("{s:o}", "return", ret), request);
	json_decref(request);
}

void qmp_dispatch_answer(struct qmp_conn *conn, json_t *ret,
			 const struct qmp_error *error)
{
	json_t *request = conn->later;

	conn->later = NULL;
	if (error->class)
		dispatch_send(conn, error_reply(error), request);
	else
		dispatch_send(conn, json_pack("{s:o}", "return", ret), request);
	json_decref(request);
}
