/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking back what was lent to a guest.
 *
 * Theory of operation. Loans are few, the oldest goes when there are too many,
 * and all go after LOAN_MS. To take one back is to discard it, with the same
 * verification as an unplug.
 *
 * Doubt. When a guest can be interrupted, KVM has a thread of the kernel fault
 * a missing page in, and always asks for one to write to, also if the guest
 * but reads. In a container every fault may be by such a thread, as far as can
 * be told. Where reading is allowed, such a page is lent to be written, and
 * looked at when it is taken back: if it holds anything, it was a write, which
 * is told then.
 */
#include "guard_loans.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ram.h"

#define LOAN_MS  20
/* What is lent in all; one page may always be, however large it is. */
#define LENT_MAX (UINT64_C(8) << 20)

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * A file is read from, not through a mapping, which would get a page of its own
 * by that.
 */
static bool read_view(const struct guard *g, uint64_t offset, void *buf,
		      size_t size)
{
	if (g->ram->fd >= 0)
		return pread(g->ram->fd, buf, size, (off_t)offset) ==
		       (ssize_t)size;
	/* Not what may be closed. */
	if (g->refused)
		return false;
	memcpy(buf, g->view + offset, size);
	return true;
}

static bool holds_zeros(const struct guard *g, uint64_t offset, uint64_t size)
{
	unsigned char buf[4096];

	for (uint64_t at = 0; at < size; at += sizeof(buf)) {
		if (!read_view(g, offset + at, buf, sizeof(buf)))
			return false;
		if (buf[0] || memcmp(buf, buf + 1, sizeof(buf) - 1) != 0)
			return false;
	}
	return true;
}

/* Closed to writes first, so that none comes after the look. */
void guard_loans_doubt(struct guard *g, uint64_t offset, uint64_t size)
{
	if (g->nr_late == GUARD_LOANS_MAX)
		return;
	g->ops->protect(g, offset, size);
	if (!holds_zeros(g, offset, size))
		g->late[g->nr_late++] = offset;
}

static int recall_oldest(struct guard *g)
{
	struct guard_loan loan = g->loans[0];
	int ret;

	if (loan.doubt)
		guard_loans_doubt(g, loan.offset, loan.size);
	ret = g->ops->discard(g, loan.offset, loan.size);
	guard_loan_take(g);
	if (ret < 0) {
		/* A vCPU hammers it. It stays known, as the youngest. */
		loan.until = now_ms() + LOAN_MS;
		guard_loan_add(g, loan);
	}
	return ret;
}

int guard_loans_recall(struct guard *g)
{
	int ret = 0;

	for (unsigned int n = g->nr_loans; n; n--) {
		int failed = recall_oldest(g);

		ret = ret ? ret : failed;
	}
	return ret;
}

int guard_loans_make_room(struct guard *g, uint64_t size)
{
	unsigned int max =
		size < LENT_MAX ? (unsigned int)(LENT_MAX / size) : 1;
	int ret = 0;

	if (max > GUARD_LOANS_MAX)
		max = GUARD_LOANS_MAX;
	for (unsigned int tries = GUARD_LOANS_MAX; g->nr_loans >= max && tries;
	     tries--)
		ret = recall_oldest(g);
	return g->nr_loans < max ? 0 : ret;
}

void guard_loans_note(struct guard *g, uint64_t offset, uint64_t size,
		      bool doubt)
{
	guard_loan_add(g, (struct guard_loan){
				  .offset = offset,
				  .size = size,
				  .until = now_ms() + LOAN_MS,
				  .doubt = doubt,
			  });
}

int guard_loans_expire(struct guard *g)
{
	int64_t left = -1;

	for (unsigned int n = g->nr_loans; n; n--) {
		left = g->loans[0].until - now_ms();
		if (left > 0)
			break;
		recall_oldest(g);
	}
	if (!g->nr_loans)
		left = -1;
	else if (left <= 0)
		left = LOAN_MS;
	return (int)left;
}
