/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine's nodes: what is right passes, each thing that is wrong is told
 * with its value and a cure, and what was left out has its sensible value.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "config/numa.h"

#define M (UINT64_C(1) << 20)
#define G (UINT64_C(1) << 30)

/* Four processors and 3 GiB on two nodes, and one that has neither. */
static struct numa_config good(void)
{
	return (struct numa_config){
		.nr = 3,
		.nodes = {
			{ .given = true, .cpus = 0x3, .memory = 2 * G },
			{ .given = true, .cpus = 0xc, .memory = G },
			{ .given = true },
		},
	};
}

static void expect_sentence(const struct numa_config *numa, unsigned int cpus,
			    uint64_t memory, const char *sentence)
{
	struct pm_error err = { "" };

	assert_int_equal(numa_check(numa, cpus, memory, &err), -EINVAL);
	assert_string_equal(err.text, sentence);
	assert_int_equal(numa_check(numa, cpus, memory, NULL), -EINVAL);
}

static void test_good(void **state)
{
	struct numa_config numa = good();
	const struct numa_config none = { 0 };
	struct pm_error err;

	(void)state;
	assert_int_equal(numa_check(&numa, 4, 3 * G, &err), 0);
	assert_int_equal(numa_check(&none, 64, 3 * G, &err), 0);
	assert_int_equal(numa_memory(&numa), 3 * G);
	assert_int_equal(numa_cpus(&numa), 4);
	assert_int_equal(numa_node_of_cpu(&numa, 1), 0);
	assert_int_equal(numa_node_of_cpu(&numa, 2), 1);
}

static void test_one_with_everything(void **state)
{
	struct numa_config numa = { 0 }, before;
	struct pm_error err;

	(void)state;
	numa_complete(&numa, 64, 3 * G);
	assert_int_equal(numa.nr, 1);
	assert_int_equal(numa_cpus(&numa), 64);
	assert_int_equal(numa_check(&numa, 64, 3 * G, &err), 0);
	numa = before = good();
	numa_complete(&numa, 64, G);
	assert_memory_equal(&numa, &before, sizeof(numa));
}

static void test_ids(void **state)
{
	struct numa_config numa = good();

	(void)state;
	numa.nodes[1].given = false;
	expect_sentence(&numa, 4, 3 * G,
			"of the machine's nodes, 3 in number, none has the id "
			"1: number them from 0 on");
}

static void test_cpus(void **state)
{
	struct numa_config numa = good();

	(void)state;
	expect_sentence(&numa, 3, 3 * G,
			"node 1 has processor 3, and the machine has 3, "
			"numbered from 0 on: use --cpus 4, or leave it out of "
			"the node");
	expect_sentence(&numa, 5, 3 * G,
			"processor 4 is in no node: add cpus=4 to one --node");
	numa.nodes[1].cpus = 0xe;
	expect_sentence(&numa, 4, 3 * G,
			"processor 1 is in the nodes 0 and 1: leave it out of "
			"one");
	numa.nodes[1].cpus = UINT64_C(1) << 63;
	assert_int_equal(numa_cpus(&numa), 64);
}

static void test_memory(void **state)
{
	struct numa_config numa = good();

	(void)state;
	expect_sentence(&numa, 4, 4 * G,
			"the nodes have 3 GiB of boot memory together, and "
			"--memory is 4 GiB: make them the same, or leave "
			"--memory's size out");
	numa.nodes[2].memory = M;
	expect_sentence(&numa, 4, 3 * G + M,
			"node 2: a memory of 1 MiB is too small: use 4 MiB or "
			"more, or none");
	numa.nodes[2].memory = 5 * M + 4 * 1024;
	expect_sentence(&numa, 4, 3 * G + 5 * M + 4 * 1024,
			"node 2: a memory of 5124 KiB is not a multiple "
			"of 1 MiB: use 5 MiB");
	numa.nodes[0].memory = UINT64_MAX;
	assert_int_equal(numa_memory(&numa), UINT64_MAX);
	numa = good();
	numa.nodes[0].memory = numa.nodes[1].memory = 0;
	expect_sentence(&numa, 4, 512 * M,
			"no node has boot memory, and the machine has 512 MiB "
			"of it: add memory=512 MiB to one --node, or less to "
			"several");
}

static void test_packages(void **state)
{
	struct numa_config numa = good();

	(void)state;
	assert_int_equal(numa_package_cpus(&numa, 4), 2);
	numa.nodes[0].cpus = 0x3f;
	numa.nodes[1].cpus = 0xfc0;
	assert_int_equal(numa_package_cpus(&numa, 12), 2);
	numa.nodes[0].cpus = 0x5;
	numa.nodes[1].cpus = 0xa;
	assert_int_equal(numa_package_cpus(&numa, 4), 1);
	numa.nodes[0].cpus = 0xf;
	numa.nodes[1].cpus = 0x30;
	assert_int_equal(numa_package_cpus(&numa, 6), 4);
	numa.nodes[0].cpus = 0;
	numa.nodes[1].cpus = 0x7;
	assert_int_equal(numa_package_cpus(&numa, 3), 3);
	memset(&numa, 0, sizeof(numa));
	numa_complete(&numa, 64, G);
	assert_int_equal(numa_package_cpus(&numa, 64), 64);
}

static void test_distances(void **state)
{
	struct numa_config numa = good();
	struct pm_error err;

	(void)state;
	assert_int_equal(numa_distance(&numa, 0, 0), 10);
	assert_int_equal(numa_distance(&numa, 0, 1), 20);
	numa.nodes[0].distances[1] = 15;
	numa.nodes[1].distances[1] = 10;
	numa.nodes[1].distances[2] = 254;
	numa.nodes[2].distances[1] = 11;
	assert_int_equal(numa_check(&numa, 4, 3 * G, &err), 0);
	assert_int_equal(numa_distance(&numa, 0, 1), 15);
	assert_int_equal(numa_distance(&numa, 1, 0), 15);
	assert_int_equal(numa_distance(&numa, 1, 2), 254);
	assert_int_equal(numa_distance(&numa, 2, 1), 11);
	numa.nodes[0].distances[1] = 10;
	expect_sentence(&numa, 4, 3 * G,
			"node 0 cannot have a distance of 10 to node 1: use 11 "
			"to 254, where 10 is that within a node");
	numa.nodes[0].distances[1] = 255;
	expect_sentence(&numa, 4, 3 * G,
			"node 0 cannot have a distance of 255 to node 1: use "
			"11 to 254, where 10 is that within a node");
	numa.nodes[0].distances[1] = 0;
	numa.nodes[1].distances[1] = 20;
	expect_sentence(&numa, 4, 3 * G,
			"node 1 cannot have a distance of 20 to itself: that "
			"is always 10");
	numa.nodes[1].distances[1] = 0;
	numa.nodes[2].distances[3] = 20;
	expect_sentence(&numa, 4, 3 * G,
			"node 2 has a distance to node 3, which there is not: "
			"the last one is 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_one_with_everything),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_packages),
		cmocka_unit_test(test_distances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
