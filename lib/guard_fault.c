/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest touched what it may not: telling its owner, and lending a page.
 *
 * Theory of operation. Whoever touches a guarded page waits in the kernel for
 * a page to be there. It gets one on loan, after the owner was told, which
 * guard_loans.c takes back.
 *
 * Where there are zeros to be read, they are put there if they are not yet
 * (guard_fresh.c), and nothing is lent to who reads.
 *
 * Where reading unplugged memory is allowed, and still needs a page, more is
 * lent at once, write-protected: who reads one page often reads the next, and
 * a write to it is told as always.
 *
 * Where a page is asked for by a thread of the kernel and may only be read
 * (guard_loans.c, "Doubt"), and reading is a violation, it is told at once, as
 * a write.
 *
 * Where no page can be lent, since the pool of huge pages is empty, say, the
 * page's place in the guest's view is closed for good. KVM_RUN then fails with
 * EFAULT, and the guest can only be reset.
 */
#include "guard_fault.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "guard_fresh.h"
#include "guard_loans.h"
#include "guard_tables.h"
#include "host.h"
#include "ram.h"

#define LOAN_READ_MAX (UINT64_C(256) << 10)

struct access {
	bool write;     /* the page is asked for to be written */
	bool doubt;     /* yet it may only be read */
	bool violation; /* known as such */
};

static bool zeros_can_be_read(const struct guard *g)
{
	return g->ops->level == PM_GUARD_WRITES;
}

/* Lends the page at @offset, or more of its block for reading. */
static int lend(struct guard *g, uint64_t offset, struct access a)
{
	uint64_t size = g->ram->page_size;
	int ret;

	if (!a.violation && !zeros_can_be_read(g) && size < LOAN_READ_MAX)
		size = LOAN_READ_MAX;
	offset -= offset % size;
	if (guard_is_lent(g, offset, size))
		return g->ops->lend(g, offset, size, a.write);
	guard_tables_tidy(g);
	ret = guard_loans_make_room(g, size);
	if (!ret)
		ret = g->ops->lend(g, offset, size, a.write);
	if (ret < 0)
		return ret;
	guard_loans_note(g, offset, size, a.doubt && !a.violation);
	guard_tables_note(g, offset);
	return 0;
}

/* The page stays out of reach, and who waits for it fails. */
static void refuse(struct guard *g, uint64_t offset)
{
	uint64_t size = g->ram->page_size;

	offset -= offset % size;
	guard_close(g, offset, size);
	uffd_wake(g->uffd->fd, g->view + offset, size);
}

/* ---- faults -------------------------------------------------------------- */

static void tell(struct guard *g, uint64_t offset, bool write, pid_t thread)
{
	struct pm_violation v = {
		.offset = offset,
		.write = write,
		.thread = thread,
	};

	if (write)
		g->writes++;
	else
		g->reads++;
	v.count = g->writes + g->reads;
	if (g->owner && g->owner->violation)
		g->owner->violation(g->opaque, &v);
}

/* True when that was all there was to do. */
static bool serve_granted(struct guard *g, uint64_t offset)
{
	bool granted;

	guard_lock(g);
	granted = guard_is_granted(g, offset);
	if (granted)
		/* Where it fails, the guest just asks again. */
		g->ops->serve(g, offset);
	guard_unlock(g);
	return granted;
}

/*
 * Who touched the page: a thread of ours, by its number, or 0 where that is not
 * known to be so. KVM has threads of the kernel fault pages in, too, and a
 * message has the number that a thread has in its own namespace. Ours and
 * theirs are told apart where both are in the first one; in a container a
 * number that is one of ours may be of either.
 */
static pid_t our_thread(const struct guard *g, pid_t thread)
{
	if (!g->ram->sys->first_pids || tgkill(getpid(), thread, 0) < 0)
		return 0;
	return thread;
}

static struct access judge(struct guard *g, const struct uffd_fault *fault)
{
	struct access a = { .write = fault->write };

	a.doubt = fault->write && fault->missing && g->ops->doubts &&
		  !our_thread(g, fault->thread);
	a.violation = g->inaccessible || (fault->write && !a.doubt);
	return a;
}

static void lend_or_refuse(struct guard *g, uint64_t offset, struct access a)
{
	if (guard_fresh_has(g, offset) &&
	    guard_fresh_show(g, offset, a.write) < 0) {
		refuse(g, offset);
		return;
	}
	if (!a.write && zeros_can_be_read(g)) {
		g->ops->serve(g, offset);
		return;
	}
	if (lend(g, offset, a) == 0)
		return;
	guard_loans_recall(g);
	if (lend(g, offset, a) < 0)
		refuse(g, offset);
}

/*
 * Memory that is closed by now, or about to be: who touched it fails. A view is
 * never closed; what is past the usable region is unplugged memory there.
 */
static bool is_gone(struct guard *g, uint64_t offset)
{
	bool gone;

	guard_lock(g);
	gone = offset >= g->size && !guard_has_view(g);
	guard_unlock(g);
	return gone;
}

void guard_fault(struct uffd_user *user, const struct uffd_fault *fault)
{
	struct guard *g =
		(struct guard *)((char *)user - offsetof(struct guard, user));
	uint64_t offset = fault->address - (uintptr_t)g->view;
	struct access a;

	if (is_gone(g, offset)) {
		uffd_wake(g->uffd->fd,
			  (void *)(fault->address & -g->ram->page_size),
			  g->ram->page_size);
		return;
	}
	if (serve_granted(g, offset))
		return;
	a = judge(g, fault);
	if (a.violation)
		tell(g, offset, fault->write, our_thread(g, fault->thread));
	guard_lock(g);
	/* It may have been plugged meanwhile. */
	if (guard_is_granted(g, offset))
		g->ops->serve(g, offset);
	else
		lend_or_refuse(g, offset, a);
	guard_unlock(g);
}

/* ---- telling ------------------------------------------------------------- */

void guard_tell_late(struct guard *g)
{
	uint64_t late[GUARD_LOANS_MAX];
	unsigned int nr;

	guard_lock(g);
	nr = g->nr_late;
	memcpy(late, g->late, sizeof(late));
	g->nr_late = 0;
	guard_unlock(g);
	while (nr--)
		tell(g, late[nr], true, 0);
}

void guard_report(struct guard *g, uint64_t offset, bool write, pid_t thread)
{
	if (g->ops && (write || g->inaccessible))
		tell(g, offset, write, thread);
}
