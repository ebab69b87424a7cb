/* SPDX-License-Identifier: BSD-3-Clause */
/* The PCI host bridge: configuration space, and BARs that come, move and go. */
#include "../unit/cmocka_all.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "rig.h"
#include "x86_64/layout.h"

#define BAR0      PCI_BASE_ADDRESS_0
#define BAR1      PCI_BASE_ADDRESS_1
#define BAR0_SIZE 0x4000
#define BAR1_SIZE 0x1000
#define SOMEWHERE 0xc8000000u

struct device {
	struct pci_function f; /* first: it is the BARs' opaque */
	uint8_t tag;
	int mapped, unmapped;
	uint64_t last_gpa;
	unsigned int written_at, written_len;
};

struct fixture {
	struct rig rig;
	struct device a, b; /* in slots 1 and 2 */
};

static uint64_t bar0_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct device *d = opaque;

	(void)len;
	return (uint64_t)d->tag << 32 | offset;
}

static uint64_t bar1_read(void *opaque, uint64_t offset, unsigned int len)
{
	return bar0_read(opaque, offset, len) | UINT64_C(0x10000000);
}

static void bar_write(void *opaque, uint64_t offset, uint64_t value,
		      unsigned int len)
{
	(void)opaque;
	(void)offset;
	(void)value;
	(void)len;
}

static const struct bus_ops bar0_ops = { bar0_read, bar_write };
static const struct bus_ops bar1_ops = { bar1_read, bar_write };

static void bar_mapped(struct pci_function *f, unsigned int bar, uint64_t gpa,
		       bool mapped)
{
	struct device *d = (struct device *)f;

	if (bar)
		return;
	if (mapped)
		d->mapped++;
	else
		d->unmapped++;
	d->last_gpa = gpa;
}

static void config_written(struct pci_function *f, unsigned int offset,
			   unsigned int len)
{
	struct device *d = (struct device *)f;

	d->written_at = offset;
	d->written_len = len;
}

static void config_reading(struct pci_function *f, unsigned int offset,
			   unsigned int len)
{
	if (offset <= 0xf0 && offset + len > 0xf0)
		f->config[0xf0]++;
}

static const struct pci_function_ops device_ops = {
	.config_written = config_written,
	.config_reading = config_reading,
	.bar_mapped = bar_mapped,
};

static void device_add(struct rig *rig, struct device *d, uint8_t tag)
{
	const struct pci_ids ids = {
		.vendor = 0x1af4,
		.device = 0x1000 + tag,
		.subsystem_vendor = 0x5555,
		.subsystem = 0x6666,
		.revision = 3,
		.class = 0x050000,
	};

	memset(d, 0, sizeof(*d));
	d->tag = tag;
	pci_function_init(&d->f, &ids, &device_ops);
	pci_set_bar(&d->f, 0, BAR0_SIZE, &bar0_ops);
	pci_set_bar(&d->f, 1, BAR1_SIZE, &bar1_ops);
	assert_int_equal(pci_host_add(rig->pci, &d->f), 0);
}

static int setup(void **state)
{
	static struct fixture f;

	rig_init(&f.rig);
	device_add(&f.rig, &f.a, 1);
	device_add(&f.rig, &f.b, 2);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rig_finish(&f->rig);
	return 0;
}

static uint32_t bar_get(struct fixture *f, unsigned int slot, unsigned int bar)
{
	return rig_config_read(&f->rig, slot, bar, 4);
}

static void bar_set(struct fixture *f, unsigned int slot, unsigned int bar,
		    uint32_t value)
{
	rig_config_write(&f->rig, slot, bar, value, 4);
}

static void decode(struct fixture *f, unsigned int slot, bool on)
{
	rig_config_write(&f->rig, slot, PCI_COMMAND,
			 on ? PCI_COMMAND_MEMORY : 0, 2);
}

/* Which device's BAR 0 answers at @gpa; 0xff..: none. */
static uint64_t tag_at(struct fixture *f, uint64_t gpa)
{
	return bus_read(f->rig.mmio, gpa, 4) >> 32;
}

#define NONE (UINT64_MAX >> 32)

/* ---- configuration accesses ---------------------------------------------- */

static void both_mechanisms_read_the_same(void **state)
{
	struct fixture *f = *state;

	for (unsigned int slot = 0; slot < 4; slot++)
		for (unsigned int len = 1; len <= 4; len *= 2)
			for (unsigned int at = 0; at < 0xf0; at += len)
				assert_int_equal(
					rig_config_read(&f->rig, slot, at, len),
					rig_port_config_read(&f->rig, slot, at,
							     len));
}

static void parts_of_a_register_agree_with_the_whole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rig_config_read(&f->rig, 1, 0, 4), 0x10011af4);
	assert_int_equal(rig_config_read(&f->rig, 1, 2, 2), 0x1001);
	assert_int_equal(rig_config_read(&f->rig, 1, 3, 1), 0x10);
	assert_int_equal(rig_port_config_read(&f->rig, 1, 3, 1), 0x10);
	assert_int_equal(rig_config_read(&f->rig, 1, 8, 4), 0x05000003);
	assert_int_equal(rig_config_read(&f->rig, 1, 0x2c, 4), 0x66665555);
}

static void both_mechanisms_write_the_same(void **state)
{
	struct fixture *f = *state;

	rig_config_write(&f->rig, 1, PCI_INTERRUPT_LINE, 0x42, 1);
	assert_int_equal(rig_port_config_read(&f->rig, 1, 0x3c, 1), 0x42);
	rig_port_config_write(&f->rig, 1, PCI_INTERRUPT_LINE, 0x24, 1);
	assert_int_equal(rig_config_read(&f->rig, 1, 0x3c, 1), 0x24);
	assert_int_equal(f->a.written_at, 0x3c);
	assert_int_equal(f->a.written_len, 1);
	rig_port_config_write(&f->rig, 1, BAR0 + 2, 0xc700, 2);
	assert_int_equal(bar_get(f, 1, BAR0) >> 16, 0xc700);
	rig_port_config_write(&f->rig, 1, BAR0, SOMEWHERE, 4);
	assert_int_equal(bar_get(f, 1, BAR0), SOMEWHERE);
	rig_port_config_write(&f->rig, 1, BAR0 + 3, 0xc9, 1);
	assert_int_equal(bar_get(f, 1, BAR0), SOMEWHERE + 0x1000000);
}

static void what_is_read_only_stays(void **state)
{
	struct fixture *f = *state;

	for (unsigned int at = 0; at < 0x100; at += 4) {
		if (at == PCI_COMMAND || at == PCI_CACHE_LINE_SIZE ||
		    at == BAR0 || at == BAR1 || at == 0x3c || at == 0xf0)
			continue;
		uint32_t before = rig_config_read(&f->rig, 1, at, 4);

		rig_config_write(&f->rig, 1, at, ~before, 4);
		assert_int_equal(rig_config_read(&f->rig, 1, at, 4), before);
	}
	rig_config_write(&f->rig, 1, PCI_COMMAND, 0xffffffff, 4);
	assert_int_equal(rig_config_read(&f->rig, 1, PCI_COMMAND, 4), 0x0406);
}

static void what_changes_by_itself_is_read_fresh(void **state)
{
	struct fixture *f = *state;
	uint32_t first = rig_config_read(&f->rig, 1, 0xf0, 1);

	assert_int_equal(rig_config_read(&f->rig, 1, 0xf0, 1), first + 1);
	assert_int_equal(rig_port_config_read(&f->rig, 1, 0xf0, 1), first + 2);
}

static void absent_devices_read_as_ones(void **state)
{
	struct fixture *f = *state;
	struct bus *mmio = f->rig.mmio;

	assert_int_equal(rig_config_read(&f->rig, 3, 0, 4), 0xffffffff);
	assert_int_equal(rig_config_read(&f->rig, 31, 2, 2), 0xffff);
	assert_int_equal(rig_config_read(&f->rig, 31, 0xff, 1), 0xff);
	assert_int_equal(rig_port_config_read(&f->rig, 3, 0, 4), 0xffffffff);
	assert_int_equal(rig_port_config_read(&f->rig, 31, 2, 2), 0xffff);
	/* Function 1 of slot 1, which has one function. */
	assert_int_equal((uint32_t)bus_read(mmio, MAP_ECAM_BASE + 0x9000, 4),
			 0xffffffff);
	rig_config_write(&f->rig, 3, 4, 0xffffffff, 4);
	rig_port_config_write(&f->rig, 3, 4, 0xffffffff, 4);
}

static void extended_configuration_space_is_empty(void **state)
{
	struct fixture *f = *state;

	f->a.f.writable[0] = 0xff; /* what lies behind it in memory */
	assert_int_equal(rig_config_read(&f->rig, 1, 0x100, 4), 0);
	assert_int_equal(rig_config_read(&f->rig, 1, 0xffc, 4), 0);
	assert_int_equal(rig_config_read(&f->rig, 1, 0xfe, 4), 0);
	rig_config_write(&f->rig, 1, 0x100, 0xffffffff, 4);
	rig_config_write(&f->rig, 1, 0xfe, 0xffffffff, 4);
}

static void the_address_port_is_32_bits_wide(void **state)
{
	struct fixture *f = *state;
	struct bus *pio = f->rig.pio;

	bus_write(pio, 0xcf8, 0x80000800, 4);
	assert_int_equal(bus_read(pio, 0xcf8, 4), 0x80000800);
	bus_write(pio, 0xcf8, 0, 1);
	bus_write(pio, 0xcf8, 0, 2);
	assert_int_equal(bus_read(pio, 0xcf8, 4), 0x80000800);
	assert_int_equal((uint32_t)bus_read(pio, 0xcfc, 4), 0x10011af4);
}

static void an_address_that_selects_nothing_reads_as_ones(void **state)
{
	struct fixture *f = *state;
	struct bus *pio = f->rig.pio;

	bus_write(pio, 0xcf8, 0x00000800, 4); /* not enabled */
	assert_int_equal((uint32_t)bus_read(pio, 0xcfc, 4), 0xffffffff);
	bus_write(pio, 0xcf8, 0x80010800, 4); /* bus 1 */
	assert_int_equal((uint32_t)bus_read(pio, 0xcfc, 4), 0xffffffff);
	bus_write(pio, 0xcfc, 0xffffffff, 4);
	bus_write(pio, 0xcf8, 0x80000900, 4); /* function 1 */
	assert_int_equal((uint32_t)bus_read(pio, 0xcfc, 4), 0xffffffff);
}

static void slot_0_is_the_host_bridge(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rig_config_read(&f->rig, 0, PCI_CLASS_DEVICE, 2),
			 0x0600);
	for (unsigned int bar = 0; bar < 6; bar++)
		assert_int_equal(bar_get(f, 0, BAR0 + bar * 4), 0);
}

/* ---- more functions than slots ------------------------------------------- */

#define SLOTS     32
#define FUNCTIONS (1 + (SLOTS - 1) * 8) /* the host bridge is alone */

/* Adds functions, counted from the host bridge and the devices on. */
static struct pci_function *fill(struct fixture *f, unsigned int from,
				 unsigned int nr)
{
	static struct pci_function more[FUNCTIONS];
	static const struct pci_ids ids = { .vendor = 0x1234 };

	for (unsigned int i = from; i < nr; i++) {
		pci_function_init(&more[i], &ids, &device_ops);
		pci_set_bar(&more[i], 0, BAR0_SIZE, &bar0_ops);
		assert_int_equal(pci_host_add(f->rig.pci, &more[i]), 0);
	}
	return more;
}

static uint16_t vendor_at(struct fixture *f, unsigned int devfn)
{
	return bus_read(f->rig.mmio, MAP_ECAM_BASE + (devfn << 12), 2);
}

static bool has_several(struct fixture *f, unsigned int slot)
{
	return rig_config_read(&f->rig, slot, PCI_HEADER_TYPE, 1) & 0x80;
}

static void slots_are_filled_first(void **state)
{
	struct fixture *f = *state;
	struct bus *pio = f->rig.pio;

	fill(f, 3, SLOTS);
	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		assert_int_not_equal(vendor_at(f, slot * 8), 0xffff);
		assert_int_equal(vendor_at(f, slot * 8 + 1), 0xffff);
		assert_false(has_several(f, slot));
	}
	fill(f, SLOTS, SLOTS + 2);
	assert_int_equal(vendor_at(f, 1), 0xffff);
	assert_int_equal(vendor_at(f, 9), 0x1234);
	assert_int_equal(vendor_at(f, 17), 0x1234);
	assert_int_equal(vendor_at(f, 25), 0xffff);
	assert_false(has_several(f, 0));
	assert_true(has_several(f, 1) && has_several(f, 2));
	assert_false(has_several(f, 3));
	bus_write(pio, 0xcf8, 0x80000900, 4); /* slot 1, function 1 */
	assert_int_equal((uint16_t)bus_read(pio, 0xcfc, 2), 0x1234);
	pci_host_reset(f->rig.pci);
	assert_true(has_several(f, 1));
}

static void functions_are_limited(void **state)
{
	static const struct pci_ids ids = { .vendor = 1 };
	struct fixture *f = *state;
	struct pci_function one_more;

	fill(f, 3, FUNCTIONS);
	pci_function_init(&one_more, &ids, &device_ops);
	assert_true(pci_host_add(f->rig.pci, &one_more) < 0);
	assert_int_equal(vendor_at(f, 255), 0x1234);
	assert_int_equal(vendor_at(f, 1), 0xffff);
	assert_false(has_several(f, 0));
}

/* A line is high as long as one function wants it to be. */
static void functions_share_lines(void **state)
{
	struct fixture *f = *state;
	struct pci_function *more = fill(f, 3, FUNCTIONS);
	unsigned int line = 20 + 1; /* of slot 1 */

	pci_set_intx(&f->a.f, true);              /* 1.0 */
	pci_set_intx(&more[SLOTS], true);         /* 1.1 */
	pci_set_intx(&more[5], true);             /* 5.0 */
	pci_set_intx(&more[FUNCTIONS - 3], true); /* 29.7 */
	pci_set_intx(&f->a.f, false);
	pci_set_intx(&more[SLOTS], false);
	assert_true(fake_irq_level(&f->rig.accel, line));
	pci_set_intx(&more[5], false);
	assert_true(fake_irq_level(&f->rig.accel, line));
	pci_set_intx(&more[FUNCTIONS - 3], false);
	assert_false(fake_irq_level(&f->rig.accel, line));
	assert_int_equal(f->rig.accel.rises[line], 1);
	for (unsigned int other = 20; other < 24; other++)
		assert_false(fake_irq_level(&f->rig.accel, other));
}

/* ---- BARs ---------------------------------------------------------------- */

static void sizing_tells_the_size(void **state)
{
	struct fixture *f = *state;
	uint32_t before = bar_get(f, 1, BAR0);

	bar_set(f, 1, BAR0, 0xffffffff);
	assert_int_equal(bar_get(f, 1, BAR0), (uint32_t)-BAR0_SIZE);
	bar_set(f, 1, BAR0, before);
	assert_int_equal(bar_get(f, 1, BAR0), before);
	bar_set(f, 1, BAR1, 0xffffffff);
	assert_int_equal(bar_get(f, 1, BAR1), (uint32_t)-BAR1_SIZE);
	bar_set(f, 1, PCI_BASE_ADDRESS_2, 0xffffffff);
	assert_int_equal(bar_get(f, 1, PCI_BASE_ADDRESS_2), 0);
	bar_set(f, 1, PCI_ROM_ADDRESS, 0xffffffff);
	assert_int_equal(bar_get(f, 1, PCI_ROM_ADDRESS), 0);
}

static void first_places_are_aligned_and_apart(void **state)
{
	struct fixture *f = *state;
	uint32_t places[] = { bar_get(f, 1, BAR0), bar_get(f, 2, BAR0) };

	for (int i = 0; i < 2; i++) {
		assert_in_range(places[i], MAP_PCI_BASE,
				MAP_PCI_BASE + MAP_PCI_SIZE - BAR0_SIZE);
		assert_int_equal(places[i] % BAR0_SIZE, 0);
	}
	decode(f, 1, true);
	decode(f, 2, true);
	assert_int_equal(tag_at(f, places[0]), 1);
	assert_int_equal(tag_at(f, places[1]), 2);
}

static void nothing_answers_before_decoding_is_on(void **state)
{
	struct fixture *f = *state;
	uint32_t gpa = bar_get(f, 1, BAR0);

	assert_int_equal(tag_at(f, gpa), NONE);
	decode(f, 1, true);
	assert_int_equal(tag_at(f, gpa), 1);
	assert_int_equal(f->a.last_gpa, gpa);
	assert_int_equal(bus_read(f->rig.mmio, gpa + BAR0_SIZE - 1, 1) &
				 0xffffffff,
			 BAR0_SIZE - 1);
	decode(f, 1, false);
	assert_int_equal(tag_at(f, gpa), NONE);
	assert_int_equal(f->a.mapped, 1);
	assert_int_equal(f->a.unmapped, 1);
}

static void a_bar_moves(void **state)
{
	struct fixture *f = *state;
	uint32_t before = bar_get(f, 1, BAR0);

	decode(f, 1, true);
	bar_set(f, 1, BAR0, SOMEWHERE);
	assert_int_equal(tag_at(f, before), NONE);
	assert_int_equal(tag_at(f, SOMEWHERE), 1);
	assert_int_equal(f->a.mapped, 2);
	assert_int_equal(f->a.unmapped, 1);
	assert_int_equal(f->a.last_gpa, SOMEWHERE);
	/* Low bits do not count, and nothing happens twice. */
	bar_set(f, 1, BAR0, SOMEWHERE + 0xfff);
	assert_int_equal(bar_get(f, 1, BAR0), SOMEWHERE);
	assert_int_equal(f->a.mapped, 2);
}

static void a_bar_that_is_sized_answers_nowhere(void **state)
{
	struct fixture *f = *state;
	uint32_t gpa = bar_get(f, 1, BAR0);

	decode(f, 1, true);
	bar_set(f, 1, BAR0, 0xffffffff);
	assert_int_equal(tag_at(f, gpa), NONE);
	assert_int_equal(tag_at(f, (uint32_t)-BAR0_SIZE), NONE);
	bar_set(f, 1, BAR0, gpa);
	assert_int_equal(tag_at(f, gpa), 1);
}

static void a_bar_outside_the_window_answers_nowhere(void **state)
{
	const uint32_t window_end = MAP_PCI_BASE + MAP_PCI_SIZE;
	const uint32_t outside[] = { 0, 0xb0000000, MAP_PCI_BASE - BAR0_SIZE,
				     window_end, MAP_IOAPIC_BASE };
	struct fixture *f = *state;

	decode(f, 1, true);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		bar_set(f, 1, BAR0, outside[i]);
		assert_int_equal(f->a.mapped, f->a.unmapped);
		if (outside[i] != MAP_ECAM_BASE)
			assert_int_equal(tag_at(f, outside[i]), NONE);
	}
	bar_set(f, 1, BAR0, window_end - BAR0_SIZE);
	assert_int_equal(tag_at(f, window_end - 1), 1);
	/* The configuration window still answers for itself. */
	assert_int_equal(rig_config_read(&f->rig, 1, 0, 2), 0x1af4);
}

static void a_bar_on_anothers_place_waits_for_it(void **state)
{
	struct fixture *f = *state;
	uint32_t gpa = bar_get(f, 1, BAR0);

	decode(f, 1, true);
	decode(f, 2, true);
	bar_set(f, 2, BAR0, gpa);
	assert_int_equal(tag_at(f, gpa), 1);
	assert_int_equal(f->b.mapped, f->b.unmapped);
	/* And appears when the other one moves away. */
	bar_set(f, 1, BAR0, SOMEWHERE);
	assert_int_equal(tag_at(f, SOMEWHERE), 1);
	assert_int_equal(tag_at(f, gpa), 2);
}

static void two_bars_of_a_function_change_places(void **state)
{
	struct fixture *f = *state;
	uint32_t gpa0 = bar_get(f, 1, BAR0);

	decode(f, 1, true);
	bar_set(f, 1, BAR1, gpa0);
	assert_int_equal(bus_read(f->rig.mmio, gpa0, 4), UINT64_C(1) << 32);
	bar_set(f, 1, BAR0, SOMEWHERE);
	assert_int_equal(bus_read(f->rig.mmio, gpa0, 4),
			 UINT64_C(1) << 32 | 0x10000000);
}

static void reset_restores_the_power_on_values(void **state)
{
	uint8_t before[2][PCI_CONFIG_SIZE];
	struct fixture *f = *state;
	uint32_t gpa = bar_get(f, 1, BAR0);

	memcpy(before[0], f->a.f.config, PCI_CONFIG_SIZE);
	memcpy(before[1], f->b.f.config, PCI_CONFIG_SIZE);
	rig_config_write(&f->rig, 1, PCI_COMMAND, 0xffff, 2);
	rig_config_write(&f->rig, 1, PCI_INTERRUPT_LINE, 7, 1);
	rig_port_config_write(&f->rig, 1, BAR0, SOMEWHERE, 4);
	bar_set(f, 2, BAR1, SOMEWHERE);
	pci_host_reset(f->rig.pci);
	assert_memory_equal(f->a.f.config, before[0], PCI_CONFIG_SIZE);
	assert_memory_equal(f->b.f.config, before[1], PCI_CONFIG_SIZE);
	assert_int_equal(tag_at(f, SOMEWHERE), NONE);
	assert_int_equal(tag_at(f, gpa), NONE);
	assert_int_equal(bus_read(f->rig.pio, 0xcf8, 4), 0);
	decode(f, 1, true);
	assert_int_equal(tag_at(f, gpa), 1);
}

/* ---- capabilities -------------------------------------------------------- */

static void capabilities_are_a_list(void **state)
{
	static const struct pci_ids ids = { .vendor = 1 };
	const uint8_t odd[5] = { 0xee, 0xee, 1, 2, 3 };
	struct pci_function f;

	(void)state;
	pci_function_init(&f, &ids, &device_ops);
	assert_int_equal(f.config[PCI_STATUS] & PCI_STATUS_CAP_LIST, 0);
	assert_int_equal(pci_add_capability(&f, 9, odd, 5), 0x40);
	assert_int_equal(pci_add_capability(&f, 17, odd, 4), 0x48);
	assert_int_equal(pci_add_capability(&f, 5, odd, 2), 0x4c);
	assert_true(f.config[PCI_STATUS] & PCI_STATUS_CAP_LIST);
	assert_int_equal(f.config[PCI_CAPABILITY_LIST], 0x40);
	assert_memory_equal(f.config + 0x40, "\x09\x48\x01\x02\x03", 5);
	assert_memory_equal(f.config + 0x48, "\x11\x4c\x01\x02", 4);
	assert_memory_equal(f.config + 0x4c, "\x05\x00", 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Bridge and devices in their order, as a guest finds them. */
static void info_of_all(void **state)
{
	struct fixture *f = *state;
	struct pci_info info;

	f->a.f.id = "vm0";
	assert_true(pci_host_info(f->rig.pci, 0, &info));
	assert_int_equal(info.devfn, 0);
	assert_int_equal(info.ids.class, 0x060000);
	assert_null(info.id);
	assert_int_equal(info.bar_sizes[0], 0);
	assert_true(pci_host_info(f->rig.pci, 1, &info));
	assert_int_equal(info.devfn, 8);
	assert_string_equal(info.id, "vm0");
	assert_int_equal(info.ids.vendor, 0x1af4);
	assert_int_equal(info.ids.subsystem, 0x6666);
	assert_int_equal(info.bar_sizes[0], BAR0_SIZE);
	assert_int_equal(info.bar_addresses[0], f->a.f.bars[0].mapped
							? f->a.f.bars[0].gpa
							: UINT64_MAX);
	assert_true(pci_host_info(f->rig.pci, 9, &info));
	assert_int_equal(info.devfn, 16);
	assert_false(pci_host_info(f->rig.pci, 17, &info));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_mechanisms_read_the_same),
		TEST(info_of_all),
		TEST(parts_of_a_register_agree_with_the_whole),
		TEST(both_mechanisms_write_the_same),
		TEST(what_is_read_only_stays),
		TEST(what_changes_by_itself_is_read_fresh),
		TEST(absent_devices_read_as_ones),
		TEST(extended_configuration_space_is_empty),
		TEST(the_address_port_is_32_bits_wide),
		TEST(an_address_that_selects_nothing_reads_as_ones),
		TEST(slot_0_is_the_host_bridge),
		TEST(slots_are_filled_first),
		TEST(functions_are_limited),
		TEST(functions_share_lines),
		TEST(sizing_tells_the_size),
		TEST(first_places_are_aligned_and_apart),
		TEST(nothing_answers_before_decoding_is_on),
		TEST(a_bar_moves),
		TEST(a_bar_that_is_sized_answers_nowhere),
		TEST(a_bar_outside_the_window_answers_nowhere),
		TEST(a_bar_on_anothers_place_waits_for_it),
		TEST(two_bars_of_a_function_change_places),
		TEST(reset_restores_the_power_on_values),
		cmocka_unit_test(capabilities_are_a_list),
	};

	return cmocka_run_group_tests_name("pci", tests, NULL, NULL);
}
