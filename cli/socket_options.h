/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a machine is to listen: what --qmp, --qtest and --serial take. */
#ifndef CLI_SOCKET_OPTIONS_H
#define CLI_SOCKET_OPTIONS_H

#include "paramem.h"

/*
 * Parses "unix:PATH" with what QEMU wants after it and what is so here anyway:
 * ",server", ",server=on", ",wait=off" and ",nowait". A comma in the path is
 * written twice. Changes @text, which @path then points into; -EINVAL with a
 * sentence that names @option.
 */
int socket_options_parse(const char *option, char *text, const char **path,
			 struct pm_error *err);

#endif /* CLI_SOCKET_OPTIONS_H */
