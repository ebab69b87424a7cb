/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that grows and shrinks in place, without a virtual machine: a table
 * of squares whose address never changes, however long it gets.
 *
 *	cc grow.c $(pkg-config --cflags --libs libparamem) -o grow
 */
#include <inttypes.h>
#include <stdio.h>

#include <paramem.h>

#define GIB UINT64_C(0x40000000)
#define MIB UINT64_C(0x100000)

/* Told before and after: here one would map the memory somewhere else, too. */
static int did_grow(struct pm_ram_listener *l, uint64_t from, uint64_t to,
		    uint64_t max)
{
	(void)l;
	printf("grown from %" PRIu64 " to %" PRIu64 " of %" PRIu64 " MiB\n",
	       from / MIB, to / MIB, max / MIB);
	return 0;
}

static void will_shrink(struct pm_ram_listener *l, uint64_t from, uint64_t to,
			uint64_t max)
{
	(void)l;
	(void)max;
	printf("about to shrink from %" PRIu64 " to %" PRIu64 " MiB\n",
	       from / MIB, to / MIB);
}

/* Fills a table that takes up all of the memory. */
static void write_squares(struct pm_ram *ram)
{
	uint64_t *squares = pm_ram_host(ram);
	uint64_t count = pm_ram_size(ram) / sizeof(*squares);

	for (uint64_t i = 0; i < count; i++)
		squares[i] = i * i;
}

static int use(struct pm_ram *ram, struct pm_error *err)
{
	const uint64_t *squares = pm_ram_host(ram);
	int ret = pm_ram_resize(ram, 4 * MIB, err);

	if (ret < 0)
		return ret;
	write_squares(ram);
	ret = pm_ram_resize(ram, 16 * MIB, err);
	if (ret < 0)
		return ret;
	printf("squares[1000] is still %" PRIu64 "\n", squares[1000]);
	/* Have all pages now, rather than fail or wait at the first access. */
	ret = pm_ram_populate(ram, 4 * MIB, 12 * MIB, err);
	if (ret < 0)
		return ret;
	write_squares(ram);
	/* Give the pages in the middle back; the addresses stay good. */
	ret = pm_ram_discard(ram, 4 * MIB, 8 * MIB);
	if (ret < 0)
		return pm_error_set(err, -ret, "Some pages were not freed");
	printf("squares[1000000] was discarded and reads %" PRIu64 "\n",
	       squares[1000000]);
	return pm_ram_resize(ram, 2 * MIB, err);
}

int main(void)
{
	const struct pm_ram_config config = {
		.backend = PM_RAM_MEMFD,
		.max_size = 64 * GIB, /* costs nothing but addresses */
	};
	struct pm_ram_listener listener = {
		.did_grow = did_grow,
		.will_shrink = will_shrink,
	};
	struct pm_error err;
	struct pm_ram *ram;
	int ret = pm_ram_create(&config, &ram, &err);

	if (!ret) {
		pm_ram_add_listener(ram, &listener);
		ret = use(ram, &err);
		pm_ram_destroy(ram);
	}
	if (ret < 0)
		fprintf(stderr, "grow: %s\n", err.text);
	return ret < 0;
}
