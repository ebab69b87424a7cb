/* SPDX-License-Identifier: BSD-3-Clause */
/* The listening socket: what happens when descriptors run out. */
#include "host/unix_listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../unit/cmocka_all.h"

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(
		connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Leaves the process no descriptor to open; returns the old limit. */
static rlim_t descriptors_exhaust(void)
{
	struct rlimit limit;
	rlim_t old;
	int next = dup(STDIN_FILENO);

	assert_true(next >= 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	old = limit.rlim_cur;
	limit.rlim_cur = next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return old;
}

static void descriptors_allow(rlim_t old)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = old;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Else the listener would stay ready, and a loop around it would spin. */
static void client_is_turned_away_without_descriptors(void **state)
{
	char path[] = "/tmp/paramem-listener-XXXXXX";
	struct unix_listener listener;
	struct pollfd ready = { .events = POLLIN };
	struct pm_error err;
	rlim_t old;
	int client;
	char byte;

	(void)state;
	close(mkstemp(path));
	unlink(path);
	assert_int_equal(unix_listener_open(&listener, path, &err), 0);
	client = connect_to(path);
	ready.fd = listener.fd;
	assert_int_equal(poll(&ready, 1, 0), 1);
	old = descriptors_exhaust();
	assert_int_equal(unix_listener_accept(&listener, 0), -EMFILE);
	assert_int_equal(poll(&ready, 1, 0), 0);
	descriptors_allow(old);
	assert_int_equal(read(client, &byte, 1), 0);
	close(client);
	client = connect_to(path);
	close(unix_listener_accept(&listener, 0));
	close(client);
	unix_listener_close(&listener);
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_is_turned_away_without_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
