/* SPDX-License-Identifier: BSD-3-Clause */
/* One of the two machines, and the driver of its devices. */
#ifndef COMPARE_SIDE_H
#define COMPARE_SIDE_H

#include "../mem.h"
#include "facts.h"
#include "model.h"
#include "setups.h"
#include "step.h"

enum { SIDE_PARAMEM, SIDE_QEMU, NR_SIDES };

struct side {
	struct peer *peer;
	unsigned int nr;
	struct mem mems[SETUP_DEVICES_MAX];
	struct mem_config first[SETUP_DEVICES_MAX]; /* as it was found */
	uint8_t generation[SETUP_DEVICES_MAX];      /* as last read */
	uint8_t config[SETUP_DEVICES_MAX][MEM_CONFIG_SIZE]; /* the same */
	size_t told[SETUP_DEVICES_MAX]; /* size events matched so far */
};

void side_start(struct side *side, const struct setup *setup,
		enum peer_kind kind, const char *program);
void side_stop(struct side *side);

/* Resets a device and sets it up as the step says. */
void side_renew(struct side *side, unsigned int device,
		const struct step_setup *setup);

/* The same for all after a system reset, which found them unconfigured. */
void side_renew_all(struct side *side, const struct step_setup *setup);

/* Does what the step says, up to the set-up at its end. */
void side_perform(struct side *side, const struct step *step,
		  struct facts *facts);

/* Forgets changes of the generation, interrupts and lines. */
void side_settle(struct side *side, unsigned int device);

/* Of the lines that PCI functions have: the others are the board's. */
unsigned int side_take_raises(struct side *side);
bool side_line_raised(const struct side *side);

#endif /* COMPARE_SIDE_H */
