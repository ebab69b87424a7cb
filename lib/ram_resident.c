/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether host pages are behind a range: how a discard is verified. */
#include "ram_resident.h"

#include <errno.h>
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

int ram_resident_at(void *start, uint64_t size)
{
	uint64_t page_size = ram_system_page_size();
	uint64_t left = size / page_size;
	unsigned char *at = start;
	unsigned char vec[CHUNK];

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

int ram_resident_mapped(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	return ram_resident_at(ram->host + offset, size);
}

int ram_resident_in_file(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	off_t data = lseek(ram->fd, (off_t)offset, SEEK_DATA);

	if (data < 0)
		/* There is none up to the end of the file. */
		return errno == ENXIO ? 0 : -errno;
	return (uint64_t)data < offset + size;
}
