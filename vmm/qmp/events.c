/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events, to every client past its capabilities negotiation.
 *
 * A guest that plugs a gigabyte in blocks of 2 MiB changes its device's size
 * 512 times within a blink. So each device has its size told at most every
 * QMP_SIZE_EVENT_MS; a change that comes earlier waits for the timer, and a
 * later one takes its place. A shutdown sends what waits first: the last size
 * is always told. So it is with violations, which a guest can cause as often.
 *
 * A client that is behind is owed these until it has read, and then gets the
 * last; all other events it gets one by one, or it is disconnected.
 */
#include "server.h"

#include <assert.h>

#include "host/clock.h"

#define QMP_SIZE_EVENT_MS 50

static_assert(MACHINE_MEM_DEVICES_MAX <= 32, "a bit of what a client is owed");

/*
 * Where timers follow a clock that a test moves, its steps count as time that
 * passed: a timer that fires there must find its event due.
 */
static int64_t now_ms(const struct qmp *qmp)
{
	int64_t moved = (int64_t)(loop_clock_now(qmp->loop) / 1000000);

	return clock_now_ms() + moved;
}

json_t *qmp_event_message(const char *name, json_t *data)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return json_pack("{s:{s:I,s:I}, s:s, s:o*}", "timestamp", "seconds",
			 (json_int_t)ts.tv_sec, "microseconds",
			 (json_int_t)(ts.tv_nsec / 1000), "event", name, "data",
			 data);
}

static const char *device_id(const struct qmp *qmp, unsigned int index)
{
	return machine_config(qmp->machine)->mem_devices[index].id;
}

static unsigned int nr_devices(const struct qmp *qmp)
{
	return machine_config(qmp->machine)->nr_mem_devices;
}

/* ---- events of which the last may stand for all -------------------------- */

static json_t *size_event(const struct qmp *qmp, unsigned int index)
{
	const char *id = device_id(qmp, index);

	return qmp_event_message("MEMORY_DEVICE_SIZE_CHANGE",
				 json_pack("{s:s, s:I, s:s+}", "id", id, "size",
					   (json_int_t)qmp->sizes[index].size,
					   "qom-path", "/machine/peripheral/",
					   id));
}

static json_t *violation_event(const struct qmp *qmp, unsigned int index)
{
	const struct violation *v = &qmp->violations[index].violation;
	json_t *vcpu = v->vcpu < 0 ? NULL : json_integer(v->vcpu);

	return qmp_event_message(
		"X_PARAMEM_MEMORY_VIOLATION",
		json_pack("{s:s, s:I, s:s, s:o*, s:I}", "id",
			  device_id(qmp, index), "gpa", (json_int_t)v->gpa,
			  "access", v->write ? "write" : "read", "vcpu", vcpu,
			  "count", (json_int_t)v->count));
}

void qmp_events_catch_up(struct qmp_conn *conn)
{
	uint32_t sizes = conn->owed_sizes, violations = conn->owed_violations;

	conn->owed_sizes = 0;
	conn->owed_violations = 0;
	for (unsigned int i = 0; sizes >> i; i++) {
		if (sizes >> i & 1)
			qmp_conn_send(conn, size_event(conn->qmp, i));
	}
	for (unsigned int i = 0; violations >> i; i++) {
		if (violations >> i & 1)
			qmp_conn_send(conn, violation_event(conn->qmp, i));
	}
}

static void size_event_send(struct qmp *qmp, unsigned int index)
{
	json_t *message = size_event(qmp, index);

	qmp->sizes[index].waiting = false;
	qmp->sizes[index].sent_ms = now_ms(qmp);
	for (struct qmp_conn *conn = qmp->conns; conn; conn = conn->next) {
		if (conn->negotiated && qmp_conn_behind(conn))
			conn->owed_sizes |= UINT32_C(1) << index;
		else if (conn->negotiated)
			qmp_conn_send(conn, json_incref(message));
	}
	json_decref(message);
}

static void violation_event_send(struct qmp *qmp, unsigned int index)
{
	json_t *message = violation_event(qmp, index);

	qmp->violations[index].waiting = false;
	qmp->violations[index].sent_ms = now_ms(qmp);
	for (struct qmp_conn *conn = qmp->conns; conn; conn = conn->next) {
		if (conn->negotiated && qmp_conn_behind(conn))
			conn->owed_violations |= UINT32_C(1) << index;
		else if (conn->negotiated)
			qmp_conn_send(conn, json_incref(message));
	}
	json_decref(message);
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

/* ---- events of which none is left out ------------------------------------ */

/* What a client is owed was before this. */
void qmp_event_send(struct qmp *qmp, const char *name, json_t *data)
{
	json_t *message = qmp_event_message(name, data);

	for (struct qmp_conn *conn = qmp->conns; conn; conn = conn->next) {
		if (!conn->negotiated)
			continue;
		qmp_events_catch_up(conn);
		qmp_conn_send(conn, json_incref(message));
	}
	json_decref(message);
}

/* ---- what the machine tells ---------------------------------------------- */

/* By the names of QMP's ShutdownCause. */
static const struct {
	bool guest;
	const char *reason;
} causes[] = {
	[MACHINE_GUEST_OFF] = { true, "guest-shutdown" },
	[MACHINE_GUEST_RESET] = { true, "guest-reset" },
	[MACHINE_GUEST_VIOLATED] = { true, "guest-panic" },
	[MACHINE_HOST_SIGNAL] = { false, "host-signal" },
	[MACHINE_HOST_QUIT] = { false, "host-qmp-quit" },
	[MACHINE_HOST_RESET] = { false, "host-qmp-system-reset" },
	[MACHINE_HOST_ERROR] = { false, "host-error" },
};

static void send_with_cause(struct qmp *qmp, const char *name,
			    enum machine_cause cause)
{
	qmp_event_send(qmp, name,
		       json_pack("{s:b, s:s}", "guest", causes[cause].guest,
				 "reason", causes[cause].reason));
}

static void on_violation(void *opaque, unsigned int device,
			 const struct violation *violation)
{
	struct qmp *qmp = opaque;

	qmp->violations[device].violation = *violation;
	qmp->violations[device].waiting = true;
	qmp_events_tick(qmp);
}

static void on_size_changed(void *opaque, unsigned int device, uint64_t size)
{
	struct qmp *qmp = opaque;

	qmp->sizes[device].size = size;
	qmp->sizes[device].waiting = true;
	qmp_events_tick(qmp);
}

static void on_shutdown(void *opaque, enum machine_cause cause)
{
	qmp_events_flush(opaque);
	send_with_cause(opaque, "SHUTDOWN", cause);
}

static void on_reset(void *opaque, enum machine_cause cause)
{
	send_with_cause(opaque, "RESET", cause);
}

/* What led to it is told before it. */
static void on_stopped(void *opaque)
{
	qmp_events_flush(opaque);
	qmp_event_send(opaque, "STOP", NULL);
}

static void on_powerdown(void *opaque)
{
	qmp_event_send(opaque, "POWERDOWN", NULL);
}

static void on_resumed(void *opaque)
{
	qmp_event_send(opaque, "RESUME", NULL);
}

const struct machine_observer_ops qmp_observer_ops = {
	.stopped = on_stopped,
	.resumed = on_resumed,
	.reset = on_reset,
	.shutdown = on_shutdown,
	.powerdown = on_powerdown,
	.size_changed = on_size_changed,
	.violation = on_violation,
	.dump_done = qmp_dump_done,
	.dump_settled = qmp_dump_settled,
};
