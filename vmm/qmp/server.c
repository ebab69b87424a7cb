/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control sockets: listens, accepts clients, and ends them.
 *
 * There is a bound on clients, and it never keeps the owner out: who comes
 * when it is reached takes the place of the one that has been idle longest.
 * Those who never negotiated go first, and one that waits for its answer
 * stays. So it is where the process has no descriptors left.
 */
#define _GNU_SOURCE /* accept4() */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "commands.h"
#include "dispatch.h"
#include "host/clock.h"
#include "host/log.h"

#define QMP_LOG_MS 1000

/* How long a client may take the last words of a machine, in all. */
#define QMP_DRAIN_MS 200

void qmp_server_forget(struct qmp_conn *conn)
{
	struct qmp *qmp = conn->qmp;
	struct qmp_conn **at = &qmp->conns;

	while (*at != conn)
		at = &(*at)->next;
	*at = conn->next;
	qmp->nr_conns--;
	if (!qmp->nr_conns)
		qmp_fdsets_clear(qmp);
	qmp_conn_destroy(conn);
}

/* ---- too many clients ---------------------------------------------------- */

static bool goes_before(const struct qmp_conn *a, const struct qmp_conn *b)
{
	if (a->dead != b->dead)
		return a->dead;
	if (a->negotiated != b->negotiated)
		return b->negotiated;
	return a->turn < b->turn;
}

/* NULL when all that there are wait for an answer, or dump. */
static struct qmp_conn *longest_idle(const struct qmp *qmp)
{
	struct qmp_conn *conn, *found = NULL;

	for (conn = qmp->conns; conn; conn = conn->next) {
		if (!conn->later && !conn->dumps &&
		    (!found || goes_before(conn, found)))
			found = conn;
	}
	return found;
}

bool qmp_log_due(struct qmp *qmp)
{
	int64_t now = clock_now_ms();

	if (qmp->told_ms && now - qmp->told_ms < QMP_LOG_MS) {
		qmp->untold++;
		return false;
	}
	if (qmp->untold)
		log_warning("%u more clients of the control socket were "
			    "disconnected since that was last said",
			    qmp->untold);
	qmp->told_ms = now;
	qmp->untold = 0;
	return true;
}

static json_t *farewell(const struct qmp_conn *conn)
{
	if (conn->negotiated)
		return qmp_event_message(QMP_EVENT_DISCONNECTED,
					 json_pack("{s:s}", "reason", "idle"));
	return json_pack("{s:{s:s, s:s}}", "error", "class", QMP_GENERIC_ERROR,
			 "desc",
			 "Too many clients are connected, and this one has not "
			 "negotiated");
}

/* Makes room for another client; false when there is nobody to go. */
static bool turn_one_out(struct qmp *qmp)
{
	struct qmp_conn *conn = longest_idle(qmp);

	if (!conn)
		return false;
	if (qmp_log_due(qmp))
		log_warning("process %d is disconnected from the control "
			    "socket to make room for another client: of the "
			    "%u that there are it had asked nothing for the "
			    "longest time",
			    (int)conn->pid, qmp->nr_conns);
	qmp_conn_send(conn, farewell(conn));
	qmp_conn_drain(conn, 0);
	qmp_server_forget(conn);
	return true;
}

/* A descriptor, or -errno with the client told why. */
static int qmp_accept_fd(struct qmp_port *port)
{
	static const char no_room[] =
		"{\"error\": {\"class\": \"" QMP_GENERIC_ERROR "\", \"desc\": "
		"\"the machine's process has no file descriptor left for "
		"another client\"}}\r\n";
	int fd = unix_listener_try_accept(&port->listener, SOCK_NONBLOCK);

	if (fd != -EMFILE && fd != -ENFILE)
		return fd;
	if (turn_one_out(port->qmp))
		fd = unix_listener_try_accept(&port->listener, SOCK_NONBLOCK);
	if (fd == -EMFILE || fd == -ENFILE)
		unix_listener_turn_away(&port->listener, no_room);
	return fd;
}

/* ---- life ---------------------------------------------------------------- */

static void qmp_accept(void *opaque, uint32_t events)
{
	struct qmp_port *port = opaque;
	struct qmp *qmp = port->qmp;
	struct qmp_conn *conn;
	int fd;

	(void)events;
	fd = qmp_accept_fd(port);
	if (fd < 0)
		return;
	if (qmp->nr_conns == QMP_CLIENTS_MAX && !turn_one_out(qmp)) {
		close(fd);
		return;
	}
	if (qmp_conn_create(qmp, fd, &conn) < 0)
		return;
	conn->next = qmp->conns;
	qmp->conns = conn;
	qmp->nr_conns++;
	qmp_conn_send(conn, qmp_greeting());
}

static int qmp_port_open(struct qmp *qmp, const char *path,
			 struct pm_error *err)
{
	struct qmp_port *port = &qmp->ports[qmp->nr_ports];
	int ret;

	ret = unix_listener_open(&port->listener, path, err);
	if (ret < 0)
		return ret;
	port->qmp = qmp;
	port->source = (struct loop_source){
		.fd = port->listener.fd,
		.fn = qmp_accept,
		.opaque = port,
	};
	ret = loop_add(qmp->loop, &port->source, EPOLLIN);
	if (ret < 0) {
		unix_listener_close(&port->listener);
		return pm_error_set(err, -ret, "cannot watch '%.200s'", path);
	}
	qmp->nr_ports++;
	return 0;
}

static int qmp_open_ports(struct qmp *qmp, struct pm_error *err)
{
	const struct machine_config *config = machine_config(qmp->machine);
	unsigned int i;

	for (i = 0; i < config->nr_qmp_paths; i++) {
		int ret = qmp_port_open(qmp, config->qmp_paths[i], err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int qmp_create(struct machine *machine, struct qmp **out, struct pm_error *err)
{
	struct qmp *qmp = calloc(1, sizeof(*qmp));
	int ret;

	if (!qmp)
		return pm_error_set(err, ENOMEM, "out of memory");
	qmp->machine = machine;
	qmp->loop = machine_loop(machine);
	qmp->observer.ops = &qmp_observer_ops;
	qmp->observer.opaque = qmp;
	machine_add_observer(machine, &qmp->observer);
	ret = loop_timer_init(qmp->loop, &qmp->size_timer, qmp_events_tick,
			      qmp);
	if (ret < 0)
		pm_error_set(err, -ret,
			     "the control socket cannot be set up (%s)",
			     strerror(-ret));
	else
		ret = qmp_open_ports(qmp, err);
	if (ret < 0) {
		qmp_destroy(qmp);
		return ret;
	}
	*out = qmp;
	return 0;
}

void qmp_destroy(struct qmp *qmp)
{
	int share;

	if (!qmp)
		return;
	machine_remove_observer(qmp->machine, &qmp->observer);
	qmp_events_flush(qmp);
	share = qmp->nr_conns ? QMP_DRAIN_MS / (int)qmp->nr_conns : 0;
	while (qmp->conns) {
		qmp_conn_drain(qmp->conns, share);
		qmp_server_forget(qmp->conns);
	}
	while (qmp->nr_ports) {
		struct qmp_port *port = &qmp->ports[--qmp->nr_ports];

		loop_remove(qmp->loop, &port->source);
		unix_listener_close(&port->listener);
	}
	loop_timer_finish(qmp->loop, &qmp->size_timer);
	free(qmp);
}
