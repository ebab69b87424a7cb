/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One client of the control socket: its bytes in and out, both bounded.
 */
#ifndef VMM_QMP_CONN_H
#define VMM_QMP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <jansson.h>

#include "fds.h"
#include "framing.h"
#include "host/buffer.h"
#include "host/loop.h"

struct qmp;

/*
 * Bounds on what waits for a client that does not read. Above the first it is
 * behind: no request of its is looked at, and of events that may be merged it
 * gets the last, once it has caught up. What goes beyond the second ends it:
 * a client that stays has missed nothing.
 */
#define QMP_OUT_BEHIND (64 * 1024)
#define QMP_OUT_MAX    (512 * 1024)

struct qmp_conn {
	struct qmp *qmp;
	struct qmp_conn *next;
	struct loop_source source;
	uint32_t watched;
	pid_t pid;       /* of who connected; 0: of another namespace */
	uint64_t turn;   /* of its last request, or its arrival */
	bool negotiated; /* past qmp_capabilities */
	bool eof;        /* the client sends nothing more */
	bool dead;       /* to be freed by its own callback */
	bool dumps;      /* the dump under way ends with it */
	json_t *later;   /* the request whose answer is still to come */
	/* Bit n: device n has changed since it was told last. */
	uint32_t owed_sizes;
	uint32_t owed_violations;
	struct qmp_fds fds;
	struct buffer out;
	size_t in_at;
	size_t in_len;
	char in[4096];
	struct framing framing;
};

/* Takes @fd, and closes it on failure. 0 or -errno. */
int qmp_conn_create(struct qmp *qmp, int fd, struct qmp_conn **conn);
/* Closes and frees; not to be called while a command of its runs. */
void qmp_conn_destroy(struct qmp_conn *conn);

/* More waits for it than it should. */
bool qmp_conn_behind(const struct qmp_conn *conn);

/*
 * Queues one message, which is released here; a @message of NULL, which is
 * what lack of memory makes of one, ends the client.
 */
void qmp_conn_send(struct qmp_conn *conn, json_t *message);

/* Sends what is queued for as long as the client takes it. */
void qmp_conn_drain(struct qmp_conn *conn, int timeout_ms);

#endif /* VMM_QMP_CONN_H */
