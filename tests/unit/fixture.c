/* SPDX-License-Identifier: BSD-3-Clause */
/* A device over anonymous memory, with everything that it tells noted. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"

/* ---- journal and recorder ---------------------------------------------- */

void journal_clear(struct journal *j)
{
	j->text[0] = '\0';
}

void journal_expect(struct journal *j, const char *text)
{
	assert_string_equal(j->text, text);
	journal_clear(j);
}

static void note(struct recorder *r, char what, uint64_t offset, uint64_t size)
{
	char *text = r->journal->text;
	size_t len = strlen(text);

	snprintf(text + len, sizeof(r->journal->text) - len,
		 "%s%c%c%" PRIu64 ":%" PRIu64, len ? " " : "", r->name, what,
		 offset / MIB, size / MIB);
}

static int recorder_populate(struct pm_listener *l, uint64_t offset,
			     uint64_t size)
{
	struct recorder *r = (struct recorder *)l;

	note(r, r->fail ? '!' : '+', offset, size);
	return r->fail;
}

static void recorder_discard(struct pm_listener *l, uint64_t offset,
			     uint64_t size)
{
	note((struct recorder *)l, '-', offset, size);
}

void recorder_init(struct recorder *r, char name, struct journal *j)
{
	*r = (struct recorder){
		.listener.populate = recorder_populate,
		.listener.discard = recorder_discard,
		.journal = j,
		.name = name,
	};
}

int ram_create_anon(uint64_t max_size, struct pm_ram **ram,
		    struct pm_error *err)
{
	const struct pm_ram_config config = { .max_size = max_size };

	return pm_ram_create(&config, ram, err);
}

/* ---- fixture ----------------------------------------------------------- */

static void on_config_changed(void *opaque)
{
	struct fixture *f = opaque;

	f->config_changes++;
}

static void on_size_changed(void *opaque, uint64_t plugged_size)
{
	struct fixture *f = opaque;

	f->size_changes++;
	f->last_size = plugged_size;
}

static const struct pm_device_ops fixture_ops = {
	.config_changed = on_config_changed,
	.size_changed = on_size_changed,
};

void fixture_init_with(struct fixture *f, const struct pm_device_config *config,
		       uint64_t region)
{
	memset(f, 0, sizeof(*f));
	fault_reset();
	recorder_init(&f->a, 'a', &f->journal);
	recorder_init(&f->b, 'b', &f->journal);
	recorder_init(&f->c, 'c', &f->journal);
	assert_int_equal(ram_create_anon(region, &f->ram, &f->err), 0);
	assert_int_equal(pm_device_create(config, f->ram, &fixture_ops, f,
					  &f->dev, &f->err),
			 0);
}

void fixture_init(struct fixture *f, uint64_t requested)
{
	const struct pm_device_config config = {
		.id = "vmem0",
		.addr = FIXTURE_ADDR,
		.block_size = FIXTURE_BLOCK,
		.requested_size = requested,
		.features = PM_F_UNPLUGGED_INACCESSIBLE,
	};

	fixture_init_with(f, &config, FIXTURE_REGION);
}

void fixture_finish(struct fixture *f)
{
	fault_reset();
	pm_device_destroy(f->dev);
	pm_ram_destroy(f->ram);
}

void fixture_listen(struct fixture *f)
{
	assert_int_equal(pm_device_add_listener(f->dev, &f->a.listener), 0);
	assert_int_equal(pm_device_add_listener(f->dev, &f->b.listener), 0);
	assert_int_equal(pm_device_add_listener(f->dev, &f->c.listener), 0);
}

struct pm_device_info fixture_info(const struct fixture *f)
{
	struct pm_device_info info;

	pm_device_get_info(f->dev, &info);
	return info;
}

static void check_sizes(const struct fixture *f)
{
	struct pm_device_info info = fixture_info(f);

	assert_true(info.requested_size <= info.usable_size);
	assert_true(info.usable_size <= info.region_size);
	assert_true(info.usable_size <= pm_ram_size(f->ram));
	assert_true(info.plugged_size <= info.usable_size);
	assert_int_equal(info.usable_size % info.block_size, 0);
	assert_int_equal(info.plugged_size % info.block_size, 0);
}

/* ---- the driver's side ------------------------------------------------- */

void put_le(unsigned char *bytes, uint64_t value, unsigned int nr_bytes)
{
	for (unsigned int i = 0; i < nr_bytes; i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
}

uint64_t get_le(const unsigned char *bytes, unsigned int nr_bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < nr_bytes; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

static void check_sentence(const struct fixture *f, int type)
{
	if (type == BUSY)
		assert_int_not_equal(f->err.text[0], '\0');
	else
		assert_int_equal(f->err.text[0], '\0');
}

/* Padding is noise in the request, and must be zeros in the answer. */
static void ask_bytes(struct fixture *f, int type, uint64_t addr,
		      uint16_t nb_blocks, unsigned char answer[10])
{
	unsigned char request[24];
	unsigned char buf[16];
	const unsigned char zeros[6] = { 0 };

	memset(request, 0xa5, sizeof(request));
	memset(buf, 0x5a, sizeof(buf));
	put_le(request, (uint64_t)type, 2);
	put_le(request + 8, addr, 8);
	put_le(request + 16, nb_blocks, 2);
	memset(&f->err, 'x', sizeof(f->err));
	assert_int_equal(pm_device_request(f->dev, request, sizeof(request),
					   buf, sizeof(buf), &f->err),
			 10);
	assert_memory_equal(buf + 2, zeros, 6);
	assert_int_equal(buf[10], 0x5a);
	memcpy(answer, buf, 10);
}

int ask(struct fixture *f, int type, uint64_t addr, uint16_t nb_blocks)
{
	unsigned char answer[10];

	ask_bytes(f, type, addr, nb_blocks, answer);
	check_sentence(f, (int)get_le(answer, 2));
	check_sizes(f);
	return (int)get_le(answer, 2);
}

int ask_state(struct fixture *f, uint64_t addr, uint16_t nb_blocks)
{
	unsigned char answer[10];

	ask_bytes(f, STATE, addr, nb_blocks, answer);
	assert_int_equal(get_le(answer, 2), ACK);
	return (int)get_le(answer + 8, 2);
}

uint64_t block_addr(uint64_t index)
{
	return FIXTURE_ADDR + index * FIXTURE_BLOCK;
}

/* ---- the host's side --------------------------------------------------- */

uint64_t resident_pages(const void *start, uint64_t size)
{
	uint64_t nr_pages = size / (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned char *vec = malloc(nr_pages);
	uint64_t count = 0;

	assert_non_null(vec);
	assert_int_equal(mincore((void *)(uintptr_t)start, size, vec), 0);
	for (uint64_t i = 0; i < nr_pages; i++)
		count += vec[i] & 1;
	free(vec);
	return count;
}

bool can_read(const void *addr)
{
	int fds[2];
	ssize_t ret;

	assert_int_equal(pipe(fds), 0);
	ret = write(fds[1], addr, 1);
	close(fds[0]);
	close(fds[1]);
	return ret == 1;
}

void fixture_need_plain_space(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%llu", &pages), 1);
	fclose(file);
	if (pages * 4096 > (UINT64_C(1) << 40))
		skip();
}
