/* SPDX-License-Identifier: BSD-3-Clause */
/* The page map of this process. */
#include "pagemap.h"

#include <assert.h>
#include <errno.h>
#include <linux/ioctl.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Entries that are read at once: 8 bytes of stack for each. */
#define ENTRIES 512

/* ---- page by page -------------------------------------------------------- */

/* How many entries, from that of page number @page on, were read. */
static uint64_t read_entries(int fd, uint64_t page, uint64_t n,
			     uint64_t *entries)
{
	ssize_t got;

	do
		got = pread(fd, entries, n * sizeof(*entries),
			    (off_t)(page * sizeof(*entries)));
	while (got < 0 && errno == EINTR);
	return got < 0 ? 0 : (uint64_t)got / sizeof(*entries);
}

int pagemap_find(int fd, const void *start, uint64_t size,
		 pagemap_match *matches, const void *opaque, uint64_t *found)
{
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t first = (uintptr_t)start / page_size;
	uint64_t left = size / page_size;
	uint64_t entries[ENTRIES];
	uint64_t at = 0;

	while (left) {
		uint64_t n =
			read_entries(fd, first + at,
				     left < ENTRIES ? left : ENTRIES, entries);

		if (!n)
			return -EIO;
		for (uint64_t i = 0; i < n; i++) {
			if (!matches(entries[i], opaque))
				continue;
			*found = (at + i) * page_size;
			return 0;
		}
		at += n;
		left -= n;
	}
	*found = size;
	return 0;
}

bool pagemap_has_page(uint64_t entry, const void *opaque)
{
	(void)opaque;
	return entry & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED);
}

/* ---- by a search --------------------------------------------------------- */

/*
 * The arguments of PAGEMAP_SCAN, which older headers lack: linux/fs.h, struct
 * pm_scan_arg and struct page_region.
 */
struct scan_arg {
	uint64_t size, flags, start, end, walk_end;
	uint64_t vec, vec_len, max_pages;
	uint64_t inverted, mask, any_of_mask, return_mask;
};
static_assert(sizeof(struct scan_arg) == 96, "the kernel's");

struct scan_region {
	uint64_t start, end, categories;
};

#define SCAN         _IOWR('f', 16, struct scan_arg)
#define SCAN_WRITTEN (UINT64_C(1) << 1) /* not write-protected */
#define SCAN_PRESENT (UINT64_C(1) << 3)
#define SCAN_SWAPPED (UINT64_C(1) << 4)
#define SCAN_ZEROS   (UINT64_C(1) << 5) /* the page that all share */

/*
 * True when no page of a range has any of some categories, or lacks one of
 * those that are @expected. Page by page takes half a second for a terabyte;
 * this walks what tables there are. What it finds may be a mere marker, and
 * where the host lacks it nothing is known.
 */
static bool surely_none(int fd, const void *start, uint64_t size,
			uint64_t any_of, uint64_t expected)
{
	struct scan_region found;
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = (uintptr_t)start,
		.end = (uintptr_t)start + size,
		.vec = (uintptr_t)&found,
		.vec_len = 1,
		.max_pages = 1,
		.inverted = expected,
		.any_of_mask = any_of | expected,
		.return_mask = SCAN_PRESENT | SCAN_SWAPPED,
	};

	/* Ended early, it would not have looked at all of it. */
	return fd >= 0 && ioctl(fd, SCAN, &arg) == 0 && arg.walk_end == arg.end;
}

bool pagemap_surely_empty(int fd, const void *start, uint64_t size)
{
	return surely_none(fd, start, size, SCAN_PRESENT | SCAN_SWAPPED, 0);
}

bool pagemap_surely_closed(int fd, const void *start, uint64_t size)
{
	return surely_none(fd, start, size, SCAN_WRITTEN,
			   SCAN_PRESENT | SCAN_ZEROS);
}
