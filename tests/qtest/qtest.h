/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client's side of QEMU's qtest protocol: guest memory, ports, interrupt
 * lines and the clock of a machine that has no CPU.
 *
 * Every call waits for the peer's answer, but those called post: their
 * answers are taken by the next call that waits, so a series of them and one
 * that waits cost one round trip. A peer carries everything out in order. An
 * answer other than OK, and none within 30 seconds, is fatal().
 */
#ifndef QTEST_QTEST_H
#define QTEST_QTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream.h"

enum { QTEST_IRQS = 64 };

/* What is known of an interrupt line, from the lines that the peer sent. */
struct qtest_irq {
	bool level;
	unsigned int raises; /* since the last qtest_irq_take() */
};

struct qtest {
	struct stream stream;
	char *out; /* commands not yet sent */
	size_t out_len, out_size;
	unsigned int posted; /* commands whose answers were not yet taken */
	struct qtest_irq irqs[QTEST_IRQS];
};

/* Takes over a connected stream. */
void qtest_open(struct qtest *qt, const struct stream *stream);
void qtest_close(struct qtest *qt);

/* Memory, @len of 1, 2, 4 or 8 bytes at once. */
uint64_t qtest_load(struct qtest *qt, uint64_t gpa, unsigned int len);
void qtest_store(struct qtest *qt, uint64_t gpa, uint64_t value,
		 unsigned int len);

/* Ranges of memory. An empty range asks nothing of the peer. */
void qtest_read(struct qtest *qt, uint64_t gpa, void *buf, size_t len);
void qtest_write(struct qtest *qt, uint64_t gpa, const void *buf, size_t len);
void qtest_memset(struct qtest *qt, uint64_t gpa, uint8_t byte, size_t len);

/* Ports, @len of 1, 2 or 4 bytes. */
uint32_t qtest_in(struct qtest *qt, uint16_t port, unsigned int len);
void qtest_out(struct qtest *qt, uint16_t port, uint32_t value,
	       unsigned int len);

/* The same without waiting. */
void qtest_post_store(struct qtest *qt, uint64_t gpa, uint64_t value,
		      unsigned int len);
void qtest_post_write(struct qtest *qt, uint64_t gpa, const void *buf,
		      size_t len);
void qtest_post_out(struct qtest *qt, uint16_t port, uint32_t value,
		    unsigned int len);

/* Waits for what was posted: needed before another connection is used. */
void qtest_sync(struct qtest *qt);

/* Moves the clock and runs the timers that are due; the new time in ns. */
int64_t qtest_clock_step(struct qtest *qt, int64_t ns);

/* Asks for the lines of the interrupt controller of that name. */
void qtest_irq_intercept_in(struct qtest *qt, const char *name);

/* Since the last call, as of the last answer of the peer. */
unsigned int qtest_irq_take(struct qtest *qt, unsigned int irq);
unsigned int qtest_irq_take_all(struct qtest *qt);
/* The first line that was raised since it was taken, or -1. */
int qtest_irq_raised(const struct qtest *qt);
/* Whether it is raised now. */
bool qtest_irq_level(const struct qtest *qt, unsigned int irq);

/*
 * Sends a line as it is and returns the answer, good until the next call:
 * also one that starts with ERR or FAIL.
 */
const char *qtest_raw(struct qtest *qt, const char *command);

#endif /* QTEST_QTEST_H */
