/* SPDX-License-Identifier: BSD-3-Clause */
/* What the host says of itself: memory, huge pages, NUMA nodes. */
#include "host.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HUGE_PAGES_DIR "/sys/kernel/mm/hugepages"
#define NODES_DIR      "/sys/devices/system/node"
#define SHMEM_ENABLED  "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/* The first line of a file, without its end; false when there is none. */
static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool good;

	if (!file)
		return false;
	good = fgets(line, (int)size, file) != NULL;
	fclose(file);
	if (good)
		line[strcspn(line, "\n")] = '\0';
	return good;
}

static bool read_number(const char *path, uint64_t *value)
{
	char line[32];

	if (!read_line(path, line, sizeof(line)))
		return false;
	*value = strtoull(line, NULL, 10);
	return true;
}

/* ---- memory ------------------------------------------------------------ */

static bool meminfo_line(const char *line, const char *name, uint64_t *value)
{
	size_t len = strlen(name);
	char *unit;

	if (strncmp(line, name, len) != 0 || line[len] != ':')
		return false;
	*value = strtoull(line + len + 1, &unit, 10);
	if (strncmp(unit, " kB", 3) == 0)
		*value <<= 10;
	return true;
}

bool host_meminfo(const char *name, uint64_t *value)
{
	FILE *file = fopen("/proc/meminfo", "re");
	bool found = false;
	char line[128];

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = meminfo_line(line, name, value);
	fclose(file);
	return found;
}

/* vm.overcommit_memory=2: nothing is given beyond the commit limit. */
static bool overcommits_never(void)
{
	uint64_t mode = 0;

	return read_number("/proc/sys/vm/overcommit_memory", &mode) &&
	       mode == 2;
}

void host_memory_left(char *text, size_t size)
{
	uint64_t available, limit, committed;

	text[0] = '\0';
	if (overcommits_never() && host_meminfo("CommitLimit", &limit) &&
	    host_meminfo("Committed_AS", &committed))
		snprintf(text, size,
			 "; the host has committed %" PRIu64
			 " of at most %" PRIu64 " MiB",
			 committed >> 20, limit >> 20);
	else if (host_meminfo("MemAvailable", &available))
		snprintf(text, size, "; the host has %" PRIu64 " MiB available",
			 available >> 20);
}

/* ---- huge pages -------------------------------------------------------- */

static int compare_sizes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

size_t host_huge_page_sizes(uint64_t *sizes, size_t max)
{
	const char prefix[] = "hugepages-";
	DIR *dir = opendir(HUGE_PAGES_DIR);
	struct dirent *entry;
	size_t n = 0;

	if (!dir)
		return 0;
	while (n < max && (entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (strncmp(name, prefix, strlen(prefix)) == 0)
			sizes[n++] = strtoull(name + strlen(prefix), NULL, 10)
				     << 10;
	}
	closedir(dir);
	qsort(sizes, n, sizeof(*sizes), compare_sizes);
	return n;
}

static bool huge_page_number(uint64_t page_size, const char *what,
			     uint64_t *value)
{
	char path[128];

	snprintf(path, sizeof(path),
		 HUGE_PAGES_DIR "/hugepages-%" PRIu64 "kB/%s", page_size >> 10,
		 what);
	return read_number(path, value);
}

bool host_huge_pages_free(uint64_t page_size, uint64_t *count)
{
	uint64_t free_pages, promised;

	if (!huge_page_number(page_size, "free_hugepages", &free_pages) ||
	    !huge_page_number(page_size, "resv_hugepages", &promised))
		return false;
	*count = free_pages > promised ? free_pages - promised : 0;
	return true;
}

/* One of several words, in brackets. */
bool host_files_have_huge_pages(void)
{
	char line[128];

	return read_line(SHMEM_ENABLED, line, sizeof(line)) &&
	       !strstr(line, "[never]") && !strstr(line, "[deny]");
}

/* ---- NUMA -------------------------------------------------------------- */

/* Is @node in a list such as "0-3,8"? True of a list that is not there. */
static bool node_listed(const char *path, unsigned int node)
{
	char line[4096];
	char *p = line;

	if (!read_line(path, line, sizeof(line)))
		return true;
	while (*p >= '0' && *p <= '9') {
		unsigned long first = strtoul(p, &p, 10);
		unsigned long last = *p == '-' ? strtoul(p + 1, &p, 10) : first;

		if (node >= first && node <= last)
			return true;
		p += *p == ',';
	}
	return false;
}

enum host_node host_node(unsigned int node)
{
	if (!node_listed(NODES_DIR "/online", node))
		return HOST_NODE_ABSENT;
	if (!node_listed(NODES_DIR "/has_memory", node))
		return HOST_NODE_EMPTY;
	return HOST_NODE_GOOD;
}
