/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The qtest protocol, by which a test plays the machine's CPU: the accelerator
 * (accel_qtest.c), the commands, and the socket that they come from.
 *
 * All of it belongs to the main thread.
 */
#ifndef VMM_QTEST_H
#define VMM_QTEST_H

#include <stdbool.h>
#include <stdint.h>

#include "accel/accel_ops.h"
#include "host/buffer.h"
#include "host/loop.h"
#include "host/unix_listener.h"
#include "space.h"

#define QTEST_IRQS    256 /* more than there are lines */
#define QTEST_MSI_MAX 128

/* The longest range of a read or write, and what its line may have. */
#define QTEST_RANGE_MAX (UINT64_C(8) << 20)
#define QTEST_LINE_MAX  (2 * QTEST_RANGE_MAX + 128)

/* An interrupt message, sent when @source's eventfd is written. */
struct qtest_msi {
	struct loop_source source;
	struct qtest *qtest;
	uint64_t address;
	uint32_t data;
};

struct qtest {
	struct accel accel; /* first */
	const struct arch *arch;
	struct loop *loop;
	struct bus *pio;
	struct qtest_space space;
	bool level[QTEST_IRQS];
	const struct arch_lines *intercepted; /* changes are told; or NULL */
	struct qtest_msi msi[QTEST_MSI_MAX];
	unsigned int nr_msi;

	struct unix_listener listener;
	struct loop_source clients; /* the listener's */
	struct loop_source client;  /* one at a time; fd -1: none */
	uint32_t watched;           /* of the client; 0: nothing more comes */
	bool eof;
	bool busy; /* a command waits for what it caused */
	struct buffer in;
	struct buffer out;
};

/* ---- the socket (server.c) ----------------------------------------------- */

int qtest_server_open(struct qtest *q, const char *path, struct pm_error *err);
void qtest_server_close(struct qtest *q);

/* Queues text for the client; lost when there is none, or no memory. */
void qtest_say(struct qtest *q, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- the commands (commands.c) ------------------------------------------- */

/* Carries out one line, which it may change, and says the answer. */
void qtest_execute(struct qtest *q, char *line);

/* ---- the accelerator (accel_qtest.c) ------------------------------------- */

/*
 * Tells the client of changes of the lines into (@in), or out of, the device
 * that @path names. False when there is none, or another was named before.
 */
bool qtest_intercept(struct qtest *q, const char *path, bool in);

#endif /* VMM_QTEST_H */
