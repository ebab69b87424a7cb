/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every system call of every operation made to fail once: the first, the
 * second, and so on until the operation no longer makes as many. After each
 * failure the memory is what it was, and nothing has leaked.
 */
#include <errno.h>
#include <string.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"
#include "ram_kinds.h"

#define SMALL (2 * UNIT)
#define LARGE (4 * UNIT)

/* Locked, bound to a node and kept out of dumps: all calls there are. */
static struct pm_ram_config everything(const struct ram_kind *kind)
{
	struct pm_ram_config config = kind->config;

	kind_need(kind);
	config.max_size = MAX;
	config.lock = true;
	config.policy = PM_NUMA_PREFERRED;
	config.nodes[0] = 1;
	return config;
}

/* All works without advice about huge pages, and where the host tells nothing. */
static bool harmless(enum fault_call call)
{
	return call == FAULT_ADVICE || call == FAULT_OPEN ||
	       call == FAULT_PREAD;
}

/* ---- create --------------------------------------------------------------- */

static void check_nothing_left(struct footprint before)
{
	struct footprint now = footprint();

	assert_int_equal(now.mappings, before.mappings);
	assert_int_equal(now.fds, before.fds);
}

/* True while there was an n-th call to make fail. */
static bool create_step(const struct pm_ram_config *config, unsigned int nth)
{
	struct pm_error err = { "" };
	struct pm_ram *ram = NULL;
	bool was_hit;
	int ret;

	fault_reset();
	fault_fail_any(nth, EDOM);
	ret = pm_ram_create(config, &ram, &err);
	was_hit = fault_hit() != NR_FAULTS;
	if (!was_hit || harmless(fault_hit()))
		assert_true(ret == 0 || ret == -EDOM);
	else
		assert_int_equal(ret, -EDOM);
	if (ret < 0) {
		assert_null(ram);
		assert_int_not_equal(err.text[0], '\0');
	}
	pm_ram_destroy(ram);
	return was_hit;
}

static void create_leaks_nothing(void **state)
{
	const struct pm_ram_config config = everything(*state);
	struct footprint before;
	unsigned int nth = 1;

	footprint(); /* what the C library allocates for itself, it has now */
	create_step(&config, 1000);
	before = footprint();
	while (create_step(&config, nth)) {
		check_nothing_left(before);
		nth++;
	}
	check_nothing_left(before);
	assert_true(nth > 4);
}

/* ---- resize --------------------------------------------------------------- */

struct walk {
	struct pm_ram *ram;
	struct footprint before;
};

static void walk_init(struct walk *w, void **state, uint64_t size)
{
	const struct pm_ram_config config = everything(*state);

	fault_reset();
	w->ram = NULL;
	assert_int_equal(pm_ram_create(&config, &w->ram, NULL), 0);
	assert_int_equal(pm_ram_resize(w->ram, size, NULL), 0);
	assert_int_equal(pm_ram_populate(w->ram, 0, size, NULL), 0);
	memset(pm_ram_host(w->ram), 0x77, size);
	w->before = footprint();
}

static void check_contents(struct walk *w, uint64_t size)
{
	const unsigned char *host = pm_ram_host(w->ram);

	for (uint64_t i = 0; i < size; i += 4096)
		assert_int_equal(host[i], 0x77);
}

/* The memory is as walk_init() left it, whatever failed. */
static void check_unchanged(struct walk *w, uint64_t size)
{
	struct ram_mappings m;

	assert_int_equal(pm_ram_size(w->ram), size);
	assert_int_equal(ram_backing(w->ram, size), size);
	assert_false(can_read((char *)pm_ram_host(w->ram) + size));
	check_contents(w, size);
	assert_int_equal(footprint().fds, w->before.fds);
	if (!ram_mappings(w->ram, &m))
		return;
	assert_in_range(m.count, 1, 3);
	if (m.locked)
		assert_int_equal(m.locked, size);
}

/* A closed range may lack settings; once it is open, it has them. */
static void check_settings_return(struct walk *w)
{
	struct ram_mappings m;

	assert_int_equal(pm_ram_resize(w->ram, MAX, NULL), 0);
	if (ram_mappings(w->ram, &m))
		assert_int_equal(m.dumped, 0);
}

static bool resize_step(struct walk *w, uint64_t from, uint64_t to,
			unsigned int nth, bool *changed)
{
	struct pm_error err = { "" };
	enum fault_call hit;
	int ret;

	fault_reset();
	fault_fail_any(nth, EDOM);
	ret = pm_ram_resize(w->ram, to, &err);
	hit = fault_hit();
	fault_fail_any(0, 0);
	*changed = ret == 0;
	if (ret < 0) {
		assert_int_equal(ret, -EDOM);
		assert_int_not_equal(err.text[0], '\0');
		check_unchanged(w, from);
	} else {
		assert_int_equal(pm_ram_size(w->ram), to);
		check_contents(w, to < from ? to : from);
	}
	return hit != NR_FAULTS;
}

static void growing_is_all_or_nothing(void **state)
{
	unsigned int nth = 1, failures = 0;
	bool more = true;
	struct walk w;

	walk_init(&w, state, SMALL);
	for (; more; nth++) {
		bool changed;

		more = resize_step(&w, SMALL, LARGE, nth, &changed);
		failures += !changed;
		if (changed)
			assert_int_equal(pm_ram_resize(w.ram, SMALL, NULL), 0);
		check_unchanged(&w, SMALL);
	}
	assert_true(failures >= 2);
	pm_ram_destroy(w.ram);
}

static void shrinking_is_all_or_nothing(void **state)
{
	unsigned int nth = 1, failures = 0;
	bool more = true;

	for (; more; nth++) {
		struct walk w;
		bool changed;

		walk_init(&w, state, LARGE);
		more = resize_step(&w, LARGE, SMALL, nth, &changed);
		failures += !changed;
		if (changed)
			check_unchanged(&w, SMALL);
		check_settings_return(&w);
		pm_ram_destroy(w.ram);
	}
	assert_true(failures >= 1);
}

/* ---- pages ---------------------------------------------------------------- */

static void populating_is_all_or_nothing(void **state)
{
	unsigned int nth = 1;
	bool more = true, failed;
	struct walk w;

	walk_init(&w, state, SMALL);
	assert_int_equal(pm_ram_resize(w.ram, LARGE, NULL), 0);
	for (; more; nth++) {
		struct pm_error err = { "" };
		int ret;

		fault_reset();
		fault_fail_any(nth, EDOM);
		ret = pm_ram_populate(w.ram, SMALL, LARGE - SMALL, &err);
		more = fault_hit() != NR_FAULTS;
		failed = more && !harmless(fault_hit());
		fault_fail_any(0, 0);
		assert_int_equal(ret, failed ? -EDOM : 0);
		assert_int_equal(err.text[0] == '\0', !failed);
		assert_int_equal(ram_backing(w.ram, LARGE),
				 failed ? SMALL : LARGE);
		assert_int_equal(pm_ram_discard(w.ram, SMALL, LARGE - SMALL),
				 0);
	}
	check_contents(&w, SMALL);
	pm_ram_destroy(w.ram);
}

/* The kernel without the advice, and the fall-back failing too. */
static void populating_the_old_way_fails_as_well(void **state)
{
	struct walk w;

	walk_init(&w, state, SMALL);
	assert_int_equal(pm_ram_resize(w.ram, LARGE, NULL), 0);
	fault_reset();
	fault_fail(FAULT_POPULATE, 1, EINVAL);
	fault_fail(FAULT_FALLOCATE, 1, ENOSPC);
	assert_int_equal(pm_ram_populate(w.ram, SMALL, UNIT, NULL), -ENOSPC);
	assert_int_equal(ram_backing(w.ram, LARGE), SMALL);
	pm_ram_destroy(w.ram);
}

/* Where a plain access would raise SIGBUS, pages are what is lacking. */
static void populating_never_raises_a_signal(void **state)
{
	struct pm_error err = { "" };
	struct walk w;

	walk_init(&w, state, SMALL);
	assert_int_equal(pm_ram_resize(w.ram, LARGE, NULL), 0);
	fault_reset();
	fault_fail(FAULT_POPULATE, 1, EFAULT);
	assert_int_equal(pm_ram_populate(w.ram, SMALL, UNIT, &err), -ENOMEM);
	assert_int_not_equal(err.text[0], '\0');
	assert_int_equal(ram_backing(w.ram, LARGE), SMALL);
	pm_ram_destroy(w.ram);
}

/* Interrupted is not failed. */
static void signals_do_not_matter(void **state)
{
	const struct pm_ram_config config = everything(*state);
	struct walk w;

	walk_init(&w, state, SMALL);
	fault_reset();
	fault_fail(FAULT_FALLOCATE, 1, EINTR);
	assert_int_equal(pm_ram_discard(w.ram, 0, UNIT), 0);
	fault_fail(FAULT_FALLOCATE, 1, EINTR);
	assert_int_equal(pm_ram_resize(w.ram, UNIT, NULL), 0);
	pm_ram_destroy(w.ram);
	w.ram = NULL;
	fault_fail(FAULT_FTRUNCATE, 1, EINTR);
	assert_int_equal(pm_ram_create(&config, &w.ram, NULL), 0);
	pm_ram_destroy(w.ram);
}

static void discarding_fails_aloud(void **state)
{
	unsigned int nth = 1;
	bool more = true;
	struct walk w;

	walk_init(&w, state, LARGE);
	for (; more; nth++) {
		int ret;

		fault_reset();
		fault_fail_any(nth, EDOM);
		ret = pm_ram_discard(w.ram, SMALL, LARGE - SMALL);
		more = fault_hit() != NR_FAULTS;
		fault_fail_any(0, 0);
		assert_int_equal(ret, more ? -EDOM : 0);
	}
	assert_int_equal(ram_backing(w.ram, LARGE), SMALL);
	check_contents(&w, SMALL);
	check_nothing_left(w.before);
	pm_ram_destroy(w.ram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(create_leaks_nothing),
		KIND_TESTS(growing_is_all_or_nothing),
		KIND_TESTS(shrinking_is_all_or_nothing),
		KIND_TESTS(populating_is_all_or_nothing),
		KIND_TEST(populating_the_old_way_fails_as_well, memfd),
		KIND_TEST(populating_the_old_way_fails_as_well, hugetlb),
		KIND_TESTS(populating_never_raises_a_signal),
		KIND_TEST(signals_do_not_matter, memfd),
		KIND_TEST(signals_do_not_matter, hugetlb),
		KIND_TESTS(discarding_fails_aloud),
	};

	return cmocka_run_group_tests_name("ram_faults", tests, NULL, NULL);
}
