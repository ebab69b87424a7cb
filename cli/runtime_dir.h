/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The place of a machine with a name: BASE/NAME, where its control socket is,
 * and a lock that it holds for as long as it lives.
 */
#ifndef CLI_RUNTIME_DIR_H
#define CLI_RUNTIME_DIR_H

#include <limits.h>

#include "paramem.h"

struct runtime_dir {
	int lock_fd;
	char base[PATH_MAX];
	char dir[PATH_MAX];
	char lock[PATH_MAX];
	char socket[PATH_MAX];
};

/*
 * /run/paramem for root, whatever the environment says, so that all of root's
 * shells agree; else $XDG_RUNTIME_DIR/paramem, or /run/user/UID/paramem where
 * that variable is not set. -ENAMETOOLONG.
 */
int runtime_dir_base(char base[PATH_MAX], struct pm_error *err);

/* BASE/NAME/qmp.sock, without touching anything. 0 or -ENAMETOOLONG. */
int runtime_dir_socket(const char *base, const char *name, char path[PATH_MAX],
		       struct pm_error *err);

/*
 * Makes BASE and BASE/NAME, with a mode of 0700, takes the lock, and clears
 * away what a machine that was killed left. -EBUSY when one of that name is
 * alive; -errno with a sentence. The name is valid already.
 */
int runtime_dir_create(struct runtime_dir *dir, const char *base,
		       const char *name, struct pm_error *err);

/* Removes everything and lets go of the lock. */
void runtime_dir_remove(struct runtime_dir *dir);

#endif /* CLI_RUNTIME_DIR_H */
