/* SPDX-License-Identifier: BSD-3-Clause */
/* Who hears of a size, in which order, and what is undone. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"

#define MAX (64 * MIB)

/* A listener that writes down what it hears, and what it could see then. */
struct witness {
	struct pm_ram_listener listener;
	struct journal *journal;
	struct pm_ram *ram;
	char name;
	int refuse_will;
	int refuse_did;
};

static struct witness *witness_of(struct pm_ram_listener *l)
{
	return (struct witness *)l;
}

/* "a:will2>4", with a star when the larger of the two could be read. */
static void note(struct witness *w, const char *what, uint64_t from,
		 uint64_t to, uint64_t max)
{
	const uint64_t larger = from > to ? from : to;
	const unsigned char *host = pm_ram_host(w->ram);
	char *text = w->journal->text;
	size_t len = strlen(text);

	assert_int_equal(max, MAX);
	snprintf(text + len, sizeof(w->journal->text) - len,
		 "%s%c:%s%" PRIu64 ">%" PRIu64 "%s", len ? " " : "", w->name,
		 what, from / MIB, to / MIB,
		 can_read(host + larger - 1) ? "*" : "");
}

static int on_will_grow(struct pm_ram_listener *l, uint64_t from, uint64_t to,
			uint64_t max)
{
	note(witness_of(l), "will", from, to, max);
	return witness_of(l)->refuse_will;
}

static int on_did_grow(struct pm_ram_listener *l, uint64_t from, uint64_t to,
		       uint64_t max)
{
	note(witness_of(l), "did", from, to, max);
	return witness_of(l)->refuse_did;
}

static void on_will_shrink(struct pm_ram_listener *l, uint64_t from,
			   uint64_t to, uint64_t max)
{
	note(witness_of(l), "will", from, to, max);
}

static void on_did_shrink(struct pm_ram_listener *l, uint64_t from, uint64_t to,
			  uint64_t max)
{
	note(witness_of(l), "did", from, to, max);
}

struct scene {
	struct pm_ram *ram;
	struct journal journal;
	struct witness a, b;
	struct pm_error err;
};

static void join(struct scene *s, struct witness *w, char name)
{
	*w = (struct witness){
		.listener.will_grow = on_will_grow,
		.listener.did_grow = on_did_grow,
		.listener.will_shrink = on_will_shrink,
		.listener.did_shrink = on_did_shrink,
		.journal = &s->journal,
		.ram = s->ram,
		.name = name,
	};
	pm_ram_add_listener(s->ram, &w->listener);
}

static void scene_init(struct scene *s, uint64_t size)
{
	memset(s, 0, sizeof(*s));
	fault_reset();
	assert_int_equal(ram_create_anon(MAX, &s->ram, &s->err), 0);
	assert_int_equal(pm_ram_resize(s->ram, size, &s->err), 0);
	join(s, &s->a, 'a');
	join(s, &s->b, 'b');
}

static void scene_finish(struct scene *s, uint64_t size)
{
	assert_int_equal(pm_ram_size(s->ram), size);
	pm_ram_destroy(s->ram);
}

static void grows_in_order(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2 * MIB);
	assert_int_equal(pm_ram_resize(s.ram, 8 * MIB, NULL), 0);
	journal_expect(&s.journal, "a:will2>8 b:will2>8 a:did2>8* b:did2>8*");
	assert_int_equal(pm_ram_resize(s.ram, 8 * MIB, NULL), 0);
	journal_expect(&s.journal, "");
	scene_finish(&s, 8 * MIB);
}

static void shrinks_in_reverse(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 8 * MIB);
	assert_int_equal(pm_ram_resize(s.ram, 2 * MIB, NULL), 0);
	journal_expect(&s.journal, "b:will8>2* a:will8>2* b:did8>2 a:did8>2");
	scene_finish(&s, 2 * MIB);
}

static void refused_growth_is_undone(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2 * MIB);
	s.b.refuse_will = -EPERM;
	assert_int_equal(pm_ram_resize(s.ram, 8 * MIB, &s.err), -EPERM);
	journal_expect(&s.journal, "a:will2>8 b:will2>8 a:did8>2");
	assert_non_null(strstr(s.err.text, "listener"));
	assert_false(can_read((char *)pm_ram_host(s.ram) + 2 * MIB));
	scene_finish(&s, 2 * MIB);
}

static void failed_mapping_is_undone(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2 * MIB);
	s.b.refuse_did = -ENOSPC;
	assert_int_equal(pm_ram_resize(s.ram, 8 * MIB, &s.err), -ENOSPC);
	journal_expect(&s.journal, "a:will2>8 b:will2>8 a:did2>8* b:did2>8* "
				   "a:will8>2* b:did8>2 a:did8>2");
	assert_false(can_read((char *)pm_ram_host(s.ram) + 2 * MIB));
	scene_finish(&s, 2 * MIB);
}

static void growth_without_memory_is_undone(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2 * MIB);
	fault_fail(FAULT_MPROTECT, 1, ENOMEM);
	assert_int_equal(pm_ram_resize(s.ram, 8 * MIB, &s.err), -ENOMEM);
	journal_expect(&s.journal, "a:will2>8 b:will2>8 b:did8>2 a:did8>2");
	assert_non_null(strstr(s.err.text, "MiB"));
	scene_finish(&s, 2 * MIB);
}

static void failed_shrink_maps_again(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 8 * MIB);
	fault_fail(FAULT_MMAP, 1, ENOMEM);
	assert_int_equal(pm_ram_resize(s.ram, 2 * MIB, &s.err), -ENOMEM);
	journal_expect(&s.journal, "b:will8>2* a:will8>2* a:did2>8* b:did2>8*");
	assert_null(strstr(s.err.text, "listener"));
	s.a.refuse_did = -ENOSPC;
	fault_fail(FAULT_MMAP, 1, ENOMEM);
	assert_int_equal(pm_ram_resize(s.ram, 2 * MIB, &s.err), -ENOMEM);
	assert_non_null(strstr(s.err.text, "listener"));
	scene_finish(&s, 8 * MIB);
}

static void those_who_left_hear_nothing(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, 2 * MIB);
	pm_ram_remove_listener(s.ram, &s.a.listener);
	pm_ram_resize(s.ram, 4 * MIB, NULL);
	journal_expect(&s.journal, "b:will2>4 b:did2>4*");
	pm_ram_add_listener(s.ram, &s.a.listener);
	pm_ram_remove_listener(s.ram, &s.b.listener);
	pm_ram_remove_listener(s.ram, &s.a.listener);
	pm_ram_resize(s.ram, 2 * MIB, NULL);
	journal_expect(&s.journal, "");
	scene_finish(&s, 2 * MIB);
}

static void every_call_is_optional(void **state)
{
	struct pm_ram_listener deaf = { NULL, NULL, NULL, NULL, NULL, NULL };
	struct scene s;

	(void)state;
	scene_init(&s, 2 * MIB);
	pm_ram_add_listener(s.ram, &deaf);
	assert_int_equal(pm_ram_resize(s.ram, 8 * MIB, NULL), 0);
	assert_int_equal(pm_ram_resize(s.ram, 0, NULL), 0);
	scene_finish(&s, 0);
}

/* The device's usable region is a size as any other. */
static void a_device_tells_as_well(void **state)
{
	const struct pm_device_config config = { .block_size = 2 * MIB };
	struct pm_device *dev;
	struct scene s;

	(void)state;
	scene_init(&s, 0);
	assert_int_equal(
		pm_device_create(&config, s.ram, NULL, NULL, &dev, NULL), 0);
	journal_expect(&s.journal, "");
	s.b.refuse_did = -ENOSPC;
	assert_int_equal(pm_device_set_requested(dev, 4 * MIB, &s.err),
			 -ENOSPC);
	s.b.refuse_did = 0;
	journal_clear(&s.journal);
	assert_int_equal(pm_device_set_requested(dev, 4 * MIB, &s.err), 0);
	journal_expect(&s.journal,
		       "a:will0>64 b:will0>64 a:did0>64* b:did0>64*");
	pm_device_destroy(dev);
	scene_finish(&s, MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_in_order),
		cmocka_unit_test(shrinks_in_reverse),
		cmocka_unit_test(refused_growth_is_undone),
		cmocka_unit_test(failed_mapping_is_undone),
		cmocka_unit_test(growth_without_memory_is_undone),
		cmocka_unit_test(failed_shrink_maps_again),
		cmocka_unit_test(those_who_left_hear_nothing),
		cmocka_unit_test(every_call_is_optional),
		cmocka_unit_test(a_device_tells_as_well),
	};

	return cmocka_run_group_tests_name("ram_listener", tests, NULL, NULL);
}
