/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What memory files of small and of huge pages have in common.
 *
 * Theory of operation: the reservation maps the file beyond its end, closed.
 * Growing makes the file longer and then opens the range; shrinking closes and
 * then cuts, which frees the pages whoever else has them mapped. Closing loses
 * no contents, which are the file's, so a cut that fails is undone whole.
 */
#include "ram_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ram_range.h"
#include "ram_settings.h"

int ram_file_open(struct pm_ram *ram, unsigned int flags, struct pm_error *err)
{
	ram->fd = memfd_create("paramem", MFD_CLOEXEC | flags);
	if (ram->fd < 0)
		return pm_error_set(err, errno,
				    "Cannot create a memory file: %s",
				    strerror(errno));
	return 0;
}

/* The signal that comes with breaking RLIMIT_FSIZE would end the process. */
static bool too_long(uint64_t size)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	       limit.rlim_cur != RLIM_INFINITY && size > limit.rlim_cur;
}

int ram_file_set_length(struct pm_ram *ram, uint64_t size)
{
	int ret;

	if (too_long(size))
		return -EFBIG;
	do
		ret = ftruncate(ram->fd, (off_t)size);
	while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

int ram_file_grow(struct pm_ram *ram, uint64_t from, uint64_t to)
{
	int ret = ram_file_set_length(ram, to);

	if (ret < 0)
		return ret;
	ret = ram_range_open(ram, from, to);
	if (ret < 0)
		ram_file_set_length(ram, from);
	return ret;
}

/* Makes a closed range what it was before; the file still has it all. */
static void open_again(struct pm_ram *ram, uint64_t from, uint64_t to)
{
	ram_settings_apply(ram, from, to - from, NULL);
	ram_range_open(ram, from, to);
	ram_settings_lock(ram, from, to - from, NULL);
}

int ram_file_shrink(struct pm_ram *ram, uint64_t from, uint64_t to)
{
	int ret = ram_range_close(ram, to, from);

	if (ret < 0)
		return ret;
	ret = ram_file_set_length(ram, to);
	if (ret < 0)
		open_again(ram, to, from);
	return ret;
}

static int change_pages(struct pm_ram *ram, int mode, uint64_t offset,
			uint64_t size)
{
	int ret;

	do
		ret = fallocate(ram->fd, mode, (off_t)offset, (off_t)size);
	while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

int ram_file_discard(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	return change_pages(ram, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    offset, size);
}

int ram_file_allocate(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	return change_pages(ram, 0, offset, size);
}
