/* SPDX-License-Identifier: BSD-3-Clause */
/* One userfaultfd, several who use it: each hears of its own range alone. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "fixture.h"
#include "uffd.h"

#define NEEDS UFFD_FEATURE_THREAD_ID

/* Answers each fault with a page of zeros, and counts. */
struct watcher {
	struct uffd_user user;
	struct uffd *uffd;
	unsigned char *memory;
	unsigned int faults;
	uintptr_t last;
};

static void on_fault(struct uffd_user *user, const struct uffd_fault *fault)
{
	struct watcher *w = (struct watcher *)user;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	w->faults++;
	w->last = fault->address;
	uffd_zero(w->uffd->fd, (void *)(fault->address & -page), page);
}

static void start_or_skip(struct uffd *u)
{
	const char *lack = NULL;

	uffd_init(u);
	if (uffd_open(u, NEEDS, 0, &lack) < 0) {
		print_message("%s\n", lack);
		skip();
	}
}

static unsigned char *map(uint64_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

static void watch(struct watcher *w, struct uffd *u)
{
	*w = (struct watcher){ .uffd = u, .memory = map(MIB) };
	w->user = (struct uffd_user){
		.start = w->memory,
		.size = MIB,
		.fault = on_fault,
	};
	assert_int_equal(uffd_register(u->fd, w->memory, MIB,
				       UFFDIO_REGISTER_MODE_MISSING),
			 0);
	uffd_add_user(u, &w->user);
}

struct touch {
	const volatile unsigned char *at;
	atomic_bool done;
};

static void *touch(void *opaque)
{
	struct touch *t = opaque;

	assert_int_equal(*t->at, 0);
	t->done = true;
	return NULL;
}

/* Has another thread read a byte, and handles what comes of it. */
static void read_from_elsewhere(struct uffd *u, const unsigned char *at)
{
	struct touch t = { .at = at };
	struct pollfd p = { .fd = u->fd, .events = POLLIN };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, touch, &t), 0);
	while (!t.done) {
		poll(&p, 1, 10);
		uffd_handle(u);
	}
	pthread_join(thread, NULL);
}

static void each_hears_of_its_own(void **state)
{
	struct watcher a, b;
	struct uffd u;

	(void)state;
	start_or_skip(&u);
	watch(&a, &u);
	watch(&b, &u);
	read_from_elsewhere(&u, a.memory);
	read_from_elsewhere(&u, b.memory + MIB - 1);
	read_from_elsewhere(&u, b.memory + 5);
	assert_int_equal(a.faults, 1);
	assert_int_equal(b.faults, 2);
	assert_int_equal((b.last - (uintptr_t)b.memory) >> 12, 0);

	/* Who is left goes on hearing. */
	uffd_remove_user(&u, &b.user);
	uffd_remove_user(&u, &b.user);
	read_from_elsewhere(&u, a.memory + MIB / 2);
	assert_int_equal(a.faults, 2);
	munmap(a.memory, MIB);
	munmap(b.memory, MIB);
	uffd_close(&u);
}

/* A fault that was under way when its user left. */
static void nobody_is_left_waiting(void **state)
{
	struct touch t = { .at = NULL };
	struct watcher a;
	struct uffd u;
	struct pollfd p;
	pthread_t thread;

	(void)state;
	start_or_skip(&u);
	watch(&a, &u);
	t.at = a.memory;
	p = (struct pollfd){ .fd = u.fd, .events = POLLIN };
	assert_int_equal(pthread_create(&thread, NULL, touch, &t), 0);
	while (poll(&p, 1, 1000) != 1)
		continue;
	uffd_remove_user(&u, &a.user);
	/* Not watched any more, but this thread waits until it is woken. */
	assert_int_equal(uffd_unregister(u.fd, a.memory, MIB), 0);
	while (!t.done) {
		poll(&p, 1, 10);
		uffd_handle(&u);
	}
	pthread_join(thread, NULL);
	assert_int_equal(a.faults, 0);
	munmap(a.memory, MIB);
	uffd_close(&u);
}

static void second_user_finds_it_open(void **state)
{
	const char *lack = NULL;
	struct uffd u;
	int fd;

	(void)state;
	start_or_skip(&u);
	fd = u.fd;
	assert_int_equal(uffd_open(&u, NEEDS, 0, &lack), 0);
	assert_int_equal(u.fd, fd);
	assert_null(lack);
	assert_int_equal(uffd_open(&u, UINT64_C(1) << 63, 0, &lack), -ENOTSUP);
	assert_non_null(strstr(lack, "in use already"));
	assert_int_equal(u.fd, fd);
	uffd_close(&u);
	uffd_close(&u);
	assert_int_equal(u.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_hears_of_its_own),
		cmocka_unit_test(nobody_is_left_waiting),
		cmocka_unit_test(second_user_finds_it_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
