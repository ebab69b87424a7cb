/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cuts a byte stream into the JSON values of the QEMU Machine Protocol. Pure:
 * bytes in, values out, in the caller's memory.
 */
#ifndef VMM_QMP_FRAMING_H
#define VMM_QMP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#define FRAMING_VALUE_MAX (64 * 1024)
/* As deep as QEMU takes it; jansson's own limit is twice that. */
#define FRAMING_DEPTH_MAX 1024

enum framing_state {
	FRAMING_IDLE,     /* between two values */
	FRAMING_SCALAR,   /* in a keyword or number that is not in anything */
	FRAMING_NESTED,   /* in an object or array, or after its string */
	FRAMING_STRING,   /* in a string, at any depth */
	FRAMING_ESCAPE,   /* after a backslash in a string */
	FRAMING_RECOVERY, /* skipping after an error */
};

enum framing_result {
	FRAMING_MORE,  /* all bytes are used, no value is complete */
	FRAMING_VALUE, /* value[0..len) is what may be JSON */
	FRAMING_ERROR, /* error says what cannot be JSON */
};

struct framing {
	enum framing_state state;
	unsigned int depth;
	char quote;    /* that the string began with: " or ' */
	bool complete; /* value has been handed out */
	size_t len;
	char error[64];
	char value[FRAMING_VALUE_MAX];
};

void framing_init(struct framing *framing);

/*
 * Uses bytes of @data up to the end of the next value or error, tells how
 * many in @used, and what was found. What it found is valid until the next
 * call. A value is only cut out here: whether it is JSON is for a parser.
 * Strings in single quotes, which QEMU takes too, come out in double quotes.
 */
enum framing_result framing_feed(struct framing *framing, const char *data,
				 size_t len, size_t *used);

#endif /* VMM_QMP_FRAMING_H */
