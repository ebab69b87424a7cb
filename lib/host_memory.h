/* SPDX-License-Identifier: BSD-3-Clause */
/* The host as the provider: a pm_ram, and a guard where there is one. */
#ifndef PARAMEM_HOST_MEMORY_H
#define PARAMEM_HOST_MEMORY_H

#include "guard.h"
#include "provider.h"

struct host_memory {
	struct provider provider;
	struct pm_ram *ram;
	struct guard guard;
};

/*
 * @ram is the caller's, and is emptied; the rest as guard_init(). What is
 * half-built, host_memory_finish() takes, and all zeros, too.
 */
int host_memory_init(struct host_memory *m, enum pm_guard mode,
		     struct pm_ram *ram, uint64_t block_size, struct uffd *uffd,
		     const struct pm_device_ops *owner, void *opaque,
		     struct pm_error *err);
void host_memory_finish(struct host_memory *m);

#endif
