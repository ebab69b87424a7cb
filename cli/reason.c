/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a device does not have its requested size.
 *
 * What is known: the machine's status; whether a driver has the device up;
 * what the host refused; when the driver asked for the last time, and whether
 * it has read the size since that changed. What is not: whether memory that is
 * plugged is online, in use, or movable, and whether the guest has memory to
 * manage more with. The machine's own "standing" is the first part of that;
 * this adds the sizes.
 */
#include "reason.h"

#include <stdio.h>
#include <string.h>

#include "linux_sizes.h"

/*
 * So much, or two memory blocks of 128 MiB to 2 GiB where that is more, may be
 * offline before Linux's driver adds no more: with less, that is not why.
 */
#define OFFLINE_MAX (UINT64_C(1) << 30)

#define ONLINE "memhp_default_state=online_movable on its command line"

/* With so much at boot, memory blocks may be of up to 2 GiB. */
#define LARGE_GUEST     (UINT64_C(64) << 30)
#define LARGE_BLOCK_MAX (UINT64_C(2) << 30)

/* NULL where it runs, or is in a state that says nothing to us. */
static const char *why_not_running(const char *status)
{
	if (!strcmp(status, "paused"))
		return "the machine is paused: the command cont lets it go on";
	if (!strcmp(status, "prelaunch"))
		return "the machine has not been started";
	if (!strcmp(status, "internal-error"))
		return "the machine was stopped by an error: see what it has "
		       "printed";
	if (!strcmp(status, "shutdown"))
		return "the guest has shut down";
	return NULL;
}

static const char *why_not_taken(const struct machine_view *machine,
				 const struct mem_view *view)
{
	uint64_t left = view->requested_size - view->size;

	if (machine->boot_memory >= LARGE_GUEST && left < LARGE_BLOCK_MAX)
		return "the guest has not taken it: with 64 GiB or more at "
		       "boot, Linux may add memory in blocks of up to 2 GiB, "
		       "so that a multiple of those is reached; or what it has "
		       "is not online, for which it wants " ONLINE;
	if (view->size < OFFLINE_MAX)
		return "the guest has not taken it: it may be low on memory to "
		       "manage more with, 1.6 % of it";
	return "the guest has not taken it: either what it has is not online, "
	       "for which it wants " ONLINE
	       ", or it is low on memory to manage more with, 1.6 % of it";
}

static const char *why(const struct machine_view *machine,
		       const struct mem_view *view)
{
	if (!view->driver_ready)
		return "no virtio-mem driver is ready in the guest: it has "
		       "none, is booting, or sleeps";
	if (*view->last_refusal)
		return view->last_refusal;
	if (!strcmp(view->standing, "unnoticed"))
		return "the guest's driver has not looked at the requested "
		       "size: the guest is very busy, hangs, or has crashed";
	if (!strcmp(view->standing, "under-way"))
		return "the guest is still at it";
	if (view->size > view->requested_size)
		return "the guest has not given it back: it is in use, or "
		       "cannot be moved, as without " ONLINE;
	return why_not_taken(machine, view);
}

/* Whether Linux has got as far as it can. */
static bool at_nearest(const struct mem_view *view,
		       const struct linux_sizes *sizes)
{
	if (linux_sizes_reached(sizes))
		return false;
	return view->size == sizes->below || view->size == sizes->above;
}

/* Nothing is under way, or the machine does not tell. */
static bool at_rest(const struct mem_view *view)
{
	return view->driver_ready && !*view->last_refusal &&
	       (!strcmp(view->standing, "kept") ||
		!strcmp(view->standing, "not-taken") || !*view->standing);
}

struct reason reason_of(const struct machine_view *machine,
			const struct mem_view *view)
{
	struct linux_sizes sizes = linux_sizes(
		view->requested_size, view->max_size, view->block_size);
	const char *stands = why_not_running(machine->status);
	struct reason reason = { "" };
	struct pm_error sentence;

	if (view->size == view->requested_size)
		return reason;
	if (!stands && at_rest(view) && at_nearest(view, &sizes)) {
		linux_sizes_explain(&sizes, &sentence);
		memcpy(reason.text, sentence.text, sizeof(reason.text));
		return reason;
	}
	snprintf(reason.text, sizeof(reason.text), "%s",
		 stands ? stands : why(machine, view));
	return reason;
}
