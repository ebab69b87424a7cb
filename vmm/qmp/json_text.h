/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON text as the protocol has it, in and out: with numbers of any size, and
 * strings with any character in them.
 */
#ifndef VMM_QMP_JSON_TEXT_H
#define VMM_QMP_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

/*
 * One value, a new reference; NULL with @error->text. What it holds is printed
 * again as it came, but for blanks and the spelling of what can be spelled in
 * several ways.
 */
json_t *json_text_parse(const char *text, size_t len, json_error_t *error);

/* On one line, for the caller to free; NULL when memory ran out. */
char *json_text_print(const json_t *value);

/*
 * jansson's own json_is_string() does for these in @value what it must not:
 * numbers beyond jansson's are strings to it, and a string with a zero in it
 * would be cut by whoever takes it for C's.
 */
bool json_text_is_string(const json_t *value);

/* False unless it is an integer of 0 to 2^64-1. */
bool json_text_uint64(const json_t *value, uint64_t *number);

#endif /* VMM_QMP_JSON_TEXT_H */
