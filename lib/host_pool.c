/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's huge pages.
 *
 * Theory of operation. Where the pool is empty, or a control group may not have
 * more of it, having a page fails and nobody is killed. So nothing is asked
 * beforehand; what is here finds the reason for the sentence. A group has two
 * limits: of pages, and of pages that are reserved, which counts those as well
 * that were had without a reservation.
 */
#include "host_pool.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_file.h"

#define HUGE_PAGES_DIR "/sys/kernel/mm/hugepages"

enum { LIMIT, USAGE, RESERVED_LIMIT, RESERVED_USAGE, FILES };

/* ---- life ---------------------------------------------------------------- */

static int compare_sizes(const void *a, const void *b)
{
	uint64_t x = ((const struct host_pool *)a)->page_size;
	uint64_t y = ((const struct host_pool *)b)->page_size;

	return (x > y) - (x < y);
}

static void list_sizes(struct host_pools *pools, const char *root)
{
	const char prefix[] = "hugepages-";
	struct dirent *entry;
	char path[PATH_MAX];
	DIR *dir;

	if (snprintf(path, sizeof(path), "%s" HUGE_PAGES_DIR, root) >=
	    (int)sizeof(path))
		return;
	dir = opendir(path);
	while (dir && pools->nr < HOST_POOLS_MAX && (entry = readdir(dir))) {
		const char *size = entry->d_name + strlen(prefix);

		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		pools->pools[pools->nr++] = (struct host_pool){
			.page_size = strtoull(size, NULL, 10) << 10,
			.free_pages = -1,
			.promised = -1,
		};
	}
	if (dir)
		closedir(dir);
	qsort(pools->pools, pools->nr, sizeof(pools->pools[0]), compare_sizes);
}

static int open_number(const struct host_pool *pool, const char *root,
		       const char *what)
{
	char path[128];

	snprintf(path, sizeof(path),
		 HUGE_PAGES_DIR "/hugepages-%" PRIu64 "kB/%s",
		 pool->page_size >> 10, what);
	return host_file_open(root, path);
}

/* As the kernel writes a size in the name of a group's file. */
static void size_name(uint64_t page_size, char *text, size_t size)
{
	if (page_size >= UINT64_C(1) << 30)
		snprintf(text, size, "hugetlb.%" PRIu64 "GB", page_size >> 30);
	else if (page_size >= UINT64_C(1) << 20)
		snprintf(text, size, "hugetlb.%" PRIu64 "MB", page_size >> 20);
	else
		snprintf(text, size, "hugetlb.%" PRIu64 "KB", page_size >> 10);
}

static int open_groups(struct host_pool *pool, const char *root)
{
	static const char *const v1[FILES] = {
		"limit_in_bytes",
		"usage_in_bytes",
		"rsvd.limit_in_bytes",
		"rsvd.usage_in_bytes",
	};
	static const char *const v2[FILES] = {
		"max",
		"current",
		"rsvd.max",
		"rsvd.current",
	};
	struct host_cgroup_names names = { .controller = "hugetlb" };
	char text[2][FILES][64];
	char size[32];

	size_name(pool->page_size, size, sizeof(size));
	for (unsigned int i = 0; i < FILES; i++) {
		snprintf(text[0][i], sizeof(text[0][i]), "%s.%s", size, v1[i]);
		snprintf(text[1][i], sizeof(text[1][i]), "%s.%s", size, v2[i]);
		names.v1[i] = text[0][i];
		names.v2[i] = text[1][i];
	}
	return host_cgroup_init(&pool->groups, root, &names);
}

static int open_pool(struct host_pool *pool, const char *root)
{
	pool->free_pages = open_number(pool, root, "free_hugepages");
	if (pool->free_pages < -1)
		return pool->free_pages;
	pool->promised = open_number(pool, root, "resv_hugepages");
	if (pool->promised < -1)
		return pool->promised;
	return open_groups(pool, root);
}

static void read_default(struct host_pools *pools, const char *root)
{
	char text[HOST_FILE_MAX];
	int fd = host_file_open(root, "/proc/meminfo");

	if (host_file_text(fd, text, sizeof(text)))
		host_text_number(text, "Hugepagesize", &pools->default_size);
	host_file_close(fd);
}

int host_pools_init(struct host_pools *pools, const char *root)
{
	int ret = 0;

	list_sizes(pools, root);
	read_default(pools, root);
	for (unsigned int i = 0; i < pools->nr && !ret; i++)
		ret = open_pool(&pools->pools[i], root);
	return ret;
}

void host_pools_finish(struct host_pools *pools)
{
	while (pools->nr) {
		struct host_pool *pool = &pools->pools[--pools->nr];

		host_cgroup_finish(&pool->groups);
		host_file_close(pool->promised);
		host_file_close(pool->free_pages);
	}
}

/* ---- what it says -------------------------------------------------------- */

const struct host_pool *host_pool_find(const struct host_pools *pools,
				       uint64_t page_size)
{
	for (unsigned int i = 0; i < pools->nr; i++) {
		if (pools->pools[i].page_size == page_size)
			return &pools->pools[i];
	}
	return NULL;
}

bool host_pool_free(const struct host_pool *pool, uint64_t *count)
{
	uint64_t free_pages, promised;

	if (!host_file_number(pool->free_pages, &free_pages) ||
	    !host_file_number(pool->promised, &promised))
		return false;
	*count = free_pages > promised ? free_pages - promised : 0;
	return true;
}

/* The group whose limit leaves the least, if that is less than @left bytes. */
static bool tightest(const struct host_pool *pool, uint64_t left, char *text,
		     size_t size)
{
	const char *const reserved[] = { "", "rsvd." };
	bool unified = pool->groups.unified;
	char name[32];
	bool found = false;

	size_name(pool->page_size, name, sizeof(name));
	for (unsigned int i = 0; i < 2 * pool->groups.nr_levels; i++) {
		const struct host_cgroup_level *level =
			&pool->groups.levels[i / 2];
		unsigned int first = i % 2 ? RESERVED_LIMIT : LIMIT;
		uint64_t limit, used;

		if (!host_cgroup_limit(level, first, first + 1, &limit,
				       &used) ||
		    (limit > used ? limit - used : 0) >= left)
			continue;
		left = limit > used ? limit - used : 0;
		found = true;
		snprintf(text, size,
			 ", of which a control group may have %" PRIu64
			 " more: its limit is %" PRIu64
			 " KiB (%s/%s.%s%s); raise it",
			 left / pool->page_size, limit >> 10, level->path, name,
			 reserved[i % 2], unified ? "max" : "limit_in_bytes");
	}
	return found;
}

void host_pool_left(const struct host_pool *pool, char *text, size_t size)
{
	uint64_t pages = 0;
	int len;

	text[0] = '\0';
	if (!host_pool_free(pool, &pages))
		return;
	len = snprintf(text, size, ", and %" PRIu64 " are free", pages);
	if (len < 0 || (size_t)len >= size)
		return;
	if (!tightest(pool, pages * pool->page_size, text + len,
		      size - (size_t)len))
		snprintf(
			text + len, size - (size_t)len,
			" (vm.nr_hugepages, or the node's own number, sets how "
			"many there are)");
}
