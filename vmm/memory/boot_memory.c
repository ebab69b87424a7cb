/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory that a machine boots with. */
#include "boot_memory.h"

#include <errno.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>

#include "accel/accel.h"
#include "host/loop.h"
#include "host/range_job.h"
#include "host/size.h"
#include "space/guest_memory.h"
#include "space/memory_map.h"

#define PROGRESS_FIRST_MS 1000
#define PROGRESS_MS       200

/* Populating, while the loop runs. */
struct boot_populate {
	struct range_job job;
	struct pm_ram *ram;
	struct loop_timer timer;
	bool shown;
	bool done;
	int result;
	struct pm_error why;
};

static int populate_part(void *opaque, uint64_t offset, uint64_t size,
			 struct pm_error *err)
{
	struct boot_populate *b = opaque;

	return pm_ram_populate(b->ram, offset, size, err);
}

static void on_done(void *opaque, int result, const struct pm_error *why)
{
	struct boot_populate *b = opaque;

	b->done = true;
	b->result = result;
	b->why = *why;
}

static void show_progress(void *opaque)
{
	struct boot_populate *b = opaque;

	b->shown = true;
	fprintf(stderr, "\r\033[Kpopulating boot memory: %s of %s",
		size_format_rounded(range_job_progress(&b->job)).text,
		size_format(b->job.size).text);
	loop_timer_arm(&b->timer, PROGRESS_MS);
}

/* Progress is a courtesy: it is left out where it cannot be shown. */
static void begin_progress(struct boot_populate *b, struct loop *loop)
{
	if (isatty(STDERR_FILENO) &&
	    !loop_timer_init(loop, &b->timer, show_progress, b))
		loop_timer_arm(&b->timer, PROGRESS_FIRST_MS);
}

static void end_progress(struct boot_populate *b, struct loop *loop)
{
	loop_timer_finish(loop, &b->timer);
	if (b->shown)
		fputs("\r\033[K", stderr);
}

static int populate(struct pm_ram *ram, struct loop *loop,
		    struct workers *workers, const bool *ended,
		    struct pm_error *err)
{
	struct boot_populate b = {
		.job = { .work = populate_part, .done = on_done, .opaque = &b },
		.ram = ram,
	};
	int ret = range_job_start(&b.job, workers, 0, pm_ram_size(ram),
				  pm_ram_page_size(ram), err);

	if (ret)
		return ret;
	begin_progress(&b, loop);
	while (!ret && !b.done && !*ended)
		ret = loop_run_once(loop);
	end_progress(&b, loop);
	range_job_stop(&b.job);
	if (ret)
		return pm_error_set(err, -ret, "the main loop failed (%s)",
				    strerror(-ret));
	if (!b.done)
		return pm_error_set(err, EINTR,
				    "a signal ended the machine "
				    "before it was populated");
	if (b.result)
		*err = b.why;
	return b.result;
}

int boot_memory_create(const struct machine_config *config, struct loop *loop,
		       struct workers *workers, struct pm_host *host,
		       const bool *ended, struct pm_ram **out,
		       struct pm_error *err)
{
	const struct pm_ram_config ram_config =
		ram_options_config(&config->memory_ram, config->memory, host);
	struct pm_error why = { "" };
	struct pm_ram *ram = NULL;
	int ret = pm_ram_create(&ram_config, &ram, &why);

	if (!ret) {
		ret = pm_ram_resize(ram, config->memory, &why);
		ram_options_cure(&config->memory_ram, ret, &why);
	}
	if (!ret && ram_options_populate(&config->memory_ram))
		ret = populate(ram, loop, workers, ended, &why);
	if (ret) {
		pm_ram_destroy(ram);
		return pm_error_set(err, -ret, "boot memory of %s: %s",
				    size_format(config->memory).text, why.text);
	}
	*out = ram;
	return 0;
}

int boot_memory_reset(const struct machine_config *config, struct pm_ram *ram,
		      struct pm_error *err)
{
	int ret = 0;

	if (!ram_options_populate(&config->memory_ram))
		ret = pm_ram_discard(ram, 0, config->memory);
	if (ret)
		return pm_error_set(err, -ret,
				    "the boot memory cannot be freed for a "
				    "reset (%s)",
				    strerror(-ret));
	return 0;
}

static int show_region(struct guest_memory *memory, struct accel *accel,
		       uint64_t gpa, uint64_t size, struct pm_ram *ram,
		       uint64_t offset)
{
	uint8_t *host = (uint8_t *)pm_ram_host(ram) + offset;
	const struct guest_memory_region region = {
		.gpa = gpa,
		.size = size,
		.host = host,
		.ram = ram,
		.ram_offset = offset,
	};
	int ret;

	if (!size)
		return 0;
	ret = guest_memory_add(memory, &region);
	return ret ? ret : accel_add_memory(accel, gpa, size, host);
}

int boot_memory_show(struct pm_ram *ram, const struct memory_map *map,
		     struct guest_memory *memory, struct accel *accel,
		     struct pm_error *err)
{
	int ret = show_region(memory, accel, map->layout->boot_base,
			      map->low_size, ram, 0);

	if (!ret)
		ret = show_region(memory, accel, map->high_base, map->high_size,
				  ram, map->low_size);
	if (ret)
		return pm_error_set(err, -ret,
				    "KVM does not take the boot memory (%s)",
				    strerror(-ret));
	return 0;
}
