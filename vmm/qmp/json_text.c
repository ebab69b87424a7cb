/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON text as the protocol has it, in and out.
 *
 * Theory of operation: jansson's integers are those of int64_t, its reals
 * those of double; a number beyond them is an error to it, and a request with
 * an error has no id to echo. The protocol has no such bound: its sizes are
 * those of uint64_t, and an id is any value at all. So a number that jansson
 * would refuse is handed to it as a string, one that no client can send:
 *
 *	client sends            jansson reads           printed
 *	18446744073709551615    "\u0000#184467…"        18446744073709551615
 *	"\u0000#5"              "\u0000\u0000#5"        "\u0000#5"
 *
 * for a string of the client's that begins with a zero gets another in front.
 * Names of members have no zeros in them, for jansson refuses those.
 */
#include "json_text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ZERO     "\\u0000"
#define ZERO_LEN (sizeof(ZERO) - 1)

/* A number takes five bytes at least, a string that gets longer eight. */
#define GROWTH 3

/* ---- numbers ------------------------------------------------------------- */

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* The length of the number at the start; 0 when JSON has no such. */
static size_t number_len(const char *text, bool *integer)
{
	const char *at = text + (*text == '-');
	size_t n = digits(at);

	if (!n || (*at == '0' && n > 1))
		return 0;
	at += n;
	*integer = *at != '.' && *at != 'e' && *at != 'E';
	if (*at == '.') {
		n = digits(at + 1);
		if (!n)
			return 0;
		at += 1 + n;
	}
	if (*at == 'e' || *at == 'E') {
		at += 1 + (at[1] == '+' || at[1] == '-');
		n = digits(at);
		if (!n)
			return 0;
		at += n;
	}
	return (size_t)(at - text);
}

/* The length of a number at the start that jansson does not take, or 0. */
static size_t number_beyond(const char *text)
{
	bool integer = false;
	size_t len = number_len(text, &integer);

	if (!len)
		return 0;
	errno = 0;
	if (integer) {
		strtoll(text, NULL, 10);
		return errno == ERANGE ? len : 0;
	}
	return isinf(strtod(text, NULL)) ? len : 0;
}

/* ---- in ------------------------------------------------------------------ */

/* Past a string, whose first quote is before @text. */
static const char *string_end(const char *text, const char *end)
{
	while (text < end && *text != '"')
		text += 1 + (*text == '\\' && text + 1 < end);
	return text < end ? text + 1 : end;
}

static char *put(char *to, const char *from, size_t len)
{
	memcpy(to, from, len);
	return to + len;
}

/* Writes to @to, which has room; returns its end. @text ends with a zero. */
static char *hide(const char *text, const char *end, char *to)
{
	while (text < end) {
		const char *start = text;
		size_t len;

		if (*text == '"') {
			if (!strncmp(text + 1, ZERO, ZERO_LEN))
				to = put(to, "\"" ZERO, 1 + ZERO_LEN), start++;
			text = string_end(text + 1, end);
			to = put(to, start, (size_t)(text - start));
			continue;
		}
		if (*text != '-' && !isdigit((unsigned char)*text)) {
			*to++ = *text++;
			continue;
		}
		len = number_beyond(text);
		if (len) {
			to = put(to, "\"" ZERO "#", 2 + ZERO_LEN);
			to = put(to, text, len);
			*to++ = '"';
			text += len;
			continue;
		}
		text += 1 + strspn(text + 1, "0123456789.eE+-");
		to = put(to, start, (size_t)(text - start));
	}
	return to;
}

json_t *json_text_parse(const char *text, size_t len, json_error_t *error)
{
	char *copy = malloc(len + 1), *hidden = malloc(GROWTH * len + 1);
	json_t *value = NULL;

	strcpy(error->text, "out of memory");
	if (copy && hidden) {
		char *end;

		*put(copy, text, len) = '\0';
		end = hide(copy, copy + len, hidden);
		value = json_loadb(hidden, (size_t)(end - hidden),
				   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY |
					   JSON_ALLOW_NUL,
				   error);
	}
	free(copy);
	free(hidden);
	return value;
}

/* ---- out ----------------------------------------------------------------- */

/* In place: what was hidden is shorter in the open. */
static void show(char *text)
{
	const char *end = text + strlen(text);
	const char *at = text;

	while (at < end) {
		const char *next = at + 1;

		if (*at != '"') {
			*text++ = *at++;
			continue;
		}
		next = string_end(next, end);
		if (strncmp(at + 1, ZERO, ZERO_LEN)) {
			memmove(text, at, (size_t)(next - at));
			text += next - at;
		} else if (at[1 + ZERO_LEN] == '#') {
			at += 2 + ZERO_LEN;
			memmove(text, at, (size_t)(next - 1 - at));
			text += next - 1 - at;
		} else {
			*text++ = '"';
			at += 1 + ZERO_LEN;
			memmove(text, at, (size_t)(next - at));
			text += next - at;
		}
		at = next;
	}
	*text = '\0';
}

char *json_text_print(const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY);

	if (text)
		show(text);
	return text;
}

/* ---- values -------------------------------------------------------------- */

bool json_text_is_string(const json_t *value)
{
	return json_is_string(value) &&
	       strlen(json_string_value(value)) == json_string_length(value);
}

/* The digits of a number that was handed over as a string, or NULL. */
static const char *beyond(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && json_string_length(value) > 2 && !text[0] &&
			       text[1] == '#'
		       ? text + 2
		       : NULL;
}

bool json_text_uint64(const json_t *value, uint64_t *number)
{
	const char *text = beyond(value);
	unsigned long long n;

	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		*number = (uint64_t)json_integer_value(value);
		return true;
	}
	if (!text || digits(text) != strlen(text))
		return false;
	errno = 0;
	n = strtoull(text, NULL, 10);
	if (errno == ERANGE)
		return false;
	*number = n;
	return true;
}
