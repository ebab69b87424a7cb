/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Private anonymous host memory.
 *
 * Theory of operation:
 *  - Growing is mprotect(2) to read and write, which is where the kernel
 *    charges the range (mm/mprotect.c, "If we make a private mapping writable
 *    we increase our commit"), and charges it whole or fails.
 *  - Shrinking is a fresh reservation mapped over the range. Taking the write
 *    permission away would keep the charge once pages had been touched.
 *  - The whole reservation, accessible or not, carries the same advice. Two
 *    neighbours that differ in nothing are one mapping to the kernel, so
 *    there are at most two: the accessible part and the rest, after any
 *    number of steps.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ram.h"

/*
 * Both are best effort: a kernel may lack either, and all works without.
 * Guest memory stays out of core dumps since it is large, and not ours.
 */
static void anon_advise(unsigned char *host, uint64_t size)
{
	madvise(host, size, MADV_HUGEPAGE);
	madvise(host, size, MADV_DONTDUMP);
}

static int anon_shrink_from(struct pm_ram *ram, uint64_t from, uint64_t to)
{
	int ret = ram_reserve_again(ram->host + to, from - to);

	if (ret < 0)
		return ret;
	anon_advise(ram->host + to, from - to);
	return 0;
}

static int anon_grow(struct pm_ram *ram, uint64_t size)
{
	int ret;

	if (mprotect(ram->host + ram->size, size - ram->size,
		     PROT_READ | PROT_WRITE) == 0)
		return 0;
	ret = -errno;
	/* Where the rest is more than one mapping, some may have changed. */
	anon_shrink_from(ram, size, ram->size);
	return ret;
}

static int anon_shrink(struct pm_ram *ram, uint64_t size)
{
	return anon_shrink_from(ram, ram->size, size);
}

static int anon_discard(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	if (madvise(ram->host + offset, size, MADV_DONTNEED) < 0)
		return -errno;
	return 0;
}

static void anon_destroy(struct pm_ram *ram)
{
	ram_unreserve(ram->host, ram->max_size);
	free(ram);
}

static const struct ram_ops anon_ops = {
	.grow = anon_grow,
	.shrink = anon_shrink,
	.discard = anon_discard,
	.destroy = anon_destroy,
};

static int anon_reserve(struct pm_ram *ram, uint64_t max_size,
			struct pm_error *err)
{
	int ret = ram_reserve(max_size, &ram->host);

	if (ret < 0)
		return pm_error_set(err, -ret,
				    "Cannot reserve %" PRIu64
				    " bytes of address space: %s",
				    max_size, strerror(-ret));
	anon_advise(ram->host, max_size);
	return 0;
}

int pm_ram_create_anon(uint64_t max_size, struct pm_ram **ram,
		       struct pm_error *err)
{
	uint64_t page_size = ram_system_page_size();
	struct pm_ram *r;
	int ret;

	if (!max_size || max_size % page_size)
		return pm_error_set(err, EINVAL,
				    "A maximum memory size of %" PRIu64
				    " bytes is not a multiple of the page "
				    "size, %" PRIu64,
				    max_size, page_size);
	r = calloc(1, sizeof(*r));
	if (!r)
		return pm_error_set(err, ENOMEM, "Out of memory");
	r->ops = &anon_ops;
	r->page_size = page_size;
	r->max_size = max_size;
	ret = anon_reserve(r, max_size, err);
	if (ret < 0) {
		free(r);
		return ret;
	}
	*ram = r;
	return 0;
}
