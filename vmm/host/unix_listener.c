/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A listening unix socket at a path.
 */
#include "unix_listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTENER_BACKLOG 16

static int listener_error(const char *path, int code, struct pm_error *err)
{
	switch (code) {
	case ENOENT:
		return pm_error_set(err, code,
				    "cannot create the socket "
				    "'%.200s': its directory does not exist, "
				    "make it first",
				    path);
	case EACCES:
	case EPERM:
	case EROFS:
		return pm_error_set(err, code,
				    "cannot create the socket "
				    "'%.200s': its directory is not writable "
				    "for you (%s), choose another",
				    path, strerror(code));
	default:
		return pm_error_set(err, code,
				    "cannot create the socket "
				    "'%.200s': %s",
				    path, strerror(code));
	}
}

static int listener_address(const char *path, struct sockaddr_un *addr,
			    struct pm_error *err)
{
	size_t len = strlen(path);

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (len >= sizeof(addr->sun_path))
		return pm_error_set(err, ENAMETOOLONG,
				    "the socket path '%.200s' is too long: use "
				    "one of at most %zu bytes",
				    path, sizeof(addr->sun_path) - 1);
	memcpy(addr->sun_path, path, len);
	return 0;
}

/* 0 when nobody listens, -EADDRINUSE when somebody does. */
static int listener_probe(const struct sockaddr_un *addr)
{
	/* Without blocking: a full backlog is a live listener, too. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ||
	    errno == EAGAIN)
		ret = -EADDRINUSE;
	else if (errno != ECONNREFUSED)
		ret = -errno;
	close(fd);
	return ret;
}

/* Makes room at the path where that does nobody harm. */
static int listener_clear(const struct sockaddr_un *addr, struct pm_error *err)
{
	const char *path = addr->sun_path;
	struct stat st;
	int ret;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : listener_error(path, errno, err);
	if (!S_ISSOCK(st.st_mode))
		return pm_error_set(err, EEXIST,
				    "cannot create the socket "
				    "'%.200s': there is a file that is not a "
				    "socket, remove it or choose another path",
				    path);
	ret = listener_probe(addr);
	if (ret == -EADDRINUSE)
		return pm_error_set(err, EADDRINUSE,
				    "the socket '%.200s' is in use by "
				    "a running process: choose another path or "
				    "end that one",
				    path);
	if (ret < 0)
		return listener_error(path, -ret, err);
	if (unlink(path) < 0 && errno != ENOENT)
		return listener_error(path, errno, err);
	return 0;
}

static int listener_bind(struct unix_listener *l,
			 const struct sockaddr_un *addr, struct pm_error *err)
{
	struct stat st;
	int code;

	/* On Linux the file gets the socket's own mode, from the start. */
	if (fchmod(l->fd, 0600) < 0 ||
	    bind(l->fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return listener_error(l->path, errno, err);
	if (listen(l->fd, LISTENER_BACKLOG) == 0 && lstat(l->path, &st) == 0) {
		l->dev = st.st_dev;
		l->ino = st.st_ino;
		return 0;
	}
	code = errno;
	unlink(l->path);
	return listener_error(l->path, code, err);
}

static int spare_open(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int unix_listener_open(struct unix_listener *listener, const char *path,
		       struct pm_error *err)
{
	struct unix_listener l = { .path = path, .spare = -1 };
	struct sockaddr_un addr;
	int ret;

	ret = listener_address(path, &addr, err);
	if (ret < 0)
		return ret;
	ret = listener_clear(&addr, err);
	if (ret < 0)
		return ret;
	l.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l.fd < 0)
		return listener_error(path, errno, err);
	ret = listener_bind(&l, &addr, err);
	if (ret < 0) {
		close(l.fd);
		return ret;
	}
	l.spare = spare_open();
	*listener = l;
	return 0;
}

/* Which needs a descriptor, too. */
void unix_listener_turn_away(struct unix_listener *l, const char *words)
{
	if (l->spare >= 0)
		close(l->spare);
	l->spare = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (l->spare >= 0) {
		if (words)
			send(l->spare, words, strlen(words),
			     MSG_NOSIGNAL | MSG_DONTWAIT);
		close(l->spare);
	}
	l->spare = spare_open();
}

int unix_listener_try_accept(struct unix_listener *l, int flags)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | flags);

	return fd >= 0 ? fd : -errno;
}

int unix_listener_accept(struct unix_listener *l, int flags)
{
	int fd = unix_listener_try_accept(l, flags);

	if (fd == -EMFILE || fd == -ENFILE)
		unix_listener_turn_away(l, NULL);
	return fd;
}

void unix_listener_close(struct unix_listener *listener)
{
	struct stat st;

	if (lstat(listener->path, &st) == 0 && st.st_dev == listener->dev &&
	    st.st_ino == listener->ino)
		unlink(listener->path);
	if (listener->spare >= 0)
		close(listener->spare);
	close(listener->fd);
}
