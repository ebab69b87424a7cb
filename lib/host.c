/* SPDX-License-Identifier: BSD-3-Clause */
/* What the host says of itself: life, and memory. */
#include "host.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host_file.h"

#define SHMEM_ENABLED "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/* The inode of the first PID namespace: PID_NS_INIT_INO of linux/nsfs.h. */
#define FIRST_PID_NAMESPACE 0xeffffffcu

/* ---- life ---------------------------------------------------------------- */

static int open_files(struct pm_host *host, const char *root)
{
	const struct {
		int *fd;
		const char *path;
	} files[] = {
		{ &host->meminfo, "/proc/meminfo" },
		{ &host->overcommit, "/proc/sys/vm/overcommit_memory" },
		{ &host->pagemap, "/proc/self/pagemap" },
		{ &host->huge_files, SHMEM_ENABLED },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		*files[i].fd = host_file_open(root, files[i].path);
		if (*files[i].fd < -1)
			return *files[i].fd;
	}
	return 0;
}

/* Where it cannot be told, it is taken for another. */
static bool in_first_pid_namespace(const char *root)
{
	char path[PATH_MAX];
	struct stat st;

	return snprintf(path, sizeof(path), "%s/proc/self/ns/pid", root) <
		       (int)sizeof(path) &&
	       stat(path, &st) == 0 && st.st_ino == FIRST_PID_NAMESPACE;
}

static int set_up(struct pm_host *host, const char *root)
{
	int ret = open_files(host, root);

	host->first_pids = in_first_pid_namespace(root);
	if (!ret)
		ret = host_nodes_init(&host->nodes, root);
	if (!ret)
		ret = host_pools_init(&host->pools, root);
	if (!ret)
		ret = host_cgroup_init(&host->memory, root,
				       &host_cgroup_memory);
	return ret;
}

int host_create_at(const char *root, struct pm_host **out, struct pm_error *err)
{
	struct pm_host *host = calloc(1, sizeof(*host));
	int ret;

	if (!host)
		return pm_error_set(err, ENOMEM, "Out of memory");
	*host = (struct pm_host){
		.meminfo = -1,
		.overcommit = -1,
		.pagemap = -1,
		.huge_files = -1,
		.nodes = { .online = -1, .has_memory = -1, .status = -1 },
		.asking = ATOMIC_FLAG_INIT,
	};
	ret = set_up(host, root);
	if (ret < 0) {
		pm_host_destroy(host);
		return pm_error_set(err, -ret,
				    "Cannot open the files in which the host "
				    "tells what memory it has: %s",
				    strerror(-ret));
	}
	*out = host;
	return 0;
}

int pm_host_create(struct pm_host **host, struct pm_error *err)
{
	return host_create_at("", host, err);
}

void pm_host_destroy(struct pm_host *host)
{
	if (!host)
		return;
	host_cgroup_finish(&host->memory);
	host_pools_finish(&host->pools);
	host_nodes_finish(&host->nodes);
	host_file_close(host->huge_files);
	host_file_close(host->pagemap);
	host_file_close(host->overcommit);
	host_file_close(host->meminfo);
	free(host);
}

/* ---- memory -------------------------------------------------------------- */

bool host_meminfo(const struct pm_host *host, const char *name, uint64_t *value)
{
	char text[HOST_FILE_MAX];

	return host_file_text(host->meminfo, text, sizeof(text)) &&
	       host_text_number(text, name, value);
}

/* vm.overcommit_memory=2: nothing is given beyond the commit limit. */
static bool overcommits_never(const struct pm_host *host)
{
	uint64_t mode = 0;

	return host_file_number(host->overcommit, &mode) && mode == 2;
}

void host_memory_left(const struct pm_host *host, char *text, size_t size)
{
	uint64_t available, limit, committed;

	text[0] = '\0';
	if (overcommits_never(host) &&
	    host_meminfo(host, "CommitLimit", &limit) &&
	    host_meminfo(host, "Committed_AS", &committed))
		snprintf(text, size,
			 "; the host has committed %" PRIu64
			 " of at most %" PRIu64 " MiB",
			 committed >> 20, limit >> 20);
	else if (host_meminfo(host, "MemAvailable", &available))
		snprintf(text, size, "; the host has %" PRIu64 " MiB available",
			 available >> 20);
}

/* One of several words, in brackets. */
bool host_files_have_huge_pages(const struct pm_host *host)
{
	char line[128];

	return host_file_text(host->huge_files, line, sizeof(line)) &&
	       !strstr(line, "[never]") && !strstr(line, "[deny]");
}
