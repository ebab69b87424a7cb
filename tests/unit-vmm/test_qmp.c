/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket end to end, over real sockets, with a machine of mere
 * words behind it: the answers are those that QEMU 7.2 gives.
 *
 * One thread plays both sides. A client that waits for an answer runs the
 * server's loop meanwhile, so that nothing here waits for a time to pass.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <jansson.h>

#include "fake_machine.h"
#include "host/loop.h"
#include "qmp/server.h"

#define GiB (UINT64_C(1) << 30)
#define MiB (UINT64_C(1) << 20)

struct fixture {
	char dir[64];
	char path[100];
	struct machine *machine;
};

struct client {
	struct fixture *f;
	int fd;
	size_t len;
	char buf[512 * 1024];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct pm_error err;

	strcpy(f->dir, "/tmp/paramem-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/qmp.sock", f->dir);
	f->machine = fake_machine_create(f->path);
	*state = f;
	return qmp_create(f->machine, &f->machine->qmp, &err);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int ret;

	fake_machine_destroy(f->machine);
	ret = rmdir(f->dir); /* fails when anything is left in it */
	free(f);
	return ret;
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(addr.sun_path, path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool client_receive(struct client *c)
{
	ssize_t n = recv(c->fd, c->buf + c->len, sizeof(c->buf) - c->len,
			 MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN) {
		assert_int_equal(loop_run_once(c->f->machine->loop), 0);
		return true;
	}
	if (n <= 0)
		return false;
	c->len += (size_t)n;
	return true;
}

/* The next message, as the text of its line; NULL when the server hung up. */
static char *client_line(struct client *c)
{
	char *end, *line;

	while (!(end = memchr(c->buf, '\n', c->len))) {
		if (!client_receive(c))
			return NULL;
	}
	assert_true(end > c->buf && end[-1] == '\r');
	line = strndup(c->buf, (size_t)(end - c->buf - 1));
	c->len -= (size_t)(end + 1 - c->buf);
	memmove(c->buf, end + 1, c->len);
	return line;
}

static void client_expect(struct client *c, const char *line)
{
	char *got = client_line(c);

	assert_non_null(got);
	assert_string_equal(got, line);
	free(got);
}

/* An event, but for its timestamp. */
static void client_expect_event(struct client *c, const char *rest)
{
	char *got = client_line(c), *at;

	assert_non_null(got);
	at = strstr(got, "\"event\"");
	assert_non_null(at);
	assert_true(!strncmp(got, "{\"timestamp\": {\"seconds\": ", 26));
	assert_string_equal(at, rest);
	free(got);
}

static void client_send(struct client *c, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(send(c->fd, text, len, MSG_NOSIGNAL), len);
}

static void client_ask(struct client *c, const char *request, const char *reply)
{
	client_send(c, request);
	client_expect(c, reply);
}

static struct client *client_open_raw(struct fixture *f)
{
	struct client *c = malloc(sizeof(*c));
	char *greeting;

	assert_non_null(c);
	c->f = f;
	c->len = 0;
	c->fd = connect_to(f->path);
	assert_true(c->fd >= 0);
	greeting = client_line(c);
	assert_non_null(
		strstr(greeting, "{\"QMP\": {\"version\": {\"qemu\": {"));
	assert_non_null(strstr(greeting, "\"capabilities\": []}}"));
	free(greeting);
	return c;
}

static struct client *client_open(struct fixture *f)
{
	struct client *c = client_open_raw(f);

	client_ask(c, "{\"execute\":\"qmp_capabilities\"}", "{\"return\": {}}");
	return c;
}

static void client_close(struct client *c)
{
	close(c->fd);
	free(c);
}

#define ERROR(class, desc) \
	"{\"error\": {\"class\": \"" class "\", \"desc\": \"" desc "\"}"
#define GENERIC(desc)   ERROR("GenericError", desc) "}"
#define NOT_FOUND(desc) ERROR("CommandNotFound", desc) "}"

static void test_negotiation(void **state)
{
	struct client *c = client_open_raw(*state);

	client_ask(c, "{\"execute\":\"query-status\"}",
		   NOT_FOUND("Expecting capabilities negotiation with "
			     "'qmp_capabilities'"));
	client_ask(c,
		   "{\"execute\":\"qmp_capabilities\",\"arguments\":"
		   "{\"enable\":[\"oob\"]}}",
		   GENERIC("Capability oob is not available"));
	client_ask(c,
		   "{\"execute\":\"qmp_capabilities\",\"arguments\":"
		   "{\"enable\":1}}",
		   GENERIC("Invalid parameter type for 'enable', expected: "
			   "array"));
	client_ask(c, "{'execute':'qmp_capabilities', 'id':7}",
		   "{\"return\": {}, \"id\": 7}");
	client_ask(c, "{\"execute\":\"qmp_capabilities\",\"id\":{\"a\":[1,2]}}",
		   ERROR("CommandNotFound",
			 "Capabilities negotiation is already complete, "
			 "command ignored") ", \"id\": {\"a\": [1, 2]}}");
	client_close(c);
}

static void test_envelope(void **state)
{
	static const char *const cases[][2] = {
		{ "{}", "QMP input lacks member 'execute'" },
		{ "[]", "QMP input must be a JSON object" },
		{ "5 ", "QMP input must be a JSON object" },
		{ "true\n", "QMP input must be a JSON object" },
		{ "{\"execute\":1}",
		  "QMP input member 'execute' must be a string" },
		{ "{\"execute\":\"query-status\",\"arguments\":[]}",
		  "QMP input member 'arguments' must be an object" },
		{ "{\"execute\":\"query-status\",\"foo\":1}",
		  "QMP input member 'foo' is unexpected" },
		{ "{\"execute\":\"query-status\",\"arguments\":{\"x\":1}}",
		  "Parameter 'x' is unexpected" },
		{ "{\"execute\":\"qom-get\"}", "Parameter 'path' is missing" },
		{ "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"vm0\"}}",
		  "Parameter 'property' is missing" },
		{ "{\"execute\":\"qom-get\",\"arguments\":{\"path\":1}}",
		  "Invalid parameter type for 'path', expected: string" },
		{ "}", "JSON parse error, expecting value" },
		{ "@\n", "JSON parse error, stray '@'" },
	};
	struct client *c = client_open(*state);
	char reply[256];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(reply, sizeof(reply), GENERIC("%s"), cases[i][1]);
		client_ask(c, cases[i][0], reply);
	}
	client_ask(c, "{\"execute\":\"nonesuch\",\"id\":null}",
		   ERROR("CommandNotFound",
			 "The command nonesuch has not been found") ", \"id\": "
								    "null}");
	client_close(c);
}

/* An id is any value, and comes back as it is. */
static void test_ids(void **state)
{
	static const char *const ids[] = {
		"null",
		"true",
		"0",
		"-9223372036854775808",
		"9223372036854775807",
		"9223372036854775808",
		"18446744073709551615",
		"18446744073709551616",
		"-9223372036854775809",
		"123456789012345678901234567890",
		"1e999",
		"-1.5E+400",
		"2.5",
		"\"\"",
		"\"\\u0000\"",
		"\"\\u0000#5\"",
		"\"\\u0000\\u0000#18446744073709551616\"",
		"\"a\\u0000#5\"",
		"\"\\\"\\u0000#5\"",
		"\"18446744073709551616\"",
		"\"\\\"18446744073709551616\\\\\"",
		"[18446744073709551616, [], {}, \"#\"]",
		"{\"18446744073709551616\": 18446744073709551616}",
	};
	struct client *c = client_open(*state);
	char request[200], reply[200];
	size_t i;

	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		snprintf(request, sizeof(request),
			 "{\"execute\":\"query-name\",\"id\":%s}", ids[i]);
		snprintf(reply, sizeof(reply),
			 "{\"return\": {\"name\": \"fake\"}, \"id\": %s}",
			 ids[i]);
		client_ask(c, request, reply);
	}
	/* Also where the request is in error for a number of that size. */
	client_ask(c,
		   "{\"execute\":\"qom-set\",\"arguments\":{\"path\":\"vm0\","
		   "\"property\":\"requested-size\",\"value\":"
		   "18446744073709551615},\"id\":18446744073709551615}",
		   ERROR("GenericError",
			 "'requested-size' has to be multiples of 'block-size' "
			 "(0x200000)") ", \"id\": 18446744073709551615}");
	client_close(c);
}

/* Neither a number in a string's clothes nor half a string gets through. */
static void test_strings_that_are_none(void **state)
{
	static const char *const paths[] = {
		"18446744073709551616",
		"\"vm0\\u0000\"",
		"\"\\u0000#5\"",
	};
	struct client *c = client_open(*state);
	char request[200];
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(request, sizeof(request),
			 "{\"execute\":\"qom-get\",\"arguments\":{\"path\":%s,"
			 "\"property\":\"size\"},\"id\":1}",
			 paths[i]);
		client_ask(c, request,
			   ERROR("GenericError",
				 "Invalid parameter type for 'path', expected: "
				 "string") ", \"id\": 1}");
	}
	client_ask(c, "{\"execute\":\"query-name\\u0000x\"}",
		   GENERIC("QMP input member 'execute' must be a string"));
	client_close(c);
}

/* Whatever a parser says of them: one error each, and it goes on. */
static void test_bad_json(void **state)
{
	static const char *const bad[] = {
		"nul ",
		"{\"execute\": nope}",
		"{\"execute\": }",
		"{\"execute\" \"a\"}",
		"{\"a\":1,\"a\":2}",
		"{\"a\\u0000\":1}",
		"{\"a\":\"\xc3\"}",
		"{\"a\":099999999999999999999}",
		"{\"a\":1e999.}",
		"\"\\ud800\"",
		"[1,]",
	};
	struct client *c = client_open(*state);
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *reply;

		client_send(c, bad[i]);
		reply = client_line(c);
		assert_non_null(reply);
		assert_non_null(strstr(reply, "\"GenericError\", \"desc\": "
					      "\"JSON parse error, "));
		free(reply);
		client_ask(c, "{\"execute\":\"query-name\"}",
			   "{\"return\": {\"name\": \"fake\"}}");
	}
	client_close(c);
}

static void test_random_bytes(void **state)
{
	static const char alphabet[] = "{}[]\"\\':, \n1ae\xff";
	struct client *c = client_open(*state);
	char noise[500];
	int round;
	size_t i;

	srand(2);
	for (round = 0; round < 50; round++) {
		char *line, mark[80];

		for (i = 0; i < sizeof(noise) - 1; i++)
			noise[i] = alphabet[(size_t)rand() %
					    (sizeof(alphabet) - 1)];
		noise[sizeof(noise) - 1] = '\0';
		client_send(c, noise);
		snprintf(mark, sizeof(mark),
			 "\xff\n\n{\"execute\":\"query-name\",\"id\":\"m%d\"}",
			 round);
		client_send(c, mark);
		snprintf(mark, sizeof(mark), "\"id\": \"m%d\"", round);
		while ((line = client_line(c)) && !strstr(line, mark))
			free(line);
		assert_non_null(line);
		free(line);
	}
	client_close(c);
}

static void test_split_and_joined(void **state)
{
	const char *request = "{\"execute\":\"query-name\",\"id\":\"x\"}";
	const char *reply = "{\"return\": {\"name\": \"fake\"}, \"id\": \"x\"}";
	struct client *c = client_open(*state);
	const char *p;
	int i;

	for (p = request; *p; p++) {
		char one[2] = { *p, '\0' };

		client_send(c, one);
		if (p[1])
			assert_int_equal(loop_run_once(c->f->machine->loop), 0);
	}
	client_expect(c, reply);
	for (i = 0; i < 40; i++)
		client_send(c, request);
	for (i = 0; i < 40; i++)
		client_expect(c, reply);
	client_close(c);
}

static void test_state_commands(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_open(f);

	client_ask(c, "{\"execute\":\"query-status\"}",
		   "{\"return\": {\"status\": \"prelaunch\", \"singlestep\": "
		   "false, \"running\": false}}");
	client_send(c, "{\"execute\":\"cont\"}{\"execute\":\"cont\"}");
	client_expect_event(c, "\"event\": \"RESUME\"}");
	client_expect(c, "{\"return\": {}}");
	client_expect(c, "{\"return\": {}}");
	client_send(c, "{\"execute\":\"stop\"}");
	client_expect_event(c, "\"event\": \"STOP\"}");
	client_expect(c, "{\"return\": {}}");
	client_send(c, "{\"execute\":\"system_reset\"}");
	client_expect_event(c,
			    "\"event\": \"RESET\", \"data\": {\"guest\": "
			    "false, \"reason\": \"host-qmp-system-reset\"}}");
	client_expect(c, "{\"return\": {}}");
	client_send(c, "{\"execute\":\"system_powerdown\"}");
	client_expect_event(c, "\"event\": \"POWERDOWN\"}");
	client_expect(c, "{\"return\": {}}");
	client_send(c, "{\"execute\":\"quit\"}");
	client_expect_event(c, "\"event\": \"SHUTDOWN\", \"data\": {\"guest\": "
			       "false, \"reason\": \"host-qmp-quit\"}}");
	client_expect(c, "{\"return\": {}}");
	assert_int_equal(f->machine->resets, 1);
	assert_int_equal(f->machine->powerdowns, 1);
	assert_int_equal(f->machine->quits, 1);
	f->machine->state = MACHINE_INTERNAL_ERROR;
	client_ask(c, "{\"execute\":\"cont\"}",
		   GENERIC("the machine cannot go on"));
	client_close(c);
}

static void test_query_commands(void **state)
{
	struct client *c = client_open(*state);
	char *line;

	client_send(c, "{\"execute\":\"query-commands\"}");
	line = client_line(c);
	assert_non_null(strstr(line, "{\"name\": \"query-commands\"}"));
	assert_non_null(strstr(line, "{\"name\": \"qom-set\"}"));
	free(line);
	client_send(c, "{\"execute\":\"query-version\"}");
	line = client_line(c);
	assert_non_null(strstr(line, "\"package\": \"paramem "));
	free(line);
	client_close(c);
}

static void ask_property(struct client *c, const char *path,
			 const char *property, const char *reply)
{
	char request[256];

	snprintf(request, sizeof(request),
		 "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"%s\","
		 "\"property\":\"%s\"}}",
		 path, property);
	client_ask(c, request, reply);
}

static void test_qom_get(void **state)
{
	static const char *const good[] = {
		"vm1",
		"peripheral/vm1",
		"machine/peripheral/vm1",
		"/machine/peripheral/vm1",
		"//machine//peripheral/vm1/",
	};
	static const char *const missing[] = {
		"vm2",     "l/vm1", "/vm1",
		"xvm1",    "/nope", "/x/machine/peripheral/vm1",
		"vm1/vm1",
	};
	struct client *c = client_open(*state);
	char reply[200];
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ask_property(c, good[i], "block-size",
			     "{\"return\": 134217728}");
	for (i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
		snprintf(reply, sizeof(reply),
			 ERROR("DeviceNotFound", "Device '%s' not found") "}",
			 missing[i]);
		ask_property(c, missing[i], "size", reply);
	}
	ask_property(c, "", "size",
		     ERROR("DeviceNotFound", "Path '' is ambiguous") "}");
	client_ask(c,
		   "{\"execute\":\"qom-list\",\"arguments\":{\"path\":"
		   "\"\"}}",
		   GENERIC("Path '' is ambiguous"));
	ask_property(c, "vm0", "requested-size", "{\"return\": 0}");
	ask_property(c, "vm0", "memaddr", "{\"return\": 4294967296}");
	ask_property(c, "vm0", "x-paramem-driver-ready", "{\"return\": true}");
	ask_property(c, "vm0", "nope",
		     GENERIC("Property 'virtio-mem-pci.nope' not found"));
	client_close(c);
}

/* The rest of the tree, as clients walk it. */
static void test_qom_tree(void **state)
{
	static const char *const cases[][3] = {
		{ "/", "type", "\"container\"" },
		{ "/", "machine", "\"/machine\"" },
		{ "//", "objects", "\"/objects\"" },
		{ "machine", "type", "\"paramem-machine\"" },
		{ "/machine", "peripheral", "\"/machine/peripheral\"" },
		{ "/machine/peripheral", "vm0", "\"/machine/peripheral/vm0\"" },
		{ "/machine/unattached", "device[0]",
		  "\"/machine/unattached/device[0]\"" },
		{ "device[0]", "type", "\"host-x86_64-cpu\"" },
		{ "device[0]", "core-id", "0" },
		{ "/objects/vm0", "type", "\"memory-backend-ram\"" },
		{ "objects/vm0", "size", "8589934592" },
		{ "objects/vm0", "policy", "\"default\"" },
		{ "vm0", "type", "\"virtio-mem-pci\"" },
		{ "vm0", "memdev", "\"/objects/vm0\"" },
	};
	struct client *c = client_open(*state);
	char reply[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(reply, sizeof(reply), "{\"return\": %s}", cases[i][2]);
		ask_property(c, cases[i][0], cases[i][1], reply);
	}
	client_ask(c,
		   "{\"execute\":\"qom-list\",\"arguments\":{\"path\":"
		   "\"/machine/peripheral\"}}",
		   "{\"return\": [{\"name\": \"type\", \"type\": \"string\"}, "
		   "{\"name\": \"vm0\", \"type\": "
		   "\"child<virtio-mem-pci>\"}, {\"name\": \"vm1\", "
		   "\"type\": \"child<virtio-mem-pci>\"}]}");
	client_ask(c,
		   "{\"execute\":\"qom-list\",\"arguments\":{\"path\":"
		   "\"/machine/peripheral-anon\"}}",
		   "{\"return\": [{\"name\": \"type\", \"type\": "
		   "\"string\"}]}");
	client_close(c);
}

static void ask_set(struct client *c, const char *property, const char *value,
		    const char *reply)
{
	char request[256];

	snprintf(request, sizeof(request),
		 "{\"execute\":\"qom-set\",\"arguments\":{\"path\":"
		 "\"/machine/peripheral/vm0\",\"property\":\"%s\","
		 "\"value\":%s}}",
		 property, value);
	client_ask(c, request, reply);
}

static void test_qom_set(void **state)
{
	static const char *const no_uint64[] = {
		"-1",
		"-2097152",
		"1.5",
		"1e9",
		"\"1G\"",
		"null",
		"true",
		"{}",
		"[]",
		"18446744073709551616",
		"-9223372036854775809",
		"1e999",
	};
	struct fixture *f = *state;
	struct client *c = client_open(f);
	size_t i;

	ask_set(c, "requested-size", "1073741824", "{\"return\": {}}");
	assert_int_equal(f->machine->devices[0].device.requested_size, GiB);
	for (i = 0; i < sizeof(no_uint64) / sizeof(no_uint64[0]); i++)
		ask_set(c, "requested-size", no_uint64[i],
			GENERIC("Parameter 'requested-size' expects uint64"));
	ask_set(c, "requested-size", "1",
		GENERIC("'requested-size' has to be multiples of 'block-size' "
			"(0x200000)"));
	ask_set(c, "requested-size", "9223372036852678656",
		GENERIC("'requested-size' cannot exceed the memory backend "
			"size(0x200000000)"));
	ask_set(c, "requested-size", "9223372036854775807",
		GENERIC("'requested-size' has to be multiples of 'block-size' "
			"(0x200000)"));
	ask_set(c, "requested-size", "18446744073709551615",
		GENERIC("'requested-size' has to be multiples of 'block-size' "
			"(0x200000)"));
	ask_set(c, "requested-size", "18446744073707454464",
		GENERIC("'requested-size' cannot exceed the memory backend "
			"size(0x200000000)"));
	ask_set(c, "type", "0",
		GENERIC("Property 'virtio-mem-pci.type' is not writable"));
	ask_set(c, "nope", "0",
		GENERIC("Property 'virtio-mem-pci.nope' not found"));
	ask_set(c, "size", "0",
		GENERIC("Property 'virtio-mem-pci.size' is not writable"));
	assert_int_equal(f->machine->devices[0].device.requested_size, GiB);
	f->machine->fail_set = -ENOMEM;
	ask_set(c, "requested-size", "0",
		GENERIC("the host has no memory left ?"));
	client_close(c);
}

static void test_query_memory(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_open(f);
	struct mem_device_info *vm0 = &f->machine->devices[0];
	char *line;
	json_t *reply;

	vm0->device.plugged_size = 6 * MiB;
	vm0->driver_ready = false;
	strcpy(vm0->last_refusal, "no memory");
	vm0->device.guard_level = PM_GUARD_WRITES;
	vm0->device.violations_write = 3;
	f->machine->devices[1].device.guard_lack = "no reason";
	client_ask(c, "{\"execute\":\"query-memory-size-summary\"}",
		   "{\"return\": {\"base-memory\": 536870912, "
		   "\"plugged-memory\": 6291456}}");
	client_send(c, "{\"execute\":\"query-memory-devices\"}");
	line = client_line(c);
	reply = json_loads(line, 0, NULL);
	assert_non_null(reply);
	assert_non_null(strstr(line, "{\"type\": \"virtio-mem\", \"data\": {"
				     "\"id\": \"vm0\""));
	assert_non_null(strstr(line, "\"memdev\": \"/objects/vm0\""));
	assert_non_null(strstr(line, "\"max-size\": 8589934592"));
	assert_non_null(strstr(line, "\"x-paramem-driver-ready\": false, "
				     "\"x-paramem-last-refusal\": "
				     "\"no memory\", "
				     "\"x-paramem-guard\": \"writes\", "
				     "\"x-paramem-violations-read\": 0, "
				     "\"x-paramem-violations-write\": 3, "
				     "\"x-paramem-standing\": \"reached\"}}"));
	assert_non_null(strstr(line, "\"x-paramem-driver-ready\": true, "
				     "\"x-paramem-guard\": \"none\", "
				     "\"x-paramem-guard-lack\": "
				     "\"no reason\", "));
	json_decref(reply);
	free(line);
	client_close(c);
}

static void test_pause_reason(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_open(f);

	strcpy(f->machine->pause_reason, "a reason");
	f->machine->state = MACHINE_PAUSED;
	client_ask(c, "{\"execute\":\"query-status\"}",
		   "{\"return\": {\"status\": \"paused\", "
		   "\"singlestep\": false, \"running\": false, "
		   "\"x-paramem-reason\": \"a reason\"}}");
	client_close(c);
}

/* The first at once, and the last of those that follow it. */
static void test_violations(void **state)
{
	struct violation v = { .gpa = 4096, .write = true, .vcpu = 2 };
	struct fixture *f = *state;
	struct client *c = client_open(f);
	char *line;

	for (v.count = 1; v.count < 100; v.count++)
		observers_tell(f->machine->observers, violation, 1, &v);
	line = client_line(c);
	assert_non_null(strstr(line, "\"event\": "
				     "\"X_PARAMEM_MEMORY_VIOLATION\", "
				     "\"data\": {\"id\": \"vm1\", "
				     "\"gpa\": 4096, \"access\": \"write\", "
				     "\"vcpu\": 2, \"count\": 1}}"));
	free(line);
	v.vcpu = -1;
	v.write = false;
	observers_tell(f->machine->observers, violation, 1, &v);
	line = client_line(c);
	assert_non_null(strstr(line, "\"access\": \"read\", "
				     "\"count\": 100}}"));
	free(line);
	/* One that stops the guest is told before the guest stops. */
	v.count++;
	observers_tell(f->machine->observers, violation, 1, &v);
	observers_tell(f->machine->observers, stopped);
	line = client_line(c);
	assert_non_null(strstr(line, "\"count\": 101}}"));
	free(line);
	line = client_line(c);
	assert_non_null(strstr(line, "\"event\": \"STOP\""));
	free(line);
	client_close(c);
}

#define HUMAN(line)                                              \
	"{\"execute\":\"human-monitor-command\",\"arguments\":{" \
	"\"command-line\":\"" line "\"}}"

static void test_info_numa(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_open(f);

	client_ask(c, HUMAN("info numa"),
		   "{\"return\": \"1 nodes\\r\\nnode 0 cpus: 0\\r\\n"
		   "node 0 size: 512 MB\\r\\nnode 0 plugged: 0 MB\\r\\n\"}");
	fake_machine_split(f->machine);
	f->machine->devices[0].device.plugged_size = 2 * GiB;
	f->machine->devices[1].device.plugged_size = 128 * MiB;
	client_ask(c, HUMAN("  info   numa "),
		   "{\"return\": \"2 nodes\\r\\nnode 0 cpus: 0 1 3\\r\\n"
		   "node 0 size: 2432 MB\\r\\nnode 0 plugged: 2048 MB\\r\\n"
		   "node 1 cpus: 2\\r\\nnode 1 size: 256 MB\\r\\n"
		   "node 1 plugged: 128 MB\\r\\n\"}");
	client_close(c);
}

/* A wrong line is no error of the protocol, as with QEMU. */
static void test_human_monitor(void **state)
{
	static const char *const cases[][2] = {
		{ HUMAN(""), "" },
		{ HUMAN("  "), "" },
		{ HUMAN("foo bar"), "unknown command: 'foo'\\r\\n" },
		{ HUMAN("inf numa"), "unknown command: 'inf'\\r\\n" },
		{ HUMAN("infos"), "unknown command: 'infos'\\r\\n" },
		{ HUMAN("info  foo x"), "unknown command: 'info  foo'\\r\\n" },
		{ HUMAN("info"), "info numa  -- show NUMA information\\r\\n" },
		{ HUMAN("info numa x"),
		  "numa: extraneous characters at the end of line\\r\\n" },
	};
	struct client *c = client_open(*state);
	char reply[256];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(reply, sizeof(reply), "{\"return\": \"%s\"}",
			 cases[i][1]);
		client_ask(c, cases[i][0], reply);
	}
	client_ask(c, "{\"execute\":\"human-monitor-command\"}",
		   GENERIC("Parameter 'command-line' is missing"));
	client_ask(c,
		   "{\"execute\":\"human-monitor-command\",\"arguments\":"
		   "{\"command-line\":\"\",\"cpu-index\":\"a\"}}",
		   GENERIC("Invalid parameter type for 'cpu-index', expected: "
			   "integer"));
	client_ask(c,
		   "{\"execute\":\"human-monitor-command\",\"arguments\":"
		   "{\"command-line\":\"\",\"cpu-index\":1}}",
		   GENERIC("Parameter 'cpu-index' expects a CPU number"));
	client_close(c);
}

static void test_query_numa(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_open(f);

	fake_machine_split(f->machine);
	f->machine->devices[0].device.plugged_size = 2 * GiB;
	f->machine->devices[0].device.requested_size = 3 * GiB;
	client_ask(c, "{\"execute\":\"x-paramem-query-numa\"}",
		   "{\"return\": [{\"id\": 0, \"cpus\": [0, 1, 3], "
		   "\"base-memory\": 402653184, \"plugged-memory\": "
		   "2147483648, \"requested-memory\": 3221225472, "
		   "\"distances\": [10, 17], \"devices\": [\"vm0\"]}, "
		   "{\"id\": 1, \"cpus\": [2], \"base-memory\": 134217728, "
		   "\"plugged-memory\": 0, \"requested-memory\": 0, "
		   "\"distances\": [17, 10], \"devices\": [\"vm1\"]}]}");
	client_close(c);
}

static uint64_t event_size(const char *line, const char *id)
{
	json_t *event = json_loads(line, 0, NULL);
	const char *name, *event_id, *path;
	json_int_t size;

	assert_int_equal(json_unpack(event, "{s:s, s:{s:s, s:I, s:s}}", "event",
				     &name, "data", "id", &event_id, "size",
				     &size, "qom-path", &path),
			 0);
	assert_string_equal(name, "MEMORY_DEVICE_SIZE_CHANGE");
	assert_string_equal(event_id, id);
	assert_non_null(strstr(path, "/machine/peripheral/"));
	json_decref(event);
	return (uint64_t)size;
}

/* Thousands of changes make a few events, the last of which is the last. */
static void test_size_changes(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_open(f);
	unsigned int events = 0;
	uint64_t size, last = 0;

	for (size = 2 * MiB; size <= 8 * GiB; size += 2 * MiB)
		observers_tell(f->machine->observers, size_changed, 0, size);
	do {
		char *line = client_line(c);

		size = event_size(line, "vm0");
		assert_true(size > last);
		last = size;
		events++;
		free(line);
	} while (last < 8 * GiB);
	assert_in_range(events, 2, 40);
	client_close(c);
}

static void test_size_flushed_by_shutdown(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_open(f);
	char *line;

	observers_tell(f->machine->observers, size_changed, 1, 256 * MiB);
	observers_tell(f->machine->observers, size_changed, 1, 512 * MiB);
	observers_tell(f->machine->observers, shutdown, MACHINE_GUEST_OFF);
	line = client_line(c);
	assert_int_equal(event_size(line, "vm1"), 256 * MiB);
	free(line);
	line = client_line(c);
	assert_int_equal(event_size(line, "vm1"), 512 * MiB);
	free(line);
	client_expect_event(c, "\"event\": \"SHUTDOWN\", \"data\": {\"guest\": "
			       "true, \"reason\": \"guest-shutdown\"}}");
	client_close(c);
}

static void test_several_clients(void **state)
{
	struct fixture *f = *state;
	struct client *a = client_open(f), *b = client_open(f);
	struct client *mute = client_open_raw(f);

	client_send(a, "{\"execute\":\"cont\"}");
	client_expect_event(a, "\"event\": \"RESUME\"}");
	client_expect(a, "{\"return\": {}}");
	client_expect_event(b, "\"event\": \"RESUME\"}");
	/* No events before the negotiation. */
	client_ask(mute, "{\"execute\":\"qmp_capabilities\"}",
		   "{\"return\": {}}");
	client_close(a);
	client_ask(b, "{\"execute\":\"query-name\"}",
		   "{\"return\": {\"name\": \"fake\"}}");
	client_close(b);
	client_close(mute);
}

/* It can ask as much as it likes: its own socket fills, and we stay small. */
static void test_slow_reader_of_replies(void **state)
{
	const char *request = "{\"execute\":\"query-commands\"}";
	struct fixture *f = *state;
	struct client *c = client_open(f);
	unsigned int sent = 0, received = 0;
	int quiet = 0;

	while (quiet < 3) {
		ssize_t n = send(c->fd, request, strlen(request),
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n == (ssize_t)strlen(request)) {
			sent++;
			quiet = 0;
			continue;
		}
		assert_int_equal(n, -1);
		assert_int_equal(errno, EAGAIN);
		/* Whoever else comes is served; the queue has its bound. */
		client_close(client_open(f));
		quiet++;
		assert_true(sent < 1000000);
	}
	assert_true(sent > 100);
	while (received < sent) {
		char *line = client_line(c);

		assert_non_null(line);
		free(line);
		received++;
	}
	client_close(c);
}

static void test_big_value(void **state)
{
	struct client *c = client_open(*state);
	static char big[FRAMING_VALUE_MAX + 16];
	char *line;
	size_t at = 0;

	memset(big, 'a', sizeof(big) - 1);
	memcpy(big, "{\"id\":\"", 7);
	big[sizeof(big) - 2] = '\n';
	while (at < sizeof(big) - 1) {
		ssize_t n = send(c->fd, big + at, sizeof(big) - 1 - at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			at += (size_t)n;
		else
			loop_run_once(c->f->machine->loop);
	}
	line = client_line(c);
	assert_string_equal(line, GENERIC("JSON token size limit exceeded"));
	free(line);
	client_ask(c, "{\"execute\":\"query-name\"}",
		   "{\"return\": {\"name\": \"fake\"}}");
	client_close(c);
}

/* printf ... | socat: it hangs up its sending half, and still gets replies. */
static void test_half_closed(void **state)
{
	struct client *c = client_open(*state);

	client_send(c, "{\"execute\":\"query-name\"}");
	shutdown(c->fd, SHUT_WR);
	client_expect(c, "{\"return\": {\"name\": \"fake\"}}");
	assert_null(client_line(c));
	client_close(c);
}

static void test_gone_client_still_commands(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_open(f);

	client_send(c, "{\"execute\":\"quit\"}");
	client_close(c);
	while (f->machine->qmp->nr_conns)
		assert_int_equal(loop_run_once(f->machine->loop), 0);
	assert_int_equal(f->machine->quits, 1);
}

/* The last words reach a client even though the loop runs no more. */
static void test_destroy_sends_rest(void **state)
{
	struct fixture *f = *state;
	struct client *c = client_open(f);

	observers_tell(f->machine->observers, size_changed, 0, 2 * MiB);
	observers_tell(f->machine->observers, size_changed, 0, 4 * MiB);
	observers_tell(f->machine->observers, shutdown, MACHINE_GUEST_OFF);
	qmp_destroy(f->machine->qmp);
	f->machine->qmp = NULL;
	free(client_line(c));
	free(client_line(c));
	client_expect_event(c, "\"event\": \"SHUTDOWN\", \"data\": {\"guest\": "
			       "true, \"reason\": \"guest-shutdown\"}}");
	assert_null(client_line(c));
	client_close(c);
}

static void test_live_socket(void **state)
{
	struct fixture *f = *state;
	struct machine *second = fake_machine_create(f->path);
	struct pm_error err;
	struct client *c;

	assert_int_equal(qmp_create(second, &second->qmp, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, f->path));
	assert_null(second->qmp);
	fake_machine_destroy(second);
	c = client_open(f); /* the first is unharmed */
	client_close(c);
}

static void test_stale_socket(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct machine *second;
	struct pm_error err;
	struct stat st;
	char path[108];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(path, sizeof(path), "%s/stale", f->dir);
	strcpy(addr.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	second = fake_machine_create(path);
	assert_int_equal(qmp_create(second, &second->qmp, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	fake_machine_destroy(second);
	assert_int_equal(access(path, F_OK), -1);
}

static void expect_refused(const char *path, int code, const char *part)
{
	struct machine *machine = fake_machine_create(path);
	struct pm_error err;

	assert_int_equal(qmp_create(machine, &machine->qmp, &err), -code);
	assert_non_null(strstr(err.text, part));
	fake_machine_destroy(machine);
}

static void test_bad_paths(void **state)
{
	struct fixture *f = *state;
	char path[200];
	int fd;

	expect_refused("/nonesuch/qmp.sock", ENOENT, "does not exist");
	memset(path, 'p', sizeof(path));
	path[199] = '\0';
	expect_refused(path, ENAMETOOLONG, "at most 107 bytes");
	snprintf(path, sizeof(path), "%s/file", f->dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	expect_refused(path, EEXIST, "not a socket");
	assert_int_equal(unlink(path), 0);
}

#define QMP_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		QMP_TEST(test_negotiation),
		QMP_TEST(test_envelope),
		QMP_TEST(test_ids),
		QMP_TEST(test_strings_that_are_none),
		QMP_TEST(test_bad_json),
		QMP_TEST(test_random_bytes),
		QMP_TEST(test_split_and_joined),
		QMP_TEST(test_state_commands),
		QMP_TEST(test_query_commands),
		QMP_TEST(test_qom_get),
		QMP_TEST(test_qom_tree),
		QMP_TEST(test_qom_set),
		QMP_TEST(test_query_memory),
		QMP_TEST(test_pause_reason),
		QMP_TEST(test_violations),
		QMP_TEST(test_info_numa),
		QMP_TEST(test_human_monitor),
		QMP_TEST(test_query_numa),
		QMP_TEST(test_size_changes),
		QMP_TEST(test_size_flushed_by_shutdown),
		QMP_TEST(test_several_clients),
		QMP_TEST(test_slow_reader_of_replies),
		QMP_TEST(test_big_value),
		QMP_TEST(test_half_closed),
		QMP_TEST(test_gone_client_still_commands),
		QMP_TEST(test_destroy_sends_rest),
		QMP_TEST(test_live_socket),
		QMP_TEST(test_stale_socket),
		QMP_TEST(test_bad_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
