/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * --node: each part arrives, and what cannot be understood is told in one
 * sentence with a cure.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../cli/node_options.h"

#define G (UINT64_C(1) << 30)

static struct numa_config numa;
static struct pm_error err;

static int add(const char *option)
{
	char text[256];

	snprintf(text, sizeof(text), "%s", option);
	err.text[0] = '\0';
	return node_options_parse(text, &numa, &err);
}

static void refuse(const char *option, const char *sentence)
{
	const struct numa_config before = numa;

	assert_true(add(option) < 0);
	assert_string_equal(err.text, sentence);
	assert_memory_equal(&numa, &before, sizeof(numa));
}

static int set_up(void **state)
{
	(void)state;
	memset(&numa, 0, sizeof(numa));
	return 0;
}

static void test_parts(void **state)
{
	(void)state;
	assert_int_equal(add("id=1,cpus=2-3,cpus=63,memory=2G,distance=0:15,"
			     "distance=63:254"),
			 0);
	assert_int_equal(add("id=0"), 0);
	assert_int_equal(numa.nr, 2);
	assert_true(numa.nodes[0].given && numa.nodes[1].given);
	assert_int_equal(numa.nodes[0].cpus, 0);
	assert_int_equal(numa.nodes[0].memory, 0);
	assert_int_equal(numa.nodes[1].cpus, UINT64_C(1) << 63 | 0xc);
	assert_int_equal(numa.nodes[1].memory, 2 * G);
	assert_int_equal(numa.nodes[1].distances[0], 15);
	assert_int_equal(numa.nodes[1].distances[1], 0);
	assert_int_equal(numa.nodes[1].distances[63], 254);
}

static void test_ids(void **state)
{
	(void)state;
	refuse("cpus=0", "--node needs an id: add id=0, say");
	refuse("", "--node needs an id: add id=0, say");
	refuse("id=64", "--node: id cannot be '64': use a number from 0 to 63");
	refuse("id=-1", "--node: id cannot be '-1': use a number from 0 to 63");
	refuse("id=0,id=0", "--node has id twice: give it once");
	refuse("id=", "--node: id has no value: use id=0, say");
	assert_int_equal(add("id=0"), 0);
	refuse("id=0", "two nodes have the id 0: give each its own");
}

static void test_values(void **state)
{
	(void)state;
	refuse("id=0,cpus=64",
	       "--node: cpus cannot be '64': use a number or a range below 64, "
	       "as in 0 or 0-1, and cpus again for others");
	assert_int_equal(add("id=0,cpus=3-1"), -EINVAL);
	assert_int_equal(add("id=0,cpus=0-"), -EINVAL);
	assert_int_equal(add("id=0,cpus=99999999999999999999"), -EINVAL);
	refuse("id=0,cpus", "--node: cpus has no value: use cpus=0-1, say");
	refuse("id=0,memory=much",
	       "--node: memory cannot be 'much': use a number with an optional "
	       "K, M, G, T or P, as in 512M");
	refuse("id=0,memory=1G,memory=1G",
	       "--node has memory twice: give it once");
	refuse("id=0,mem=1G", "--node has no part 'mem': did you mean memory?");
	refuse("id=0,colour=red", "--node has no part 'colour': use id, cpus, "
				  "memory and distance");
}

static void test_distances(void **state)
{
	static const char *const bad[] = { "1",     "1:",  ":20",   "64:20",
					   "1:256", "1:0", "1:20x", "1:-1" };
	char option[64], sentence[128];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(option, sizeof(option), "id=0,distance=%s", bad[i]);
		snprintf(sentence, sizeof(sentence),
			 "--node: distance cannot be '%s': use a node and how "
			 "far it is, as in 1:20",
			 bad[i]);
		refuse(option, sentence);
	}
	refuse("id=0,distance=1:20,distance=1:21",
	       "--node has a distance to node 1 twice: give it once");
}

/* What the command line leaves out, the nodes say. */
static void test_complete(void **state)
{
	struct machine_config config = { 0 };

	(void)state;
	node_options_complete(&config);
	assert_int_equal(config.cpus, 1);
	assert_int_equal(config.memory, MACHINE_MEMORY_DEFAULT);
	assert_int_equal(add("id=0,cpus=0-1,memory=2G"), 0);
	assert_int_equal(add("id=1,cpus=2,memory=1G"), 0);
	config = (struct machine_config){ .numa = numa };
	node_options_complete(&config);
	assert_int_equal(config.cpus, 3);
	assert_int_equal(config.memory, 3 * G);
	config.cpus = 4;
	config.memory = G;
	node_options_complete(&config);
	assert_int_equal(config.cpus, 4);
	assert_int_equal(config.memory, G);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_parts, set_up),
		cmocka_unit_test_setup(test_ids, set_up),
		cmocka_unit_test_setup(test_values, set_up),
		cmocka_unit_test_setup(test_distances, set_up),
		cmocka_unit_test_setup(test_complete, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
