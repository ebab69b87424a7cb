/* SPDX-License-Identifier: BSD-3-Clause */
/* What every back end promises, and what is special about each. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"
#include "host.h"
#include "ram_kinds.h"
#include "random.h"

#define TIB (1024 * GIB)

static unsigned char *host_of(struct pm_ram *ram)
{
	return pm_ram_host(ram);
}

/* Writes every page of a range, having had them first. */
static void fill(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	assert_int_equal(pm_ram_populate(ram, offset, size, NULL), 0);
	memset(host_of(ram) + offset, 0x77, size);
}

/* ---- sizes -------------------------------------------------------------- */

static void reserves_far_more_than_there_is(void **state)
{
	struct pm_ram *ram = kind_create(*state, 16 * TIB);

	assert_int_equal(pm_ram_size(ram), 0);
	assert_int_equal(pm_ram_max_size(ram), 16 * TIB);
	assert_false(can_read(pm_ram_host(ram)));
	assert_int_equal(pm_ram_resize(ram, UNIT, NULL), 0);
	fill(ram, 0, UNIT);
	assert_false(can_read(host_of(ram) + UNIT));
	assert_false(can_read(host_of(ram) + 16 * TIB - 1));
	pm_ram_destroy(ram);
}

static void grows_writes_shrinks_and_grows_zeros(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, 2 * UNIT);
	unsigned char *host = pm_ram_host(ram);

	fill(ram, 0, 2 * UNIT);
	assert_int_equal(pm_ram_resize(ram, 8 * UNIT, NULL), 0);
	assert_ptr_equal(pm_ram_host(ram), host);
	fill(ram, 2 * UNIT, 6 * UNIT);
	assert_int_equal(ram_backing(ram, 8 * UNIT), 8 * UNIT);
	assert_int_equal(pm_ram_resize(ram, UNIT, NULL), 0);
	assert_int_equal(ram_backing(ram, UNIT), UNIT);
	assert_false(can_read(host + UNIT));
	assert_int_equal(pm_ram_resize(ram, 8 * UNIT, NULL), 0);
	assert_int_equal(host[UNIT - 1], 0x77);
	assert_int_equal(pm_ram_populate(ram, UNIT, 7 * UNIT, NULL), 0);
	assert_zeros(host + UNIT, 7 * UNIT);
	pm_ram_destroy(ram);
}

static void stays_two_mappings(void **state)
{
	struct pm_ram *ram = kind_create(*state, MAX);
	struct ram_mappings m;

	for (uint64_t i = 1; i < 64; i++) {
		uint64_t size = (i < 32 ? i : 64 - i) * UNIT;

		assert_int_equal(pm_ram_resize(ram, size, NULL), 0);
		if (i % 3)
			fill(ram, size - UNIT, UNIT);
		if (!ram_mappings(ram, &m))
			skip();
		/* Of huge pages, one for each growth that is still open. */
		assert_in_range(m.count, 1,
				pm_ram_page_size(ram) < UNIT ? 2
							     : size / UNIT + 1);
		assert_int_equal(m.dumped, 0);
	}
	pm_ram_destroy(ram);
}

static void only_private_memory_is_charged(void **state)
{
	const struct ram_kind *kind = *state;
	struct pm_ram *ram = kind_create_sized(kind, TIB, 4 * UNIT);
	struct ram_mappings m;

	if (!ram_mappings(ram, &m))
		skip();
	assert_int_equal(m.charged,
			 kind->config.backend == PM_RAM_ANON ? 4 * UNIT : 0);
	pm_ram_destroy(ram);
}

static void unreserved_memory_is_not_charged(void **state)
{
	const struct pm_ram_config config = {
		.max_size = MAX,
		.no_reserve = true,
	};
	struct pm_ram *ram = NULL;
	struct ram_mappings m;

	(void)state;
	fault_reset();
	assert_int_equal(pm_ram_create(&config, &ram, NULL), 0);
	assert_int_equal(pm_ram_resize(ram, 4 * UNIT, NULL), 0);
	pm_ram_resize(ram, UNIT, NULL);
	pm_ram_resize(ram, 4 * UNIT, NULL);
	if (ram_mappings(ram, &m)) {
		/* The kernel ignores the wish where it never overcommits. */
		assert_true(m.charged == 0 || m.charged == 4 * UNIT);
		assert_in_range(m.count, 1, 2);
	}
	pm_ram_destroy(ram);
}

/* ---- a model ------------------------------------------------------------ */

#define NR_STEPS 10000

/* The last byte of each unit says what was written there; 0: nothing. */
struct model {
	unsigned char tag[MAX / UNIT];
	uint64_t units;
};

static void model_resize(struct model *m, struct pm_ram *ram, uint64_t units)
{
	assert_int_equal(pm_ram_resize(ram, units * UNIT, NULL), 0);
	for (uint64_t i = units; i < MAX / UNIT; i++)
		m->tag[i] = 0;
	m->units = units;
}

static void model_write(struct model *m, struct pm_ram *ram, uint64_t unit,
			unsigned char tag)
{
	if (!m->tag[unit])
		assert_int_equal(pm_ram_populate(ram, unit * UNIT,
						 (uint64_t)UNIT, NULL),
				 0);
	host_of(ram)[unit * UNIT + UNIT - 1] = tag;
	m->tag[unit] = tag;
}

static void model_discard(struct model *m, struct pm_ram *ram, uint64_t unit)
{
	assert_int_equal(pm_ram_discard(ram, unit * UNIT, UNIT), 0);
	m->tag[unit] = 0;
}

/* Looks without having pages of the pool appear: those with a tag alone. */
static void model_check(const struct model *m, struct pm_ram *ram)
{
	unsigned char seen[MAX / UNIT] = { 0 };

	assert_int_equal(pm_ram_size(ram), m->units * UNIT);
	for (uint64_t i = 0; i < m->units; i++) {
		if (m->tag[i])
			seen[i] = host_of(ram)[i * UNIT + UNIT - 1];
	}
	assert_memory_equal(seen, m->tag, sizeof(seen));
}

static void agrees_with_a_model(void **state)
{
	struct pm_ram *ram = kind_create(*state, MAX);
	struct model m = { .units = 0 };
	struct random r;

	random_init(&r);
	for (unsigned int i = 0; i < NR_STEPS; i++) {
		model_resize(&m, ram, random_below(&r, MAX / UNIT + 1));
		if (m.units && i % 8 == 0)
			model_write(&m, ram, random_below(&r, m.units),
				    (unsigned char)(1 + i % 255));
		if (m.units && i % 16 == 0)
			model_discard(&m, ram, random_below(&r, m.units));
		model_check(&m, ram);
	}
	pm_ram_destroy(ram);
}

/* ---- pages -------------------------------------------------------------- */

static void populates_and_discards_exactly(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, 8 * UNIT);

	assert_int_equal(pm_ram_populate(ram, 2 * UNIT, 4 * UNIT, NULL), 0);
	assert_int_equal(ram_backing(ram, 8 * UNIT), 4 * UNIT);
	memset(host_of(ram) + 2 * UNIT, 0x77, 4 * UNIT);
	assert_int_equal(pm_ram_discard(ram, 3 * UNIT, 2 * UNIT), 0);
	assert_int_equal(ram_backing(ram, 8 * UNIT), 2 * UNIT);
	assert_int_equal(host_of(ram)[3 * UNIT - 1], 0x77);
	assert_int_equal(host_of(ram)[5 * UNIT], 0x77);
	assert_int_equal(pm_ram_discard(ram, 0, 8 * UNIT), 0);
	assert_int_equal(ram_backing(ram, 8 * UNIT), 0);
	pm_ram_destroy(ram);
}

static void populate_keeps_contents(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, 4 * UNIT);

	fill(ram, UNIT, UNIT);
	assert_int_equal(pm_ram_populate(ram, 0, 4 * UNIT, NULL), 0);
	assert_int_equal(host_of(ram)[UNIT], 0x77);
	pm_ram_destroy(ram);
}

static void ranges_are_checked(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, 4 * UNIT);
	uint64_t page = pm_ram_page_size(ram);
	struct pm_error err = { "" };

	assert_int_equal(pm_ram_populate(ram, 1, page, &err), -EINVAL);
	assert_int_not_equal(err.text[0], '\0');
	assert_int_equal(pm_ram_populate(ram, 0, 4 * UNIT + page, NULL),
			 -EINVAL);
	assert_int_equal(pm_ram_populate(ram, page, -page, NULL), -EINVAL);
	assert_int_equal(pm_ram_discard(ram, page / 2, page), -EINVAL);
	assert_int_equal(pm_ram_discard(ram, 4 * UNIT, page), -EINVAL);
	assert_int_equal(pm_ram_populate(ram, 4 * UNIT, 0, NULL), 0);
	assert_int_equal(pm_ram_discard(ram, 4 * UNIT, 0), 0);
	assert_int_equal(ram_backing(ram, 4 * UNIT), 0);
	pm_ram_destroy(ram);
}

/* Kernels before 5.14 do not know the advice; all works nonetheless. */
static void populates_on_old_kernels(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, 4 * UNIT);

	host_of(ram)[0] = 0x77;
	fault_fail(FAULT_POPULATE, 1, EINVAL);
	assert_int_equal(pm_ram_populate(ram, 0, 4 * UNIT, NULL), 0);
	assert_int_equal(ram_backing(ram, 4 * UNIT), 4 * UNIT);
	assert_int_equal(host_of(ram)[0], 0x77);
	pm_ram_destroy(ram);
}

/* A call that claims success is not believed. */
static void notices_what_was_not_freed(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, 4 * UNIT);

	fill(ram, 0, 4 * UNIT);
	fault_ineffective(1);
	fault_ineffective_hole(1);
	assert_int_equal(pm_ram_discard(ram, 0, 4 * UNIT), -EBUSY);
	fault_reset();
	assert_int_equal(pm_ram_discard(ram, 0, 4 * UNIT), 0);
	pm_ram_destroy(ram);
}

/* Trying would have the kernel end this process, or another. */
static void more_than_there_is_is_refused(void **state)
{
	struct pm_ram_config config = ((const struct ram_kind *)*state)->config;
	struct pm_error err = { "" };
	struct pm_ram *ram = NULL;

	fault_reset();
	config.max_size = TIB;
	config.no_reserve = true;
	assert_int_equal(pm_ram_create(&config, &ram, NULL), 0);
	if (pm_ram_resize(ram, TIB, NULL) < 0) {
		print_message("this host never overcommits\n");
		pm_ram_destroy(ram);
		return;
	}
	assert_int_equal(pm_ram_populate(ram, 0, TIB, &err), -ENOMEM);
	assert_non_null(strstr(err.text, "; the host has "));
	assert_int_equal(fault_calls(FAULT_POPULATE), 0);
	pm_ram_destroy(ram);
}

/* ---- memory files -------------------------------------------------------- */

static uint64_t file_size(struct pm_ram *ram)
{
	struct stat st;

	assert_int_equal(fstat(pm_ram_fd(ram), &st), 0);
	return (uint64_t)st.st_size;
}

static void descriptor_shows_the_memory(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, 2 * UNIT);
	unsigned char *other;

	assert_int_equal(file_size(ram), MAX);
	assert_int_equal(fcntl(pm_ram_fd(ram), F_GETFD), FD_CLOEXEC);
	pm_ram_resize(ram, 4 * UNIT, NULL);
	fill(ram, 3 * UNIT, UNIT);
	other = mmap(NULL, UNIT, PROT_READ | PROT_WRITE, MAP_SHARED,
		     pm_ram_fd(ram), (off_t)(3 * UNIT));
	assert_true(other != MAP_FAILED);
	assert_int_equal(other[UNIT - 1], 0x77);
	assert_int_equal(munmap(other, UNIT), 0);
	pm_ram_resize(ram, UNIT, NULL);
	assert_int_equal(ram_backing(ram, MAX), 0);
	pm_ram_destroy(ram);
}

/* In another process, which got the descriptor. */
static int change_length(int fd)
{
	if (ftruncate(fd, 0) == 0 || ftruncate(fd, UNIT) == 0 ||
	    ftruncate(fd, (off_t)(2 * MAX)) == 0)
		return 1;
	if (fallocate(fd, 0, (off_t)MAX, UNIT) == 0)
		return 2;
	/* Nor freeze what is in it. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0 ||
	    fcntl(fd, F_ADD_SEALS, 0x0010) == 0)
		return 3;
	return 0;
}

/* Whoever has the descriptor, no access to the memory is a signal. */
static void nobody_can_cut_the_file(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, 4 * UNIT);
	int status = -1;
	pid_t pid;

	fill(ram, 0, 4 * UNIT);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(change_length(pm_ram_fd(ram)));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (uint64_t at = 0; at < 4 * UNIT; at += 4096) {
		assert_true(can_read(host_of(ram) + at));
		assert_int_equal(host_of(ram)[at], 0x77);
	}
	assert_int_equal(status, 0);
	assert_int_equal(file_size(ram), MAX);
	assert_int_equal(pm_ram_resize(ram, UNIT, NULL), 0);
	assert_int_equal(pm_ram_resize(ram, MAX, NULL), 0);
	assert_int_equal(pm_ram_discard(ram, 0, MAX), 0);
	pm_ram_destroy(ram);
}

static void anonymous_memory_has_no_descriptor(void **state)
{
	struct pm_ram *ram = kind_create(*state, MAX);

	assert_int_equal(pm_ram_fd(ram), -ENOTSUP);
	pm_ram_destroy(ram);
}

/* Somebody else's mapping brought a page back: mincore(2) sees none here. */
static void discard_sees_pages_of_others(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, MAX, 2 * UNIT);
	const char byte = 1;

	assert_int_equal(pwrite(pm_ram_fd(ram), &byte, 1, 5 * 4096), 1);
	fault_ineffective_hole(1);
	assert_int_equal(pm_ram_discard(ram, 0, UNIT), -EBUSY);
	fault_ineffective_hole(1);
	assert_int_equal(pm_ram_discard(ram, UNIT, UNIT), 0);
	pm_ram_destroy(ram);
}

/* Asked without its signal, which would end the process. */
static void file_size_limit_is_respected(void **state)
{
	struct pm_ram_config config = ((const struct ram_kind *)*state)->config;
	struct pm_error err = { "" };
	struct pm_ram *ram = NULL;
	struct rlimit old, low;
	int ret;

	kind_need(*state);
	fault_reset();
	config.max_size = MAX;
	getrlimit(RLIMIT_FSIZE, &old);
	low = (struct rlimit){ 2 * UNIT, old.rlim_max };
	setrlimit(RLIMIT_FSIZE, &low);
	ret = pm_ram_create(&config, &ram, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(ret, -EFBIG);
	assert_null(ram);
	assert_non_null(strstr(err.text, "RLIMIT_FSIZE"));
}

static void no_descriptor_left_is_a_sentence(void **state)
{
	struct pm_ram_config config = ((const struct ram_kind *)*state)->config;
	struct pm_error err = { "" };
	struct pm_ram *ram = NULL;

	kind_need(*state);
	fault_reset();
	config.max_size = MAX;
	fault_fail(FAULT_MEMFD_CREATE, 1, EMFILE);
	assert_int_equal(pm_ram_create(&config, &ram, &err), -EMFILE);
	assert_string_equal(err.text, "Cannot create a memory file: Too many "
				      "open files");
	assert_null(ram);
}

/* ---- huge pages ---------------------------------------------------------- */

static uint64_t free_pages(void)
{
	uint64_t n = 0;

	assert_true(free_huge_pages(&n));
	return n;
}

static void pool_is_as_before(void **state)
{
	struct pm_ram *ram = kind_create_sized(*state, TIB, 8 * UNIT);
	uint64_t before = free_pages();

	fill(ram, 0, 8 * UNIT);
	assert_int_equal(free_pages(), before - 8);
	assert_int_equal(pm_ram_discard(ram, 2 * UNIT, 4 * UNIT), 0);
	assert_int_equal(free_pages(), before - 4);
	assert_int_equal(pm_ram_resize(ram, UNIT, NULL), 0);
	assert_int_equal(free_pages(), before - 1);
	pm_ram_destroy(ram);
	assert_int_equal(free_pages(), before);
}

/* All or nothing: what there was of them is free again. */
static void too_few_pages_are_refused(void **state)
{
	uint64_t before;
	struct pm_ram *ram = kind_create(*state, TIB);
	struct pm_error err = { "" };
	uint64_t size;
	char count[32];

	before = free_pages();
	size = (before + 3) * UNIT;
	assert_int_equal(pm_ram_resize(ram, size, NULL), 0);
	assert_int_equal(pm_ram_populate(ram, 0, size, &err), -ENOMEM);
	snprintf(count, sizeof(count), "and %" PRIu64 " are free", before);
	assert_non_null(strstr(err.text, count));
	assert_int_equal(free_pages(), before);
	assert_int_equal(ram_backing(ram, size), 0);
	/* The same where the kernel has no advice for it. */
	fault_fail(FAULT_POPULATE, 1, EINVAL);
	assert_true(pm_ram_populate(ram, 0, size, &err) < 0);
	assert_int_equal(free_pages(), before);
	pm_ram_destroy(ram);
}

static void block_size_is_at_least_the_page(void **state)
{
	const struct pm_device_config config = { .block_size = MIB };
	struct pm_ram *ram = kind_create(*state, MAX);
	struct pm_error err = { "" };
	struct pm_device *dev;

	assert_int_equal(pm_device_create(&config, ram, NULL, NULL, &dev, &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, "2 MiB"));
	pm_ram_destroy(ram);
}

/* No guest ever touches a page that is not there. */
static void plug_has_the_pages(void **state)
{
	const struct pm_device_config config = {
		.block_size = UNIT,
		.requested_size = TIB,
	};
	struct fixture f = { .ram = kind_create(*state, TIB) };
	uint64_t before = free_pages();

	assert_int_equal(
		pm_device_create(&config, f.ram, NULL, NULL, &f.dev, NULL), 0);
	assert_int_equal(ask(&f, PLUG, 4 * UNIT, 4), ACK);
	assert_int_equal(free_pages(), before - 4);
	assert_int_equal(ask(&f, PLUG, 16 * UNIT, (uint16_t)before), BUSY);
	assert_int_equal(free_pages(), before - 4);
	assert_int_equal(ask(&f, UNPLUG, 4 * UNIT, 4), ACK);
	assert_int_equal(free_pages(), before);
	fixture_finish(&f);
}

static void unknown_page_size_is_a_sentence(void **state)
{
	struct pm_ram_config config = {
		.backend = PM_RAM_HUGETLB,
		.page_size = 3 * MIB,
		.max_size = 6 * MIB,
	};
	struct pm_error err = { "" };
	struct pm_ram *ram = NULL;

	(void)state;
	fault_reset();
	assert_int_equal(pm_ram_create(&config, &ram, &err), -EINVAL);
	assert_non_null(strstr(err.text, "This host has no huge pages"));
	config.backend = PM_RAM_MEMFD;
	assert_int_equal(pm_ram_create(&config, &ram, &err), -EINVAL);
	config.backend = (enum pm_ram_backend)9;
	assert_int_equal(pm_ram_create(&config, &ram, &err), -EINVAL);
	assert_null(ram);
}

/* Every size of page that the host has, or the default, at least reserves. */
static void every_page_size_reserves(void **state)
{
	struct pm_ram_config config = {
		.backend = PM_RAM_HUGETLB,
		.max_size = TIB,
	};
	struct pm_ram *ram;
	uint64_t sizes[HOST_POOLS_MAX + 1];
	size_t n = this_host()->pools.nr;

	(void)state;
	fault_reset();
	if (!n)
		skip();
	for (size_t i = 0; i < n; i++)
		sizes[i] = this_host()->pools.pools[i].page_size;
	sizes[n++] = 0;
	while (n--) {
		config.page_size = sizes[n];
		assert_int_equal(pm_ram_create(&config, &ram, NULL), 0);
		if (sizes[n])
			assert_int_equal(pm_ram_page_size(ram), sizes[n]);
		assert_int_equal(
			(uintptr_t)pm_ram_host(ram) % pm_ram_page_size(ram), 0);
		assert_int_equal(
			pm_ram_resize(ram, 2 * pm_ram_page_size(ram), NULL), 0);
		assert_int_equal(pm_ram_resize(ram, 4096, NULL), -EINVAL);
		pm_ram_destroy(ram);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(reserves_far_more_than_there_is),
		KIND_TESTS(grows_writes_shrinks_and_grows_zeros),
		KIND_TESTS(stays_two_mappings),
		KIND_TESTS(only_private_memory_is_charged),
		cmocka_unit_test(unreserved_memory_is_not_charged),
		KIND_TESTS(agrees_with_a_model),
		KIND_TESTS(populates_and_discards_exactly),
		KIND_TESTS(populate_keeps_contents),
		KIND_TESTS(ranges_are_checked),
		KIND_TESTS(populates_on_old_kernels),
		KIND_TEST(more_than_there_is_is_refused, anon),
		KIND_TEST(more_than_there_is_is_refused, memfd),
		KIND_TESTS(notices_what_was_not_freed),
		KIND_TEST(nobody_can_cut_the_file, memfd),
		KIND_TEST(nobody_can_cut_the_file, hugetlb),
		KIND_TEST(descriptor_shows_the_memory, memfd),
		KIND_TEST(descriptor_shows_the_memory, hugetlb),
		KIND_TEST(anonymous_memory_has_no_descriptor, anon),
		KIND_TEST(discard_sees_pages_of_others, memfd),
		KIND_TEST(file_size_limit_is_respected, memfd),
		KIND_TEST(file_size_limit_is_respected, hugetlb),
		KIND_TEST(no_descriptor_left_is_a_sentence, memfd),
		KIND_TEST(pool_is_as_before, hugetlb),
		KIND_TEST(too_few_pages_are_refused, hugetlb),
		KIND_TEST(block_size_is_at_least_the_page, hugetlb),
		KIND_TEST(plug_has_the_pages, hugetlb),
		cmocka_unit_test(unknown_page_size_is_a_sentence),
		cmocka_unit_test(every_page_size_reserves),
	};

	return cmocka_run_group_tests_name("ram_kinds", tests, NULL, NULL);
}
