/* SPDX-License-Identifier: BSD-3-Clause */
/* A device of the library beside its model, on a host that may fail. */
#include "session.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../tests/unit/fault.h"

/* ---- the host ------------------------------------------------------------ */

/* There is one at a time, and the wrapped function has no other way to it. */
static struct session *now;

int __wrap_pm_ram_populate(struct pm_ram *ram, uint64_t offset, uint64_t size,
			   struct pm_error *err);

/* Populates the first page of each block: enough to see that it goes. */
int __wrap_pm_ram_populate(struct pm_ram *ram, uint64_t offset, uint64_t size,
			   struct pm_error *err)
{
	volatile uint8_t *host = pm_ram_host(ram);

	if (now->fails_populate)
		return pm_error_set(err, ENOMEM, "no pages are left");
	for (uint64_t i = 0; i < size; i += now->m.block_size)
		host[offset + i] |= 0;
	return 0;
}

static void set_mapped(struct session *s, uint64_t offset, uint64_t size,
		       bool value)
{
	uint64_t block = s->m.block_size;

	fuzz_check(offset % block == 0 && size && size % block == 0);
	fuzz_check((offset + size) / block <= s->m.nr_blocks);
	for (uint64_t i = offset / block; i < (offset + size) / block; i++)
		s->mapped[i] = value;
}

static int on_populate(struct pm_listener *l, uint64_t offset, uint64_t size)
{
	(void)l;
	if (now->fails_listener)
		return -ENOMEM;
	set_mapped(now, offset, size, true);
	return 0;
}

static void on_discard(struct pm_listener *l, uint64_t offset, uint64_t size)
{
	(void)l;
	set_mapped(now, offset, size, false);
}

static void on_config_changed(void *opaque)
{
	((struct session *)opaque)->interrupts++;
}

static void on_size_changed(void *opaque, uint64_t size)
{
	((struct session *)opaque)->told_size = size;
}

static const struct pm_device_ops device_ops = {
	.config_changed = on_config_changed,
	.size_changed = on_size_changed,
};

void session_break_host(struct session *s)
{
	uint8_t how = input_u8(&s->in);
	unsigned int nth = 1 + (how >> 4) % 4;

	fault_reset();
	s->failed_ever = true;
	s->fails_populate = how & 1;
	s->fails_listener = how & 2;
	switch (how >> 2 & 3) {
	case 1:
		fault_fail_any(nth, ENOMEM);
		break;
	case 2:
		fault_resident(nth);
		break;
	case 3:
		fault_ineffective(nth);
		break;
	}
	s->fails_calls = how & 0xc;
}

void session_repair_host(struct session *s)
{
	fault_reset();
	s->fails_populate = false;
	s->fails_listener = false;
	s->fails_calls = false;
}

bool session_host_fails(const struct session *s)
{
	return s->fails_populate || s->fails_listener || s->fails_calls;
}

/* As the caller of an asynchronous device does: the work, then the word. */
int session_work(struct session *s, struct pm_error *why)
{
	const struct model_request *r = &s->waiting;
	struct pm_pending p;
	int ret = 0;

	if (!pm_device_pending(s->dev, &p))
		return 0;
	if (r->type != UNPLUG_ALL) {
		fuzz_check(p.offset == model_first(&s->m, r) * s->m.block_size);
		fuzz_check(p.size == r->nb_blocks * s->m.block_size);
	}
	if (r->type == PLUG)
		return __wrap_pm_ram_populate(s->ram, p.offset, p.size, why);
	for (uint64_t i = 0; i < p.size && !ret; i += p.unit)
		ret = pm_device_pending_work(s->dev, p.offset + i, p.unit, why);
	return ret;
}

bool session_takes(const struct session *s, uint64_t block)
{
	const struct model_request *r = &s->waiting;
	uint64_t first;

	if (!s->pending || r->type == PLUG)
		return false;
	if (r->type == UNPLUG_ALL)
		return true;
	first = model_first(&s->m, r);
	return block >= first && block < first + r->nb_blocks;
}

/* ---- what is in plugged memory ------------------------------------------- */

static uint8_t *block_host(const struct session *s, uint64_t block)
{
	return (uint8_t *)pm_ram_host(s->ram) + block * s->m.block_size;
}

/* A driver uses its memory: each plugged block holds its number. */
static void stamp(const struct session *s, uint64_t block)
{
	uint8_t *host = block_host(s, block);

	host[0] = block + 1;
	host[s->m.block_size - 1] = block + 1;
}

static void check_stamps(const struct session *s)
{
	for (uint64_t i = 0; i < s->m.nr_blocks; i++) {
		const uint8_t *host = block_host(s, i);

		if (!s->m.plugged[i] || session_takes(s, i))
			continue;
		fuzz_check(host[0] == i + 1);
		fuzz_check(host[s->m.block_size - 1] == i + 1);
	}
}

void session_stamp_fresh(const struct session *s, const struct model_request *r)
{
	uint64_t first = model_first(&s->m, r);

	for (uint64_t i = first; i < first + r->nb_blocks; i++) {
		fuzz_check(block_host(s, i)[0] == 0);
		fuzz_check(block_host(s, i)[s->m.block_size - 1] == 0);
		stamp(s, i);
	}
}

void session_stamp_all(const struct session *s)
{
	for (uint64_t i = 0; i < s->m.nr_blocks; i++)
		if (s->m.plugged[i])
			stamp(s, i);
}

static bool page_resident(uint8_t *host)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	unsigned char there = 0;

	mincore((void *)((uintptr_t)host & ~(page - 1)), page, &there);
	return there & 1;
}

static void check_unplugged_is_free(const struct session *s)
{
	/* Where a discard failed on the way back, pages may be left. */
	if (s->failed_ever || s->pending)
		return;
	for (uint64_t i = 0; i < s->m.usable; i++) {
		uint8_t *host = block_host(s, i);

		if (s->m.plugged[i])
			continue;
		fuzz_check(!page_resident(host));
		fuzz_check(!page_resident(host + s->m.block_size - 1));
	}
}

/* ---- the device against the model ---------------------------------------- */

static void check_sizes(const struct session *s)
{
	struct pm_device_info info;

	pm_device_get_info(s->dev, &info);
	fuzz_check(info.requested_size == s->m.requested * s->m.block_size);
	fuzz_check(info.usable_size == s->m.usable * s->m.block_size);
	fuzz_check(info.plugged_size == model_plugged(&s->m) * s->m.block_size);
	fuzz_check(info.region_size == s->m.nr_blocks * s->m.block_size);
	fuzz_check(info.usable_size >= info.requested_size);
	fuzz_check(info.usable_size >= info.plugged_size);
	fuzz_check(info.usable_size == pm_ram_size(s->ram));
	fuzz_check(s->told_size == info.plugged_size);
	fuzz_check(pm_device_pending(s->dev, NULL) == s->pending);
}

static void check_blocks(const struct session *s)
{
	for (uint64_t i = 0; i < s->m.nr_blocks; i++) {
		bool plugged = s->m.plugged[i];
		bool usable = plugged && !session_takes(s, i);

		fuzz_check(pm_device_range_plugged(s->dev, i * s->m.block_size,
						   s->m.block_size) == usable);
		fuzz_check(s->failed_ever ||
			   s->mapped[i] ==
				   (s->second_round ? usable : plugged));
	}
}

void session_take_over(struct session *s, const struct model *before)
{
	struct pm_device_info info;

	pm_device_get_info(s->dev, &info);
	s->m.usable = info.usable_size / s->m.block_size;
	fuzz_check(s->m.usable <= before->usable);
	for (uint64_t i = 0; i < s->m.nr_blocks; i++) {
		s->m.plugged[i] = pm_device_range_plugged(
			s->dev, i * s->m.block_size, s->m.block_size);
		fuzz_check(!s->m.plugged[i] || before->plugged[i]);
	}
	session_stamp_all(s);
}

void session_check(const struct session *s)
{
	check_sizes(s);
	check_blocks(s);
	check_stamps(s);
}

/* ---- life ---------------------------------------------------------------- */

static uint64_t take_addr(struct session *s, uint64_t region)
{
	switch (input_below(&s->in, 3)) {
	case 0:
		return 0;
	case 1:
		return UINT64_C(4) << 30;
	default: /* as far up as it fits */
		return (UINT64_MAX - region) & -s->m.block_size;
	}
}

void session_init(struct session *s, struct input in)
{
	struct pm_ram_config memory = { .thp = PM_THP_OFF, .no_reserve = true };
	struct pm_device_config config = { .features = OFFERED };
	uint8_t flags;

	memset(s, 0, sizeof(*s));
	s->in = in;
	now = s;
	s->m.block_size = PM_BLOCK_SIZE_MIN << input_below(&s->in, 5);
	s->m.nr_blocks = 1 + input_below(&s->in, MODEL_BLOCKS_MAX);
	memory.max_size = s->m.nr_blocks * s->m.block_size;
	s->m.addr = take_addr(s, memory.max_size);
	flags = input_u8(&s->in);
	s->populates = flags & 1;
	s->async = flags & 2;
	s->async_blocks = s->async ? input_below(&s->in, 4) : 0;
	s->required = flags >> 2 & OFFERED;
	model_set_requested(&s->m, (flags >> 4) % (s->m.nr_blocks + 1));
	config.addr = s->m.addr;
	config.block_size = s->m.block_size;
	config.requested_size = s->m.requested * s->m.block_size;
	config.prealloc = s->populates;
	config.async = s->async;
	config.async_size = s->async_blocks * s->m.block_size;
	config.required = s->required;
	fuzz_check(!pm_ram_create(&memory, &s->ram, NULL));
	fuzz_check(!pm_device_create(&config, s->ram, &device_ops, s, &s->dev,
				     NULL));
	s->listener.populate = on_populate;
	s->listener.discard = on_discard;
	fuzz_check(!pm_device_add_listener(s->dev, &s->listener));
}

void session_finish(struct session *s)
{
	fault_reset();
	check_unplugged_is_free(s);
	pm_device_destroy(s->dev);
	for (uint64_t i = 0; i < s->m.nr_blocks; i++)
		fuzz_check(!s->mapped[i] || s->failed_ever);
	pm_ram_destroy(s->ram);
}
