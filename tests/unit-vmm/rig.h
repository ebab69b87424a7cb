/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A test rig: the parts of a machine around a fake accelerator, with a real
 * loop, real buses and a little boot memory. That is mapped on demand, a page
 * at a time, as where another hypervisor has it; who keeps something mapped
 * fails the test.
 */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <stdatomic.h>

#include "space/bus.h"
#include "fake_accel.h"
#include "space/guest_memory.h"
#include "host/loop.h"
#include "space/memory_map.h"
#include "pci/pci.h"

#define RIG_RAM_SIZE (UINT64_C(1) << 20)

struct rig {
	struct accel accel;
	struct loop *loop;
	struct bus *pio;
	struct bus *mmio;
	struct pci_host *pci;
	struct guest_memory memory;
	uint8_t *ram; /* RIG_RAM_SIZE bytes at address 0 */
	atomic_int mapped;
	struct loop_source bell;
	bool rung;
};

void rig_init(struct rig *rig);
void rig_finish(struct rig *rig);

/* Runs the loop until all that is pending now has been handled. */
void rig_settle(struct rig *rig);

/* Where a range of guest memory is now, for a look at it; NULL: nowhere. */
void *rig_at(struct rig *rig, uint64_t gpa, uint64_t size);

/* Configuration space of a slot, through the ECAM window and the ports. */
uint32_t rig_config_read(struct rig *rig, unsigned int slot,
			 unsigned int offset, unsigned int len);
void rig_config_write(struct rig *rig, unsigned int slot, unsigned int offset,
		      uint32_t value, unsigned int len);
uint32_t rig_port_config_read(struct rig *rig, unsigned int slot,
			      unsigned int offset, unsigned int len);
void rig_port_config_write(struct rig *rig, unsigned int slot,
			   unsigned int offset, uint32_t value,
			   unsigned int len);

#endif /* TESTS_RIG_H */
