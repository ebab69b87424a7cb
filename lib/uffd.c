/* SPDX-License-Identifier: BSD-3-Clause */
/* Who owns a userfaultfd, and tells those who use it. */
#include "uffd.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

/* Faults that one call handles. */
#define BATCH 16

void uffd_init(struct uffd *u)
{
	*u = (struct uffd){ .fd = -1 };
}

int uffd_open(struct uffd *u, uint64_t needs, uint64_t wants, const char **lack)
{
	int fd;

	if (u->fd >= 0) {
		if (!(needs & ~u->features))
			return 0;
		*lack = "the userfaultfd that is in use already lacks what "
			"this kind of memory needs";
		return -ENOTSUP;
	}
	fd = uffd_new(needs, wants, &u->features, lack);
	if (fd < 0)
		return fd;
	u->fd = fd;
	return 0;
}

void uffd_close(struct uffd *u)
{
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
}

void uffd_add_user(struct uffd *u, struct uffd_user *user)
{
	user->next = u->users;
	u->users = user;
}

void uffd_remove_user(struct uffd *u, struct uffd_user *user)
{
	struct uffd_user **at = &u->users;

	while (*at && *at != user)
		at = &(*at)->next;
	if (*at)
		*at = user->next;
}

static struct uffd_user *find_user(const struct uffd *u, uintptr_t address)
{
	struct uffd_user *user = u->users;

	while (user && address - (uintptr_t)user->start >= user->size)
		user = user->next;
	return user;
}

/* Nobody's memory any more: it was, when the fault came. */
static void wake(const struct uffd *u, uintptr_t address)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	uffd_wake(u->fd, (void *)(address & -page), page);
}

void uffd_handle(struct uffd *u)
{
	struct uffd_fault faults[BATCH];
	unsigned int n = uffd_read(u->fd, faults, BATCH);

	for (unsigned int i = 0; i < n; i++) {
		struct uffd_user *user = find_user(u, faults[i].address);

		if (user)
			user->fault(user, &faults[i]);
		else
			wake(u, faults[i].address);
	}
}
