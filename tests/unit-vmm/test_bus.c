/* SPDX-License-Identifier: BSD-3-Clause */
/* An address space: who answers where, and that nobody answers elsewhere. */
#include "../unit/cmocka_all.h"

#include <errno.h>

#include "space/bus.h"

struct device {
	uint64_t offset;
	uint64_t value;
	unsigned int len;
	int writes;
};

static uint64_t device_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct device *d = opaque;

	d->offset = offset;
	d->len = len;
	return d->value;
}

static void device_write(void *opaque, uint64_t offset, uint64_t value,
			 unsigned int len)
{
	struct device *d = opaque;

	d->offset = offset;
	d->len = len;
	d->value = value;
	d->writes++;
}

static const struct bus_ops ops = { device_read, device_write };

static struct bus *bus_new(void)
{
	struct bus *bus;

	assert_int_equal(bus_create(&bus), 0);
	return bus;
}

static void nobody_reads_as_ones_and_loses_writes(void **state)
{
	struct bus *bus = bus_new();

	(void)state;
	assert_int_equal(bus_read(bus, 0, 1), UINT64_MAX);
	assert_int_equal(bus_read(bus, UINT64_MAX, 8), UINT64_MAX);
	bus_write(bus, 0, 1, 4);
	bus_destroy(bus);
	bus_destroy(NULL);
}

static void edges_of_a_range(void **state)
{
	struct device d = { .value = 7 };
	struct bus *bus = bus_new();

	(void)state;
	assert_int_equal(bus_map(bus, 0x100, 0x10, &ops, &d), 0);
	assert_int_equal(bus_read(bus, 0x100, 2), 7);
	assert_int_equal(d.offset, 0);
	assert_int_equal(d.len, 2);
	assert_int_equal(bus_read(bus, 0x10f, 1), 7);
	assert_int_equal(d.offset, 0xf);
	assert_int_equal(bus_read(bus, 0xff, 1), UINT64_MAX);
	assert_int_equal(bus_read(bus, 0x110, 1), UINT64_MAX);
	bus_write(bus, 0x104, 0x1234, 8);
	assert_int_equal(d.offset, 4);
	assert_int_equal(d.value, 0x1234);
	assert_int_equal(d.len, 8);
	bus_write(bus, 0x110, 1, 1);
	assert_int_equal(d.writes, 1);
	bus_destroy(bus);
}

static void ranges_do_not_overlap(void **state)
{
	struct device d = { .value = 7 };
	struct bus *bus = bus_new();

	(void)state;
	assert_int_equal(bus_map(bus, 0x100, 0x100, &ops, &d), 0);
	assert_int_equal(bus_map(bus, 0x100, 0x100, &ops, &d), -EEXIST);
	assert_int_equal(bus_map(bus, 0x1ff, 1, &ops, &d), -EEXIST);
	assert_int_equal(bus_map(bus, 0x1ff, 0x100, &ops, &d), -EEXIST);
	assert_int_equal(bus_map(bus, 0x0, 0x101, &ops, &d), -EEXIST);
	assert_int_equal(bus_map(bus, 0x0, 0x1000, &ops, &d), -EEXIST);
	assert_int_equal(bus_map(bus, 0x140, 1, &ops, &d), -EEXIST);
	assert_int_equal(bus_map(bus, 0, UINT64_MAX, &ops, &d), -EEXIST);
	assert_int_equal(bus_map(bus, 0x0, 0x100, &ops, &d), 0);
	assert_int_equal(bus_map(bus, 0x200, 1, &ops, &d), 0);
	bus_destroy(bus);
}

static void a_range_may_end_at_the_top_and_not_wrap(void **state)
{
	struct device d = { .value = 7 };
	struct bus *bus = bus_new();

	(void)state;
	assert_int_equal(bus_map(bus, 0, 0, &ops, &d), -EINVAL);
	assert_int_equal(bus_map(bus, UINT64_MAX, 2, &ops, &d), -EINVAL);
	assert_int_equal(bus_map(bus, 2, UINT64_MAX, &ops, &d), -EINVAL);
	assert_int_equal(bus_map(bus, UINT64_MAX - 0xf, 0x10, &ops, &d), 0);
	assert_int_equal(bus_read(bus, UINT64_MAX, 1), 7);
	assert_int_equal(d.offset, 0xf);
	assert_int_equal(bus_read(bus, UINT64_MAX - 0x10, 1), UINT64_MAX);
	bus_destroy(bus);
}

static void unmapping_takes_one_range_away(void **state)
{
	struct device a = { .value = 1 }, b = { .value = 2 };
	struct bus *bus = bus_new();

	(void)state;
	assert_int_equal(bus_map(bus, 0x100, 0x100, &ops, &a), 0);
	assert_int_equal(bus_map(bus, 0x200, 0x100, &ops, &b), 0);
	bus_unmap(bus, 0x101);
	bus_unmap(bus, 0x300);
	assert_int_equal(bus_read(bus, 0x101, 1), 1);
	bus_unmap(bus, 0x100);
	assert_int_equal(bus_read(bus, 0x100, 1), UINT64_MAX);
	assert_int_equal(bus_read(bus, 0x200, 1), 2);
	assert_int_equal(bus_map(bus, 0x180, 0x80, &ops, &a), 0);
	assert_int_equal(bus_read(bus, 0x180, 1), 1);
	bus_destroy(bus);
}

static void ranges_are_limited(void **state)
{
	struct device d = { .value = 7 };
	struct bus *bus = bus_new();

	(void)state;
	for (uint64_t i = 0; i < 128; i++)
		assert_int_equal(bus_map(bus, i, 1, &ops, &d), 0);
	assert_int_equal(bus_map(bus, 128, 1, &ops, &d), -ENOSPC);
	assert_int_equal(bus_read(bus, 128, 1), UINT64_MAX);
	assert_int_equal(bus_read(bus, 127, 1), 7);
	bus_unmap(bus, 0);
	assert_int_equal(bus_map(bus, 128, 1, &ops, &d), 0);
	bus_destroy(bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_reads_as_ones_and_loses_writes),
		cmocka_unit_test(edges_of_a_range),
		cmocka_unit_test(ranges_do_not_overlap),
		cmocka_unit_test(a_range_may_end_at_the_top_and_not_wrap),
		cmocka_unit_test(unmapping_takes_one_range_away),
		cmocka_unit_test(ranges_are_limited),
	};

	return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
