/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The check of a configuration: what is right passes, and each thing that is
 * wrong is told with its value and a cure.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "config/machine_config.h"

#define M (UINT64_C(1) << 20)
#define G (UINT64_C(1) << 30)

static struct machine_config good(void)
{
	return (struct machine_config){
		.name = "demo",
		.kernel = "vmlinuz",
		.cpus = 1,
		.memory = MACHINE_MEMORY_DEFAULT,
		.mem_devices = {
			{ .id = "vm0", .max_size = 8 * G, .block_size = 2 * M },
			{ .id = "vm1",
			  .max_size = 1 * G,
			  .requested_size = 512 * M,
			  .block_size = 1 * M },
		},
		.nr_mem_devices = 2,
	};
}

static void expect_sentence(const struct machine_config *config,
			    const char *sentence)
{
	struct pm_error err = { "" };

	assert_int_equal(machine_config_check(config, &err), -EINVAL);
	assert_string_equal(err.text, sentence);
	assert_int_equal(machine_config_check(config, NULL), -EINVAL);
}

static void test_good(void **state)
{
	struct machine_config config = good();
	struct pm_error err;

	(void)state;
	assert_int_equal(machine_config_check(&config, &err), 0);
	config.name = NULL;
	config.nr_mem_devices = 0;
	config.cpus = MACHINE_CPUS_MAX;
	config.memory = MACHINE_MEMORY_MIN;
	assert_int_equal(machine_config_check(&config, &err), 0);
}

static void test_names(void **state)
{
	char name[MACHINE_NAME_MAX + 2];

	(void)state;
	assert_true(machine_name_valid("a"));
	assert_true(machine_name_valid("A-b_c.9"));
	assert_true(machine_name_valid("_"));
	assert_false(machine_name_valid(""));
	assert_false(machine_name_valid("."));
	assert_false(machine_name_valid(".."));
	assert_false(machine_name_valid("-a"));
	assert_false(machine_name_valid("a/b"));
	assert_false(machine_name_valid("a b"));
	assert_false(machine_name_valid("a\n"));
	assert_false(machine_name_valid("\xc3\xa4"));
	memset(name, 'a', sizeof(name));
	name[MACHINE_NAME_MAX + 1] = '\0';
	assert_false(machine_name_valid(name));
	name[MACHINE_NAME_MAX] = '\0';
	assert_true(machine_name_valid(name));
}

static void test_machine(void **state)
{
	struct machine_config config = good();

	(void)state;
	config.name = "a/b";
	expect_sentence(&config, "'a/b' cannot be the name of a machine: use "
				 "1 to 64 of the characters A-Z a-z 0-9 . _ - "
				 "and begin with a letter, a digit or _");
	config = good();
	config.kernel = NULL;
	expect_sentence(&config, "a machine needs a kernel: give one with "
				 "--kernel FILE");
	config = good();
	config.cpus = 65;
	expect_sentence(&config, "a machine cannot have 65 processors: use 1 "
				 "to 64");
	config.cpus = 0;
	expect_sentence(&config, "a machine cannot have 0 processors: use 1 "
				 "to 64");
}

static void test_memory(void **state)
{
	struct machine_config config = good();

	(void)state;
	config.memory = 63 * M;
	expect_sentence(&config, "a boot memory of 63 MiB is too small: use "
				 "64 MiB or more");
	config.memory = 100 * M + 512 * 1024;
	expect_sentence(&config, "a boot memory of 100.5 MiB is not a multiple "
				 "of 1 MiB: use 100 MiB or 101 MiB");
	config.memory = UINT64_MAX;
	expect_sentence(&config, "a boot memory of 18446744073709551615 bytes "
				 "is more than a machine can address: use less "
				 "than 4 PiB");
	config.memory = MACHINE_ADDRESSABLE;
	expect_sentence(&config, "boot memory and devices of 4194313 GiB "
				 "together are more than a machine can "
				 "address: use less than 4 PiB");
}

static void test_device_sizes(void **state)
{
	struct machine_config config = good();
	struct mem_device_config *dev = &config.mem_devices[0];

	(void)state;
	dev->block_size = 512 * 1024;
	expect_sentence(&config, "vm0: a block size of 512 KiB is too small: "
				 "use 1 MiB or a larger power of two");
	dev->block_size = 3 * M;
	expect_sentence(&config, "vm0: a block size of 3 MiB is not a power of "
				 "two: use 2 MiB or 4 MiB");
	dev->block_size = UINT64_C(1) << 63;
	expect_sentence(&config, "vm0: a block size of 8192 PiB is too large: "
				 "2 MiB is usual");
	dev->block_size = 2 * M;
	dev->max_size = 0;
	expect_sentence(&config, "vm0: a maximum size of 0 leaves nothing to "
				 "plug: use 2 MiB or more");
	dev->max_size = 3 * M;
	expect_sentence(&config, "vm0: a maximum size of 3 MiB is not a "
				 "multiple of 2 MiB: use 2 MiB or 4 MiB");
	dev->max_size = 1 * M;
	expect_sentence(&config, "vm0: a maximum size of 1 MiB is not a "
				 "multiple of 2 MiB: use 2 MiB");
	dev->max_size = 4 * G;
	dev->requested_size = 5 * G;
	expect_sentence(&config, "vm0: a requested size of 5 GiB is above the "
				 "maximum: use 4 GiB or less");
	dev->requested_size = 1 * G + M;
	expect_sentence(&config, "vm0: a requested size of 1025 MiB is not a "
				 "multiple of 2 MiB: use 1 GiB or 1026 MiB");
}

static void test_pages(void **state)
{
	struct machine_config config = good();
	struct ram_options *ram = &config.mem_devices[0].ram;
	struct pm_error err;

	(void)state;
	ram->page_size = 2 * M;
	expect_sentence(&config, "vm0: a page size of 2 MiB is for huge pages, "
				 "and the backend is anon: add "
				 "backend=hugetlb, or leave page-size out");
	ram->backend = PM_RAM_HUGETLB;
	assert_int_equal(machine_config_check(&config, &err), 0);
	ram->page_size = 3 * M;
	expect_sentence(&config, "vm0: a page size of 3 MiB is not one of huge "
				 "pages: use 2 MiB or 1 GiB");
	ram->page_size = 4096;
	expect_sentence(&config, "vm0: a page size of 4 KiB is not one of huge "
				 "pages: use 2 MiB or 1 GiB");
	ram->page_size = 1 * G;
	expect_sentence(&config, "vm0: a block size of 2 MiB is below the page "
				 "size: use 1 GiB or a larger power of two");
	config.mem_devices[0].block_size = 1 * G;
	assert_int_equal(machine_config_check(&config, &err), 0);
	config.memory_ram.page_size = 1 * G;
	expect_sentence(&config, "boot memory: a page size of 1 GiB is for "
				 "huge pages, and the backend is anon: add "
				 "backend=hugetlb, or leave page-size out");
	config.memory_ram.backend = PM_RAM_HUGETLB;
	expect_sentence(&config, "a boot memory of 512 MiB is not a multiple "
				 "of 1 GiB: use 1 GiB");
	config.memory = 3 * G / 2;
	expect_sentence(&config, "a boot memory of 1.5 GiB is not a multiple "
				 "of 1 GiB: use 1 GiB or 2 GiB");
	config.memory = 2 * G;
	assert_int_equal(machine_config_check(&config, &err), 0);
}

static void test_policy(void **state)
{
	struct machine_config config = good();
	struct ram_options *ram = &config.mem_devices[1].ram;
	struct pm_error err;

	(void)state;
	ram->policy = PM_NUMA_INTERLEAVE;
	expect_sentence(&config, "vm1: the policy interleave needs host nodes: "
				 "add host-nodes=0, say");
	ram->nodes[15] = UINT64_C(1) << 63;
	assert_int_equal(machine_config_check(&config, &err), 0);
	ram->policy = PM_NUMA_NONE;
	expect_sentence(&config, "vm1: host nodes need a policy: add "
				 "policy=bind, preferred or interleave");
	config.memory_ram.policy = PM_NUMA_BIND;
	expect_sentence(&config, "boot memory: the policy bind needs host "
				 "nodes: add host-nodes=0, say");
	config = good();
	config.mem_devices[0].ram.prealloc = true;
	assert_int_equal(machine_config_check(&config, &err), 0);
	config.mem_devices[0].ram.no_reserve = true;
	expect_sentence(&config, "vm0: reserve=off and prealloc=on contradict "
				 "each other: leave one of them out");
}

static void test_ram_config(void **state)
{
	const struct ram_options none = { 0 };
	struct ram_options options = {
		.backend = PM_RAM_HUGETLB,
		.page_size = 1 * G,
		.no_thp = true,
		.lock = true,
		.dump = true,
		.policy = PM_NUMA_PREFERRED,
	};
	struct pm_ram_config config = ram_options_config(&none, 5 * M, NULL);

	(void)state;
	assert_int_equal(config.backend, PM_RAM_ANON);
	assert_int_equal(config.max_size, 5 * M);
	assert_int_equal(config.page_size, 0);
	assert_int_equal(config.thp, PM_THP_ON);
	assert_false(config.lock || config.dump || config.no_reserve);
	assert_int_equal(config.policy, PM_NUMA_NONE);
	assert_false(ram_options_populate(&none));
	assert_true(ram_options_populate(&options));
	options.nodes[3] = 7;
	config = ram_options_config(&options, 4 * G, NULL);
	assert_int_equal(config.backend, PM_RAM_HUGETLB);
	assert_int_equal(config.max_size, 4 * G);
	assert_int_equal(config.page_size, 1 * G);
	assert_int_equal(config.thp, PM_THP_OFF);
	assert_true(config.lock && config.dump && !config.no_reserve);
	assert_int_equal(config.policy, PM_NUMA_PREFERRED);
	assert_int_equal(config.nodes[3], 7);
}

static void test_device_ids(void **state)
{
	struct machine_config config = good();

	(void)state;
	config.mem_devices[1].id = "vm0";
	expect_sentence(&config, "two devices have the id 'vm0': give each its "
				 "own");
	config.mem_devices[1].id = "";
	expect_sentence(&config, "'' cannot be the id of a device: use 1 to 64 "
				 "of the characters A-Z a-z 0-9 . _ - and "
				 "begin with a letter, a digit or _");
	config.nr_mem_devices = MACHINE_MEM_DEVICES_MAX + 1;
	expect_sentence(&config, "a machine cannot have 33 memory devices: use "
				 "at most 32");
}

static void test_nodes(void **state)
{
	struct machine_config config = good();
	struct pm_error err;

	(void)state;
	config.mem_devices[1].node = 1;
	expect_sentence(&config, "vm1: there is no node 1: describe the "
				 "machine's nodes with --node, or leave node=1 "
				 "out");
	config.numa.nr = 1;
	config.numa.nodes[0] = (struct numa_node){ .given = true,
						   .cpus = 1,
						   .memory = config.memory };
	expect_sentence(&config, "vm1: there is no node 1: the last one is 0; "
				 "add --node id=1, or choose another");
	config.numa.nr = 2;
	config.numa.nodes[1].given = true;
	assert_int_equal(machine_config_check(&config, &err), 0);
	config.mem_devices[1].node = 0;
	expect_sentence(&config, "node 1 has no processor, no boot memory and "
				 "no memory device: give it one, or leave it "
				 "out");
}

static void test_sockets(void **state)
{
	struct machine_config config = good();
	struct pm_error err;
	char path[200];

	(void)state;
	memset(path, 'p', sizeof(path));
	path[108] = '\0';
	config.qmp_paths[0] = path;
	config.nr_qmp_paths = 1;
	assert_int_equal(machine_config_check(&config, &err), -EINVAL);
	assert_non_null(strstr(err.text, "at most 107 bytes"));
	path[107] = '\0';
	assert_int_equal(machine_config_check(&config, &err), 0);
	config.qmp_paths[1] = path;
	config.nr_qmp_paths = 2;
	assert_int_equal(machine_config_check(&config, &err), -EINVAL);
	config.nr_qmp_paths = 1;
	config.serial = SERIAL_FILE;
	config.serial_path = "";
	expect_sentence(&config, "the serial port needs a path: it is empty");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_machine),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_device_sizes),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_ram_config),
		cmocka_unit_test(test_device_ids),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
