/* SPDX-License-Identifier: BSD-3-Clause */
/* Populating that takes no thread and no time. */
#include "late_populate.h"

#include <errno.h>

#include "fuzz.h"
#include "populate.h"

static struct populate *under_way;
static bool cancelled;
static bool refuse;

int __wrap_populate_start(struct populate *p, struct workers *workers,
			  struct pm_ram *ram, uint64_t offset, uint64_t size,
			  populate_done_fn *done, void *opaque,
			  struct pm_error *err);
void __wrap_populate_cancel(struct populate *p);
void __wrap_populate_stop(struct populate *p);

int __wrap_populate_start(struct populate *p, struct workers *workers,
			  struct pm_ram *ram, uint64_t offset, uint64_t size,
			  populate_done_fn *done, void *opaque,
			  struct pm_error *err)
{
	(void)workers;
	fuzz_check(!under_way && size);
	fuzz_check(offset + size <= pm_ram_size(ram));
	if (refuse) {
		refuse = false;
		return pm_error_set(err, EAGAIN, "no threads");
	}
	p->done = done;
	p->opaque = opaque;
	under_way = p;
	cancelled = false;
	return 0;
}

void __wrap_populate_cancel(struct populate *p)
{
	if (p == under_way)
		cancelled = true;
}

void __wrap_populate_stop(struct populate *p)
{
	if (p == under_way)
		under_way = NULL;
}

void late_populate_init(void)
{
	under_way = NULL;
	refuse = false;
}

void late_populate_refuse(void)
{
	refuse = true;
}

void late_populate_end(int result)
{
	const struct pm_error why = { "no pages" };
	struct populate *p = under_way;

	if (!p)
		return;
	under_way = NULL;
	if (cancelled && !result)
		result = -ECANCELED;
	p->done(p->opaque, result, &why);
}
