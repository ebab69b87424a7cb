/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private anonymous memory: write-protected zeros.
 *
 * Theory of operation. The kernel can protect what is mapped, so the page of
 * zeros is mapped first, wherever nothing is: the huge one, which takes no time
 * at all. Where memory may not have huge pages, it would be one small page after
 * the other; there, places without a page are protected as they are, by a mark
 * (WP_UNPOPULATED, since Linux 6.4), thirty times as fast. Marks are no good for
 * huge pages: they make page tables for small ones. A write to a mark gets a
 * page of zeros and has to wait before it lands, so as many pages may be behind
 * unplugged memory for a moment as there are vCPUs that wait.
 *
 * Freeing pages ends their protection, so between the two steps of a discard
 * a vCPU can bring a page back. Hence the order: free; map zeros and protect;
 * and only then look, whether every page is the shared one, or none, and
 * protected. If not, start over: whatever came back in the gap is protected now, so nobody
 * writes to it any more. The guest was stopped from writing before the first
 * of these steps, when the block was revoked.
 *
 * To find no page of the guest's own would not do. Linux takes a huge page's
 * entry away for a moment when a write replaces it, and both protecting and
 * looking pass over an entry that is not there, without taking its lock. What
 * is seen to be there, and protected, stays so.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guard_back_ends.h"
#include "ram.h"
#include "ram_resident.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* How often a discard starts over. */
#define TRIES 16

/*
 * /proc/pid/pagemap: there; a mark, or swapped out; protected; mapped by this
 * process alone, which what all share is not.
 */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_MARK    (UINT64_C(1) << 62)
#define PAGEMAP_WP      (UINT64_C(1) << 57)
#define PAGEMAP_OWN     (UINT64_C(1) << 56)
#define PAGEMAP_CHUNK   512

/* Whether places without a page are protected by a mark. */
static bool marks(const struct guard *g)
{
	return g->uffd->features & UFFD_FEATURE_WP_UNPOPULATED;
}

/*
 * A page that came in the gap and was swapped out since looks like a mark; it
 * would have to be in the microseconds between two system calls.
 */
static bool all_shut(const struct guard *g, const uint64_t *entries, uint64_t n)
{
	const uint64_t mask =
		PAGEMAP_PRESENT | PAGEMAP_MARK | PAGEMAP_WP | PAGEMAP_OWN;
	const uint64_t zeros = PAGEMAP_PRESENT | PAGEMAP_WP;
	const uint64_t mark = marks(g) ? PAGEMAP_MARK | PAGEMAP_WP : zeros;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t bits = entries[i] & mask;

		if (bits != zeros && bits != mark)
			return false;
	}
	return true;
}

/* 1 when all of the range is empty and protected; 0 when it is not. */
static int is_shut(struct guard *g, uint64_t offset, uint64_t size)
{
	uint64_t page = ((uintptr_t)g->view + offset) / g->ram->page_size;
	uint64_t left = size / g->ram->page_size;
	uint64_t entries[PAGEMAP_CHUNK];

	/* Where the host can tell, without a look at each page. */
	if (left > PAGEMAP_CHUNK && ram_surely_closed(g->view + offset, size))
		return 1;
	while (left) {
		uint64_t n = left < PAGEMAP_CHUNK ? left : PAGEMAP_CHUNK;
		size_t len = n * sizeof(entries[0]);

		if (pread(g->pagemap, entries, len,
			  (off_t)(page * sizeof(entries[0]))) != (ssize_t)len)
			return -EIO;
		if (!all_shut(g, entries, n))
			return 0;
		page += n;
		left -= n;
	}
	return 1;
}

/* As is_shut(), after doing what can be done without freeing a page. */
static int shut(struct guard *g, uint64_t offset, uint64_t size)
{
	void *start = g->view + offset;
	int ret;

	if (!marks(g) && madvise(start, size, MADV_POPULATE_READ) < 0)
		return -errno;
	ret = uffd_protect(g->uffd->fd, start, size, true);
	return ret ? ret : is_shut(g, offset, size);
}

static int anon_open(struct guard *g, const char **lack)
{
	g->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (g->pagemap >= 0)
		return 0;
	*lack = "/proc/self/pagemap cannot be read";
	return -errno;
}

static void anon_close(struct guard *g)
{
	if (g->pagemap >= 0)
		close(g->pagemap);
}

static int anon_grown(struct guard *g, uint64_t offset, uint64_t size)
{
	return uffd_register(g->uffd->fd, g->view + offset, size,
			     UFFDIO_REGISTER_MODE_WP);
}

/* What is there is enough: it holds up whoever writes to it. */
static int anon_protect(struct guard *g, uint64_t offset, uint64_t size)
{
	return uffd_protect(g->uffd->fd, g->view + offset, size, true);
}

/*
 * The zeros have to go: a write to them would get small pages for ever, even
 * where huge ones may come.
 */
static int anon_grant(struct guard *g, uint64_t offset, uint64_t size,
		      bool keep)
{
	int ret = uffd_protect(g->uffd->fd, g->view + offset, size, false);

	guard_forget_loans(g, offset, size);
	if (ret || keep)
		return ret;
	return g->ram->ops->discard(g->ram, offset, size);
}

static int anon_discard(struct guard *g, uint64_t offset, uint64_t size)
{
	for (int i = 0; i < TRIES; i++) {
		int ret = g->ram->ops->discard(g->ram, offset, size);

		if (!ret)
			ret = shut(g, offset, size);
		if (ret)
			return ret < 0 ? ret : 0;
	}
	return -EBUSY;
}

/* Memory that is shown already can be used before this is done. */
static int anon_cover(struct guard *g, uint64_t offset, uint64_t size)
{
	int ret = shut(g, offset, size);

	if (ret)
		return ret < 0 ? ret : 0;
	return anon_discard(g, offset, size);
}

static int anon_serve(struct guard *g, uint64_t offset)
{
	uint64_t page = g->ram->page_size;

	return uffd_wake(g->uffd->fd, g->view + offset - offset % page, page);
}

static int anon_lend(struct guard *g, uint64_t offset, uint64_t size,
		     bool write)
{
	(void)write; /* nobody has to wait to read */
	return uffd_protect(g->uffd->fd, g->view + offset, size, false);
}

const struct guard_ops guard_anon_ops = {
	.level = PM_GUARD_WRITES,
	.needs = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_THREAD_ID,
	.wants = UFFD_FEATURE_WP_UNPOPULATED,
	.open = anon_open,
	.close = anon_close,
	.grown = anon_grown,
	.cover = anon_cover,
	.protect = anon_protect,
	.grant = anon_grant,
	.discard = anon_discard,
	.serve = anon_serve,
	.lend = anon_lend,
};
