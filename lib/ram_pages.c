/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages of a pm_ram come and go. */
#include "ram_pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "host.h"
#include "host_room.h"
#include "human_size.h"

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

static int lacks_huge_pages(const struct pm_ram *ram, uint64_t size, int ret,
			    struct pm_error *err)
{
	const struct host_pool *pool =
		host_pool_find(&ram->sys->pools, ram->page_size);
	char left[384];

	host_pool_left(pool, left, sizeof(left));
	return pm_error_set(err, -ret,
			    "Cannot populate host memory: %" PRIu64
			    " huge pages of %s are needed%s: %s",
			    size / ram->page_size,
			    human_size(ram->page_size).text, left,
			    strerror(-ret));
}

static int lacks_pages(uint64_t size, int ret, const struct host_room *room,
		       struct pm_error *err)
{
	return pm_error_set(err, -ret,
			    "Cannot populate %s of host memory: %s%s",
			    human_size(size).text, strerror(-ret), room->text);
}

static struct host_want want_of(const struct pm_ram *ram, uint64_t size)
{
	return (struct host_want){
		.size = size,
		.locked = ram->config.lock,
		.nodes = ram->config.policy == PM_NUMA_BIND ? ram->config.nodes
							    : NULL,
	};
}

/* Huge pages that are not there are an answer of the kernel. */
static int populate_huge(struct pm_ram *ram, uint64_t offset, uint64_t size,
			 struct pm_error *err)
{
	int ret = ram->ops->populate(ram, offset, size);

	if (!ret)
		return 0;
	/* First, so that the sentence counts what really is free. */
	ram->ops->discard(ram, offset, size);
	return lacks_huge_pages(ram, size, ret, err);
}

/*
 * Where memory runs out, the kernel ends a process rather than fail the call,
 * so look first.
 */
static int populate(struct pm_ram *ram, uint64_t offset, uint64_t size,
		    struct pm_error *err)
{
	const struct host_want want = want_of(ram, size);
	struct host_room room;
	int ret;

	if (!host_claim(ram->sys, &want, &room)) {
		ram->ops->discard(ram, offset, size);
		return lacks_pages(size, -ENOMEM, &room, err);
	}
	ret = ram->ops->populate(ram, offset, size);
	host_claim_end(ram->sys, size);
	if (!ret)
		return 0;
	ram->ops->discard(ram, offset, size);
	host_room(ram->sys, &want, &room);
	return lacks_pages(size, ret, &room, err);
}

int pm_ram_populate(struct pm_ram *ram, uint64_t offset, uint64_t size,
		    struct pm_error *err)
{
	if (!in_reach(ram, offset, size))
		return pm_error_set(err, EINVAL,
				    "%s of host memory at 0x%" PRIx64
				    " cannot be populated: they are not whole "
				    "pages within the %s that are accessible",
				    human_size(size).text, offset,
				    human_size(ram->size).text);
	if (!size)
		return 0;
	return ram->config.backend == PM_RAM_HUGETLB
		       ? populate_huge(ram, offset, size, err)
		       : populate(ram, offset, size, err);
}

int ram_pages_discard(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	int ret = ram->ops->discard(ram, offset, size);

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

int pm_ram_discard(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	if (!in_reach(ram, offset, size))
		return -EINVAL;
	return size ? ram_pages_discard(ram, offset, size) : 0;
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
