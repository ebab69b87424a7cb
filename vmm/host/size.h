/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sizes of memory as people write and read them, in binary units.
 */
#ifndef VMM_SIZE_H
#define VMM_SIZE_H

#include <stdint.h>

/* What is to be said to somebody whose size could not be parsed. */
#define SIZE_SYNTAX "a number with an optional K, M, G, T or P, as in 512M"

/* Fits every text below, final zero included. */
#define SIZE_TEXT_MAX 40

struct size_text {
	char text[SIZE_TEXT_MAX];
};

/*
 * Parses "4096", "512M", "1.5GiB", "2 GiB": bytes, or binary units in either
 * case with an optional "iB". Up to three decimals, where they make whole
 * bytes. -EINVAL for anything else, -ERANGE beyond 64 bits.
 */
int size_parse(const char *text, uint64_t *size);

/* Exact, and what size_parse() takes: "1.5 GiB", "2046 MiB", "123 bytes". */
struct size_text size_format(uint64_t size);

/* Rounded to a width that does not jump while it grows: "1.95 GiB". */
struct size_text size_format_rounded(uint64_t size);

#endif /* VMM_SIZE_H */
