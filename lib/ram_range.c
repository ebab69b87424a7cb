/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The address space of a pm_ram: one reservation, open up to some byte.
 *
 * Theory of operation: the reservation is one PROT_NONE mapping of the whole
 * maximum, private and anonymous or of the memory file. A file has
 * all of its length from the start, so it is mapped once for good. Opening is mprotect(2),
 * closing is a fresh PROT_NONE mapping over the range. Neighbours that differ
 * in nothing are one mapping to the kernel, so there are two, the open part
 * and the rest, after any number of steps.
 *
 * Charges: the kernel charges a private mapping that is writable and not
 * MAP_NORESERVE, whole, in the moment when it becomes writable (mm/vma.c,
 * accountable_mapping(); mm/mprotect.c). So the reservation is free of charge
 * in every mode of vm.overcommit_memory. It is made without MAP_NORESERVE on
 * purpose, unless asked for: the flag adds nothing to PROT_NONE, yet it sticks
 * in modes 0 and 1, where growing could then never fail early. Taking write
 * permission away would keep the charge once pages had been touched, hence the
 * fresh mapping. A shared mapping of a file is never charged; of huge pages
 * it would reserve all of them, hence MAP_NORESERVE there.
 */
#include "ram_range.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "ram_settings.h"

static uint64_t alignment(const struct pm_ram *ram)
{
	return ram_thp_size() > ram->page_size ? ram_thp_size()
					       : ram->page_size;
}

static void *map_closed(const struct pm_ram *ram, void *at, uint64_t size,
			uint64_t offset)
{
	int flags = MAP_FIXED;

	if (ram->fd >= 0)
		return mmap(at, size, PROT_NONE,
			    flags | MAP_SHARED | MAP_NORESERVE, ram->fd,
			    (off_t)offset);
	flags |= ram->config.no_reserve ? MAP_NORESERVE : 0;
	return mmap(at, size, PROT_NONE, flags | MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
}

/* Finds aligned address space, and holds it by a mapping of nothing. */
static int find_space(uint64_t size, uint64_t align, unsigned char **host)
{
	unsigned char *start;
	uint64_t head;

	if (size > SIZE_MAX - align)
		return -ENOMEM;
	start = mmap(NULL, size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
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

int ram_range_reserve(struct pm_ram *ram)
{
	unsigned char *host = NULL;
	int ret = find_space(ram->max_size, alignment(ram), &host);

	if (ret < 0)
		return ret;
	if (map_closed(ram, host, ram->max_size, 0) == MAP_FAILED) {
		ret = -errno;
		munmap(host, ram->max_size);
		return ret;
	}
	ram->host = host;
	return 0;
}

void ram_range_release(struct pm_ram *ram)
{
	if (ram->host)
		munmap(ram->host, ram->max_size);
	ram->host = NULL;
}

int ram_range_open(struct pm_ram *ram, uint64_t from, uint64_t to)
{
	int ret;

	if (mprotect(ram->host + from, to - from, PROT_READ | PROT_WRITE) == 0)
		return 0;
	ret = -errno;
	/* Where the range is more than one mapping, some may have changed. */
	ram_range_close(ram, from, to);
	return ret;
}

int ram_range_close(struct pm_ram *ram, uint64_t from, uint64_t to)
{
	if (map_closed(ram, ram->host + from, to - from, from) == MAP_FAILED)
		return -errno;
	return 0;
}

static int map_view(const struct pm_ram *ram, unsigned char *at,
		    uint64_t offset, uint64_t size)
{
	if (mmap(at, size, PROT_READ | PROT_WRITE,
		 MAP_FIXED | MAP_SHARED | MAP_NORESERVE, ram->fd,
		 (off_t)offset) == MAP_FAILED)
		return -errno;
	return 0;
}

int ram_range_settle_view(struct pm_ram *ram, unsigned char *view,
			  uint64_t offset, uint64_t size)
{
	return ram_settings_advise(ram, view + offset, size, false);
}

int ram_range_map_view(struct pm_ram *ram, unsigned char **view)
{
	unsigned char *host = NULL;
	int ret = find_space(ram->max_size, alignment(ram), &host);

	if (ret < 0)
		return ret;
	ret = map_view(ram, host, 0, ram->max_size);
	if (!ret)
		ret = ram_range_settle_view(ram, host, 0, ram->max_size);
	if (ret < 0) {
		munmap(host, ram->max_size);
		return ret;
	}
	*view = host;
	ram->viewed = true;
	return 0;
}

int ram_range_remap_view(struct pm_ram *ram, unsigned char *view,
			 uint64_t offset, uint64_t size)
{
	return map_view(ram, view + offset, offset, size);
}

void ram_range_unmap_view(struct pm_ram *ram, unsigned char *view)
{
	if (view != ram->host)
		munmap(view, ram->max_size);
}
