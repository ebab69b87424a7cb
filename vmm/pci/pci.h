/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A PCI host bridge with one bus: configuration space through ports 0xcf8 and
 * 0xcfc and through the ECAM window, and memory BARs that move.
 *
 * Functions are added before the guest runs. Configuration accesses come on
 * any vCPU's thread and are serialised by the host bridge's lock, which is
 * taken before any device's.
 */
#ifndef VMM_PCI_H
#define VMM_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "space/bus.h"

#define PCI_CONFIG_SIZE 256
#define PCI_BARS        6

struct accel;
struct arch_pci;
struct pci_host;
struct pci_function;

struct pci_function_ops {
	/* Configuration bytes of @len at @offset have been written. */
	void (*config_written)(struct pci_function *f, unsigned int offset,
			       unsigned int len);
	/* Before a read of them, to bring in what changes by itself. */
	void (*config_reading)(struct pci_function *f, unsigned int offset,
			       unsigned int len);
	/* A BAR appeared at, or went from, a guest physical address. */
	void (*bar_mapped)(struct pci_function *f, unsigned int bar,
			   uint64_t gpa, bool mapped);
};

struct pci_bar {
	uint64_t size;             /* power of two, at least 4096; 0: none */
	const struct bus_ops *ops; /* called with the function as opaque */
	bool mapped;
	uint64_t gpa; /* where it is mapped */
};

/* Embedded by the device; the caller's memory. */
struct pci_function {
	const struct pci_function_ops *ops;
	const char *id; /* of the device, for who asks what there is; or NULL */
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE]; /* bits the guest may change */
	uint8_t power_on[PCI_CONFIG_SIZE]; /* taken when it is added */
	struct pci_bar bars[PCI_BARS];
	unsigned int next_capability; /* where the next one goes */
	unsigned int last_capability;
	struct pci_host *host;
	unsigned int devfn; /* slot * 8 + function */
};

struct pci_ids {
	uint16_t vendor;
	uint16_t device;
	uint16_t subsystem_vendor;
	uint16_t subsystem;
	uint8_t revision;
	uint32_t class; /* 24 bits */
};

void pci_function_init(struct pci_function *f, const struct pci_ids *ids,
		       const struct pci_function_ops *ops);

/*
 * Adds a capability of @len bytes (at most 255, its two header bytes
 * included and filled in); returns its offset.
 */
unsigned int pci_add_capability(struct pci_function *f, uint8_t id,
				const void *data, unsigned int len);

/* A 32-bit, non-prefetchable memory BAR. */
void pci_set_bar(struct pci_function *f, unsigned int bar, uint64_t size,
		 const struct bus_ops *ops);

/* Where it lies is the architecture's, and stays the caller's. 0 or -errno. */
int pci_host_create(const struct arch_pci *place, struct bus *pio,
		    struct bus *mmio, struct accel *accel,
		    struct pci_host **host);
void pci_host_destroy(struct pci_host *host);

/*
 * Gives the function the next free slot, or a place in one beside others when
 * all slots are taken, and its BARs their first place. -ENOSPC when there is
 * none left.
 */
int pci_host_add(struct pci_host *host, struct pci_function *f);

/* A function as a guest finds it. */
struct pci_info {
	unsigned int devfn;
	const char *id; /* or NULL */
	struct pci_ids ids;
	unsigned int irq_line;
	unsigned int irq_pin; /* 0: it has none */
	uint64_t bar_sizes[PCI_BARS];
	uint64_t bar_addresses[PCI_BARS]; /* UINT64_MAX: not mapped */
};

/* The first from number @devfn on; false when there is none. Any thread. */
bool pci_host_info(struct pci_host *host, unsigned int devfn,
		   struct pci_info *info);

/*
 * The level of the function's interrupt pin, INTA#. Functions share the lines
 * that it leads to. Any thread; takes no lock but one of its own.
 */
void pci_set_intx(struct pci_function *f, bool level);

/* All functions' configuration as after power-on; no vCPU runs. */
void pci_host_reset(struct pci_host *host);

#endif /* VMM_PCI_H */
