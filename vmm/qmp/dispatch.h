/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the text of a request to its reply.
 */
#ifndef VMM_QMP_DISPATCH_H
#define VMM_QMP_DISPATCH_H

#include <stddef.h>
#include <jansson.h>

#include "conn.h"

json_t *qmp_greeting(void);

/* Answers one value that framing cut out; always sends exactly one reply. */
void qmp_dispatch(struct qmp_conn *conn, const char *text, size_t len);

/* Answers what was no value. */
void qmp_dispatch_error(struct qmp_conn *conn, const char *error);

#endif /* VMM_QMP_DISPATCH_H */
