/* SPDX-License-Identifier: BSD-3-Clause */
/* A machine from its start to its end, with all that steers and observes it. */
#include "monitor.h"

#include "machine/machine.h"
#include "qmp/qmp.h"

int monitor_run(const struct machine_config *config,
		void (*created)(const struct machine_config *config),
		bool *killed, struct pm_error *err)
{
	struct machine *machine;
	struct qmp *qmp;
	int ret;

	ret = machine_create(config, &machine, err);
	if (ret)
		return ret;
	/* Now, so that a machine that can be reached is a whole one. */
	ret = qmp_create(machine, &qmp, err);
	if (!ret) {
		if (created)
			created(config);
		ret = machine_run(machine, err);
		*killed = machine_was_killed(machine);
		qmp_destroy(qmp);
	}
	machine_destroy(machine);
	return ret;
}
