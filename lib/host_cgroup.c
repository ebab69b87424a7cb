/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control groups of this process.
 *
 * Theory of operation. /proc/self/cgroup has a line for each hierarchy, with
 * the path of our group in it, and /proc/self/mountinfo says where a hierarchy
 * is mounted, and which group of it is the root of that mount. In a container
 * both paths may be those of the host, or both begin at the container's own
 * root; in either case what follows the mount's root is where to look. Groups
 * above it limit us as well, but cannot be seen.
 *
 * Version 1 has a hierarchy for each controller, or for a few; version 2 has
 * one for those that version 1 does not have.
 */
#include "host_cgroup.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_file.h"

const struct host_cgroup_names host_cgroup_memory = {
	.controller = "memory",
	.v1 = {
		[HOST_MEMORY_LIMIT] = "memory.limit_in_bytes",
		[HOST_MEMORY_USAGE] = "memory.usage_in_bytes",
		[HOST_MEMORY_STAT] = "memory.stat",
		[HOST_MEMORY_SWAP_LIMIT] = "memory.memsw.limit_in_bytes",
		[HOST_MEMORY_SWAP_USAGE] = "memory.memsw.usage_in_bytes",
		[HOST_MEMORY_HIGH] = "memory.swappiness",
	},
	.v2 = {
		[HOST_MEMORY_LIMIT] = "memory.max",
		[HOST_MEMORY_USAGE] = "memory.current",
		[HOST_MEMORY_STAT] = "memory.stat",
		[HOST_MEMORY_SWAP_LIMIT] = "memory.swap.max",
		[HOST_MEMORY_SWAP_USAGE] = "memory.swap.current",
		[HOST_MEMORY_HIGH] = "memory.high",
	},
};

/* ---- where a group is ---------------------------------------------------- */

/* Is @word one of those that commas separate in @list? */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, word, len) == 0 &&
		    (p[len] == ',' || p[len] == '\0'))
			return true;
	}
	return false;
}

/* All of a file, to be freed; NULL when there is none. */
static char *read_all(const char *root, const char *path)
{
	int fd = host_file_open(root, path);
	size_t size = HOST_FILE_MAX;
	char *text = malloc(size);
	bool good = text && host_file_text(fd, text, size);

	/* There may be thousands of mounts. */
	while (good && strlen(text) == size - 1) {
		char *more = realloc(text, 2 * size);

		size *= 2;
		good = more;
		text = more ? more : text;
		good = good && host_file_text(fd, text, size);
	}
	host_file_close(fd);
	if (good)
		return text;
	free(text);
	return NULL;
}

/* The path of our group: a line is number:controllers:path. */
static bool group_path(char *text, const char *controller, char *path,
		       size_t size, bool *unified)
{
	bool found = false;
	char *line, *save = NULL;

	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *list = strchr(line, ':');
		char *at = list ? strchr(list + 1, ':') : NULL;

		if (!at)
			continue;
		*at = '\0';
		if (has_word(list + 1, controller))
			*unified = false;
		else if (list[1] == '\0' && !found)
			*unified = true;
		else
			continue;
		snprintf(path, size, "%s", at + 1);
		found = true;
		if (!*unified)
			break;
	}
	return found;
}

/* Blanks and backslashes are written as \040 and so on. */
static void unescape(char *text)
{
	char *to = text;

	for (char *p = text; *p; to++) {
		unsigned int code;

		if (*p == '\\' && sscanf(p + 1, "%3o", &code) == 1) {
			*to = (char)code;
			p += strlen("\\040");
		} else {
			*to = *p++;
		}
	}
	*to = '\0';
}

struct mount {
	char *root;
	char *point;
};

/*
 * A line is: id parent device root point options [more...] - type source
 * options.
 */
static bool parse_mount(char *line, const char *controller, bool unified,
			struct mount *m)
{
	char *end = strstr(line, " - ");
	char *words[5], *tail[3];
	char *save = NULL;

	if (!end)
		return false;
	*end = '\0';
	for (int i = 0; i < 5; i++) {
		words[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!words[i])
			return false;
	}
	for (int i = 0; i < 3; i++) {
		tail[i] = strtok_r(i ? NULL : end + 3, " ", &save);
		if (!tail[i])
			return false;
	}
	if (strcmp(tail[0], unified ? "cgroup2" : "cgroup") != 0 ||
	    (!unified && !has_word(tail[2], controller)))
		return false;
	unescape(words[3]);
	unescape(words[4]);
	*m = (struct mount){ .root = words[3], .point = words[4] };
	return true;
}

/* What follows @root in @path; NULL when it is not within. */
static const char *within(const char *path, const char *root)
{
	size_t len = strlen(root);

	if (strcmp(root, "/") == 0)
		return strcmp(path, "/") == 0 ? "" : path;
	if (strncmp(path, root, len) != 0 ||
	    (path[len] != '/' && path[len] != '\0'))
		return NULL;
	return path + len;
}

static bool find_mount(char *text, const char *controller, bool unified,
		       const char *path, char *own, char *top, size_t size)
{
	char *line, *save = NULL;

	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *rest;
		struct mount m;

		if (!parse_mount(line, controller, unified, &m))
			continue;
		rest = within(path, m.root);
		/* From outside of this root, no path leads to our group. */
		if (!rest || strncmp(rest, "/..", 3) == 0)
			continue;
		if (snprintf(own, size, "%s%s", m.point, rest) >= (int)size)
			continue;
		snprintf(top, size, "%s", m.point);
		return true;
	}
	return false;
}

bool host_cgroup_find(const char *root, const char *controller, char *own,
		      char *top, size_t size, bool *unified)
{
	char *groups = read_all(root, "/proc/self/cgroup");
	char *mounts = read_all(root, "/proc/self/mountinfo");
	char path[PATH_MAX];
	bool found =
		groups && mounts &&
		group_path(groups, controller, path, sizeof(path), unified) &&
		find_mount(mounts, controller, *unified, path, own, top, size);

	free(groups);
	free(mounts);
	return found;
}

/* ---- its files, and those of the groups around it ------------------------ */

static int open_level(struct host_cgroup *group, const char *root,
		      const char *dir, const struct host_cgroup_names *names)
{
	struct host_cgroup_level *level = &group->levels[group->nr_levels];
	const char *const *files = group->unified ? names->v2 : names->v1;
	char path[PATH_MAX];

	level->path = strdup(dir);
	if (!level->path)
		return -ENOMEM;
	for (unsigned int i = 0; i < HOST_CGROUP_FILES; i++)
		level->files[i] = -1;
	group->nr_levels++;
	for (unsigned int i = 0; i < HOST_CGROUP_FILES && files[i]; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", dir, files[i]) >=
		    (int)sizeof(path))
			continue;
		level->files[i] = host_file_open(root, path);
		if (level->files[i] < -1)
			return level->files[i];
	}
	return 0;
}

int host_cgroup_init(struct host_cgroup *group, const char *root,
		     const struct host_cgroup_names *names)
{
	char dir[PATH_MAX], top[PATH_MAX];
	int ret = 0;

	group->nr_levels = 0;
	if (!host_cgroup_find(root, names->controller, dir, top, sizeof(dir),
			      &group->unified))
		return 0;
	while (!ret && group->nr_levels < HOST_CGROUP_LEVELS) {
		char *slash = strrchr(dir, '/');

		ret = open_level(group, root, dir, names);
		if (strlen(dir) <= strlen(top) || !slash)
			break;
		*slash = '\0';
	}
	return ret;
}

void host_cgroup_finish(struct host_cgroup *group)
{
	while (group->nr_levels) {
		struct host_cgroup_level *level =
			&group->levels[--group->nr_levels];

		for (unsigned int i = 0; i < HOST_CGROUP_FILES; i++)
			host_file_close(level->files[i]);
		free(level->path);
	}
}

bool host_cgroup_limit(const struct host_cgroup_level *level,
		       unsigned int limit_file, unsigned int usage_file,
		       uint64_t *limit, uint64_t *used)
{
	uint64_t max;

	if (!host_file_number(level->files[limit_file], &max) ||
	    max >= HOST_CGROUP_NONE ||
	    !host_file_number(level->files[usage_file], used))
		return false;
	*limit = max;
	return true;
}
