/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file that a dump goes to: sparse, or a zstd stream. It has another name
 * until it is whole, so that there is never half a dump under its own, nor is
 * an older file lost for one that failed.
 *
 * Used by one thread at a time.
 */
#ifndef VMM_DUMP_SINK_H
#define VMM_DUMP_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "paramem.h"

struct dump_sink;

/* Where a dump goes, and how. */
struct dump_target {
	const char *path; /* NULL: @fd is the file */
	int fd;
	bool compress;
};

/*
 * Begins a file that will be at the path, for its owner alone to read. What is
 * there already and is not a file is refused. 0 or -errno with a sentence, as
 * everywhere below; after a failure all that can be done is to abort.
 *
 * A descriptor is the sink's from here, whatever comes of it. It has to be of a
 * regular file that can be written anywhere, and what is in that is lost: it is
 * empty after a dump that failed.
 */
int dump_sink_open(const struct dump_target *target, struct dump_sink **sink,
		   struct pm_error *err);

/* What comes next in the file: these bytes, or so many zeros. */
int dump_sink_write(struct dump_sink *sink, const void *data, uint64_t len,
		    struct pm_error *err);
int dump_sink_zeros(struct dump_sink *sink, uint64_t len, struct pm_error *err);

/* How many bytes went to the file so far, which has holes besides. */
uint64_t dump_sink_stored(const struct dump_sink *sink);

/* All is on the disk, and the file at its place. Frees the sink on success. */
int dump_sink_commit(struct dump_sink *sink, struct pm_error *err);

/* Leaves nothing behind. Takes NULL. */
void dump_sink_abort(struct dump_sink *sink);

#endif /* VMM_DUMP_SINK_H */
