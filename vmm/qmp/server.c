/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control sockets: listens, accepts clients, and ends them.
 */
#define _GNU_SOURCE /* accept4() */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dispatch.h"

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
	qmp_conn_destroy(conn);
}

static void qmp_accept(void *opaque, uint32_t events)
{
	struct qmp_port *port = opaque;
	struct qmp *qmp = port->qmp;
	struct qmp_conn *conn;
	int fd;

	(void)events;
	fd = unix_listener_accept(&port->listener, SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (qmp->nr_conns == QMP_CLIENTS_MAX) {
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
