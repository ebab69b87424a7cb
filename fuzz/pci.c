/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accesses of any width to PCI configuration space and to BARs, at any
 * offset, between what a driver does and resets of both kinds.
 */
#include <linux/pci_regs.h>

#include "guest.h"
#include "x86_64/layout.h"

#define STEPS_MAX 100

/* Few are exits of their own: 3, 5, 6 and 7 are what a page's end cuts off. */
static unsigned int take_width(struct guest *g, unsigned int max)
{
	return 1 + input_below(&g->in, max);
}

/* A small number, or any. */
static uint64_t take_value(struct guest *g)
{
	uint8_t value = input_u8(&g->in);

	return value >= 0xe0 ? input_u64(&g->in) : value;
}

static void access_bus(struct guest *g, struct bus *bus, uint64_t addr,
		       unsigned int max_width)
{
	uint8_t write = input_u8(&g->in) & 1;
	unsigned int len = take_width(g, max_width);

	if (write)
		bus_write(bus, addr, take_value(g), len);
	else
		bus_read(bus, addr, len);
}

/* ---- configuration space ------------------------------------------------- */

static void step_ecam(struct guest *g)
{
	uint64_t offset = input_u16(&g->in) | (uint64_t)input_u8(&g->in) << 16;

	access_bus(g, g->rig.mmio, MAP_ECAM_BASE + offset % MAP_ECAM_SIZE, 8);
}

static void step_port(struct guest *g)
{
	access_bus(g, g->rig.pio, 0xcf8 + input_below(&g->in, 8), 4);
}

/* The function that is there, through either door. */
static void step_config(struct guest *g)
{
	unsigned int offset = input_u8(&g->in);
	uint8_t how = input_u8(&g->in);
	unsigned int len = 1u << (how >> 2) % 3;
	unsigned int slot = how >> 6;
	uint32_t value;

	if (how & 1 && how & 2)
		rig_config_read(&g->rig, slot, offset, len);
	else if (how & 1)
		rig_port_config_read(&g->rig, slot, offset & -len, len);
	value = take_value(g);
	if (how & 2)
		rig_config_write(&g->rig, slot, offset, value, len);
	else
		rig_port_config_write(&g->rig, slot, offset & -len, value, len);
}

/* To somewhere in the hole, at its ends, or on top of another. */
static void step_move_bar(struct guest *g)
{
	static const uint32_t places[] = {
		MAP_PCI_BASE,
		MAP_PCI_BASE + MAP_PCI_SIZE - 0x80000,
		MAP_ECAM_BASE,
		MAP_LAPIC_BASE,
	};
	unsigned int bar = PCI_BASE_ADDRESS_0 + input_below(&g->in, 6) * 4;
	uint32_t place = places[input_below(&g->in, 4)];
	uint32_t page = input_u8(&g->in);

	rig_config_write(&g->rig, g->d.slot, bar, place + (page << 12), 4);
}

/* BARs, bus mastering and the two kinds of interrupts go on and off. */
static void step_command(struct guest *g)
{
	uint8_t command = input_u8(&g->in);
	uint8_t msix = input_u8(&g->in);

	rig_config_write(&g->rig, g->d.slot, PCI_COMMAND,
			 (command & 7) | (command & 8 ? 0x400 : 0), 2);
	rig_config_write(&g->rig, g->d.slot, g->d.msix_cap + PCI_MSIX_FLAGS,
			 msix << 8, 2);
}

/* The window to the BARs in configuration space, [virtio] 4.1.4.9. */
static void step_window(struct guest *g)
{
	unsigned int at = g->d.cfg_access;
	unsigned int len = 1u << input_below(&g->in, 4);
	uint32_t offset = input_u16(&g->in);

	rig_config_write(&g->rig, g->d.slot, at + 4, input_u8(&g->in) & 1, 1);
	rig_config_write(&g->rig, g->d.slot, at + 8, offset, 4);
	rig_config_write(&g->rig, g->d.slot, at + 12, len, 4);
	access_bus(g, g->rig.mmio, MAP_ECAM_BASE + (g->d.slot << 15) + at + 16,
		   4);
}

/* ---- BARs ---------------------------------------------------------------- */

static void step_bar(struct guest *g)
{
	unsigned int bar = PCI_BASE_ADDRESS_0 + input_below(&g->in, 6) * 4;
	uint64_t base = rig_config_read(&g->rig, g->d.slot, bar, 4);

	access_bus(g, g->rig.mmio, base + input_u16(&g->in) % 0x5000, 8);
}

/* The fields of the common structure, by the width that each has. */
static void step_common(struct guest *g)
{
	static const struct {
		size_t at;
		unsigned int len;
	} fields[] = {
		{ COMMON_FIELD(device_feature_select), 4 },
		{ COMMON_FIELD(guest_feature_select), 4 },
		{ COMMON_FIELD(guest_feature), 4 },
		{ COMMON_FIELD(msix_config), 2 },
		{ COMMON_FIELD(device_status), 1 },
		{ COMMON_FIELD(queue_select), 2 },
		{ COMMON_FIELD(queue_size), 2 },
		{ COMMON_FIELD(queue_msix_vector), 2 },
		{ COMMON_FIELD(queue_enable), 2 },
		{ COMMON_FIELD(queue_desc_lo), 8 },
		{ COMMON_FIELD(queue_avail_lo), 8 },
		{ COMMON_FIELD(queue_used_lo), 8 },
	};
	unsigned int i =
		input_below(&g->in, sizeof(fields) / sizeof(fields[0]));

	driver_set(&g->d, fields[i].at, take_value(g), fields[i].len);
	driver_get(&g->d, fields[i].at, fields[i].len);
}

static void step_msix(struct guest *g)
{
	uint64_t offset = input_below(&g->in, 12) * 4;

	bus_write(g->rig.mmio, g->d.msix + offset, take_value(g),
		  input_u8(&g->in) & 1 ? 4 : 8);
}

static void step_notify(struct guest *g)
{
	fake_guest_write(&g->rig.accel, g->rig.mmio,
			 g->d.notify + input_below(&g->in, 8), input_u8(&g->in),
			 take_width(g, 8));
}

/* The region itself, where no memory slot is. */
static void step_region(struct guest *g)
{
	uint64_t block = input_below(&g->in, GUEST_BLOCKS + 1);

	access_bus(g, g->rig.mmio,
		   GUEST_BASE + block * GUEST_BLOCK - input_u8(&g->in), 8);
}

/* ---- the driver ---------------------------------------------------------- */

/* Where the BARs are as the driver left them, it can set the device up. */
static void step_driver(struct guest *g)
{
	uint8_t how = input_u8(&g->in);

	if (how & 1)
		guest_system_reset(g);
	if (how & 2)
		driver_setup_queue(&g->d);
	else if (how & 1)
		driver_start(&g->d);
}

/* It may not be where the driver has seen it. */
static void step_device_reset(struct guest *g)
{
	driver_set_status(&g->d, 0);
}

typedef void step_fn(struct guest *g);

static step_fn *const steps[] = {
	step_ecam,     step_port,           step_config,     step_move_bar,
	step_command,  step_window,         step_bar,        step_common,
	step_msix,     step_notify,         step_region,     step_driver,
	guest_request, guest_set_requested, guest_populated, guest_break_host,
	guest_settle,  step_device_reset,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct guest g;

	guest_init(&g, data, size);
	driver_start(&g.d);
	for (int i = 0; i < STEPS_MAX && input_more(&g.in); i++) {
		steps[input_below(&g.in, sizeof(steps) / sizeof(steps[0]))](&g);
		guest_check(&g);
	}
	guest_finish(&g);
	return 0;
}
