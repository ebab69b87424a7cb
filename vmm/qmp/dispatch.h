/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the text of a request to its reply.
 */
#ifndef VMM_QMP_DISPATCH_H
#define VMM_QMP_DISPATCH_H

#include <stddef.h>
#include <jansson.h>

#include "conn.h"

struct qmp_error;

json_t *qmp_greeting(void);

/*
 * Answers one value that framing cut out: sends exactly one reply, at once or
 * by qmp_dispatch_answer().
 */
void qmp_dispatch(struct qmp_conn *conn, const char *text, size_t len);

/*
 * Answers the request that the client waits for: @error if that has a class,
 * else @ret, which is released here.
 */
void qmp_dispatch_answer(struct qmp_conn *conn, json_t *ret,
			 const struct qmp_error *error);

/* Answers what was no value. */
void qmp_dispatch_error(struct qmp_conn *conn, const char *error);

#endif /* VMM_QMP_DISPATCH_H */
