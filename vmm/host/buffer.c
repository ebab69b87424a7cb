/* SPDX-License-Identifier: BSD-3-Clause */
/* A buffer that grows up to a bound. */
#include "buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 1024

static int buffer_grow(struct buffer *b, size_t need)
{
	size_t size = b->size ? b->size : SIZE_FIRST;
	char *grown;

	while (size < need)
		size *= 2;
	grown = realloc(b->data, size);
	if (!grown)
		return -ENOMEM;
	b->data = grown;
	b->size = size;
	return 0;
}

int buffer_append(struct buffer *b, const void *data, size_t len, size_t max)
{
	if (b->len > max || len > max - b->len)
		return -ENOBUFS;
	if (b->len + len > b->size && buffer_grow(b, b->len + len) < 0)
		return -ENOMEM;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

void buffer_consume(struct buffer *b, size_t len)
{
	b->len -= len;
	if (!b->len)
		buffer_clear(b);
	else
		memmove(b->data, b->data + len, b->len);
}

void buffer_clear(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){ 0 };
}
