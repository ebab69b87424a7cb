/* SPDX-License-Identifier: BSD-3-Clause */
/* A minimal client of the QEMU Machine Protocol. */
#include "qmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deadline.h"
#include "fatal.h"

/* NULL at the deadline. */
static json_t *receive(struct qmp *qmp, int64_t deadline)
{
	char *line = stream_try_line(&qmp->stream, deadline);
	json_t *message;

	if (!line)
		return NULL;
	message = json_loads(line, 0, NULL);
	if (!json_is_object(message))
		fatal("QMP: the peer sent '%.200s'", line);
	return message;
}

/* Keeps @message when it is an event. */
static bool keep_event(struct qmp *qmp, json_t *message)
{
	if (!json_object_get(message, "event"))
		return false;
	json_array_append_new(qmp->events, message);
	return true;
}

static json_t *receive_reply(struct qmp *qmp)
{
	json_t *message;

	do {
		message = receive(qmp, deadline_in(DEADLINE_DEFAULT_MS));
		if (!message)
			fatal("QMP: no answer in time");
	} while (keep_event(qmp, message));
	return message;
}

static void copy_string(const json_t *object, const char *key, char *buf,
			size_t size)
{
	const char *text = json_string_value(json_object_get(object, key));

	snprintf(buf, size, "%s", text ? text : "");
}

/* What the reply returns, or NULL. Releases the reply. */
static json_t *take_reply(json_t *reply, struct qmp_error *error)
{
	json_t *ret = json_incref(json_object_get(reply, "return"));
	const json_t *refusal = json_object_get(reply, "error");
	struct qmp_error told = { "", "" };

	if (!ret == !refusal)
		fatal("QMP: a reply has either return or error");
	if (refusal) {
		copy_string(refusal, "class", told.class, sizeof(told.class));
		copy_string(refusal, "desc", told.desc, sizeof(told.desc));
	}
	json_decref(reply);
	if (refusal && !error)
		fatal("QMP: %s: %s", told.class, told.desc);
	if (error)
		*error = told;
	return ret;
}

json_t *qmp_execute_text(struct qmp *qmp, const char *line,
			 struct qmp_error *error)
{
	size_t len = strlen(line);
	char *bytes = malloc(len + 1);

	if (!bytes)
		fatal("QMP: out of memory");
	memcpy(bytes, line, len);
	bytes[len] = '\n';
	/* At once: a peer that is to quit may be gone after the last brace. */
	stream_send(&qmp->stream, bytes, len + 1);
	free(bytes);
	return take_reply(receive_reply(qmp), error);
}

json_t *qmp_execute(struct qmp *qmp, const char *command, json_t *args,
		    struct qmp_error *error)
{
	json_t *message =
		json_pack("{s:s, s:o*}", "execute", command, "arguments", args);
	char *line = json_dumps(message, JSON_COMPACT);
	json_t *ret;

	json_decref(message);
	if (!line)
		fatal("QMP: out of memory");
	ret = qmp_execute_text(qmp, line, error);
	free(line);
	return ret;
}

void qmp_do(struct qmp *qmp, const char *command, json_t *args)
{
	json_decref(qmp_execute(qmp, command, args, NULL));
}

void qmp_open(struct qmp *qmp, const struct stream *stream)
{
	*qmp = (struct qmp){ .stream = *stream, .events = json_array() };
	qmp->greeting = receive_reply(qmp);
	if (!json_object_get(qmp->greeting, "QMP"))
		fatal("QMP: the peer does not greet");
	qmp_do(qmp, "qmp_capabilities", NULL);
}

void qmp_close(struct qmp *qmp)
{
	stream_close(&qmp->stream);
	json_decref(qmp->greeting);
	json_decref(qmp->events);
	*qmp = (struct qmp){ .stream.fd = -1 };
}

static json_t *take_event(struct qmp *qmp, const char *name)
{
	json_t *event;
	size_t i;

	json_array_foreach(qmp->events, i, event)
	{
		const json_t *is = json_object_get(event, "event");
		json_t *data = json_object_get(event, "data");

		if (strcmp(json_string_value(is), name))
			continue;
		data = data ? json_incref(data) : json_object();
		json_array_remove(qmp->events, i);
		return data;
	}
	return NULL;
}

json_t *qmp_try_event(struct qmp *qmp, const char *name, int64_t deadline)
{
	for (;;) {
		json_t *data = take_event(qmp, name), *message;

		if (data)
			return data;
		message = receive(qmp, deadline);
		if (!message)
			return NULL;
		if (!keep_event(qmp, message))
			fatal("QMP: a reply that nobody asked for");
	}
}

json_t *qmp_wait_event(struct qmp *qmp, const char *name)
{
	json_t *data =
		qmp_try_event(qmp, name, deadline_in(DEADLINE_DEFAULT_MS));

	if (!data)
		fatal("QMP: no event %s in time", name);
	return data;
}

void qmp_drop_events(struct qmp *qmp)
{
	json_array_clear(qmp->events);
}
