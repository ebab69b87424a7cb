/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages of a pm_ram come and go. */
#include "ram_pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "host.h"

/* Below this, looking what the host has costs more than it is worth. */
#define LOOK_FIRST (UINT64_C(16) << 20)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

int ram_pages_fault_in(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	if (madvise(ram->host + offset, size, MADV_POPULATE_WRITE) == 0)
		return 0;
	switch (errno) {
	case EINVAL:
		return -ENOSYS; /* the range is good: the advice is unknown */
	case EFAULT:
		return -ENOMEM; /* where a plain access would raise SIGBUS */
	default:
		return -errno;
	}
}

static bool in_reach(const struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	uint64_t accessible = ram->size;

	return offset % ram->page_size == 0 && size % ram->page_size == 0 &&
	       offset <= accessible && size <= accessible - offset;
}

/*
 * Where memory runs out, the kernel ends a process rather than fail the call,
 * so look first. Early and late calls for parts of one range add up, since
 * what the early ones took is no longer available.
 */
static bool host_has_room(const struct pm_ram *ram, uint64_t size)
{
	uint64_t available, swap;

	if (size < LOOK_FIRST || ram->config.backend == PM_RAM_HUGETLB)
		return true;
	if (!host_meminfo("MemAvailable", &available) ||
	    !host_meminfo("SwapFree", &swap))
		return true;
	return size <= available + swap;
}

static int lacks_pages(const struct pm_ram *ram, uint64_t size, int ret,
		       struct pm_error *err)
{
	uint64_t pages = 0;
	char left[128];

	if (ram->config.backend == PM_RAM_HUGETLB &&
	    host_huge_pages_free(ram->page_size, &pages))
		return pm_error_set(err, -ret,
				    "Cannot populate host memory: %" PRIu64
				    " huge pages of %" PRIu64
				    " KiB are needed, and %" PRIu64
				    " are free: %s",
				    size / ram->page_size, ram->page_size >> 10,
				    pages, strerror(-ret));
	host_memory_left(left, sizeof(left));
	return pm_error_set(err, -ret,
			    "Cannot populate %" PRIu64
			    " bytes of host memory: %s%s",
			    size, strerror(-ret), left);
}

int pm_ram_populate(struct pm_ram *ram, uint64_t offset, uint64_t size,
		    struct pm_error *err)
{
	int ret;

	if (!in_reach(ram, offset, size))
		return pm_error_set(err, EINVAL,
				    "%" PRIu64 " bytes of host memory at "
				    "0x%" PRIx64 " cannot be populated: they "
				    "are not whole pages within the %" PRIu64
				    " accessible bytes",
				    size, offset, (uint64_t)ram->size);
	if (!size)
		return 0;
	ret = host_has_room(ram, size) ? ram->ops->populate(ram, offset, size)
				       : -ENOMEM;
	if (ret < 0) {
		/* First, so that the sentence counts what really is free. */
		ram->ops->discard(ram, offset, size);
		return lacks_pages(ram, size, ret, err);
	}
	return 0;
}

int pm_ram_discard(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	int ret;

	if (!in_reach(ram, offset, size))
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
	ret = ram->ops->resident(ram, offset, size);
	return ret > 0 ? -EBUSY : ret;
}

int pm_ram_populated_run(const struct pm_ram *ram, uint64_t from, uint64_t to,
			 uint64_t *offset, uint64_t *size)
{
	uint64_t start = from, end = from;
	int ret;

	if (from > to || !in_reach(ram, from, to - from))
		return -EINVAL;
	ret = ram->ops->find(ram, from, to, true, &start);
	if (!ret && start < to)
		ret = ram->ops->find(ram, start, to, false, &end);
	if (ret < 0 || start == to)
		return ret;
	*offset = start;
	*size = end - start;
	return 1;
}
