/* SPDX-License-Identifier: BSD-3-Clause */
/* What pm_ram_populate() may run beside: itself, growing, discarding. */
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"
#include "ram_kinds.h"

#define NR_THREADS 4
#define PART       (4 * UNIT)
#define POPULATED  (NR_THREADS * PART)

static_assert(POPULATED <= MAX / 2, "the owner has a half of its own");

struct worker {
	pthread_t thread;
	struct pm_ram *ram;
	uint64_t offset;
	int ret;
};

/* A part in steps, as one does who may have to stop. */
static void *work(void *opaque)
{
	struct worker *w = opaque;

	for (uint64_t at = 0; at < PART && !w->ret; at += UNIT)
		w->ret = pm_ram_populate(w->ram, w->offset + at, UNIT, NULL);
	return NULL;
}

/* The owner goes on with the other half. */
static void own_work(struct pm_ram *ram)
{
	for (uint64_t size = POPULATED + UNIT; size <= MAX; size += UNIT) {
		assert_int_equal(pm_ram_resize(ram, size, NULL), 0);
		assert_int_equal(pm_ram_populate(ram, size - UNIT, UNIT, NULL),
				 0);
		assert_int_equal(pm_ram_discard(ram, size - UNIT, UNIT), 0);
	}
}

static void populates_beside_others(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, POPULATED);
	struct worker workers[NR_THREADS];

	for (unsigned int i = 0; i < NR_THREADS; i++) {
		struct worker *w = &workers[i];

		*w = (struct worker){ .ram = ram, .offset = i * PART };
		assert_int_equal(pthread_create(&w->thread, NULL, work, w), 0);
	}
	own_work(ram);
	for (unsigned int i = 0; i < NR_THREADS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_int_equal(workers[i].ret, 0);
	}
	assert_int_equal(ram_backing(ram, MAX), POPULATED);
	pm_ram_destroy(ram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(populates_beside_others),
	};

	return cmocka_run_group_tests_name("ram_threads", tests, NULL, NULL);
}
