/* SPDX-License-Identifier: BSD-3-Clause */
/* Host memory as all of its parts see it: what can be asked of it. */
#include "ram.h"

#include <errno.h>
#include <unistd.h>

uint64_t ram_system_page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t ram_thp_size(void)
{
	uint64_t page = ram_system_page_size();

	return page * (page / 8);
}

bool ram_must_populate(const struct pm_ram *ram)
{
	return ram->config.backend == PM_RAM_HUGETLB;
}

void *pm_ram_host(const struct pm_ram *ram)
{
	return ram->host;
}

uint64_t pm_ram_size(const struct pm_ram *ram)
{
	return ram->size;
}

uint64_t pm_ram_max_size(const struct pm_ram *ram)
{
	return ram->max_size;
}

uint64_t pm_ram_page_size(const struct pm_ram *ram)
{
	return ram->page_size;
}

int pm_ram_fd(const struct pm_ram *ram)
{
	return ram->fd >= 0 ? ram->fd : -ENOTSUP;
}
