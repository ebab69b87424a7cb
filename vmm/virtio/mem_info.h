/* SPDX-License-Identifier: BSD-3-Clause */
/* How a memory device is, for who asks: a copy, and nothing to hold. */
#ifndef VMM_VIRTIO_MEM_INFO_H
#define VMM_VIRTIO_MEM_INFO_H

#include <stdbool.h>

#include "paramem.h"

/* Where a device stands on the way to its requested size, as far as is known. */
enum mem_standing {
	MEM_REACHED,
	MEM_NO_DRIVER, /* the guest has none running */
	MEM_REFUSED,   /* the host refused: see last_refusal */
	MEM_UNDER_WAY, /* the driver asks for blocks to come or go */
	MEM_UNNOTICED, /* it has not read the requested size */
	MEM_KEPT,      /* it has, and gives nothing more back */
	MEM_NOT_TAKEN, /* it has, and takes nothing more */
};

struct mem_device_info {
	struct pm_device_info device;
	const char *backend; /* what host memory it has: "anon", ... */
	/* The guest's driver has the device set up and running. */
	bool driver_ready;
	/* The last reason why the host refused a request, or "". */
	char last_refusal[PM_ERROR_MAX];
	enum mem_standing standing;
};

#endif /* VMM_VIRTIO_MEM_INFO_H */
