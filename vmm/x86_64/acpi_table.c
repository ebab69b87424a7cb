/* SPDX-License-Identifier: BSD-3-Clause */
/* ACPI tables put one behind the other into an area of guest memory. */
#include "acpi_table.h"

#include <endian.h>
#include <string.h>

uint8_t acpi_checksum(const void *data, size_t size)
{
	const uint8_t *byte = data;
	uint8_t sum = 0;

	while (size--)
		sum += *byte++;
	return -sum;
}

struct acpi_header acpi_header(uint32_t signature, uint8_t revision)
{
	return (struct acpi_header){
		.signature = htole32(signature),
		.revision = revision,
		.oem_id = "PARAM ",
		.oem_table_id = "PARAMEM ",
		.oem_revision = htole32(1),
		.creator_id = "PMEM",
		.creator_revision = htole32(1),
	};
}

uint32_t acpi_begin(struct acpi_writer *w)
{
	uint32_t start = (w->used + ACPI_ALIGN - 1) & ~(ACPI_ALIGN - 1);

	w->full = w->full || start > ACPI_SIZE;
	if (!w->full)
		w->used = start;
	return start;
}

void acpi_put(struct acpi_writer *w, const void *data, uint32_t size)
{
	if (w->full || size > ACPI_SIZE - w->used) {
		w->full = true;
		return;
	}
	memcpy(w->area + w->used, data, size);
	w->used += size;
}

void acpi_end(struct acpi_writer *w, uint32_t start)
{
	struct acpi_header *h = (struct acpi_header *)(w->area + start);

	if (w->full)
		return;
	h->length = htole32(w->used - start);
	h->checksum = 0;
	h->checksum = acpi_checksum(h, w->used - start);
}

void acpi_list(struct acpi_writer *w, uint32_t start)
{
	assert(w->nr_tables < ACPI_TABLES_MAX);
	w->tables[w->nr_tables++] = ACPI_BASE + start;
}
