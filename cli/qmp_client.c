/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of a control socket. The server ends each message with a newline,
 * as QEMU does; no message has one inside.
 */
#include "qmp_client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "config/machine_config.h"
#include "peer.h"
#include "runtime_dir.h"

#define CLIENT_ANSWER_MS   10000
/* So long after a machine has hung up it may still be ending. */
#define CLIENT_END_MS      2000
#define CLIENT_MESSAGE_MAX (1024 * 1024)

struct qmp_client {
	int fd;
	struct peer peer;
	const char *target; /* the caller's */
	json_t *events;     /* that came while a command ran */
	bool greeted;
	bool turned_out; /* it said so: others needed the place */
	size_t len;
	char buf[CLIENT_MESSAGE_MAX];
};

int64_t qmp_client_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Turns a target into the path of a socket. */
static int client_path(const char *target, char path[PATH_MAX],
		       struct pm_error *err)
{
	char base[PATH_MAX];
	int ret;

	if (strchr(target, '/')) {
		if (strlen(target) >= PATH_MAX)
			return pm_error_set(err, ENAMETOOLONG,
					    "the socket path is too long");
		strcpy(path, target);
		return 0;
	}
	if (!machine_name_valid(target))
		return pm_error_set(err, EINVAL,
				    "'%.80s' is neither the name of a machine "
				    "nor the path of a socket, which has a "
				    "slash in it: see 'paramem list'",
				    target);
	ret = runtime_dir_base(base, err);
	return ret < 0 ? ret : runtime_dir_socket(base, target, path, err);
}

/* Nobody listens, for one of these reasons. */
static int refused_error(const char *path, struct pm_error *err)
{
	struct stat st;

	if (!stat(path, &st) && !S_ISSOCK(st.st_mode))
		return pm_error_set(err, ENOTSOCK,
				    "'%.200s' is no socket: name the one that "
				    "--qmp was given, or the machine",
				    path);
	return pm_error_set(err, ECONNREFUSED,
			    "nobody listens at '%.200s': the machine has "
			    "ended, start it again",
			    path);
}

static int connect_error(const char *target, const char *path, int code,
			 struct pm_error *err)
{
	bool by_name = !strchr(target, '/');

	switch (code) {
	case ENOENT:
	case ENOTDIR:
		if (by_name)
			return pm_error_set(err, code,
					    "no machine with the name '%s' "
					    "runs: see 'paramem list'",
					    target);
		return pm_error_set(err, code,
				    "there is no socket '%.200s': check the "
				    "path that --qmp was given",
				    path);
	case ECONNREFUSED:
		return refused_error(path, err);
	case EPROTOTYPE:
		return pm_error_set(err, code,
				    "'%.200s' is a socket of another kind: "
				    "name the one that --qmp was given",
				    path);
	case EACCES:
	case EPERM:
		return pm_error_set(err, code,
				    "you may not use the socket '%.200s': "
				    "become the user who runs the machine",
				    path);
	case EAGAIN:
		return pm_error_set(err, code,
				    "the machine at '%.200s' does not answer: "
				    "too many clients wait for it",
				    path);
	default:
		return pm_error_set(err, code, "cannot connect to '%.200s': %s",
				    path, strerror(code));
	}
}

static int client_connect(const char *target, struct pm_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char path[PATH_MAX];
	int fd, ret;

	ret = client_path(target, path, err);
	if (ret < 0)
		return ret;
	if (strlen(path) >= sizeof(addr.sun_path))
		return pm_error_set(err, ENAMETOOLONG,
				    "the socket path '%.200s' is too long: use "
				    "one of at most %zu bytes",
				    path, sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return pm_error_set(err, errno, "cannot make a socket: %s%s",
				    strerror(errno),
				    errno == EMFILE ? "; let this process open "
						      "more files (ulimit -n)"
						    : "");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		ret = connect_error(target, path, errno, err);
		close(fd);
		return ret;
	}
	return fd;
}

/* By a process that is there still. */
static int client_hung_up(const struct qmp_client *client, struct pm_error *err)
{
	if (client->greeted)
		return pm_error_set(err, ECONNABORTED,
				    "the machine '%.200s' has closed the "
				    "connection, and its process, %d, is there "
				    "still: try again, unless it is just "
				    "ending",
				    client->target, (int)client->peer.pid);
	return pm_error_set(err, ECONNABORTED,
			    "'%.200s' hung up without a greeting: its process, "
			    "%d, is just ending, or is no machine",
			    client->target, (int)client->peer.pid);
}

/* Who serves hung up, or is gone. */
static int client_ended(const struct qmp_client *client, struct pm_error *err)
{
	if (client->turned_out)
		return pm_error_set(err, ECONNABORTED,
				    "the machine '%.200s' has closed this "
				    "connection, since it had asked nothing "
				    "for longer than all others, and one more "
				    "came: end what holds connections to it",
				    client->target);
	switch (peer_state(&client->peer, CLIENT_END_MS)) {
	case PEER_GONE:
		return pm_error_set(err, ECONNRESET,
				    "the machine '%.200s' has ended",
				    client->target);
	case PEER_UNKNOWN:
		return pm_error_set(err, ECONNRESET,
				    "the machine '%.200s' has ended, or has "
				    "closed the connection: see 'paramem list'",
				    client->target);
	default:
		return client_hung_up(client, err);
	}
}

/* 0 when ready, -ETIMEDOUT. */
static int client_wait(struct qmp_client *client, short events,
		       int64_t deadline_ms)
{
	struct pollfd pfd = { .fd = client->fd, .events = events };
	int64_t left;
	int n;

	do {
		left = deadline_ms - qmp_client_now();
		if (left < 0)
			left = 0;
		if (left > INT_MAX)
			left = INT_MAX;
		n = poll(&pfd, 1, (int)left);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : -ETIMEDOUT;
}

/* Takes one message out of the buffer; NULL when there is no whole one. */
static char *client_line(struct qmp_client *client, size_t *len)
{
	char *end = memchr(client->buf, '\n', client->len);

	if (!end)
		return NULL;
	*len = (size_t)(end - client->buf) + 1;
	return client->buf;
}

static int client_fill(struct qmp_client *client, int64_t deadline_ms,
		       struct pm_error *err)
{
	ssize_t n;
	int ret;

	if (client->len == sizeof(client->buf))
		return pm_error_set(err, EPROTO,
				    "'%.200s' sends what is no control "
				    "protocol: check the target",
				    client->target);
	ret = client_wait(client, POLLIN, deadline_ms);
	if (ret < 0)
		return ret;
	n = recv(client->fd, client->buf + client->len,
		 sizeof(client->buf) - client->len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return client_ended(client, err);
	client->len += (size_t)n;
	return 0;
}

static bool says_turned_out(const json_t *message)
{
	const char *name = json_string_value(json_object_get(message, "event"));

	return name && !strcmp(name, "X_PARAMEM_DISCONNECTED");
}

static int client_parse(struct qmp_client *client, int64_t deadline_ms,
			json_t **message, struct pm_error *err)
{
	json_error_t parse;
	size_t len;
	char *line;
	int ret;

	while (!(line = client_line(client, &len))) {
		ret = client_fill(client, deadline_ms, err);
		if (ret < 0)
			return ret;
	}
	*message = json_loadb(line, len, 0, &parse);
	client->len -= len;
	memmove(client->buf, client->buf + len, client->len);
	if (*message)
		return 0;
	return pm_error_set(err, EPROTO,
			    "'%.200s' sends what is no control protocol: "
			    "check the target",
			    client->target);
}

/* The next message but the one that says that there will be no other. */
static int client_receive(struct qmp_client *client, int64_t deadline_ms,
			  json_t **message, struct pm_error *err)
{
	int ret;

	while (!(ret = client_parse(client, deadline_ms, message, err)) &&
	       says_turned_out(*message)) {
		client->turned_out = true;
		json_decref(*message);
	}
	return ret;
}

/* It takes nothing any more; what it said last is still to be read. */
static int client_cut_off(struct qmp_client *client, struct pm_error *err)
{
	json_t *message;
	int ret;

	while (!(ret = client_receive(client, 0, &message, err)))
		json_array_append_new(client->events, message);
	return ret == -ETIMEDOUT ? client_ended(client, err) : ret;
}

static int client_send(struct qmp_client *client, const char *text,
		       int64_t deadline_ms, struct pm_error *err)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = send(client->fd, text, len, MSG_NOSIGNAL);

		if (n >= 0) {
			text += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			int ret = client_wait(client, POLLOUT, deadline_ms);

			if (ret < 0)
				return ret;
		} else if (errno != EINTR) {
			return client_cut_off(client, err);
		}
	}
	return 0;
}

static int client_unanswered(struct qmp_client *client, int ret,
			     struct pm_error *err)
{
	int pid = (int)client->peer.pid;

	if (ret != -ETIMEDOUT)
		return ret;
	switch (peer_state(&client->peer, 0)) {
	case PEER_STOPPED:
		return pm_error_set(err, ETIMEDOUT,
				    "the machine '%.200s' does not answer: its "
				    "process is stopped by a signal or a "
				    "debugger; 'kill -CONT %d' lets it go on",
				    client->target, pid);
	case PEER_RUNS:
		return pm_error_set(err, ETIMEDOUT,
				    "'%.200s' has not answered for %d seconds, "
				    "though its process, %d, runs: it is %s",
				    client->target, CLIENT_ANSWER_MS / 1000,
				    pid,
				    client->greeted ? "very busy, try again"
						    : "very busy, or no "
						      "machine");
	default:
		return pm_error_set(err, ETIMEDOUT,
				    "'%.200s' has not answered for %d seconds: "
				    "its process is stopped or very busy, or "
				    "is no machine",
				    client->target, CLIENT_ANSWER_MS / 1000);
	}
}

/* The reply to the command under way; events before it are kept. */
static int client_reply(struct qmp_client *client, int64_t deadline_ms,
			json_t **reply, struct pm_error *err)
{
	for (;;) {
		int ret = client_receive(client, deadline_ms, reply, err);

		if (ret < 0)
			return ret;
		if (!json_object_get(*reply, "event"))
			return 0;
		json_array_append_new(client->events, *reply);
	}
}

/* Releases @reply. */
static int client_result(json_t *reply, json_t **result, struct pm_error *err)
{
	json_t *value = json_object_get(reply, "return");
	const char *desc = "it answered with nonsense";
	int ret = 0;

	if (value) {
		if (result)
			*result = json_incref(value);
	} else {
		json_unpack(reply, "{s:{s:s}}", "error", "desc", &desc);
		ret = pm_error_set(err, EIO, "the machine refused: %s", desc);
	}
	json_decref(reply);
	return ret;
}

int qmp_client_command(struct qmp_client *client, const char *command,
		       json_t *arguments, json_t **result, struct pm_error *err)
{
	int64_t deadline_ms = qmp_client_now() + CLIENT_ANSWER_MS;
	json_t *reply, *request;
	char *text;
	int ret;

	request = json_pack("{s:s, s:o*}", "execute", command, "arguments",
			    arguments);
	text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	if (!text)
		return pm_error_set(err, ENOMEM, "out of memory");
	ret = client_send(client, text, deadline_ms, err);
	free(text);
	if (!ret)
		ret = client_reply(client, deadline_ms, &reply, err);
	if (ret < 0)
		return client_unanswered(client, ret, err);
	return client_result(reply, result, err);
}

int qmp_client_event(struct qmp_client *client, int64_t deadline_ms,
		     json_t **event, struct pm_error *err)
{
	json_t *kept = json_array_get(client->events, 0);

	if (kept) {
		*event = json_incref(kept);
		json_array_remove(client->events, 0);
		return 0;
	}
	return client_receive(client, deadline_ms, event, err);
}

static int client_negotiate(struct qmp_client *client, struct pm_error *err)
{
	json_t *greeting;
	int ret;

	ret = client_receive(client, qmp_client_now() + CLIENT_ANSWER_MS,
			     &greeting, err);
	if (ret < 0)
		return client_unanswered(client, ret, err);
	client->greeted = json_object_get(greeting, "QMP") != NULL;
	/* Instead of a greeting: why there will be none. */
	if (json_object_get(greeting, "error"))
		return client_result(greeting, NULL, err);
	json_decref(greeting);
	if (!client->greeted)
		return pm_error_set(err, EPROTO,
				    "'%.200s' sends what is no control "
				    "protocol: check the target",
				    client->target);
	return qmp_client_command(client, "qmp_capabilities", NULL, NULL, err);
}

int qmp_client_open(const char *target, struct qmp_client **out,
		    struct pm_error *err)
{
	struct qmp_client *client;
	int fd, ret;

	fd = client_connect(target, err);
	if (fd < 0)
		return fd;
	client = malloc(sizeof(*client));
	if (!client) {
		close(fd);
		return pm_error_set(err, ENOMEM, "out of memory");
	}
	client->fd = fd;
	peer_init(&client->peer, fd);
	client->target = target;
	client->len = 0;
	client->events = json_array();
	client->greeted = false;
	client->turned_out = false;
	ret = client_negotiate(client, err);
	if (ret < 0) {
		qmp_client_close(client);
		return ret;
	}
	*out = client;
	return 0;
}

void qmp_client_close(struct qmp_client *client)
{
	if (!client)
		return;
	close(client->fd);
	peer_finish(&client->peer);
	json_decref(client->events);
	free(client);
}
