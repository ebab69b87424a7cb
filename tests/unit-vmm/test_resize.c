/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * paramem resize and info against a real control socket, which a thread
 * serves with a machine of mere words behind it.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <jansson.h>

#include "../../cli/cli.h"
#include "fake_machine.h"
#include "host/loop.h"

#define MiB (UINT64_C(1) << 20)

struct fixture {
	char dir[64];
	char path[100];
	struct machine *machine;
	struct loop_source end;
	bool ended;
	pthread_t server;
};

static void on_end(void *opaque, uint32_t events)
{
	struct fixture *f = opaque;

	(void)events;
	f->ended = true;
}

static void *serve(void *opaque)
{
	struct fixture *f = opaque;

	while (!f->ended && !f->machine->quits)
		loop_run_once(f->machine->loop);
	qmp_destroy(f->machine->qmp);
	f->machine->qmp = NULL;
	return NULL;
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
	f->end = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC),
		.fn = on_end,
		.opaque = f,
	};
	if (loop_add(f->machine->loop, &f->end, EPOLLIN) < 0 ||
	    qmp_create(f->machine, &f->machine->qmp, &err) < 0)
		return -1;
	*state = f;
	return 0;
}

/* A test sets the machine up, and only then is it shared with a thread. */
static void start(struct fixture *f)
{
	assert_int_equal(pthread_create(&f->server, NULL, serve, f), 0);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	uint64_t one = 1;
	int ret;

	ret = write(f->end.fd, &one, sizeof(one)) == sizeof(one) ? 0 : -1;
	pthread_join(f->server, NULL);
	fake_machine_destroy(f->machine);
	close(f->end.fd);
	if (rmdir(f->dir) < 0)
		ret = -1;
	free(f);
	return ret;
}

/* Runs a subcommand and keeps what it printed, standard error after output. */
static int run(int (*cli)(int, char **), char *printed, size_t size,
	       const char *const *words)
{
	char *argv[16];
	int status, argc = 0, out = dup(1), err = dup(2);
	FILE *file = tmpfile();
	size_t len;

	assert_non_null(file);
	for (; words[argc]; argc++)
		argv[argc] = (char *)words[argc];
	argv[argc] = NULL;
	fflush(stdout);
	dup2(fileno(file), 1);
	dup2(fileno(file), 2);
	optind = 0;
	status = cli(argc, argv);
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	rewind(file);
	len = fread(printed, 1, size - 1, file);
	printed[len] = '\0';
	fclose(file);
	return status;
}

#define RUN(cli, printed, ...)             \
	run(cli, printed, sizeof(printed), \
	    (const char *const[]){ __VA_ARGS__, NULL })

static void test_reached(void **state)
{
	struct fixture *f = *state;
	char printed[4096];

	f->machine->follow = true;
	start(f);
	assert_int_equal(RUN(cli_resize, printed, "resize", f->path, "vm0",
			     "2G"),
			 EXIT_OK);
	assert_non_null(strstr(printed, "vm0: 2 GiB plugged, as requested "
					"(was 0; "));
	assert_int_equal(RUN(cli_resize, printed, "resize", f->path, "vm0",
			     "0"),
			 EXIT_OK);
	assert_non_null(strstr(printed, "vm0: 0 plugged, as requested (was 2 "
					"GiB; "));
	assert_int_equal(RUN(cli_resize, printed, "resize", f->path, "vm0",
			     "0"),
			 EXIT_OK);
	assert_string_equal(printed,
			    "vm0: 0 plugged, as requested (no change)\n");
}

static void test_not_reached(void **state)
{
	struct fixture *f = *state;
	char printed[4096];

	f->machine->state = MACHINE_RUNNING;
	f->machine->devices[0].driver_ready = false;
	start(f);
	assert_int_equal(RUN(cli_resize, printed, "resize", f->path, "vm0",
			     "2G", "--wait", "1"),
			 EXIT_NOT_REACHED);
	assert_string_equal(printed,
			    "vm0: 0 plugged, not the 2 GiB requested (was 0), "
			    "after 1 s: no virtio-mem driver is ready in the "
			    "guest: it has none, is booting, or sleeps\n");
}

static void test_paused(void **state)
{
	struct fixture *f = *state;
	char printed[4096];

	f->machine->state = MACHINE_PAUSED;
	start(f);
	assert_int_equal(RUN(cli_resize, printed, "resize", f->path, "vm0",
			     "2G", "--wait", "1"),
			 EXIT_NOT_REACHED);
	assert_non_null(strstr(printed, ": the machine is paused: "));
	/* Whatever else is known of the device: nothing in it can move. */
	assert_int_equal(RUN(cli_info, printed, "info", f->path), EXIT_OK);
	assert_non_null(strstr(printed, "not as requested: the machine is "
					"paused: "));
	assert_null(strstr(printed, "hangs"));
}

/* It is asked for all the same. */
static void test_note(void **state)
{
	struct fixture *f = *state;
	char printed[4096];

	f->machine->follow = true;
	f->machine->devices[0].device.region_size = 777 * MiB;
	f->machine->devices[0].device.block_size = MiB;
	start(f);
	assert_int_equal(RUN(cli_resize, printed, "resize", f->path, "vm0",
			     "257M"),
			 EXIT_OK);
	assert_string_equal(strtok(printed, "\n"),
			    "paramem: note: vm0: a Linux guest gets to 256 MiB "
			    "or 258 MiB rather than 257 MiB, since it plugs "
			    "and unplugs at least 2 MiB at a time");
	assert_non_null(strstr(strtok(NULL, "\n"), "257 MiB plugged, as"));
	assert_int_equal(RUN(cli_resize, printed, "resize", f->path, "vm0",
			     "777M"),
			 EXIT_OK);
	assert_non_null(strstr(printed, "gets to 768 MiB at most"));
	assert_int_equal(RUN(cli_resize, printed, "resize", f->path, "vm0",
			     "257M", "--json"),
			 EXIT_OK);
	assert_null(strstr(printed, "note"));
}

static void test_no_wait(void **state)
{
	struct fixture *f = *state;
	char printed[4096];

	start(f);
	assert_int_equal(RUN(cli_resize, printed, "resize", f->path, "vm0",
			     "2G", "--wait", "0"),
			 EXIT_OK);
	assert_string_equal(printed, "vm0: 2 GiB requested, 0 plugged now\n");
}

static void test_json(void **state)
{
	struct fixture *f = *state;
	char printed[4096];
	json_int_t size, before, requested;
	json_t *object;
	int reached;

	f->machine->follow = true;
	start(f);
	assert_int_equal(RUN(cli_resize, printed, "resize", "--json", f->path,
			     "vm1", "512M"),
			 EXIT_OK);
	object = json_loads(printed, 0, NULL);
	assert_non_null(object);
	assert_int_equal(json_unpack(object, "{s:I, s:I, s:I, s:b}", "size",
				     &size, "previous-size", &before,
				     "requested-size", &requested, "reached",
				     &reached),
			 0);
	assert_int_equal(size, 512 * MiB);
	assert_int_equal(before, 0);
	assert_int_equal(requested, 512 * MiB);
	assert_true(reached);
	assert_null(json_object_get(object, "reason"));
	json_decref(object);
}

static void expect_refusal(struct fixture *f, const char *device,
			   const char *size, const char *sentence, int status)
{
	char printed[4096];

	assert_int_equal(RUN(cli_resize, printed, "resize", f->path, device,
			     size),
			 status);
	assert_string_equal(printed, sentence);
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;

	f->machine->fail_set = -ENOMEM;
	start(f);
	expect_refusal(f, "vm9", "2G",
		       "paramem: there is no device 'vm9': the machine has "
		       "vm0, vm1\n",
		       EXIT_FAILED);
	expect_refusal(f, "vm0", "2X",
		       "paramem: a size cannot be '2X': use a number with an "
		       "optional K, M, G, T or P, as in 512M\n",
		       EXIT_USAGE);
	expect_refusal(f, "vm0", "3M",
		       "paramem: vm0: 3 MiB is not a multiple of its block "
		       "size of 2 MiB: use 2 MiB or 4 MiB\n",
		       EXIT_FAILED);
	expect_refusal(f, "vm0", "9G",
		       "paramem: vm0: 9 GiB is more than its maximum: use 8 "
		       "GiB or less\n",
		       EXIT_FAILED);
	expect_refusal(f, "vm0", "16383P",
		       "paramem: vm0: 16383 PiB is more than its maximum: use "
		       "8 GiB or less\n",
		       EXIT_FAILED);
	expect_refusal(f, "vm0", "2G",
		       "paramem: the machine refused: the host has no memory "
		       "left ?\n",
		       EXIT_FAILED);
}

static void test_usage(void **state)
{
	struct fixture *f = *state;
	char printed[4096];

	start(f);
	assert_int_equal(RUN(cli_resize, printed, "resize", f->path, "vm0"),
			 EXIT_USAGE);
	assert_int_equal(RUN(cli_resize, printed, "resize", "--nonsense"),
			 EXIT_USAGE);
	assert_non_null(strstr(printed, "there is no option '--nonsense'"));
	assert_int_equal(RUN(cli_resize, printed, "resize", f->path, "vm0",
			     "1G", "--wait", "-1"),
			 EXIT_USAGE);
	assert_int_equal(RUN(cli_resize, printed, "resize", "/nonesuch/s",
			     "vm0", "1G"),
			 EXIT_FAILED);
	assert_non_null(strstr(printed, "there is no socket '/nonesuch/s'"));
	assert_int_equal(RUN(cli_resize, printed, "resize", "no such", "vm0",
			     "1G"),
			 EXIT_FAILED);
}

static void test_info(void **state)
{
	struct fixture *f = *state;
	char printed[4096];
	json_t *object;

	f->machine->devices[0].device.plugged_size = 512 * MiB;
	f->machine->devices[1].driver_ready = false;
	start(f);
	assert_int_equal(RUN(cli_info, printed, "info", f->path), EXIT_OK);
	assert_non_null(strstr(printed, "fake: prelaunch\n1 GiB now: 512 MiB "
					"at boot, 512 MiB plugged\n"));
	assert_non_null(strstr(printed, "driver not ready"));
	assert_int_equal(RUN(cli_info, printed, "info", "--json", f->path),
			 EXIT_OK);
	object = json_loads(printed, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(object, "devices")),
			 2);
	json_decref(object);
}

static void test_numa(void **state)
{
	struct fixture *f = *state;
	char printed[4096];
	json_t *nodes;

	fake_machine_split(f->machine);
	f->machine->devices[0].device.plugged_size = 512 * MiB;
	f->machine->devices[0].device.requested_size = 1024 * MiB;
	start(f);
	assert_int_equal(RUN(cli_numa, printed, "numa", f->path), EXIT_OK);
	assert_string_equal(
		printed,
		"NODE PROCESSORS         MEMORY      AT BOOT      PLUGGED    "
		"REQUESTED  DEVICES\n"
		"0    0-1,3             896 MiB      384 MiB      512 MiB      "
		" "
		" "
		"1 GiB  vm0\n"
		"1    2                 128 MiB      128 MiB            0      "
		" "
		" "
		"    0  vm1\n"
		"\nDISTANCE    0    1\n"
		"       0   10   17\n"
		"       1   17   10\n");
	assert_int_equal(RUN(cli_numa, printed, "numa", "--json", f->path),
			 EXIT_OK);
	nodes = json_loads(printed, 0, NULL);
	assert_int_equal(json_array_size(nodes), 2);
	json_decref(nodes);
	assert_int_equal(RUN(cli_numa, printed, "numa"), EXIT_USAGE);
	assert_string_equal(printed, "paramem: numa takes one target\n"
				     "Try 'paramem numa --help'.\n");
}

/* The machine ends while somebody waits for it. */
static void *quit_soon(void *opaque)
{
	struct fixture *f = opaque;
	struct machine *m = f->machine;

	for (;;) {
		loop_run_once(m->loop);
		if (m->devices[0].device.requested_size)
			break;
	}
	observers_tell(m->observers, shutdown, MACHINE_GUEST_OFF);
	qmp_destroy(m->qmp);
	m->qmp = NULL;
	return NULL;
}

static void test_machine_ends(void **state)
{
	struct fixture *f = *state;
	char printed[4096];

	assert_int_equal(pthread_create(&f->server, NULL, quit_soon, f), 0);
	assert_int_equal(RUN(cli_resize, printed, "resize", f->path, "vm0",
			     "2G"),
			 EXIT_FAILED);
	/* The process that served is this one, and lives on. */
	assert_non_null(strstr(printed, "has closed the connection"));
}

#define RESIZE_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RESIZE_TEST(test_reached),  RESIZE_TEST(test_not_reached),
		RESIZE_TEST(test_paused),   RESIZE_TEST(test_note),
		RESIZE_TEST(test_no_wait),  RESIZE_TEST(test_json),
		RESIZE_TEST(test_refusals), RESIZE_TEST(test_usage),
		RESIZE_TEST(test_info),     RESIZE_TEST(test_usage),
		RESIZE_TEST(test_numa),     RESIZE_TEST(test_machine_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
