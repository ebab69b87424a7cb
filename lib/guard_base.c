/* SPDX-License-Identifier: BSD-3-Clause */
/* What all parts of the guard stand on. */
#include "guard_base.h"

#include <string.h>
#include <sys/mman.h>

void guard_lock(struct guard *g)
{
	if (g->owner && g->owner->guard_lock)
		g->owner->guard_lock(g->opaque);
}

void guard_unlock(struct guard *g)
{
	if (g->owner && g->owner->guard_unlock)
		g->owner->guard_unlock(g->opaque);
}

struct block_range guard_blocks(const struct guard *g, uint64_t offset,
				uint64_t size)
{
	return (struct block_range){
		.first = offset / g->block_size,
		.count = size / g->block_size,
	};
}

bool guard_is_granted(const struct guard *g, uint64_t offset)
{
	const struct block_range range = {
		.first = offset / g->block_size,
		.count = 1,
	};

	return block_map_all_set(&g->granted, range);
}

/* ---- loans --------------------------------------------------------------- */

static void loan_remove(struct guard *g, unsigned int index)
{
	g->nr_loans--;
	memmove(&g->loans[index], &g->loans[index + 1],
		(g->nr_loans - index) * sizeof(g->loans[0]));
}

void guard_loan_add(struct guard *g, struct guard_loan loan)
{
	g->loans[g->nr_loans++] = loan;
}

struct guard_loan guard_loan_take(struct guard *g)
{
	struct guard_loan oldest = g->loans[0];

	loan_remove(g, 0);
	return oldest;
}

bool guard_is_lent(const struct guard *g, uint64_t offset, uint64_t size)
{
	for (unsigned int i = 0; i < g->nr_loans; i++) {
		const struct guard_loan *loan = &g->loans[i];

		if (loan->offset <= offset && size <= loan->size &&
		    offset - loan->offset <= loan->size - size)
			return true;
	}
	return false;
}

bool guard_forget_loans(struct guard *g, uint64_t offset, uint64_t size)
{
	unsigned int before = g->nr_loans;

	for (unsigned int i = g->nr_loans; i--;) {
		if (g->loans[i].offset >= offset &&
		    g->loans[i].offset - offset < size)
			loan_remove(g, i);
	}
	return g->nr_loans != before;
}

bool guard_has_view(const struct guard *g)
{
	return g->view != pm_ram_host(g->ram);
}

void guard_close(struct guard *g, uint64_t offset, uint64_t size)
{
	if (mprotect(g->view + offset, size, PROT_NONE) == 0)
		g->refused = true;
}
