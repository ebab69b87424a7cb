/* SPDX-License-Identifier: BSD-3-Clause */
/* What host memory a user asked for. */
#include "ram_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/size.h"

#define PAGE_SIZE_MIN (UINT64_C(64) << 10) /* the smallest huge page of any */

const char *ram_backend_name(enum pm_ram_backend backend)
{
	static const char *const names[] = {
		[PM_RAM_ANON] = "anon",
		[PM_RAM_MEMFD] = "memfd",
		[PM_RAM_HUGETLB] = "hugetlb",
	};

	return names[backend];
}

static int check_page_size(const struct ram_options *o, const char *whose,
			   struct pm_error *err)
{
	uint64_t size = o->page_size;

	if (!size)
		return 0;
	if (o->backend != PM_RAM_HUGETLB)
		return pm_error_set(err, EINVAL,
				    "%sa page size of %s is for huge pages, "
				    "and the backend is %s: add "
				    "backend=hugetlb, or leave page-size out",
				    whose, size_format(size).text,
				    ram_backend_name(o->backend));
	if (size < PAGE_SIZE_MIN || (size & (size - 1)))
		return pm_error_set(err, EINVAL,
				    "%sa page size of %s is not one of huge "
				    "pages: use 2 MiB or 1 GiB",
				    whose, size_format(size).text);
	return 0;
}

static bool has_nodes(const struct ram_options *o)
{
	for (size_t i = 0; i < sizeof(o->nodes) / sizeof(o->nodes[0]); i++) {
		if (o->nodes[i])
			return true;
	}
	return false;
}

static int check_policy(const struct ram_options *o, const char *whose,
			struct pm_error *err)
{
	static const char *const names[] = {
		[PM_NUMA_BIND] = "bind",
		[PM_NUMA_PREFERRED] = "preferred",
		[PM_NUMA_INTERLEAVE] = "interleave",
	};

	if (o->policy != PM_NUMA_NONE && !has_nodes(o))
		return pm_error_set(err, EINVAL,
				    "%sthe policy %s needs host nodes: add "
				    "host-nodes=0, say",
				    whose, names[o->policy]);
	if (o->policy == PM_NUMA_NONE && has_nodes(o))
		return pm_error_set(err, EINVAL,
				    "%shost nodes need a policy: add "
				    "policy=bind, preferred or interleave",
				    whose);
	return 0;
}

static int check_reserve(const struct ram_options *o, const char *whose,
			 struct pm_error *err)
{
	if (o->no_reserve && o->prealloc)
		return pm_error_set(err, EINVAL,
				    "%sreserve=off and prealloc=on contradict "
				    "each other: leave one of them out",
				    whose);
	return 0;
}

int ram_options_check(const struct ram_options *o, const char *whose,
		      struct pm_error *err)
{
	int ret = check_page_size(o, whose, err);

	if (!ret)
		ret = check_policy(o, whose, err);
	return ret ? ret : check_reserve(o, whose, err);
}

bool ram_options_populate(const struct ram_options *o)
{
	return o->prealloc || o->backend == PM_RAM_HUGETLB;
}

void ram_options_cure(const struct ram_options *o, int ret,
		      struct pm_error *err)
{
	size_t len;

	if (!err || ret != -ENOMEM || o->no_reserve || o->prealloc ||
	    o->backend == PM_RAM_HUGETLB)
		return;
	/* Limits of the process and its groups hold all the same. */
	if (strstr(err->text, "RLIMIT_") || strstr(err->text, "group"))
		return;
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len,
		 "; reserve=off goes beyond what the host can promise");
}

struct pm_ram_config ram_options_config(const struct ram_options *o,
					uint64_t max_size, struct pm_host *host)
{
	struct pm_ram_config config = {
		.backend = o->backend,
		.max_size = max_size,
		.page_size = o->page_size,
		.thp = o->no_thp ? PM_THP_OFF : PM_THP_ON,
		.dump = o->dump,
		.lock = o->lock,
		.no_reserve = o->no_reserve,
		.policy = o->policy,
		.host = host,
	};

	memcpy(config.nodes, o->nodes, sizeof(config.nodes));
	return config;
}
