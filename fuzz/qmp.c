/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes on a control socket, in pieces that bring file descriptors, from a
 * client that reads the answers or leaves them lying; a machine of mere words
 * is behind it.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "qmp/dispatch.h"
#include "qmp/json_text.h"
#include "fake_machine.h"
#include "fuzz.h"
#include "host/loop.h"
#include "qmp/server.h"

#define ROUNDS_MAX    400
#define LINES_CHECKED 100
#define FLOOD         80 /* times: a message can be too long then */

struct client {
	struct machine *machine;
	struct loop_source bell;
	bool rung;
	int fd;
	bool reads;
	size_t lines;
	size_t len;
	char buf[2 * QMP_OUT_MAX];
};

/* A clock that only goes on when it is looked at: events come at a rate. */
static struct timespec fake_now;

int __wrap_clock_gettime(clockid_t id, struct timespec *now);

int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
	(void)id;
	fake_now.tv_nsec += 20000000;
	if (fake_now.tv_nsec >= 1000000000) {
		fake_now.tv_nsec -= 1000000000;
		fake_now.tv_sec++;
	}
	*now = fake_now;
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	json_object_seed(1);
	return 0;
}

/* ---- the loop ------------------------------------------------------------ */

static void bell_rung(void *opaque, uint32_t events)
{
	struct client *c = opaque;
	uint64_t count;

	(void)events;
	fuzz_check(read(c->bell.fd, &count, 8) == 8);
	c->rung = true;
}

static void bell_init(struct client *c)
{
	c->bell = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.fn = bell_rung,
		.opaque = c,
	};
	fuzz_check(!loop_add(c->machine->loop, &c->bell, EPOLLIN));
}

/* Runs the loop until all that is pending now has been handled. */
static void settle(struct client *c)
{
	const uint64_t one = 1;

	c->rung = false;
	fuzz_check(write(c->bell.fd, &one, 8) == 8);
	while (!c->rung)
		fuzz_check(!loop_run_once(c->machine->loop));
}

/* ---- the client ---------------------------------------------------------- */

/* As the server does when somebody connects. */
static void connect_client(struct client *c)
{
	struct qmp *qmp = c->machine->qmp;
	struct qmp_conn *conn;
	int fds[2];

	fuzz_check(!socketpair(
		AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
	c->fd = fds[0];
	fuzz_check(!qmp_conn_create(qmp, fds[1], &conn));
	conn->next = qmp->conns;
	qmp->conns = conn;
	qmp->nr_conns++;
	qmp_conn_send(conn, qmp_greeting());
}

/* Each message is an object, and is one of four kinds. */
static void check_line(struct client *c, const char *line, size_t len)
{
	json_error_t err;
	json_t *message;

	/* Those that follow are more of the same, and take their time. */
	if (c->lines++ > LINES_CHECKED)
		return;
	message = json_text_parse(line, len, &err);
	fuzz_check(message);
	fuzz_check(json_object_get(message, "return") ||
		   json_object_get(message, "error") ||
		   json_object_get(message, "event") ||
		   json_object_get(message, "QMP"));
	json_decref(message);
}

static void check_lines(struct client *c)
{
	char *start = c->buf;
	char *end;

	while ((end = memchr(start, '\n', (size_t)(c->buf + c->len - start)))) {
		fuzz_check(end > start && end[-1] == '\r');
		check_line(c, start, (size_t)(end - start));
		start = end + 1;
	}
	c->len = (size_t)(c->buf + c->len - start);
	memmove(c->buf, start, c->len);
}

/* True when there was something. */
static bool client_receive(struct client *c)
{
	ssize_t n = recv(c->fd, c->buf + c->len, sizeof(c->buf) - c->len, 0);

	if (n <= 0)
		return false;
	c->len += (size_t)n;
	check_lines(c);
	return true;
}

/* Each piece brings a file descriptor. */
static ssize_t send_with_fd(struct client *c, const uint8_t *data, size_t len)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { .align = { .cmsg_len = CMSG_LEN(sizeof(int)),
				 .cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };

	memcpy(CMSG_DATA(&control.align), &c->bell.fd, sizeof(int));
	return sendmsg(c->fd, &msg, MSG_NOSIGNAL);
}

static void client_send(struct client *c, const uint8_t *data, size_t len)
{
	for (int i = 0; i < ROUNDS_MAX && len; i++) {
		ssize_t n = send_with_fd(c, data, len);

		settle(c);
		if (c->reads)
			client_receive(c);
		if (n < 0)
			continue; /* the server does not read now, or ever */
		data += n;
		len -= (size_t)n;
	}
}

static void client_send_text(struct client *c, const char *text)
{
	client_send(c, (const uint8_t *)text, strlen(text));
}

/* ---- one input ----------------------------------------------------------- */

static void client_init(struct client *c, struct input *in)
{
	uint8_t flags = input_u8(in);

	fake_now = (struct timespec){ .tv_sec = 1000 };
	c->machine = fake_machine_create(NULL);
	c->machine->follow = flags & 1;
	c->machine->fail_set = flags & 2 ? -ENOMEM : 0;
	c->machine->state = (flags >> 2) % (MACHINE_INTERNAL_ERROR + 1);
	c->reads = !(flags & 0x40);
	fuzz_check(!qmp_create(c->machine, &c->machine->qmp, NULL));
	bell_init(c);
	connect_client(c);
	if (!(flags & 0x80))
		client_send_text(c, "{'execute':'qmp_capabilities'}");
}

/* The server answers what is left, and hangs up when the client has. */
static void client_finish(struct client *c)
{
	shutdown(c->fd, SHUT_WR);
	for (int i = 0; i < ROUNDS_MAX && c->machine->qmp->nr_conns; i++) {
		settle(c);
		client_receive(c);
	}
	fuzz_check(!c->machine->qmp->nr_conns);
	client_receive(c);
	close(c->fd);
	loop_remove(c->machine->loop, &c->bell);
	close(c->bell.fd);
	fake_machine_destroy(c->machine);
}

/* The lowest descriptor that is free: the same again when none was left open. */
static int lowest_free(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	fuzz_check(fd >= 0);
	close(fd);
	return fd;
}

static void send_in_pieces(struct client *c, struct input in, size_t piece)
{
	while (in.left) {
		size_t n = in.left < piece ? in.left : piece;

		client_send(c, in.data, n);
		in.data += n;
		in.left -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct client c;
	struct input in = { data, size };
	int lowest = lowest_free();
	size_t piece;
	bool flood;

	memset(&c, 0, offsetof(struct client, buf));
	client_init(&c, &in);
	piece = input_u8(&in) * 8u;
	flood = input_u8(&in) == 0xff;
	for (int i = 0; i < (flood ? FLOOD : 1); i++)
		send_in_pieces(&c, in, piece && !flood ? piece : size);
	client_finish(&c);
	fuzz_check(lowest_free() == lowest);
	return 0;
}
