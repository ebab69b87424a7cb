/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the program prints, and whether it got there: nobody is told that all
 * is well who could not be told anything else.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

/*
 * Before anything is opened: gives the standard descriptors that the caller
 * closed to /dev/null, so that nothing else comes to lie there.
 */
void output_begin(void);

/* False where the caller closed standard output. */
bool output_is_open(void);

/*
 * Prints @object with flags of json_dumpf(), and releases it. An exit status:
 * that of a failure, with a sentence, when it is NULL, as what json_pack()
 * makes of a string that is not in UTF-8.
 */
int output_json(json_t *object, size_t flags);

/*
 * Last of all: the exit status, given that it would be @status if all that was
 * printed could be written. Says why it could not, except to who has hung up.
 */
int output_end(int status);

#endif /* CLI_OUTPUT_H */
