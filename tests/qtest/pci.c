/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions on PCI bus 0, through the configuration ports. */
#include "pci.h"

#include <linux/pci_regs.h>

#include "fatal.h"

#define ADDRESS_PORT   0xcf8
#define DATA_PORT      0xcfc
#define ADDRESS_ENABLE (1u << 31)

enum { SLOTS = 32 };

/* More capabilities than fit into configuration space are a loop. */
enum { CAPABILITIES_MAX = 48 };

static uint16_t select_register(const struct pci_function *f,
				unsigned int offset)
{
	qtest_post_out(f->qtest, ADDRESS_PORT,
		       ADDRESS_ENABLE | f->slot << 11 | (offset & 0xfc), 4);
	return DATA_PORT + (offset & 3);
}

uint32_t pci_read(const struct pci_function *f, unsigned int offset,
		  unsigned int len)
{
	uint16_t port = select_register(f, offset);

	return qtest_in(f->qtest, port, len);
}

void pci_write(const struct pci_function *f, unsigned int offset,
	       uint32_t value, unsigned int len)
{
	uint16_t port = select_register(f, offset);

	qtest_out(f->qtest, port, value, len);
}

static unsigned int bar_offset(unsigned int bar)
{
	return PCI_BASE_ADDRESS_0 + bar * 4;
}

/* What stays of all ones, which is how a BAR tells its size. */
static uint32_t probe_register(const struct pci_function *f, unsigned int bar)
{
	uint32_t before = pci_read(f, bar_offset(bar), 4);
	uint32_t ones;

	pci_write(f, bar_offset(bar), UINT32_MAX, 4);
	ones = pci_read(f, bar_offset(bar), 4);
	pci_write(f, bar_offset(bar), before, 4);
	return ones;
}

/* Returns how many registers the BAR takes. */
static unsigned int probe_bar(struct pci_function *f, unsigned int bar)
{
	struct pci_bar *b = &f->bars[bar];
	uint32_t low = probe_register(f, bar);
	uint64_t bits;

	*b = (struct pci_bar){ 0 };
	if (!low)
		return 1;
	b->is_io = low & PCI_BASE_ADDRESS_SPACE_IO;
	if (b->is_io) {
		b->size = -(low & (uint32_t)PCI_BASE_ADDRESS_IO_MASK) & 0xffff;
		return 1;
	}
	b->is_64_bit = (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
		       PCI_BASE_ADDRESS_MEM_TYPE_64;
	bits = low & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
	if (!b->is_64_bit) {
		b->size = (uint32_t)-bits;
		return 1;
	}
	bits |= (uint64_t)probe_register(f, bar + 1) << 32;
	b->size = -bits;
	return 2;
}

static void probe_bars(struct pci_function *f)
{
	uint32_t command = pci_read(f, PCI_COMMAND, 2);

	/* What is being sized must not answer meanwhile. */
	pci_write(f, PCI_COMMAND, 0, 2);
	for (unsigned int i = 0; i < PCI_BARS;)
		i += probe_bar(f, i);
	pci_write(f, PCI_COMMAND, command, 2);
}

bool pci_find(struct qtest *qtest, uint16_t vendor, uint16_t device,
	      unsigned int nth, struct pci_function *f)
{
	uint32_t ids = vendor | (uint32_t)device << 16;

	*f = (struct pci_function){ .qtest = qtest };
	for (; f->slot < SLOTS; f->slot++) {
		if (pci_read(f, PCI_VENDOR_ID, 4) != ids || nth--)
			continue;
		probe_bars(f);
		return true;
	}
	return false;
}

void pci_move_bar(struct pci_function *f, unsigned int bar, uint64_t address)
{
	struct pci_bar *b = &f->bars[bar];

	pci_write(f, bar_offset(bar), (uint32_t)address, 4);
	if (b->is_64_bit)
		pci_write(f, bar_offset(bar + 1), address >> 32, 4);
	b->address = address;
}

uint64_t pci_place_bars(struct pci_function *f, uint64_t address)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		uint64_t size = f->bars[i].size;

		if (!size || f->bars[i].is_io)
			continue;
		address = (address + size - 1) & -size;
		pci_move_bar(f, i, address);
		address += size;
	}
	if (address > PCI_WINDOW_END)
		fatal("PCI: the BARs of slot %u do not fit", f->slot);
	pci_write(f, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	return address;
}

unsigned int pci_capability(const struct pci_function *f, uint8_t id,
			    unsigned int after)
{
	unsigned int at =
		after ? after + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST;

	for (int i = 0; i < CAPABILITIES_MAX; i++) {
		unsigned int offset = pci_read(f, at, 1) & ~3u;

		if (!offset || pci_read(f, offset, 1) == id)
			return offset;
		at = offset + PCI_CAP_LIST_NEXT;
	}
	fatal("PCI: the capabilities of slot %u are a loop", f->slot);
}
