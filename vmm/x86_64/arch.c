/* SPDX-License-Identifier: BSD-3-Clause */
/* x86-64 as the rest of the machine sees it. */
#include "arch/arch.h"

#include "boot.h"
#include "dump_notes.h"
#include "kvm.h"
#include "layout.h"
#include "power.h"

static const struct arch_lines lines[] = {
	{ "ioapic", true, 0, IRQ_LINES },
	{ "serial", false, SERIAL_COM1_IRQ, 1 },
	{ "power", false, POWER_SCI_IRQ, 1 },
};

static const struct arch_power power = {
	.create = power_create,
	.destroy = power_destroy,
	.press = power_press,
	.reset = power_reset,
};

static const struct arch_boot boot = {
	.open = boot_open,
	.close = boot_close,
	.check = boot_check,
	.load = boot_load,
};

const struct arch machine_arch = {
	.layout = {
		.boot_base = 0,
		.hole = { MAP_HOLE_BASE, MAP_HIGH_BASE - MAP_HOLE_BASE },
		.device_align = MAP_DEVICE_ALIGN,
		.address_bits_max = 52,
	},
	.pci = {
		.window = { MAP_PCI_BASE, MAP_PCI_SIZE },
		.ecam = { MAP_ECAM_BASE, MAP_ECAM_SIZE },
		.config_port = PCI_CONFIG_PORT,
		.intx_first = INTX_FIRST,
	},
	.serial = { .base = SERIAL_COM1, .irq = SERIAL_COM1_IRQ },
	.lines = lines,
	.nr_lines = sizeof(lines) / sizeof(lines[0]),
	.power = &power,
	.boot = &boot,
	.dump = &x86_64_dump,
	.kvm = &x86_64_kvm,
};
