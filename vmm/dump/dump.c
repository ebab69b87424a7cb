/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A dump of the guest.
 *
 * Theory of operation. What only the main thread may ask for is asked for at
 * the start: the registers, and which memory is there. Then one worker does
 * the rest, since a file is written in order:
 *
 *	search   the kernel's note among the memory, for the head has it
 *	head     ELF header, program headers, notes
 *	memory   run after run, a piece at a time; pages that are not there are
 *	         never touched, and like pages of zeros not stored
 *	commit   all is on the disk, and the file gets its name
 *
 * Between two pieces it looks whether it is to end. Once the file has its name
 * it is too late for that, and the dump succeeds.
 */
#include "dump.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "accel/accel.h"
#include "elf_core.h"
#include "host/workers.h"
#include "notes.h"
#include "runs.h"
#include "sink.h"
#include "vmcoreinfo.h"

#define PAGE  UINT64_C(4096)
#define PIECE (UINT64_C(1) << 20)

struct dump {
	struct dump_config config;
	struct workers_job job;
	enum dump_status status;
	uint64_t total;

	/* From the start to the end of one; the worker's while it runs. */
	struct dump_sink *sink;
	struct dump_runs runs;
	struct buffer notes;
	struct cpu_registers *registers; /* of each CPU; NULL: there are none */
	struct vmcoreinfo vmcoreinfo;
	int result;
	struct pm_error why;

	atomic_bool cancel;
	_Atomic uint64_t completed;
	_Atomic uint64_t stored;
};

/* ---- the worker: memory -------------------------------------------------- */

static int check_cancel(struct dump *d, struct pm_error *err)
{
	if (!atomic_load(&d->cancel))
		return 0;
	return pm_error_set(err, ECANCELED, "the dump was cancelled");
}

/* After each piece. */
static int advance(struct dump *d, uint64_t size, struct pm_error *err)
{
	atomic_fetch_add(&d->completed, size);
	atomic_store(&d->stored, dump_sink_stored(d->sink));
	return check_cancel(d, err);
}

static bool page_is_zero(const uint8_t *page)
{
	const uint64_t *words = (const uint64_t *)page;
	uint64_t any = words[0];

	for (size_t i = 1; i < PAGE / sizeof(*words) && !any; i += 7)
		any = words[i] | words[i + 1] | words[i + 2] | words[i + 3] |
		      words[i + 4] | words[i + 5] | words[i + 6];
	return !any;
}

/* The length of what is all zeros, or all not, in whole pages. */
static uint64_t stretch(const uint8_t *data, uint64_t size, bool zero)
{
	uint64_t len = PAGE;

	while (len < size && page_is_zero(data + len) == zero)
		len += PAGE;
	return len;
}

/* Pages that are there. */
static int write_pages(struct dump *d, const uint8_t *data, uint64_t size,
		       struct pm_error *err)
{
	int ret = 0;

	while (size && !ret) {
		bool zero = page_is_zero(data);
		uint64_t len = stretch(data, size < PIECE ? size : PIECE, zero);

		if (zero)
			ret = dump_sink_zeros(d->sink, len, err);
		else
			ret = dump_sink_write(d->sink, data, len, err);
		if (!ret)
			ret = advance(d, len, err);
		data += len;
		size -= len;
	}
	return ret;
}

static int write_hole(struct dump *d, uint64_t size, struct pm_error *err)
{
	int ret = size ? dump_sink_zeros(d->sink, size, err) : 0;

	return ret ? ret : advance(d, size, err);
}

static int write_run(struct dump *d, const struct dump_run *run,
		     struct pm_error *err)
{
	const uint8_t *host = pm_ram_host(run->ram);
	uint64_t at = run->offset, end = run->offset + run->size;
	uint64_t start, size;
	int ret = 0;

	while (!ret && at < end) {
		ret = pm_ram_populated_run(run->ram, at, end, &start, &size);
		if (ret < 0)
			return pm_error_set(err, -ret,
					    "the host does not tell which "
					    "memory is there (%s)",
					    strerror(-ret));
		if (!ret)
			return write_hole(d, end - at, err);
		ret = write_hole(d, start - at, err);
		if (!ret)
			ret = write_pages(d, host + start, size, err);
		at = start + size;
	}
	return ret;
}

/* ---- the worker: all of it ----------------------------------------------- */

static int find_vmcoreinfo(struct dump *d, struct pm_error *err)
{
	const struct vmcoreinfo_cpus cpus = {
		.arch = d->config.arch,
		.registers = d->registers,
		.nr = d->registers ? d->config.cpus : 0,
	};
	int ret = vmcoreinfo_find(&d->runs, &cpus, &d->cancel, &d->vmcoreinfo);

	if (ret == -ECANCELED)
		return check_cancel(d, err);
	if (!ret && d->vmcoreinfo.len)
		ret = dump_note_vmcoreinfo(&d->notes, d->vmcoreinfo.text,
					   d->vmcoreinfo.len);
	return ret ? pm_error_set(err, -ret,
				  "the guest's memory cannot be searched (%s)",
				  strerror(-ret))
		   : 0;
}

static int write_head(struct dump *d, struct pm_error *err)
{
	uint8_t *head;
	size_t len;
	int ret = elf_core_head(d->config.arch->elf_machine, &d->runs,
				&d->notes, &head, &len);

	if (ret)
		return pm_error_set(err, -ret,
				    "the dump's head cannot be made (%s)",
				    strerror(-ret));
	ret = dump_sink_write(d->sink, head, len, err);
	free(head);
	return ret;
}

static int dump_part(void *opaque, uint64_t index, struct pm_error *err)
{
	struct dump *d = opaque;
	int ret = find_vmcoreinfo(d, err);

	(void)index;
	if (!ret)
		ret = write_head(d, err);
	for (size_t i = 0; i < d->runs.nr && !ret; i++)
		ret = write_run(d, &d->runs.run[i], err);
	if (!ret)
		ret = dump_sink_commit(d->sink, err);
	if (!ret)
		d->sink = NULL;
	d->result = ret;
	d->why = *err;
	return ret;
}

/* ---- the main thread ----------------------------------------------------- */

/* What one dump needs; the figures of it stay. */
static void release(struct dump *d)
{
	dump_sink_abort(d->sink);
	d->sink = NULL;
	dump_runs_finish(&d->runs);
	buffer_clear(&d->notes);
	free(d->registers);
	d->registers = NULL;
}

static void over(struct dump *d)
{
	d->status = d->result ? DUMP_FAILED : DUMP_COMPLETED;
	release(d);
	d->config.done(d->config.opaque);
}

/* What the worker left in the dump counts, not what the pool says. */
static void on_job_done(void *opaque, int result, const struct pm_error *why)
{
	(void)result, (void)why;
	over(opaque);
}

int dump_create(const struct dump_config *config, struct dump **out)
{
	struct dump *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->config = *config;
	d->job.part = dump_part;
	d->job.done = on_job_done;
	d->job.opaque = d;
	d->job.nr_parts = 1;
	*out = d;
	return 0;
}

void dump_destroy(struct dump *d)
{
	if (!d)
		return;
	dump_stop(d);
	free(d);
}

static int registers_get(struct dump *d)
{
	size_t size = d->config.arch->registers_size;
	uint8_t *at = calloc(d->config.cpus, size);
	int ret = at ? 0 : -ENOMEM;

	d->registers = (struct cpu_registers *)at;
	for (unsigned int i = 0; i < d->config.cpus && !ret; i++, at += size)
		ret = accel_get_registers(d->config.accel, i,
					  (struct cpu_registers *)at);
	return ret;
}

static int notes_add(struct dump *d)
{
	const struct arch_dump *arch = d->config.arch;
	unsigned int cpus = d->config.cpus;
	int ret = 0;

	for (unsigned int i = 0; i < cpus && !ret; i++)
		ret = dump_note_prstatus(&d->notes, arch, i,
					 dump_registers(arch, d->registers, i));
	for (unsigned int i = 0; i < cpus && !ret; i++)
		ret = dump_note_qemu(&d->notes, arch,
				     dump_registers(arch, d->registers, i));
	return ret;
}

/* A machine without CPUs has memory to dump all the same. */
static int collect_cpus(struct dump *d)
{
	int ret = registers_get(d);

	if (!ret)
		return notes_add(d);
	free(d->registers);
	d->registers = NULL;
	return ret == -ENOTSUP ? 0 : ret;
}

static int collect(struct dump *d, struct pm_error *err)
{
	int ret = collect_cpus(d);

	if (!ret)
		ret = dump_runs_collect(&d->runs, d->config.memory);
	if (!ret)
		ret = workers_start(d->config.workers, &d->job);
	if (ret)
		return pm_error_set(err, -ret, "a dump cannot be begun (%s)",
				    strerror(-ret));
	return 0;
}

int dump_start(struct dump *d, const struct dump_target *target,
	       struct pm_error *err)
{
	int ret;

	assert(d->status != DUMP_ACTIVE);
	ret = dump_sink_open(target, &d->sink, err);
	if (ret)
		return ret;
	/* As long as the worker has not said otherwise. */
	d->result = -ECANCELED;
	pm_error_set(&d->why, ECANCELED, "the dump was cancelled");
	d->vmcoreinfo.len = 0;
	atomic_store(&d->cancel, false);
	atomic_store(&d->completed, 0);
	atomic_store(&d->stored, 0);
	ret = collect(d, err);
	if (ret) {
		release(d);
		return ret;
	}
	d->total = d->runs.size;
	d->status = DUMP_ACTIVE;
	return 0;
}

void dump_cancel(struct dump *d)
{
	atomic_store(&d->cancel, true);
}

void dump_stop(struct dump *d)
{
	if (!dump_active(d))
		return;
	dump_cancel(d);
	workers_stop(d->config.workers, &d->job);
	over(d);
}

bool dump_active(const struct dump *d)
{
	return d->status == DUMP_ACTIVE;
}

void dump_get_info(const struct dump *d, struct dump_info *info)
{
	*info = (struct dump_info){
		.status = d->status,
		.completed = atomic_load(&d->completed),
		.total = d->total,
		.stored = atomic_load(&d->stored),
	};
	if (d->status == DUMP_COMPLETED)
		info->vmcoreinfo = d->vmcoreinfo.len;
	if (d->status == DUMP_FAILED)
		info->why = d->why;
}
