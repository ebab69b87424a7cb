/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A dump of the guest: its CPUs and its memory in an ELF core, written by a
 * worker while the main loop goes on.
 *
 * All is called on the main thread. From the start until it is over no vCPU
 * runs and nothing is unplugged, which the caller sees to.
 */
#ifndef VMM_DUMP_DUMP_H
#define VMM_DUMP_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "paramem.h"
#include "sink.h"

struct accel;
struct arch_dump;
struct dump;
struct guest_memory;
struct workers;

struct dump_config {
	const struct arch_dump *arch;
	struct workers *workers;
	struct accel *accel;
	unsigned int cpus;
	const struct guest_memory *memory;
	/* On the main thread, when one is over, however it ended. */
	void (*done)(void *opaque);
	void *opaque;
};

enum dump_status { DUMP_NONE, DUMP_ACTIVE, DUMP_COMPLETED, DUMP_FAILED };

/* The dump under way, or the last one. */
struct dump_info {
	enum dump_status status;
	uint64_t completed; /* bytes of guest memory that are dealt with */
	uint64_t total;
	uint64_t stored;     /* bytes that went to the file */
	bool vmcoreinfo;     /* the kernel's note was found; once completed */
	struct pm_error why; /* of a failure */
};

/* None is under way yet. 0 or -ENOMEM. */
int dump_create(const struct dump_config *config, struct dump **dump);
/* As dump_stop(), and frees it; takes NULL. */
void dump_destroy(struct dump *dump);

/*
 * Begins one. The file of a path is replaced when the dump is whole, and the
 * path is copied; a descriptor is the dump's, also when this fails: see sink.h.
 * 0, or -errno with a sentence and nothing left behind.
 */
int dump_start(struct dump *dump, const struct dump_target *target,
	       struct pm_error *err);

/* It soon is over, as a failure, if it can be; nothing happens without one. */
void dump_cancel(struct dump *dump);

/* Cancels and waits; done() comes before this returns. */
void dump_stop(struct dump *dump);

bool dump_active(const struct dump *dump);
void dump_get_info(const struct dump *dump, struct dump_info *info);

#endif /* VMM_DUMP_DUMP_H */
