/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The place of a machine with a name.
 *
 * Theory of operation: whoever holds the lock on BASE/NAME/lock owns the
 * directory. The owner removes the file and the directory as it ends, so that
 * another may have opened a file that is gone by the time it gets the lock;
 * it then starts over. The same goes for a directory that vanishes between
 * two steps. A lock ends with its process, however that ends.
 */
#include "runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each try lost means that somebody else ended just then. */
#define RUNTIME_DIR_TRIES 16

__attribute__((format(printf, 3, 4))) static int
put_path(char path[PATH_MAX], struct pm_error *err, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(path, PATH_MAX, fmt, args);
	va_end(args);
	if (len >= 0 && len < PATH_MAX)
		return 0;
	return pm_error_set(err, ENAMETOOLONG,
			    "the runtime directory has too long a path: set "
			    "XDG_RUNTIME_DIR to a shorter one");
}

int runtime_dir_base(char base[PATH_MAX], struct pm_error *err)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		return put_path(base, err, "/run/paramem");
	if (xdg && *xdg)
		return put_path(base, err, "%s/paramem", xdg);
	return put_path(base, err, "/run/user/%u/paramem",
			(unsigned int)geteuid());
}

int runtime_dir_socket(const char *base, const char *name, char path[PATH_MAX],
		       struct pm_error *err)
{
	return put_path(path, err, "%s/%s/qmp.sock", base, name);
}

static int runtime_dir_paths(struct runtime_dir *dir, const char *base,
			     const char *name, struct pm_error *err)
{
	int ret = put_path(dir->base, err, "%s", base);

	if (!ret)
		ret = put_path(dir->dir, err, "%s/%s", base, name);
	if (!ret)
		ret = put_path(dir->lock, err, "%s/%s/lock", base, name);
	if (!ret)
		ret = runtime_dir_socket(base, name, dir->socket, err);
	return ret;
}

/* A directory of our own that nobody else can write to. */
static int make_private_dir(const char *path, struct pm_error *err)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return pm_error_set(err, errno,
				    "cannot make the directory '%.200s': %s; "
				    "set XDG_RUNTIME_DIR to a directory of "
				    "yours, or give no name",
				    path, strerror(errno));
	if (lstat(path, &st) < 0)
		return pm_error_set(err, errno, "cannot look at '%.200s': %s",
				    path, strerror(errno));
	if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	    !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	return pm_error_set(err, EPERM,
			    "'%.200s' is not a directory that only you can "
			    "write to: remove it, or correct its owner and "
			    "mode",
			    path);
}

/* True when @fd is what the path still names. */
static bool still_at(int fd, const char *path)
{
	struct stat by_fd, by_path;

	return !fstat(fd, &by_fd) && !lstat(path, &by_path) &&
	       by_fd.st_dev == by_path.st_dev && by_fd.st_ino == by_path.st_ino;
}

/* -EAGAIN when the directory or the lock went away meanwhile. */
static int take_lock(struct runtime_dir *dir, const char *name,
		     struct pm_error *err)
{
	int fd, code;

	fd = open(dir->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		code = errno;
		if (code == ENOENT)
			return -EAGAIN;
		return pm_error_set(err, code, "cannot open '%.200s': %s",
				    dir->lock, strerror(code));
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		code = errno;
		close(fd);
		if (code == EWOULDBLOCK)
			return pm_error_set(err, EBUSY,
					    "a machine with the name '%s' runs "
					    "already: choose another name, or "
					    "end that one",
					    name);
		return pm_error_set(err, code, "cannot lock '%.200s': %s",
				    dir->lock, strerror(code));
	}
	if (!still_at(fd, dir->lock)) {
		close(fd);
		return -EAGAIN;
	}
	dir->lock_fd = fd;
	return 0;
}

static int try_create(struct runtime_dir *dir, const char *name,
		      struct pm_error *err)
{
	int ret;

	ret = make_private_dir(dir->base, err);
	if (ret < 0)
		return ret;
	ret = make_private_dir(dir->dir, err);
	if (ret == -ENOENT)
		return -EAGAIN;
	if (ret < 0)
		return ret;
	return take_lock(dir, name, err);
}

int runtime_dir_create(struct runtime_dir *dir, const char *base,
		       const char *name, struct pm_error *err)
{
	int ret, tries = RUNTIME_DIR_TRIES;

	ret = runtime_dir_paths(dir, base, name, err);
	if (ret < 0)
		return ret;
	do {
		ret = try_create(dir, name, err);
	} while (ret == -EAGAIN && --tries);
	if (ret == -EAGAIN)
		return pm_error_set(err, EBUSY,
				    "the name '%s' is being taken and given "
				    "up by others: choose another",
				    name);
	if (ret < 0)
		return ret;
	/* Left by a machine that was killed: we hold the lock. */
	unlink(dir->socket);
	return 0;
}

void runtime_dir_remove(struct runtime_dir *dir)
{
	unlink(dir->socket);
	/* The lock goes last: whoever waits for it then sees that it is gone. */
	unlink(dir->lock);
	rmdir(dir->dir);
	rmdir(dir->base); /* fails while other machines are there */
	close(dir->lock_fd);
}
