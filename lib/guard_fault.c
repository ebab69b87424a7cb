/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest touched what it may not: telling its owner, and lending a page.
 *
 * Theory of operation. Whoever touches a guarded page waits in the kernel for
 * a page to be there. It gets one on loan, after the owner was told. Loans are
 * few, the oldest goes when there are too many, and all go after LOAN_MS. To
 * take one back is to discard it, with the same verification as an unplug.
 *
 * Where reading unplugged memory is allowed, and still needs a page, more is
 * lent at once, write-protected: who reads one page often reads the next, and
 * a write to it is told as always.
 *
 * Doubt. When a guest can be interrupted, KVM has a thread of the kernel fault
 * a missing page in, and always asks for one to write to, also if the guest
 * but reads. Where reading is allowed, such a page is lent to be written, and
 * looked at when it is taken back: if it holds anything, it was a write, which
 * is told then. Where reading is a violation, too, it is told at once, as a
 * write.
 *
 * Where no page can be lent, since the pool of huge pages is empty, say, the
 * page's place in the guest's view is closed for good. KVM_RUN then fails with
 * EFAULT, and the guest can only be reset.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "guard.h"
#include "guard_uffd.h"
#include "ram.h"

#define LOAN_MS       20
#define LOAN_READ_MAX (UINT64_C(256) << 10)
/* What is lent in all; one page may always be, however large it is. */
#define LENT_MAX      (UINT64_C(8) << 20)
/* Faults that one call handles. */
#define BATCH         16

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- loans; the lock is held --------------------------------------------- */

static void loan_remove(struct guard *g, unsigned int index)
{
	g->nr_loans--;
	memmove(&g->loans[index], &g->loans[index + 1],
		(g->nr_loans - index) * sizeof(g->loans[0]));
}

bool guard_forget_loans(struct guard *g, uint64_t offset, uint64_t size)
{
	unsigned int before = g->nr_loans;

	for (unsigned int i = g->nr_loans; i--;) {
		if (g->loans[i].offset >= offset &&
		    g->loans[i].offset - offset < size)
			loan_remove(g, i);
	}
	return g->nr_loans != before;
}

/*
 * Read from the file, not through a mapping, which would get a page of its own
 * by that. Doubt is where memory is a file.
 */
static bool holds_zeros(const struct guard *g, uint64_t offset, uint64_t size)
{
	unsigned char buf[4096];

	for (uint64_t at = 0; at < size; at += sizeof(buf)) {
		if (pread(g->ram->fd, buf, sizeof(buf), (off_t)(offset + at)) !=
		    (ssize_t)sizeof(buf))
			return false;
		if (buf[0] || memcmp(buf, buf + 1, sizeof(buf) - 1) != 0)
			return false;
	}
	return true;
}

/* Closed to writes first, so that none comes after the look. */
void guard_doubt(struct guard *g, uint64_t offset, uint64_t size)
{
	if (g->nr_late == GUARD_LOANS_MAX)
		return;
	g->ops->protect(g, offset, size);
	if (!holds_zeros(g, offset, size))
		g->late[g->nr_late++] = offset;
}

static int loan_recall_oldest(struct guard *g)
{
	struct guard_loan loan = g->loans[0];
	int ret;

	if (loan.doubt)
		guard_doubt(g, loan.offset, loan.size);
	ret = g->ops->discard(g, loan.offset, loan.size);
	loan_remove(g, 0);
	if (ret < 0) {
		/* A vCPU hammers it. It stays known, as the youngest. */
		loan.until = now_ms() + LOAN_MS;
		g->loans[g->nr_loans++] = loan;
	}
	return ret;
}

int guard_recall(struct guard *g)
{
	int ret = 0;

	for (unsigned int n = g->nr_loans; n; n--) {
		int failed = loan_recall_oldest(g);

		ret = ret ? ret : failed;
	}
	return ret;
}

/* Whether all of it is lent, so that all of it will be recalled. */
static bool loan_covers(const struct guard *g, uint64_t offset, uint64_t size)
{
	for (unsigned int i = 0; i < g->nr_loans; i++) {
		const struct guard_loan *loan = &g->loans[i];

		if (loan->offset <= offset && size <= loan->size &&
		    offset - loan->offset <= loan->size - size)
			return true;
	}
	return false;
}

/* Makes room for one more loan of @size bytes. */
static int loan_make_room(struct guard *g, uint64_t size)
{
	unsigned int max =
		size < LENT_MAX ? (unsigned int)(LENT_MAX / size) : 1;
	int ret = 0;

	if (max > GUARD_LOANS_MAX)
		max = GUARD_LOANS_MAX;
	for (unsigned int tries = GUARD_LOANS_MAX; g->nr_loans >= max && tries;
	     tries--)
		ret = loan_recall_oldest(g);
	return g->nr_loans < max ? 0 : ret;
}

struct access {
	bool write;     /* the page is asked for to be written */
	bool doubt;     /* yet it may only be read */
	bool violation; /* known as such */
};

/* Lends the page at @offset, or more of its block for reading. */
static int lend(struct guard *g, uint64_t offset, struct access a)
{
	uint64_t size = g->ram->page_size;
	int ret;

	if (!a.violation && size < LOAN_READ_MAX)
		size = LOAN_READ_MAX;
	offset -= offset % size;
	if (loan_covers(g, offset, size))
		return g->ops->lend(g, offset, size, a.write);
	guard_tables_tidy(g);
	ret = loan_make_room(g, size);
	if (!ret)
		ret = g->ops->lend(g, offset, size, a.write);
	if (ret < 0)
		return ret;
	g->loans[g->nr_loans++] = (struct guard_loan){
		.offset = offset,
		.size = size,
		.until = now_ms() + LOAN_MS,
		.doubt = a.doubt && !a.violation,
	};
	guard_tables_note(g, offset);
	return 0;
}

void guard_close(struct guard *g, uint64_t offset, uint64_t size)
{
	if (mprotect(g->view + offset, size, PROT_NONE) == 0)
		g->refused = true;
}

/* The page stays out of reach, and who waits for it fails. */
static void refuse(struct guard *g, uint64_t offset)
{
	uint64_t size = g->ram->page_size;

	offset -= offset % size;
	guard_close(g, offset, size);
	uffd_wake(g->uffd, g->view + offset, size);
}

/* What was closed may have been so because it could not be watched. */
static int open_again(struct guard *g)
{
	uint64_t size = g->ram->size;
	int ret = g->ops->remap ? g->ops->remap(g, 0, size) : 0;

	if (!ret && mprotect(g->view, size, PROT_READ | PROT_WRITE) < 0)
		ret = -errno;
	return ret;
}

void guard_reset(struct guard *g)
{
	if (!g->ops)
		return;
	guard_lock(g);
	guard_recall(g);
	if (g->refused && open_again(g) == 0)
		g->refused = false;
	guard_unlock(g);
}

/* ---- faults -------------------------------------------------------------- */

static bool is_granted(struct guard *g, uint64_t offset)
{
	const struct block_range range = {
		.first = offset / g->block_size,
		.count = 1,
	};

	return block_map_all_set(&g->granted, range);
}

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
	granted = is_granted(g, offset);
	if (granted)
		/* Where it fails, the guest just asks again. */
		g->ops->serve(g, offset);
	guard_unlock(g);
	return granted;
}

/* What was noticed late is told late. Not under the lock. */
static void tell_late(struct guard *g)
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

/* Not by a thread of this process: by one that KVM has. */
static bool is_kernel_thread(pid_t thread)
{
	return tgkill(getpid(), thread, 0) < 0;
}

static struct access judge(struct guard *g, const struct uffd_fault *fault)
{
	struct access a = { .write = fault->write };

	a.doubt = fault->write && fault->missing && g->ops->doubts &&
		  is_kernel_thread(fault->thread);
	a.violation = g->inaccessible || (fault->write && !a.doubt);
	return a;
}

static void lend_or_refuse(struct guard *g, uint64_t offset, struct access a)
{
	if (lend(g, offset, a) == 0)
		return;
	guard_recall(g);
	if (lend(g, offset, a) < 0)
		refuse(g, offset);
}

static void handle_fault(struct guard *g, const struct uffd_fault *fault)
{
	uint64_t offset = fault->address - (uintptr_t)g->view;
	struct access a;

	if (offset >= g->ram->size) {
		uffd_wake(g->uffd,
			  (void *)(fault->address & -g->ram->page_size),
			  g->ram->page_size);
		return;
	}
	if (serve_granted(g, offset))
		return;
	a = judge(g, fault);
	if (a.violation)
		tell(g, offset, fault->write, fault->thread);
	guard_lock(g);
	/* It may have been plugged meanwhile. */
	if (is_granted(g, offset))
		g->ops->serve(g, offset);
	else
		lend_or_refuse(g, offset, a);
	guard_unlock(g);
}

/* ---- the public functions ------------------------------------------------ */

void *pm_device_memory(const struct pm_device *dev)
{
	return dev->guard.view;
}

int pm_device_guard_fd(const struct pm_device *dev)
{
	return dev->guard.ops ? dev->guard.uffd : -ENOTSUP;
}

/* Takes back what is due; returns in how many milliseconds more is. */
static int expire(struct guard *g)
{
	int64_t left = -1;

	guard_lock(g);
	for (unsigned int n = g->nr_loans; n; n--) {
		left = g->loans[0].until - now_ms();
		if (left > 0)
			break;
		loan_recall_oldest(g);
	}
	if (!g->nr_loans)
		left = -1;
	else if (left <= 0)
		left = LOAN_MS;
	guard_unlock(g);
	return (int)left;
}

int pm_device_guard_handle(struct pm_device *dev)
{
	struct guard *g = &dev->guard;
	struct uffd_fault faults[BATCH];
	unsigned int n;
	int timeout;

	if (!g->ops)
		return -1;
	n = uffd_read(g->uffd, faults, BATCH);
	for (unsigned int i = 0; i < n; i++)
		handle_fault(g, &faults[i]);
	timeout = expire(g);
	tell_late(g);
	return timeout;
}

int pm_device_guard_recall(struct pm_device *dev)
{
	struct guard *g = &dev->guard;
	int ret;

	if (!g->ops)
		return 0;
	guard_lock(g);
	ret = guard_recall(g);
	guard_unlock(g);
	tell_late(g);
	return ret;
}

void pm_device_guard_report(struct pm_device *dev, uint64_t offset, bool write,
			    pid_t thread)
{
	struct guard *g = &dev->guard;

	if (g->ops && (write || g->inaccessible))
		tell(g, offset, write, thread);
}
