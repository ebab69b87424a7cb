/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits that somebody set on this process: more than they allow is refused by
 * a sentence that names the limit, and nobody is killed. In real control groups
 * and under real limits, in a child for each.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"
#include "ram_kinds.h"

#define GROUP_LIMIT (256 * MIB)
#define TOO_MUCH    (512 * MIB)

/* ---- control groups ------------------------------------------------------ */

/* The root of a hierarchy with a controller, and the name of its limit. */
struct hierarchy {
	const char *root;
	const char *limit;
};

static const struct hierarchy hierarchies[] = {
	{ "/sys/fs/cgroup/memory", "memory.limit_in_bytes" },
	{ "/sys/fs/cgroup", "memory.max" },
	{ "/sys/fs/cgroup/unified", "memory.max" },
};

static bool write_text(const char *dir, const char *name, const char *text)
{
	char path[256];
	int fd;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	good = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return good;
}

struct group {
	char outer[128]; /* has the limit */
	char inner[160]; /* is where we are: the limit is up the tree */
	const char *limit;
};

static bool try_group(const struct hierarchy *h, struct group *g)
{
	char bytes[32];

	snprintf(g->outer, sizeof(g->outer), "%s/paramem-%d", h->root,
		 (int)getpid());
	snprintf(g->inner, sizeof(g->inner), "%s/inner", g->outer);
	g->limit = h->limit;
	/* As nothing else is asked for, it may be there already. */
	write_text(h->root, "cgroup.subtree_control", "+memory");
	if (mkdir(g->outer, 0755) < 0)
		return false;
	write_text(g->outer, "cgroup.subtree_control", "+memory");
	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)GROUP_LIMIT);
	if (mkdir(g->inner, 0755) == 0 && write_text(g->outer, h->limit, bytes))
		return true;
	rmdir(g->inner);
	rmdir(g->outer);
	return false;
}

static void make_group(struct group *g)
{
	for (size_t i = 0; i < sizeof(hierarchies) / sizeof(hierarchies[0]);
	     i++) {
		if (try_group(&hierarchies[i], g))
			return;
	}
	print_message("needs to make a control group that limits memory\n");
	skip();
}

static void remove_group(struct group *g)
{
	/* A child that has ended may still be counted for a moment. */
	for (int i = 0; i < 1000 && rmdir(g->inner) < 0 && errno == EBUSY; i++)
		usleep(1000);
	rmdir(g->outer);
}

/* ---- children ------------------------------------------------------------ */

typedef int child_fn(const void *arg);

/* What a child returned; 128 and more where a signal ended it. */
static int run_child(const struct group *g, child_fn *fn, const void *arg)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		char self[16];

		snprintf(self, sizeof(self), "%d", (int)getpid());
		if (g && !write_text(g->inner, "cgroup.procs", self))
			_exit(99);
		_exit(fn(arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* Says what is wrong, for who reads the log. */
static int wrong(const char *what, const char *text)
{
	print_message("%s: \"%s\"\n", what, text);
	return 1;
}

static int expect_text(const char *text, const char *part)
{
	return strstr(text, part) ? 0 : wrong(part, text);
}

/* ---- memory -------------------------------------------------------------- */

struct limited {
	const struct ram_kind *kind;
	const struct group *group;
};

static struct pm_ram *create(const struct ram_kind *kind, uint64_t size)
{
	struct pm_ram_config config = kind->config;
	struct pm_ram *ram = NULL;

	fault_reset();
	config.max_size = size;
	if (pm_ram_create(&config, &ram, NULL) < 0 ||
	    pm_ram_resize(ram, size, NULL) < 0)
		_exit(98);
	return ram;
}

static int populate_too_much(const void *arg)
{
	const struct limited *l = arg;
	struct pm_ram *ram = create(l->kind, TOO_MUCH);
	struct pm_error err = { "" };
	int bad = 0;

	if (pm_ram_populate(ram, 0, TOO_MUCH, &err) != -ENOMEM)
		return wrong("not refused", err.text);
	bad |= expect_text(err.text, l->group->limit);
	bad |= expect_text(err.text, "limit of memory is 256 MiB");
	bad |= expect_text(err.text, l->group->outer);
	/* What there is room for, there is. */
	if (pm_ram_populate(ram, 0, GROUP_LIMIT / 2, &err) < 0)
		bad |= wrong("refused", err.text);
	pm_ram_destroy(ram);
	return bad;
}

static void populating_past_a_group_is_refused(void **state)
{
	struct group g;
	struct limited l = { .kind = *state, .group = &g };
	int bad;

	make_group(&g);
	bad = run_child(&g, populate_too_much, &l);
	remove_group(&g);
	assert_int_equal(bad, 0);
}

#define PART    (16 * MIB)
#define THREADS 8

struct parts {
	struct pm_ram *ram;
	_Atomic uint64_t next;
	_Atomic uint64_t had;
};

static void *populate_parts(void *opaque)
{
	struct parts *p = opaque;
	uint64_t at;

	while ((at = atomic_fetch_add(&p->next, PART)) < TOO_MUCH) {
		if (pm_ram_populate(p->ram, at, PART, NULL) == 0)
			p->had += PART;
	}
	return NULL;
}

/* As a monitor's workers do: none counts on what another is having. */
static int populate_by_threads(const void *arg)
{
	const struct limited *l = arg;
	struct parts p = { .ram = create(l->kind, TOO_MUCH) };
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, populate_parts, &p))
			return 97;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pm_ram_destroy(p.ram);
	print_message("had %llu MiB\n", (unsigned long long)(p.had / MIB));
	return p.had < GROUP_LIMIT - 4 * PART || p.had > GROUP_LIMIT;
}

static void threads_stop_at_the_limit(void **state)
{
	struct group g;
	struct limited l = { .kind = *state, .group = &g };
	int bad;

	make_group(&g);
	bad = run_child(&g, populate_by_threads, &l);
	remove_group(&g);
	assert_int_equal(bad, 0);
}

/* Small requests add up: a guest takes its memory in those. */
static int populate_block_by_block(const void *arg)
{
	const struct limited *l = arg;
	struct pm_ram *ram = create(l->kind, TOO_MUCH);
	uint64_t at = 0;

	while (at < TOO_MUCH && !pm_ram_populate(ram, at, 2 * MIB, NULL))
		at += 2 * MIB;
	pm_ram_destroy(ram);
	return at < GROUP_LIMIT / 2 || at >= GROUP_LIMIT;
}

static void small_parts_stop_at_the_limit(void **state)
{
	struct group g;
	struct limited l = { .kind = *state, .group = &g };
	int bad;

	make_group(&g);
	bad = run_child(&g, populate_block_by_block, &l);
	remove_group(&g);
	assert_int_equal(bad, 0);
}

/* Caches are given up for memory, so they are no reason to refuse it. */
static int populate_with_a_full_cache(const void *arg)
{
	const struct limited *l = arg;
	struct pm_ram *ram = create(l->kind, TOO_MUCH);
	static char text[1 << 20];
	char path[] = "/var/tmp/paramem-test-XXXXXX";
	struct pm_error err = { "" };
	time_t deadline = time(NULL) + 10;
	int fd = mkstemp(path);
	int ret;

	unlink(path);
	for (int i = 0; i < 224; i++)
		if (write(fd, text, sizeof(text)) != sizeof(text))
			return 77;
	fsync(fd);
	/* The kernel adds up what is cached every two seconds at the latest. */
	do
		ret = pm_ram_populate(ram, 0, 160 * MIB, &err);
	while (ret && time(NULL) < deadline);
	pm_ram_destroy(ram);
	close(fd);
	return ret ? wrong("refused", err.text) : 0;
}

static void caches_count_as_available(void **state)
{
	struct group g;
	struct limited l = { .kind = *state, .group = &g };
	int bad;

	make_group(&g);
	bad = run_child(&g, populate_with_a_full_cache, &l);
	remove_group(&g);
	if (bad == 77) {
		print_message("needs 224 MiB of room in /var/tmp\n");
		skip();
	}
	assert_int_equal(bad, 0);
}

/* The guest's PLUG is answered BUSY, and its sentence says which limit. */
static int plug_too_much(const void *arg)
{
	const struct limited *l = arg;
	const struct pm_device_config config = {
		.addr = FIXTURE_ADDR,
		.block_size = FIXTURE_BLOCK,
		.requested_size = TOO_MUCH,
		.prealloc = true,
	};
	struct fixture f;
	int bad = 0;

	fixture_init_with(&f, &config, FIXTURE_REGION);
	if (ask(&f, PLUG, block_addr(0), TOO_MUCH / FIXTURE_BLOCK) != BUSY)
		return wrong("not busy", f.err.text);
	bad |= expect_text(f.err.text, l->group->limit);
	if (fixture_info(&f).plugged_size)
		bad |= wrong("plugged", "");
	if (ask(&f, PLUG, block_addr(0), 8) != ACK)
		bad |= wrong("not plugged", f.err.text);
	fixture_finish(&f);
	return bad;
}

static void a_plug_past_a_group_is_busy(void **state)
{
	struct group g;
	struct limited l = { .group = &g };
	int bad;

	(void)state;
	make_group(&g);
	bad = run_child(&g, plug_too_much, &l);
	remove_group(&g);
	assert_int_equal(bad, 0);
}

/* The whole program, which is to have its memory before it starts. */
static int run_paramem(const void *arg)
{
	const char *program = getenv("PARAMEM");
	char socket[64];

	dup2(*(const int *)arg, STDERR_FILENO);
	snprintf(socket, sizeof(socket), "unix:/tmp/paramem-test-%d.sock",
		 (int)getpid());
	execl(program, program, "run", "--accel", "qtest", "--qtest", socket,
	      "--memory", "size=512M,prealloc=on", (char *)NULL);
	return 95;
}

static void a_start_past_a_group_is_refused(void **state)
{
	char text[1024] = "";
	int fds[2], status;
	struct group g;

	(void)state;
	if (!getenv("PARAMEM")) {
		print_message("needs PARAMEM, the program's path\n");
		skip();
	}
	make_group(&g);
	assert_int_equal(pipe(fds), 0);
	status = run_child(&g, run_paramem, &fds[1]);
	close(fds[1]);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	close(fds[0]);
	remove_group(&g);
	print_message("%s", text);
	assert_int_equal(status, 1);
	assert_non_null(strstr(text, g.limit));
}

/* ---- limits of the process ----------------------------------------------- */

static void set_limit(int resource, uint64_t size)
{
	const struct rlimit limit = { size, size };

	if (setrlimit((__rlimit_resource_t)resource, &limit) < 0)
		_exit(94);
}

static int reserve_too_much(const void *arg)
{
	const struct ram_kind *kind = arg;
	struct pm_ram_config config = kind->config;
	struct pm_error err = { "" };
	struct pm_ram *ram = NULL;

	fault_reset();
	set_limit(RLIMIT_AS, 4 * GIB);
	config.max_size = 1024 * GIB;
	if (pm_ram_create(&config, &ram, &err) != -ENOMEM)
		return wrong("not refused", err.text);
	return expect_text(err.text, "RLIMIT_AS");
}

static void limit_of_address_space_is_named(void **state)
{
	kind_need(*state);
	fixture_need_plain_space();
	assert_int_equal(run_child(NULL, reserve_too_much, *state), 0);
}

/* Whether it is private memory that it takes, is said of private memory. */
static int grow_past_data(const void *arg)
{
	const struct ram_kind *kind = arg;
	struct pm_ram_config config = kind->config;
	struct pm_error err = { "" };
	struct pm_ram *ram = NULL;
	int ret;

	fault_reset();
	config.max_size = GIB;
	if (pm_ram_create(&config, &ram, &err) < 0)
		return 98;
	set_limit(RLIMIT_DATA, 512 * MIB);
	ret = pm_ram_resize(ram, GIB, &err);
	if (kind->config.backend != PM_RAM_ANON)
		return ret ? wrong("refused", err.text) : 0;
	if (ret != -ENOMEM)
		return wrong("not refused", err.text);
	if (pm_ram_size(ram))
		return wrong("grown", "");
	return expect_text(err.text, "RLIMIT_DATA");
}

static void limit_of_data_is_named(void **state)
{
	fixture_need_plain_space();
	assert_int_equal(run_child(NULL, grow_past_data, *state), 0);
}

/* A file is asked about by a mapping, for which there may be no room. */
static int grow_in_little_space(const void *arg)
{
	const struct ram_kind *kind = arg;
	struct pm_ram_config config = kind->config;
	struct pm_error err = { "" };
	struct pm_ram *ram = NULL;
	int ret;

	fault_reset();
	set_limit(RLIMIT_AS, 3 * GIB);
	config.max_size = 2 * GIB;
	ret = pm_ram_create(&config, &ram, &err);
	if (!ret)
		ret = pm_ram_resize(ram, 2 * GIB, &err);
	return ret ? wrong("refused", err.text) : 0;
}

static void growing_takes_no_address_space(void **state)
{
	kind_need(*state);
	fixture_need_plain_space();
	assert_int_equal(run_child(NULL, grow_in_little_space, *state), 0);
}

/* Once for the monitor, and once for the guest. */
static int guard_in_little_space(const void *arg)
{
	const struct pm_device_config config = {
		.addr = FIXTURE_ADDR,
		.block_size = FIXTURE_BLOCK,
		.guard = PM_GUARD_REQUIRED,
	};
	const struct ram_kind *kind = arg;
	struct pm_ram_config memory = kind->config;
	struct pm_error err = { "" };
	struct pm_device *dev = NULL;
	struct pm_ram *ram = NULL;

	fault_reset();
	set_limit(RLIMIT_AS, 3 * GIB);
	memory.max_size = 2 * GIB;
	if (pm_ram_create(&memory, &ram, &err) < 0)
		return wrong("refused", err.text);
	if (pm_device_create(&config, ram, NULL, NULL, &dev, &err) != -ENOTSUP)
		return wrong("not refused", err.text);
	if (strstr(err.text, "userfaultfd"))
		return 0; /* this host has none */
	return expect_text(err.text, "RLIMIT_AS");
}

static void limit_of_a_second_mapping_is_named(void **state)
{
	fixture_need_plain_space();
	assert_int_equal(run_child(NULL, guard_in_little_space, *state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TEST(populating_past_a_group_is_refused, anon),
		KIND_TEST(populating_past_a_group_is_refused, memfd),
		KIND_TEST(threads_stop_at_the_limit, anon),
		KIND_TEST(threads_stop_at_the_limit, memfd),
		KIND_TEST(small_parts_stop_at_the_limit, anon),
		KIND_TEST(small_parts_stop_at_the_limit, memfd),
		KIND_TEST(caches_count_as_available, anon),
		cmocka_unit_test(a_plug_past_a_group_is_busy),
		cmocka_unit_test(a_start_past_a_group_is_refused),
		KIND_TESTS(limit_of_address_space_is_named),
		KIND_TEST(limit_of_data_is_named, anon),
		KIND_TEST(limit_of_data_is_named, memfd),
		KIND_TESTS(growing_takes_no_address_space),
		KIND_TEST(limit_of_a_second_mapping_is_named, memfd),
	};

	/* A throwaway VM has no disk to write to. */
	if (access("/var/tmp", W_OK) < 0) {
		print_message("without caches_count_as_available\n");
		cmocka_set_skip_filter("caches_count_as_available*");
	}
	return cmocka_run_group_tests_name("ram_limits", tests, NULL, NULL);
}
