/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sizes of memory as people write and read them.
 */
#include "size.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char size_units[] = "KMGTP";

#define SIZE_UNITS (sizeof(size_units) - 1)

/* "", "bytes", "M", "MiB" and so on; the number of bits to shift by. */
static int size_parse_unit(const char *text, unsigned int *shift)
{
	const char *unit;

	if (!*text || !strcasecmp(text, "bytes")) {
		*shift = 0;
		return 0;
	}
	unit = strchr(size_units, toupper((unsigned char)*text));
	if (!unit || (text[1] && strcasecmp(text + 1, "iB")))
		return -EINVAL;
	*shift = 10 * ((unsigned int)(unit - size_units) + 1);
	return 0;
}

/* The digits after the point, as thousandths. */
static int size_parse_fraction(const char **text, unsigned int *thousandths)
{
	unsigned int weight = 1000;

	*thousandths = 0;
	if (**text != '.')
		return 0;
	(*text)++;
	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	for (; isdigit((unsigned char)**text); (*text)++) {
		weight /= 10;
		if (!weight && **text != '0')
			return -EINVAL;
		*thousandths += (unsigned int)(**text - '0') * weight;
	}
	return 0;
}

static int size_parse_whole(const char **text, uint64_t *whole)
{
	*whole = 0;
	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	for (; isdigit((unsigned char)**text); (*text)++) {
		uint64_t digit = (uint64_t)(**text - '0');

		if (__builtin_mul_overflow(*whole, 10, whole) ||
		    __builtin_add_overflow(*whole, digit, whole))
			return -ERANGE;
	}
	return 0;
}

int size_parse(const char *text, uint64_t *size)
{
	unsigned int shift, thousandths;
	uint64_t whole, bytes, part;
	int ret;

	ret = size_parse_whole(&text, &whole);
	if (ret < 0)
		return ret;
	ret = size_parse_fraction(&text, &thousandths);
	if (ret < 0)
		return ret;
	if (*text == ' ' && text[1])
		text++;
	ret = size_parse_unit(text, &shift);
	if (ret < 0)
		return ret;
	part = (uint64_t)thousandths << shift;
	if (part % 1000)
		return -EINVAL;
	if (__builtin_mul_overflow(whole, UINT64_C(1) << shift, &bytes) ||
	    __builtin_add_overflow(bytes, part / 1000, &bytes))
		return -ERANGE;
	*size = bytes;
	return 0;
}

/* Whole, or with at most two decimals, when that is exact in this unit. */
static bool size_format_exact(uint64_t size, unsigned int shift, char unit,
			      struct size_text *out)
{
	uint64_t whole = size >> shift;
	uint64_t rest = size & ((UINT64_C(1) << shift) - 1);
	unsigned int hundredths;

	if ((rest * 100) & ((UINT64_C(1) << shift) - 1))
		return false;
	hundredths = (unsigned int)((rest * 100) >> shift);
	if (!hundredths)
		snprintf(out->text, sizeof(out->text), "%" PRIu64 " %ciB",
			 whole, unit);
	else if (hundredths % 10)
		snprintf(out->text, sizeof(out->text), "%" PRIu64 ".%02u %ciB",
			 whole, hundredths, unit);
	else
		snprintf(out->text, sizeof(out->text), "%" PRIu64 ".%u %ciB",
			 whole, hundredths / 10, unit);
	return true;
}

struct size_text size_format(uint64_t size)
{
	struct size_text out;
	unsigned int i;

	for (i = SIZE_UNITS; i > 0; i--) {
		if (size >> (10 * i) &&
		    size_format_exact(size, 10 * i, size_units[i - 1], &out))
			return out;
	}
	if (size)
		snprintf(out.text, sizeof(out.text), "%" PRIu64 " bytes", size);
	else
		snprintf(out.text, sizeof(out.text), "0");
	return out;
}

struct size_text size_format_rounded(uint64_t size)
{
	struct size_text out;
	unsigned int i;

	for (i = SIZE_UNITS; i > 1; i--) {
		if (size >> (10 * i))
			break;
	}
	if (i <= 2) /* MiB, never smaller: devices count in those */
		snprintf(out.text, sizeof(out.text), "%" PRIu64 " MiB",
			 size >> 20);
	else
		snprintf(out.text, sizeof(out.text), "%.2f %ciB",
			 (double)size / (double)(UINT64_C(1) << (10 * i)),
			 size_units[i - 1]);
	return out;
}
