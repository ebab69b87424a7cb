/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits of the process. */
#include "host_rlimit.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

/* How each is called: by the kernel, the shell's ulimit, and systemd. */
static const struct {
	int resource;
	const char *what, *name, *option, *unit;
} limits[] = {
	{ RLIMIT_AS, "address space", "RLIMIT_AS", "-v", "LimitAS" },
	{ RLIMIT_DATA, "private memory", "RLIMIT_DATA", "-d", "LimitDATA" },
	{ RLIMIT_FSIZE, "the length of a file", "RLIMIT_FSIZE", "-f",
	  "LimitFSIZE" },
	{ RLIMIT_MEMLOCK, "locked memory", "RLIMIT_MEMLOCK", "-l",
	  "LimitMEMLOCK" },
};

bool host_rlimit(int resource, uint64_t *limit)
{
	struct rlimit r;

	if (getrlimit((__rlimit_resource_t)resource, &r) < 0 ||
	    r.rlim_cur == RLIM_INFINITY)
		return false;
	*limit = r.rlim_cur;
	return true;
}

void host_rlimit_text(int resource, char *text, size_t size)
{
	uint64_t limit;

	text[0] = '\0';
	if (!host_rlimit(resource, &limit))
		return;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (limits[i].resource != resource)
			continue;
		snprintf(text, size,
			 "; the process may have %" PRIu64
			 " KiB of %s (%s): raise that by ulimit %s, or by %s= "
			 "of its systemd unit",
			 limit >> 10, limits[i].what, limits[i].name,
			 limits[i].option, limits[i].unit);
		return;
	}
}
