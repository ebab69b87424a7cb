/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether host pages are behind a range: how a discard is verified.
 *
 * mincore(2) writes a byte for each page, so that an empty gibibyte takes it
 * 130 us. Since Linux 6.7 the page map can be searched instead: that stops at
 * the first page, and steps over page tables that are not there. To open it
 * costs as much as mincore(2) does for some 20 MiB. It is opened each time,
 * since a descriptor would keep showing the process that opened it, also after
 * a fork(2).
 */
#include "ram_resident.h"

#include <errno.h>
#include <fcntl.h>
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

/* Those of linux/fs.h, where it is new enough. */
struct page_run {
	uint64_t start, end, categories;
};
struct page_search {
	uint64_t size, flags, start, end, walk_end;
	uint64_t vec, vec_len, max_pages;
	uint64_t inverted, all_of, any_of, tell;
};
#define PAGE_SEARCH  _IOWR('f', 16, struct page_search)
#define PAGE_PRESENT (UINT64_C(1) << 3)
#define PAGE_SWAPPED (UINT64_C(1) << 4)

/* 1, 0, or below 0 where there is no such search. */
static int search_page_map(const unsigned char *start, uint64_t size)
{
	struct page_run run;
	struct page_search search = {
		.size = sizeof(search),
		.start = (uintptr_t)start,
		.end = (uintptr_t)start + size,
		.vec = (uintptr_t)&run,
		.vec_len = 1,
		.max_pages = 1,
		.any_of = PAGE_PRESENT | PAGE_SWAPPED,
		.tell = PAGE_PRESENT,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = ioctl(fd, PAGE_SEARCH, &search);
	close(fd);
	return ret;
}

int ram_resident_mapped(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	uint64_t page_size = ram_system_page_size();
	uint64_t left = size / page_size;
	unsigned char *start = ram->host + offset;
	unsigned char vec[CHUNK];

	if (left > CHUNK) {
		int ret = search_page_map(start, size);

		if (ret >= 0)
			return ret > 0;
	}
	while (left) {
		uint64_t n = left < CHUNK ? left : CHUNK;

		if (mincore(start, n * page_size, vec) < 0)
			return -errno;
		if (any_resident(vec, n))
			return 1;
		start += n * page_size;
		left -= n;
	}
	return 0;
}

int ram_resident_in_file(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	off_t data = lseek(ram->fd, (off_t)offset, SEEK_DATA);

	if (data < 0)
		/* There is none up to the end of the file. */
		return errno == ENXIO ? 0 : -errno;
	return (uint64_t)data < offset + size;
}
