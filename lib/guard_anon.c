/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private anonymous memory: write-protected zeros.
 *
 * Theory of operation. The kernel can protect what is mapped, so the page of
 * zeros is mapped first, wherever nothing is: the huge one, if the memory may
 * have huge pages, which takes no time at all. Since Linux 6.4 places without
 * a page can be protected as they are (WP_UNPOPULATED). That is not asked for:
 * it makes page tables for all that is protected, 2 MiB a GiB and seconds for
 * a large region, and keeps huge pages away. A write to such a place gets a
 * page before it has to wait, so nothing that follows could be left out.
 *
 * Freeing pages ends their protection, so between the two steps of a discard
 * a vCPU can bring a page back. Hence the order: free; map zeros and protect;
 * and only then look, whether every page is the shared one, and protected. If
 * not, start over: whatever came back in the gap is protected now, so nobody
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

#include "guard.h"
#include "guard_uffd.h"
#include "ram.h"
#include "ram_resident.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* How often a discard starts over. */
#define TRIES 16

/*
 * /proc/pid/pagemap: there; protected; mapped by this process alone, which
 * what all share is not.
 */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_WP      (UINT64_C(1) << 57)
#define PAGEMAP_OWN     (UINT64_C(1) << 56)
#define PAGEMAP_CHUNK   512

static bool all_shut(const uint64_t *entries, uint64_t n)
{
	const uint64_t closed = PAGEMAP_PRESENT | PAGEMAP_WP;
	uint64_t bad = 0;

	for (uint64_t i = 0; i < n; i++)
		bad |= (entries[i] & (closed | PAGEMAP_OWN)) ^ closed;
	return !bad;
}

/* 1 when all of the range is shared zeros, protected; 0 when it is not. */
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
		if (!all_shut(entries, n))
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

	if (madvise(start, size, MADV_POPULATE_READ) < 0)
		return -errno;
	ret = uffd_protect(g->uffd, start, size, true);
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
	return uffd_register(g->uffd, g->view + offset, size,
			     UFFDIO_REGISTER_MODE_WP);
}

/* What is there is enough: it holds up whoever writes to it. */
static int anon_protect(struct guard *g, uint64_t offset, uint64_t size)
{
	return uffd_protect(g->uffd, g->view + offset, size, true);
}

/*
 * The zeros have to go: a write to them would get small pages for ever, even
 * where huge ones may come.
 */
static int anon_grant(struct guard *g, uint64_t offset, uint64_t size,
		      bool keep)
{
	int ret = uffd_protect(g->uffd, g->view + offset, size, false);

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

	return uffd_wake(g->uffd, g->view + offset - offset % page, page);
}

static int anon_lend(struct guard *g, uint64_t offset, uint64_t size,
		     bool write)
{
	(void)write; /* nobody has to wait to read */
	return uffd_protect(g->uffd, g->view + offset, size, false);
}

const struct guard_ops guard_anon_ops = {
	.level = PM_GUARD_WRITES,
	.needs = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_THREAD_ID,
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
