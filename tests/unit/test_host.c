/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the host says of itself, where a test writes the files: on any host the
 * same. fopen(3) and opendir(3) look below a directory of the test's.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "fixture.h"
#include "host.h"
#include "paramem.h"

#define NODES "/sys/devices/system/node"
#define HUGE  "/sys/kernel/mm/hugepages"

static char root[64]; /* empty: the host's own files */

/* ---- the files ----------------------------------------------------------- */

static const char *below_root(const char *path)
{
	static char text[512];

	snprintf(text, sizeof(text), "%s%s", root, path);
	return text;
}

/* Programs with a 64-bit off_t call the second of these. */
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);
DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);

FILE *__wrap_fopen(const char *path, const char *mode)
{
	return __real_fopen(below_root(path), mode);
}

FILE *__wrap_fopen64(const char *path, const char *mode)
{
	return __real_fopen(below_root(path), mode);
}

DIR *__wrap_opendir(const char *path)
{
	return __real_opendir(below_root(path));
}

static void make_directories(const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
		*p = '/';
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *file;

	make_directories(path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(root, "/tmp/paramem-test-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	root[0] = '\0';
	return system(command);
}

/* ---- memory -------------------------------------------------------------- */

static void reads_a_line_of_meminfo(void **state)
{
	uint64_t value = 7;

	(void)state;
	write_file("/proc/meminfo", "MemTotal:       16 kB\n"
				    "MemAvailable:    8 kB\n"
				    "Mem: 1 kB\n"
				    "HugePages_Total:  5\n");
	assert_true(host_meminfo("MemAvailable", &value));
	assert_int_equal(value, 8192);
	assert_true(host_meminfo("Mem", &value));
	assert_int_equal(value, 1024);
	assert_true(host_meminfo("HugePages_Total", &value));
	assert_int_equal(value, 5);
	assert_false(host_meminfo("SwapFree", &value));
	assert_int_equal(value, 5);
}

static void lives_without_meminfo(void **state)
{
	uint64_t value = 7;
	char text[64] = "x";

	(void)state;
	assert_false(host_meminfo("MemAvailable", &value));
	assert_int_equal(value, 7);
	host_memory_left(text, sizeof(text));
	assert_string_equal(text, "");
}

static void tells_what_is_left(void **state)
{
	char text[128];

	(void)state;
	write_file("/proc/meminfo", "MemAvailable: 3072 kB\n"
				    "CommitLimit: 20480 kB\n"
				    "Committed_AS: 10240 kB\n");
	write_file("/proc/sys/vm/overcommit_memory", "0\n");
	host_memory_left(text, sizeof(text));
	assert_string_equal(text, "; the host has 3 MiB available");
	write_file("/proc/sys/vm/overcommit_memory", "2\n");
	host_memory_left(text, sizeof(text));
	assert_string_equal(text,
			    "; the host has committed 10 of at most 20 MiB");
	/* Without those two, what is available has to do. */
	write_file("/proc/meminfo", "MemAvailable: 3072 kB\n");
	host_memory_left(text, sizeof(text));
	assert_string_equal(text, "; the host has 3 MiB available");
}

/* ---- huge pages ---------------------------------------------------------- */

static void put_pool(const char *size, const char *nr_free,
		     const char *promised)
{
	char path[128];

	snprintf(path, sizeof(path), HUGE "/hugepages-%s/free_hugepages", size);
	write_file(path, nr_free);
	snprintf(path, sizeof(path), HUGE "/hugepages-%s/resv_hugepages", size);
	write_file(path, promised);
}

static void lists_huge_page_sizes(void **state)
{
	uint64_t sizes[4] = { 0 };

	(void)state;
	assert_int_equal(host_huge_page_sizes(sizes, 4), 0);
	put_pool("1048576kB", "0\n", "0\n");
	put_pool("64kB", "0\n", "0\n");
	put_pool("2048kB", "0\n", "0\n");
	write_file(HUGE "/other", "");
	assert_int_equal(host_huge_page_sizes(sizes, 4), 3);
	assert_int_equal(sizes[0], 64 << 10);
	assert_int_equal(sizes[1], 2 * MIB);
	assert_int_equal(sizes[2], GIB);
	assert_int_equal(host_huge_page_sizes(sizes, 2), 2);
	assert_true(sizes[0] < sizes[1]);
}

static void counts_huge_pages_promised_to_nobody(void **state)
{
	uint64_t count = 7;

	(void)state;
	assert_false(host_huge_pages_free(2 * MIB, &count));
	assert_int_equal(count, 7);
	put_pool("2048kB", "10\n", "4\n");
	assert_true(host_huge_pages_free(2 * MIB, &count));
	assert_int_equal(count, 6);
	put_pool("2048kB", "3\n", "4\n");
	assert_true(host_huge_pages_free(2 * MIB, &count));
	assert_int_equal(count, 0);
	assert_false(host_huge_pages_free(GIB, &count));
	/* A file that is there and says nothing. */
	put_pool("64kB", "3\n", "");
	assert_false(host_huge_pages_free(64 << 10, &count));
}

/* A size that the host lacks is refused by a sentence that lists the others. */
static void names_the_huge_pages_there_are(void **state)
{
	const struct pm_ram_config config = {
		.backend = PM_RAM_HUGETLB,
		.max_size = GIB,
		.page_size = 4 * MIB,
	};
	struct pm_ram *ram = NULL;
	struct pm_error err;

	(void)state;
	assert_int_equal(pm_ram_create(&config, &ram, &err), -EINVAL);
	assert_string_equal(err.text, "This host has no huge pages");
	put_pool("1048576kB", "0\n", "0\n");
	put_pool("2048kB", "0\n", "0\n");
	assert_int_equal(pm_ram_create(&config, &ram, &err), -EINVAL);
	assert_string_equal(err.text,
			    "This host has no huge pages of 4194304 bytes; "
			    "it has those of 2048, 1048576 KiB");
	assert_null(ram);
}

/* ---- NUMA ---------------------------------------------------------------- */

static void knows_its_nodes(void **state)
{
	(void)state;
	write_file(NODES "/online", "0-2,5,8-9\n");
	write_file(NODES "/has_memory", "0,2,8-9\n");
	assert_int_equal(host_node(0), HOST_NODE_GOOD);
	assert_int_equal(host_node(1), HOST_NODE_EMPTY);
	assert_int_equal(host_node(2), HOST_NODE_GOOD);
	assert_int_equal(host_node(3), HOST_NODE_ABSENT);
	assert_int_equal(host_node(5), HOST_NODE_EMPTY);
	assert_int_equal(host_node(7), HOST_NODE_ABSENT);
	assert_int_equal(host_node(8), HOST_NODE_GOOD);
	assert_int_equal(host_node(9), HOST_NODE_GOOD);
	assert_int_equal(host_node(10), HOST_NODE_ABSENT);
}

/* A kernel without NUMA has no such files; mbind(2) is asked then. */
static void takes_every_node_where_none_is_told(void **state)
{
	(void)state;
	assert_int_equal(host_node(0), HOST_NODE_GOOD);
	assert_int_equal(host_node(1023), HOST_NODE_GOOD);
}

static void refuses_a_node_without_memory(void **state)
{
	const struct pm_ram_config config = {
		.max_size = GIB,
		.policy = PM_NUMA_BIND,
		.nodes = { 1 << 1 },
	};
	struct pm_ram *ram = NULL;
	struct pm_error err;

	(void)state;
	write_file(NODES "/online", "0-1\n");
	write_file(NODES "/has_memory", "0\n");
	assert_int_equal(pm_ram_create(&config, &ram, &err), -EINVAL);
	assert_string_equal(err.text, "NUMA node 1 of this host has no memory");
	assert_null(ram);
}

#define HOST_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(reads_a_line_of_meminfo),
		HOST_TEST(lives_without_meminfo),
		HOST_TEST(tells_what_is_left),
		HOST_TEST(lists_huge_page_sizes),
		HOST_TEST(counts_huge_pages_promised_to_nobody),
		HOST_TEST(names_the_huge_pages_there_are),
		HOST_TEST(knows_its_nodes),
		HOST_TEST(takes_every_node_where_none_is_told),
		HOST_TEST(refuses_a_node_without_memory),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
