/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection to a peer on which both sides send lines. */
#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "deadline.h"
#include "fatal.h"

#define FIRST_SIZE 4096

static void broken(struct stream *s, const char *what)
{
	char why[256];

	s->dead = true;
	snprintf(why, sizeof(why), "%s: %s", s->name, what);
	s->broken(s->opaque, why);
	abort();
}

int stream_connect(struct stream *s, const char *path, const char *name,
		   stream_broken_fn *broken_fn, void *opaque)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int ret;

	if (strlen(path) >= sizeof(address.sun_path))
		fatal("%s: the path of a socket is too long", path);
	strcpy(address.sun_path, path);
	*s = (struct stream){ .name = name,
			      .broken = broken_fn,
			      .opaque = opaque };
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		fatal("%s: no socket: %s", name, strerror(errno));
	if (connect(s->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		ret = -errno;
		close(s->fd);
		s->fd = -1;
		return ret;
	}
	s->size = FIRST_SIZE;
	s->buf = malloc(s->size);
	if (!s->buf)
		fatal("%s: out of memory", name);
	return 0;
}

void stream_close(struct stream *s)
{
	if (!s->buf)
		return;
	close(s->fd);
	free(s->buf);
	*s = (struct stream){ .fd = -1 };
}

void stream_send(struct stream *s, const void *bytes, size_t len)
{
	const char *p = bytes;

	if (s->dead)
		broken(s, "broke before");
	while (len) {
		ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			broken(s, strerror(errno));
		p += n;
		len -= n;
	}
}

/* Makes room for more behind what is not yet taken. */
static void make_room(struct stream *s)
{
	memmove(s->buf, s->buf + s->start, s->end - s->start);
	s->end -= s->start;
	s->start = 0;
	if (s->end < s->size / 2)
		return;
	s->size *= 2;
	s->buf = realloc(s->buf, s->size);
	if (!s->buf)
		fatal("%s: out of memory", s->name);
}

/* False at the deadline. */
static bool receive(struct stream *s, int64_t deadline)
{
	struct pollfd pollfd = { .fd = s->fd, .events = POLLIN };
	ssize_t n;

	if (s->end == s->size)
		make_room(s);
	/* Most answers are a matter of microseconds: no poll before them. */
	n = recv(s->fd, s->buf + s->end, s->size - s->end, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN) {
		if (poll(&pollfd, 1, deadline_left(deadline)) == 0)
			return false;
		return true;
	}
	if (n < 0 && errno != EINTR)
		broken(s, strerror(errno));
	if (!n)
		broken(s, "closed by the peer");
	if (n > 0)
		s->end += n;
	return true;
}

/* Takes what lies before @end, where a line feed is. */
static char *cut_line(struct stream *s, char *end)
{
	char *line = s->buf + s->start;

	s->start += end + 1 - line;
	if (s->start == s->end)
		s->start = s->end = 0;
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	return line;
}

char *stream_try_line(struct stream *s, int64_t deadline)
{
	size_t looked = 0;

	if (s->dead)
		broken(s, "broke before");
	for (;;) {
		char *end = memchr(s->buf + s->start + looked, '\n',
				   s->end - s->start - looked);

		if (end)
			return cut_line(s, end);
		looked = s->end - s->start;
		if (!receive(s, deadline))
			return NULL;
	}
}

char *stream_line(struct stream *s)
{
	char *line = stream_try_line(s, deadline_in(DEADLINE_DEFAULT_MS));

	if (!line)
		broken(s, "no answer in time");
	return line;
}
