/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether host pages are behind a range: how a discard is verified, and how
 * who reads memory finds where something may be in it.
 */
#include "ram_resident.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Pages that one call of mincore(2) looks at: a byte of stack for each. */
#define CHUNK 4096

/* The reserved bits of each byte may be anything. */
static bool any_resident(const unsigned char *vec, uint64_t pages)
{
	unsigned char any = 0;

	for (uint64_t i = 0; i < pages; i++)
		any |= vec[i];
	return any & 1;
}

/*
 * The arguments of PAGEMAP_SCAN, of Linux 6.7 and later, which older headers
 * lack: linux/fs.h, struct pm_scan_arg and struct page_region.
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
 * those that are @expected. mincore(2) is asked page by page, which takes half
 * a second for a terabyte; this walks what tables there are. What it finds may
 * be a mere marker, and where the host lacks it nothing is known.
 */
static bool surely_none(const void *start, uint64_t size, uint64_t any_of,
			uint64_t expected)
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
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int nr;

	if (fd < 0)
		return false;
	nr = ioctl(fd, SCAN, &arg);
	close(fd);
	/* Ended early, it would not have looked at all of it. */
	return nr == 0 && arg.walk_end == arg.end;
}

bool ram_surely_closed(const void *start, uint64_t size)
{
	return surely_none(start, size, SCAN_WRITTEN,
			   SCAN_PRESENT | SCAN_ZEROS);
}

/* Entries of the pagemap that are read at once: 8 bytes of stack for each. */
#define ENTRIES 512

#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_SWAPPED (UINT64_C(1) << 62)

/* Any pages of @start's process, as its pagemap tells; true if it cannot. */
static bool in_page_tables(const void *start, uint64_t size)
{
	uint64_t page = (uintptr_t)start / ram_system_page_size();
	uint64_t end = page + size / ram_system_page_size();
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entries[ENTRIES];
	uint64_t any = fd < 0 ? PAGEMAP_PRESENT : 0;

	while (page < end && !any) {
		uint64_t n = end - page < ENTRIES ? end - page : ENTRIES;
		size_t len = n * sizeof(entries[0]);

		if (pread(fd, entries, len,
			  (off_t)(page * sizeof(entries[0]))) != (ssize_t)len)
			any = PAGEMAP_PRESENT;
		for (uint64_t i = 0; i < n && !any; i++)
			any = entries[i] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED);
		page += n;
	}
	if (fd >= 0)
		close(fd);
	return any;
}

static int resident(void *start, uint64_t size)
{
	uint64_t page_size = ram_system_page_size();
	uint64_t left = size / page_size;
	unsigned char *at = start;
	unsigned char vec[CHUNK];

	/* One call of mincore(2) is cheaper than a file that is opened. */
	if (left > CHUNK &&
	    surely_none(start, size, SCAN_PRESENT | SCAN_SWAPPED, 0))
		return 0;
	while (left) {
		uint64_t n = left < CHUNK ? left : CHUNK;

		if (mincore(at, n * page_size, vec) < 0)
			return -errno;
		if (any_resident(vec, n))
			return 1;
		at += n * page_size;
		left -= n;
	}
	return 0;
}

/*
 * Where a mapping of huge pages has no page tables, mincore(2) asks the file,
 * and takes the number of a small page for that of a huge one. So what it finds
 * of those has to be in the page tables, too.
 */
int ram_resident_at(struct pm_ram *ram, void *start, uint64_t size)
{
	int ret = resident(start, size);

	if (ret > 0 && ram->page_size > ram_system_page_size())
		return in_page_tables(start, size);
	return ret;
}

int ram_resident_mapped(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	return ram_resident_at(ram, ram->host + offset, size);
}

int ram_resident_in_file(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	off_t data = lseek(ram->fd, (off_t)offset, SEEK_DATA);

	if (data < 0)
		/* There is none up to the end of the file. */
		return errno == ENXIO ? 0 : -errno;
	return (uint64_t)data < offset + size;
}

/* ---- where something may be ---------------------------------------------- */

int ram_resident_open_pagemap(void)
{
	return open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
}

/* How many entries, from that of the page at @offset on, were read. */
static uint64_t pagemap_read(const struct pm_ram *ram, uint64_t offset,
			     uint64_t n, uint64_t *entries)
{
	uint64_t page = (uintptr_t)(ram->host + offset) / ram->page_size;
	ssize_t got;

	do
		got = pread(ram->pagemap_fd, entries, n * sizeof(*entries),
			    (off_t)(page * sizeof(*entries)));
	while (got < 0 && errno == EINTR);
	return got < 0 ? 0 : (uint64_t)got / sizeof(*entries);
}

int ram_resident_find_pagemap(const struct pm_ram *ram, uint64_t from,
			      uint64_t to, bool data, uint64_t *found)
{
	const uint64_t there = PAGEMAP_PRESENT | PAGEMAP_SWAPPED;
	uint64_t entries[ENTRIES];

	while (from < to) {
		uint64_t left = (to - from) / ram->page_size;
		uint64_t n = pagemap_read(
			ram, from, left < ENTRIES ? left : ENTRIES, entries);

		if (!n) {
			*found = data ? from : to;
			return 0;
		}
		for (uint64_t i = 0; i < n; i++, from += ram->page_size) {
			if (!(entries[i] & there) == data)
				continue;
			*found = from;
			return 0;
		}
	}
	*found = to;
	return 0;
}

int ram_resident_find_in_file(const struct pm_ram *ram, uint64_t from,
			      uint64_t to, bool data, uint64_t *found)
{
	off_t at = lseek(ram->fd, (off_t)from, data ? SEEK_DATA : SEEK_HOLE);

	/* There is none up to the end of the file. */
	if (at < 0 && errno != ENXIO)
		return -errno;
	*found = at < 0 || (uint64_t)at > to ? to : (uint64_t)at;
	return 0;
}

/* One page of the system tells of the huge one that it is in. */
int ram_resident_find_mapped(const struct pm_ram *ram, uint64_t from,
			     uint64_t to, bool data, uint64_t *found)
{
	unsigned char state;

	/* Pages that came by another mapping may not be in this one. */
	if (ram->viewed) {
		*found = data ? from : to;
		return 0;
	}
	for (; from < to; from += ram->page_size) {
		if (mincore(ram->host + from, ram_system_page_size(), &state) <
		    0)
			return -errno;
		if ((state & 1) == data)
			break;
	}
	*found = from;
	return 0;
}
