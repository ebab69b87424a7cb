/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A PCI host bridge with one bus, by the PCI Local Bus Specification 3.0,
 * chapters 3 and 6, and ECAM by PCI Express.
 */
#include "pci.h"

#include <assert.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "accel/accel.h"
#include "arch/arch.h"

#define SLOTS                 32
#define SLOT_FUNCTIONS        8
#define FUNCTIONS             (SLOTS * SLOT_FUNCTIONS)
#define ADDRESS_ENABLE        (1u << 31)
/* In the ECAM window a function has 4 KiB, a slot eight functions. */
#define ECAM_FUNCTION_SHIFT   12
#define ECAM_FUNCTION_SIZE    (1u << ECAM_FUNCTION_SHIFT)
#define FIRST_CAPABILITY      0x40
#define HEADER_MULTI_FUNCTION 0x80 /* of the header type */
/* INTA# of the slots leads to these in turn. */
#define INTX_LINES            4

#define HOST_BRIDGE_VENDOR 0x1b36 /* Red Hat */
#define HOST_BRIDGE_DEVICE 0x0008 /* a generic PCI Express host bridge */
#define HOST_BRIDGE_CLASS  0x060000

struct pci_host {
	const struct arch_pci *place;
	pthread_mutex_t lock;
	struct bus *mmio;
	struct pci_function *functions[FUNCTIONS]; /* by slot and function */
	struct pci_function bridge;
	uint32_t address;
	uint64_t next_bar;
	struct accel *accel;
	pthread_mutex_t intx_lock;
	uint64_t asserted[INTX_LINES]; /* bits of functions, see intx_bit() */
};

static_assert(FUNCTIONS / INTX_LINES <= 64, "a bit for each on a line");

static uint32_t config_load(const uint8_t *config, unsigned int len)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < len; i++)
		value |= (uint32_t)config[i] << (i * 8);
	return value;
}

static void config_store(uint8_t *config, uint32_t value, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		config[i] = value >> (i * 8);
}

void pci_function_init(struct pci_function *f, const struct pci_ids *ids,
		       const struct pci_function_ops *ops)
{
	uint8_t *c = f->config;

	memset(f, 0, sizeof(*f));
	f->ops = ops;
	f->next_capability = FIRST_CAPABILITY;
	config_store(c + PCI_VENDOR_ID, ids->vendor, 2);
	config_store(c + PCI_DEVICE_ID, ids->device, 2);
	config_store(c + PCI_SUBSYSTEM_VENDOR_ID, ids->subsystem_vendor, 2);
	config_store(c + PCI_SUBSYSTEM_ID, ids->subsystem, 2);
	config_store(c + PCI_REVISION_ID, ids->revision, 1);
	config_store(c + PCI_CLASS_PROG, ids->class, 3);
	config_store(f->writable + PCI_COMMAND,
		     PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
			     PCI_COMMAND_INTX_DISABLE,
		     2);
	f->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	f->writable[PCI_INTERRUPT_LINE] = 0xff;
}

unsigned int pci_add_capability(struct pci_function *f, uint8_t id,
				const void *data, unsigned int len)
{
	unsigned int offset = f->next_capability;

	assert(len >= 2 && offset + len <= PCI_CONFIG_SIZE);
	memcpy(f->config + offset, data, len);
	f->config[offset + PCI_CAP_LIST_ID] = id;
	f->config[offset + PCI_CAP_LIST_NEXT] = 0;
	if (f->last_capability)
		f->config[f->last_capability + PCI_CAP_LIST_NEXT] = offset;
	else
		f->config[PCI_CAPABILITY_LIST] = offset;
	f->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	f->last_capability = offset;
	f->next_capability = (offset + len + 3) & ~3u;
	return offset;
}

void pci_set_bar(struct pci_function *f, unsigned int bar, uint64_t size,
		 const struct bus_ops *ops)
{
	assert(bar < PCI_BARS && size >= 4096 && !(size & (size - 1)));
	f->bars[bar].size = size;
	f->bars[bar].ops = ops;
	config_store(f->writable + PCI_BASE_ADDRESS_0 + bar * 4, -size, 4);
}

/* ---- BARs ---------------------------------------------------------------- */

static void bar_unmap(struct pci_function *f, unsigned int index)
{
	struct pci_bar *bar = &f->bars[index];

	if (!bar->mapped)
		return;
	if (f->ops->bar_mapped)
		f->ops->bar_mapped(f, index, bar->gpa, false);
	bus_unmap(f->host->mmio, bar->gpa);
	bar->mapped = false;
}

/*
 * A BAR that a guest puts where something else answers stays unmapped, and so
 * does one that it is sizing (all ones).
 */
static void bar_update(struct pci_function *f, unsigned int index)
{
	const struct arch_range *window = &f->host->place->window;
	struct pci_bar *bar = &f->bars[index];
	uint64_t gpa =
		config_load(f->config + PCI_BASE_ADDRESS_0 + index * 4, 4);
	bool on = f->config[PCI_COMMAND] & PCI_COMMAND_MEMORY;

	if (!bar->size || (on && bar->mapped && bar->gpa == gpa))
		return;
	bar_unmap(f, index);
	if (!on || gpa < window->base ||
	    gpa > window->base + window->size - bar->size)
		return;
	if (bus_map(f->host->mmio, gpa, bar->size, bar->ops, f))
		return;
	bar->mapped = true;
	bar->gpa = gpa;
	if (f->ops->bar_mapped)
		f->ops->bar_mapped(f, index, gpa, true);
}

static bool bars_written(unsigned int offset, unsigned int len)
{
	return offset + len > PCI_COMMAND && offset < PCI_BASE_ADDRESS_5 + 4;
}

static void bars_update(struct pci_function *f)
{
	for (unsigned int i = 0; i < PCI_BARS; i++)
		bar_update(f, i);
}

/* A BAR that leaves its place may give room to another function's. */
static void all_bars_update(struct pci_host *host)
{
	for (unsigned int i = 0; i < FUNCTIONS; i++)
		if (host->functions[i])
			bars_update(host->functions[i]);
}

/* ---- configuration accesses ---------------------------------------------- */

static struct pci_function *function_find(struct pci_host *host,
					  unsigned int devfn)
{
	return host->functions[devfn % FUNCTIONS];
}

static uint32_t config_read(struct pci_host *host, unsigned int devfn,
			    unsigned int offset, unsigned int len)
{
	struct pci_function *f = function_find(host, devfn);

	if (!f)
		return UINT32_MAX;
	if (offset + len > PCI_CONFIG_SIZE)
		return 0; /* no extended capabilities */
	if (f->ops->config_reading)
		f->ops->config_reading(f, offset, len);
	return config_load(f->config + offset, len);
}

static void config_write(struct pci_host *host, unsigned int devfn,
			 unsigned int offset, uint32_t value, unsigned int len)
{
	struct pci_function *f = function_find(host, devfn);

	if (!f || offset + len > PCI_CONFIG_SIZE)
		return;
	for (unsigned int i = 0; i < len; i++) {
		uint8_t mask = f->writable[offset + i];
		uint8_t byte = value >> (i * 8);

		f->config[offset + i] =
			(f->config[offset + i] & ~mask) | (byte & mask);
	}
	if (bars_written(offset, len)) {
		bars_update(f);
		all_bars_update(host);
	}
	if (f->ops->config_written)
		f->ops->config_written(f, offset, len);
}

static uint64_t address_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct pci_host *host = opaque;
	uint32_t value;

	(void)offset;
	pthread_mutex_lock(&host->lock);
	value = len == 4 ? host->address : UINT32_MAX;
	pthread_mutex_unlock(&host->lock);
	return value;
}

static void address_write(void *opaque, uint64_t offset, uint64_t value,
			  unsigned int len)
{
	struct pci_host *host = opaque;

	(void)offset;
	if (len != 4)
		return;
	pthread_mutex_lock(&host->lock);
	host->address = value;
	pthread_mutex_unlock(&host->lock);
}

/* Whether the address port selects something on the one bus there is. */
static bool address_valid(uint32_t address)
{
	return (address & ADDRESS_ENABLE) && !(address >> 16 & 0xff);
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct pci_host *host = opaque;
	uint32_t value = UINT32_MAX;

	pthread_mutex_lock(&host->lock);
	if (len <= 4 && address_valid(host->address))
		value = config_read(host, host->address >> 8 & 0xff,
				    (host->address & 0xfc) + offset, len);
	pthread_mutex_unlock(&host->lock);
	return value;
}

static void data_write(void *opaque, uint64_t offset, uint64_t value,
		       unsigned int len)
{
	struct pci_host *host = opaque;

	pthread_mutex_lock(&host->lock);
	if (len <= 4 && address_valid(host->address))
		config_write(host, host->address >> 8 & 0xff,
			     (host->address & 0xfc) + offset, value, len);
	pthread_mutex_unlock(&host->lock);
}

static uint64_t ecam_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct pci_host *host = opaque;
	uint32_t value = UINT32_MAX;

	pthread_mutex_lock(&host->lock);
	if (len <= 4)
		value = config_read(host, offset >> ECAM_FUNCTION_SHIFT,
				    offset % ECAM_FUNCTION_SIZE, len);
	pthread_mutex_unlock(&host->lock);
	return value;
}

static void ecam_write(void *opaque, uint64_t offset, uint64_t value,
		       unsigned int len)
{
	struct pci_host *host = opaque;

	pthread_mutex_lock(&host->lock);
	if (len <= 4)
		config_write(host, offset >> ECAM_FUNCTION_SHIFT,
			     offset % ECAM_FUNCTION_SIZE, value, len);
	pthread_mutex_unlock(&host->lock);
}

static const struct bus_ops address_ops = { address_read, address_write };
static const struct bus_ops data_ops = { data_read, data_write };
static const struct bus_ops ecam_ops = { ecam_read, ecam_write };

/* ---- interrupts ---------------------------------------------------------- */

/* All functions of a slot use its INTA#. */
static unsigned int intx_line(const struct pci_function *f)
{
	return f->devfn / SLOT_FUNCTIONS % INTX_LINES;
}

static uint64_t intx_bit(const struct pci_function *f)
{
	unsigned int slot_on_line = f->devfn / SLOT_FUNCTIONS / INTX_LINES;

	return UINT64_C(1) << (slot_on_line * SLOT_FUNCTIONS +
			       f->devfn % SLOT_FUNCTIONS);
}

void pci_set_intx(struct pci_function *f, bool level)
{
	struct pci_host *host = f->host;
	uint64_t *line, before;

	if (!host)
		return; /* still being built */
	line = &host->asserted[intx_line(f)];
	pthread_mutex_lock(&host->intx_lock);
	before = *line;
	*line = level ? before | intx_bit(f) : before & ~intx_bit(f);
	if (!*line != !before)
		accel_set_irq(host->accel,
			      host->place->intx_first + intx_line(f), *line);
	pthread_mutex_unlock(&host->intx_lock);
}

/* ---- the host bridge ----------------------------------------------------- */

static const struct pci_function_ops bridge_ops;

static int bridge_add(struct pci_host *host)
{
	const struct pci_ids ids = {
		.vendor = HOST_BRIDGE_VENDOR,
		.device = HOST_BRIDGE_DEVICE,
		.class = HOST_BRIDGE_CLASS,
	};

	pci_function_init(&host->bridge, &ids, &bridge_ops);
	return pci_host_add(host, &host->bridge);
}

static int ports_map(struct pci_host *host, struct bus *pio, uint16_t port)
{
	int ret;

	if (!port)
		return 0;
	/* The address port answers 32-bit accesses to it alone. */
	ret = bus_map(pio, port, 1, &address_ops, host);
	return ret ? ret : bus_map(pio, port + 4, 4, &data_ops, host);
}

int pci_host_create(const struct arch_pci *place, struct bus *pio,
		    struct bus *mmio, struct accel *accel,
		    struct pci_host **out)
{
	struct pci_host *host = calloc(1, sizeof(*host));
	int ret;

	if (!host)
		return -ENOMEM;
	pthread_mutex_init(&host->lock, NULL);
	pthread_mutex_init(&host->intx_lock, NULL);
	host->accel = accel;
	host->mmio = mmio;
	host->place = place;
	host->next_bar = place->window.base;
	ret = ports_map(host, pio, place->config_port);
	if (!ret)
		ret = bus_map(mmio, place->ecam.base, place->ecam.size,
			      &ecam_ops, host);
	if (!ret)
		ret = bridge_add(host);
	if (ret) {
		pci_host_destroy(host);
		return ret;
	}
	*out = host;
	return 0;
}

void pci_host_destroy(struct pci_host *host)
{
	if (!host)
		return;
	pthread_mutex_destroy(&host->intx_lock);
	pthread_mutex_destroy(&host->lock);
	free(host);
}

static void bars_place(struct pci_host *host, struct pci_function *f)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		uint64_t size = f->bars[i].size;

		if (!size)
			continue;
		host->next_bar = (host->next_bar + size - 1) & ~(size - 1);
		config_store(f->config + PCI_BASE_ADDRESS_0 + i * 4,
			     host->next_bar, 4);
		host->next_bar += size;
	}
}

/* Whoever looks for functions past the first of a slot asks this one. */
static void slot_has_several(struct pci_function *first)
{
	first->config[PCI_HEADER_TYPE] |= HEADER_MULTI_FUNCTION;
	first->power_on[PCI_HEADER_TYPE] |= HEADER_MULTI_FUNCTION;
}

/* Slot by slot; then a second function in each but the host bridge's, ... */
static unsigned int devfn_next(const struct pci_host *host)
{
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		unsigned int slot = i % SLOTS, function = i / SLOTS;
		unsigned int devfn = slot * SLOT_FUNCTIONS + function;

		if (!host->functions[devfn] && (slot || !function))
			return devfn;
	}
	return FUNCTIONS;
}

int pci_host_add(struct pci_host *host, struct pci_function *f)
{
	unsigned int devfn = devfn_next(host);

	if (devfn == FUNCTIONS)
		return -ENOSPC;
	bars_place(host, f);
	memcpy(f->power_on, f->config, PCI_CONFIG_SIZE);
	f->host = host;
	f->devfn = devfn;
	host->functions[devfn] = f;
	if (devfn % SLOT_FUNCTIONS)
		slot_has_several(
			host->functions[devfn - devfn % SLOT_FUNCTIONS]);
	return 0;
}

void pci_host_reset(struct pci_host *host)
{
	pthread_mutex_lock(&host->lock);
	host->address = 0;
	for (unsigned int i = 0; i < FUNCTIONS; i++) {
		struct pci_function *f = host->functions[i];

		if (!f)
			continue;
		memcpy(f->config, f->power_on, PCI_CONFIG_SIZE);
		bars_update(f);
	}
	pthread_mutex_unlock(&host->lock);
}

/* ---- for who asks what there is ------------------------------------------ */

static void function_info(const struct pci_function *f, struct pci_info *info)
{
	const uint8_t *c = f->config;

	*info = (struct pci_info){
		.devfn = f->devfn,
		.id = f->id,
		.ids = {
			.vendor = config_load(c + PCI_VENDOR_ID, 2),
			.device = config_load(c + PCI_DEVICE_ID, 2),
			.subsystem_vendor =
				config_load(c + PCI_SUBSYSTEM_VENDOR_ID, 2),
			.subsystem = config_load(c + PCI_SUBSYSTEM_ID, 2),
			.revision = c[PCI_REVISION_ID],
			.class = config_load(c + PCI_CLASS_PROG, 3),
		},
		.irq_line = c[PCI_INTERRUPT_LINE],
		.irq_pin = c[PCI_INTERRUPT_PIN],
	};
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		info->bar_sizes[i] = f->bars[i].size;
		info->bar_addresses[i] =
			f->bars[i].mapped ? f->bars[i].gpa : UINT64_MAX;
	}
}

bool pci_host_info(struct pci_host *host, unsigned int devfn,
		   struct pci_info *info)
{
	pthread_mutex_lock(&host->lock);
	while (devfn < FUNCTIONS && !host->functions[devfn])
		devfn++;
	if (devfn < FUNCTIONS)
		function_info(host->functions[devfn], info);
	pthread_mutex_unlock(&host->lock);
	return devfn < FUNCTIONS;
}
