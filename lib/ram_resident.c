/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether host pages are behind a range: how a discard is verified, and how
 * who reads memory finds where something may be in it.
 */
#include "ram_resident.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host.h"
#include "pagemap.h"

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

static int resident(const struct pm_ram *ram, void *start, uint64_t size)
{
	uint64_t page_size = ram_system_page_size();
	uint64_t left = size / page_size;
	unsigned char *at = start;
	unsigned char vec[CHUNK];

	/* For little, one call of mincore(2) is as cheap. */
	if (left > CHUNK &&
	    pagemap_surely_empty(ram->sys->pagemap, start, size))
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
	int ret = resident(ram, start, size);
	uint64_t found;

	if (ret <= 0 || ram->page_size == ram_system_page_size())
		return ret;
	/* What cannot be read may be there. */
	return pagemap_find(ram->sys->pagemap, start, size, pagemap_has_page,
			    NULL, &found) < 0 ||
	       found < size;
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

static bool lacks_page(uint64_t entry, const void *opaque)
{
	return !pagemap_has_page(entry, opaque);
}

int ram_resident_find_pagemap(const struct pm_ram *ram, uint64_t from,
			      uint64_t to, bool data, uint64_t *found)
{
	uint64_t at = 0;
	int ret = pagemap_find(ram->sys->pagemap, ram->host + from, to - from,
			       data ? pagemap_has_page : lacks_page, NULL, &at);

	if (ret < 0)
		*found = data ? from : to;
	else
		*found = from + at;
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
