/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands about dumps over a real socket, with a machine of mere words
 * behind it: the answers are those that QEMU 7.2 gives.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_machine.h"
#include "host/loop.h"
#include "qmp/server.h"

#define BEGIN                                                               \
	"{\"execute\": \"dump-guest-memory\", \"arguments\": {\"paging\": " \
	"false, \"protocol\": \"file:/x/core\"}, \"id\": 5}"
#define STATUS "{\"execute\": \"query-status\"}"
#define EMPTY  "{\"return\": {}}"

struct fixture {
	char dir[64];
	char path[100];
	struct machine *machine;
	int fd;
	size_t len;
	char buf[65536];
};

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	return fd;
}

static void say(struct fixture *f, const char *text)
{
	assert_int_equal(send(f->fd, text, strlen(text), MSG_NOSIGNAL),
			 strlen(text));
}

/* The next line has these words in it. */
static void hear(struct fixture *f, const char *words)
{
	char *end;

	while (!(end = memchr(f->buf, '\n', f->len))) {
		ssize_t n = recv(f->fd, f->buf + f->len,
				 sizeof(f->buf) - f->len, MSG_DONTWAIT);

		if (n > 0)
			f->len += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			assert_int_equal(loop_run_once(f->machine->loop), 0);
		else
			fail();
	}
	*end = '\0';
	if (!strstr(f->buf, words))
		fail_msg("'%s' is not in: %s", words, f->buf);
	f->len -= (size_t)(end + 1 - f->buf);
	memmove(f->buf, end + 1, f->len);
}

static void on_idle(void *opaque)
{
	*(bool *)opaque = true;
}

/* Nothing is on its way, and the loop has nothing to do. */
static void hear_nothing(struct fixture *f)
{
	bool idle = false;

	loop_when_idle(f->machine->loop, on_idle, &idle);
	for (unsigned int i = 0; i < 10 && !idle; i++)
		assert_int_equal(loop_run_once(f->machine->loop), 0);
	assert_true(idle);
	assert_int_equal(f->len, 0);
	assert_int_equal(recv(f->fd, f->buf, 1, MSG_DONTWAIT), -1);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct pm_error err;

	strcpy(f->dir, "/tmp/paramem-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/qmp.sock", f->dir);
	f->machine = fake_machine_create(f->path);
	f->machine->state = MACHINE_RUNNING;
	assert_int_equal(qmp_create(f->machine, &f->machine->qmp, &err), 0);
	f->fd = connect_to(f->path);
	hear(f, "QMP");
	say(f, "{\"execute\": \"qmp_capabilities\"}");
	hear(f, EMPTY);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int ret;

	if (f->fd >= 0)
		close(f->fd);
	fake_machine_destroy(f->machine);
	ret = rmdir(f->dir);
	free(f);
	return ret;
}

static void end_dump(struct fixture *f, enum dump_status status)
{
	f->machine->dump.status = status;
	f->machine->dump.completed = 4096;
	strcpy(f->machine->dump.why.text, "the disk '\xff' is full");
	observers_tell(f->machine->observers, dump_done, &f->machine->dump);
	observers_tell(f->machine->observers, dump_settled, &f->machine->dump);
}

static void it_answers_when_it_is_over(void **state)
{
	struct fixture *f = *state;

	say(f, BEGIN STATUS);
	while (!f->machine->qmp->conns->later)
		assert_int_equal(loop_run_once(f->machine->loop), 0);
	hear_nothing(f);
	assert_string_equal(f->machine->dump_path, "/x/core");
	assert_false(f->machine->dump_compress);
	end_dump(f, DUMP_COMPLETED);
	hear(f, "\"event\": \"DUMP_COMPLETED\", \"data\": {\"result\": "
		"{\"status\": \"completed\", \"completed\": 4096, \"total\": "
		"4096, ");
	hear(f, "{\"return\": {}, \"id\": 5}");
	/* What was asked meanwhile comes after it. */
	hear(f, "\"status\": \"running\"");
	say(f, BEGIN);
	while (!f->machine->qmp->conns->later)
		assert_int_equal(loop_run_once(f->machine->loop), 0);
	end_dump(f, DUMP_FAILED);
	hear(f, "\"error\": \"the disk '?' is full\"");
	hear(f,
	     "{\"error\": {\"class\": \"GenericError\", \"desc\": \"the disk "
	     "'?' is full\"}, \"id\": 5}");
}

static void detached_it_answers_at_once(void **state)
{
	struct fixture *f = *state;

	say(f, "{\"execute\": \"query-dump\"}");
	hear(f, "{\"return\": {\"status\": \"none\", \"completed\": 0, "
		"\"total\": 0, ");
	say(f, "{\"execute\": \"dump-guest-memory\", \"arguments\": "
	       "{\"paging\": false, \"protocol\": \"file:/y\", \"detach\": "
	       "true, \"format\": \"elf\", \"x-paramem-compress\": true}}");
	hear(f, EMPTY);
	assert_true(f->machine->dump_compress);
	say(f, "{\"execute\": \"query-dump\"}");
	hear(f, "{\"return\": {\"status\": \"active\"");
	for (unsigned int i = 0; i < 3; i++) {
		static const char *const others[] = {
			BEGIN, "{\"execute\": \"stop\"}",
			"{\"execute\": \"cont\"}"
		};

		say(f, others[i]);
		hear(f, "There is a dump in process, please wait.");
	}
	say(f, "{\"execute\": \"x-paramem-dump-cancel\"}");
	hear(f, EMPTY);
	assert_int_equal(f->machine->dump_cancels, 1);
	end_dump(f, DUMP_COMPLETED);
	hear(f, "DUMP_COMPLETED");
	say(f, "{\"execute\": \"stop\"}");
	hear(f, "STOP");
	hear(f, EMPTY);
	say(f, "{\"execute\": \"query-dump-guest-memory-capability\"}");
	hear(f, "{\"return\": {\"formats\": [\"elf\"]}}");
}

static void a_client_may_go_while_it_waits(void **state)
{
	struct fixture *f = *state;

	say(f, BEGIN);
	while (!f->machine->qmp->conns->later)
		assert_int_equal(loop_run_once(f->machine->loop), 0);
	/* Half of it is no going. */
	shutdown(f->fd, SHUT_WR);
	hear_nothing(f);
	assert_int_equal(f->machine->qmp->nr_conns, 1);
	close(f->fd);
	f->fd = -1;
	while (f->machine->qmp->nr_conns)
		assert_int_equal(loop_run_once(f->machine->loop), 0);
	/* And the dump ends with it. */
	assert_int_equal(f->machine->dump_cancels, 1);
	end_dump(f, DUMP_FAILED);
}

#define DETACHED(more)                                                \
	"{\"execute\": \"dump-guest-memory\", \"arguments\": "        \
	"{\"paging\": false, \"protocol\": \"file:/y\", \"detach\": " \
	"true" more "}}"
#define ATTACHED DETACHED(", \"x-paramem-attached\": true")

static void leave(struct fixture *f)
{
	close(f->fd);
	f->fd = -1;
	while (f->machine->qmp->nr_conns)
		assert_int_equal(loop_run_once(f->machine->loop), 0);
}

static void a_detached_dump_goes_on_without_its_client(void **state)
{
	struct fixture *f = *state;

	say(f, DETACHED(""));
	hear(f, EMPTY);
	leave(f);
	assert_int_equal(f->machine->dump_cancels, 0);
}

static void an_attached_dump_ends_with_its_client(void **state)
{
	struct fixture *f = *state;

	say(f, ATTACHED);
	hear(f, EMPTY);
	say(f, "{\"execute\": \"query-dump\"}");
	hear(f, "\"status\": \"active\"");
	leave(f);
	assert_int_equal(f->machine->dump_cancels, 1);
}

/* What it began is over, and the next is somebody else's. */
static void a_dump_that_is_over_ends_with_nobody(void **state)
{
	struct fixture *f = *state;

	say(f, ATTACHED);
	hear(f, EMPTY);
	end_dump(f, DUMP_COMPLETED);
	leave(f);
	assert_int_equal(f->machine->dump_cancels, 0);
}

static void half_a_client_is_answered(void **state)
{
	struct fixture *f = *state;

	say(f, BEGIN);
	shutdown(f->fd, SHUT_WR);
	while (!f->machine->qmp->conns->later)
		assert_int_equal(loop_run_once(f->machine->loop), 0);
	end_dump(f, DUMP_COMPLETED);
	hear(f, "DUMP_COMPLETED");
	hear(f, "{\"return\": {}, \"id\": 5}");
}

static void wrong_arguments_are_told(void **state)
{
	static const struct {
		const char *args, *desc;
	} cases[] = {
		{ "\"paging\": 1, \"protocol\": \"file:/x\"",
		  "Invalid parameter type for 'paging', expected: boolean" },
		{ "\"protocol\": \"file:/x\"",
		  "Parameter 'paging' is missing" },
		{ "\"paging\": false, \"protocol\": \"nonsense\"",
		  "Invalid parameter 'protocol'" },
		{ "\"paging\": false, \"protocol\": \"fd:x\"",
		  "File descriptor named 'x' has not been found" },
		{ "\"paging\": true, \"protocol\": \"file:/x\"",
		  "Parameter 'paging' cannot be true" },
		{ "\"paging\": false, \"protocol\": \"file:/x\", \"format\": "
		  "\"foo\"",
		  "Parameter 'format' does not accept value 'foo'" },
		{ "\"paging\": false, \"protocol\": \"file:/x\", \"format\": "
		  "\"kdump-lzo\"",
		  "kdump-lzo is not available now" },
		{ "\"paging\": false, \"protocol\": \"file:/x\", \"begin\": 0",
		  "Parameter 'length' is missing" },
		{ "\"paging\": false, \"protocol\": \"file:/x\", \"begin\": "
		  "\"a\"",
		  "Invalid parameter type for 'begin', expected: integer" },
		{ "\"paging\": false, \"protocol\": \"file:/x\", \"begin\": 0, "
		  "\"length\": 1",
		  "not supported" },
	};
	struct fixture *f = *state;
	char text[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text),
			 "{\"execute\": \"dump-guest-memory\", \"arguments\": "
			 "{%s}}",
			 cases[i].args);
		say(f, text);
		hear(f, cases[i].desc);
	}
	f->machine->fail_dump = -ENOENT;
	say(f, BEGIN);
	hear(f, "{\"error\": {\"class\": \"GenericError\", \"desc\": "
		"\"'/x/core' cannot be created\"}, \"id\": 5}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_answers_when_it_is_over,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(detached_it_answers_at_once,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_client_may_go_while_it_waits,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_detached_dump_goes_on_without_its_client, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			an_attached_dump_ends_with_its_client, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_dump_that_is_over_ends_with_nobody, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(half_a_client_is_answered,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_arguments_are_told,
						set_up, tear_down),
	};

	return cmocka_run_group_tests_name("qmp_dump", tests, NULL, NULL);
}
