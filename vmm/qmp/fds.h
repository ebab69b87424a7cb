/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * File descriptors that clients pass: such with a name, which are the
 * connection's own and end with it, and sets of them, which are everybody's
 * and end when no client is there any more.
 */
#ifndef VMM_QMP_FDS_H
#define VMM_QMP_FDS_H

#include <stdint.h>

struct qmp;
struct qmp_error;
struct qmp_fd; /* one that is kept */

/* With one message; the kernel drops others. */
#define QMP_FDS_MESSAGE_MAX 16
/* Named by one client, or in all sets. */
#define QMP_FDS_KEPT_MAX    64

/* A connection's. All zeros is a valid beginning. */
struct qmp_fds {
	int came[QMP_FDS_MESSAGE_MAX]; /* that no command has taken yet */
	unsigned int nr_came;
	struct qmp_fd *named;
	unsigned int nr_named;
};

/* Takes what came with a message; what came before and was not taken goes. */
void qmp_fds_came(struct qmp_fds *fds, const int *came, unsigned int nr);
void qmp_fds_finish(struct qmp_fds *fds);

/* Takes out the one of that name, for the caller to close; -1 with @error. */
int qmp_fds_take(struct qmp_fds *fds, const char *name,
		 struct qmp_error *error);

/*
 * A copy, for the caller to close, of a descriptor of the set /dev/fdset/N that
 * can be written to. -1 with @error when there is none.
 */
int qmp_fdset_open(const struct qmp *qmp, const char *path,
		   struct qmp_error *error);

/* Closes all sets. */
void qmp_fdsets_clear(struct qmp *qmp);

#define QMP_FDSET_PATH "/dev/fdset/"

#endif /* VMM_QMP_FDS_H */
