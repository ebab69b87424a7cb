/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The processors: where each is in the machine, and which thread runs it, for
 * whoever pins them to the host's.
 */
#include "commands.h"

#include <stdio.h>

#include "server.h"

void qmp_cpu_place(const struct machine_config *config, unsigned int cpu,
		   struct qmp_cpu_place *place)
{
	unsigned int package = numa_package_cpus(&config->numa, config->cpus);

	*place = (struct qmp_cpu_place){
		.node = numa_node_of_cpu(&config->numa, cpu),
		.socket = cpu / package,
		.core = cpu % package,
	};
}

static json_t *cpu_info(struct machine *machine, unsigned int cpu)
{
	struct qmp_cpu_place place;
	char path[sizeof(QMP_CPU_PATH) + 16];

	qmp_cpu_place(machine_config(machine), cpu, &place);
	snprintf(path, sizeof(path), QMP_CPU_PATH, cpu);
	return json_pack("{s:i, s:s, s:I, s:s, s:{s:i, s:i, s:i, s:i}}",
			 "cpu-index", (int)cpu, "qom-path", path, "thread-id",
			 (json_int_t)machine_cpu_thread_id(machine, cpu),
			 "target", QMP_TARGET, "props", "node-id",
			 (int)place.node, "socket-id", (int)place.socket,
			 "core-id", (int)place.core, "thread-id", 0);
}

int qmp_query_cpus_fast(struct qmp_conn *conn, const json_t *args, json_t **ret,
			struct qmp_error *error)
{
	struct machine *machine = conn->qmp->machine;

	(void)args, (void)error;
	*ret = json_array();
	for (unsigned int i = 0; i < machine_config(machine)->cpus; i++)
		json_array_append_new(*ret, cpu_info(machine, i));
	return 0;
}
