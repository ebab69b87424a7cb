/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * --memory and --mem-device: each part arrives, and what cannot be understood
 * is told in one sentence with a cure.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../cli/mem_options.h"

#define M (UINT64_C(1) << 20)
#define G (UINT64_C(1) << 30)

static char text[256];
static uint64_t size;
static struct ram_options ram;
static struct mem_device_config device;
static struct pm_error err;

static int memory(const char *option)
{
	snprintf(text, sizeof(text), "%s", option);
	size = 512 * M;
	memset(&ram, 0, sizeof(ram));
	err.text[0] = '\0';
	return mem_options_parse_memory(text, &size, &ram, &err);
}

static int mem_device(const char *option)
{
	snprintf(text, sizeof(text), "%s", option);
	memset(&device, 0, sizeof(device));
	err.text[0] = '\0';
	return mem_options_parse_device(text, &device, &err);
}

static void refuse_memory(const char *option, const char *sentence)
{
	assert_int_equal(memory(option), -EINVAL);
	assert_string_equal(err.text, sentence);
}

static void refuse_device(const char *option, const char *sentence)
{
	assert_int_equal(mem_device(option), -EINVAL);
	assert_string_equal(err.text, sentence);
}

static void test_memory(void **state)
{
	(void)state;
	assert_int_equal(memory("2G"), 0);
	assert_int_equal(size, 2 * G);
	assert_int_equal(memory("size=4G,backend=memfd"), 0);
	assert_int_equal(size, 4 * G);
	assert_int_equal(ram.backend, PM_RAM_MEMFD);
	assert_int_equal(memory("prealloc=on"), 0);
	assert_int_equal(size, 512 * M);
	assert_true(ram.prealloc);
	refuse_memory("4G,backend=memfd",
		      "--memory has no part '4G': did you mean size=4G?");
	refuse_memory("sise=4G",
		      "--memory has no part 'sise': did you mean size?");
	refuse_memory("id=vm0", "--memory has no part 'id': use size, backend, "
				"page-size, prealloc, reserve, thp, lock, "
				"dump, host-nodes and policy");
	assert_true(memory("") < 0);
	assert_true(memory("much") < 0);
	assert_true(memory("size=much") < 0);
}

static void test_device(void **state)
{
	(void)state;
	assert_int_equal(mem_device("id=vm0,max-size=8G"), 0);
	assert_string_equal(device.id, "vm0");
	assert_int_equal(device.max_size, 8 * G);
	assert_int_equal(device.requested_size, 0);
	assert_int_equal(device.block_size, 2 * M);
	assert_int_equal(device.ram.backend, PM_RAM_ANON);
	assert_int_equal(mem_device("requested-size=1G,id=a,block-size=4M,"
				    "max-size=2G"),
			 0);
	assert_int_equal(device.requested_size, 1 * G);
	assert_int_equal(device.block_size, 4 * M);
	/* Blocks that were not asked for are no smaller than pages. */
	assert_int_equal(mem_device("id=a,max-size=2G,page-size=1G"), 0);
	assert_int_equal(device.block_size, 1 * G);
	refuse_device("max-size=1G",
		      "--mem-device needs an id: add id=vm0, say");
	refuse_device("id=vm0", "--mem-device 'vm0' needs a maximum: add "
				"max-size=8G, say");
	refuse_device("id=a,id=b", "--mem-device has id twice: give it once");
	refuse_device("id=a,max-size", "--mem-device: max-size has no value: "
				       "use max-size=2G, say");
	refuse_device("id=a,maxsize=1G",
		      "--mem-device has no part 'maxsize': did you mean "
		      "max-size?");
	refuse_device("id=a,MAX_SIZE",
		      "--mem-device has no part 'MAX_SIZE': did you mean "
		      "max-size?");
	refuse_device("id=a,on-voilation=log",
		      "--mem-device has no part 'on-voilation': did you mean "
		      "on-violation?");
	refuse_device("id=a,size=1G",
		      "--mem-device has no part 'size': use id, max-size, "
		      "requested-size, block-size, node, "
		      "unplugged-inaccessible, guard, on-violation, backend, "
		      "page-size, prealloc, reserve, thp, lock, dump, "
		      "host-nodes and "
		      "policy");
}

static void test_guard(void **state)
{
	(void)state;
	assert_int_equal(mem_device("id=a,max-size=2G"), 0);
	assert_int_equal(device.guard, PM_GUARD_AUTO);
	assert_int_equal(device.on_violation, VIOLATION_STOP);
	assert_int_equal(mem_device("id=a,max-size=2G,guard=required,"
				    "on-violation=kill"),
			 0);
	assert_int_equal(device.guard, PM_GUARD_REQUIRED);
	assert_int_equal(device.on_violation, VIOLATION_KILL);
	assert_int_equal(mem_device("id=a,max-size=2G,guard=off,"
				    "on-violation=log"),
			 0);
	assert_int_equal(device.guard, PM_GUARD_OFF);
	assert_int_equal(device.on_violation, VIOLATION_LOG);
	refuse_device("id=a,max-size=2G,guard=on",
		      "--mem-device: guard cannot be 'on': use auto, required "
		      "or off");
	refuse_device("id=a,max-size=2G,on-violation=",
		      "--mem-device: on-violation has no value: use "
		      "on-violation=stop, say");
}

static void test_node(void **state)
{
	(void)state;
	assert_int_equal(mem_device("id=a,max-size=2G"), 0);
	assert_int_equal(device.node, 0);
	assert_int_equal(mem_device("id=a,max-size=2G,node=63"), 0);
	assert_int_equal(device.node, 63);
	refuse_device("id=a,node=64", "--mem-device: node cannot be '64': use "
				      "a number from 0 to 63");
	refuse_device("id=a,node=0-1", "--mem-device: node cannot be '0-1': "
				       "use a number from 0 to 63");
	refuse_device("id=a,node", "--mem-device: node has no value: use "
				   "node=1, say");
}

static void test_switches(void **state)
{
	(void)state;
	assert_int_equal(memory("prealloc=on,reserve=off,thp=off,lock=on,"
				"dump=on"),
			 0);
	assert_true(ram.prealloc && ram.no_reserve && ram.no_thp);
	assert_true(ram.lock && ram.dump);
	assert_int_equal(memory("prealloc=off,reserve=on,thp=on,lock=off,"
				"dump=off"),
			 0);
	assert_false(ram.prealloc || ram.no_reserve || ram.no_thp);
	assert_false(ram.lock || ram.dump);
	refuse_memory("thp=yes",
		      "--memory: thp cannot be 'yes': use on or off");
	refuse_memory("lock=", "--memory: lock has no value: use lock=on, say");
}

static void test_backends(void **state)
{
	(void)state;
	assert_int_equal(memory("backend=hugetlb,page-size=1G"), 0);
	assert_int_equal(ram.backend, PM_RAM_HUGETLB);
	assert_int_equal(ram.page_size, 1 * G);
	assert_int_equal(memory("backend=anon"), 0);
	assert_int_equal(ram.backend, PM_RAM_ANON);
	refuse_memory("backend=file", "--memory: backend cannot be 'file': use "
				      "anon, memfd or hugetlb");
	refuse_memory("backend,thp=on", "--memory: backend has no value: use "
					"backend=memfd, say");
}

static void test_nodes(void **state)
{
	static const char *const bad[] = { "1-0",  "0-",    "-1",
					   "0,1x", "1024",  "x",
					   "0x",   "0-1-2", "0-1024" };

	(void)state;
	assert_int_equal(memory("host-nodes=0-2,host-nodes=64,policy=bind,"
				"host-nodes=1023"),
			 0);
	assert_int_equal(ram.nodes[0], 7);
	assert_int_equal(ram.nodes[1], 1);
	assert_int_equal(ram.nodes[15], UINT64_C(1) << 63);
	assert_int_equal(ram.policy, PM_NUMA_BIND);
	assert_int_equal(memory("policy=preferred"), 0);
	assert_int_equal(ram.policy, PM_NUMA_PREFERRED);
	assert_int_equal(memory("policy=interleave"), 0);
	assert_int_equal(ram.policy, PM_NUMA_INTERLEAVE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char option[64];

		snprintf(option, sizeof(option), "host-nodes=%s", bad[i]);
		assert_int_equal(memory(option), -EINVAL);
	}
	refuse_memory("host-nodes=3-1",
		      "--memory: host-nodes cannot be '3-1': use a node or a "
		      "range, as in 0 or 0-1, and host-nodes again for others");
	refuse_memory("policy=local", "--memory: policy cannot be 'local': use "
				      "bind, preferred or interleave");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_node),
		cmocka_unit_test(test_switches),
		cmocka_unit_test(test_backends),
		cmocka_unit_test(test_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
