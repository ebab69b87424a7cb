/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who listens at the other end of a socket.
 */
#include "peer.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void peer_init(struct peer *peer, int fd)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		cred.pid = 0;
	peer->pid = cred.pid;
	/* Since Linux 5.3. It goes on to mean this process, whatever else
	 * gets its number. */
	peer->pidfd =
		cred.pid > 0 ? (int)syscall(SYS_pidfd_open, cred.pid, 0) : -1;
}

void peer_finish(struct peer *peer)
{
	if (peer->pidfd >= 0)
		close(peer->pidfd);
}

/* The letter that proc(5) has for what the process does; 0 for none. */
static char peer_letter(pid_t pid)
{
	char path[32], letter = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	/* No program with a parenthesis in its name is ours. */
	if (fscanf(file, "%*d (%*[^)]) %c", &letter) != 1)
		letter = 0;
	fclose(file);
	return letter;
}

enum peer_state peer_state(const struct peer *peer, int ms)
{
	struct pollfd pfd = { .fd = peer->pidfd, .events = POLLIN };

	if (peer->pidfd < 0)
		return PEER_UNKNOWN;
	if (poll(&pfd, 1, ms) > 0)
		return PEER_GONE;
	switch (peer_letter(peer->pid)) {
	case 0:
		return PEER_UNKNOWN;
	case 'T':
	case 't':
		return PEER_STOPPED;
	default:
		return PEER_RUNS;
	}
}
