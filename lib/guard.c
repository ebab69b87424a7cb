/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes unplugged memory unusable for a guest.
 *
 * Theory of operation. A guest reaches memory through page tables that KVM
 * fills from those of the process, so that is where it is kept out: by
 * userfaultfd, which takes few mappings whatever the pattern of blocks, and nothing where memory is plugged. mprotect(2) would
 * split the region into as many mappings as there are runs of blocks, and a
 * memory slot for each run would have KVM drop the page tables of the whole
 * guest at each unplug.
 *
 * What userfaultfd can do differs by kind of memory:
 *
 *  anonymous    a page of zeros that all share is mapped, write-protected:
 *               reads see it and cost nothing but page tables, and a write
 *               waits for us (guard_anon.c). Registering such memory for
 *               missing pages instead would end transparent huge pages.
 *  memory file  a read of a hole makes a page, protected or not. So the guest
 *               has a mapping of its own, in which a page that the file lacks
 *               waits for us (guard_file.c).
 *
 * Memory that was never used needs neither: nothing is there, and who touches
 * it waits. It costs nothing, page tables included (guard_fresh.c).
 *
 * A block goes through these states:
 *
 *  state      its pages               next
 *  unplugged  none, or shared zeros   grant
 *  granted    the guest's             revoke
 *  revoked    as they were            discard; grant if that fails
 *
 * A block is granted last when it is plugged, after those who show it to the
 * guest have done so, and revoked first when it is unplugged. There is one
 * exception: where its pages are had in advance, a block is granted before,
 * since a page can only be had where writing is allowed. A guest that uses the
 * block while its request is under way loses what it wrote if that fails.
 *
 * A vCPU that touches what it may not waits in the kernel, where no signal
 * reaches it; worse, it holds up everybody who changes KVM's view of memory.
 * So it must not wait for an operator. guard_fault.c lends it a page after the
 * owner was told, who can interrupt all vCPUs first: then KVM_RUN returns
 * before the instruction has had any effect. What was lent is taken back within
 * milliseconds, with what was written.
 *
 * Guarantee and verification: after guard_discard() the range was seen to hold
 * no page while it was closed. What comes after that comes from lending, which
 * is bounded, and ends. A vCPU that hammers a block while it is unplugged can
 * make that take several attempts, and in the end fail: the answer is BUSY and
 * the block stays plugged, at the expense of nobody but that guest.
 *
 * Locking: the owner's lock guards the maps and the loans, and is held over
 * the system calls that make them true, but never over a callback.
 */
#include "guard.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "guard_back_ends.h"
#include "guard_fault.h"
#include "guard_fresh.h"
#include "guard_loans.h"
#include "guard_tables.h"
#include "ram.h"

#define SPAN_MIN  (UINT64_C(1) << 30)
#define SPANS_MAX 256

static const struct guard_ops *const back_ends[] = {
	[PM_RAM_ANON] = &guard_anon_ops,
	[PM_RAM_MEMFD] = &guard_memfd_ops,
	[PM_RAM_HUGETLB] = &guard_hugetlb_ops,
};

/* ---- sizes --------------------------------------------------------------- */

static struct guard *from_listener(struct pm_ram_listener *l)
{
	return (struct guard *)((char *)l - offsetof(struct guard, listener));
}

/* Also what could not go after all. */
static int on_grown(struct pm_ram_listener *l, uint64_t from, uint64_t to,
		    uint64_t max)
{
	struct guard *g = from_listener(l);
	int ret;

	(void)max;
	guard_lock(g);
	guard_fresh_gone(g, from);
	ret = g->ops->grown ? g->ops->grown(g, from, to - from) : 0;
	if (!ret)
		g->size = to;
	guard_unlock(g);
	return ret;
}

/*
 * What is lent of memory that goes is taken back. What cannot be, since it is
 * hammered, goes with the memory: none of it is lent any more.
 */
static void on_shrinking(struct pm_ram_listener *l, uint64_t from, uint64_t to,
			 uint64_t max)
{
	struct guard *g = from_listener(l);

	(void)from;
	guard_lock(g);
	g->size = to;
	guard_loans_recall(g);
	guard_forget_loans(g, to, max - to);
	guard_fresh_gone(g, to);
	guard_unlock(g);
}

/* ---- the life of a block ------------------------------------------------- */

/* What was closed may have been so because it could not be watched. */
static int open_again(struct guard *g, uint64_t offset, uint64_t size)
{
	int ret = g->ops->remap ? g->ops->remap(g, offset, size) : 0;

	if (!ret &&
	    mprotect(g->view + offset, size, PROT_READ | PROT_WRITE) < 0)
		ret = -errno;
	return ret;
}

static void forget_grant(struct guard *g, struct block_range range)
{
	g->nr_granted -= block_map_count(&g->granted, range);
	block_map_clear(&g->granted, range);
}

/* The lock is held. Bits that do not tell the truth are never set. */
static int grant(struct guard *g, uint64_t offset, uint64_t size, bool keep)
{
	struct block_range range = guard_blocks(g, offset, size);
	uint64_t at = offset, end = offset + size, from, len;
	int ret = 0;

	if (block_map_all_set(&g->granted, range))
		return 0;
	ret = g->refused ? open_again(g, offset, size) : 0;
	while (!ret && guard_fresh_next_used(g, &at, end, &from, &len))
		ret = g->ops->grant(g, from, len, keep);
	if (!ret)
		ret = guard_fresh_use(g, offset, size);
	if (ret < 0)
		return ret;
	forget_grant(g, range);
	block_map_set(&g->granted, range);
	g->nr_granted += range.count;
	return 0;
}

int guard_grant(struct guard *g, uint64_t offset, uint64_t size, bool keep)
{
	int ret;

	if (!g->ops)
		return 0;
	guard_lock(g);
	ret = grant(g, offset, size, keep);
	guard_unlock(g);
	return ret;
}

int guard_revoke(struct guard *g, uint64_t offset, uint64_t size)
{
	uint64_t at = offset, end = offset + size;
	int ret = 0;

	if (!g->ops)
		return 0;
	guard_lock(g);
	forget_grant(g, guard_blocks(g, offset, size));
	while (!ret && guard_fresh_next_used(g, &at, end, &offset, &size))
		ret = g->ops->protect(g, offset, size);
	guard_unlock(g);
	return ret;
}

int guard_discard(struct guard *g, uint64_t offset, uint64_t size)
{
	int ret;

	if (!g->ops)
		return pm_ram_discard(g->ram, offset, size);
	guard_lock(g);
	assert(block_map_all_clear(&g->granted, guard_blocks(g, offset, size)));
	guard_forget_loans(g, offset, size);
	ret = guard_fresh_discard(g, offset, size);
	/* Zeros are of use around what is granted. */
	if (!ret && !g->nr_granted)
		guard_fresh_reset(g);
	guard_unlock(g);
	return ret;
}

bool guard_is_on(const struct guard *g)
{
	return g->ops;
}

int guard_expire(struct guard *g)
{
	int timeout;

	guard_lock(g);
	timeout = guard_loans_expire(g);
	guard_unlock(g);
	guard_tell_late(g);
	return timeout;
}

int guard_recall(struct guard *g)
{
	int ret;

	if (!g->ops)
		return 0;
	guard_lock(g);
	ret = guard_loans_recall(g);
	guard_unlock(g);
	guard_tell_late(g);
	return ret;
}

void guard_set_inaccessible(struct guard *g, bool inaccessible)
{
	g->inaccessible = inaccessible;
}

void guard_reset(struct guard *g)
{
	uint64_t size;

	if (!g->ops)
		return;
	guard_lock(g);
	guard_loans_recall(g);
	guard_fresh_reset(g);
	size = guard_has_view(g) ? pm_ram_max_size(g->ram) : g->size;
	if (g->refused && open_again(g, 0, size) == 0)
		g->refused = false;
	guard_unlock(g);
}

/* ---- life ---------------------------------------------------------------- */

static int alloc_maps(struct guard *g)
{
	uint64_t max = pm_ram_max_size(g->ram);
	uint64_t blocks = max / g->block_size;
	uint64_t *words = calloc(block_map_words(blocks), sizeof(*words));

	if (!words)
		return -ENOMEM;
	block_map_init(&g->granted, words, blocks);
	return guard_tables_init(g);
}

static int open_back_end(struct guard *g)
{
	const struct guard_ops *ops = back_ends[g->ram->config.backend];
	uint64_t wants = ops->wants;
	int ret;

	/* Marks would keep huge pages away: see guard_anon.c. */
	if (ops == &guard_anon_ops && g->ram->config.thp != PM_THP_OFF)
		wants &= ~(uint64_t)UFFD_FEATURE_WP_UNPOPULATED;
	ret = uffd_open(g->uffd, ops->needs, wants, &g->lack);
	if (ret < 0)
		return ret;
	ret = ops->open(g, &g->lack);
	if (ret < 0) {
		ops->close(g);
		return ret;
	}
	if (ops->use && guard_fresh_init(g) < 0) {
		ops->close(g);
		return -ENOMEM;
	}
	g->ops = ops;
	g->user = (struct uffd_user){
		.start = g->view,
		.size = pm_ram_max_size(g->ram),
		.fault = guard_fault,
	};
	uffd_add_user(g->uffd, &g->user);
	return 0;
}

int guard_init(struct guard *g, enum pm_guard mode, struct pm_ram *ram,
	       uint64_t block_size, struct uffd *uffd,
	       const struct pm_device_ops *owner, void *opaque,
	       struct pm_error *err)
{
	*g = (struct guard){ .ram = ram,
			     .view = pm_ram_host(ram),
			     .block_size = block_size,
			     .uffd = uffd,
			     .owner = owner,
			     .opaque = opaque };
	g->span_size = block_size > SPAN_MIN ? block_size : SPAN_MIN;
	while ((pm_ram_max_size(ram) - 1) / g->span_size >= SPANS_MAX)
		g->span_size *= 2;
	g->lack = mode == PM_GUARD_OFF ? "it is switched off" : NULL;
	if (alloc_maps(g) < 0)
		return pm_error_set(err, ENOMEM, "Out of memory");
	if (mode != PM_GUARD_OFF && open_back_end(g) < 0 &&
	    mode == PM_GUARD_REQUIRED)
		return pm_error_set(err, ENOTSUP,
				    "Unplugged memory cannot be guarded: %s",
				    g->lack);
	if (g->ops) {
		g->listener.did_grow = on_grown;
		g->listener.will_shrink = on_shrinking;
		pm_ram_add_listener(ram, &g->listener);
	}
	return 0;
}

void guard_finish(struct guard *g)
{
	if (g->ops) {
		pm_ram_remove_listener(g->ram, &g->listener);
		uffd_remove_user(g->uffd, &g->user);
		g->ops->close(g);
	}
	free(g->granted.words);
	guard_fresh_finish(g);
	guard_tables_finish(g);
	memset(g, 0, sizeof(*g));
}
