/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host memory of huge pages from the host's pool.
 *
 * Theory of operation: the kernel would reserve pool pages for a whole mapping,
 * the maximum included, so the mapping goes without (ram_range.c), and pages
 * are had for good before anybody may touch them. Faulting in does that rather
 * than fallocate(2), which takes no notice of the NUMA policy of a mapping.
 *
 * Mappings of huge pages never merge, so what is opened step by step is as many
 * mappings. Closing makes one of all that is closed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

#include "host.h"
#include "human_size.h"
#include "ram.h"
#include "ram_file.h"
#include "ram_pages.h"
#include "ram_range.h"
#include "ram_resident.h"
#include "ram_settings.h"

#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4u
#endif
/* Bits 26 and up hold the binary logarithm of the page size. */
#define SIZE_SHIFT 26

static int size_error(const struct host_pools *pools, uint64_t page_size,
		      struct pm_error *err)
{
	char list[HOST_POOLS_MAX * sizeof(struct human_size)] = "";
	size_t len = 0;

	if (!pools->nr)
		return pm_error_set(err, EINVAL, "This host has no huge pages");
	for (unsigned int i = 0; i < pools->nr; i++)
		len += (size_t)snprintf(
			list + len, sizeof(list) - len, "%s%s", i ? ", " : "",
			human_size(pools->pools[i].page_size).text);
	return pm_error_set(err, EINVAL,
			    "This host has no huge pages of %s; it has those "
			    "of %s",
			    human_size(page_size).text, list);
}

static int hugetlb_open(struct pm_ram *ram, struct pm_error *err)
{
	const struct host_pools *pools = &ram->sys->pools;
	uint64_t page_size = ram->config.page_size;
	unsigned int log2;

	if (!page_size)
		page_size = pools->default_size;
	if (!host_pool_find(pools, page_size))
		return size_error(pools, page_size, err);
	ram->page_size = page_size;
	log2 = (unsigned int)__builtin_ctzll(page_size);
	return ram_file_open(ram, MFD_HUGETLB | log2 << SIZE_SHIFT, err);
}

/* Undone by one mapping of all that is closed, as it was. */
static int hugetlb_grow(struct pm_ram *ram, uint64_t from, uint64_t to)
{
	int ret;

	if (mprotect(ram->host + from, to - from, PROT_READ | PROT_WRITE) == 0)
		return 0;
	ret = -errno;
	ram_range_close(ram, from, ram->max_size);
	return ret;
}

static int hugetlb_shrink(struct pm_ram *ram, uint64_t from, uint64_t to)
{
	int ret = ram_range_close(ram, to, ram->max_size);

	if (ret < 0)
		return ret;
	ram_settings_apply(ram, to, ram->max_size - to, NULL);
	ret = ram_file_discard(ram, to, from - to);
	if (ret < 0)
		ram_range_open(ram, to, from);
	return ret;
}

static int hugetlb_populate(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	int ret = ram_pages_fault_in(ram, offset, size);

	return ret == -ENOSYS ? ram_file_allocate(ram, offset, size) : ret;
}

const struct ram_ops ram_hugetlb_ops = {
	.open = hugetlb_open,
	.grow = hugetlb_grow,
	.shrink = hugetlb_shrink,
	.populate = hugetlb_populate,
	.discard = ram_file_discard,
	.resident = ram_resident_mapped,
	.find = ram_resident_find_mapped,
};
