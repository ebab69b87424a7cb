/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A listening unix socket at a path: takes over a stale socket file, leaves a
 * live one alone, and removes its own at the end.
 */
#ifndef VMM_UNIX_LISTENER_H
#define VMM_UNIX_LISTENER_H

#include <sys/types.h>

#include "paramem.h"

struct unix_listener {
	int fd;
	const char *path; /* the caller's */
	/* The file that was bound, so that no other is ever removed. */
	dev_t dev;
	ino_t ino;
	/* Kept to be able to turn a client away when descriptors run out. */
	int spare;
};

/*
 * Binds and listens, with a mode of 0600. -EADDRINUSE when somebody listens
 * at the path already; -errno with a sentence, having left nothing behind.
 */
int unix_listener_open(struct unix_listener *listener, const char *path,
		       struct pm_error *err);
/*
 * Accepts one client; @flags are those of accept4(2) besides SOCK_CLOEXEC. The
 * descriptor or -errno. When the process has no descriptors left, the client
 * is closed, so that the listener does not stay ready for ever.
 */
int unix_listener_accept(struct unix_listener *listener, int flags);
/* The same without closing anybody, for a caller that can make room. */
int unix_listener_try_accept(struct unix_listener *listener, int flags);
/*
 * Closes whoever is first in line, in a process that has no descriptors left,
 * with a few words for it to read, if it takes them; @words may be NULL.
 */
void unix_listener_turn_away(struct unix_listener *listener, const char *words);
void unix_listener_close(struct unix_listener *listener);

#endif /* VMM_UNIX_LISTENER_H */
