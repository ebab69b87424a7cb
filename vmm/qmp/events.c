/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events, to every client past its capabilities negotiation.
 *
 * A guest that plugs a gigabyte in blocks of 2 MiB changes its device's size
 * 512 times within a blink. So each device has its size told at most every
 * QMP_SIZE_EVENT_MS; a change that comes earlier waits for the timer, and a
 * later one takes its place. A shutdown sends what waits first: the last size
 * is always told. So it is with violations, which a guest can cause as often.
 */
#include "server.h"

#include <string.h>

#include "host/clock.h"

#define QMP_SIZE_EVENT_MS 50

/*
 * Where timers follow a clock that a test moves, its steps count as time that
 * passed: a timer that fires there must find its event due.
 */
static int64_t now_ms(const struct qmp *qmp)
{
	int64_t moved = (int64_t)(loop_clock_now(qmp->loop) / 1000000);

	return clock_now_ms() + moved;
}

/* @data, which is released here, may be NULL: an event without any. */
static json_t *event_message(const char *name, json_t *data)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return json_pack("{s:{s:I,s:I}, s:s, s:o*}", "timestamp", "seconds",
			 (json_int_t)ts.tv_sec, "microseconds",
			 (json_int_t)(ts.tv_nsec / 1000), "event", name, "data",
			 data);
}

/* To all clients with less than @bound bytes before it in their queue. */
static void event_broadcast(struct qmp *qmp, const char *name, json_t *data,
			    size_t bound)
{
	json_t *message = event_message(name, data);
	struct qmp_conn *conn;

	for (conn = qmp->conns; message && conn; conn = conn->next) {
		if (conn->negotiated && conn->out.len < bound)
			qmp_conn_send(conn, json_incref(message));
	}
	json_decref(message);
}

static void event_host_or_guest(struct qmp *qmp, const char *name, bool guest,
				const char *reason)
{
	event_broadcast(qmp, name,
			json_pack("{s:b, s:s}", "guest", guest, "reason",
				  reason),
			QMP_OUT_EVENTS);
}

static const char *device_id(const struct qmp *qmp, unsigned int index)
{
	return machine_config(qmp->machine)->mem_devices[index].id;
}

static unsigned int nr_devices(const struct qmp *qmp)
{
	return machine_config(qmp->machine)->nr_mem_devices;
}

static void size_event_send(struct qmp *qmp, unsigned int index)
{
	struct qmp_size_event *event = &qmp->sizes[index];
	const char *id = device_id(qmp, index);

	event->waiting = false;
	event->sent_ms = now_ms(qmp);
	event_broadcast(qmp, "MEMORY_DEVICE_SIZE_CHANGE",
			json_pack("{s:s, s:I, s:s+}", "id", id, "size",
				  (json_int_t)event->size, "qom-path",
				  "/machine/peripheral/", id),
			QMP_OUT_SIZE_EVENTS);
}

static void violation_event_send(struct qmp *qmp, unsigned int index)
{
	struct qmp_violation_event *event = &qmp->violations[index];
	const struct violation *v = &event->violation;
	json_t *vcpu = v->vcpu < 0 ? NULL : json_integer(v->vcpu);

	event->waiting = false;
	event->sent_ms = now_ms(qmp);
	event_broadcast(qmp, "X_PARAMEM_MEMORY_VIOLATION",
			json_pack("{s:s, s:I, s:s, s:o*, s:I}", "id",
				  device_id(qmp, index), "gpa",
				  (json_int_t)v->gpa, "access",
				  v->write ? "write" : "read", "vcpu", vcpu,
				  "count", (json_int_t)v->count),
			QMP_OUT_SIZE_EVENTS);
}

/* True, and how long to wait, for an event that is not due yet. */
static bool too_early(const struct qmp *qmp, int64_t sent_ms, int64_t *soonest)
{
	int64_t left = sent_ms + QMP_SIZE_EVENT_MS - now_ms(qmp);

	if (left <= 0)
		return false;
	if (left < *soonest)
		*soonest = left;
	return true;
}

/* Sends what is due and sets the timer for what is not. */
void qmp_events_tick(void *opaque)
{
	struct qmp *qmp = opaque;
	int64_t soonest = QMP_SIZE_EVENT_MS;
	bool any = false;

	for (unsigned int i = 0; i < nr_devices(qmp); i++) {
		if (qmp->sizes[i].waiting) {
			if (too_early(qmp, qmp->sizes[i].sent_ms, &soonest))
				any = true;
			else
				size_event_send(qmp, i);
		}
		if (qmp->violations[i].waiting) {
			if (too_early(qmp, qmp->violations[i].sent_ms,
				      &soonest))
				any = true;
			else
				violation_event_send(qmp, i);
		}
	}
	if (any && !qmp->size_timer.armed)
		loop_timer_arm(&qmp->size_timer, (unsigned int)soonest);
}

void qmp_events_flush(struct qmp *qmp)
{
	unsigned int i;

	for (i = 0; i < nr_devices(qmp); i++) {
		if (qmp->sizes[i].waiting)
			size_event_send(qmp, i);
		if (qmp->violations[i].waiting)
			violation_event_send(qmp, i);
	}
}

void qmp_event_violation(struct qmp *qmp, unsigned int device,
			 const struct violation *violation)
{
	qmp->violations[device].violation = *violation;
	qmp->violations[device].waiting = true;
	qmp_events_tick(qmp);
}

void qmp_event_size_change(struct qmp *qmp, const char *id, uint64_t size)
{
	unsigned int i;

	for (i = 0; i < nr_devices(qmp); i++) {
		if (strcmp(device_id(qmp, i), id))
			continue;
		qmp->sizes[i].size = size;
		qmp->sizes[i].waiting = true;
	}
	qmp_events_tick(qmp);
}

void qmp_event_shutdown(struct qmp *qmp, bool guest, const char *reason)
{
	qmp_events_flush(qmp);
	event_host_or_guest(qmp, "SHUTDOWN", guest, reason);
}

void qmp_event_reset(struct qmp *qmp, bool guest, const char *reason)
{
	event_host_or_guest(qmp, "RESET", guest, reason);
}

/* What led to it is told before it. */
void qmp_event_stop(struct qmp *qmp)
{
	qmp_events_flush(qmp);
	event_broadcast(qmp, "STOP", NULL, QMP_OUT_EVENTS);
}

void qmp_event_resume(struct qmp *qmp)
{
	event_broadcast(qmp, "RESUME", NULL, QMP_OUT_EVENTS);
}

void qmp_event_send(struct qmp *qmp, const char *name, json_t *data)
{
	event_broadcast(qmp, name, data, QMP_OUT_EVENTS);
}
