/* SPDX-License-Identifier: BSD-3-Clause */
/* Work on memory that takes no thread and no time. */
#include "late_job.h"

#include <errno.h>

#include "fuzz.h"
#include "host/range_job.h"

static struct range_job *under_way;
static bool cancelled;
static bool refuse;

int __wrap_range_job_start(struct range_job *r, struct workers *workers,
			   uint64_t offset, uint64_t size, uint64_t unit,
			   struct pm_error *err);
void __wrap_range_job_cancel(struct range_job *r);
void __wrap_range_job_stop(struct range_job *r);

int __wrap_range_job_start(struct range_job *r, struct workers *workers,
			   uint64_t offset, uint64_t size, uint64_t unit,
			   struct pm_error *err)
{
	(void)workers;
	fuzz_check(!under_way && size);
	fuzz_check(offset % unit == 0 && size % unit == 0);
	if (refuse) {
		refuse = false;
		return pm_error_set(err, EAGAIN, "no threads");
	}
	under_way = r;
	cancelled = false;
	return 0;
}

void __wrap_range_job_cancel(struct range_job *r)
{
	if (r == under_way)
		cancelled = true;
}

void __wrap_range_job_stop(struct range_job *r)
{
	if (r == under_way)
		under_way = NULL;
}

void late_job_init(void)
{
	under_way = NULL;
	refuse = false;
}

void late_job_refuse(void)
{
	refuse = true;
}

bool late_job_is_under_way(void)
{
	return under_way;
}

void late_job_end(int result)
{
	const struct pm_error why = { "no pages" };
	struct range_job *r = under_way;

	if (!r)
		return;
	under_way = NULL;
	if (cancelled && !result)
		result = -ECANCELED;
	r->done(r->opaque, result, &why);
}
