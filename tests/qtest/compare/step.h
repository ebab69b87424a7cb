/* SPDX-License-Identifier: BSD-3-Clause */
/* One step of a sequence, the same for both sides. */
#ifndef COMPARE_STEP_H
#define COMPARE_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum step_kind {
	STEP_REQUEST,   /* one, the plain way */
	STEP_PIECES,    /* one, framed oddly */
	STEP_BATCH,     /* several in one notification */
	STEP_MALFORMED, /* a batch whose last is malformed, then a reset */
	STEP_RESIZE,    /* the requested size, over QMP */
	STEP_DEVICE_RESET,
	STEP_SYSTEM_RESET,
	STEP_PROBE, /* a fixed exchange, see probes.h; then a reset */
	NR_STEP_KINDS,
};

enum { STEP_REQUESTS_MAX = 8 };

enum fault {
	FAULT_NONE,
	FAULT_SHORT_REQUEST,
	FAULT_SHORT_ANSWER,
	FAULT_UNKNOWN_TYPE,
	NR_FAULTS,
};

struct step_request {
	uint16_t type;
	uint16_t nb_blocks;
	uint64_t addr; /* from the start of the region, modulo 2^64 */
	bool absolute; /* or from address 0 */
};

struct step_framing {
	uint32_t out_each, in_each; /* bytes of each descriptor */
	uint32_t in_total;          /* room for the answer */
	bool indirect;
};

/* How the driver sets the device up again after a reset. */
struct step_setup {
	uint16_t queue_size;
	bool indirect, inaccessible; /* features to accept */
	uint64_t shift;              /* of everything in guest memory */
};

struct step {
	enum step_kind kind;
	unsigned int device;
	unsigned int nr; /* requests */
	struct step_request requests[STEP_REQUESTS_MAX];
	enum fault fault; /* of the last request */
	struct step_framing framing;
	uint64_t size; /* of STEP_RESIZE */
	unsigned int probe;
	struct step_setup setup; /* where the step ends in a new one */
};

/* Whether the device has to be set up again at the end. */
bool step_renews(const struct step *step);

/* One line for a person, without its end. */
void step_describe(const struct step *step, char *text, size_t size);

#endif /* COMPARE_STEP_H */
