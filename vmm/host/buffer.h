/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes that wait for somebody: a buffer that grows up to a bound. */
#ifndef VMM_BUFFER_H
#define VMM_BUFFER_H

#include <stddef.h>

/* All zeros is an empty one. */
struct buffer {
	char *data;
	size_t len;
	size_t size;
};

/* 0, -ENOBUFS when there would be more than @max bytes, or -ENOMEM. */
int buffer_append(struct buffer *b, const void *data, size_t len, size_t max);
/* Takes @len bytes off the front; an empty buffer costs no memory. */
void buffer_consume(struct buffer *b, size_t len);
void buffer_clear(struct buffer *b);

#endif /* VMM_BUFFER_H */
