/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What memory files of small and of huge pages have in common.
 *
 * Theory of operation: the file has the length of the maximum from the start,
 * and is sealed against another, so that nobody who has the descriptor can cut
 * it short under those who use it, which would be a signal for them. It is
 * sparse: what is not there is a hole, which costs nothing. The reservation maps
 * it as a whole, closed. Growing opens a range; shrinking closes it, and then
 * makes a hole of it, which frees the pages whoever else has them mapped.
 * Closing loses no contents, which are the file's, so a hole that cannot be made
 * is undone whole.
 */
#include "ram_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host_rlimit.h"
#include "human_size.h"
#include "ram_range.h"
#include "ram_settings.h"

int ram_file_open(struct pm_ram *ram, unsigned int flags, struct pm_error *err)
{
	ram->fd = memfd_create("paramem",
			       MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
	if (ram->fd < 0)
		return pm_error_set(err, errno,
				    "Cannot create a memory file: %s",
				    strerror(errno));
	return 0;
}

/* The signal that comes with breaking RLIMIT_FSIZE would end the process. */
static int set_length(struct pm_ram *ram)
{
	uint64_t limit;
	int ret;

	if (host_rlimit(RLIMIT_FSIZE, &limit) && ram->max_size > limit)
		return -EFBIG;
	do
		ret = ftruncate(ram->fd, (off_t)ram->max_size);
	while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

int ram_file_fix_length(struct pm_ram *ram, struct pm_error *err)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int ret = set_length(ram);
	char limit[192] = "";

	if (!ret && fcntl(ram->fd, F_ADD_SEALS, seals) < 0)
		ret = -errno;
	if (ret == -EFBIG)
		host_rlimit_text(RLIMIT_FSIZE, limit, sizeof(limit));
	if (ret < 0)
		return pm_error_set(err, -ret,
				    "Cannot make a memory file of %s: %s%s",
				    human_size(ram->max_size).text,
				    strerror(-ret), limit);
	return 0;
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
	ret = ram_file_discard(ram, to, from - to);
	if (ret < 0)
		open_again(ram, to, from);
	return ret;
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
