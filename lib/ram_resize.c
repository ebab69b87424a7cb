/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Growing and shrinking, with the listeners.
 *
 * Theory of operation: the settings of a configuration are applied to what is
 * about to be opened while nobody can touch it, so that no page ever exists
 * without them; only locking follows, since it counts. What fails is undone
 * in reverse:
 *
 *  step that fails          undone by
 *  will_grow of a listener  did_shrink of those told
 *  settings, opening        did_shrink of all
 *  locking                  closing, did_shrink of all
 *  did_grow of a listener   will_shrink of those told, closing, did_shrink
 *                           of all
 *  closing, in a shrink     did_grow of all; that may fail too: the size stays,
 *                           yet some listener lacks the range until the size
 *                           changes again, and the sentence says so
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

#include "host.h"
#include "host_rlimit.h"
#include "human_size.h"
#include "ram.h"
#include "ram_settings.h"

/* ---- sentences --------------------------------------------------------- */

static int cannot(struct ram_step s, int ret, const char *more,
		  struct pm_error *err)
{
	return pm_error_set(err, -ret,
			    "Cannot resize host memory from %s to %s: %s%s",
			    human_size(s.from).text, human_size(s.to).text,
			    strerror(-ret), more);
}

/* A limit of the process is reached before one of the host. */
static void why_not(const struct pm_ram *ram, char *text, size_t size)
{
	text[0] = '\0';
	if (ram->config.backend == PM_RAM_ANON)
		host_rlimit_text(RLIMIT_DATA, text, size);
	if (!text[0])
		host_memory_left(ram->sys, text, size);
}

static int cannot_grow(const struct pm_ram *ram, struct ram_step s, int ret,
		       struct pm_error *err)
{
	char left[192] = "";

	if (ret == -ENOMEM)
		why_not(ram, left, sizeof(left));
	return cannot(s, ret, left, err);
}

/* Who maps it once more locks it once more. */
static int not_mapped(const struct pm_ram *ram, struct ram_step s, int ret,
		      struct pm_error *err)
{
	char limit[192] = "", text[256];

	if (ram->config.lock)
		host_rlimit_text(RLIMIT_MEMLOCK, limit, sizeof(limit));
	snprintf(text, sizeof(text), " (a listener could not map it)%s", limit);
	return cannot(s, ret, text, err);
}

static int check(const struct pm_ram *ram, uint64_t size, struct pm_error *err)
{
	if (size % ram->page_size)
		return pm_error_set(
			err, EINVAL,
			"A memory size of %s is not a multiple of the page "
			"size, %s",
			human_size(size).text, human_size(ram->page_size).text);
	if (size > ram->max_size)
		return pm_error_set(
			err, EINVAL,
			"A memory size of %s is past the maximum, %s",
			human_size(size).text, human_size(ram->max_size).text);
	return 0;
}

/* ---- the memory itself ------------------------------------------------- */

static int close_memory(struct pm_ram *ram, uint64_t from, uint64_t to)
{
	int ret = ram->ops->shrink(ram, from, to);

	/* Best effort here: opening the range again will insist. */
	if (!ret)
		ram_settings_apply(ram, to, from - to, NULL);
	return ret;
}

static int open_memory(struct pm_ram *ram, struct ram_step s,
		       struct pm_error *err)
{
	int ret = ram_settings_apply(ram, s.from, s.to - s.from, err);

	if (ret < 0)
		return ret;
	ret = ram->ops->grow(ram, s.from, s.to);
	if (ret < 0) {
		ram_settings_apply(ram, s.from, s.to - s.from, NULL);
		return cannot_grow(ram, s, ret, err);
	}
	ret = ram_settings_lock(ram, s.from, s.to - s.from, err);
	if (ret < 0)
		close_memory(ram, s.to, s.from);
	return ret;
}

/* ---- the memory and its listeners -------------------------------------- */

static struct ram_step reversed(struct ram_step s)
{
	return (struct ram_step){ .from = s.to, .to = s.from, .max = s.max };
}

static int grow_told(struct pm_ram *ram, struct ram_step s,
		     struct pm_error *err)
{
	int ret = open_memory(ram, s, err);

	if (ret < 0)
		return ret;
	ram->size = s.to;
	ret = ram_listeners_did_grow(&ram->listeners, s);
	if (ret < 0) {
		ram->size = s.from;
		close_memory(ram, s.to, s.from);
		return not_mapped(ram, s, ret, err);
	}
	return 0;
}

static int grow(struct pm_ram *ram, struct ram_step s, struct pm_error *err)
{
	int ret = ram_listeners_will_grow(&ram->listeners, s);

	if (ret < 0)
		return cannot(s, ret, " (a listener refused)", err);
	ret = grow_told(ram, s, err);
	if (ret < 0)
		ram_listeners_did_shrink(&ram->listeners, reversed(s));
	return ret;
}

static int undo_shrink(struct pm_ram *ram, struct ram_step s, int why,
		       struct pm_error *err)
{
	int ret = ram_listeners_did_grow(&ram->listeners, reversed(s));

	return cannot(s, why,
		      ret < 0 ? "; nor can a listener map it again" : "", err);
}

static int shrink(struct pm_ram *ram, struct ram_step s, struct pm_error *err)
{
	int ret;

	ram_listeners_will_shrink(&ram->listeners, s);
	ret = close_memory(ram, s.from, s.to);
	if (ret < 0)
		return undo_shrink(ram, s, ret, err);
	ram->size = s.to;
	ram_listeners_did_shrink(&ram->listeners, s);
	return 0;
}

int pm_ram_resize(struct pm_ram *ram, uint64_t size, struct pm_error *err)
{
	const struct ram_step s = {
		.from = ram->size,
		.to = size,
		.max = ram->max_size,
	};
	int ret = check(ram, size, err);

	if (ret < 0 || s.to == s.from)
		return ret;
	return s.to > s.from ? grow(ram, s, err) : shrink(ram, s, err);
}
