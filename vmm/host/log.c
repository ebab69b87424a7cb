/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a running machine has to say on standard error.
 *
 * Nobody waits for who reads it: a terminal or a pipe that takes no more is
 * passed over, and a regular file is written by a thread, see writer.h.
 */
#include "log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "writer.h"

#define FILE_BUFFER (1u << 16)
#define FILE_END_MS 1000

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct writer *file; /* NULL: no regular file */

static void file_end(void)
{
	writer_destroy(file, FILE_END_MS);
	file = NULL;
}

static void file_begin(void)
{
	struct stat st;
	int fd;

	if (fstat(STDERR_FILENO, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (writer_create(fd, FILE_BUFFER, NULL, NULL, &file))
		close(fd);
	else
		atexit(file_end);
}

/* A pipe or terminal that is ready takes a line as a whole. */
static void write_now(const char *line, size_t len)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t n;

	if (poll(&p, 1, 0) <= 0)
		return;
	n = write(STDERR_FILENO, line, len);
	(void)n; /* there is nobody to tell */
}

void log_warning(const char *fmt, ...)
{
	char text[1024], line[1100];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "paramem: %s\n", text);
	pthread_once(&once, file_begin);
	if (file)
		writer_put(file, line, strlen(line));
	else
		write_now(line, strlen(line));
}
