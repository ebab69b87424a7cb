/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's side of QEMU's qtest protocol. */
#include "qtest.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fatal.h"

/* Answers pile up at the peer meanwhile, which must not block on them. */
#define POSTED_MAX 256

/* The longest command but for the bytes of a write. */
#define COMMAND_MAX 128

/* ---- the connection ------------------------------------------------------ */

void qtest_open(struct qtest *qt, const struct stream *stream)
{
	*qt = (struct qtest){ .stream = *stream };
}

void qtest_close(struct qtest *qt)
{
	stream_close(&qt->stream);
	free(qt->out);
	qt->out = NULL;
}

static void reserve(struct qtest *qt, size_t len)
{
	if (qt->out_size - qt->out_len >= len)
		return;
	qt->out_size = qt->out_size * 2 + len;
	qt->out = realloc(qt->out, qt->out_size);
	if (!qt->out)
		fatal("qtest: out of memory");
}

static void take_irq(struct qtest *qt, const char *line)
{
	unsigned int irq;
	char what[8];

	if (sscanf(line, "IRQ %7s %u", what, &irq) != 2 || irq >= QTEST_IRQS)
		fatal("qtest: the peer sent '%.80s'", line);
	qt->irqs[irq].level = !strcmp(what, "raise");
	qt->irqs[irq].raises += qt->irqs[irq].level;
}

/* The next line that is an answer. */
static char *take_line(struct qtest *qt)
{
	char *line;

	while (!strncmp(line = stream_line(&qt->stream), "IRQ ", 4))
		take_irq(qt, line);
	return line;
}

/* What follows OK in the next answer. */
static char *take_ok(struct qtest *qt)
{
	char *line = take_line(qt);

	if (strncmp(line, "OK", 2))
		fatal("qtest: the peer answered '%.80s'", line);
	return line[2] == ' ' ? line + 3 : line + 2;
}

static void flush(struct qtest *qt)
{
	stream_send(&qt->stream, qt->out, qt->out_len);
	qt->out_len = 0;
}

void qtest_sync(struct qtest *qt)
{
	flush(qt);
	for (; qt->posted; qt->posted--)
		take_ok(qt);
}

/* Sends what is queued and returns what the last of it was answered. */
static char *finish(struct qtest *qt)
{
	qt->posted--;
	qtest_sync(qt);
	return take_ok(qt);
}

static void post(struct qtest *qt, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void post(struct qtest *qt, const char *fmt, ...)
{
	va_list args;

	if (qt->posted == POSTED_MAX)
		qtest_sync(qt);
	reserve(qt, COMMAND_MAX);
	va_start(args, fmt);
	qt->out_len += vsnprintf(qt->out + qt->out_len, COMMAND_MAX, fmt, args);
	va_end(args);
	qt->posted++;
}

static uint64_t take_number(struct qtest *qt)
{
	char *text = finish(qt), *end;
	uint64_t value = strtoull(text, &end, 0);

	if (end == text)
		fatal("qtest: '%.80s' is no number", text);
	return value;
}

const char *qtest_raw(struct qtest *qt, const char *command)
{
	qtest_sync(qt);
	stream_send(&qt->stream, command, strlen(command));
	stream_send(&qt->stream, "\n", 1);
	return take_line(qt);
}

/* ---- single accesses ----------------------------------------------------- */

static char width(unsigned int len)
{
	switch (len) {
	case 1:
		return 'b';
	case 2:
		return 'w';
	case 4:
		return 'l';
	case 8:
		return 'q';
	default:
		fatal("qtest: an access of %u bytes", len);
	}
}

static uint64_t mask(unsigned int len)
{
	return UINT64_MAX >> (64 - len * 8);
}

uint64_t qtest_load(struct qtest *qt, uint64_t gpa, unsigned int len)
{
	post(qt, "read%c 0x%" PRIx64 "\n", width(len), gpa);
	return take_number(qt);
}

void qtest_post_store(struct qtest *qt, uint64_t gpa, uint64_t value,
		      unsigned int len)
{
	post(qt, "write%c 0x%" PRIx64 " 0x%" PRIx64 "\n", width(len), gpa,
	     value & mask(len));
}

void qtest_store(struct qtest *qt, uint64_t gpa, uint64_t value,
		 unsigned int len)
{
	qtest_post_store(qt, gpa, value, len);
	qtest_sync(qt);
}

uint32_t qtest_in(struct qtest *qt, uint16_t port, unsigned int len)
{
	post(qt, "in%c 0x%x\n", width(len), port);
	return take_number(qt);
}

void qtest_post_out(struct qtest *qt, uint16_t port, uint32_t value,
		    unsigned int len)
{
	post(qt, "out%c 0x%x 0x%" PRIx64 "\n", width(len), port,
	     value & mask(len));
}

void qtest_out(struct qtest *qt, uint16_t port, uint32_t value,
	       unsigned int len)
{
	qtest_post_out(qt, port, value, len);
	qtest_sync(qt);
}

/* ---- ranges -------------------------------------------------------------- */

static const char digits[] = "0123456789abcdef";

static unsigned int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	fatal("qtest: '%c' is no hexadecimal digit", c);
}

void qtest_read(struct qtest *qt, uint64_t gpa, void *buf, size_t len)
{
	uint8_t *bytes = buf;
	const char *text;

	if (!len)
		return;
	post(qt, "read 0x%" PRIx64 " 0x%zx\n", gpa, len);
	text = finish(qt);
	if (strncmp(text, "0x", 2) || strlen(text) != 2 + len * 2)
		fatal("qtest: '%.80s' is not %zu bytes", text, len);
	text += 2;
	for (size_t i = 0; i < len; i++)
		bytes[i] = nibble(text[i * 2]) << 4 | nibble(text[i * 2 + 1]);
}

void qtest_post_write(struct qtest *qt, uint64_t gpa, const void *buf,
		      size_t len)
{
	const uint8_t *bytes = buf;
	char *p;

	if (!len)
		return;
	post(qt, "write 0x%" PRIx64 " 0x%zx 0x", gpa, len);
	reserve(qt, len * 2 + 1);
	p = qt->out + qt->out_len;
	for (size_t i = 0; i < len; i++) {
		*p++ = digits[bytes[i] >> 4];
		*p++ = digits[bytes[i] & 15];
	}
	*p++ = '\n';
	qt->out_len = p - qt->out;
}

void qtest_write(struct qtest *qt, uint64_t gpa, const void *buf, size_t len)
{
	qtest_post_write(qt, gpa, buf, len);
	qtest_sync(qt);
}

void qtest_memset(struct qtest *qt, uint64_t gpa, uint8_t byte, size_t len)
{
	if (!len)
		return;
	post(qt, "memset 0x%" PRIx64 " 0x%zx 0x%02x\n", gpa, len, byte);
	qtest_sync(qt);
}

/* ---- clock and interrupt lines ------------------------------------------- */

int64_t qtest_clock_step(struct qtest *qt, int64_t ns)
{
	post(qt, "clock_step %" PRId64 "\n", ns);
	return take_number(qt);
}

void qtest_irq_intercept_in(struct qtest *qt, const char *name)
{
	post(qt, "irq_intercept_in %s\n", name);
	qtest_sync(qt);
}

unsigned int qtest_irq_take(struct qtest *qt, unsigned int irq)
{
	unsigned int raises = qt->irqs[irq].raises;

	qt->irqs[irq].raises = 0;
	return raises;
}

unsigned int qtest_irq_take_all(struct qtest *qt)
{
	unsigned int raises = 0;

	for (unsigned int i = 0; i < QTEST_IRQS; i++)
		raises += qtest_irq_take(qt, i);
	return raises;
}

int qtest_irq_raised(const struct qtest *qt)
{
	for (unsigned int i = 0; i < QTEST_IRQS; i++)
		if (qt->irqs[i].raises)
			return (int)i;
	return -1;
}

bool qtest_irq_level(const struct qtest *qt, unsigned int irq)
{
	return qt->irqs[irq].level;
}
