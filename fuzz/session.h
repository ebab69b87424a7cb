/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device of the library beside its model, on a host that may fail, with a
 * driver that uses what it has plugged.
 */
#ifndef FUZZ_SESSION_H
#define FUZZ_SESSION_H

#include "fuzz.h"
#include "model.h"
#include "paramem.h"

#define OFFERED (PM_F_ACPI_PXM | PM_F_UNPLUGGED_INACCESSIBLE)

struct session {
	struct input in;
	struct pm_ram *ram;
	struct pm_device *dev;
	struct model m;
	bool populates;
	bool async;
	uint64_t async_blocks; /* so many to unplug are left to the caller */
	uint64_t required;     /* features */
	bool pending;
	struct model_request waiting; /* the pending one */
	bool second_round;            /* of that */
	/* What a listener was told of: to be what is plugged. */
	struct pm_listener listener;
	bool mapped[MODEL_BLOCKS_MAX];
	/* The host, during the next step. */
	bool fails_populate;
	bool fails_listener;
	bool fails_calls;
	bool failed_ever;
	unsigned int interrupts; /* configuration changes told */
	uint64_t told_size;
};

/* The configuration comes from the input. */
void session_init(struct session *s, struct input in);
void session_finish(struct session *s);

/* After every step: the device is as the model says. */
void session_check(const struct session *s);

/* How the host misbehaves in the next step, and that it no longer does. */
void session_break_host(struct session *s);
void session_repair_host(struct session *s);
bool session_host_fails(const struct session *s);

/* A round's work for the pending request; 0 or -errno with a sentence. */
int session_work(struct session *s, struct pm_error *why);

/* Whether the pending request is to take a block away. */
bool session_takes(const struct session *s, uint64_t block);

/*
 * After a failure the model follows the device: some of what was asked for may
 * have happened, but no more than that.
 */
void session_take_over(struct session *s, const struct model *before);

/* The driver uses blocks that were plugged, and found them empty. */
void session_stamp_fresh(const struct session *s,
			 const struct model_request *r);
/* What a failed unplug may have lost is the driver's own fault. */
void session_stamp_all(const struct session *s);

#endif /* FUZZ_SESSION_H */
