/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket of the qtest protocol: one client at a time, one line at a time.
 *
 * Theory of operation. A command is carried out at once, but what it caused
 * may take the loop a few turns: a notified queue, an interrupt message. Its
 * answer waits for that, so that a test finds all done when it has it:
 *
 *	reading   lines come in; the first whole one is carried out
 *	busy      nothing is read until the loop is idle; then the next line is
 *	          carried out, or, when there is none, the answers go out
 *
 * So a client that sends several lines at once is woken once. One that does
 * not read its answers has no further lines carried out. One that has gone has
 * its last whole lines carried out, and nobody hears the answers.
 */
#include "qtest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_MAX (QTEST_LINE_MAX + 65536)

/* With more answers than that, they go out before the next line is run. */
#define OUT_HELD 16384

static void client_advance(struct qtest *q);

static void client_close(struct qtest *q)
{
	loop_when_idle(q->loop, NULL, NULL);
	if (!q->eof)
		loop_remove(q->loop, &q->client);
	close(q->client.fd);
	q->client.fd = -1;
	q->busy = false;
	q->intercepted = NULL;
	buffer_clear(&q->in);
	buffer_clear(&q->out);
	loop_modify(q->loop, &q->clients, EPOLLIN);
}

/* A socket that has hung up is always ready: nobody looks at it any more. */
static void client_eof(struct qtest *q)
{
	if (!q->eof)
		loop_remove(q->loop, &q->client);
	q->eof = true;
}

static void client_watch(struct qtest *q, uint32_t events)
{
	if (q->eof || events == q->watched)
		return;
	q->watched = events;
	loop_modify(q->loop, &q->client, events);
}

void qtest_say(struct qtest *q, const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	if (q->client.fd < 0)
		return;
	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0)
		return;
	buffer_append(&q->out, text, (size_t)len, OUT_MAX);
	free(text);
}

static void client_flush(struct qtest *q)
{
	ssize_t n;

	if (!q->out.len)
		return;
	n = send(q->client.fd, q->out.data, q->out.len,
		 MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0)
		buffer_consume(&q->out, (size_t)n);
	else if (q->eof || (errno != EAGAIN && errno != EINTR))
		buffer_clear(&q->out);
}

static void client_read(struct qtest *q)
{
	char chunk[16384];
	ssize_t n = recv(q->client.fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_eof(q);
		return;
	}
	if (buffer_append(&q->in, chunk, (size_t)n, QTEST_LINE_MAX) == 0)
		return;
	/* No line is that long, and none could be told from the next. */
	qtest_say(q, "FAIL the line is longer than %llu bytes\n",
		  (unsigned long long)QTEST_LINE_MAX);
	client_flush(q);
	client_eof(q);
	buffer_clear(&q->in);
}

static void client_idle(void *opaque)
{
	struct qtest *q = opaque;

	q->busy = false;
	client_advance(q);
}

/* Carries out the first line, if all of it is there. */
static bool line_execute(struct qtest *q)
{
	char *end = q->in.len ? memchr(q->in.data, '\n', q->in.len) : NULL;
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - q->in.data) + 1;
	*end = '\0';
	if (len > 1 && end[-1] == '\r')
		end[-1] = '\0';
	q->busy = true;
	qtest_execute(q, q->in.data);
	buffer_consume(&q->in, len);
	loop_when_idle(q->loop, client_idle, q);
	return true;
}

/* Goes on as far as it can. */
static void client_advance(struct qtest *q)
{
	if (q->busy)
		return;
	if (q->out.len < OUT_HELD && line_execute(q))
		return;
	client_flush(q);
	if (q->out.len) {
		client_watch(q, EPOLLOUT);
		return;
	}
	if (line_execute(q))
		return;
	if (q->eof)
		client_close(q);
	else
		client_watch(q, EPOLLIN);
}

static void client_ready(void *opaque, uint32_t events)
{
	struct qtest *q = opaque;

	client_flush(q);
	if (q->busy && !(events & (EPOLLHUP | EPOLLERR))) {
		client_watch(q, 0); /* or the loop would never be idle */
		return;
	}
	if (events & ~(uint32_t)EPOLLOUT)
		client_read(q);
	client_advance(q);
}

static void client_accept(void *opaque, uint32_t events)
{
	struct qtest *q = opaque;
	int fd = unix_listener_accept(&q->listener, SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	q->client = (struct loop_source){ .fd = fd,
					  .fn = client_ready,
					  .opaque = q };
	q->watched = EPOLLIN;
	q->eof = false;
	if (loop_add(q->loop, &q->client, q->watched) < 0) {
		close(fd);
		q->client.fd = -1;
		return;
	}
	/* The next one waits until this one has gone. */
	loop_modify(q->loop, &q->clients, 0);
}

int qtest_server_open(struct qtest *q, const char *path, struct pm_error *err)
{
	int ret = unix_listener_open(&q->listener, path, err);

	if (ret < 0)
		return ret;
	q->client.fd = -1;
	q->clients = (struct loop_source){ .fd = q->listener.fd,
					   .fn = client_accept,
					   .opaque = q };
	ret = loop_add(q->loop, &q->clients, EPOLLIN);
	if (ret < 0) {
		unix_listener_close(&q->listener);
		return pm_error_set(err, -ret, "cannot watch '%.200s' (%s)",
				    path, strerror(-ret));
	}
	return 0;
}

void qtest_server_close(struct qtest *q)
{
	if (q->client.fd >= 0) {
		client_flush(q); /* of what ended the machine, say */
		client_close(q);
	}
	loop_remove(q->loop, &q->clients);
	unix_listener_close(&q->listener);
}
