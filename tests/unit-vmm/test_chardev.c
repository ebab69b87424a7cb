/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a serial port leads: files, sockets with clients that come, stall and
 * go, pipes and a terminal.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "dev/chardev.h"
#include "rig.h"

struct fixture {
	struct rig rig;
	char dir[64];
	char path[96];
	struct chardev *c;
	size_t room; /* what the port takes */
	int asked;   /* how often it was asked for that */
	char in[4096];
	size_t nr_in;
	int writables, quits;
	int saved_stdin, saved_stdout; /* -1: not replaced */
};

static int interrupted_polls;

int __real_poll(struct pollfd *fds, nfds_t nr, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t nr, int timeout);

/* A vCPU's thread is interrupted by the signal that pauses it. */
int __wrap_poll(struct pollfd *fds, nfds_t nr, int timeout)
{
	if (interrupted_polls) {
		interrupted_polls--;
		errno = EINTR;
		return -1;
	}
	return __real_poll(fds, nr, timeout);
}

/* ---- a write that never returns ------------------------------------------ */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool on;
	bool waits; /* somebody does */
} hang = { .lock = PTHREAD_MUTEX_INITIALIZER,
	   .changed = PTHREAD_COND_INITIALIZER };

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);

/* Of regular files alone: descriptors of events are others. */
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	struct stat st;

	pthread_mutex_lock(&hang.lock);
	while (hang.on && !fstat(fd, &st) && S_ISREG(st.st_mode)) {
		hang.waits = true;
		pthread_cond_broadcast(&hang.changed);
		pthread_cond_wait(&hang.changed, &hang.lock);
	}
	pthread_mutex_unlock(&hang.lock);
	return __real_write(fd, data, len);
}

static void hang_set(bool on)
{
	pthread_mutex_lock(&hang.lock);
	hang.on = on;
	pthread_cond_broadcast(&hang.changed);
	pthread_mutex_unlock(&hang.lock);
}

static void hang_begin(void)
{
	hang_set(true);
}

static void hang_end(void)
{
	hang_set(false);
}

static void hang_wait(void)
{
	pthread_mutex_lock(&hang.lock);
	while (!hang.waits)
		pthread_cond_wait(&hang.changed, &hang.lock);
	pthread_mutex_unlock(&hang.lock);
}

/* ---- the port ------------------------------------------------------------ */

static size_t port_room(void *opaque)
{
	struct fixture *f = opaque;

	f->asked++;
	return f->room;
}

static void port_receive(void *opaque, const uint8_t *data, size_t len)
{
	struct fixture *f = opaque;

	assert_true(len <= f->room);
	assert_true(f->nr_in + len < sizeof(f->in));
	memcpy(f->in + f->nr_in, data, len);
	f->nr_in += len;
	f->room -= len;
}

static void port_writable(void *opaque)
{
	((struct fixture *)opaque)->writables++;
}

static void port_quit(void *opaque)
{
	((struct fixture *)opaque)->quits++;
}

static const struct chardev_ops port_ops = {
	.room = port_room,
	.receive = port_receive,
	.writable = port_writable,
	.quit = port_quit,
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	rig_init(&f.rig);
	f.saved_stdin = f.saved_stdout = -1;
	f.room = 1000;
	strcpy(f.dir, "/tmp/paramem-chardev-XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	snprintf(f.path, sizeof(f.path), "%s/serial", f.dir);
	*state = &f;
	return 0;
}

static void stdio_restore(struct fixture *f)
{
	if (f->saved_stdin < 0)
		return;
	dup2(f->saved_stdin, STDIN_FILENO);
	dup2(f->saved_stdout, STDOUT_FILENO);
	close(f->saved_stdin);
	close(f->saved_stdout);
	f->saved_stdin = f->saved_stdout = -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	chardev_destroy(f->c);
	stdio_restore(f);
	unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
	rig_finish(&f->rig);
	return 0;
}

static void create(struct fixture *f, enum serial_kind kind)
{
	assert_int_equal(
		chardev_create(kind, f->path, f->rig.loop, &f->c, NULL), 0);
	chardev_attach(f->c, &port_ops, f);
}

static void put_text(struct fixture *f, const char *text)
{
	while (*text)
		assert_true(chardev_put(f->c, *text++));
}

static int client_connect(struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	rig_settle(&f->rig);
	return fd;
}

static void client_send(struct fixture *f, int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	rig_settle(&f->rig);
}

static void expect_text(int fd, const char *text)
{
	char buf[256] = "";

	assert_true(strlen(text) < sizeof(buf));
	assert_int_equal(recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT),
			 (ssize_t)strlen(text));
	assert_string_equal(buf, text);
}

/* The guest takes what is there. */
static void make_room(struct fixture *f, size_t room)
{
	f->room = room;
	chardev_want_input(f->c);
	rig_settle(&f->rig);
}

/* ---- nowhere and files --------------------------------------------------- */

static void nowhere_takes_everything(void **state)
{
	struct fixture *f = *state;

	create(f, SERIAL_NONE);
	put_text(f, "gone");
	chardev_want_input(f->c);
	rig_settle(&f->rig);
	chardev_destroy(NULL);
}

static void output_goes_to_a_file(void **state)
{
	struct fixture *f = *state;
	char text[16] = "";
	int fd = open(f->path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(fd, "old and longer", 14), 14);
	close(fd);
	create(f, SERIAL_FILE);
	put_text(f, "hello\n");
	rig_settle(&f->rig);
	assert_int_equal(f->nr_in, 0);
	chardev_destroy(f->c); /* by then all is written */
	f->c = NULL;
	fd = open(f->path, O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text)), 6);
	assert_string_equal(text, "hello\n");
	close(fd);
}

/* As a server that is gone does it: the write of each byte waits. */
static void a_file_that_hangs_holds_nobody(void **state)
{
	struct fixture *f = *state;

	create(f, SERIAL_FILE);
	hang_begin();
	for (unsigned int i = 0; i < 3u << 20; i++)
		assert_true(chardev_put(f->c, 'x'));
	hang_wait(); /* the thread does, and the loop goes on */
	rig_settle(&f->rig);
	chardev_destroy(f->c); /* does not wait for it either */
	f->c = NULL;
	hang_end();
}

static void a_file_that_is_full_loses_bytes(void **state)
{
	const struct rlimit small = { 4, RLIM_INFINITY };
	struct fixture *f = *state;
	struct rlimit old;
	struct stat st;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN); /* as main() does */
	create(f, SERIAL_FILE);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	put_text(f, "hello, and more\n");
	rig_settle(&f->rig);
	chardev_destroy(f->c);
	f->c = NULL;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, 4);
}

static void a_named_pipe_that_nobody_reads_is_told(void **state)
{
	struct fixture *f = *state;
	struct pm_error err;

	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(chardev_create(SERIAL_FILE, f->path, f->rig.loop,
					&f->c, &err),
			 -ENXIO);
	assert_non_null(strstr(err.text, "nobody reads it"));
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
	struct fixture *f = *state;
	struct pm_error err = { "" };

	strcat(f->path, "/not/there");
	assert_int_equal(chardev_create(SERIAL_FILE, f->path, f->rig.loop,
					&f->c, &err),
			 -ENOENT);
	assert_non_null(strstr(err.text, f->path));
	assert_int_equal(chardev_create(SERIAL_UNIX, f->path, f->rig.loop,
					&f->c, &err),
			 -ENOENT);
	assert_null(f->c);
}

/* ---- a socket ------------------------------------------------------------ */

static void a_client_talks_both_ways(void **state)
{
	struct fixture *f = *state;
	int fd;

	create(f, SERIAL_UNIX);
	put_text(f, "nobody hears");
	fd = client_connect(f);
	put_text(f, "login: ");
	expect_text(fd, "login: ");
	client_send(f, fd, "root\x01x\n"); /* no terminal, no escape */
	assert_string_equal(f->in, "root\x01x\n");
	assert_int_equal(f->quits, 0);
	close(fd);
}

static void there_is_one_client(void **state)
{
	struct fixture *f = *state;
	int first, second;
	char byte;

	create(f, SERIAL_UNIX);
	first = client_connect(f);
	second = client_connect(f);
	assert_int_equal(recv(second, &byte, 1, 0), 0);
	put_text(f, "a");
	expect_text(first, "a");
	close(first);
	close(second);
}

static void a_client_leaves_and_another_comes(void **state)
{
	struct fixture *f = *state;
	int fd;

	create(f, SERIAL_UNIX);
	for (int i = 0; i < 3; i++) {
		fd = client_connect(f);
		put_text(f, "hi");
		expect_text(fd, "hi");
		close(fd);
		put_text(f, "gone"); /* before it was noticed, and after */
		rig_settle(&f->rig);
		put_text(f, "gone");
	}
}

static void input_waits_for_room(void **state)
{
	struct fixture *f = *state;
	int fd;

	create(f, SERIAL_UNIX);
	fd = client_connect(f);
	f->room = 4;
	client_send(f, fd, "0123456789");
	assert_string_equal(f->in, "0123");
	make_room(f, 3);
	assert_string_equal(f->in, "0123456");
	make_room(f, 100);
	assert_string_equal(f->in, "0123456789");
	client_send(f, fd, "more");
	assert_string_equal(f->in, "0123456789more");
	close(fd);
}

static void input_that_waits_costs_nothing(void **state)
{
	struct fixture *f = *state;
	int fd;

	create(f, SERIAL_UNIX);
	fd = client_connect(f);
	f->room = 0;
	client_send(f, fd, "wait");
	f->asked = 0;
	rig_settle(&f->rig);
	assert_int_equal(f->asked, 0);
	/* Nor when the client hangs up meanwhile. */
	close(fd);
	rig_settle(&f->rig);
	f->asked = 0;
	rig_settle(&f->rig);
	assert_int_equal(f->asked, 0);
	make_room(f, 100);
	assert_string_equal(f->in, "wait");
}

static void what_was_sent_before_hanging_up_arrives(void **state)
{
	struct fixture *f = *state;
	int fd;

	create(f, SERIAL_UNIX);
	fd = client_connect(f);
	f->room = 0;
	assert_int_equal(write(fd, "0123456789", 10), 10);
	close(fd);
	rig_settle(&f->rig);
	assert_int_equal(f->nr_in, 0);
	make_room(f, 4);
	assert_string_equal(f->in, "0123");
	make_room(f, 4);
	make_room(f, 4);
	assert_string_equal(f->in, "0123456789");
	/* And then its place is free. */
	make_room(f, 100);
	fd = client_connect(f);
	put_text(f, "hi");
	expect_text(fd, "hi");
	close(fd);
}

/* A guest that reads nothing does not keep the socket for ever. */
static void a_client_that_left_unread_makes_way(void **state)
{
	struct fixture *f = *state;
	int fd;

	create(f, SERIAL_UNIX);
	fd = client_connect(f);
	f->room = 0;
	client_send(f, fd, "unread");
	close(fd);
	rig_settle(&f->rig);
	fd = client_connect(f);
	put_text(f, "hi");
	expect_text(fd, "hi");
	make_room(f, 100);
	client_send(f, fd, "mine");
	assert_string_equal(f->in, "mine");
	close(fd);
}

/* Puts until the host takes no more; returns how many bytes it took. */
static size_t fill(struct fixture *f)
{
	size_t nr = 0;

	while (chardev_put(f->c, 'a' + nr % 26)) {
		nr++;
		assert_true(nr < 100 * 1024 * 1024);
	}
	return nr;
}

static size_t drain(int fd, size_t from)
{
	char buf[4096];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		for (ssize_t i = 0; i < n; i++, from++)
			assert_int_equal(buf[i], 'a' + from % 26);
	return from;
}

static void a_reader_that_stalls_holds_the_port(void **state)
{
	struct fixture *f = *state;
	size_t sent, got;
	int fd;

	create(f, SERIAL_UNIX);
	fd = client_connect(f);
	sent = fill(f);
	assert_true(sent > 0);
	rig_settle(&f->rig);
	assert_false(chardev_put(f->c, '!'));
	rig_settle(&f->rig);
	assert_int_equal(f->writables, 0);
	got = drain(fd, 0);
	assert_int_equal(got, sent);
	while (!f->writables)
		assert_int_equal(loop_run_once(f->rig.loop), 0);
	put_text(f, "on");
	expect_text(fd, "on");
	rig_settle(&f->rig);
	assert_int_equal(f->writables, 1);
	close(fd);
}

static void a_reader_that_stalls_and_leaves_lets_go(void **state)
{
	struct fixture *f = *state;
	int fd;

	create(f, SERIAL_UNIX);
	fd = client_connect(f);
	fill(f);
	rig_settle(&f->rig);
	close(fd);
	rig_settle(&f->rig);
	assert_true(f->writables > 0);
	put_text(f, "gone");
}

/* A write that might wait could keep the machine from being paused. */
static void an_interrupted_look_does_not_write(void **state)
{
	struct fixture *f = *state;
	int fd;

	create(f, SERIAL_UNIX);
	fd = client_connect(f);
	interrupted_polls = 1;
	assert_false(chardev_put(f->c, 'a'));
	assert_int_equal(interrupted_polls, 0);
	while (!f->writables)
		assert_int_equal(loop_run_once(f->rig.loop), 0);
	put_text(f, "a");
	expect_text(fd, "a");
	close(fd);
}

static void the_socket_goes_with_the_port(void **state)
{
	struct fixture *f = *state;
	int fd;
	char byte;

	create(f, SERIAL_UNIX);
	fd = client_connect(f);
	chardev_destroy(f->c);
	f->c = NULL;
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	assert_int_equal(access(f->path, F_OK), -1);
	close(fd);
}

/* ---- standard input and output ------------------------------------------- */

static void stdio_replace(struct fixture *f, int in, int out)
{
	fflush(stdout);
	f->saved_stdin = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	f->saved_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_true(f->saved_stdin >= 0 && f->saved_stdout >= 0);
	assert_int_equal(dup2(in, STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
}

static void pipes_work_to_the_last_byte(void **state)
{
	struct fixture *f = *state;
	char text[8] = "";
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	stdio_replace(f, in[0], out[1]);
	create(f, SERIAL_STDIO);
	f->room = 0;
	assert_int_equal(write(in[1], "0123456789", 10), 10);
	close(in[1]);
	rig_settle(&f->rig);
	for (int i = 0; i < 4; i++)
		make_room(f, 3);
	put_text(f, "out");
	assert_int_equal(read(out[0], text, sizeof(text)), 3);
	/* At the end of the input the output goes on. */
	make_room(f, 3);
	put_text(f, "on");
	assert_int_equal(read(out[0], text + 3, sizeof(text) - 3), 2);
	close(in[0]);
	close(out[0]);
	close(out[1]);
	chardev_destroy(f->c);
	f->c = NULL;
	stdio_restore(f);
	assert_string_equal(f->in, "0123456789");
	assert_string_equal(text, "outon");
}

static void input_that_cannot_be_watched_is_none(void **state)
{
	struct fixture *f = *state;
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC);

	stdio_replace(f, in, out);
	create(f, SERIAL_STDIO);
	put_text(f, "gone");
	make_room(f, 10);
	chardev_destroy(f->c);
	f->c = NULL;
	stdio_restore(f);
	close(in);
	close(out);
	assert_int_equal(f->nr_in, 0);
}

static int terminal_open(int *terminal)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	*terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(*terminal >= 0);
	return master;
}

/* What a terminal passes on takes a moment: the loop waits for it. */
static void terminal_type(struct fixture *f, int master, const char *text,
			  size_t nr_in, int quits)
{
	assert_int_equal(write(master, text, strlen(text)),
			 (ssize_t)strlen(text));
	while (f->nr_in < nr_in || f->quits < quits)
		assert_int_equal(loop_run_once(f->rig.loop), 0);
}

static void a_terminal_is_raw_while_it_is_used(void **state)
{
	struct fixture *f = *state;
	struct termios before, during, after;
	int terminal, master = terminal_open(&terminal);

	assert_int_equal(tcgetattr(terminal, &before), 0);
	stdio_replace(f, terminal, terminal);
	create(f, SERIAL_STDIO);
	assert_int_equal(tcgetattr(terminal, &during), 0);
	terminal_type(f, master, "\x03\n\x04", 3, 0);
	chardev_destroy(f->c);
	f->c = NULL;
	assert_int_equal(tcgetattr(terminal, &after), 0);
	stdio_restore(f);
	assert_true(before.c_lflag & ECHO);
	assert_int_equal(during.c_lflag & (ECHO | ICANON | ISIG), 0);
	assert_true(during.c_oflag & OPOST);
	assert_memory_equal(f->in, "\x03\n\x04", 3);
	assert_int_equal(before.c_lflag, after.c_lflag);
	assert_int_equal(before.c_iflag, after.c_iflag);
	assert_int_equal(before.c_oflag, after.c_oflag);
	assert_memory_equal(before.c_cc, after.c_cc, sizeof(after.c_cc));
	close(terminal);
	close(master);
}

static void the_escape_sequence_quits(void **state)
{
	struct fixture *f = *state;
	int terminal, master = terminal_open(&terminal);

	stdio_replace(f, terminal, terminal);
	create(f, SERIAL_STDIO);
	terminal_type(f, master, "x\x01\x01x", 3, 0);
	terminal_type(f, master, "\x01", 0, 0);
	terminal_type(f, master, "xy", 4, 1); /* in two pieces */
	terminal_type(f, master, "\x01z", 5, 1);
	chardev_destroy(f->c);
	f->c = NULL;
	stdio_restore(f);
	assert_string_equal(f->in, "x\x01xyz");
	assert_int_equal(f->quits, 1);
	close(terminal);
	close(master);
}

/* ---- while the machine stands still --------------------------------------- */

static void input_stays_at_a_client(void **state)
{
	struct fixture *f = *state;
	int fd;

	create(f, SERIAL_UNIX);
	fd = client_connect(f);
	chardev_hold(f->c, true);
	client_send(f, fd, "abc");
	make_room(f, 1000);
	assert_int_equal(f->nr_in, 0);
	chardev_hold(f->c, false);
	rig_settle(&f->rig);
	assert_string_equal(f->in, "abc");
	close(fd);
}

static void a_reader_that_goes_on_is_told_later(void **state)
{
	struct fixture *f = *state;
	size_t sent;
	int fd;

	create(f, SERIAL_UNIX);
	fd = client_connect(f);
	sent = fill(f);
	rig_settle(&f->rig);
	chardev_hold(f->c, true);
	assert_int_equal(drain(fd, 0), sent);
	rig_settle(&f->rig);
	assert_int_equal(f->writables, 0);
	chardev_hold(f->c, false);
	while (!f->writables)
		assert_int_equal(loop_run_once(f->rig.loop), 0);
	close(fd);
}

static void a_reader_that_leaves_is_told_later(void **state)
{
	struct fixture *f = *state;
	int fd;

	create(f, SERIAL_UNIX);
	fd = client_connect(f);
	fill(f);
	rig_settle(&f->rig);
	chardev_hold(f->c, true);
	close(fd);
	fd = client_connect(f); /* whereupon the other is found to have left */
	assert_int_equal(f->writables, 0);
	chardev_hold(f->c, false);
	while (!f->writables)
		assert_int_equal(loop_run_once(f->rig.loop), 0);
	close(fd);
}

/* Until there is room for all of it; and it can still be ended. */
static void what_is_typed_is_kept(void **state)
{
	struct fixture *f = *state;
	int terminal, master = terminal_open(&terminal);

	stdio_replace(f, terminal, terminal);
	create(f, SERIAL_STDIO);
	f->room = 2;
	chardev_hold(f->c, true);
	terminal_type(f, master, "abcde\x01x", 0, 1);
	assert_int_equal(f->nr_in, 0);
	chardev_hold(f->c, false);
	rig_settle(&f->rig);
	assert_string_equal(f->in, "ab");
	make_room(f, 2);
	assert_string_equal(f->in, "abcd");
	assert_int_equal(write(master, "f", 1), 1);
	rig_settle(&f->rig);
	make_room(f, 1);
	while (f->nr_in < 5)
		assert_int_equal(loop_run_once(f->rig.loop), 0);
	make_room(f, 1000);
	while (f->nr_in < 6)
		assert_int_equal(loop_run_once(f->rig.loop), 0);
	assert_string_equal(f->in, "abcdef");
	chardev_destroy(f->c);
	f->c = NULL;
	stdio_restore(f);
	close(terminal);
	close(master);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nowhere_takes_everything),
		TEST(output_goes_to_a_file),
		TEST(a_file_that_hangs_holds_nobody),
		TEST(a_file_that_is_full_loses_bytes),
		TEST(a_named_pipe_that_nobody_reads_is_told),
		TEST(a_file_that_cannot_be_written_is_told),
		TEST(a_client_talks_both_ways),
		TEST(there_is_one_client),
		TEST(a_client_leaves_and_another_comes),
		TEST(input_waits_for_room),
		TEST(input_that_waits_costs_nothing),
		TEST(what_was_sent_before_hanging_up_arrives),
		TEST(a_client_that_left_unread_makes_way),
		TEST(a_reader_that_stalls_holds_the_port),
		TEST(a_reader_that_stalls_and_leaves_lets_go),
		TEST(an_interrupted_look_does_not_write),
		TEST(the_socket_goes_with_the_port),
		TEST(pipes_work_to_the_last_byte),
		TEST(input_that_cannot_be_watched_is_none),
		TEST(a_terminal_is_raw_while_it_is_used),
		TEST(the_escape_sequence_quits),
		TEST(input_stays_at_a_client),
		TEST(a_reader_that_goes_on_is_told_later),
		TEST(a_reader_that_leaves_is_told_later),
		TEST(what_is_typed_is_kept),
	};

	/* As the program does: a client may leave at any time. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("chardev", tests, NULL, NULL);
}
