/* SPDX-License-Identifier: BSD-3-Clause */
/* The host as the provider: a pm_ram, and a guard where there is one. */
#include "host_memory.h"

#include "ram.h"
#include "ram_settings.h"

/* The provider is the first member of both. */
static struct host_memory *of(struct provider *p)
{
	return (struct host_memory *)p;
}

static int resize(struct provider *p, uint64_t size, struct pm_error *err)
{
	return pm_ram_resize(of(p)->ram, size, err);
}

static int populate(struct provider *p, struct extent e, struct pm_error *err)
{
	return pm_ram_populate(of(p)->ram, e.offset, e.size, err);
}

static int find(const struct provider *p, struct extent e, struct extent *run)
{
	const struct host_memory *m = (const struct host_memory *)p;

	return pm_ram_populated_run(m->ram, e.offset, e.offset + e.size,
				    &run->offset, &run->size);
}

/* ---- without a guard ----------------------------------------------------- */

static int plain_discard(struct provider *p, struct extent e)
{
	return pm_ram_discard(of(p)->ram, e.offset, e.size);
}

static const struct provider_ops plain = {
	.resize = resize,
	.populate = populate,
	.discard = plain_discard,
	.find = find,
};

/* ---- with one ------------------------------------------------------------ */

static int guarded_grant(struct provider *p, struct extent e, bool keep)
{
	return guard_grant(&of(p)->guard, e.offset, e.size, keep);
}

static int guarded_revoke(struct provider *p, struct extent e)
{
	return guard_revoke(&of(p)->guard, e.offset, e.size);
}

static int guarded_discard(struct provider *p, struct extent e)
{
	return guard_discard(&of(p)->guard, e.offset, e.size);
}

static const struct provider_ops guarded = {
	.resize = resize,
	.populate = populate,
	.grant = guarded_grant,
	.revoke = guarded_revoke,
	.discard = guarded_discard,
	.find = find,
};

/* ---- life ---------------------------------------------------------------- */

int host_memory_init(struct host_memory *m, enum pm_guard mode,
		     struct pm_ram *ram, uint64_t block_size, struct uffd *uffd,
		     const struct pm_device_ops *owner, void *opaque,
		     struct pm_error *err)
{
	/* Nothing may be left of an earlier use: unplugged memory is empty. */
	int ret = pm_ram_resize(ram, 0, err);

	m->ram = ram;
	/* Such a page would be behind several blocks. */
	if (block_size < ram_thp_size())
		ram_settings_end_thp(ram);
	if (!ret)
		ret = guard_init(&m->guard, mode, ram, block_size, uffd, owner,
				 opaque, err);
	m->provider = (struct provider){
		.ops = guard_is_on(&m->guard) ? &guarded : &plain,
		.page_size = pm_ram_page_size(ram),
		.must_populate = ram_must_populate(ram),
	};
	return ret;
}

void host_memory_finish(struct host_memory *m)
{
	guard_finish(&m->guard);
}
