/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the host lets this process have memory now.
 *
 * Theory of operation. Where memory runs out the kernel ends a process rather
 * than fail a call: that of the whole host, of the nodes that memory must come
 * from, or of any control group around us. So each is asked before. What counts
 * as left is what is free, what caches of files would give back, and what could
 * be swapped out; that last not for memory that is locked.
 *
 *  limit                        what is left of it
 *  the host                     MemAvailable, SwapFree
 *  NUMA nodes, if not all       what is free and what is cached there, SwapFree
 *  memory.max, of version 2     max - current, cached, swap that is left of
 *                               swap.max in all groups around
 *  memory.high                  the same: beyond it nobody is ended, but all is
 *                               slowed down until nothing goes on
 *  limit_in_bytes, version 1    limit - usage, cached, SwapFree if swappiness
 *                               is not 0; and memsw limit - usage, cached
 *
 * What is cached the kernel adds up now and then, at least every two seconds: it
 * may be more than we hear of, and a refusal be worth another try.
 *
 * A group keeps a reserve for what the kernel and the process need besides:
 * page tables here and of KVM, threads, buffers.
 *
 * Several threads have memory at the same time, in parts. What they are having
 * may be counted by the host already, or not yet. So a claim is first held
 * against what all claims might still take, and if that is too much, waits for
 * one of those to end: by itself it is never refused what is there.
 */
#include "host_room.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host.h"
#include "host_file.h"

/* What is needed besides, as a part of what is wanted, and in a group. */
#define OVERHEAD      128
#define GROUP_RESERVE (UINT64_C(8) << 20)

#define WAIT_NS 100000

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* ---- control groups ------------------------------------------------------ */

/* What the group would get back: half of what is in use stays. */
static uint64_t reclaimable(const struct host_cgroup *group,
			    const struct host_cgroup_level *level)
{
	uint64_t inactive = 0, active = 0, slab = 0;
	char text[HOST_FILE_MAX];

	if (!host_file_text(level->files[HOST_MEMORY_STAT], text, sizeof(text)))
		return 0;
	if (group->unified) {
		host_text_number(text, "inactive_file", &inactive);
		host_text_number(text, "active_file", &active);
		host_text_number(text, "slab_reclaimable", &slab);
	} else {
		host_text_number(text, "total_inactive_file", &inactive);
		host_text_number(text, "total_active_file", &active);
	}
	return inactive + active / 2 + slab / 2;
}

/* Of @swap, what the groups around us allow. */
static uint64_t group_swap(const struct host_cgroup *group, uint64_t swap)
{
	for (unsigned int i = 0; i < group->nr_levels && swap; i++) {
		const struct host_cgroup_level *level = &group->levels[i];
		uint64_t limit, used, swappiness;

		if (group->unified &&
		    host_cgroup_limit(level, HOST_MEMORY_SWAP_LIMIT,
				      HOST_MEMORY_SWAP_USAGE, &limit, &used))
			swap = min(swap, minus(limit, used));
		if (!group->unified &&
		    host_file_number(level->files[HOST_MEMORY_HIGH],
				     &swappiness) &&
		    !swappiness)
			swap = 0;
	}
	return swap;
}

static void tell(struct host_room *room, uint64_t left, uint64_t limit,
		 const char *path, const char *file)
{
	const size_t max = 200;
	size_t len = strlen(path);
	const char *cut = len > max ? "..." : "";

	room->left = left;
	snprintf(room->text, sizeof(room->text),
		 "; a control group's limit of memory is %" PRIu64
		 " MiB (%s%s/%s), of which %" PRIu64
		 " MiB are left: raise it, or ask for less",
		 limit >> 20, cut, len > max ? path + len - max : path, file,
		 left >> 20);
}

/* Holds one limit of a group against what is @enough. */
static void look(const struct host_cgroup *group,
		 const struct host_cgroup_level *level, unsigned int file,
		 uint64_t swap, uint64_t enough, struct host_room *room)
{
	const char *const *names =
		group->unified ? host_cgroup_memory.v2 : host_cgroup_memory.v1;
	unsigned int usage = !group->unified && file == HOST_MEMORY_SWAP_LIMIT
				     ? HOST_MEMORY_SWAP_USAGE
				     : HOST_MEMORY_USAGE;
	uint64_t limit, used, left;

	if (!host_cgroup_limit(level, file, usage, &limit, &used))
		return;
	left = plus(minus(limit, used), swap);
	/* The kernel adds up what the file holds, which takes a while. */
	if (left < plus(enough, GROUP_RESERVE))
		left = plus(left, reclaimable(group, level));
	left = minus(left, GROUP_RESERVE);
	if (left < room->left)
		tell(room, left, limit, level->path, names[file]);
}

static void look_at_groups(const struct host_cgroup *group, uint64_t swap,
			   uint64_t enough, struct host_room *room)
{
	swap = group_swap(group, swap);
	for (unsigned int i = 0; i < group->nr_levels; i++) {
		const struct host_cgroup_level *level = &group->levels[i];

		look(group, level, HOST_MEMORY_LIMIT, swap, enough, room);
		if (group->unified)
			look(group, level, HOST_MEMORY_HIGH, swap, enough,
			     room);
		else
			look(group, level, HOST_MEMORY_SWAP_LIMIT, 0, enough,
			     room);
	}
}

/* ---- the host ------------------------------------------------------------ */

static void look_at_host(const struct pm_host *host,
			 const struct host_want *want, uint64_t *swap,
			 struct host_room *room)
{
	char text[HOST_FILE_MAX];
	uint64_t available;

	if (!host_file_text(host->meminfo, text, sizeof(text)))
		return;
	if (want->locked || !host_text_number(text, "SwapFree", swap))
		*swap = 0;
	if (!host_text_number(text, "MemAvailable", &available))
		return;
	room->left = plus(available, *swap);
	snprintf(room->text, sizeof(room->text),
		 "; the host has %" PRIu64 " MiB available", room->left >> 20);
}

static void look_at_nodes(const struct pm_host *host,
			  const struct host_want *want, uint64_t swap,
			  struct host_room *room)
{
	char which[96], allowed[128];
	uint64_t left;

	if (!host->nodes.nr || !host_nodes_left(&host->nodes, want->nodes,
						&left, which, sizeof(which)))
		return;
	left = plus(left, swap);
	if (left >= room->left)
		return;
	room->left = left;
	host_nodes_allowed(&host->nodes, allowed, sizeof(allowed));
	snprintf(room->text, sizeof(room->text),
		 "; %s, where it must come from, has %" PRIu64
		 " MiB available: bind it to other nodes, of which the process "
		 "may use %s",
		 which, left >> 20, allowed);
}

void host_room(const struct pm_host *host, const struct host_want *want,
	       struct host_room *room)
{
	uint64_t swap = 0;

	room->left = UINT64_MAX;
	room->text[0] = '\0';
	look_at_host(host, want, &swap, room);
	look_at_nodes(host, want, swap, room);
	look_at_groups(&host->memory, swap, plus(want->size, want->size / 16),
		       room);
}

/* ---- claims -------------------------------------------------------------- */

static uint64_t need(uint64_t size)
{
	return plus(size, size / OVERHEAD);
}

static void begin_asking(struct pm_host *host)
{
	const struct timespec moment = { .tv_nsec = WAIT_NS / 10 };

	while (atomic_flag_test_and_set(&host->asking))
		nanosleep(&moment, NULL);
}

bool host_claim(struct pm_host *host, const struct host_want *want,
		struct host_room *room)
{
	const struct timespec moment = { .tv_nsec = WAIT_NS };
	bool granted = false, alone = false;

	while (!granted && !alone) {
		struct host_want all = *want;
		uint64_t claimed;

		begin_asking(host);
		/* Before the host is asked: who ends meanwhile counts twice. */
		claimed = host->claimed;
		alone = claimed == 0;
		all.size = plus(all.size, claimed);
		host_room(host, &all, room);
		granted = need(all.size) <= room->left;
		if (granted)
			host->claimed += want->size;
		atomic_flag_clear(&host->asking);
		if (!granted && !alone)
			nanosleep(&moment, NULL);
	}
	return granted;
}

void host_claim_end(struct pm_host *host, uint64_t size)
{
	host->claimed -= size;
}
