/* SPDX-License-Identifier: BSD-3-Clause */
/* What all targets share: reading an input bit by bit, and checks. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
	abort();
}

bool input_more(const struct input *in)
{
	return in->left;
}

void input_bytes(struct input *in, void *buf, size_t len)
{
	size_t n = in->left < len ? in->left : len;

	memset(buf, 0, len);
	if (n)
		memcpy(buf, in->data, n);
	in->data += n;
	in->left -= n;
}

static uint64_t input_le(struct input *in, unsigned int nr_bytes)
{
	uint8_t bytes[8];
	uint64_t value = 0;

	input_bytes(in, bytes, nr_bytes);
	for (unsigned int i = 0; i < nr_bytes; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

uint8_t input_u8(struct input *in)
{
	return input_le(in, 1);
}

uint16_t input_u16(struct input *in)
{
	return input_le(in, 2);
}

uint64_t input_u64(struct input *in)
{
	return input_le(in, 8);
}

unsigned int input_below(struct input *in, unsigned int limit)
{
	return (limit > 256 ? input_u16(in) : input_u8(in)) % limit;
}
