/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the control sockets: what the files of this directory share.
 */
#ifndef VMM_QMP_SERVER_H
#define VMM_QMP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "conn.h"
#include "host/loop.h"
#include "host/unix_listener.h"
#include "machine/machine.h"
#include "machine/observer.h"
#include "memory/violations.h"
#include "qmp.h"

/* One more ends the one that has asked nothing for the longest time. */
#define QMP_CLIENTS_MAX 64

struct qmp_port {
	struct qmp *qmp;
	struct unix_listener listener;
	struct loop_source source;
};

/* The size changes of one device, see events.c. */
struct qmp_size_event {
	int64_t sent_ms; /* when the last one went out */
	uint64_t size;   /* that waits to be told */
	bool waiting;
};

/* The same of violations. */
struct qmp_violation_event {
	int64_t sent_ms;
	struct violation violation;
	bool waiting;
};

struct qmp {
	struct machine *machine;
	struct loop *loop;
	struct machine_observer observer;
	struct qmp_port ports[MACHINE_QMP_SOCKETS_MAX];
	unsigned int nr_ports;
	struct qmp_conn *conns;
	unsigned int nr_conns;
	struct qmp_fd *sets; /* the descriptors of all sets */
	unsigned int nr_set_fds;
	uint64_t turns;  /* requests and arrivals so far */
	int64_t told_ms; /* when a client's end was last told in the log */
	unsigned int untold;
	struct loop_timer size_timer;
	struct qmp_size_event sizes[MACHINE_MEM_DEVICES_MAX];
	struct qmp_violation_event violations[MACHINE_MEM_DEVICES_MAX];
};

/* Ends a client that has marked itself dead. */
void qmp_server_forget(struct qmp_conn *conn);

/*
 * Whether the end of a client is to be told in the log now: at a rate that a
 * flood of clients cannot raise.
 */
bool qmp_log_due(struct qmp *qmp);

/* The client that gets it is the next to be disconnected. */
#define QMP_EVENT_DISCONNECTED "X_PARAMEM_DISCONNECTED"

/* @data, which is released here, may be NULL: an event without any. */
json_t *qmp_event_message(const char *name, json_t *data);
/* Sends a client that was behind what it is owed. */
void qmp_events_catch_up(struct qmp_conn *conn);
/* Sends an event to all clients; @data, which may be NULL, is released here. */
void qmp_event_send(struct qmp *qmp, const char *name, json_t *data);
/* Sends what still waits, whatever the time. */
void qmp_events_flush(struct qmp *qmp);
/* The callback of the size timer. */
void qmp_events_tick(void *opaque);

/* What becomes of the machine as events; for a struct qmp. */
extern const struct machine_observer_ops qmp_observer_ops;

/* In dump.c: its event; and the answer to who has waited for it. */
void qmp_dump_done(void *opaque, const struct dump_info *info);
void qmp_dump_settled(void *opaque, const struct dump_info *info);
/* There too: the client whose dump is under way has gone. */
void qmp_dump_abandon(struct qmp_conn *conn);

#endif /* VMM_QMP_SERVER_H */
