/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MSI-X of one PCI function: the table and pending bits in a BAR, and an
 * eventfd per vector that becomes an interrupt without another exit.
 *
 * Nothing here locks: the function's owner does.
 */
#ifndef VMM_MSIX_H
#define VMM_MSIX_H

#include <stdbool.h>
#include <stdint.h>

#include "pci.h"

struct accel;

#define MSIX_VECTORS_MAX 32
/* The BAR: the table at its start, the pending bits in its second half. */
#define MSIX_BAR_SIZE    4096
#define MSIX_PBA_OFFSET  2048

struct msix_vector {
	uint64_t address;
	uint32_t data;
	uint32_t control;
	bool pending;
	bool connected;
	int route;
	int fd;
};

struct msix {
	struct accel *accel;
	struct pci_function *function;
	unsigned int capability;
	unsigned int nr;
	bool enabled;
	bool on; /* enabled, not masked as a whole, and may write */
	struct msix_vector vectors[MSIX_VECTORS_MAX];
};

/* Adds the capability, which points at @bar. 0 or -errno. */
int msix_init(struct msix *msix, struct accel *accel, struct pci_function *f,
	      unsigned int bar, unsigned int vectors);
void msix_finish(struct msix *msix);

/* Accesses to the BAR. */
uint64_t msix_bar_read(const struct msix *msix, uint64_t offset,
		       unsigned int len);
void msix_bar_write(struct msix *msix, uint64_t offset, uint64_t value,
		    unsigned int len);
/* The capability, or something else, was written. */
void msix_config_written(struct msix *msix);
/* Sends vector @vector, or marks it pending where it is masked. */
void msix_notify(struct msix *msix, unsigned int vector);
/* The table as after power-on. */
void msix_reset(struct msix *msix);

#endif /* VMM_MSIX_H */
