/* SPDX-License-Identifier: BSD-3-Clause */
/* What was asked for at creation holds for all that becomes accessible. */
#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"
#include "ram_kinds.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED false
#endif

/* Creates memory and takes it through growth, shrinking and growth. */
static struct pm_ram *create_resized(const struct pm_ram_config *config)
{
	struct pm_ram *ram = NULL;
	struct pm_error err;

	fault_reset();
	assert_int_equal(pm_ram_create(config, &ram, &err), 0);
	assert_int_equal(pm_ram_resize(ram, 4 * UNIT, &err), 0);
	assert_int_equal(pm_ram_resize(ram, UNIT, &err), 0);
	assert_int_equal(pm_ram_resize(ram, 8 * UNIT, &err), 0);
	return ram;
}

static struct pm_ram_config config_of(void **state)
{
	struct pm_ram_config config = ((const struct ram_kind *)*state)->config;

	kind_need(*state);
	config.max_size = MAX;
	return config;
}

static struct ram_mappings mappings_of(struct pm_ram *ram)
{
	struct ram_mappings m;

	if (!ram_mappings(ram, &m))
		skip();
	/* Of huge pages, one more for each growth. */
	assert_in_range(m.count, 1, 3);
	return m;
}

/* ---- dumps and transparent huge pages ------------------------------------ */

static void dump_is_a_choice(void **state)
{
	struct pm_ram_config config = config_of(state);
	struct pm_ram *ram = create_resized(&config);

	assert_int_equal(mappings_of(ram).dumped, 0);
	pm_ram_destroy(ram);
	config.dump = true;
	ram = create_resized(&config);
	assert_int_equal(mappings_of(ram).dumped, MAX);
	pm_ram_destroy(ram);
}

static void thp_is_a_choice(void **state)
{
	struct pm_ram_config config = config_of(state);
	struct pm_ram *ram;

	if (access("/sys/kernel/mm/transparent_hugepage", F_OK) < 0) {
		print_message("this kernel has no transparent huge pages\n");
		skip();
	}
	ram = create_resized(&config);
	assert_int_equal(mappings_of(ram).no_thp, 0);
	pm_ram_destroy(ram);
	config.thp = PM_THP_OFF;
	ram = create_resized(&config);
	assert_int_equal(mappings_of(ram).no_thp, MAX);
	pm_ram_destroy(ram);
}

/* ---- locking -------------------------------------------------------------- */

static struct pm_ram *create_locked(void **state)
{
	struct pm_ram_config config = config_of(state);
	struct rlimit limit;

	config.lock = true;
	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (geteuid() != 0 && limit.rlim_cur < MAX) {
		print_message("needs %d MiB that may be locked\n",
			      (int)(MAX / MIB));
		skip();
	}
	return create_resized(&config);
}

static void locks_what_is_accessible(void **state)
{
	struct pm_ram *ram = create_locked(state);

	assert_int_equal(mappings_of(ram).locked, 8 * UNIT);
	/* On fault: what nobody touched is not there. */
	assert_int_equal(ram_backing(ram, 8 * UNIT), 0);
	pm_ram_resize(ram, 2 * UNIT, NULL);
	assert_int_equal(mappings_of(ram).locked, 2 * UNIT);
	pm_ram_resize(ram, 0, NULL);
	assert_int_equal(mappings_of(ram).locked, 0);
	pm_ram_destroy(ram);
}

static void locked_memory_can_be_discarded(void **state)
{
	struct pm_ram *ram = create_locked(state);

	assert_int_equal(pm_ram_populate(ram, 0, 8 * UNIT, NULL), 0);
	assert_int_equal(pm_ram_discard(ram, UNIT, 4 * UNIT), 0);
	assert_int_equal(ram_backing(ram, 8 * UNIT), 4 * UNIT);
	assert_int_equal(mappings_of(ram).locked, 8 * UNIT);
	pm_ram_destroy(ram);
}

static void locked_memory_on_old_kernels(void **state)
{
	struct pm_ram *ram;

	if (SANITIZED) {
		print_message("under ASan, munlock(2) does nothing\n");
		skip();
	}
	ram = create_locked(state);
	assert_int_equal(pm_ram_populate(ram, 0, 8 * UNIT, NULL), 0);
	fault_fail(FAULT_DONTNEED, 1, EINVAL);
	assert_int_equal(pm_ram_discard(ram, UNIT, 4 * UNIT), 0);
	assert_int_equal(ram_backing(ram, 8 * UNIT), 4 * UNIT);
	assert_int_equal(mappings_of(ram).locked, 8 * UNIT);
	/* Each step of the long way may fail. */
	fault_fail(FAULT_DONTNEED, 1, EINVAL);
	fault_fail(FAULT_MUNLOCK, 1, ENOMEM);
	assert_int_equal(pm_ram_discard(ram, UNIT, UNIT), -ENOMEM);
	fault_fail(FAULT_DONTNEED, 1, EINVAL);
	fault_fail(FAULT_MLOCK2, 1, ENOMEM);
	assert_int_equal(pm_ram_discard(ram, UNIT, UNIT), -EAGAIN);
	pm_ram_destroy(ram);
}

static void huge_pages_need_no_lock(void **state)
{
	struct pm_ram_config config = config_of(state);
	struct pm_ram *ram;

	config.lock = true;
	ram = create_resized(&config);
	assert_int_equal(fault_calls(FAULT_MLOCK2), 0);
	assert_int_equal(pm_ram_populate(ram, 0, 2 * UNIT, NULL), 0);
	assert_int_equal(pm_ram_discard(ram, 0, 2 * UNIT), 0);
	pm_ram_destroy(ram);
}

/* In a process of its own, without privileges and with a low limit. */
static int lock_past_the_limit(const struct pm_ram_config *config)
{
	const struct rlimit low = { UNIT, UNIT };
	struct pm_error err = { "" };
	struct pm_ram *ram;

	if (setrlimit(RLIMIT_MEMLOCK, &low) < 0)
		return 10;
	if (geteuid() == 0 && setuid(65534) < 0)
		return 11;
	if (pm_ram_create(config, &ram, &err) < 0)
		return 12;
	if (pm_ram_resize(ram, UNIT, &err) < 0)
		return 13;
	if (pm_ram_resize(ram, 2 * UNIT, &err) != -ENOMEM)
		return 14;
	if (!strstr(err.text, "RLIMIT_MEMLOCK") ||
	    !strstr(err.text, "2048 KiB"))
		return 15;
	if (pm_ram_size(ram) != UNIT ||
	    can_read((char *)pm_ram_host(ram) + UNIT))
		return 16;
	pm_ram_destroy(ram);
	return 0;
}

static void lock_limit_is_a_sentence(void **state)
{
	struct pm_ram_config config = config_of(state);
	int status;
	pid_t pid;

	fault_reset();
	config.lock = true;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(lock_past_the_limit(&config));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- NUMA ----------------------------------------------------------------- */

struct policy {
	int mode;
	unsigned long nodes[PM_NUMA_NODES_MAX / 64];
};

/*
 * The policy of the page at an address; false where the kernel has none. Six
 * arguments, since that is what the double of syscall(2) takes off the stack.
 */
static bool policy_at(const unsigned char *addr, struct policy *p)
{
	memset(p, 0, sizeof(*p));
	return syscall(SYS_get_mempolicy, &p->mode, p->nodes,
		       (unsigned long)PM_NUMA_NODES_MAX + 1, addr,
		       (unsigned long)MPOL_F_ADDR, 0ul) == 0;
}

static void need_numa(void)
{
	struct policy p;

	if (policy_at((const unsigned char *)&p, &p))
		return;
	print_message("this kernel has no NUMA policies\n");
	skip();
}

static void check_policy(void **state, enum pm_numa_policy wish, int mode)
{
	struct pm_ram_config config = config_of(state);
	unsigned char *host;
	struct pm_ram *ram;
	struct policy p;

	config.policy = wish;
	config.nodes[0] = 1;
	ram = create_resized(&config);
	host = pm_ram_host(ram);
	for (uint64_t at = 0; at < 8 * UNIT; at += UNIT) {
		assert_true(policy_at(host + at, &p));
		assert_int_equal(p.mode, mode);
		assert_int_equal(p.nodes[0], 1);
	}
	mappings_of(ram);
	assert_int_equal(pm_ram_populate(ram, 0, 8 * UNIT, NULL), 0);
	pm_ram_destroy(ram);
}

static void numa_policy_is_of_all(void **state)
{
	need_numa();
	check_policy(state, PM_NUMA_BIND, MPOL_BIND);
	check_policy(state, PM_NUMA_PREFERRED, MPOL_PREFERRED);
	check_policy(state, PM_NUMA_INTERLEAVE, MPOL_INTERLEAVE);
}

static void expect_refusal(const struct pm_ram_config *config,
			   const char *sentence)
{
	struct pm_error err = { "" };
	struct pm_ram *ram = NULL;

	assert_int_equal(pm_ram_create(config, &ram, &err), -EINVAL);
	assert_string_equal(err.text, sentence);
	assert_null(ram);
}

static void numa_nodes_are_checked(void **state)
{
	struct pm_ram_config config = { .max_size = MAX };

	(void)state;
	fault_reset();
	config.policy = PM_NUMA_BIND;
	expect_refusal(&config, "A NUMA policy needs at least one node");
	config.nodes[1023 / 64] = UINT64_C(1) << 1023 % 64;
	if (access("/sys/devices/system/node/online", F_OK) == 0)
		expect_refusal(&config, "This host has no NUMA node 1023");
	config.policy = PM_NUMA_NONE;
	expect_refusal(&config, "NUMA nodes need a policy: bind, preferred or "
				"interleave");
	config.policy = (enum pm_numa_policy)7;
	expect_refusal(&config, "There is no NUMA policy number 7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(dump_is_a_choice),
		KIND_TEST(thp_is_a_choice, anon),
		KIND_TEST(thp_is_a_choice, memfd),
		KIND_TEST(locks_what_is_accessible, anon),
		KIND_TEST(locks_what_is_accessible, memfd),
		KIND_TEST(locked_memory_can_be_discarded, anon),
		KIND_TEST(locked_memory_can_be_discarded, memfd),
		KIND_TEST(locked_memory_on_old_kernels, anon),
		KIND_TEST(huge_pages_need_no_lock, hugetlb),
		KIND_TEST(lock_limit_is_a_sentence, anon),
		KIND_TEST(lock_limit_is_a_sentence, memfd),
		KIND_TESTS(numa_policy_is_of_all),
		cmocka_unit_test(numa_nodes_are_checked),
	};

	return cmocka_run_group_tests_name("ram_settings", tests, NULL, NULL);
}
