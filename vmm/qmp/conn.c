/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One client of the control socket.
 *
 * Theory of operation: messages for a client are only queued, and written by
 * the client's own callback on the loop; so an event for everybody meets no
 * socket, and a command never finds its client gone. Whatever goes wrong marks
 * the client dead, and its callback frees it at the end.
 *
 * A request is looked at only while the queue is short. A client that asks
 * and does not read is therefore stopped by its own full socket.
 */
#include "conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dispatch.h"
#include "host/log.h"
#include "json_text.h"
#include "server.h"

bool qmp_conn_behind(const struct qmp_conn *conn)
{
	return conn->out.len >= QMP_OUT_BEHIND;
}

static bool conn_may_read(const struct qmp_conn *conn)
{
	return !qmp_conn_behind(conn) && !conn->later;
}

static void conn_watch(struct qmp_conn *conn)
{
	uint32_t events = 0;

	if (conn->dead || (!conn->eof && conn_may_read(conn)))
		events |= EPOLLIN;
	if (conn->dead || conn->out.len)
		events |= EPOLLOUT;
	if (events == conn->watched)
		return;
	conn->watched = events;
	loop_modify(conn->qmp->loop, &conn->source, events);
}

/* Its callback comes soon: a socket that is shut down is always ready. */
static void conn_kill(struct qmp_conn *conn)
{
	conn->dead = true;
	buffer_clear(&conn->out);
	shutdown(conn->source.fd, SHUT_RDWR);
	conn_watch(conn);
}

static int conn_queue(struct qmp_conn *conn, const char *text, size_t len)
{
	return buffer_append(&conn->out, text, len, QMP_OUT_MAX);
}

static void conn_give_up(struct qmp_conn *conn, int code)
{
	if (code == -ENOBUFS && qmp_log_due(conn->qmp))
		log_warning("process %d is disconnected from the control "
			    "socket: it does not read, %zu KiB wait for it, "
			    "and nothing may be left out",
			    (int)conn->pid, conn->out.len / 1024);
	conn_kill(conn);
}

void qmp_conn_send(struct qmp_conn *conn, json_t *message)
{
	char *text = message ? json_text_print(message) : NULL;
	int ret = text ? 0 : -ENOMEM;

	json_decref(message);
	if (!conn->dead && !ret)
		ret = conn_queue(conn, text, strlen(text));
	if (!conn->dead && !ret)
		ret = conn_queue(conn, "\r\n", 2);
	if (!conn->dead && ret)
		conn_give_up(conn, ret);
	free(text);
	conn_watch(conn);
}

static void conn_flush(struct qmp_conn *conn)
{
	ssize_t n;

	if (!conn->out.len || conn->dead)
		return;
	n = send(conn->source.fd, conn->out.data, conn->out.len,
		 MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			conn_kill(conn);
		return;
	}
	buffer_consume(&conn->out, (size_t)n);
	if (!qmp_conn_behind(conn))
		qmp_events_catch_up(conn);
}

void qmp_conn_drain(struct qmp_conn *conn, int timeout_ms)
{
	struct pollfd pfd = { .fd = conn->source.fd, .events = POLLOUT };

	while (conn->out.len && !conn->dead) {
		size_t before = conn->out.len;

		conn_flush(conn);
		if (conn->out.len == before && poll(&pfd, 1, timeout_ms) <= 0)
			return;
	}
}

/* The descriptors that came with a message, which are ours now. */
static void conn_take_fds(struct qmp_conn *conn, struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	for (; c; c = CMSG_NXTHDR(msg, c)) {
		int fds[QMP_FDS_MESSAGE_MAX];
		size_t len = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds, CMSG_DATA(c), len);
		qmp_fds_came(&conn->fds, fds, len / sizeof(int));
	}
}

static ssize_t conn_receive(struct qmp_conn *conn)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * QMP_FDS_MESSAGE_MAX)];
	} control;
	struct iovec iov = { conn->in, sizeof(conn->in) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t n =
		recvmsg(conn->source.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n >= 0)
		conn_take_fds(conn, &msg);
	return n;
}

static void conn_read(struct qmp_conn *conn)
{
	ssize_t n;

	if (conn->in_at < conn->in_len || conn->eof || !conn_may_read(conn))
		return;
	n = conn_receive(conn);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			conn_kill(conn);
		return;
	}
	conn->eof = n == 0;
	conn->in_at = 0;
	conn->in_len = (size_t)n;
}

/* Answers what has been read, while the client takes the answers. */
static void conn_process(struct qmp_conn *conn)
{
	while (conn->in_at < conn->in_len && !conn->dead &&
	       conn_may_read(conn)) {
		enum framing_result result;
		size_t used;

		result = framing_feed(&conn->framing, conn->in + conn->in_at,
				      conn->in_len - conn->in_at, &used);
		conn->in_at += used;
		if (result != FRAMING_MORE)
			conn->turn = ++conn->qmp->turns;
		if (result == FRAMING_VALUE)
			qmp_dispatch(conn, conn->framing.value,
				     conn->framing.len);
		else if (result == FRAMING_ERROR)
			qmp_dispatch_error(conn, conn->framing.error);
	}
}

static void conn_ready(void *opaque, uint32_t events)
{
	struct qmp_conn *conn = opaque;

	conn_flush(conn);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		conn_read(conn);
	conn_process(conn);
	conn_flush(conn);
	/* What was read before the queue filled may be answerable now. */
	conn_process(conn);
	if (conn->eof && conn->in_at == conn->in_len && !conn->out.len &&
	    !conn->later)
		conn->dead = true;
	/* Nobody is there for the answer any more. */
	if (conn->later && (events & (EPOLLHUP | EPOLLERR)))
		conn->dead = true;
	if (conn->dead)
		qmp_server_forget(conn);
	else
		conn_watch(conn);
}

static pid_t peer_pid(int fd)
{
	struct ucred who = { 0 };
	socklen_t len = sizeof(who);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	return who.pid;
}

int qmp_conn_create(struct qmp *qmp, int fd, struct qmp_conn **out)
{
	struct qmp_conn *conn = malloc(sizeof(*conn));
	int ret = -ENOMEM;

	if (!conn)
		goto close_fd;
	/* Not the whole buffers, which would make them resident. */
	memset(conn, 0, offsetof(struct qmp_conn, in));
	framing_init(&conn->framing);
	conn->qmp = qmp;
	conn->pid = peer_pid(fd);
	conn->turn = ++qmp->turns;
	conn->watched = EPOLLIN;
	conn->source = (struct loop_source){
		.fd = fd,
		.fn = conn_ready,
		.opaque = conn,
	};
	ret = loop_add(qmp->loop, &conn->source, conn->watched);
	if (ret < 0)
		goto free_conn;
	*out = conn;
	return 0;

free_conn:
	free(conn);
close_fd:
	close(fd);
	return ret;
}

void qmp_conn_destroy(struct qmp_conn *conn)
{
	if (conn->dumps)
		qmp_dump_abandon(conn);
	loop_remove(conn->qmp->loop, &conn->source);
	close(conn->source.fd);
	buffer_clear(&conn->out);
	qmp_fds_finish(&conn->fds);
	json_decref(conn->later);
	free(conn);
}
