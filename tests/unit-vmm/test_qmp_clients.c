/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many clients, and such that do not read: the control socket against the
 * program's own client, which has a thread of its own here.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../cli/qmp_client.h"
#include "fake_machine.h"
#include "host/loop.h"
#include "machine/observer.h"
#include "memory/violations.h"
#include "qmp/server.h"

struct fixture {
	char dir[64];
	char path[100];
	struct machine *machine;
	struct loop_source bell;
	bool ended;
};

static void on_bell(void *opaque, uint32_t events)
{
	struct fixture *f = opaque;

	(void)events;
	f->ended = true;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct pm_error err;

	strcpy(f->dir, "/tmp/paramem-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/qmp.sock", f->dir);
	f->machine = fake_machine_create(f->path);
	f->bell = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.fn = on_bell,
		.opaque = f,
	};
	if (loop_add(f->machine->loop, &f->bell, EPOLLIN) < 0)
		return -1;
	*state = f;
	return qmp_create(f->machine, &f->machine->qmp, &err);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int ret;

	close(f->bell.fd);
	fake_machine_destroy(f->machine);
	ret = rmdir(f->dir);
	free(f);
	return ret;
}

/* ---- what a thread asks while the loop runs ------------------------------ */

struct asker {
	struct fixture *f;
	const char *path;
	int ret;
	struct pm_error err;
	struct qmp_client *client; /* open at the end, when all went well */
};

static void *ask(void *opaque)
{
	struct asker *a = opaque;
	const uint64_t one = 1;

	if (!a->client)
		a->ret = qmp_client_open(a->path, &a->client, &a->err);
	if (!a->ret)
		a->ret = qmp_client_command(a->client, "query-status", NULL,
					    NULL, &a->err);
	assert_int_equal(write(a->f->bell.fd, &one, sizeof(one)), 8);
	return NULL;
}

/* The loop runs until the asker has its answer. */
static void run_asker(struct fixture *f, struct asker *a)
{
	pthread_t thread;
	uint64_t count;

	a->f = f;
	a->path = a->path ? a->path : f->path;
	assert_int_equal(pthread_create(&thread, NULL, ask, a), 0);
	while (!f->ended)
		assert_int_equal(loop_run_once(f->machine->loop), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(read(f->bell.fd, &count, sizeof(count)), 8);
	f->ended = false;
}

/* ---- what is idle -------------------------------------------------------- */

static int connect_raw(struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(addr.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	return fd;
}

/* Runs the loop until there are bytes, or the end of them. */
static ssize_t receive(struct fixture *f, int fd, char *buf, size_t size)
{
	ssize_t n;

	while ((n = recv(fd, buf, size - 1, MSG_DONTWAIT)) < 0) {
		assert_int_equal(errno, EAGAIN);
		assert_int_equal(loop_run_once(f->machine->loop), 0);
	}
	buf[n] = '\0';
	return n;
}

static void say(struct fixture *f, int fd, const char *text)
{
	char buf[4096];

	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 strlen(text));
	assert_true(receive(f, fd, buf, sizeof(buf)) > 0);
}

static int idle_client(struct fixture *f, bool negotiates)
{
	char greeting[1024];
	int fd = connect_raw(f);

	assert_true(receive(f, fd, greeting, sizeof(greeting)) > 0);
	if (negotiates)
		say(f, fd, "{'execute':'qmp_capabilities'}");
	return fd;
}

/* What it was told before the connection ended. */
static void expect_turned_out(struct fixture *f, int fd, const char *words)
{
	char buf[1024];

	assert_true(receive(f, fd, buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, words));
	assert_int_equal(receive(f, fd, buf, sizeof(buf)), 0);
	close(fd);
}

static bool is_open(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 &&
	       errno == EAGAIN;
}

/* ---- tests --------------------------------------------------------------- */

/* However many sleep there, who comes gets in, and its answer. */
static void test_owner_gets_in(void **state)
{
	int fds[QMP_CLIENTS_MAX + 8], n = QMP_CLIENTS_MAX + 8;
	struct fixture *f = *state;
	struct asker a = { 0 };

	for (int i = 0; i < n; i++)
		fds[i] = idle_client(f, true);
	run_asker(f, &a);
	assert_string_equal(a.err.text, "");
	assert_int_equal(a.ret, 0);
	assert_true(f->machine->qmp->nr_conns <= QMP_CLIENTS_MAX);
	qmp_client_close(a.client);
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

/*
 * In this order: who never negotiated, then who asked nothing for longest.
 * Who waits for a dump stays, though it asked before all others.
 */
static void test_who_goes(void **state)
{
	int waits, mute, fds[QMP_CLIENTS_MAX - 2], extra[3];
	struct fixture *f = *state;

	waits = idle_client(f, true);
	assert_true(send(waits,
			 "{'execute':'dump-guest-memory','arguments':{"
			 "'paging':false,'protocol':'file:x'}}",
			 81, 0) > 0);
	for (int i = 0; i < QMP_CLIENTS_MAX - 2; i++)
		fds[i] = idle_client(f, true);
	mute = idle_client(f, false);
	assert_int_equal(f->machine->dump.status, DUMP_ACTIVE);
	say(f, fds[0], "{'execute':'query-name'}");
	extra[0] = idle_client(f, true);
	expect_turned_out(f, mute,
			  "\"error\": {\"class\": \"GenericError\", "
			  "\"desc\": \"Too many clients");
	extra[1] = idle_client(f, true);
	expect_turned_out(f, fds[1],
			  "\"event\": \"X_PARAMEM_DISCONNECTED\", "
			  "\"data\": {\"reason\": \"idle\"}}");
	extra[2] = idle_client(f, true);
	expect_turned_out(f, fds[2], "X_PARAMEM_DISCONNECTED");
	assert_true(is_open(waits));
	assert_true(is_open(fds[0]));
	close(waits);
	close(fds[0]);
	for (int i = 3; i < QMP_CLIENTS_MAX - 2; i++)
		close(fds[i]);
	for (int i = 0; i < 3; i++)
		close(extra[i]);
}

/* The program's client tells that from the machine's end. */
static void test_client_knows_why(void **state)
{
	int fds[QMP_CLIENTS_MAX];
	struct fixture *f = *state;
	struct asker a = { 0 };

	run_asker(f, &a);
	assert_int_equal(a.ret, 0);
	for (int i = 0; i < QMP_CLIENTS_MAX; i++)
		fds[i] = idle_client(f, true);
	run_asker(f, &a);
	assert_int_equal(a.ret, -ECONNABORTED);
	assert_non_null(strstr(a.err.text, "asked nothing for longer than all "
					   "others"));
	qmp_client_close(a.client);
	for (int i = 0; i < QMP_CLIENTS_MAX; i++)
		close(fds[i]);
}

/* No descriptor is left to this process. */
static void use_up_descriptors(int *fds, int *nr)
{
	*nr = 0;
	while ((fds[*nr] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		(*nr)++;
	assert_int_equal(errno, EMFILE);
}

/* A client's place is a descriptor, where the process has no other. */
static void test_no_descriptors(void **state)
{
	struct rlimit before, few;
	struct fixture *f = *state;
	int fds[256], nr, idle, client;
	char buf[1024];

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 200;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	idle = idle_client(f, true);
	use_up_descriptors(fds, &nr);
	close(fds[--nr]);
	client = connect_raw(f);
	assert_true(receive(f, client, buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "\"QMP\""));
	expect_turned_out(f, idle, "X_PARAMEM_DISCONNECTED");
	while (nr)
		close(fds[--nr]);
	close(client);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* Nobody can go for it there: it is told, and its client says so. */
static void test_no_descriptors_at_all(void **state)
{
	struct rlimit before, few;
	struct fixture *f = *state;
	int fds[256], nr, client;
	char buf[1024];

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 200;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	use_up_descriptors(fds, &nr);
	close(fds[--nr]);
	client = connect_raw(f);
	assert_true(receive(f, client, buf, sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "no file descriptor left"));
	assert_int_equal(receive(f, client, buf, sizeof(buf)), 0);
	while (nr)
		close(fds[--nr]);
	close(client);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* ---- clients that do not read -------------------------------------------- */

#define GiB (UINT64_C(1) << 30)

/* What a client gets when it reads at last, line by line. */
struct reader {
	struct fixture *f;
	int fd;
	size_t len;
	char buf[16384];
};

/* The next line, valid until the next call; NULL at the end of all. */
static const char *read_line(struct reader *r)
{
	static char line[sizeof(r->buf)];
	char *end;

	while (!(end = memchr(r->buf, '\n', r->len))) {
		ssize_t n = receive(r->f, r->fd, r->buf + r->len,
				    sizeof(r->buf) - r->len);

		if (!n)
			return NULL;
		r->len += (size_t)n;
	}
	*end++ = '\0';
	strcpy(line, r->buf);
	r->len -= (size_t)(end - r->buf);
	memmove(r->buf, end, r->len);
	return line;
}

/* Standard error goes there until it is set back to what this returns. */
static int catch_log(char *path)
{
	int saved = dup(STDERR_FILENO), fd;

	strcpy(path, "/tmp/paramem-test-log-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	dup2(fd, STDERR_FILENO);
	close(fd);
	return saved;
}

static void release_log(const char *path, int saved, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, size - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	unlink(path);
	dup2(saved, STDERR_FILENO);
	close(saved);
}

static void tell_stop_and_go(struct fixture *f, int times)
{
	for (int i = 0; i < times; i++) {
		if (i % 2)
			observers_tell(f->machine->observers, resumed);
		else
			observers_tell(f->machine->observers, stopped);
	}
}

/* They come in their order, without a gap; returns how many. */
static int count_stop_and_go(struct reader *r)
{
	const char *line;
	int n = 0;

	while ((line = read_line(r))) {
		assert_non_null(strstr(line, n % 2 ? "RESUME" : "STOP"));
		n++;
	}
	return n;
}

/* Nothing is lost to a client that stays: it gets all, or is disconnected. */
static void test_no_event_is_lost(void **state)
{
	struct fixture *f = *state;
	struct reader r = { .f = f };
	char path[40], log[1024];
	int saved;

	r.fd = idle_client(f, true);
	saved = catch_log(path);
	tell_stop_and_go(f, 60000);
	assert_true(f->machine->qmp->conns->dead);
	assert_int_equal(f->machine->qmp->conns->out.len, 0);
	release_log(path, saved, log, sizeof(log));
	assert_non_null(strstr(log, "is disconnected from the control socket: "
				    "it does not read"));
	assert_in_range(count_stop_and_go(&r), 0, 59999);
	close(r.fd);
}

static void test_slow_is_not_lost(void **state)
{
	struct fixture *f = *state;
	struct reader r = { .f = f };
	int n = 0;

	r.fd = idle_client(f, true);
	tell_stop_and_go(f, 2000);
	assert_false(f->machine->qmp->conns->dead);
	observers_tell(f->machine->observers, shutdown, MACHINE_HOST_QUIT);
	for (const char *line; (line = read_line(&r)); n++) {
		if (strstr(line, "SHUTDOWN"))
			break;
		assert_non_null(strstr(line, n % 2 ? "RESUME" : "STOP"));
	}
	assert_int_equal(n, 2000);
	close(r.fd);
}

/*
 * Sizes may be merged, and then the last is told when the client has read,
 * and before anything that came after it.
 */
static void test_sizes_are_merged(void **state)
{
	struct fixture *f = *state;
	struct reader r = { .f = f };
	struct violation v = { .gpa = 4096, .vcpu = 1 };
	const char *line, *what = "";
	int sizes = 0, i;

	r.fd = idle_client(f, true);
	tell_stop_and_go(f, 1000);
	assert_true(qmp_conn_behind(f->machine->qmp->conns));
	for (i = 1; i <= 3000; i++) {
		observers_tell(f->machine->observers, size_changed, 0, i * GiB);
		v.count = (uint64_t)i;
		observers_tell(f->machine->observers, violation, 1, &v);
		qmp_events_flush(f->machine->qmp);
	}
	assert_false(f->machine->qmp->conns->dead);
	for (i = 0; i < 1000; i++) {
		line = read_line(&r);
		assert_non_null(strstr(line, i % 2 ? "RESUME" : "STOP"));
	}
	for (i = 0; i < 2; i++) {
		line = read_line(&r);
		if (strstr(line, "\"size\": 3221225472000"))
			sizes++;
		else
			assert_non_null(strstr(line, "\"count\": 3000}"));
	}
	assert_int_equal(sizes, 1);
	/* Behind again: what it is owed comes before the stop. */
	tell_stop_and_go(f, 1000);
	observers_tell(f->machine->observers, size_changed, 0, 5 * GiB);
	qmp_events_flush(f->machine->qmp);
	assert_int_equal(f->machine->qmp->conns->owed_sizes, 1);
	observers_tell(f->machine->observers, stopped);
	for (i = 0; i < 1001; i++)
		what = read_line(&r);
	assert_non_null(strstr(what, "\"size\": 5368709120"));
	assert_non_null(strstr(read_line(&r), "STOP"));
	close(r.fd);
}

/* ---- what the program's client says of what is no machine ---------------- */

static void expect_reason(const char *path, const char *words)
{
	struct qmp_client *client = NULL;
	struct pm_error err = { "" };

	assert_true(qmp_client_open(path, &client, &err) < 0);
	assert_null(strstr(err.text, "has ended"));
	if (!strstr(err.text, words))
		fail_msg("'%s' has no '%s'", err.text, words);
}

static int socket_at(const char *path, int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

struct talker {
	int listener;
	const char *words;
};

static void *talk(void *opaque)
{
	struct talker *t = opaque;
	int fd = accept(t->listener, NULL, NULL);

	if (t->words)
		send(fd, t->words, strlen(t->words), MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void expect_reason_of(const char *path, const char *says,
			     const char *words)
{
	struct talker t = { socket_at(path, SOCK_STREAM), says };
	pthread_t thread;

	assert_int_equal(listen(t.listener, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, talk, &t), 0);
	expect_reason(path, words);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(t.listener);
	unlink(path);
}

static void test_what_is_no_machine(void **state)
{
	struct fixture *f = *state;
	char path[120];
	int fd;

	expect_reason(f->dir, "is no socket");
	snprintf(path, sizeof(path), "%s/other", f->dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	expect_reason(path, "is no socket");
	unlink(path);
	fd = socket_at(path, SOCK_DGRAM);
	expect_reason(path, "a socket of another kind");
	close(fd);
	unlink(path);
	expect_reason_of(path, NULL, "hung up without a greeting");
	expect_reason_of(path, "login: \n", "no control protocol");
	expect_reason_of(path,
			 "{\"error\": {\"class\": \"GenericError\", "
			 "\"desc\": \"a reason\"}}\r\n",
			 "a reason");
}

#define CLIENTS_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLIENTS_TEST(test_owner_gets_in),
		CLIENTS_TEST(test_who_goes),
		CLIENTS_TEST(test_client_knows_why),
		CLIENTS_TEST(test_no_descriptors),
		CLIENTS_TEST(test_no_descriptors_at_all),
		CLIENTS_TEST(test_no_event_is_lost),
		CLIENTS_TEST(test_slow_is_not_lost),
		CLIENTS_TEST(test_sizes_are_merged),
		CLIENTS_TEST(test_what_is_no_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
