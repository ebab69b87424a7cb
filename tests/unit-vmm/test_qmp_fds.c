/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * File descriptors that clients pass: which command takes which, and that none
 * stays open for nobody.
 */
#include "../unit/cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_machine.h"
#include "host/loop.h"
#include "qmp/server.h"

struct fixture {
	struct machine *machine;
	int fd;
	unsigned int open; /* descriptors before the test */
	char dir[40];
};

static unsigned int count_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int connect_client(struct machine *machine)
{
	struct qmp *qmp = machine->qmp;
	struct qmp_conn *conn;
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(qmp_conn_create(qmp, fds[1], &conn), 0);
	conn->negotiated = true;
	conn->next = qmp->conns;
	qmp->conns = conn;
	qmp->nr_conns++;
	return fds[0];
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->machine = fake_machine_create(NULL);
	if (qmp_create(f->machine, &f->machine->qmp, NULL) < 0)
		return -1;
	f->open = count_open();
	f->fd = connect_client(f->machine);
	strcpy(f->dir, "/tmp/paramem-test-XXXXXX");
	*state = f;
	return mkdtemp(f->dir) ? 0 : -1;
}

/* With the last client all that it passed is closed. */
static int tear_down(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	while (f->machine->qmp->nr_conns)
		loop_run_once(f->machine->loop);
	assert_int_equal(count_open(), f->open);
	fake_machine_destroy(f->machine);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

/* Sends text with descriptors, which stay the caller's. */
static void pass(struct fixture *f, const char *text, const int *fds, int nr)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * 64)];
	} control;
	struct iovec iov = { (char *)text, strlen(text) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nr) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)nr);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)nr);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)nr);
	}
	assert_int_equal(sendmsg(f->fd, &msg, MSG_NOSIGNAL), strlen(text));
}

/* So many replies, one after the other in the text. */
static const char *replies(struct fixture *f, int nr)
{
	static char buf[65536];
	size_t len = 0;

	while (nr) {
		ssize_t n = recv(f->fd, buf + len, sizeof(buf) - 1 - len,
				 MSG_DONTWAIT);

		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			assert_int_equal(loop_run_once(f->machine->loop), 0);
			continue;
		}
		for (ssize_t i = 0; i < n; i++)
			nr -= buf[len + (size_t)i] == '\n';
		len += (size_t)n;
	}
	buf[len] = '\0';
	return buf;
}

static const char *ask(struct fixture *f, const char *text)
{
	pass(f, text, NULL, 0);
	return replies(f, 1);
}

static const char *ask_with(struct fixture *f, const char *text, int fd)
{
	pass(f, text, &fd, 1);
	return replies(f, 1);
}

#define OK "{\"return\": {}}\r\n"
#define GENERIC(desc)                                          \
	"{\"error\": {\"class\": \"GenericError\", \"desc\": " \
	"\"" desc "\"}}\r\n"
#define GETFD(name)   "{'execute':'getfd','arguments':{'fdname':'" name "'}}"
#define CLOSEFD(name) "{'execute':'closefd','arguments':{'fdname':'" name "'}}"

static void test_names(void **state)
{
	struct fixture *f = *state;
	unsigned int before = count_open();

	assert_string_equal(ask(f, GETFD("a")),
			    GENERIC("No file descriptor supplied via "
				    "SCM_RIGHTS"));
	assert_string_equal(ask_with(f, GETFD("a"), 0), OK);
	assert_int_equal(count_open(), before + 1);
	/* It takes the place of the first. */
	assert_string_equal(ask_with(f, GETFD("a"), 0), OK);
	assert_int_equal(count_open(), before + 1);
	assert_string_equal(ask_with(f, GETFD("0a"), 0),
			    GENERIC("Parameter 'fdname' expects a name not "
				    "starting with a digit"));
	assert_int_equal(count_open(), before + 1);
	assert_string_equal(ask(f, CLOSEFD("b")),
			    GENERIC("File descriptor named 'b' not found"));
	assert_string_equal(ask(f, CLOSEFD("a")), OK);
	assert_string_equal(ask(f, CLOSEFD("a")),
			    GENERIC("File descriptor named 'a' not found"));
	assert_int_equal(count_open(), before);
}

/* A name is the connection's own, and ends with it. */
static void test_names_are_private(void **state)
{
	struct fixture *f = *state;
	unsigned int before = count_open();
	int first = f->fd;

	f->fd = connect_client(f->machine);
	assert_string_equal(ask_with(f, GETFD("a"), 0), OK);
	close(f->fd);
	f->fd = first;
	assert_string_equal(ask(f, CLOSEFD("a")),
			    GENERIC("File descriptor named 'a' not found"));
	while (f->machine->qmp->nr_conns > 1)
		loop_run_once(f->machine->loop);
	assert_int_equal(count_open(), before);
}

/* Several with a message go to several commands, in their order. */
static void test_order(void **state)
{
	struct fixture *f = *state;
	int a[2], b[2], fds[2];
	char byte = 'x';

	assert_int_equal(pipe(a), 0);
	assert_int_equal(pipe(b), 0);
	fds[0] = a[1];
	fds[1] = b[1];
	pass(f, GETFD("a") GETFD("b") GETFD("c"), fds, 2);
	assert_string_equal(replies(f, 3),
			    OK OK GENERIC("No file descriptor supplied via "
					  "SCM_RIGHTS"));
	close(a[1]);
	close(b[1]);
	/* Ours were the last: the pipe ends as its name is closed. */
	fcntl(a[0], F_SETFL, O_NONBLOCK);
	fcntl(b[0], F_SETFL, O_NONBLOCK);
	assert_string_equal(ask(f, CLOSEFD("a")), OK);
	assert_int_equal(read(a[0], &byte, 1), 0);
	assert_int_equal(read(b[0], &byte, 1), -1);
	assert_string_equal(ask(f, CLOSEFD("b")), OK);
	assert_int_equal(read(b[0], &byte, 1), 0);
	close(a[0]);
	close(b[0]);
}

/* In pieces, and pipelined, each with its own. */
static void test_pieces(void **state)
{
	struct fixture *f = *state;
	unsigned int before = count_open();
	int fd = 0;

	pass(f, "{'execute':'getfd',", &fd, 1);
	assert_int_equal(loop_run_once(f->machine->loop), 0);
	pass(f, "'arguments':{'fdname':'a'}}", NULL, 0);
	assert_string_equal(replies(f, 1), OK);
	for (int i = 0; i < 5; i++) {
		pass(f, "{'execute':'query-name'}", NULL, 0);
		pass(f, GETFD("b"), &fd, 1);
	}
	assert_null(strstr(replies(f, 10), "error"));
	assert_int_equal(count_open(), before + 2);
	/* One that nobody takes makes room for the next, and more are shut. */
	for (int i = 0; i < 5; i++)
		pass(f, "{'execute':'query-name'}", &fd, 1);
	replies(f, 5);
	assert_int_equal(count_open(), before + 3);
}

static void test_too_many(void **state)
{
	unsigned int before = count_open();
	struct fixture *f = *state;
	char text[100];
	int fds[40] = { 0 };

	for (int i = 0; i < QMP_FDS_KEPT_MAX; i++) {
		snprintf(text, sizeof(text), GETFD("n%d"), i);
		assert_string_equal(ask_with(f, text, 0), OK);
	}
	assert_string_equal(ask_with(f, GETFD("more"), 0),
			    GENERIC("There are 64 file descriptors already: "
				    "close or remove some"));
	assert_string_equal(ask_with(f, GETFD("n5"), 0), OK);
	assert_int_equal(count_open(), before + QMP_FDS_KEPT_MAX);
	/* More than a message may bring: the kernel shuts the rest. */
	pass(f, "{'execute':'query-name'}", fds, 40);
	replies(f, 1);
	assert_int_equal(count_open(),
			 before + QMP_FDS_KEPT_MAX + QMP_FDS_MESSAGE_MAX);
}

static int reply_fd(const char *reply)
{
	const char *at = strstr(reply, "\"fd\": ");

	assert_non_null(at);
	return atoi(at + 6);
}

static void test_sets(void **state)
{
	struct fixture *f = *state;
	unsigned int before = count_open();
	char text[200], want[200];
	int a, b;

	assert_string_equal(ask(f, "{'execute':'query-fdsets'}"),
			    "{\"return\": []}\r\n");
	a = reply_fd(ask_with(f,
			      "{'execute':'add-fd','arguments':{"
			      "'opaque':'words'}}",
			      0));
	b = reply_fd(ask_with(f,
			      "{'execute':'add-fd','arguments':{"
			      "'fdset-id':0}}",
			      0));
	assert_non_null(strstr(ask_with(f, "{'execute':'add-fd'}", 0),
			       "\"fdset-id\": 1"));
	snprintf(want, sizeof(want),
		 "{\"return\": [{\"fdset-id\": 0, \"fds\": [{\"fd\": %d, "
		 "\"opaque\": \"words\"}, {\"fd\": %d}]}, {\"fdset-id\": 1",
		 a, b);
	assert_memory_equal(ask(f, "{'execute':'query-fdsets'}"), want,
			    strlen(want));
	assert_string_equal(ask_with(f,
				     "{'execute':'add-fd','arguments':{"
				     "'fdset-id':-1}}",
				     0),
			    GENERIC("Parameter 'fdset-id' expects a "
				    "non-negative value"));
	snprintf(text, sizeof(text),
		 "{'execute':'remove-fd','arguments':{'fdset-id':0,'fd':%d}}",
		 a);
	assert_string_equal(ask(f, text), OK);
	assert_non_null(strstr(ask(f, text), "fdset-id:0, fd:"));
	assert_string_equal(ask(f, "{'execute':'remove-fd','arguments':{"
				   "'fdset-id':0}}"),
			    OK);
	assert_string_equal(ask(f, "{'execute':'remove-fd','arguments':{"
				   "'fdset-id':0}}"),
			    GENERIC("File descriptor named 'fdset-id:0' not "
				    "found"));
	assert_int_equal(count_open(), before + 1);
}

#define DUMP(to)                                                      \
	"{'execute':'dump-guest-memory','arguments':{'paging':false," \
	"'detach':true,'protocol':'" to "'}}"

/* To a file that somebody else has opened, by its name or from a set. */
static void test_dump(void **state)
{
	struct fixture *f = *state;
	unsigned int before = count_open();
	int fd = open(f->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int reads = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_string_equal(ask(f, DUMP("fd:a")),
			    GENERIC("File descriptor named 'a' has not been "
				    "found"));
	assert_string_equal(ask_with(f, GETFD("a"), fd), OK);
	assert_string_equal(ask(f, DUMP("fd:a")), OK);
	assert_int_equal(f->machine->dump_inode, st.st_ino);
	/* It went with the dump. */
	assert_string_equal(ask(f, CLOSEFD("a")),
			    GENERIC("File descriptor named 'a' not found"));
	f->machine->dump.status = DUMP_NONE;
	f->machine->dump_inode = 0;
	assert_string_equal(ask(f, DUMP("file:/dev/fdset/3")),
			    GENERIC("'/dev/fdset/3' has no file descriptor "
				    "that can be written to: see "
				    "query-fdsets"));
	ask_with(f, "{'execute':'add-fd','arguments':{'fdset-id':3}}", reads);
	assert_non_null(strstr(ask(f, DUMP("file:/dev/fdset/3")), "error"));
	ask_with(f, "{'execute':'add-fd','arguments':{'fdset-id':3}}", fd);
	assert_non_null(strstr(ask(f, DUMP("file:/dev/fdset/3x")), "error"));
	assert_string_equal(ask(f, DUMP("file:/dev/fdset/3")), OK);
	assert_int_equal(f->machine->dump_inode, st.st_ino);
	close(fd);
	close(reads);
	ask(f, "{'execute':'remove-fd','arguments':{'fdset-id':3}}");
	assert_int_equal(count_open(), before);
}

#define FDS_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FDS_TEST(test_names),    FDS_TEST(test_names_are_private),
		FDS_TEST(test_order),    FDS_TEST(test_pieces),
		FDS_TEST(test_too_many), FDS_TEST(test_sets),
		FDS_TEST(test_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
