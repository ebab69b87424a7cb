/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who touched unplugged memory: numbers of threads, in the host's own PID
 * namespace and in one of ours, where a thread of the kernel may have a number
 * that one of our threads has, too.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "device.h"
#include "fault.h"
#include "fixture.h"
#include "guard_fault.h"
#include "host.h"
#include "ram.h"
#include "ram_kinds.h"

struct rig {
	struct pm_ram *ram;
	struct pm_device *dev;
	unsigned char *view;
	unsigned int told;
	struct pm_violation last;
};

static void on_violation(void *opaque, const struct pm_violation *v)
{
	struct rig *r = opaque;

	r->told++;
	r->last = *v;
}

static int rig_init(struct rig *r, const struct ram_kind *kind)
{
	static const struct pm_device_ops ops = { .violation = on_violation };
	const struct pm_device_config config = {
		.addr = FIXTURE_ADDR,
		.block_size = FIXTURE_BLOCK,
		.requested_size = MAX,
		.features = PM_F_UNPLUGGED_INACCESSIBLE,
		.guard = PM_GUARD_REQUIRED,
	};
	struct pm_ram_config memory = kind->config;

	memset(r, 0, sizeof(*r));
	fault_reset();
	memory.max_size = MAX;
	if (pm_ram_create(&memory, &r->ram, NULL) < 0)
		return -1;
	if (pm_device_create(&config, r->ram, &ops, r, &r->dev, NULL) < 0) {
		pm_ram_destroy(r->ram);
		return -1;
	}
	r->view = pm_device_memory(r->dev);
	return 0;
}

static void rig_finish(struct rig *r)
{
	pm_device_destroy(r->dev);
	pm_ram_destroy(r->ram);
}

struct toucher {
	unsigned char *at;
	pid_t tid;
};

static void *touch(void *opaque)
{
	struct toucher *t = opaque;

	t->tid = gettid();
	__atomic_store_n(t->at, 0x77, __ATOMIC_RELAXED);
	return NULL;
}

/* A write by a thread of this process; returns its number. */
static pid_t write_by_thread(struct rig *r)
{
	struct pollfd p = { .fd = pm_device_guard_fd(r->dev),
			    .events = POLLIN };
	struct toucher t = { .at = r->view };
	pthread_t thread;

	if (pthread_create(&thread, NULL, touch, &t))
		return -1;
	while (pthread_tryjoin_np(thread, NULL) != 0) {
		if (poll(&p, 1, 1) > 0)
			pm_device_guard_handle(r->dev);
	}
	return t.tid;
}

/*
 * A read by a thread of the kernel's, which asks for a page to write. Its
 * number is one that a thread of ours has, which counts in its own namespace.
 */
static void read_by_kernel(struct rig *r)
{
	const struct uffd_fault fault = {
		.address = (uintptr_t)r->view + FIXTURE_BLOCK,
		.write = true,
		.missing = true,
		.thread = gettid(),
	};

	guard_fault(&r->dev->memory.guard.user, &fault);
}

static int check(const struct rig *r, unsigned int told, pid_t thread)
{
	if (r->told == told && (!told || r->last.thread == thread))
		return 0;
	print_message("told %u, not %u times; thread %d, not %d\n", r->told,
		      told, (int)r->last.thread, (int)thread);
	return 1;
}

static void the_thread_is_told(void **state)
{
	struct rig r;
	pid_t tid;

	kind_need(*state);
	if (!this_host()->first_pids || rig_init(&r, *state) < 0)
		skip();
	tid = write_by_thread(&r);
	assert_int_equal(check(&r, 1, tid), 0);
	assert_int_equal(pm_device_guard_recall(r.dev), 0);
	assert_int_equal(check(&r, 1, tid), 0);
	rig_finish(&r);
}

/* In a new PID namespace: the first process of it. */
static int in_container(const struct ram_kind *kind)
{
	struct rig r;
	int bad;

	if (rig_init(&r, kind) < 0)
		return 77;
	bad = r.ram->sys->first_pids;
	if (kind->config.backend != PM_RAM_ANON) {
		read_by_kernel(&r);
		bad |= pm_device_guard_recall(r.dev) < 0;
		bad |= check(&r, 0, 0);
	}
	/* A write is told, if late, and not as anybody's. */
	write_by_thread(&r);
	bad |= pm_device_guard_recall(r.dev) < 0;
	bad |= check(&r, 1, 0);
	/* Where reading is not allowed, at once. */
	pm_device_accept_features(r.dev, PM_F_UNPLUGGED_INACCESSIBLE);
	write_by_thread(&r);
	bad |= check(&r, 2, 0);
	rig_finish(&r);
	return bad;
}

static int container_parent(const struct ram_kind *kind)
{
	int status = 1;
	pid_t pid;

	if (unshare(CLONE_NEWPID) < 0)
		return 77;
	pid = fork();
	if (!pid)
		_exit(in_container(kind));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}

static void a_number_of_the_kernel_is_nobodys(void **state)
{
	int status = 1;
	pid_t pid;

	kind_need(*state);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(container_parent(*state));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("needs to make a PID namespace, and a guard\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(the_thread_is_told),
		KIND_TESTS(a_number_of_the_kernel_is_nobodys),
	};

	return cmocka_run_group_tests_name("guard_pids", tests, NULL, NULL);
}
