/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread on which the guards of the memory devices work.
 *
 * It is one of its own since a vCPU that touches unplugged memory stays in the
 * kernel until the guard has answered, and the main thread may be waiting for
 * that vCPU: to pause it, or for KVM to change its view of memory.
 */
#ifndef VMM_GUARD_WATCH_H
#define VMM_GUARD_WATCH_H

#include "paramem.h"

struct guard_watch;

/* 0 or -errno, here and below. The thread comes with the first device. */
int guard_watch_create(struct guard_watch **watch);
/* Ends the thread. No vCPU may run any more. Takes NULL. */
void guard_watch_destroy(struct guard_watch *watch);

/*
 * Watches a device that has a guard from now on; before any vCPU runs. It is
 * to be there until it is removed, or the watch is destroyed.
 */
int guard_watch_add(struct guard_watch *watch, struct pm_device *device);
void guard_watch_remove(struct guard_watch *watch, struct pm_device *device);

#endif /* VMM_GUARD_WATCH_H */
