/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SRAT and SLIT: which processors and which memory are near each other, by the
 * ACPI specification 6.4, 5.2.16 and 5.2.17.
 */
#include <endian.h>

#include "acpi_table.h"
#include "layout.h"

struct acpi_srat {
	struct acpi_header header;
	uint32_t reserved0; /* 1, for what came before it */
	uint64_t reserved1;
} PACKED;

struct srat_cpu {
	uint8_t type; /* 0 */
	uint8_t length;
	uint8_t domain_low;
	uint8_t apic_id;
	uint32_t flags;
	uint8_t sapic_eid;
	uint8_t domain_high[3];
	uint32_t clock_domain;
} PACKED;
static_assert(sizeof(struct srat_cpu) == 16, "ACPI 5.2.16.1");

struct srat_memory {
	uint8_t type; /* 1 */
	uint8_t length;
	uint32_t domain;
	uint16_t reserved0;
	uint64_t base;
	uint64_t size;
	uint32_t reserved1;
	uint32_t flags;
	uint64_t reserved2;
} PACKED;
static_assert(sizeof(struct srat_memory) == 40, "ACPI 5.2.16.2");
#define SRAT_ENABLED       (1u << 0)
#define SRAT_HOT_PLUGGABLE (1u << 1)

struct acpi_slit {
	struct acpi_header header;
	uint64_t localities;
} PACKED;
static_assert(sizeof(struct acpi_slit) == 44, "ACPI 5.2.17");

static void put_cpu(struct acpi_writer *w, uint8_t apic_id, unsigned int node)
{
	const struct srat_cpu cpu = {
		.length = sizeof(cpu),
		.domain_low = node,
		.apic_id = apic_id,
		.flags = htole32(SRAT_ENABLED),
	};

	static_assert(NUMA_NODES_MAX <= 256, "a node's number is one byte");
	acpi_put(w, &cpu, sizeof(cpu));
}

static void put_memory(struct acpi_writer *w, uint64_t base, uint64_t size,
		       unsigned int node, uint32_t flags)
{
	const struct srat_memory memory = {
		.type = 1,
		.length = sizeof(memory),
		.domain = htole32(node),
		.base = htole64(base),
		.size = htole64(size),
		.flags = htole32(SRAT_ENABLED | flags),
	};

	if (size)
		acpi_put(w, &memory, sizeof(memory));
}

/* The nodes have boot memory one after the other, around the PCI hole. */
static void put_boot_memory(struct acpi_writer *w,
			    const struct acpi_config *config)
{
	uint64_t low_end = config->map->low_size;
	uint64_t high = MAP_HIGH_BASE, low = 0;

	for (unsigned int i = 0; i < config->numa->nr; i++) {
		uint64_t size = config->numa->nodes[i].memory;
		uint64_t here = size < low_end - low ? size : low_end - low;

		put_memory(w, low, here, i, 0);
		low += here;
		put_memory(w, high, size - here, i, 0);
		high += size - here;
	}
}

/*
 * Device memory is not memory at boot, and no e820 entry says it is; this
 * tells the guest its nodes and how high its addresses may become.
 */
static void put_device_memory(struct acpi_writer *w,
			      const struct memory_map *map)
{
	for (unsigned int i = 0; i < map->nr_ranges; i++) {
		const struct memory_range *r = &map->ranges[i];

		put_memory(w, r->base, r->size, r->node, SRAT_HOT_PLUGGABLE);
	}
}

void acpi_put_srat(struct acpi_writer *w, const struct acpi_config *config)
{
	uint32_t start = acpi_begin(w);
	const struct acpi_srat srat = {
		.header = acpi_header(ACPI_SIGNATURE('S', 'R', 'A', 'T'), 3),
		.reserved0 = htole32(1),
	};

	acpi_put(w, &srat, sizeof(srat));
	for (unsigned int i = 0; i < config->cpus; i++)
		put_cpu(w, i, numa_node_of_cpu(config->numa, i));
	put_boot_memory(w, config);
	put_device_memory(w, config->map);
	acpi_end(w, start);
	acpi_list(w, start);
}

void acpi_put_slit(struct acpi_writer *w, const struct numa_config *numa)
{
	uint32_t start = acpi_begin(w);
	const struct acpi_slit slit = {
		.header = acpi_header(ACPI_SIGNATURE('S', 'L', 'I', 'T'), 1),
		.localities = htole64(numa->nr),
	};

	acpi_put(w, &slit, sizeof(slit));
	for (unsigned int from = 0; from < numa->nr; from++) {
		uint8_t row[NUMA_NODES_MAX];

		for (unsigned int to = 0; to < numa->nr; to++)
			row[to] = numa_distance(numa, from, to);
		acpi_put(w, row, numa->nr);
	}
	acpi_end(w, start);
	acpi_list(w, start);
}
