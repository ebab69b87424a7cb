/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How an ACPI table comes about: its header, and an area of guest memory into
 * which one is put behind the other.
 */
#ifndef VMM_X86_64_ACPI_TABLE_H
#define VMM_X86_64_ACPI_TABLE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acpi.h"

#define PACKED __attribute__((packed))

/* The signature of a table, as a little-endian number. */
#define ACPI_SIGNATURE(a, b, c, d)                                  \
	((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | \
	 (uint32_t)(d) << 24)

struct acpi_header {
	uint32_t signature;
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} PACKED;
static_assert(sizeof(struct acpi_header) == 36, "ACPI 5.2.6");

#define ACPI_TABLES_MAX 8
#define ACPI_ALIGN      64 /* the FACS's, and good for all */

struct acpi_writer {
	uint8_t *area; /* ACPI_SIZE bytes at ACPI_BASE */
	uint32_t used;
	bool full;
	uint32_t tables[ACPI_TABLES_MAX]; /* what the XSDT lists */
	unsigned int nr_tables;
};

/* What makes the sum of all bytes, with this one, 0. */
uint8_t acpi_checksum(const void *data, size_t size);

struct acpi_header acpi_header(uint32_t signature, uint8_t revision);

/* Starts a table at an aligned place and returns that place in the area. */
uint32_t acpi_begin(struct acpi_writer *w);
void acpi_put(struct acpi_writer *w, const void *data, uint32_t size);
/* Fills in length and checksum, now that the table is whole. */
void acpi_end(struct acpi_writer *w, uint32_t start);
void acpi_list(struct acpi_writer *w, uint32_t start);

/* In acpi_numa.c. */
void acpi_put_srat(struct acpi_writer *w, const struct acpi_config *config);
void acpi_put_slit(struct acpi_writer *w, const struct numa_config *numa);

#endif /* VMM_X86_64_ACPI_TABLE_H */
