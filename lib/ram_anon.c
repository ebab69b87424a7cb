/* SPDX-License-Identifier: BSD-3-Clause */
/* Private anonymous host memory. */
#include <errno.h>
#include <sys/mman.h>

#include "ram.h"
#include "ram_pages.h"
#include "ram_range.h"
#include "ram_resident.h"
#include "ram_settings.h"

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

static int anon_open(struct pm_ram *ram, struct pm_error *err)
{
	(void)err;
	ram->page_size = ram_system_page_size();
	return 0;
}

static int anon_shrink(struct pm_ram *ram, uint64_t from, uint64_t to)
{
	return ram_range_close(ram, to, from);
}

/*
 * Before Linux 5.14. Writes without changing anything, since a range may hold
 * data that others use at the same time.
 */
static void touch(unsigned char *start, uint64_t size, uint64_t page_size)
{
	for (uint64_t i = 0; i < size; i += page_size)
		__atomic_fetch_or(start + i, 0, __ATOMIC_RELAXED);
}

static int anon_populate(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	int ret = ram_pages_fault_in(ram, offset, size);

	if (ret != -ENOSYS)
		return ret;
	touch(ram->host + offset, size, ram->page_size);
	return 0;
}

/* Before Linux 5.18, locked memory has to be unlocked to be freed. */
static int discard_unlocked(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	void *start = ram->host + offset;
	int ret = 0;

	if (munlock(start, size) < 0)
		return -errno;
	if (madvise(start, size, MADV_DONTNEED) < 0)
		ret = -errno;
	if (ram_settings_lock(ram, offset, size, NULL) < 0 && !ret)
		ret = -EAGAIN;
	return ret;
}

static int anon_discard(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	int advice = ram->config.lock ? MADV_DONTNEED_LOCKED : MADV_DONTNEED;

	if (madvise(ram->host + offset, size, advice) == 0)
		return 0;
	if (ram->config.lock && errno == EINVAL)
		return discard_unlocked(ram, offset, size);
	return -errno;
}

const struct ram_ops ram_anon_ops = {
	.open = anon_open,
	.grow = ram_range_open,
	.shrink = anon_shrink,
	.populate = anon_populate,
	.discard = anon_discard,
	.resident = ram_resident_mapped,
	.find = ram_resident_find_pagemap,
};
