/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cuts a byte stream into JSON values.
 *
 * Theory of operation: clients send values back to back, with or without
 * anything between them. So the only sure end of an object is its last
 * bracket, and finding that takes knowing what is inside a string. A scalar
 * ends where something begins that cannot belong to it; that byte is left for
 * the next round, so that each call finds one thing at most.
 *
 * After a byte that can be part of no JSON the reader is no longer sure where
 * it is: everything gathered is thrown away, and bytes are skipped up to the
 * next control character or bracket, colon or comma, where a new value may
 * begin. A client that sends 0xff or a newline can so always find its feet.
 *
 *	state     begins with        ends with
 *	IDLE      start, any end     first byte of anything
 *	SCALAR    letter, digit      anything else, which is not used
 *	NESTED    bracket            the bracket that closes it
 *	STRING    quote              the same quote, into NESTED or a value
 *	ESCAPE    backslash          the next byte
 *	RECOVERY  an error           see above; that byte is not used
 */
#include "framing.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* What a single byte leads to. */
enum step {
	STEP_NEXT,   /* used, go on */
	STEP_AGAIN,  /* not used, look at it again in the new state */
	STEP_VALUE,  /* used, and it ends a value */
	STEP_BEFORE, /* not used, and it ends a value */
	STEP_ERROR,  /* used, and it is an error */
};

void framing_init(struct framing *framing)
{
	framing->state = FRAMING_IDLE;
	framing->depth = 0;
	framing->quote = 0;
	framing->complete = false;
	framing->len = 0;
	framing->error[0] = '\0';
}

static bool is_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_structural(unsigned char c)
{
	return c && strchr("{}[]:,", c);
}

static bool is_scalar(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (c && strchr("+-._", c));
}

static enum step framing_fail(struct framing *f, const char *error)
{
	snprintf(f->error, sizeof(f->error), "%s", error);
	f->state = FRAMING_RECOVERY;
	return STEP_ERROR;
}

static enum step framing_stray(struct framing *f, unsigned char c)
{
	framing_fail(f, "");
	snprintf(f->error, sizeof(f->error),
		 c > 0x20 && c < 0x7f ? "JSON parse error, stray '%c'"
				      : "JSON parse error, stray byte 0x%02x",
		 c);
	return STEP_ERROR;
}

static enum step framing_put(struct framing *f, char c)
{
	if (f->len == sizeof(f->value))
		return framing_fail(f, "JSON token size limit exceeded");
	f->value[f->len++] = c;
	return STEP_NEXT;
}

static enum step framing_open(struct framing *f, char c)
{
	if (f->depth == FRAMING_DEPTH_MAX)
		return framing_fail(f, "JSON nesting depth limit exceeded");
	f->depth++;
	f->state = FRAMING_NESTED;
	return framing_put(f, c);
}

static enum step framing_begin_string(struct framing *f, char quote)
{
	f->quote = quote;
	f->state = FRAMING_STRING;
	return framing_put(f, '"');
}

static enum step framing_idle(struct framing *f, unsigned char c)
{
	if (is_space(c))
		return STEP_NEXT;
	if (c == '{' || c == '[')
		return framing_open(f, (char)c);
	if (c == '"' || c == '\'')
		return framing_begin_string(f, (char)c);
	if (is_scalar(c)) {
		f->state = FRAMING_SCALAR;
		return STEP_AGAIN;
	}
	if (is_structural(c)) {
		framing_fail(f, "JSON parse error, expecting value");
		f->state = FRAMING_IDLE;
		return STEP_ERROR;
	}
	return framing_stray(f, c);
}

static enum step framing_scalar(struct framing *f, unsigned char c)
{
	return is_scalar(c) ? framing_put(f, (char)c) : STEP_BEFORE;
}

static enum step framing_nested(struct framing *f, unsigned char c)
{
	enum step step;

	if (c == '{' || c == '[')
		return framing_open(f, (char)c);
	if (c == '"' || c == '\'')
		return framing_begin_string(f, (char)c);
	if (!is_space(c) && !is_structural(c) && !is_scalar(c))
		return framing_stray(f, c);
	step = framing_put(f, (char)c);
	if (step == STEP_NEXT && (c == '}' || c == ']') && !--f->depth)
		return STEP_VALUE;
	return step;
}

static enum step framing_string(struct framing *f, unsigned char c)
{
	enum step step;

	/* Neither control characters nor bytes that are never in UTF-8. */
	if (c < 0x20 || c >= 0xf8)
		return framing_stray(f, c);
	if (c == '\\') {
		f->state = FRAMING_ESCAPE;
		return STEP_NEXT;
	}
	if (c == (unsigned char)f->quote) {
		f->state = FRAMING_NESTED;
		step = framing_put(f, '"');
		return step == STEP_NEXT && !f->depth ? STEP_VALUE : step;
	}
	if (c == '"' && framing_put(f, '\\') == STEP_ERROR)
		return STEP_ERROR;
	return framing_put(f, (char)c);
}

static enum step framing_escape(struct framing *f, unsigned char c)
{
	if (c < 0x20 || c >= 0xf8)
		return framing_stray(f, c);
	f->state = FRAMING_STRING;
	/* An escaped single quote is QEMU's, not JSON's. */
	if (c != '\'' && framing_put(f, '\\') == STEP_ERROR)
		return STEP_ERROR;
	return framing_put(f, (char)c);
}

static enum step framing_recovery(struct framing *f, unsigned char c)
{
	if (c >= 0x20 && !is_structural(c))
		return STEP_NEXT;
	f->state = FRAMING_IDLE;
	/* A control character has done its work by ending the recovery. */
	return c < 0x20 ? STEP_NEXT : STEP_AGAIN;
}

static enum step framing_step(struct framing *f, unsigned char c)
{
	switch (f->state) {
	case FRAMING_IDLE:
		return framing_idle(f, c);
	case FRAMING_SCALAR:
		return framing_scalar(f, c);
	case FRAMING_NESTED:
		return framing_nested(f, c);
	case FRAMING_STRING:
		return framing_string(f, c);
	case FRAMING_ESCAPE:
		return framing_escape(f, c);
	case FRAMING_RECOVERY:
		break;
	}
	return framing_recovery(f, c);
}

/* Forgets what was handed out, or is of no use after an error. */
static void framing_reset_value(struct framing *f)
{
	f->len = 0;
	f->depth = 0;
	f->complete = false;
}

enum framing_result framing_feed(struct framing *f, const char *data,
				 size_t len, size_t *used)
{
	size_t i = 0;

	if (f->complete)
		framing_reset_value(f);
	while (i < len) {
		enum step step = framing_step(f, (unsigned char)data[i]);

		if (step != STEP_AGAIN && step != STEP_BEFORE)
			i++;
		if (step == STEP_NEXT || step == STEP_AGAIN)
			continue;
		f->complete = true;
		*used = i;
		if (step == STEP_ERROR)
			return FRAMING_ERROR;
		f->state = FRAMING_IDLE;
		return FRAMING_VALUE;
	}
	*used = i;
	return FRAMING_MORE;
}
