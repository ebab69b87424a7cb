/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who owns a userfaultfd, and tells those who use it of faults in their ranges.
 *
 * One descriptor has one set of features and one queue of messages, and a
 * mapping belongs to one of them. So those who watch memory share it, each a
 * range of its own: all calls of uffd_calls.h go to uffd.fd.
 *
 * Users come and go on one thread, while none is in uffd_handle().
 */
#ifndef PARAMEM_UFFD_H
#define PARAMEM_UFFD_H

#include <stdint.h>

#include "uffd_calls.h"

/* The user's memory; alive until it is removed. */
struct uffd_user {
	const unsigned char *start;
	uint64_t size;
	/* Somebody waits at this address of the range, until woken. */
	void (*fault)(struct uffd_user *user, const struct uffd_fault *fault);
	struct uffd_user *next; /* private to uffd.c */
};

struct uffd {
	int fd; /* -1: not open */
	uint64_t features;
	struct uffd_user *users;
};

void uffd_init(struct uffd *u);

/*
 * Opens the descriptor with all features in @needs and those in @wants that the
 * kernel has, see u->features. Where it is open already, for somebody else, it
 * has to have what is needed. 0, or -errno and in @lack why; that text lives
 * for ever.
 */
int uffd_open(struct uffd *u, uint64_t needs, uint64_t wants,
	      const char **lack);

/* Those who wait go on, unwatched. Nobody uses it. Takes what is not open. */
void uffd_close(struct uffd *u);

/* No two ranges overlap. To have its range watched is the user's business. */
void uffd_add_user(struct uffd *u, struct uffd_user *user);
/* Takes what was not added. */
void uffd_remove_user(struct uffd *u, struct uffd_user *user);

/*
 * Takes the faults that there are, a bounded number of them, to their users,
 * and returns at once. Who waits where nobody uses the memory is woken.
 */
void uffd_handle(struct uffd *u);

#endif
