/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host memory that grows and shrinks in place: from a configuration to a
 * reservation, and back.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host.h"
#include "host_rlimit.h"
#include "human_size.h"
#include "ram.h"
#include "ram_file.h"
#include "ram_range.h"
#include "ram_settings.h"

static const struct ram_ops *const back_ends[] = {
	[PM_RAM_ANON] = &ram_anon_ops,
	[PM_RAM_MEMFD] = &ram_memfd_ops,
	[PM_RAM_HUGETLB] = &ram_hugetlb_ops,
};

#define NR_BACK_ENDS (sizeof(back_ends) / sizeof(back_ends[0]))

static int check_config(const struct pm_ram_config *c, struct pm_error *err)
{
	if (c->backend >= NR_BACK_ENDS)
		return pm_error_set(err, EINVAL,
				    "There is no memory back end number %u",
				    (unsigned int)c->backend);
	if (c->page_size && c->backend != PM_RAM_HUGETLB)
		return pm_error_set(err, EINVAL,
				    "A page size of %s can be chosen for the "
				    "hugetlb back end only",
				    human_size(c->page_size).text);
	return 0;
}

static int check_max_size(const struct pm_ram *ram, struct pm_error *err)
{
	if (ram->max_size && ram->max_size % ram->page_size == 0)
		return 0;
	return pm_error_set(err, EINVAL,
			    "A maximum memory size of %s is not a multiple of "
			    "the page size, %s",
			    human_size(ram->max_size).text,
			    human_size(ram->page_size).text);
}

static int reserve(struct pm_ram *ram, struct pm_error *err)
{
	int ret = ram_range_reserve(ram);
	char limit[192];

	if (ret < 0) {
		host_rlimit_text(RLIMIT_AS, limit, sizeof(limit));
		if (!*limit && ret == -ENOMEM)
			snprintf(limit, sizeof(limit),
				 "; no process has so much, or not at a "
				 "stretch: choose a smaller maximum");
		return pm_error_set(err, -ret,
				    "Cannot reserve %s of address space: %s%s",
				    human_size(ram->max_size).text,
				    strerror(-ret), limit);
	}
	ret = ram_settings_apply(ram, 0, ram->max_size, err);
	if (!ret && ram->fd >= 0)
		ret = ram_file_fix_length(ram, err);
	return ret;
}

/* The host's word on what it has is for this object alone, or shared. */
static int find_host(struct pm_ram *ram, struct pm_error *err)
{
	ram->sys = ram->config.host;
	ram->own_sys = !ram->sys;
	return ram->own_sys ? pm_host_create(&ram->sys, err) : 0;
}

static int set_up(struct pm_ram *ram, struct pm_error *err)
{
	int ret = find_host(ram, err);

	if (!ret)
		ret = ram_settings_check(&ram->config, ram->sys, err);
	if (!ret)
		ret = ram->ops->open(ram, err);
	if (!ret)
		ret = check_max_size(ram, err);
	if (!ret)
		ret = reserve(ram, err);
	return ret;
}

int pm_ram_create(const struct pm_ram_config *config, struct pm_ram **ram,
		  struct pm_error *err)
{
	struct pm_ram *r;
	int ret = check_config(config, err);

	if (ret < 0)
		return ret;
	r = calloc(1, sizeof(*r));
	if (!r)
		return pm_error_set(err, ENOMEM, "Out of memory");
	r->ops = back_ends[config->backend];
	r->config = *config;
	r->max_size = config->max_size;
	r->fd = -1;
	ret = set_up(r, err);
	if (ret < 0) {
		pm_ram_destroy(r);
		return ret;
	}
	*ram = r;
	return 0;
}

void pm_ram_destroy(struct pm_ram *ram)
{
	if (!ram)
		return;
	ram_range_release(ram);
	if (ram->fd >= 0)
		close(ram->fd);
	if (ram->own_sys)
		pm_host_destroy(ram->sys);
	free(ram);
}

void pm_ram_add_listener(struct pm_ram *ram, struct pm_ram_listener *l)
{
	ram_listener_list_add(&ram->listeners, l);
}

void pm_ram_remove_listener(struct pm_ram *ram, struct pm_ram_listener *l)
{
	ram_listener_list_remove(&ram->listeners, l);
}
