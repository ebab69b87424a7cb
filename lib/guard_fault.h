/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest touched what it may not. Nothing here is called under the lock. */
#ifndef PARAMEM_GUARD_FAULT_H
#define PARAMEM_GUARD_FAULT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "guard_base.h"

/* For guard.user. */
void guard_fault(struct uffd_user *user, const struct uffd_fault *fault);

/* What was noticed late is told late. */
void guard_tell_late(struct guard *g);

/* As pm_device_guard_report(). */
void guard_report(struct guard *g, uint64_t offset, bool write, pid_t thread);

#endif
