/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an architecture is to the rest of the machine: where things lie, how a
 * kernel is started, how the guest is powered off, what a dump says of a CPU.
 *
 * An architecture fills one table, and the build chooses whose it is. Only who
 * puts the machine together names that table; it hands the parts of it on, so
 * that no other file knows which architecture it is built for. The types that
 * are declared here and not defined are the architecture's own.
 */
#ifndef VMM_ARCH_H
#define VMM_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "paramem.h"

struct accel;
struct boot;
struct bus;
struct cpu_entry;     /* what the first CPU starts with */
struct cpu_registers; /* of a CPU that stands still */
struct guest_memory;
struct kvm_arch_ops; /* accel/kvm/kvm_arch.h */
struct memory_map;
struct numa_config;
struct power;

/* ---- the guest's physical addresses -------------------------------------- */

struct arch_range {
	uint64_t base;
	uint64_t size;
};

struct arch_layout {
	/* Boot memory begins here, and goes on behind the hole. */
	uint64_t boot_base;
	/* No memory is in it: PCI, interrupt controllers, flash. */
	struct arch_range hole;
	/*
	 * Device memory owns whole units of this, the largest memory block by
	 * which a guest adds memory: one that starts or ends elsewhere would
	 * lose its edges to that.
	 */
	uint64_t device_align;
	/* No CPU has more address bits. */
	unsigned int address_bits_max;
};

struct arch_pci {
	struct arch_range window; /* where BARs may be */
	struct arch_range ecam;   /* 1 MiB a bus */
	uint16_t config_port;     /* address, then data 4 behind; 0: none */
	unsigned int intx_first;  /* the first of the four lines of INTx */
};

/* ---- lines and ports ------------------------------------------------------ */

/* Interrupt lines, by what a qtest client calls who drives or has them. */
struct arch_lines {
	const char *name;
	bool in;
	unsigned int first;
	unsigned int count;
};

struct arch_serial {
	bool mmio; /* its registers are in memory, else ports */
	uint64_t base;
	unsigned int irq;
};

/* Called on the thread of the vCPU that asked. */
struct power_ops {
	void (*off)(void *opaque);
	void (*reset)(void *opaque);
};

/* Power-off, reset and the power button. */
struct arch_power {
	/* 0 or -errno. */
	int (*create)(struct bus *pio, struct bus *mmio, struct accel *accel,
		      const struct power_ops *ops, void *opaque,
		      struct power **power);
	void (*destroy)(struct power *power); /* takes NULL */
	/* Presses the power button; the guest decides what that means. */
	void (*press)(struct power *power);
	/* The state after power-on. */
	void (*reset)(struct power *power);
};

/* ---- how a kernel is started --------------------------------------------- */

struct boot_config {
	const char *kernel;
	const char *initrd; /* or NULL */
	const char *append; /* or NULL */
	const struct memory_map *map;
	unsigned int cpus;
	const struct numa_config *numa; /* one node or more */
};

struct arch_boot {
	/*
	 * Takes and checks the files, before anything else is built. 0 or
	 * -errno with a sentence.
	 */
	int (*open)(const struct boot_config *config, struct boot **boot,
		    struct pm_error *err);
	void (*close)(struct boot *boot); /* takes NULL */
	/* Checks that all of it fits into the memory that the map gives. */
	int (*check)(const struct boot *boot, struct pm_error *err);
	/*
	 * Puts the kernel into guest memory, with all that tells it of the
	 * machine. What the first CPU starts with is the boot's, until the
	 * next load.
	 */
	int (*load)(struct boot *boot, const struct guest_memory *gm,
		    const struct cpu_entry **entry, struct pm_error *err);
};

/* ---- what a dump says ------------------------------------------------------ */

/* The descriptor of an ELF note of a CPU has no more bytes. */
#define ARCH_NOTE_MAX 1024

/* How to look at the guest that is dumped. */
struct arch_guest {
	/* Copies from guest memory; false when it is not all there. */
	bool (*read)(void *opaque, uint64_t gpa, void *data, size_t len);
	/* The number behind @key in what a kernel tells of itself. */
	bool (*number)(void *opaque, const char *key, int base,
		       uint64_t *value);
	void *opaque;
};

struct arch_dump {
	uint16_t elf_machine;
	size_t registers_size; /* of struct cpu_registers */
	/*
	 * Each fills in the descriptor of a note and returns its length: a
	 * process's registers as debuggers know them (NT_PRSTATUS), and QEMU's
	 * own, NULL where QEMU has none.
	 */
	size_t (*prstatus)(const struct cpu_registers *registers,
			   unsigned int cpu, void *desc);
	size_t (*qemu_note)(const struct cpu_registers *registers, void *desc);
	/* The kernel that tells this of itself is the one that the CPU runs. */
	bool (*runs_kernel)(const struct cpu_registers *registers,
			    const struct arch_guest *guest);
};

/* ---- all of it ------------------------------------------------------------- */

struct arch {
	struct arch_layout layout;
	struct arch_pci pci;
	struct arch_serial serial;
	const struct arch_lines *lines;
	size_t nr_lines;
	const struct arch_power *power;
	const struct arch_boot *boot;
	const struct arch_dump *dump;
	const struct kvm_arch_ops *kvm;
};

/* The one that this program is built for. */
extern const struct arch machine_arch;

#endif /* VMM_ARCH_H */
