/* SPDX-License-Identifier: BSD-3-Clause */
/* Host memory in a shared memory file. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "host_rlimit.h"
#include "ram.h"
#include "ram_file.h"
#include "ram_pages.h"
#include "ram_range.h"
#include "ram_resident.h"

static int memfd_open(struct pm_ram *ram, struct pm_error *err)
{
	ram->page_size = ram_system_page_size();
	return ram_file_open(ram, 0, err);
}

/*
 * The kernel charges a memory file page by page, when one is first touched. So
 * that growing can fail early nonetheless, ask by the means that is charged at
 * once: the answer holds in every mode of vm.overcommit_memory. That is a shared
 * mapping, since private ones count against RLIMIT_DATA, which files do not.
 * For one that RLIMIT_AS forbids, nothing is known.
 */
static int ask_for_charge(uint64_t size)
{
	void *probe =
		mmap(NULL, size, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t limit;

	if (probe == MAP_FAILED)
		return errno == ENOMEM && host_rlimit(RLIMIT_AS, &limit)
			       ? 0
			       : -errno;
	munmap(probe, size);
	return 0;
}

static int memfd_grow(struct pm_ram *ram, uint64_t from, uint64_t to)
{
	int ret = ram->config.no_reserve ? 0 : ask_for_charge(to - from);

	return ret < 0 ? ret : ram_range_open(ram, from, to);
}

static int memfd_populate(struct pm_ram *ram, uint64_t offset, uint64_t size)
{
	int ret = ram_pages_fault_in(ram, offset, size);

	/* Touching would do before Linux 5.14, but might raise SIGBUS. */
	return ret == -ENOSYS ? ram_file_allocate(ram, offset, size) : ret;
}

const struct ram_ops ram_memfd_ops = {
	.open = memfd_open,
	.grow = memfd_grow,
	.shrink = ram_file_shrink,
	.populate = memfd_populate,
	.discard = ram_file_discard,
	.resident = ram_resident_in_file,
	.find = ram_resident_find_in_file,
};
