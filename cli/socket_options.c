/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a machine is to listen. */
#include "socket_options.h"

#include <errno.h>
#include <string.h>

#define PREFIX "unix:"

/* Ends the path, in which a comma is written twice; what follows, or NULL. */
static char *end_path(char *path)
{
	char *to = path;

	for (; *path; path++) {
		if (*path == ',' && *++path != ',') {
			*to = '\0';
			return path;
		}
		*to++ = *path;
	}
	*to = '\0';
	return NULL;
}

static int check_part(const char *option, const char *part,
		      struct pm_error *err)
{
	if (!strcmp(part, "server") || !strcmp(part, "server=on") ||
	    !strcmp(part, "wait=off") || !strcmp(part, "nowait"))
		return 0;
	if (!strcmp(part, "server=off"))
		return pm_error_set(err, EINVAL,
				    "%s: a machine connects to nobody: leave "
				    "server=off out, and it listens there",
				    option);
	if (!strcmp(part, "wait") || !strcmp(part, "wait=on"))
		return pm_error_set(err, EINVAL,
				    "%s: a machine does not wait for a client: "
				    "leave '%s' out",
				    option, part);
	return pm_error_set(err, EINVAL,
			    "%s: a socket has no part '%.80s': leave it out, "
			    "or write a comma in its path twice",
			    option, part);
}

int socket_options_parse(const char *option, char *text, const char **path,
			 struct pm_error *err)
{
	char *parts, *part;
	int ret = 0;

	if (strncmp(text, PREFIX, strlen(PREFIX)))
		return pm_error_set(err, EINVAL,
				    "%s cannot be '%.100s': use unix:PATH",
				    option, text);
	*path = text + strlen(PREFIX);
	parts = end_path(text + strlen(PREFIX));
	while (!ret && (part = strsep(&parts, ",")))
		ret = check_part(option, part, err);
	return ret;
}
