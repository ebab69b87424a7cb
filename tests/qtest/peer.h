/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine without a CPU as a child process: paramem or QEMU, from one
 * description. Its sockets lie in a directory of its own; neither that nor the
 * process outlives who started it.
 */
#ifndef QTEST_PEER_H
#define QTEST_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "qmp.h"
#include "qtest.h"

enum { PEER_DEVICES_MAX = 8 };

enum peer_kind { PEER_PARAMEM, PEER_QEMU };

/* As the options of both spell them; PEER_DEFAULT leaves the option out. */
enum peer_choice { PEER_DEFAULT, PEER_AUTO, PEER_ON, PEER_OFF };

struct peer_device {
	const char *id; /* NULL: vm0 for the first, and so on */
	uint64_t max_size;
	uint64_t block_size;
	uint64_t requested_size;
	enum peer_choice unplugged_inaccessible;
	bool hugetlb;      /* memory from the host's pool of huge pages */
	bool no_reserve;   /* more of it than the host could promise */
	const char *extra; /* more options of --mem-device, paramem alone */
};

struct peer_config {
	enum peer_kind kind;
	const char *program; /* path of the binary; QEMU's may be NULL */
	uint64_t memory;     /* at boot; 0: 128 MiB */
	struct peer_device devices[PEER_DEVICES_MAX];
	unsigned int nr_devices;
};

struct peer {
	enum peer_kind kind;
	pid_t pid;  /* 0 once it is gone */
	int errors; /* a file with what it wrote to its standard error */
	char dir[64];
	struct qtest qtest;
	struct qmp qmp;
	struct peer *next; /* private: all that live */
};

/* Writes the id of device @nth without an id of its own; returns @id. */
const char *peer_device_id(char *id, size_t size, unsigned int nth);

/* "paramem" or "qemu". */
const char *peer_name(const struct peer *peer);

/*
 * Starts a peer and connects to both of its sockets. One that dies, now or
 * later, is fatal() with its exit status and what it wrote.
 */
struct peer *peer_start(const struct peer_config *config);

/*
 * Ends the peer by QMP quit and checks that it ends well: status 0, and no
 * report of a sanitizer. Takes NULL.
 */
void peer_stop(struct peer *peer);

/* Kills the peer without any checks. Takes NULL. */
void peer_kill(struct peer *peer);

/*
 * Starts a peer that is to refuse its options: its exit status, and what it
 * wrote, cut to @size. One that does not end by itself is fatal().
 */
int peer_refuses(const struct peer_config *config, char *text, size_t size);

/* Resets the system by QMP, as its reset button would, and waits. */
void peer_system_reset(struct peer *peer);

/* Resident memory of the process in bytes (VmRSS). */
uint64_t peer_resident(const struct peer *peer);

#endif /* QTEST_PEER_H */
