/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far a resize is: one line that is drawn over again on a terminal, or a
 * plain line now and then anywhere else.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_LINE_MAX 1024

struct progress {
	const char *device;
	const char *note; /* why it does not move, or NULL */
	uint64_t from, now, target;
	int64_t began_ms;
	int64_t shown_ms;
	uint64_t shown; /* the size that the last plain line told */
	bool terminal;
	bool utf8;
	bool drawn;
};

/* Looks at standard error, where it is going to be shown. */
void progress_init(struct progress *progress, const char *device, uint64_t from,
		   uint64_t target, int64_t now_ms);

/* The line as it is at @now_ms, in at most @columns. Pure. */
void progress_line(const struct progress *progress, int64_t now_ms,
		   unsigned int columns, char line[PROGRESS_LINE_MAX]);

/* Shows where it is now; @note may be NULL. */
void progress_show(struct progress *progress, uint64_t now, const char *note);

/* Clears the line, for what comes after it. */
void progress_finish(struct progress *progress);

#endif /* CLI_PROGRESS_H */
