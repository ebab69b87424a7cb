/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a serial port leads on the host.
 *
 * Theory of operation. The main thread watches descriptors; vCPU threads only
 * write single bytes. Two flags pass between them: input is paused while the
 * port has no room, and output is blocked while the descriptor takes no more.
 * Whoever changes one rings the wake descriptor, and the main thread then
 * watches for what is wanted. No descriptor is made non-blocking, since the
 * terminal is shared with other programs; each byte asks poll(2) first. A
 * regular file always says that it is ready, whose disk may be full, slow, or
 * on a server that is gone: a thread writes to it, so that neither a vCPU nor
 * the main loop waits. What does not fit into its buffer, or fails, is lost,
 * and that is said once.
 */
#include "chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "host/log.h"
#include "host/loop.h"
#include "host/unix_listener.h"
#include "host/writer.h"

#define ESCAPE      0x01 /* Ctrl-A, then x: as in other machine monitors */
#define ESCAPE_QUIT 'x'
#define INPUT_MAX   64
/* What waits for a file that is slow, and for how long at the end. */
#define FILE_BUFFER (1u << 20)
#define FILE_END_MS 1000

struct chardev {
	enum serial_kind kind;
	struct loop *loop;
	const struct chardev_ops *ops;
	void *opaque;
	pthread_mutex_t lock; /* guards out_fd against a client that leaves */
	int out_fd;
	struct writer *writer; /* in its place, for a regular file */
	const char *path;
	struct loop_source input; /* fd -1: nobody */
	struct loop_source output;
	struct loop_source accept;
	struct loop_source wake;
	struct unix_listener listener;
	atomic_bool input_paused;
	atomic_bool output_blocked;
	bool input_watched; /* the epoll set knows it */
	bool output_watched;
	bool held; /* the port is to hear nothing */
	bool escaped;
	bool raw;
	/* Typed while it was held. */
	uint8_t typed[INPUT_MAX];
	size_t nr_typed;
	struct termios terminal;
};

/* ---- the terminal -------------------------------------------------------- */

static int terminal_raw(struct chardev *c, struct pm_error *err)
{
	struct termios raw;

	pid_t owner = tcgetpgrp(STDIN_FILENO);

	if (!isatty(STDIN_FILENO))
		return 0;
	/* In the background, a machine is not to be stopped for a terminal. */
	signal(SIGTTOU, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	if (owner >= 0 && owner != getpgrp())
		return 0;
	if (tcgetattr(STDIN_FILENO, &c->terminal) < 0)
		goto fail;
	raw = c->terminal;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST; /* messages of this program end lines too */
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		goto fail;
	c->raw = true;
	return 0;
fail:
	return pm_error_set(err, errno, "the terminal cannot be made raw (%s)",
			    strerror(errno));
}

/* Takes the escape sequence out of what was typed; returns what is left. */
static size_t escape_filter(struct chardev *c, uint8_t *data, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		bool after = c->escaped;

		c->escaped = !after && data[i] == ESCAPE;
		if (c->escaped)
			continue;
		if (after && data[i] == ESCAPE_QUIT)
			c->ops->quit(c->opaque);
		else
			data[kept++] = data[i];
	}
	return kept;
}

/* ---- input --------------------------------------------------------------- */

static void ring(struct chardev *c)
{
	const uint64_t one = 1;
	ssize_t n = write(c->wake.fd, &one, sizeof(one));

	(void)n; /* full means rung */
}

/*
 * Input for which there is no room is not watched at all: epoll would tell of
 * a hang-up again and again, though what was sent before it is still unread.
 */
static void input_watch(struct chardev *c)
{
	bool want = c->input.fd >= 0 &&
		    (c->held ? c->raw : !atomic_load(&c->input_paused));

	if (want == c->input_watched)
		return;
	if (!want)
		loop_remove(c->loop, &c->input);
	/* A regular file or /dev/null cannot be watched: no input then. */
	c->input_watched = want && !loop_add(c->loop, &c->input, EPOLLIN);
}

/* The descriptor takes output again, or is gone and with it what is put. */
static void output_unblocked(struct chardev *c)
{
	if (!c->held && atomic_exchange(&c->output_blocked, false))
		c->ops->writable(c->opaque);
}

static void client_leave(struct chardev *c)
{
	if (c->input_watched)
		loop_remove(c->loop, &c->input);
	c->input_watched = false;
	if (c->kind != SERIAL_UNIX) {
		c->input.fd = -1;
		return;
	}
	pthread_mutex_lock(&c->lock);
	if (c->output_watched)
		loop_remove(c->loop, &c->output);
	close(c->out_fd);
	if (c->input.fd >= 0)
		close(c->input.fd);
	c->out_fd = c->input.fd = c->output.fd = -1;
	c->output_watched = false;
	pthread_mutex_unlock(&c->lock);
	output_unblocked(c);
}

/* The port has no room: input is not watched until it has. */
static void input_pause(struct chardev *c)
{
	atomic_store(&c->input_paused, true);
	/* The guest may have made room just before. */
	if (c->ops->room(c->opaque))
		chardev_want_input(c);
	input_watch(c);
}

/* What is typed at a machine that stands still, for its guest or to end it. */
static void input_keep(struct chardev *c, const uint8_t *data, size_t len)
{
	size_t room = INPUT_MAX - c->nr_typed;

	if (len > room)
		len = room;
	memcpy(c->typed + c->nr_typed, data, len);
	c->nr_typed += len;
}

/* Gives the port what was kept. True when nothing is left of it. */
static bool typed_receive(struct chardev *c)
{
	size_t len = c->nr_typed ? c->ops->room(c->opaque) : 0;

	if (len > c->nr_typed)
		len = c->nr_typed;
	if (len)
		c->ops->receive(c->opaque, c->typed, len);
	c->nr_typed -= len;
	memmove(c->typed, c->typed + len, c->nr_typed);
	return !c->nr_typed;
}

static void input_ready(void *opaque, uint32_t events)
{
	struct chardev *c = opaque;
	uint8_t data[INPUT_MAX];
	size_t room = INPUT_MAX;
	ssize_t len;

	(void)events;
	if (!c->held)
		room = typed_receive(c) ? c->ops->room(c->opaque) : 0;
	if (!room) {
		input_pause(c);
		return;
	}
	len = read(c->input.fd, data, room < INPUT_MAX ? room : INPUT_MAX);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		client_leave(c);
		return;
	}
	if (c->raw)
		len = escape_filter(c, data, len);
	if (c->held)
		input_keep(c, data, len);
	else
		c->ops->receive(c->opaque, data, len);
}

void chardev_want_input(struct chardev *c)
{
	if (atomic_exchange(&c->input_paused, false))
		ring(c);
}

/* ---- output -------------------------------------------------------------- */

static void output_ready(void *opaque, uint32_t events)
{
	struct chardev *c = opaque;

	(void)events;
	loop_remove(c->loop, &c->output);
	c->output_watched = false;
	output_unblocked(c);
}

static void output_watch(struct chardev *c)
{
	if (!atomic_load(&c->output_blocked) || c->output_watched || c->held ||
	    c->output.fd < 0)
		return;
	c->output_watched = !loop_add(c->loop, &c->output, EPOLLOUT);
}

static bool put_locked(struct chardev *c, uint8_t byte)
{
	struct pollfd p = { .fd = c->out_fd, .events = POLLOUT };
	ssize_t n;

	if (c->writer)
		writer_put(c->writer, &byte, 1);
	if (c->writer || c->out_fd < 0)
		return true;
	/* Interrupted (by a pause), it knows nothing: a write might wait. */
	if (poll(&p, 1, 0) <= 0) {
		atomic_store(&c->output_blocked, true);
		ring(c);
		return false;
	}
	do
		n = write(c->out_fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	return true; /* whoever left, or a full disk, does not stop a guest */
}

bool chardev_put(struct chardev *c, uint8_t byte)
{
	bool done;

	pthread_mutex_lock(&c->lock);
	done = put_locked(c, byte);
	pthread_mutex_unlock(&c->lock);
	return done;
}

/* ---- regular files ------------------------------------------------------------ */

static void file_lost(void *opaque, int error)
{
	struct chardev *c = opaque;

	log_warning("what the guest writes to its serial port is lost, as far "
		    "as %s does not take it (%s); the guest goes on",
		    c->path, error ? strerror(error) : "it is too slow");
}

/* What cannot be asked whether a write would wait is a thread's. */
static int write_by_thread(struct chardev *c, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENOTSUP;
	return writer_create(fd, FILE_BUFFER, file_lost, c, &c->writer);
}

static void wake_ready(void *opaque, uint32_t events)
{
	struct chardev *c = opaque;
	uint64_t count;
	ssize_t n = read(c->wake.fd, &count, sizeof(count));

	(void)events;
	(void)n;
	if (!c->held && !typed_receive(c))
		input_pause(c);
	input_watch(c);
	output_watch(c);
}

void chardev_hold(struct chardev *c, bool hold)
{
	c->held = hold;
	input_watch(c);
	if (!hold) {
		if (c->output.fd < 0) /* it left meanwhile */
			output_unblocked(c);
		ring(c);
	} else if (c->output_watched) {
		loop_remove(c->loop, &c->output);
		c->output_watched = false;
	}
}

/* ---- the kinds ----------------------------------------------------------- */

static void connect_fds(struct chardev *c, int in, int out)
{
	pthread_mutex_lock(&c->lock);
	c->input.fd = in;
	c->output.fd = out;
	c->out_fd = out;
	pthread_mutex_unlock(&c->lock);
	atomic_store(&c->input_paused, false);
	input_watch(c);
}

/* Input that is not watched hides that its client has left. */
static bool client_left(const struct chardev *c)
{
	struct pollfd p = { .fd = c->input.fd };

	return c->input.fd >= 0 && !c->input_watched && poll(&p, 1, 0) > 0;
}

static void accept_ready(void *opaque, uint32_t events)
{
	struct chardev *c = opaque;
	int out = -1;
	int in = unix_listener_accept(&c->listener, 0);

	(void)events;
	if (in < 0)
		return;
	if (client_left(c))
		client_leave(c);
	/* One client; a second descriptor, so that epoll watches each way. */
	if (c->input.fd < 0)
		out = fcntl(in, F_DUPFD_CLOEXEC, 0);
	if (out < 0) {
		close(in);
		return;
	}
	connect_fds(c, in, out);
}

static int open_stdio(struct chardev *c, struct pm_error *err)
{
	int ret = terminal_raw(c, err);
	int fd = ret ? -1 : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);

	if (ret)
		return ret;
	c->path = "standard output";
	if (fd >= 0 && write_by_thread(c, fd) < 0)
		close(fd);
	connect_fds(c, STDIN_FILENO, c->writer ? -1 : STDOUT_FILENO);
	return 0;
}

static int open_file(struct chardev *c, const char *path, struct pm_error *err)
{
	/* A named pipe that nobody reads would keep us waiting. */
	int fd = open(path,
		      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY |
			      O_NONBLOCK,
		      0666);
	int ret;

	if (fd < 0)
		return pm_error_set(
			err, errno,
			"the serial port's file %s cannot be written (%s): "
			"check the directory and its permissions",
			path,
			errno == ENXIO ? "nobody reads it" : strerror(errno));
	c->path = path;
	ret = write_by_thread(c, fd);
	if (ret && ret != -ENOTSUP) {
		close(fd);
		return pm_error_set(err, -ret,
				    "no thread for the serial port (%s)",
				    strerror(-ret));
	}
	connect_fds(c, -1, c->writer ? -1 : fd);
	return 0;
}

static int open_unix(struct chardev *c, const char *path, struct pm_error *err)
{
	int ret = unix_listener_open(&c->listener, path, err);

	if (ret)
		return ret;
	c->accept.fd = c->listener.fd;
	ret = loop_add(c->loop, &c->accept, EPOLLIN);
	if (ret)
		return pm_error_set(err, -ret, "%s cannot be watched (%s)",
				    path, strerror(-ret));
	return 0;
}

static int open_kind(struct chardev *c, const char *path, struct pm_error *err)
{
	switch (c->kind) {
	case SERIAL_STDIO:
		return open_stdio(c, err);
	case SERIAL_FILE:
		return open_file(c, path, err);
	case SERIAL_UNIX:
		return open_unix(c, path, err);
	case SERIAL_NONE:
		break;
	}
	return 0;
}

static void sources_init(struct chardev *c)
{
	c->input = (struct loop_source){ -1, input_ready, c };
	c->output = (struct loop_source){ -1, output_ready, c };
	c->accept = (struct loop_source){ -1, accept_ready, c };
	c->wake = (struct loop_source){ -1, wake_ready, c };
	c->out_fd = -1;
	c->listener.fd = -1;
}

int chardev_create(enum serial_kind kind, const char *path, struct loop *loop,
		   struct chardev **out, struct pm_error *err)
{
	struct chardev *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return pm_error_set(err, ENOMEM, "no memory for a serial port");
	c->kind = kind;
	c->loop = loop;
	pthread_mutex_init(&c->lock, NULL);
	sources_init(c);
	c->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = c->wake.fd < 0 ? -errno : loop_add(loop, &c->wake, EPOLLIN);
	if (ret)
		pm_error_set(err, -ret, "no descriptor for a serial port (%s)",
			     strerror(-ret));
	else
		ret = open_kind(c, path, err);
	if (ret) {
		chardev_destroy(c);
		return ret;
	}
	*out = c;
	return 0;
}

static void source_close(struct chardev *c, struct loop_source *source,
			 bool watched)
{
	if (source->fd < 0)
		return;
	if (watched)
		loop_remove(c->loop, source);
	if (c->kind != SERIAL_STDIO || source == &c->wake)
		close(source->fd);
}

void chardev_destroy(struct chardev *c)
{
	if (!c)
		return;
	if (c->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &c->terminal);
	writer_destroy(c->writer, FILE_END_MS);
	source_close(c, &c->input, c->input_watched);
	source_close(c, &c->output, c->output_watched);
	source_close(c, &c->wake, true);
	if (c->accept.fd >= 0)
		loop_remove(c->loop, &c->accept);
	if (c->listener.fd >= 0)
		unix_listener_close(&c->listener);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void chardev_attach(struct chardev *c, const struct chardev_ops *ops,
		    void *opaque)
{
	c->ops = ops;
	c->opaque = opaque;
}
