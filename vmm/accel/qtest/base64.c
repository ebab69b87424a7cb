/* SPDX-License-Identifier: BSD-3-Clause */
/* Base64, RFC 4648 section 4. */
#include "base64.h"

#include <errno.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* Three bytes become four characters. */
enum { BYTES = 3, CHARS = 4, DIGIT_BITS = 6, DIGIT_MASK = 63 };

size_t base64_length(size_t len)
{
	return (len + BYTES - 1) / BYTES * CHARS;
}

void base64_encode(const uint8_t *data, size_t len, char *text)
{
	for (size_t at = 0; at < len; at += BYTES) {
		uint32_t group = 0;

		for (size_t i = 0; i < BYTES; i++)
			group = group << 8 | (at + i < len ? data[at + i] : 0);
		for (int i = CHARS - 1; i >= 0; i--, group >>= DIGIT_BITS)
			text[i] =
				at + i > len ? '=' : digits[group & DIGIT_MASK];
		text += CHARS;
	}
}

/* The bits of four characters, or -EINVAL; those of padding are zeros. */
static long group_decode(const char *text, size_t bytes)
{
	long group = 0;

	for (size_t i = 0; i < CHARS; i++) {
		const char *digit = strchr(digits, text[i]);

		if (i > bytes ? text[i] != '=' : !text[i] || !digit)
			return -EINVAL;
		group = group << DIGIT_BITS | (i > bytes ? 0 : digit - digits);
	}
	return group;
}

int base64_decode(const char *text, uint8_t *data, size_t len)
{
	if (strlen(text) != base64_length(len))
		return -EINVAL;
	for (size_t at = 0; at < len; at += BYTES, text += CHARS) {
		size_t bytes = len - at < BYTES ? len - at : BYTES;
		long group = group_decode(text, bytes);

		if (group < 0)
			return -EINVAL;
		for (size_t i = 0; i < bytes; i++)
			data[at + i] = group >> (16 - 8 * i);
	}
	return 0;
}
