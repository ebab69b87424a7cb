/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ACPI tables: RSDP, XSDT, FADT, MADT and MCFG are written here by the
 * ACPI specification 6.4, chapter 5, SRAT and SLIT in acpi_numa.c; the DSDT is
 * compiled from dsdt.asl.
 */
#include "acpi.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "acpi_table.h"
#include "dsdt.h"
#include "layout.h"
#include "power.h"

struct acpi_rsdp {
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt_address;
	uint32_t length;
	uint64_t xsdt_address;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} PACKED;
static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 5.2.5.3");

struct acpi_address {
	uint8_t space; /* 0: memory, 1: ports */
	uint8_t bit_width;
	uint8_t bit_offset;
	uint8_t access_size;
	uint64_t address;
} PACKED;
static_assert(sizeof(struct acpi_address) == 12, "ACPI 5.2.3.2");

struct acpi_fadt {
	struct acpi_header header;
	uint32_t facs;
	uint32_t dsdt;
	uint8_t reserved0;
	uint8_t preferred_profile;
	uint16_t sci_interrupt;
	uint32_t smi_command;
	uint8_t acpi_enable;
	uint8_t acpi_disable;
	uint8_t s4bios_request;
	uint8_t pstate_control;
	uint32_t pm1a_event;
	uint32_t pm1b_event;
	uint32_t pm1a_control;
	uint32_t pm1b_control;
	uint32_t pm2_control;
	uint32_t pm_timer;
	uint32_t gpe0;
	uint32_t gpe1;
	uint8_t pm1_event_length;
	uint8_t pm1_control_length;
	uint8_t pm2_control_length;
	uint8_t pm_timer_length;
	uint8_t gpe0_length;
	uint8_t gpe1_length;
	uint8_t gpe1_base;
	uint8_t cst_control;
	uint16_t c2_latency;
	uint16_t c3_latency;
	uint16_t flush_size;
	uint16_t flush_stride;
	uint8_t duty_offset;
	uint8_t duty_width;
	uint8_t day_alarm;
	uint8_t month_alarm;
	uint8_t century;
	uint16_t boot_flags;
	uint8_t reserved1;
	uint32_t flags;
	struct acpi_address reset_register;
	uint8_t reset_value;
	uint16_t arm_boot_flags;
	uint8_t minor_revision;
	uint64_t x_facs;
	uint64_t x_dsdt;
	struct acpi_address x_pm1a_event;
	struct acpi_address x_pm1b_event;
	struct acpi_address x_pm1a_control;
	struct acpi_address x_pm1b_control;
	struct acpi_address x_pm2_control;
	struct acpi_address x_pm_timer;
	struct acpi_address x_gpe0;
	struct acpi_address x_gpe1;
	struct acpi_address sleep_control;
	struct acpi_address sleep_status;
	uint64_t hypervisor_id;
} PACKED;
static_assert(sizeof(struct acpi_fadt) == 276, "ACPI 5.2.9");

#define FADT_PROFILE_SERVER        4
#define FADT_BOOT_NO_VGA           (1u << 2)
#define FADT_BOOT_NO_CMOS_RTC      (1u << 5)
#define FADT_FLAG_WBINVD           (1u << 0)
#define FADT_FLAG_SLEEP_BUTTON_OFF (1u << 5)
#define FADT_FLAG_RESET_SUPPORTED  (1u << 10)

struct acpi_madt {
	struct acpi_header header;
	uint32_t lapic_address;
	uint32_t flags;
} PACKED;
#define MADT_PCAT_COMPAT 1u

struct madt_lapic {
	uint8_t type; /* 0 */
	uint8_t length;
	uint8_t processor_uid;
	uint8_t apic_id;
	uint32_t flags;
} PACKED;
static_assert(sizeof(struct madt_lapic) == 8, "ACPI 5.2.12.2");

struct madt_ioapic {
	uint8_t type; /* 1 */
	uint8_t length;
	uint8_t id;
	uint8_t reserved;
	uint32_t address;
	uint32_t gsi_base;
} PACKED;
static_assert(sizeof(struct madt_ioapic) == 12, "ACPI 5.2.12.3");

struct madt_override {
	uint8_t type; /* 2 */
	uint8_t length;
	uint8_t bus;
	uint8_t source;
	uint32_t gsi;
	uint16_t flags;
} PACKED;
static_assert(sizeof(struct madt_override) == 10, "ACPI 5.2.12.5");
#define MADT_ACTIVE_HIGH_LEVEL 0xd

struct acpi_mcfg {
	struct acpi_header header;
	uint64_t reserved0;
	uint64_t base;
	uint16_t segment;
	uint8_t bus_start;
	uint8_t bus_end;
	uint32_t reserved1;
} PACKED;
static_assert(sizeof(struct acpi_mcfg) == 60, "PCI firmware 4.1.2");

struct acpi_facs {
	uint32_t signature;
	uint32_t length;
	uint32_t hardware_signature;
	uint32_t waking_vector;
	uint32_t global_lock;
	uint32_t flags;
	uint64_t x_waking_vector;
	uint8_t version;
	uint8_t reserved[31];
} PACKED;
static_assert(sizeof(struct acpi_facs) == 64, "ACPI 5.2.10");

static struct acpi_address port(uint16_t number, uint8_t bytes)
{
	return (struct acpi_address){
		.space = 1,
		.bit_width = bytes * 8,
		.access_size = bytes == 4 ? 3 : bytes,
		.address = htole64(number),
	};
}

/* Has no checksum, and is not listed: only the FADT points at it. */
static uint32_t put_facs(struct acpi_writer *w)
{
	uint32_t start = acpi_begin(w);
	const struct acpi_facs facs = {
		.signature = htole32(ACPI_SIGNATURE('F', 'A', 'C', 'S')),
		.length = htole32(sizeof(facs)),
		.version = 2,
	};

	acpi_put(w, &facs, sizeof(facs));
	return ACPI_BASE + start;
}

static void put_fadt(struct acpi_writer *w, uint32_t facs, uint32_t dsdt)
{
	uint32_t start = acpi_begin(w);
	const struct acpi_fadt fadt = {
		.header = acpi_header(ACPI_SIGNATURE('F', 'A', 'C', 'P'), 6),
		.facs = htole32(facs),
		.dsdt = htole32(dsdt),
		.preferred_profile = FADT_PROFILE_SERVER,
		.sci_interrupt = htole16(POWER_SCI_IRQ),
		.pm1a_event = htole32(POWER_PM1_EVENT),
		.pm1a_control = htole32(POWER_PM1_CONTROL),
		.pm1_event_length = 4,
		.pm1_control_length = 2,
		.c2_latency = htole16(0xffff), /* no C2, no C3 */
		.c3_latency = htole16(0xffff),
		.boot_flags = htole16(FADT_BOOT_NO_VGA | FADT_BOOT_NO_CMOS_RTC),
		.flags = htole32(FADT_FLAG_WBINVD | FADT_FLAG_SLEEP_BUTTON_OFF |
				 FADT_FLAG_RESET_SUPPORTED),
		.reset_register = port(POWER_RESET, 1),
		.reset_value = POWER_RESET_VALUE,
		.minor_revision = 4,
		.x_dsdt = htole64(dsdt),
		.x_pm1a_event = port(POWER_PM1_EVENT, 4),
		.x_pm1a_control = port(POWER_PM1_CONTROL, 2),
	};

	acpi_put(w, &fadt, sizeof(fadt));
	acpi_end(w, start);
	acpi_list(w, start);
}

static void put_madt(struct acpi_writer *w, unsigned int cpus)
{
	uint32_t start = acpi_begin(w);
	const struct acpi_madt madt = {
		.header = acpi_header(ACPI_SIGNATURE('A', 'P', 'I', 'C'), 5),
		.lapic_address = htole32(MAP_LAPIC_BASE),
		.flags = htole32(MADT_PCAT_COMPAT),
	};
	const struct madt_ioapic ioapic = {
		.type = 1,
		.length = sizeof(ioapic),
		.address = htole32(MAP_IOAPIC_BASE),
	};
	const struct madt_override sci = {
		.type = 2,
		.length = sizeof(sci),
		.source = POWER_SCI_IRQ,
		.gsi = htole32(POWER_SCI_IRQ),
		.flags = htole16(MADT_ACTIVE_HIGH_LEVEL),
	};

	acpi_put(w, &madt, sizeof(madt));
	for (unsigned int i = 0; i < cpus; i++) {
		const struct madt_lapic lapic = {
			.length = sizeof(lapic),
			.processor_uid = i,
			.apic_id = i,
			.flags = htole32(1),
		};

		acpi_put(w, &lapic, sizeof(lapic));
	}
	acpi_put(w, &ioapic, sizeof(ioapic));
	acpi_put(w, &sci, sizeof(sci));
	acpi_end(w, start);
	acpi_list(w, start);
}

static void put_mcfg(struct acpi_writer *w)
{
	uint32_t start = acpi_begin(w);
	const struct acpi_mcfg mcfg = {
		.header = acpi_header(ACPI_SIGNATURE('M', 'C', 'F', 'G'), 1),
		.base = htole64(MAP_ECAM_BASE),
		.bus_end = MAP_ECAM_SIZE / (1 << 20) - 1,
	};

	acpi_put(w, &mcfg, sizeof(mcfg));
	acpi_end(w, start);
	acpi_list(w, start);
}

static uint32_t put_xsdt(struct acpi_writer *w)
{
	uint32_t start = acpi_begin(w);
	const struct acpi_header h =
		acpi_header(ACPI_SIGNATURE('X', 'S', 'D', 'T'), 1);

	acpi_put(w, &h, sizeof(h));
	for (unsigned int i = 0; i < w->nr_tables; i++) {
		uint64_t address = htole64(w->tables[i]);

		acpi_put(w, &address, sizeof(address));
	}
	acpi_end(w, start);
	return ACPI_BASE + start;
}

static uint32_t put_dsdt(struct acpi_writer *w)
{
	uint32_t start = acpi_begin(w);

	acpi_put(w, dsdt_aml_code, sizeof(dsdt_aml_code));
	return ACPI_BASE + start;
}

static void put_rsdp(struct acpi_writer *w, uint32_t xsdt)
{
	struct acpi_rsdp rsdp = {
		.signature = "RSD PTR ",
		.oem_id = "PARAM ",
		.revision = 2,
		.length = htole32(sizeof(rsdp)),
		.xsdt_address = htole64(xsdt),
	};

	/* The first sum covers what ACPI 1.0 knew: 20 bytes. */
	rsdp.checksum = acpi_checksum(&rsdp, 20);
	rsdp.extended_checksum = acpi_checksum(&rsdp, sizeof(rsdp));
	memcpy(w->area, &rsdp, sizeof(rsdp));
}

static int put_all(struct acpi_writer *w, const struct acpi_config *config)
{
	uint32_t facs, dsdt, xsdt;

	facs = put_facs(w);
	dsdt = put_dsdt(w);
	put_fadt(w, facs, dsdt);
	put_madt(w, config->cpus);
	put_mcfg(w);
	acpi_put_srat(w, config);
	if (config->numa->nr > 1)
		acpi_put_slit(w, config->numa);
	xsdt = put_xsdt(w);
	if (w->full)
		return -ENOSPC;
	put_rsdp(w, xsdt);
	return 0;
}

int acpi_write(const struct guest_memory *gm, const struct acpi_config *config)
{
	struct acpi_writer w = { .used = sizeof(struct acpi_rsdp) };
	struct guest_view view;
	int ret = guest_memory_get(gm, ACPI_BASE, ACPI_SIZE, true, &view);

	if (ret)
		return ret;
	w.area = view.host;
	ret = put_all(&w, config);
	guest_memory_put(gm, &view);
	return ret;
}
