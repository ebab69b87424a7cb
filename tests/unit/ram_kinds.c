/* SPDX-License-Identifier: BSD-3-Clause */
/* The same tests for every back end. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"
#include "host.h"
#include "ram_kinds.h"

const struct ram_kind kind_anon = { "anon", { .backend = PM_RAM_ANON } };
const struct ram_kind kind_memfd = { "memfd", { .backend = PM_RAM_MEMFD } };
const struct ram_kind kind_hugetlb = {
	"hugetlb",
	{ .backend = PM_RAM_HUGETLB, .page_size = UNIT },
};

struct pm_host *this_host(void)
{
	static struct pm_host *host;

	if (!host)
		assert_int_equal(pm_host_create(&host, NULL), 0);
	return host;
}

bool free_huge_pages(uint64_t *count)
{
	const struct host_pool *pool =
		host_pool_find(&this_host()->pools, UNIT);

	return pool && host_pool_free(pool, count);
}

void kind_need(const struct ram_kind *kind)
{
	uint64_t pages = 0;

	if (kind->config.backend != PM_RAM_HUGETLB)
		return;
	if (free_huge_pages(&pages) && pages >= MAX / UNIT)
		return;
	print_message("needs %d free huge pages of 2 MiB, there are %" PRIu64
		      "\n",
		      (int)(MAX / UNIT), pages);
	skip();
}

struct pm_ram *kind_create(const struct ram_kind *kind, uint64_t max)
{
	struct pm_ram_config config = kind->config;
	struct pm_ram *ram = NULL;
	struct pm_error err;

	kind_need(kind);
	fault_reset();
	config.max_size = max;
	assert_int_equal(pm_ram_create(&config, &ram, &err), 0);
	return ram;
}

struct pm_ram *kind_create_sized(const struct ram_kind *kind, uint64_t max,
				 uint64_t size)
{
	struct pm_ram *ram = kind_create(kind, max);

	assert_int_equal(pm_ram_resize(ram, size, NULL), 0);
	return ram;
}

uint64_t ram_backing(struct pm_ram *ram, uint64_t size)
{
	struct stat st;

	if (pm_ram_fd(ram) < 0)
		return resident_pages(pm_ram_host(ram), size) *
		       (uint64_t)getpagesize();
	assert_int_equal(fstat(pm_ram_fd(ram), &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

void assert_zeros(const unsigned char *p, uint64_t size)
{
	for (uint64_t i = 0; i < size; i += (uint64_t)getpagesize())
		assert_int_equal(p[i], 0);
	assert_int_equal(p[size - 1], 0);
}

/* ---- what the kernel thinks of the reservation -------------------------- */

static void count_flags(const char *flags, uint64_t size,
			struct ram_mappings *m)
{
	m->charged += strstr(flags, " ac") ? size : 0;
	m->dumped += strstr(flags, " dd") ? 0 : size;
	m->locked += strstr(flags, " lo") ? size : 0;
	m->no_thp += strstr(flags, " nh") ? size : 0;
}

bool ram_mappings(struct pm_ram *ram, struct ram_mappings *m)
{
	uint64_t start = (uintptr_t)pm_ram_host(ram);
	uint64_t end = start + pm_ram_max_size(ram);
	uint64_t from, to, size = 0;
	FILE *file = fopen("/proc/self/smaps", "r");
	char line[512];

	memset(m, 0, sizeof(*m));
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2) {
			from = from < start ? start : from;
			to = to > end ? end : to;
			size = from < to ? to - from : 0;
			m->count += size != 0;
		} else if (strncmp(line, "VmFlags:", 8) == 0) {
			count_flags(line + 8, size, m);
		}
	}
	fclose(file);
	return m->count != 0;
}

static unsigned int count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned int n = 0;
	int c;

	assert_non_null(file);
	while ((c = fgetc(file)) != EOF)
		n += c == '\n';
	fclose(file);
	return n;
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

struct footprint footprint(void)
{
	return (struct footprint){
		.mappings = count_mappings(),
		.fds = count_fds(),
	};
}
