/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file that a dump goes to.
 *
 * Theory of operation. Zeros are skipped in a sparse file, whose length is set
 * at the end. In a zstd stream they are a frame of ZEROS_FRAME bytes that was
 * compressed once and is written again and again: a stream may be any number
 * of frames, and gigabytes of zeros take no time. Fewer are
 * data.
 */
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define SUFFIX ".XXXXXX"

/* The guest stands still meanwhile, so speed is what counts. */
#define LEVEL       1
#define OUT_SIZE    (UINT64_C(256) << 10)
#define ZEROS_FRAME (UINT64_C(4) << 20)

struct zstd {
	ZSTD_CCtx *context;
	uint8_t *zeros; /* ZEROS_FRAME of them */
	uint8_t *frame; /* the same compressed */
	size_t frame_len;
	bool in_frame; /* bytes were fed since the last frame ended */
	uint8_t *out;
	size_t out_len;
};

struct dump_sink {
	int fd;
	char *path;
	char *part; /* its name until it is whole; NULL: it was handed over */
	uint64_t offset;
	uint64_t stored;
	bool compress;
	struct zstd zstd;
};

/* ---- the file ------------------------------------------------------------ */

static const char *cure(int code)
{
	switch (code) {
	case ENOSPC:
	case EDQUOT:
		return "make room there, or name another place";
	case EFBIG:
		return "raise the machine's limit of file sizes (ulimit -f), "
		       "or name another place";
	case ENOENT:
		return "make its directory first";
	case EACCES:
	case EPERM:
		return "let the user whom the machine runs as write there, or "
		       "name another place";
	default:
		return "name another place";
	}
}

static int write_error(const struct dump_sink *s, int code,
		       struct pm_error *err)
{
	return pm_error_set(err, code, "'%.300s' cannot be written (%s): %s",
			    s->path, strerror(code), cure(code));
}

static int file_write(struct dump_sink *s, const uint8_t *data, uint64_t len,
		      struct pm_error *err)
{
	while (len) {
		ssize_t n = pwrite(s->fd, data, len, (off_t)s->offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return write_error(s, n ? errno : EIO, err);
		data += n;
		len -= (uint64_t)n;
		s->offset += (uint64_t)n;
		s->stored += (uint64_t)n;
	}
	return 0;
}

/* ---- the stream ---------------------------------------------------------- */

static int zstd_error(const struct dump_sink *s, size_t code,
		      struct pm_error *err)
{
	return pm_error_set(err, EIO, "'%.300s' cannot be compressed (%s)",
			    s->path, ZSTD_getErrorName(code));
}

static int zstd_flush(struct dump_sink *s, struct pm_error *err)
{
	size_t len = s->zstd.out_len;

	s->zstd.out_len = 0;
	return file_write(s, s->zstd.out, len, err);
}

static int zstd_feed(struct dump_sink *s, const void *data, size_t len,
		     ZSTD_EndDirective end, struct pm_error *err)
{
	struct zstd *z = &s->zstd;
	ZSTD_inBuffer in = { data, len, 0 };
	size_t left;
	int ret;

	do {
		ZSTD_outBuffer out = { z->out, OUT_SIZE, z->out_len };

		left = ZSTD_compressStream2(z->context, &out, &in, end);
		if (ZSTD_isError(left))
			return zstd_error(s, left, err);
		z->out_len = out.pos;
		if (z->out_len < OUT_SIZE)
			continue;
		ret = zstd_flush(s, err);
		if (ret)
			return ret;
	} while (in.pos < in.size || (end == ZSTD_e_end && left));
	z->in_frame = end != ZSTD_e_end;
	return 0;
}

static int zstd_end_frame(struct dump_sink *s, struct pm_error *err)
{
	return s->zstd.in_frame ? zstd_feed(s, NULL, 0, ZSTD_e_end, err) : 0;
}

static int zstd_zeros_frame(struct dump_sink *s, struct pm_error *err)
{
	struct zstd *z = &s->zstd;
	int ret = 0;

	if (z->out_len + z->frame_len > OUT_SIZE)
		ret = zstd_flush(s, err);
	if (ret)
		return ret;
	memcpy(z->out + z->out_len, z->frame, z->frame_len);
	z->out_len += z->frame_len;
	return 0;
}

static int zstd_zeros(struct dump_sink *s, uint64_t len, struct pm_error *err)
{
	int ret = 0;

	if (len >= ZEROS_FRAME)
		ret = zstd_end_frame(s, err);
	for (; len >= ZEROS_FRAME && !ret; len -= ZEROS_FRAME)
		ret = zstd_zeros_frame(s, err);
	if (len && !ret)
		ret = zstd_feed(s, s->zstd.zeros, len, ZSTD_e_continue, err);
	return ret;
}

static int zstd_init(struct zstd *z)
{
	size_t room = ZSTD_compressBound(ZEROS_FRAME);

	z->context = ZSTD_createCCtx();
	z->zeros = calloc(1, ZEROS_FRAME);
	z->frame = malloc(room);
	z->out = malloc(OUT_SIZE);
	if (!z->context || !z->zeros || !z->frame || !z->out)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(z->context, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(z->context, ZSTD_c_checksumFlag, 1);
	z->frame_len = ZSTD_compress2(z->context, z->frame, room, z->zeros,
				      ZEROS_FRAME);
	return ZSTD_isError(z->frame_len) || z->frame_len > OUT_SIZE ? -EIO : 0;
}

static void zstd_finish(struct zstd *z)
{
	ZSTD_freeCCtx(z->context);
	free(z->zeros);
	free(z->frame);
	free(z->out);
}

/* ---- both ---------------------------------------------------------------- */

/* A pipe or a disk would be lost when the file takes its place. */
static int check_path(const char *path, struct pm_error *err)
{
	struct stat st;

	if (!*path)
		return pm_error_set(err, EINVAL, "the path of a dump is empty");
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return pm_error_set(err, EINVAL,
				    "'%.300s' is there and is not a file: name "
				    "another",
				    path);
	return 0;
}

static int create_part(struct dump_sink *s, struct pm_error *err)
{
	int code;

	s->fd = mkostemp(s->part, O_CLOEXEC);
	if (s->fd >= 0)
		return 0;
	code = errno;
	s->part[0] = '\0'; /* there is nothing to remove */
	return pm_error_set(err, code, "'%.300s' cannot be created (%s): %s",
			    s->path, strerror(code), cure(code));
}

/* What is not written stays as it is in a sparse file: so it starts empty. */
static int check_fd(const struct dump_sink *s, struct pm_error *err)
{
	int flags = fcntl(s->fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(s->fd, &st) < 0)
		return pm_error_set(err, errno,
				    "the descriptor for a dump cannot be used "
				    "(%s)",
				    strerror(errno));
	if (!S_ISREG(st.st_mode) || (flags & O_APPEND) ||
	    (flags & O_ACCMODE) == O_RDONLY)
		return pm_error_set(err, EINVAL,
				    "the descriptor for a dump is not of a "
				    "file that can be written anywhere: open "
				    "one for writing, without O_APPEND");
	return ftruncate(s->fd, 0) < 0 ? write_error(s, errno, err) : 0;
}

static int sink_init(struct dump_sink *s, const char *path,
		     struct pm_error *err)
{
	s->path = strdup(path ? path : "the descriptor's file");
	if (path && asprintf(&s->part, "%s" SUFFIX, path) < 0)
		s->part = NULL;
	if (!s->path || (path && !s->part) ||
	    (s->compress && zstd_init(&s->zstd)))
		return pm_error_set(err, ENOMEM, "no memory for a dump");
	return path ? create_part(s, err) : check_fd(s, err);
}

int dump_sink_open(const struct dump_target *target, struct dump_sink **sink,
		   struct pm_error *err)
{
	int fd = target->path ? -1 : target->fd;
	int ret = target->path ? check_path(target->path, err) : 0;
	struct dump_sink *s;

	if (ret)
		return ret;
	s = calloc(1, sizeof(*s));
	if (!s) {
		if (fd >= 0)
			close(fd);
		return pm_error_set(err, ENOMEM, "no memory for a dump");
	}
	s->fd = fd;
	s->compress = target->compress;
	ret = sink_init(s, target->path, err);
	if (ret) {
		dump_sink_abort(s);
		return ret;
	}
	*sink = s;
	return 0;
}

int dump_sink_write(struct dump_sink *s, const void *data, uint64_t len,
		    struct pm_error *err)
{
	if (s->compress)
		return zstd_feed(s, data, len, ZSTD_e_continue, err);
	return file_write(s, data, len, err);
}

int dump_sink_zeros(struct dump_sink *s, uint64_t len, struct pm_error *err)
{
	if (s->compress)
		return zstd_zeros(s, len, err);
	s->offset += len;
	return 0;
}

uint64_t dump_sink_stored(const struct dump_sink *s)
{
	return s->stored;
}

static int sink_end(struct dump_sink *s, struct pm_error *err)
{
	int ret = 0;

	if (s->compress)
		ret = zstd_end_frame(s, err);
	if (s->compress && !ret)
		ret = zstd_flush(s, err);
	/* The file may end in zeros. */
	if (!ret &&
	    (ftruncate(s->fd, (off_t)s->offset) < 0 || fsync(s->fd) < 0))
		ret = write_error(s, errno, err);
	return ret;
}

static void sink_free(struct dump_sink *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->compress)
		zstd_finish(&s->zstd);
	free(s->part);
	free(s->path);
	free(s);
}

int dump_sink_commit(struct dump_sink *s, struct pm_error *err)
{
	int ret = sink_end(s, err);

	if (ret)
		return ret;
	if (s->part && rename(s->part, s->path) < 0)
		return write_error(s, errno, err);
	sink_free(s);
	return 0;
}

void dump_sink_abort(struct dump_sink *s)
{
	if (!s)
		return;
	if (s->part && *s->part)
		unlink(s->part);
	else if (s->offset && ftruncate(s->fd, 0) < 0)
		s->offset = 0; /* nothing is left to be done about it */
	sink_free(s);
}
