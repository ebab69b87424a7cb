/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where things lie in the guest's physical addresses, its ports, and its
 * interrupt lines. dsdt.asl tells the guest some of it and has the same
 * numbers.
 */
#ifndef VMM_X86_64_LAYOUT_H
#define VMM_X86_64_LAYOUT_H

#include <stdint.h>

/* From here to 4 GiB there is no memory: PCI, interrupt controllers, flash. */
#define MAP_HOLE_BASE   UINT64_C(0xc0000000)
#define MAP_PCI_BASE    MAP_HOLE_BASE
#define MAP_PCI_SIZE    UINT64_C(0x3eb00000)
#define MAP_ECAM_BASE   UINT64_C(0xfeb00000)
#define MAP_ECAM_SIZE   UINT64_C(0x00100000) /* one bus */
#define MAP_IOAPIC_BASE UINT64_C(0xfec00000)
#define MAP_LAPIC_BASE  UINT64_C(0xfee00000)
#define MAP_HIGH_BASE   UINT64_C(0x100000000)

/* A guest's memory blocks are 2 GiB at the most. */
#define MAP_DEVICE_ALIGN (UINT64_C(2) << 30)

/* The inputs of the I/O APIC. */
#define IRQ_LINES  24
/* INTA# to INTD#: where a q35 machine has them. */
#define INTX_FIRST 20

#define PCI_CONFIG_PORT 0xcf8

#define SERIAL_COM1     0x3f8
#define SERIAL_COM1_IRQ 4

#endif /* VMM_X86_64_LAYOUT_H */
