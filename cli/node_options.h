/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What --node of `paramem run` takes, and what follows from it for the rest of
 * the machine.
 */
#ifndef CLI_NODE_OPTIONS_H
#define CLI_NODE_OPTIONS_H

#include "config/machine_config.h"

/*
 * Adds a node from KEY=VALUE parts; cuts @text up in place. -EINVAL or -ERANGE
 * with a sentence.
 */
int node_options_parse(char *text, struct numa_config *numa,
		       struct pm_error *err);

/*
 * A number of processors or a size of boot memory that is 0, for not given,
 * becomes what the nodes have, or what a machine has by default.
 */
void node_options_complete(struct machine_config *config);

#endif /* CLI_NODE_OPTIONS_H */
