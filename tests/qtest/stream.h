/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection to a peer on which both sides send lines. */
#ifndef QTEST_STREAM_H
#define QTEST_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called when the connection is of no more use; must not return. */
typedef void stream_broken_fn(void *opaque, const char *why);

struct stream {
	int fd;
	const char *name; /* for sentences */
	stream_broken_fn *broken;
	void *opaque;
	char *buf; /* what came in: [start, end) is not yet taken */
	size_t start, end, size;
	bool dead; /* it broke before: whoever tries again fails at once */
};

/*
 * Connects to a Unix socket. 0, or -errno as long as nobody listens there.
 * @name is kept.
 */
int stream_connect(struct stream *s, const char *path, const char *name,
		   stream_broken_fn *broken, void *opaque);

/* Takes a stream of zeros. */
void stream_close(struct stream *s);

/* Sends everything, or the stream is broken. */
void stream_send(struct stream *s, const void *bytes, size_t len);

/*
 * The next line, without its end: good until the next call. At the deadline
 * NULL. A closed connection is a broken stream.
 */
char *stream_try_line(struct stream *s, int64_t deadline);

/* The same with a deadline after which the stream is broken. */
char *stream_line(struct stream *s);

#endif /* QTEST_STREAM_H */
