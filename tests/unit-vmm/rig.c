/* SPDX-License-Identifier: BSD-3-Clause */
/* A test rig: the parts of a machine around a fake accelerator. */
#include "rig.h"

#include "../unit/cmocka_all.h"
#include "arch/arch.h"
#include "x86_64/layout.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A callback may ring itself again; more often than this none does. */
#define SETTLE_ROUNDS 8

#define PAGE 4096

static void bell_rung(void *opaque, uint32_t events)
{
	struct rig *rig = opaque;
	uint64_t count;

	(void)events;
	assert_int_equal(read(rig->bell.fd, &count, 8), 8);
	rig->rung = true;
}

static int ram_map(void *opaque, uint64_t offset, uint64_t *size, bool write,
		   uint8_t **host)
{
	struct rig *rig = opaque;
	uint64_t left = PAGE - offset % PAGE;

	(void)write;
	atomic_fetch_add(&rig->mapped, 1);
	if (*size > left)
		*size = left;
	*host = rig->ram + offset;
	return 0;
}

static void ram_unmap(void *opaque, uint64_t offset, uint64_t size, bool write,
		      uint8_t *host)
{
	struct rig *rig = opaque;

	(void)write;
	assert_ptr_equal(host, rig->ram + offset);
	assert_true(size && size <= PAGE - offset % PAGE);
	assert_true(atomic_fetch_sub(&rig->mapped, 1) > 0);
}

void rig_init(struct rig *rig)
{
	const struct guest_memory_region region = {
		.size = RIG_RAM_SIZE,
		.map = ram_map,
		.unmap = ram_unmap,
		.opaque = rig,
	};

	rig->memory = (struct guest_memory){ .nr = 0 };
	atomic_store(&rig->mapped, 0);
	fake_accel_init(&rig->accel);
	rig->ram = calloc(1, RIG_RAM_SIZE);
	assert_non_null(rig->ram);
	assert_int_equal(guest_memory_add(&rig->memory, &region), 0);
	assert_int_equal(loop_create(&rig->loop), 0);
	assert_int_equal(bus_create(&rig->pio), 0);
	assert_int_equal(bus_create(&rig->mmio), 0);
	assert_int_equal(pci_host_create(&machine_arch.pci, rig->pio, rig->mmio,
					 &rig->accel, &rig->pci),
			 0);
	rig->bell = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.fn = bell_rung,
		.opaque = rig,
	};
	assert_int_equal(loop_add(rig->loop, &rig->bell, EPOLLIN), 0);
}

void rig_finish(struct rig *rig)
{
	assert_int_equal(atomic_load(&rig->mapped), 0);
	loop_remove(rig->loop, &rig->bell);
	close(rig->bell.fd);
	pci_host_destroy(rig->pci);
	bus_destroy(rig->mmio);
	bus_destroy(rig->pio);
	loop_destroy(rig->loop);
	free(rig->ram);
	fake_accel_finish(&rig->accel);
}

void rig_settle(struct rig *rig)
{
	const uint64_t one = 1;

	for (int i = 0; i < SETTLE_ROUNDS; i++) {
		rig->rung = false;
		assert_int_equal(write(rig->bell.fd, &one, 8), 8);
		while (!rig->rung)
			assert_int_equal(loop_run_once(rig->loop), 0);
	}
}

void *rig_at(struct rig *rig, uint64_t gpa, uint64_t size)
{
	struct guest_view view;

	if (guest_memory_get(&rig->memory, gpa, size, false, &view))
		return NULL;
	guest_memory_put(&rig->memory, &view);
	return view.host;
}

static uint64_t ecam(unsigned int slot, unsigned int offset)
{
	return MAP_ECAM_BASE + (slot << 15) + offset;
}

uint32_t rig_config_read(struct rig *rig, unsigned int slot,
			 unsigned int offset, unsigned int len)
{
	uint64_t value = bus_read(rig->mmio, ecam(slot, offset), len);

	return value & (UINT64_MAX >> (64 - len * 8));
}

void rig_config_write(struct rig *rig, unsigned int slot, unsigned int offset,
		      uint32_t value, unsigned int len)
{
	bus_write(rig->mmio, ecam(slot, offset), value, len);
}

static void select_config(struct rig *rig, unsigned int slot,
			  unsigned int offset)
{
	bus_write(rig->pio, 0xcf8, 1u << 31 | slot << 11 | (offset & 0xfc), 4);
}

uint32_t rig_port_config_read(struct rig *rig, unsigned int slot,
			      unsigned int offset, unsigned int len)
{
	select_config(rig, slot, offset);
	return bus_read(rig->pio, 0xcfc + (offset & 3), len) &
	       (UINT64_MAX >> (64 - len * 8));
}

void rig_port_config_write(struct rig *rig, unsigned int slot,
			   unsigned int offset, uint32_t value,
			   unsigned int len)
{
	select_config(rig, slot, offset);
	bus_write(rig->pio, 0xcfc + (offset & 3), value, len);
}
