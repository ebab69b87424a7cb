/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host memory that grows and shrinks in place.
 *
 * Theory of operation: the reservation is one PROT_NONE private anonymous
 * mapping of the maximum. The kernel charges a private mapping when it is
 * writable and not MAP_NORESERVE (mm/vma.c, accountable_mapping()), so the
 * reservation is free of charge in every mode of vm.overcommit_memory. It is
 * made without MAP_NORESERVE on purpose: the flag adds nothing to PROT_NONE,
 * yet it sticks to the mapping in modes 0 and 1, where memory that later
 * becomes accessible would escape the accounting, and growing could never
 * fail early.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ram.h"

/* Pages that one call of mincore(2) looks at: a byte of stack for each. */
#define RESIDENT_CHUNK 4096

uint64_t ram_system_page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/*
 * What one page of page-table entries, of 8 bytes each, maps is the size of a
 * transparent huge page: 2 MiB with pages of 4 KiB, 512 MiB with 64 KiB.
 */
static uint64_t huge_alignment(void)
{
	uint64_t page = ram_system_page_size();

	return page * (page / 8);
}

static void *reserve_at(void *at, uint64_t size, int flags)
{
	return mmap(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | flags,
		    -1, 0);
}

int ram_reserve(uint64_t size, unsigned char **host)
{
	uint64_t align = huge_alignment();
	uint64_t head;
	unsigned char *start;

	if (size > SIZE_MAX - align)
		return -ENOMEM;
	start = reserve_at(NULL, size + align, 0);
	if (start == MAP_FAILED)
		return -errno;
	/* Trim. A failure would only leave some address space in use. */
	head = -(uintptr_t)start & (align - 1);
	if (head)
		munmap(start, head);
	munmap(start + head + size, align - head);
	*host = start + head;
	return 0;
}

int ram_reserve_again(unsigned char *host, uint64_t size)
{
	if (reserve_at(host, size, MAP_FIXED) == MAP_FAILED)
		return -errno;
	return 0;
}

void ram_unreserve(unsigned char *host, uint64_t size)
{
	munmap(host, size);
}

/* 1 when a page of the range is resident, 0 when none is, -errno. */
static int chunk_resident(unsigned char *start, uint64_t pages,
			  uint64_t page_size)
{
	unsigned char vec[RESIDENT_CHUNK];

	if (mincore(start, pages * page_size, vec) < 0)
		return -errno;
	for (uint64_t i = 0; i < pages; i++) {
		/* The other bits are reserved. */
		if (vec[i] & 1)
			return 1;
	}
	return 0;
}

static int range_resident(unsigned char *start, uint64_t size)
{
	uint64_t page_size = ram_system_page_size();
	uint64_t left = size / page_size;

	while (left) {
		uint64_t n = left < RESIDENT_CHUNK ? left : RESIDENT_CHUNK;
		int ret = chunk_resident(start, n, page_size);

		if (ret)
			return ret;
		start += n * page_size;
		left -= n;
	}
	return 0;
}

void pm_ram_destroy(struct pm_ram *ram)
{
	if (ram)
		ram->ops->destroy(ram);
}

static int resize_check(const struct pm_ram *ram, uint64_t size,
			struct pm_error *err)
{
	if (size % ram->page_size)
		return pm_error_set(
			err, EINVAL,
			"A memory size of %" PRIu64
			" bytes is not a multiple of the page size, %" PRIu64,
			size, ram->page_size);
	if (size > ram->max_size)
		return pm_error_set(err, EINVAL,
				    "A memory size of %" PRIu64
				    " bytes is past the maximum, %" PRIu64,
				    size, ram->max_size);
	return 0;
}

int pm_ram_resize(struct pm_ram *ram, uint64_t size, struct pm_error *err)
{
	int ret = resize_check(ram, size, err);

	if (ret < 0)
		return ret;
	if (size > ram->size)
		ret = ram->ops->grow(ram, size);
	else if (size < ram->size)
		ret = ram->ops->shrink(ram, size);
	if (ret < 0)
		return pm_error_set(err, -ret,
				    "Cannot resize host memory from %" PRIu64
				    " to %" PRIu64 " bytes: %s",
				    ram->size, size, strerror(-ret));
	ram->size = size;
	return 0;
}

void *pm_ram_host(const struct pm_ram *ram)
{
	return ram->host;
}

uint64_t pm_ram_size(const struct pm_ram *ram)
{
	return ram->size;
}

uint64_t pm_ram_max_size(const struct pm_ram *ram)
{
	return ram->max_size;
}

int pm_ram_discard(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	int ret;

	if (offset % ram->page_size || size % ram->page_size)
		return -EINVAL;
	if (offset > ram->size || size > ram->size - offset)
		return -EINVAL;
	if (!size)
		return 0;
	ret = ram->ops->discard(ram, offset, size);
	if (ret < 0)
		return ret;
	/*
	 * A success of the call is not enough: a vCPU or a back end that
	 * still has access can bring a page back at any moment, and nobody
	 * would free it again.
	 */
	ret = range_resident(ram->host + offset, size);
	return ret > 0 ? -EBUSY : ret;
}
