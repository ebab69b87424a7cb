/* SPDX-License-Identifier: BSD-3-Clause */
/* The ACPI tables: found from the RSDP on, as a guest finds them. */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "x86_64/acpi.h"
#include "arch/arch.h"
#include "x86_64/layout.h"

#define M    (UINT64_C(1) << 20)
#define G    (UINT64_C(1) << 30)
#define SIZE (ACPI_BASE + ACPI_SIZE)

struct fixture {
	uint8_t *ram;
	struct guest_memory gm;
	struct memory_map map;
	struct numa_config numa;
};

static void add_device(struct fixture *f, uint64_t size, unsigned int node)
{
	struct memory_range range = { .size = size, .node = node };

	assert_int_equal(memory_map_add_device(&f->map, "a", M, &range, NULL),
			 0);
}

static int setup(void **state)
{
	static struct fixture f;
	struct guest_memory_region region = { .size = SIZE };

	f.gm.nr = 0;
	f.ram = calloc(1, SIZE);
	region.host = f.ram;
	assert_int_equal(guest_memory_add(&f.gm, &region), 0);
	assert_int_equal(memory_map_init(&f.map, &machine_arch.layout, 4 * G,
					 46, NULL),
			 0);
	add_device(&f, 8 * G, 0);
	add_device(&f, M, 0);
	memset(&f.numa, 0, sizeof(f.numa));
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	free(((struct fixture *)*state)->ram);
	return 0;
}

static uint64_t le(const uint8_t *bytes, int nr)
{
	uint64_t value = 0;

	for (int i = 0; i < nr; i++)
		value |= (uint64_t)bytes[i] << (i * 8);
	return value;
}

static uint8_t sum(const uint8_t *bytes, size_t nr)
{
	uint8_t s = 0;

	for (size_t i = 0; i < nr; i++)
		s += bytes[i];
	return s;
}

static void write_tables(struct fixture *f, unsigned int cpus)
{
	const struct acpi_config config = {
		.map = &f->map,
		.cpus = cpus,
		.numa = &f->numa,
	};

	numa_complete(&f->numa, cpus, f->map.low_size + f->map.high_size);
	assert_int_equal(acpi_write(&f->gm, &config), 0);
}

/* A table at @gpa, whose signature, place, length and checksum are right. */
static const uint8_t *table_at(struct fixture *f, uint64_t gpa,
			       const char *signature)
{
	const uint8_t *t = f->ram + gpa;

	assert_in_range(gpa, ACPI_BASE, SIZE - 36);
	assert_memory_equal(t, signature, 4);
	assert_in_range(le(t + 4, 4), 36, SIZE - gpa);
	assert_int_equal(sum(t, le(t + 4, 4)), 0);
	return t;
}

static const uint8_t *xsdt(struct fixture *f)
{
	const uint8_t *rsdp = f->ram + ACPI_BASE;

	assert_memory_equal(rsdp, "RSD PTR ", 8);
	assert_int_equal(rsdp[15], 2);
	assert_int_equal(le(rsdp + 20, 4), 36);
	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(sum(rsdp, 36), 0);
	return table_at(f, le(rsdp + 24, 8), "XSDT");
}

static const uint8_t *find(struct fixture *f, const char *signature)
{
	const uint8_t *x = xsdt(f);
	const uint8_t *found = NULL;

	for (uint32_t at = 36; at < le(x + 4, 4); at += 8) {
		uint64_t gpa = le(x + at, 8);

		assert_in_range(gpa, ACPI_BASE, SIZE - 36);
		if (memcmp(f->ram + gpa, signature, 4))
			continue;
		assert_null(found);
		found = table_at(f, gpa, signature);
	}
	assert_non_null(found);
	return found;
}

static void all_tables_are_found_and_sum_up(void **state)
{
	struct fixture *f = *state;

	write_tables(f, 2);
	find(f, "FACP");
	find(f, "APIC");
	find(f, "MCFG");
	find(f, "SRAT");
	assert_int_equal(le(xsdt(f) + 4, 4), 36 + 4 * 8);
}

static void the_fadt_leads_to_the_dsdt_and_the_ports(void **state)
{
	struct fixture *f = *state;
	const uint8_t *fadt;

	write_tables(f, 1);
	fadt = find(f, "FACP");
	table_at(f, le(fadt + 40, 4), "DSDT");
	assert_int_equal(le(fadt + 140, 8), le(fadt + 40, 4));
	assert_int_equal(le(fadt + 36, 4) % 64, 0);
	assert_memory_equal(f->ram + le(fadt + 36, 4), "FACS", 4);
	assert_int_equal(le(fadt + 46, 2), 9);     /* SCI */
	assert_int_equal(le(fadt + 56, 4), 0x600); /* PM1 event */
	assert_int_equal(fadt[88], 4);
	assert_int_equal(le(fadt + 64, 4), 0x604); /* PM1 control */
	assert_int_equal(fadt[89], 2);
	assert_true(le(fadt + 112, 4) & 1u << 10); /* reset register */
	assert_false(le(fadt + 112, 4) & 1u << 4); /* a fixed power button */
	assert_memory_equal(fadt + 116, "\x01\x08\x00\x01\xf9\x0c", 6);
	assert_int_equal(fadt[128], 6);
	/* Writing to it must not reach the PCI address port. */
	assert_int_equal(le(fadt + 120, 8), 0xcf9);
}

static void the_madt_lists_all_cpus(void **state)
{
	struct fixture *f = *state;
	const uint8_t *madt;
	unsigned int cpus = 0, ioapics = 0;

	write_tables(f, 64);
	madt = find(f, "APIC");
	assert_int_equal(le(madt + 36, 4), MAP_LAPIC_BASE);
	for (uint32_t at = 44; at < le(madt + 4, 4); at += madt[at + 1]) {
		assert_true(madt[at + 1]);
		if (madt[at] == 0) {
			assert_int_equal(madt[at + 3], cpus++);
			assert_int_equal(le(madt + at + 4, 4), 1);
		} else if (madt[at] == 1) {
			assert_int_equal(le(madt + at + 4, 4), MAP_IOAPIC_BASE);
			ioapics++;
		} else {
			/* The SCI: active high, level. */
			assert_memory_equal(
				madt + at,
				"\x02\x0a\x00\x09\x09\x00\x00\x00\x0d\x00", 10);
		}
	}
	assert_int_equal(cpus, 64);
	assert_int_equal(ioapics, 1);
}

static void the_mcfg_is_one_bus(void **state)
{
	struct fixture *f = *state;
	const uint8_t *mcfg;

	write_tables(f, 1);
	mcfg = find(f, "MCFG");
	assert_int_equal(le(mcfg + 4, 4), 60);
	assert_int_equal(le(mcfg + 44, 8), MAP_ECAM_BASE);
	assert_int_equal(mcfg[54], 0);
	assert_int_equal(mcfg[55], 0);
}

struct memory {
	uint64_t base, size;
	uint32_t node, flags;
};

#define MEMORY_MAX 16

/* The memory of the SRAT; returns how many entries. */
static unsigned int srat_memory(struct fixture *f, struct memory *memory)
{
	const uint8_t *srat = find(f, "SRAT");
	unsigned int nr = 0;

	for (uint32_t at = 48; at < le(srat + 4, 4); at += srat[at + 1]) {
		assert_true(srat[at + 1]);
		if (srat[at] != 1)
			continue;
		assert_true(nr < MEMORY_MAX);
		memory[nr].node = le(srat + at + 2, 4);
		memory[nr].base = le(srat + at + 8, 8);
		memory[nr].size = le(srat + at + 16, 8);
		memory[nr++].flags = le(srat + at + 28, 4);
	}
	return nr;
}

static void expect_affinity(const struct memory *memory, uint64_t base,
			    uint64_t size, uint32_t node, uint32_t flags)
{
	assert_int_equal(memory->base, base);
	assert_int_equal(memory->size, size);
	assert_int_equal(memory->node, node);
	assert_int_equal(memory->flags, flags);
}

static void device_memory_is_hot_pluggable(void **state)
{
	struct memory memory[MEMORY_MAX] = { 0 };
	struct fixture *f = *state;

	write_tables(f, 2);
	assert_int_equal(srat_memory(f, memory), 4);
	expect_affinity(&memory[0], 0, 3 * G, 0, 1);
	expect_affinity(&memory[1], 4 * G, G, 0, 1);
	expect_affinity(&memory[2], 6 * G, 8 * G, 0, 3);
	expect_affinity(&memory[3], 14 * G, M, 0, 3);
}

static void what_is_not_there_is_not_listed(void **state)
{
	struct memory memory[MEMORY_MAX] = { 0 };
	struct fixture *f = *state;

	assert_int_equal(memory_map_init(&f->map, &machine_arch.layout, 64 * M,
					 46, NULL),
			 0);
	write_tables(f, 1);
	assert_int_equal(srat_memory(f, memory), 1);
	assert_int_equal(memory[0].size, 64 * M);
}

static void srat_lists_all_cpus(void **state)
{
	struct fixture *f = *state;
	const uint8_t *srat;
	unsigned int cpus = 0;

	write_tables(f, 64);
	srat = find(f, "SRAT");
	for (uint32_t at = 48; at < le(srat + 4, 4); at += srat[at + 1])
		if (srat[at] == 0)
			assert_int_equal(srat[at + 3], cpus++);
	assert_int_equal(cpus, 64);
}

/* 3.5 GiB of boot memory: node 1's lies on both sides of the PCI hole. */
static void three_nodes(struct fixture *f)
{
	assert_int_equal(memory_map_init(&f->map, &machine_arch.layout,
					 7 * G / 2, 46, NULL),
			 0);
	add_device(f, 4 * G, 2);
	add_device(f, 2 * G, 0);
	add_device(f, G, 1);
	f->numa = (struct numa_config){
		.nr = 3,
		.nodes = {
			{ .given = true, .cpus = 0x5, .memory = G },
			{ .given = true, .cpus = 0xa, .memory = 5 * G / 2 },
			{ .given = true, .distances = { 30 } },
		},
	};
	f->numa.nodes[1].distances[2] = 15;
	f->numa.nodes[2].distances[1] = 40;
}

static void srat_tells_the_node_of_everything(void **state)
{
	struct memory memory[MEMORY_MAX] = { 0 };
	struct fixture *f = *state;
	const uint8_t *srat;
	unsigned int cpus = 0;

	three_nodes(f);
	write_tables(f, 4);
	assert_int_equal(srat_memory(f, memory), 6);
	expect_affinity(&memory[0], 0, G, 0, 1);
	expect_affinity(&memory[1], G, 2 * G, 1, 1);
	expect_affinity(&memory[2], 4 * G, G / 2, 1, 1);
	expect_affinity(&memory[3], 6 * G, 4 * G, 2, 3);
	expect_affinity(&memory[4], 10 * G, 2 * G, 0, 3);
	expect_affinity(&memory[5], 12 * G, G, 1, 3);
	srat = find(f, "SRAT");
	for (uint32_t at = 48; at < le(srat + 4, 4); at += srat[at + 1])
		if (srat[at] == 0)
			assert_int_equal(srat[at + 2], cpus++ & 1);
	assert_int_equal(cpus, 4);
}

static void slit_tells_how_far_nodes_are(void **state)
{
	static const uint8_t distances[] = {
		10, 20, 30, 20, 10, 15, 30, 40, 10
	};
	struct fixture *f = *state;
	const uint8_t *slit;

	three_nodes(f);
	write_tables(f, 4);
	slit = find(f, "SLIT");
	assert_int_equal(le(slit + 4, 4), 44 + sizeof(distances));
	assert_int_equal(le(slit + 36, 8), 3);
	assert_memory_equal(slit + 44, distances, sizeof(distances));
}

/* As many of everything as there can be. */
static void the_largest_machine_fits(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map_init(&f->map, &machine_arch.layout, 64 * G,
					 46, NULL),
			 0);
	f->numa.nr = NUMA_NODES_MAX;
	for (unsigned int i = 0; i < NUMA_NODES_MAX; i++)
		f->numa.nodes[i] = (struct numa_node){
			.cpus = UINT64_C(1) << i,
			.memory = G,
		};
	for (unsigned int i = 0; i < MAP_RANGES_MAX; i++)
		add_device(f, G, i);
	write_tables(f, 64);
	assert_int_equal(le(find(f, "SLIT") + 4, 4), 44 + 64 * 64);
	assert_int_equal(le(find(f, "SRAT") + 4, 4),
			 48 + 64 * 16 + (64 + 1 + 64) * 40 - 40);
}

static void what_does_not_fit_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct acpi_config many = {
		.map = &f->map,
		.cpus = 100000,
		.numa = &f->numa,
	};
	struct guest_memory none = { .nr = 0 };

	numa_complete(&f->numa, 1, G);
	assert_int_equal(acpi_write(&f->gm, &many), -ENOSPC);
	assert_int_equal(acpi_write(&none, &many), -EFAULT);
}

/* A reset writes them again: nothing of them is left to chance. */
static void writing_twice_gives_the_same(void **state)
{
	struct fixture *f = *state;
	uint8_t *before = malloc(ACPI_SIZE);

	assert_non_null(before);
	write_tables(f, 3);
	memcpy(before, f->ram + ACPI_BASE, ACPI_SIZE);
	write_tables(f, 3);
	assert_memory_equal(before, f->ram + ACPI_BASE, ACPI_SIZE);
	free(before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_tables_are_found_and_sum_up),
		TEST(the_fadt_leads_to_the_dsdt_and_the_ports),
		TEST(the_madt_lists_all_cpus),
		TEST(the_mcfg_is_one_bus),
		TEST(device_memory_is_hot_pluggable),
		TEST(what_is_not_there_is_not_listed),
		TEST(srat_lists_all_cpus),
		TEST(srat_tells_the_node_of_everything),
		TEST(slit_tells_how_far_nodes_are),
		TEST(the_largest_machine_fits),
		TEST(what_does_not_fit_is_refused),
		TEST(writing_twice_gives_the_same),
	};

	return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
