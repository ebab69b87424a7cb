/* SPDX-License-Identifier: BSD-3-Clause */
/* Guest requests: bytes in, bytes out. */
#ifndef PARAMEM_REQUEST_H
#define PARAMEM_REQUEST_H

#include <stddef.h>
#include <sys/types.h>

#include "paramem.h"
#include "pending.h"

/* As pm_device_request() says; @p is where a request goes that takes long. */
ssize_t request_handle(struct pending *p, const void *request,
		       size_t request_len, void *response, size_t response_size,
		       struct pm_error *err);

#endif
