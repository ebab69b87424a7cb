/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether host pages are behind a range: how a discard is verified, and how
 * who reads memory finds where something may be in it.
 */
#include "ram_resident.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
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

int ram_resident_mapped(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	uint64_t page_size = ram_system_page_size();
	uint64_t left = size / page_size;
	unsigned char *start = ram->host + offset;
	unsigned char vec[CHUNK];

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

/* ---- where something may be ---------------------------------------------- */

/* Entries of the pagemap that are read at once: 8 bytes of stack for each. */
#define ENTRIES 512

#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_SWAPPED (UINT64_C(1) << 62)

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
