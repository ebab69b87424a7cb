/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory files, of small and of huge pages: pages that are missing.
 *
 * Theory of operation. The guest's view is a mapping of the file of its own,
 * registered once for missing pages: where the file has a page, an access
 * costs what it always does; where it has none, whoever touches it waits. So
 * the file itself says what the guest may use, and punching a hole revokes,
 * frees and protects in one step that no vCPU can get between.
 *
 * The process itself uses the other mapping, pm_ram_host(), which is not
 * registered: no thread can come to wait for itself, and populating works as
 * it does without a guard.
 *
 * Small pages of a block that was granted come when the guest touches them,
 * SERVE_MAX at a time. One fault of that kind replaces hundreds of the usual
 * ones, which is what makes up for its being answered by a thread. They are made
 * and mapped in one pass (UFFDIO_ZEROPAGE), which however knows small pages
 * alone. Where the host has huge ones for files, they come through the other
 * mapping, whose advice is heeded, and the view is populated from it.
 *
 * What is lent comes in small pages in any case. The file itself would be given
 * a huge one where the host is set up so, most of which nobody took back. And
 * before Linux 6.4 khugepaged makes a huge page of a small one and the holes
 * around it, watched or not; there such memory has no huge pages.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "guard_back_ends.h"
#include "host.h"
#include "host_rlimit.h"
#include "ram.h"
#include "ram_file.h"
#include "ram_pages.h"
#include "ram_range.h"
#include "ram_resident.h"
#include "ram_settings.h"

#define SERVE_MAX (UINT64_C(2) << 20)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static bool can_protect(const struct guard *g)
{
	return g->uffd->features & UFFD_FEATURE_WP_HUGETLBFS_SHMEM;
}

/* From here on, who touches a page of it that the file lacks waits. */
static int watch(struct guard *g, uint64_t offset, uint64_t size)
{
	uint64_t modes = UFFDIO_REGISTER_MODE_MISSING;

	modes |= can_protect(g) ? UFFDIO_REGISTER_MODE_WP : 0;
	return uffd_register(g->uffd->fd, g->view + offset, size, modes);
}

/*
 * Whether the kernel makes no huge page of a small one and of what is missing
 * around it where somebody watches for that: since 6.4, as that feature.
 */
static bool respects_holes(const struct guard *g)
{
	return g->uffd->features & UFFD_FEATURE_WP_UNPOPULATED;
}

static const char *why_not(int ret)
{
	uint64_t limit;

	if (ret == -ENOMEM && host_rlimit(RLIMIT_AS, &limit))
		return "the memory file cannot be mapped a second time: the "
		       "process may have too little address space "
		       "(RLIMIT_AS, ulimit -v)";
	return "the memory file cannot be mapped a second time";
}

static int file_open(struct guard *g, const char **lack)
{
	int ret;

	if (!respects_holes(g))
		ram_settings_end_thp(g->ram);
	g->huge_files = g->ram->config.thp == PM_THP_ON &&
			host_files_have_huge_pages(g->ram->sys);
	ret = ram_range_map_view(g->ram, &g->view);
	if (!ret)
		ret = watch(g, 0, g->ram->max_size);
	if (ret < 0)
		*lack = why_not(ret);
	return ret;
}

static void file_close(struct guard *g)
{
	ram_range_unmap_view(g->ram, g->view);
	g->view = g->ram->host;
}

/* What the guest touches shall be locked, too, where that is asked for. */
static int file_grown(struct guard *g, uint64_t offset, uint64_t size)
{
	if (!g->ram->config.lock || g->ops == &guard_hugetlb_ops)
		return 0;
	return mlock2(g->view + offset, size, MLOCK_ONFAULT) < 0 ? -errno : 0;
}

/*
 * Linux 6.1 protects within one mapping only, and mappings of huge pages that
 * differed once, since a page was closed, never become one again.
 */
static int protect_pages(struct guard *g, uint64_t offset, uint64_t size,
			 bool on)
{
	uint64_t page = g->ram->page_size;
	int ret = 0;

	for (uint64_t at = offset; at < offset + size && !ret; at += page)
		ret = uffd_protect(g->uffd->fd, g->view + at, page, on);
	return ret;
}

/* Where the kernel cannot, punching the hole is what revokes. */
static int set_protection(struct guard *g, uint64_t offset, uint64_t size,
			  bool on)
{
	int ret;

	if (!can_protect(g))
		return 0;
	ret = uffd_protect(g->uffd->fd, g->view + offset, size, on);
	if (ret == -ENOENT && g->ops == &guard_hugetlb_ops)
		ret = protect_pages(g, offset, size, on);
	return ret;
}

static int file_protect(struct guard *g, uint64_t offset, uint64_t size)
{
	return set_protection(g, offset, size, true);
}

static int file_grant(struct guard *g, uint64_t offset, uint64_t size,
		      bool keep)
{
	int ret = 0;

	if (guard_forget_loans(g, offset, size) && !keep)
		ret = g->ops->discard(g, offset, size);
	return ret ? ret : set_protection(g, offset, size, false);
}

static int memfd_discard(struct guard *g, uint64_t offset, uint64_t size)
{
	return ram_pages_discard(g->ram, offset, size);
}

/*
 * The file does not tell of huge pages, so each mapping of it is asked. Where
 * a page was protected the hole keeps a mark, which mincore(2) of Linux 6.1
 * takes for a page.
 */
static int hugetlb_discard(struct guard *g, uint64_t offset, uint64_t size)
{
	int ret = ram_pages_discard(g->ram, offset, size);

	if (!ret)
		ret = set_protection(g, offset, size, false);
	if (!ret)
		ret = ram_resident_at(g->ram, g->view + offset, size);
	return ret > 0 ? -EBUSY : ret;
}

static int wake(struct guard *g, uint64_t offset, uint64_t size)
{
	return uffd_wake(g->uffd->fd, g->view + offset, size);
}

/* Where there is no page, one of zeros comes, a small one, whatever the host. */
static int fill(struct guard *g, uint64_t offset, uint64_t size, bool protected)
{
	int ret = 0;

	for (uint64_t at = offset; at < offset + size && !ret;
	     at += g->ram->page_size) {
		ret = uffd_zero_page(g->uffd->fd, g->view + at, protected);
		ret = ret == -EEXIST ? 0 : ret;
	}
	return ret;
}

static int memfd_serve(struct guard *g, uint64_t offset)
{
	uint64_t size = g->block_size < SERVE_MAX ? g->block_size : SERVE_MAX;
	int ret;

	offset -= offset % size;
	if (g->huge_files) {
		ret = g->ram->ops->populate(g->ram, offset, size);
		/* No fault of this mapping is missing a page any more. */
		if (!ret)
			madvise(g->view + offset, size, MADV_POPULATE_WRITE);
	} else {
		ret = uffd_zero(g->uffd->fd, g->view + offset, size);
		if (ret == -EEXIST)
			ret = fill(g, offset, size, false);
	}
	wake(g, offset, size);
	return ret;
}

/* Its pages were had when it was plugged; somebody took one away. */
static int hugetlb_serve(struct guard *g, uint64_t offset)
{
	uint64_t size = g->ram->page_size;
	int ret;

	offset -= offset % size;
	ret = ram_file_allocate(g->ram, offset, size);
	wake(g, offset, size);
	return ret;
}

static int memfd_lend(struct guard *g, uint64_t offset, uint64_t size,
		      bool write)
{
	/* What is there already is protected or not, as what comes. */
	int ret = set_protection(g, offset, size, !write);

	if (!ret)
		ret = fill(g, offset, size, !write && can_protect(g));
	if (!ret)
		ret = wake(g, offset, size);
	return ret;
}

static int hugetlb_lend(struct guard *g, uint64_t offset, uint64_t size,
			bool write)
{
	int ret = set_protection(g, offset, size, !write);

	if (!ret)
		ret = ram_file_allocate(g->ram, offset, size);
	if (!ret)
		ret = wake(g, offset, size);
	return ret;
}

static int file_remap(struct guard *g, uint64_t offset, uint64_t size)
{
	int ret = ram_range_remap_view(g->ram, g->view, offset, size);

	if (ret < 0)
		return ret;
	ret = ram_range_settle_view(g->ram, g->view, offset, size);
	if (!ret)
		ret = watch(g, offset, size);
	if (!ret)
		ret = file_grown(g, offset, size);
	if (ret < 0)
		guard_close(g, offset, size);
	return ret;
}

const struct guard_ops guard_memfd_ops = {
	.level = PM_GUARD_ACCESSES,
	.doubts = true,
	.needs = UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_THREAD_ID,
	.wants = UFFD_FEATURE_PAGEFAULT_FLAG_WP |
		 UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_WP_UNPOPULATED,
	.open = file_open,
	.close = file_close,
	.grown = file_grown,
	.protect = file_protect,
	.grant = file_grant,
	.discard = memfd_discard,
	.serve = memfd_serve,
	.lend = memfd_lend,
	.remap = file_remap,
};

const struct guard_ops guard_hugetlb_ops = {
	.level = PM_GUARD_ACCESSES,
	.doubts = true,
	.needs = UFFD_FEATURE_MISSING_HUGETLBFS | UFFD_FEATURE_THREAD_ID,
	.wants = UFFD_FEATURE_PAGEFAULT_FLAG_WP |
		 UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
	.open = file_open,
	.close = file_close,
	.grown = file_grown,
	.protect = file_protect,
	.grant = file_grant,
	.discard = hugetlb_discard,
	.serve = hugetlb_serve,
	.lend = hugetlb_lend,
};
