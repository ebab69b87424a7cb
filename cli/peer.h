/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who listens at the other end of a socket: whether that process runs, is
 * stopped, or is gone, which a connection that is silent or closed does not
 * tell.
 */
#ifndef CLI_PEER_H
#define CLI_PEER_H

#include <stdbool.h>
#include <sys/types.h>

struct peer {
	pid_t pid; /* 0 where it is not known, as in another namespace */
	int pidfd; /* -1 where there is none */
};

enum peer_state { PEER_UNKNOWN, PEER_RUNS, PEER_STOPPED, PEER_GONE };

void peer_init(struct peer *peer, int fd);
void peer_finish(struct peer *peer);

/* Waits for up to @ms for it to end. */
enum peer_state peer_state(const struct peer *peer, int ms);

#endif /* CLI_PEER_H */
