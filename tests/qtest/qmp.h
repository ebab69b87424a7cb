/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A minimal client of the QEMU Machine Protocol. What breaks the protocol is
 * fatal(); an error that the peer answers is returned.
 */
#ifndef QTEST_QMP_H
#define QTEST_QMP_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "stream.h"

struct qmp {
	struct stream stream;
	json_t *greeting;
	json_t *events; /* those not yet taken, oldest first */
};

struct qmp_error {
	char class[64]; /* empty: there was none */
	char desc[512];
};

/* Takes over a connected stream, reads the greeting and negotiates. */
void qmp_open(struct qmp *qmp, const struct stream *stream);
void qmp_close(struct qmp *qmp);

/*
 * Executes a command; @args is released and may be NULL. What the peer
 * returned, for the caller to release, or NULL with the error in @error. With
 * @error NULL an error is fatal().
 */
json_t *qmp_execute(struct qmp *qmp, const char *command, json_t *args,
		    struct qmp_error *error);

/* The same with the whole line as it is to be sent: any bytes. */
json_t *qmp_execute_text(struct qmp *qmp, const char *line,
			 struct qmp_error *error);

/* Executes a command that must succeed and of which nothing is wanted. */
void qmp_do(struct qmp *qmp, const char *command, json_t *args);

/*
 * The data of the oldest event of that name, for the caller to release (an
 * empty object where it has none); NULL when none came by @deadline.
 */
json_t *qmp_try_event(struct qmp *qmp, const char *name, int64_t deadline);

/* The same; none within 30 seconds is fatal(). */
json_t *qmp_wait_event(struct qmp *qmp, const char *name);

/* Forgets the events that came. */
void qmp_drop_events(struct qmp *qmp);

#endif /* QTEST_QMP_H */
