/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the host says of itself, where a test writes the files: on any host the
 * same. They are below a directory of the test's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "fixture.h"
#include "host.h"
#include "host_room.h"
#include "paramem.h"

#define NODES "/sys/devices/system/node"
#define HUGE  "/sys/kernel/mm/hugepages"

static char root[64]; /* empty: the host's own files */

/* ---- the files ----------------------------------------------------------- */

/* What the host says, of the files that are there now. */
static struct pm_host *open_host(void)
{
	struct pm_host *host = NULL;

	assert_int_equal(host_create_at(root, &host, NULL), 0);
	return host;
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
	char full[512];
	FILE *file;

	make_directories(path);
	snprintf(full, sizeof(full), "%s%s", root, path);
	file = fopen(full, "w");
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
	struct pm_host *host;
	uint64_t value = 7;

	(void)state;
	write_file("/proc/meminfo", "MemTotal:       16 kB\n"
				    "MemAvailable:    8 kB\n"
				    "Mem: 1 kB\n"
				    "HugePages_Total:  5\n");
	host = open_host();
	assert_true(host_meminfo(host, "MemAvailable", &value));
	assert_int_equal(value, 8192);
	assert_true(host_meminfo(host, "Mem", &value));
	assert_int_equal(value, 1024);
	assert_true(host_meminfo(host, "HugePages_Total", &value));
	assert_int_equal(value, 5);
	assert_false(host_meminfo(host, "SwapFree", &value));
	assert_int_equal(value, 5);
	pm_host_destroy(host);
}

static void lives_without_any_file(void **state)
{
	const struct host_want want = { .size = GIB };
	struct pm_host *host = open_host();
	struct host_room room;
	uint64_t value = 7;
	char text[64] = "x";

	(void)state;
	assert_false(host_meminfo(host, "MemAvailable", &value));
	assert_int_equal(value, 7);
	host_memory_left(host, text, sizeof(text));
	assert_string_equal(text, "");
	assert_true(host_claim(host, &want, &room));
	host_claim_end(host, want.size);
	pm_host_destroy(host);
}

static void tells_what_is_left(void **state)
{
	struct pm_host *host;
	char text[128];

	(void)state;
	write_file("/proc/meminfo", "MemAvailable: 3072 kB\n"
				    "CommitLimit: 20480 kB\n"
				    "Committed_AS: 10240 kB\n");
	write_file("/proc/sys/vm/overcommit_memory", "0\n");
	host = open_host();
	host_memory_left(host, text, sizeof(text));
	assert_string_equal(text, "; the host has 3 MiB available");
	/* Through the descriptor that was opened before. */
	write_file("/proc/sys/vm/overcommit_memory", "2\n");
	host_memory_left(host, text, sizeof(text));
	assert_string_equal(text,
			    "; the host has committed 10 of at most 20 MiB");
	/* Without those two, what is available has to do. */
	write_file("/proc/meminfo", "MemAvailable: 3072 kB\n");
	host_memory_left(host, text, sizeof(text));
	assert_string_equal(text, "; the host has 3 MiB available");
	pm_host_destroy(host);
}

/* ---- how much room there is ---------------------------------------------- */

static uint64_t room_for(struct pm_host *host, struct host_want want,
			 char *text)
{
	struct host_room room;

	host_room(host, &want, &room);
	if (text)
		strcpy(text, room.text);
	return room.left;
}

static void swap_counts_for_what_is_not_locked(void **state)
{
	struct pm_host *host;

	(void)state;
	write_file("/proc/meminfo", "MemAvailable: 1048576 kB\n"
				    "SwapFree: 2097152 kB\n");
	host = open_host();
	assert_int_equal(room_for(host, (struct host_want){ 0 }, NULL),
			 3 * GIB);
	assert_int_equal(room_for(host, (struct host_want){ .locked = true },
				  NULL),
			 GIB);
	pm_host_destroy(host);
}

#define MOUNTS_V1                                                             \
	"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"                   \
	"34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"   \
	"35 31 0:32 %s /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw," \
	"memory\n"

static void put_mounts(const char *format, const char *root_of_mount)
{
	char text[1024];

	snprintf(text, sizeof(text), format, root_of_mount);
	write_file("/proc/self/mountinfo", text);
}

static void put_group(const char *dir, const char *limit, const char *usage,
		      const char *limit_bytes, const char *usage_bytes)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, limit);
	write_file(path, limit_bytes);
	snprintf(path, sizeof(path), "%s/%s", dir, usage);
	write_file(path, usage_bytes);
}

static void put_v1(const char *dir, const char *limit, const char *usage)
{
	put_group(dir, "memory.limit_in_bytes", "memory.usage_in_bytes", limit,
		  usage);
}

static void put_v2(const char *dir, const char *limit, const char *usage)
{
	put_group(dir, "memory.max", "memory.current", limit, usage);
}

/* The limit of any group up the tree counts, less what is kept: 8 MiB. */
static void a_limit_up_the_tree_counts(void **state)
{
	struct pm_host *host;
	char text[512];

	(void)state;
	write_file("/proc/self/cgroup", "9:name=systemd:/\n"
					"4:cpu,memory:/a/b\n0::/x\n");
	put_mounts(MOUNTS_V1, "/");
	put_v1("/sys/fs/cgroup/memory/a/b", "9223372036854771712\n", "0\n");
	put_v1("/sys/fs/cgroup/memory/a", "268435456\n", "67108864\n");
	put_v1("/sys/fs/cgroup/memory", "9223372036854771712\n", "0\n");
	host = open_host();
	assert_int_equal(room_for(host, (struct host_want){ 0 }, text),
			 184 * MIB);
	assert_string_equal(
		text,
		"; a control group's limit of memory is 256 MiB "
		"(/sys/fs/cgroup/memory/a/memory.limit_in_bytes), of which 184 "
		"MiB are left: raise it, or ask for less");
	/* It changes while we run. */
	put_v1("/sys/fs/cgroup/memory/a", "134217728\n", "67108864\n");
	assert_int_equal(room_for(host, (struct host_want){ 0 }, NULL),
			 56 * MIB);
	pm_host_destroy(host);
}

/* As in a container that has the host's path and a part of its tree. */
static void a_container_sees_its_own_root(void **state)
{
	struct pm_host *host;

	(void)state;
	write_file("/proc/self/cgroup", "4:memory:/docker/7/inner\n");
	put_mounts(MOUNTS_V1, "/docker/7");
	put_v1("/sys/fs/cgroup/memory/inner", "9223372036854771712\n", "0\n");
	put_v1("/sys/fs/cgroup/memory", "268435456\n", "0\n");
	host = open_host();
	assert_int_equal(room_for(host, (struct host_want){ 0 }, NULL),
			 248 * MIB);
	pm_host_destroy(host);
}

static void a_group_out_of_sight_is_none(void **state)
{
	struct pm_host *host;

	(void)state;
	write_file("/proc/self/cgroup", "4:memory:/../other\n");
	put_mounts(MOUNTS_V1, "/");
	put_v1("/sys/fs/cgroup/memory", "268435456\n", "0\n");
	host = open_host();
	assert_int_equal(room_for(host, (struct host_want){ 0 }, NULL),
			 UINT64_MAX);
	pm_host_destroy(host);
}

#define MOUNTS_V2 \
	"31 23 0:28 %s /sys/fs/my\\040groups rw - cgroup2 cgroup2 rw\n"

static void put_unified(const char *own)
{
	char text[64];

	snprintf(text, sizeof(text), "0::%s\n", own);
	write_file("/proc/self/cgroup", text);
	put_mounts(MOUNTS_V2, "/");
}

static void version_2_has_the_same(void **state)
{
	struct pm_host *host;
	char text[512];

	(void)state;
	put_unified("/a/b");
	put_v2("/sys/fs/my groups/a/b", "max\n", "0\n");
	put_v2("/sys/fs/my groups/a", "268435456\n", "67108864\n");
	host = open_host();
	assert_int_equal(room_for(host, (struct host_want){ 0 }, text),
			 184 * MIB);
	assert_non_null(strstr(text, "(/sys/fs/my groups/a/memory.max)"));
	/* Beyond this one all is slowed down until nothing goes on. */
	write_file("/sys/fs/my groups/a/b/memory.high", "134217728\n");
	pm_host_destroy(host);
	host = open_host();
	assert_int_equal(room_for(host, (struct host_want){ 0 }, text),
			 120 * MIB);
	assert_non_null(strstr(text, "a/b/memory.high)"));
	pm_host_destroy(host);
}

/* What is cached is given up, half of what is in use excepted. */
static void caches_of_a_group_are_room(void **state)
{
	struct pm_host *host;

	(void)state;
	put_unified("/a");
	put_v2("/sys/fs/my groups/a", "268435456\n", "268435456\n");
	write_file("/sys/fs/my groups/a/memory.stat",
		   "anon 1048576\nfile 9999999999\n"
		   "inactive_file 67108864\nactive_file 33554432\n"
		   "slab_reclaimable 2097152\n");
	host = open_host();
	assert_int_equal(room_for(host, (struct host_want){ .size = GIB },
				  NULL),
			 (64 + 16 + 1 - 8) * MIB);
	pm_host_destroy(host);
}

static void put_swap(const char *limit)
{
	write_file("/proc/meminfo", "MemAvailable: 8388608 kB\n"
				    "SwapFree: 1048576 kB\n");
	put_unified("/a/b");
	put_v2("/sys/fs/my groups/a/b", "268435456\n", "0\n");
	put_group("/sys/fs/my groups/a", "memory.swap.max",
		  "memory.swap.current", limit, "1048576\n");
}

/* Of the host's swap, what the groups may have. */
static void swap_of_a_group_is_room(void **state)
{
	struct pm_host *host;

	(void)state;
	put_swap("max\n");
	host = open_host();
	assert_int_equal(room_for(host, (struct host_want){ 0 }, NULL),
			 GIB + 248 * MIB);
	put_swap("68157440\n");
	assert_int_equal(room_for(host, (struct host_want){ 0 }, NULL),
			 (64 + 248) * MIB);
	assert_int_equal(room_for(host, (struct host_want){ .locked = true },
				  NULL),
			 248 * MIB);
	put_swap("0\n");
	assert_int_equal(room_for(host, (struct host_want){ 0 }, NULL),
			 248 * MIB);
	pm_host_destroy(host);
}

static void version_1_limits_both_together(void **state)
{
	struct pm_host *host;

	(void)state;
	write_file("/proc/meminfo", "MemAvailable: 8388608 kB\n"
				    "SwapFree: 1048576 kB\n");
	write_file("/proc/self/cgroup", "4:memory:/a\n");
	put_mounts(MOUNTS_V1, "/");
	put_v1("/sys/fs/cgroup/memory/a", "268435456\n", "0\n");
	put_group("/sys/fs/cgroup/memory/a", "memory.memsw.limit_in_bytes",
		  "memory.memsw.usage_in_bytes", "402653184\n", "0\n");
	write_file("/sys/fs/cgroup/memory/a/memory.swappiness", "60\n");
	host = open_host();
	assert_int_equal(room_for(host, (struct host_want){ 0 }, NULL),
			 376 * MIB);
	write_file("/sys/fs/cgroup/memory/a/memory.swappiness", "0\n");
	assert_int_equal(room_for(host, (struct host_want){ 0 }, NULL),
			 248 * MIB);
	pm_host_destroy(host);
}

/* Who asks while another has memory is granted what is left then. */
static void claims_add_up(void **state)
{
	const struct host_want want = { .size = 64 * MIB };
	struct pm_host *host;
	struct host_room room;

	(void)state;
	put_unified("/a");
	put_v2("/sys/fs/my groups/a", "268435456\n", "67108864\n");
	host = open_host();
	assert_true(host_claim(host, &want, &room));
	assert_true(host_claim(host, &want, &room));
	host_claim_end(host, want.size);
	put_v2("/sys/fs/my groups/a", "268435456\n", "134217728\n");
	host_claim_end(host, want.size);
	put_v2("/sys/fs/my groups/a", "268435456\n", "201326592\n");
	assert_false(host_claim(host, &want, &room));
	assert_int_equal(room.left, 56 * MIB);
	pm_host_destroy(host);
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
	struct pm_host *host = open_host();

	(void)state;
	assert_int_equal(host->pools.nr, 0);
	pm_host_destroy(host);
	put_pool("1048576kB", "0\n", "0\n");
	put_pool("64kB", "0\n", "0\n");
	put_pool("2048kB", "0\n", "0\n");
	write_file(HUGE "/other", "");
	host = open_host();
	assert_int_equal(host->pools.nr, 3);
	assert_int_equal(host->pools.pools[0].page_size, 64 << 10);
	assert_int_equal(host->pools.pools[1].page_size, 2 * MIB);
	assert_int_equal(host->pools.pools[2].page_size, GIB);
	pm_host_destroy(host);
}

static bool pool_free(uint64_t page_size, uint64_t *count)
{
	struct pm_host *host = open_host();
	const struct host_pool *pool = host_pool_find(&host->pools, page_size);
	bool told = pool && host_pool_free(pool, count);

	pm_host_destroy(host);
	return told;
}

static void counts_huge_pages_promised_to_nobody(void **state)
{
	uint64_t count = 7;

	(void)state;
	assert_false(pool_free(2 * MIB, &count));
	assert_int_equal(count, 7);
	put_pool("2048kB", "10\n", "4\n");
	assert_true(pool_free(2 * MIB, &count));
	assert_int_equal(count, 6);
	put_pool("2048kB", "3\n", "4\n");
	assert_true(pool_free(2 * MIB, &count));
	assert_int_equal(count, 0);
	assert_false(pool_free(GIB, &count));
	/* A file that is there and says nothing. */
	put_pool("64kB", "3\n", "");
	assert_false(pool_free(64 << 10, &count));
}

/* A size that the host lacks is refused by a sentence that lists the others. */
static void names_the_huge_pages_there_are(void **state)
{
	struct pm_ram_config config = {
		.backend = PM_RAM_HUGETLB,
		.max_size = GIB,
		.page_size = 4 * MIB,
		.host = open_host(),
	};
	struct pm_ram *ram = NULL;
	struct pm_error err;

	(void)state;
	assert_int_equal(pm_ram_create(&config, &ram, &err), -EINVAL);
	assert_string_equal(err.text, "This host has no huge pages");
	pm_host_destroy(config.host);
	put_pool("1048576kB", "0\n", "0\n");
	put_pool("2048kB", "0\n", "0\n");
	config.host = open_host();
	assert_int_equal(pm_ram_create(&config, &ram, &err), -EINVAL);
	assert_string_equal(err.text,
			    "This host has no huge pages of 4 MiB; it has "
			    "those of 2 MiB, 1 GiB");
	assert_null(ram);
	pm_host_destroy(config.host);
}

/* A group may have fewer than there are: of pages, or of reserved ones. */
static void names_the_group_that_limits_huge_pages(void **state)
{
	const struct host_pool *pool;
	struct pm_host *host;
	char text[384];

	(void)state;
	put_pool("2048kB", "10\n", "0\n");
	put_unified("/a");
	put_group("/sys/fs/my groups/a", "hugetlb.2MB.max",
		  "hugetlb.2MB.current", "16777216\n", "2097152\n");
	put_group("/sys/fs/my groups/a", "hugetlb.2MB.rsvd.max",
		  "hugetlb.2MB.rsvd.current", "max\n", "0\n");
	host = open_host();
	pool = host_pool_find(&host->pools, 2 * MIB);
	host_pool_left(pool, text, sizeof(text));
	assert_string_equal(
		text, ", and 10 are free, of which a control group may have 7 "
		      "more: its limit is 16384 KiB (/sys/fs/my "
		      "groups/a/hugetlb.2MB.max); raise it");
	put_group("/sys/fs/my groups/a", "hugetlb.2MB.rsvd.max",
		  "hugetlb.2MB.rsvd.current", "4194304\n", "0\n");
	host_pool_left(pool, text, sizeof(text));
	assert_non_null(strstr(text, "may have 2 more"));
	assert_non_null(strstr(text, "hugetlb.2MB.rsvd.max"));
	pm_host_destroy(host);
}

/* ---- NUMA ---------------------------------------------------------------- */

static enum host_node_verdict check_node(unsigned int node)
{
	struct pm_host *host = open_host();
	enum host_node_verdict verdict = host_node_check(&host->nodes, node);

	pm_host_destroy(host);
	return verdict;
}

static void knows_its_nodes(void **state)
{
	(void)state;
	write_file(NODES "/online", "0-2,5,8-9\n");
	write_file(NODES "/has_memory", "0,2,8-9\n");
	write_file("/proc/self/status", "Name:\tx\nMems_allowed_list:\t0-8\n");
	assert_int_equal(check_node(0), HOST_NODE_GOOD);
	assert_int_equal(check_node(1), HOST_NODE_EMPTY);
	assert_int_equal(check_node(2), HOST_NODE_GOOD);
	assert_int_equal(check_node(3), HOST_NODE_ABSENT);
	assert_int_equal(check_node(5), HOST_NODE_EMPTY);
	assert_int_equal(check_node(7), HOST_NODE_ABSENT);
	assert_int_equal(check_node(8), HOST_NODE_GOOD);
	assert_int_equal(check_node(9), HOST_NODE_FORBIDDEN);
	assert_int_equal(check_node(10), HOST_NODE_ABSENT);
}

/* A kernel without NUMA has no such files; mbind(2) is asked then. */
static void takes_every_node_where_none_is_told(void **state)
{
	(void)state;
	assert_int_equal(check_node(0), HOST_NODE_GOOD);
	assert_int_equal(check_node(1023), HOST_NODE_GOOD);
}

static void expect_refusal(uint64_t nodes, const char *why)
{
	struct pm_ram_config config = {
		.max_size = GIB,
		.policy = PM_NUMA_BIND,
		.nodes = { nodes },
		.host = open_host(),
	};
	struct pm_ram *ram = NULL;
	struct pm_error err;

	assert_int_equal(pm_ram_create(&config, &ram, &err), -EINVAL);
	assert_string_equal(err.text, why);
	assert_null(ram);
	pm_host_destroy(config.host);
}

static void refuses_a_node_without_memory(void **state)
{
	(void)state;
	write_file(NODES "/online", "0-1\n");
	write_file(NODES "/has_memory", "0\n");
	expect_refusal(1 << 1, "NUMA node 1 of this host has no memory");
}

/* The kernel would leave it out of the binding without a word. */
static void refuses_a_node_that_the_cpuset_forbids(void **state)
{
	(void)state;
	write_file(NODES "/online", "0-1\n");
	write_file(NODES "/has_memory", "0-1\n");
	write_file("/proc/self/status", "Mems_allowed_list:\t0\n");
	put_unified("/a");
	expect_refusal(3, "NUMA node 1 is not for this process: its cpuset "
			  "allows memory of the nodes 0 (/sys/fs/my "
			  "groups/a/cpuset.mems)");
}

static void put_node(unsigned int node, const char *total, const char *nr_free,
		     const char *cached)
{
	char path[96], text[256];

	snprintf(path, sizeof(path), NODES "/node%u/meminfo", node);
	snprintf(text, sizeof(text),
		 "Node %u MemTotal: %s kB\nNode %u MemFree: %s kB\n"
		 "Node %u Inactive(file): %s kB\n",
		 node, total, node, nr_free, node, cached);
	write_file(path, text);
}

/* Where memory must come from some nodes, what others have is of no use. */
static void bound_memory_must_fit_its_nodes(void **state)
{
	const uint64_t second[PM_NUMA_NODES_MAX / 64] = { 1 << 1 };
	struct pm_host *host;
	char text[512];

	(void)state;
	write_file("/proc/meminfo", "MemAvailable: 8388608 kB\n");
	write_file(NODES "/online", "0-1\n");
	write_file(NODES "/has_memory", "0-1\n");
	write_file("/proc/self/status", "Mems_allowed_list:\t0-1\n");
	put_node(0, "8388608", "4194304", "0");
	put_node(1, "6553600", "1048576", "102400");
	host = open_host();
	assert_int_equal(room_for(host, (struct host_want){ 0 }, NULL),
			 8 * GIB);
	assert_int_equal(room_for(host, (struct host_want){ .nodes = second },
				  text),
			 GIB);
	assert_string_equal(text, "; NUMA node 1, where it must come from, has "
				  "1024 MiB available: bind it to other nodes, "
				  "of which the process may use 0-1");
	/* A cpuset binds all that a process has. */
	write_file("/proc/self/status", "Mems_allowed_list:\t1\n");
	assert_int_equal(room_for(host, (struct host_want){ 0 }, NULL), GIB);
	pm_host_destroy(host);
}

#define HOST_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(reads_a_line_of_meminfo),
		HOST_TEST(lives_without_any_file),
		HOST_TEST(tells_what_is_left),
		HOST_TEST(swap_counts_for_what_is_not_locked),
		HOST_TEST(a_limit_up_the_tree_counts),
		HOST_TEST(a_container_sees_its_own_root),
		HOST_TEST(a_group_out_of_sight_is_none),
		HOST_TEST(version_2_has_the_same),
		HOST_TEST(caches_of_a_group_are_room),
		HOST_TEST(swap_of_a_group_is_room),
		HOST_TEST(version_1_limits_both_together),
		HOST_TEST(claims_add_up),
		HOST_TEST(lists_huge_page_sizes),
		HOST_TEST(counts_huge_pages_promised_to_nobody),
		HOST_TEST(names_the_huge_pages_there_are),
		HOST_TEST(names_the_group_that_limits_huge_pages),
		HOST_TEST(knows_its_nodes),
		HOST_TEST(takes_every_node_where_none_is_told),
		HOST_TEST(refuses_a_node_without_memory),
		HOST_TEST(refuses_a_node_that_the_cpuset_forbids),
		HOST_TEST(bound_memory_must_fit_its_nodes),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
