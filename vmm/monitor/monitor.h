/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine from its start to its end, with all that steers and observes it:
 * the room above machine and control sockets, which those know nothing of.
 */
#ifndef VMM_MONITOR_MONITOR_H
#define VMM_MONITOR_MONITOR_H

#include <stdbool.h>

#include "paramem.h"

struct machine_config;

/*
 * Runs a machine until it ends, with SIGTERM, SIGINT and SIGHUP blocked
 * before. @created, which may be NULL, is called once all of it is there,
 * before its first instruction: a machine that is refused has one sentence
 * alone. 0 or -errno with a sentence; @killed says whether it ended because of
 * what the guest did to unplugged memory.
 */
int monitor_run(const struct machine_config *config,
		void (*created)(const struct machine_config *config),
		bool *killed, struct pm_error *err);

#endif /* VMM_MONITOR_MONITOR_H */
