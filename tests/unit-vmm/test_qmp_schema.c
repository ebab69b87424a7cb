/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The schema: it is whole, and what commands return and events tell is what it
 * says, to the last member.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_machine.h"
#include "host/loop.h"
#include "machine/observer.h"
#include "memory/violations.h"
#include "qmp/schema.h"
#include "qmp/server.h"

#define MiB (UINT64_C(1) << 20)

struct fixture {
	struct machine *machine;
	struct qmp_conn *conn;
	int fd;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct qmp *qmp;
	int fds[2];

	f->machine = fake_machine_create(NULL);
	if (qmp_create(f->machine, &f->machine->qmp, NULL) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	qmp = f->machine->qmp;
	if (qmp_conn_create(qmp, fds[1], &f->conn) < 0)
		return -1;
	f->fd = fds[0];
	f->conn->negotiated = true;
	qmp->conns = f->conn;
	qmp->nr_conns = 1;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	fake_machine_destroy(f->machine);
	free(f);
	return 0;
}

static void expect_type(const char *what, const struct qmp_type *type,
			const json_t *value)
{
	struct qmp_error error;

	if (qmp_check(type, value, &error) < 0)
		fail_msg("%s: %s", what, error.desc.text);
}

/* What a command returns for arguments that are text, or NULL. */
static json_t *run(struct fixture *f, const char *name, const char *args)
{
	json_t *arguments = args ? json_loads(args, 0, NULL) : NULL;
	const struct qmp_command *command = qmp_command_find(name);
	struct qmp_error error;
	json_t *ret = NULL;

	assert_non_null(command);
	expect_type(name, command->args, arguments);
	if (command->run(f->conn, arguments, &ret, &error))
		fail_msg("%s: %s", name, error.desc.text);
	assert_non_null(ret);
	expect_type(name, command->returns, ret);
	json_decref(arguments);
	return ret;
}

/* ---- the schema itself --------------------------------------------------- */

static json_t *by_name(const json_t *schema)
{
	json_t *all = json_object(), *entry;
	size_t i;

	json_array_foreach(schema, i, entry)
	{
		const char *name =
			json_string_value(json_object_get(entry, "name"));

		if (json_object_get(all, name))
			fail_msg("%s is there twice", name);
		json_object_set(all, name, entry);
	}
	return all;
}

static void expect_named(const json_t *all, const json_t *name)
{
	const char *text = json_string_value(name);
	const json_t *type;
	const char *meta;

	if (!name)
		return;
	type = json_object_get(all, text);
	if (!type)
		fail_msg("there is no type '%s'", text);
	meta = json_string_value(json_object_get(type, "meta-type"));
	assert_string_not_equal(meta, "command");
	assert_string_not_equal(meta, "event");
}

static void expect_refers(const json_t *all, const json_t *entry)
{
	static const char *const lists[] = { "members", "variants" };
	static const char *const links[] = { "arg-type", "ret-type",
					     "element-type", "type" };
	const json_t *inner;
	size_t i, k;

	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		expect_named(all, json_object_get(entry, links[i]));
	for (k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
		json_array_foreach(json_object_get(entry, lists[k]), i, inner)
			expect_refers(all, inner);
	}
}

/* What it names is there, once, and describes itself among the rest. */
static void test_whole(void **state)
{
	struct fixture *f = *state;
	json_t *schema = run(f, "query-qmp-schema", NULL), *all, *entry;
	size_t i;

	all = by_name(schema);
	json_array_foreach(schema, i, entry) expect_refers(all, entry);
	assert_non_null(json_object_get(all, "query-qmp-schema"));
	assert_non_null(json_object_get(all, "POWERDOWN"));
	json_decref(all);
	json_decref(schema);
}

/* As QEMU would put it, but for the names of types. */
static void test_shape(void **state)
{
	struct fixture *f = *state;
	json_t *schema = run(f, "query-qmp-schema", NULL), *all, *entry, *want;

	all = by_name(schema);
	entry = json_object_get(all, "qom-get");
	want = json_pack("{s:s, s:s, s:s, s:s}", "name", "qom-get", "meta-type",
			 "command", "arg-type", "QomGetArgs", "ret-type",
			 "any");
	assert_true(json_equal(entry, want));
	json_decref(want);
	entry = json_object_get(all, "QmpCapabilitiesArgs");
	want = json_pack("{s:s, s:s, s:[{s:s, s:s, s:n}]}", "name",
			 "QmpCapabilitiesArgs", "meta-type", "object",
			 "members", "name", "enable", "type", "[QMPCapability]",
			 "default");
	assert_true(json_equal(entry, want));
	json_decref(want);
	entry = json_object_get(all, "[QMPCapability]");
	want = json_pack("{s:s, s:s, s:s}", "name", "[QMPCapability]",
			 "meta-type", "array", "element-type", "QMPCapability");
	assert_true(json_equal(entry, want));
	json_decref(want);
	entry = json_object_get(all, "QMPCapability");
	want = json_pack("{s:s, s:s, s:[{s:s}], s:[s]}", "name",
			 "QMPCapability", "meta-type", "enum", "members",
			 "name", "oob", "values", "oob");
	assert_true(json_equal(entry, want));
	json_decref(want);
	json_decref(all);
	json_decref(schema);
}

/* ---- what commands return ------------------------------------------------ */

static void test_returns(void **state)
{
	static const char *const calls[][2] = {
		{ "query-version", NULL },
		{ "query-commands", NULL },
		{ "query-events", NULL },
		{ "query-status", NULL },
		{ "query-name", NULL },
		{ "query-uuid", NULL },
		{ "query-kvm", NULL },
		{ "query-target", NULL },
		{ "query-machines", NULL },
		{ "query-cpus-fast", NULL },
		{ "inject-nmi", NULL },
		{ "query-chardev", NULL },
		{ "query-pci", NULL },
		{ "query-fdsets", NULL },
		{ "query-block", NULL },
		{ "query-iothreads", NULL },
		{ "query-memory-devices", NULL },
		{ "query-memory-size-summary", NULL },
		{ "x-paramem-query-numa", NULL },
		{ "query-dump", NULL },
		{ "query-dump-guest-memory-capability", NULL },
		{ "x-paramem-dump-cancel", NULL },
		{ "human-monitor-command", "{\"command-line\": \"info\"}" },
		{ "qom-list", "{\"path\": \"/\"}" },
		{ "qom-list", "{\"path\": \"vm0\"}" },
		{ "qom-get", "{\"path\": \"vm0\", \"property\": \"size\"}" },
		{ "qom-set", "{\"path\": \"vm0\", \"property\": "
			     "\"requested-size\", \"value\": 2097152}" },
		{ "qom-list-types", NULL },
		{ "qom-list-types", "{\"implements\": \"device\"}" },
		{ "qom-list-types", "{\"abstract\": true}" },
		{ "qom-list-properties", "{\"typename\": \"virtio-mem-pci\"}" },
		{ "dump-guest-memory", "{\"paging\": false, \"protocol\": "
				       "\"file:x\", \"detach\": true, "
				       "\"format\": \"elf\"}" },
		{ "query-dump", NULL },
		{ "stop", NULL },
		{ "cont", NULL },
		{ "system_reset", NULL },
		{ "system_powerdown", NULL },
		{ "quit", NULL },
	};
	struct fixture *f = *state;
	struct mem_device_info *vm1 = &f->machine->devices[1];
	size_t i;

	/* All that is optional is there in one, and missing in the other. */
	strcpy(vm1->last_refusal, "a refusal");
	vm1->device.guard_lack = "a lack";
	f->machine->config.serial = SERIAL_UNIX;
	f->machine->config.serial_path = "/a\xff";
	strcpy(f->machine->pause_reason, "a reason");
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		/* It would wait for the dump that another call began. */
		f->machine->dump.status = i % 2 ? DUMP_COMPLETED : DUMP_FAILED;
		json_decref(run(f, calls[i][0], calls[i][1]));
	}
}

static void expect_refused(struct fixture *f, const char *name,
			   const char *args, const char *words)
{
	json_t *arguments = json_loads(args, 0, NULL);
	const struct qmp_command *command = qmp_command_find(name);
	struct qmp_error error = { 0 };
	json_t *ret = NULL;
	int status = qmp_check(command->args, arguments, &error);

	if (!status)
		status = command->run(f->conn, arguments, &ret, &error);
	json_decref(ret);
	json_decref(arguments);
	assert_int_equal(status, -1);
	assert_string_equal(error.desc.text, words);
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;

	f->machine->fail_nmi = -ENOTSUP;
	expect_refused(f, "inject-nmi", "{}", "there are no CPUs");
	expect_refused(f, "device_del", "{\"id\": \"vm2\"}",
		       "Device 'vm2' not found");
	expect_refused(f, "device_del", "{\"id\": \"vm0\"}",
		       "Device 'vm0' stays as long as the machine: a "
		       "requested-size of 0 takes all of its memory");
	expect_refused(f, "qom-list-properties", "{\"typename\": \"x\"}",
		       "Class 'x' not found");
	expect_refused(f, "qmp_capabilities", "{\"enable\": [\"oob\"]}",
		       "Capability oob is not available");
	expect_refused(f, "qmp_capabilities", "{\"enable\": [\"oob\", \"x\"]}",
		       "Parameter 'enable[1]' does not accept value 'x'");
	expect_refused(f, "qmp_capabilities", "{\"enable\": [1]}",
		       "Invalid parameter type for 'enable[0]', expected: "
		       "string");
	expect_refused(f, "dump-guest-memory",
		       "{\"paging\": 1, \"protocol\": \"file:x\"}",
		       "Invalid parameter type for 'paging', expected: "
		       "boolean");
	expect_refused(f, "dump-guest-memory",
		       "{\"paging\": false, \"protocol\": \"file:x\", "
		       "\"begin\": 1.5}",
		       "Invalid parameter type for 'begin', expected: integer");
	expect_refused(f, "dump-guest-memory",
		       "{\"paging\": false, \"protocol\": \"file:x\", "
		       "\"format\": \"tar\"}",
		       "Parameter 'format' does not accept value 'tar'");
	expect_refused(f, "dump-guest-memory",
		       "{\"paging\": false, \"protocol\": \"file:x\", "
		       "\"format\": \"win-dmp\"}",
		       "win-dmp is not available now");
}

/* A variant's members belong to its tag. */
static void test_variants(void **state)
{
	const struct qmp_type *type =
		qmp_command_find("query-memory-devices")->returns;
	struct qmp_error error;
	json_t *list;

	(void)state;
	list = json_pack("[{s:s}]", "type", "virtio-mem");
	assert_int_equal(qmp_check(type, list, &error), -1);
	assert_string_equal(error.desc.text, "Parameter '[0].data' is missing");
	json_decref(list);
	list = json_pack("[{s:s, s:{}, s:i}]", "type", "virtio-mem", "data",
			 "x", 1);
	assert_int_equal(qmp_check(type, list, &error), -1);
	assert_string_equal(error.desc.text,
			    "Parameter '[0].data.memaddr' is missing");
	json_decref(list);
	list = json_pack("[{s:s}]", "type", "dimm");
	assert_int_equal(qmp_check(type, list, &error), -1);
	assert_string_equal(error.desc.text,
			    "Parameter '[0].type' does not accept value "
			    "'dimm'");
	json_decref(list);
}

/* ---- what events tell ---------------------------------------------------- */

static const struct qmp_event *event_find(const char *name)
{
	const struct qmp_event *event = qmp_events;

	while (event->name && strcmp(event->name, name))
		event++;
	return event->name ? event : NULL;
}

/* Each line that came, and the bit of each event that was among them. */
static unsigned int check_events(char *text)
{
	unsigned int seen = 0;

	for (char *line = strtok(text, "\r\n"); line;
	     line = strtok(NULL, "\r\n")) {
		json_t *message = json_loads(line, 0, NULL);
		const char *name =
			json_string_value(json_object_get(message, "event"));
		const struct qmp_event *event = event_find(name);

		if (!event)
			fail_msg("%s is in no table", name);
		expect_type(name, event->data,
			    json_object_get(message, "data"));
		seen |= 1u << (event - qmp_events);
		json_decref(message);
	}
	return seen;
}

static void test_events(void **state)
{
	struct violation v = { .gpa = 4096, .vcpu = -1, .count = 1 };
	struct fixture *f = *state;
	struct machine_observer *o = f->machine->observers;
	struct dump_info info = { .status = DUMP_FAILED, .why = { "\xff" } };
	static char text[65536];
	unsigned int seen, all = 0;
	ssize_t n;

	for (int i = MACHINE_GUEST_OFF; i <= MACHINE_HOST_ERROR; i++) {
		observers_tell(o, reset, (enum machine_cause)i);
		observers_tell(o, shutdown, (enum machine_cause)i);
	}
	observers_tell(o, stopped);
	observers_tell(o, resumed);
	observers_tell(o, powerdown);
	observers_tell(o, size_changed, 0, 4 * MiB);
	observers_tell(o, violation, 0, &v);
	v.vcpu = 3;
	v.write = true;
	observers_tell(o, violation, 1, &v);
	observers_tell(o, dump_done, &info);
	info.status = DUMP_COMPLETED;
	observers_tell(o, dump_done, &info);
	qmp_conn_drain(f->conn, 0);
	n = recv(f->fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	assert_true(n > 0);
	seen = check_events(text);
	/* A client is told this as it goes. */
	for (const struct qmp_event *e = qmp_events; e->name; e++) {
		if (strcmp(e->name, QMP_EVENT_DISCONNECTED))
			all |= 1u << (e - qmp_events);
	}
	assert_int_equal(seen, all);
}

#define SCHEMA_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCHEMA_TEST(test_whole),    SCHEMA_TEST(test_shape),
		SCHEMA_TEST(test_returns),  SCHEMA_TEST(test_refusals),
		SCHEMA_TEST(test_variants), SCHEMA_TEST(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
