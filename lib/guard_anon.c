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
#include <stdbool.h>
#include <sys/mman.h>

#include "guard_back_ends.h"
#include "host.h"
#include "pagemap.h"
#include "ram.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* How often a discard starts over. */
#define TRIES 16

/* From so many bytes on a search is worth its call. */
#define SCAN_MIN (UINT64_C(2) << 20)

/* Whether places without a page are protected by a mark. */
static bool marks(const struct guard *g)
{
	return g->uffd->features & UFFD_FEATURE_WP_UNPOPULATED;
}

/*
 * Whether a page is neither the shared one nor a mark, or is not protected. A
 * page that came in the gap and was swapped out since looks like a mark; it
 * would have to be in the microseconds between two system calls.
 */
static bool is_open(uint64_t entry, const void *opaque)
{
	const uint64_t mask =
		PAGEMAP_PRESENT | PAGEMAP_SWAPPED | PAGEMAP_WP | PAGEMAP_OWN;
	const uint64_t zeros = PAGEMAP_PRESENT | PAGEMAP_WP;
	const uint64_t mark = PAGEMAP_SWAPPED | PAGEMAP_WP;
	const struct guard *g = opaque;

	entry &= mask;
	return entry != zeros && !(marks(g) && entry == mark);
}

/* 1 when all of the range is empty and protected; 0 when it is not. */
static int is_shut(struct guard *g, uint64_t offset, uint64_t size)
{
	const void *start = g->view + offset;
	int fd = g->ram->sys->pagemap;
	uint64_t found = 0;
	int ret;

	/* Where the host can tell, without a look at each page. */
	if (size > SCAN_MIN && pagemap_surely_closed(fd, start, size))
		return 1;
	ret = pagemap_find(fd, start, size, is_open, g, &found);
	return ret < 0 ? ret : found == size;
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
	if (g->ram->sys->pagemap >= 0)
		return 0;
	*lack = "/proc/self/pagemap cannot be read";
	return -ENOTSUP;
}

static void anon_close(struct guard *g)
{
	(void)g;
}

static int watch(struct guard *g, uint64_t offset, uint64_t size, uint64_t mode)
{
	return uffd_register(g->uffd->fd, g->view + offset, size, mode);
}

/* One mode takes the place of the other. Those who wait go on waiting. */
static int anon_use(struct guard *g, uint64_t offset, uint64_t size)
{
	return watch(g, offset, size, UFFDIO_REGISTER_MODE_WP);
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

/*
 * Waits until no access to the range is under way that began before. That is
 * what changing the flags of a mapping does; these mean nothing to such memory.
 */
static int wait_for_accesses(struct guard *g, uint64_t offset, uint64_t size)
{
	void *start = g->view + offset;

	if (madvise(start, size, MADV_RANDOM) < 0 ||
	    madvise(start, size, MADV_NORMAL) < 0)
		return -errno;
	return 0;
}

/*
 * Once missing pages are watched for, no page comes where there is none. But
 * one may come in the place of the shared zeros, and both freeing and looking
 * pass over it in that moment (see above). So: free, and none of those zeros is
 * left; let who is at it get done; and free what came of it.
 */
static int anon_retire(struct guard *g, uint64_t offset, uint64_t size)
{
	int ret = watch(g, offset, size, UFFDIO_REGISTER_MODE_MISSING);

	if (ret < 0)
		return ret;
	ret = g->ram->ops->discard(g->ram, offset, size);
	if (!ret)
		ret = wait_for_accesses(g, offset, size);
	if (!ret)
		ret = pm_ram_discard(g->ram, offset, size);
	if (ret < 0 && watch(g, offset, size, UFFDIO_REGISTER_MODE_WP) < 0)
		guard_close(g, offset, size);
	return ret;
}

/*
 * Mappings whose first pages came apart never become one again: to the kernel
 * those are of different families (anon_vma). So the first page comes when there
 * is but one mapping, of which all others are split off. And what is shown
 * already can be used before it is watched.
 */
static int anon_grown(struct guard *g, uint64_t offset, uint64_t size)
{
	struct pm_ram *ram = g->ram;
	int ret = offset ? 0 : ram->ops->populate(ram, 0, ram->page_size);

	return ret ? ret : anon_retire(g, offset, size);
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
	.doubts = true,
	.needs = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_THREAD_ID,
	.wants = UFFD_FEATURE_WP_UNPOPULATED,
	.open = anon_open,
	.close = anon_close,
	.grown = anon_grown,
	.use = anon_use,
	.cover = anon_cover,
	.retire = anon_retire,
	.protect = anon_protect,
	.grant = anon_grant,
	.discard = anon_discard,
	.serve = anon_serve,
	.lend = anon_lend,
};
