/* SPDX-License-Identifier: BSD-3-Clause */
/* The machines on which the two are compared. */
#ifndef COMPARE_SETUPS_H
#define COMPARE_SETUPS_H

#include "../peer.h"

enum { SETUP_DEVICES_MAX = 3 };

struct setup_device {
	uint64_t block_size;
	uint64_t blocks;    /* of the region */
	uint64_t requested; /* blocks at the start */
};

struct setup {
	const char *name;
	enum peer_choice inaccessible;
	unsigned int nr_devices;
	struct setup_device devices[SETUP_DEVICES_MAX];
};

/* All of them, up to one without a name. */
extern const struct setup setups[];

/* The description of one side's machine. */
void setup_peer(const struct setup *setup, enum peer_kind kind,
		const char *program, struct peer_config *config);

#endif /* COMPARE_SETUPS_H */
