/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine of mere words: enough of machine.h for the control socket, which
 * it counts the calls of.
 */
#ifndef TESTS_FAKE_MACHINE_H
#define TESTS_FAKE_MACHINE_H

#include "dump/dump.h"
#include "machine/machine.h"
#include "machine/observer.h"
#include "qmp/qmp.h"

struct machine {
	struct machine_config config;
	struct loop *loop;
	struct qmp *qmp;
	struct machine_observer *observers;
	enum machine_state state;
	char pause_reason[64];
	struct mem_device_info devices[MACHINE_MEM_DEVICES_MAX];
	unsigned int resets, powerdowns, quits, nmis;
	int fail_nmi; /* -errno for each */
	int fail_set; /* -errno for the next set of a requested size */
	struct dump_info dump;
	char dump_path[256];
	bool dump_compress;
	uint64_t dump_inode; /* of the descriptor that it goes to */
	unsigned int dump_cancels;
	int fail_dump; /* -errno for the next one */
	bool follow;   /* the guest does at once what is requested */
};

/* With devices vm0 (8 GiB, blocks of 2 MiB) and vm1 (1 GiB, 128 MiB). */
struct machine *fake_machine_create(const char *qmp_path);
/* Gives it two nodes: processors 0, 1, 3 with vm0, and 2 with vm1. */
void fake_machine_split(struct machine *machine);
void fake_machine_destroy(struct machine *machine);

#endif /* TESTS_FAKE_MACHINE_H */
