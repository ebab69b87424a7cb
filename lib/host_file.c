/* SPDX-License-Identifier: BSD-3-Clause */
/* Small files in which the host tells of itself. */
#include "host_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int host_file_open(const char *root, const char *path)
{
	char full[PATH_MAX];
	int fd;

	if (snprintf(full, sizeof(full), "%s%s", root, path) >=
	    (int)sizeof(full))
		return -1;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? -errno : -1;
	return fd;
}

void host_file_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

bool host_file_text(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		return false;
	do {
		got = pread(fd, text + len, size - 1 - len, (off_t)len);
		if (got > 0)
			len += (size_t)got;
	} while ((got > 0 && len < size - 1) || (got < 0 && errno == EINTR));
	text[len] = '\0';
	return len > 0;
}

bool host_file_number(int fd, uint64_t *value)
{
	char text[32];
	char *end;
	uint64_t n;

	if (!host_file_text(fd, text, sizeof(text)))
		return false;
	if (strncmp(text, "max", 3) == 0) {
		*value = UINT64_MAX;
		return true;
	}
	n = strtoull(text, &end, 10);
	if (end == text)
		return false;
	*value = n;
	return true;
}

static const char *line_after(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : NULL;
}

bool host_text_number(const char *text, const char *name, uint64_t *value)
{
	size_t len = strlen(name);
	char *unit;

	for (const char *line = text; line; line = line_after(line)) {
		if (strncmp(line, name, len) != 0 ||
		    (line[len] != ':' && line[len] != ' '))
			continue;
		*value = strtoull(line + len + 1, &unit, 10);
		if (strncmp(unit, " kB", 3) == 0)
			*value <<= 10;
		return true;
	}
	return false;
}

bool host_text_lists(const char *list, unsigned int number)
{
	char *p = (char *)(uintptr_t)list;

	while (*p >= '0' && *p <= '9') {
		unsigned long first = strtoul(p, &p, 10);
		unsigned long last = *p == '-' ? strtoul(p + 1, &p, 10) : first;

		if (number >= first && number <= last)
			return true;
		p += *p == ',';
	}
	return false;
}
