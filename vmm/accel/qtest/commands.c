/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of the qtest protocol: words and numbers on a line, and an
 * answer that begins with OK or FAIL.
 */
#include "qtest.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "space/bus.h"

#define NUMBERS_MAX 3
#define WORDS_MAX   5 /* a command's name and what may follow it */

/* A line, taken apart. */
struct call {
	unsigned int width; /* of the access */
	uint64_t number[NUMBERS_MAX];
	unsigned int nr;
	const char *text; /* the word behind the numbers, or NULL */
};

struct command {
	const char *name;
	void (*run)(struct qtest *q, const struct call *call);
	unsigned int min, max; /* how many numbers */
	bool text;             /* and then a word */
	unsigned int width;
};

static void ok(struct qtest *q)
{
	qtest_say(q, "OK\n");
}

/* ---- ports and words of memory ------------------------------------------- */

static void run_in(struct qtest *q, const struct call *c)
{
	uint64_t value = bus_read(q->pio, c->number[0], c->width);

	value &= UINT64_MAX >> (64 - 8 * c->width);
	qtest_say(q, "OK 0x%04" PRIx64 "\n", value);
}

static void run_out(struct qtest *q, const struct call *c)
{
	bus_write(q->pio, c->number[0],
		  c->number[1] & UINT64_MAX >> (64 - 8 * c->width), c->width);
	ok(q);
}

/* Whether the range ends within the address space. */
static bool range_check(struct qtest *q, uint64_t addr, uint64_t len)
{
	if (len && len - 1 <= UINT64_MAX - addr)
		return true;
	qtest_say(q, "FAIL a range of %" PRIu64 " bytes at 0x%" PRIx64 "\n",
		  len, addr);
	return false;
}

static void run_read_word(struct qtest *q, const struct call *c)
{
	uint64_t value = 0; /* little-endian, as this host is */

	if (!range_check(q, c->number[0], c->width))
		return;
	space_read(&q->space, c->number[0], &value, c->width);
	qtest_say(q, "OK 0x%016" PRIx64 "\n", value);
}

static void run_write_word(struct qtest *q, const struct call *c)
{
	if (!range_check(q, c->number[0], c->width))
		return;
	space_write(&q->space, c->number[0], &c->number[1], c->width);
	ok(q);
}

/* ---- ranges of memory ---------------------------------------------------- */

/* Memory for the range that the call names; NULL after having said why. */
static uint8_t *range_alloc(struct qtest *q, const struct call *c)
{
	uint8_t *data = NULL;

	if (!range_check(q, c->number[0], c->number[1]))
		return NULL;
	if (c->number[1] <= QTEST_RANGE_MAX)
		data = malloc(c->number[1]);
	if (!data)
		qtest_say(q, "FAIL %" PRIu64 " bytes are too many at once\n",
			  c->number[1]);
	return data;
}

static void hex_encode(const uint8_t *data, size_t len, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*text++ = digits[data[i] >> 4];
		*text++ = digits[data[i] & 15];
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "0x" and two digits a byte, exactly. */
static int hex_decode(const char *text, uint8_t *data, size_t len)
{
	if (strncmp(text, "0x", 2) || strlen(text) != 2 + 2 * len)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(text[2 + 2 * i]);
		int low = hex_digit(text[3 + 2 * i]);

		if (high < 0 || low < 0)
			return -EINVAL;
		data[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static void say_encoded(struct qtest *q, const char *prefix,
			const uint8_t *data, size_t len, size_t encoded,
			void (*encode)(const uint8_t *, size_t, char *))
{
	char *text = malloc(encoded + 1);

	if (!text) {
		qtest_say(q, "FAIL out of memory\n");
		return;
	}
	encode(data, len, text);
	text[encoded] = '\0';
	qtest_say(q, "OK %s%s\n", prefix, text);
	free(text);
}

static void run_read(struct qtest *q, const struct call *c)
{
	uint8_t *data = range_alloc(q, c);

	if (!data)
		return;
	space_read(&q->space, c->number[0], data, c->number[1]);
	say_encoded(q, "0x", data, c->number[1], 2 * c->number[1], hex_encode);
	free(data);
}

static void run_b64read(struct qtest *q, const struct call *c)
{
	uint8_t *data = range_alloc(q, c);

	if (!data)
		return;
	space_read(&q->space, c->number[0], data, c->number[1]);
	say_encoded(q, "", data, c->number[1], base64_length(c->number[1]),
		    base64_encode);
	free(data);
}

static void write_decoded(struct qtest *q, const struct call *c,
			  int (*decode)(const char *, uint8_t *, size_t))
{
	uint8_t *data = range_alloc(q, c);

	if (!data)
		return;
	if (decode(c->text, data, c->number[1]) < 0) {
		qtest_say(q, "FAIL the data is not %" PRIu64 " bytes\n",
			  c->number[1]);
	} else {
		space_write(&q->space, c->number[0], data, c->number[1]);
		ok(q);
	}
	free(data);
}

static void run_write(struct qtest *q, const struct call *c)
{
	write_decoded(q, c, hex_decode);
}

static void run_b64write(struct qtest *q, const struct call *c)
{
	write_decoded(q, c, base64_decode);
}

static void run_memset(struct qtest *q, const struct call *c)
{
	if (c->number[1] && !range_check(q, c->number[0], c->number[1]))
		return;
	if (c->number[1] && space_fill(&q->space, c->number[0],
				       (uint8_t)c->number[2], c->number[1]))
		qtest_say(q, "FAIL not all of the range is memory\n");
	else
		ok(q);
}

/* ---- interrupts, clock, endianness --------------------------------------- */

static void intercept(struct qtest *q, const char *path, bool in)
{
	if (qtest_intercept(q, path, in))
		ok(q);
	else
		qtest_say(q, "FAIL Unknown device, or another is intercepted "
			     "already\n");
}

static void run_intercept_in(struct qtest *q, const struct call *c)
{
	intercept(q, c->text, true);
}

static void run_intercept_out(struct qtest *q, const struct call *c)
{
	intercept(q, c->text, false);
}

static void clock_move(struct qtest *q, uint64_t now)
{
	if (now > INT64_MAX) {
		qtest_say(q, "FAIL the clock ends at %" PRId64 " ns\n",
			  INT64_MAX);
		return;
	}
	if (now > loop_clock_now(q->loop))
		loop_clock_set(q->loop, now);
	qtest_say(q, "OK %" PRIu64 "\n", loop_clock_now(q->loop));
}

/* Without a number, to when the next timer is due. */
static void run_clock_step(struct qtest *q, const struct call *c)
{
	uint64_t now = loop_clock_now(q->loop);
	uint64_t due = loop_clock_deadline(q->loop);

	if (c->nr)
		clock_move(q, c->number[0] > UINT64_MAX - now
				      ? UINT64_MAX
				      : now + c->number[0]);
	else
		clock_move(q, due == UINT64_MAX ? now : due);
}

static void run_clock_set(struct qtest *q, const struct call *c)
{
	clock_move(q, c->number[0]);
}

static void run_endianness(struct qtest *q, const struct call *c)
{
	(void)c;
	qtest_say(q, "OK little\n");
}

/* ---- lines --------------------------------------------------------------- */

static const struct command commands[] = {
	{ "inb", run_in, 1, 1, false, 1 },
	{ "inw", run_in, 1, 1, false, 2 },
	{ "inl", run_in, 1, 1, false, 4 },
	{ "outb", run_out, 2, 2, false, 1 },
	{ "outw", run_out, 2, 2, false, 2 },
	{ "outl", run_out, 2, 2, false, 4 },
	{ "readb", run_read_word, 1, 1, false, 1 },
	{ "readw", run_read_word, 1, 1, false, 2 },
	{ "readl", run_read_word, 1, 1, false, 4 },
	{ "readq", run_read_word, 1, 1, false, 8 },
	{ "writeb", run_write_word, 2, 2, false, 1 },
	{ "writew", run_write_word, 2, 2, false, 2 },
	{ "writel", run_write_word, 2, 2, false, 4 },
	{ "writeq", run_write_word, 2, 2, false, 8 },
	{ "read", run_read, 2, 2, false, 0 },
	{ "write", run_write, 2, 2, true, 0 },
	{ "b64read", run_b64read, 2, 2, false, 0 },
	{ "b64write", run_b64write, 2, 2, true, 0 },
	{ "memset", run_memset, 3, 3, false, 0 },
	{ "irq_intercept_in", run_intercept_in, 0, 0, true, 0 },
	{ "irq_intercept_out", run_intercept_out, 0, 0, true, 0 },
	{ "clock_step", run_clock_step, 0, 1, false, 0 },
	{ "clock_set", run_clock_set, 1, 1, false, 0 },
	{ "endianness", run_endianness, 0, 0, false, 0 },
};

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static bool parse_number(const char *word, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)*word))
		return false;
	errno = 0;
	*number = strtoull(word, &end, 0);
	return !errno && !*end;
}

/* Takes the words behind the command's name apart; false when they do not fit. */
static bool parse_call(const struct command *command, char **words,
		       unsigned int nr, struct call *call)
{
	unsigned int text = command->text ? 1 : 0;

	if (nr < command->min + text || nr > command->max + text)
		return false;
	call->width = command->width;
	call->nr = nr - text;
	call->text = text ? words[call->nr] : NULL;
	for (unsigned int i = 0; i < call->nr; i++) {
		assert(words[i]);
		if (!parse_number(words[i], &call->number[i]))
			return false;
	}
	return true;
}

void qtest_execute(struct qtest *q, char *line)
{
	char *words[WORDS_MAX] = { NULL };
	const struct command *command;
	struct call call = { 0 };
	unsigned int nr = 0;
	char *rest = line;
	char *word;

	while (nr < WORDS_MAX && (word = strtok_r(NULL, " ", &rest)))
		words[nr++] = word;
	command = nr ? command_find(words[0]) : NULL;
	if (!command)
		qtest_say(q, "FAIL Unknown command '%.64s'\n",
			  nr ? words[0] : "");
	else if (!parse_call(command, words + 1, nr - 1, &call))
		qtest_say(q, "FAIL %s takes other words\n", command->name);
	else
		command->run(q, &call);
}
