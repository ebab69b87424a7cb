/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of a peer, from its description. */
#ifndef QTEST_PEER_ARGS_H
#define QTEST_PEER_ARGS_H

#include "peer.h"

/* Sockets within the peer's directory. */
#define PEER_QTEST_SOCKET "qtest"
#define PEER_QMP_SOCKET   "qmp"

#define PEER_PATH_MAX 96

enum { PEER_ARGS_MAX = 64, PEER_ARGS_TEXT = 8192 };

struct peer_args {
	char *argv[PEER_ARGS_MAX + 1]; /* NULL at the end */
	unsigned int nr;
	char text[PEER_ARGS_TEXT];
	size_t used;
};

struct peer_args *peer_args_create(const struct peer_config *config,
				   const char *dir);
void peer_args_destroy(struct peer_args *args);

/* Writes DIR/NAME into @path, PEER_PATH_MAX bytes, and returns it. */
const char *peer_path(char *path, const char *dir, const char *name);

#endif /* QTEST_PEER_ARGS_H */
