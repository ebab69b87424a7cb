/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Functions on PCI bus 0, found and set up through ports 0xcf8 and 0xcfc as a
 * firmware would.
 */
#ifndef QTEST_PCI_H
#define QTEST_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "qtest.h"

/* Where BARs may lie on both peers. */
#define PCI_WINDOW_START 0xc0000000u
#define PCI_WINDOW_END   0xfeb00000u

enum { PCI_BARS = 6 };

struct pci_bar {
	uint64_t size;    /* 0: there is none, or it is a 64-bit one's half */
	uint64_t address; /* 0 until it was placed */
	bool is_64_bit;
	bool is_io;
};

struct pci_function {
	struct qtest *qtest;
	unsigned int slot;
	struct pci_bar bars[PCI_BARS];
};

/* Configuration space, @len of 1, 2 or 4 bytes within an aligned 4. */
uint32_t pci_read(const struct pci_function *f, unsigned int offset,
		  unsigned int len);
void pci_write(const struct pci_function *f, unsigned int offset,
	       uint32_t value, unsigned int len);

/*
 * Finds function 0 of the @nth slot (from 0) that holds such a device, and
 * learns the sizes of its BARs. False when there are fewer.
 */
bool pci_find(struct qtest *qtest, uint16_t vendor, uint16_t device,
	      unsigned int nth, struct pci_function *f);

/*
 * Places all memory BARs from @address on, each aligned to its size, and turns
 * memory accesses on and bus mastering on. Returns the end of the last.
 */
uint64_t pci_place_bars(struct pci_function *f, uint64_t address);

/* Moves one BAR; the caller knows that nothing else lies there. */
void pci_move_bar(struct pci_function *f, unsigned int bar, uint64_t address);

/*
 * The offset of the first capability @id after the one at @after (0: the first
 * of all); 0 when there is none.
 */
unsigned int pci_capability(const struct pci_function *f, uint8_t id,
			    unsigned int after);

#endif /* QTEST_PCI_H */
