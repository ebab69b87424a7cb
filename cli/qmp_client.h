/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of a control socket: commands and events, each with a deadline.
 */
#ifndef CLI_QMP_CLIENT_H
#define CLI_QMP_CLIENT_H

#include <stdint.h>
#include <jansson.h>

#include "paramem.h"

struct qmp_client;

/* Milliseconds of a clock that only goes forward. */
int64_t qmp_client_now(void);

/*
 * Connects to a machine by its name, or by the path of its socket when the
 * target has a slash, and negotiates. -errno with a sentence.
 */
int qmp_client_open(const char *target, struct qmp_client **client,
		    struct pm_error *err);
void qmp_client_close(struct qmp_client *client);

/*
 * Runs a command; @arguments, which may be NULL, are released here. What it
 * returned is a new reference in @result, which may be NULL. Events that come
 * meanwhile are kept. -ECONNRESET when the machine ended,
 * -ECONNABORTED when it has hung up, -ETIMEDOUT when it
 * did not answer, -EIO for an error of its own.
 */
int qmp_client_command(struct qmp_client *client, const char *command,
		       json_t *arguments, json_t **result,
		       struct pm_error *err);

/*
 * The next event, waiting for it until @deadline_ms. -ETIMEDOUT without a
 * sentence, -ECONNRESET when the machine ended.
 */
int qmp_client_event(struct qmp_client *client, int64_t deadline_ms,
		     json_t **event, struct pm_error *err);

#endif /* CLI_QMP_CLIENT_H */
