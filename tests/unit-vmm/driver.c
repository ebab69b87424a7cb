/* SPDX-License-Identifier: BSD-3-Clause */
/* A virtio driver by hand. */
#include "driver.h"

#include "../unit/cmocka_all.h"

#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <string.h>

/* Each request has a place of its own, by its first descriptor. */
#define REQUEST_STRIDE 32

/* What the transport says of its notify capability. */
#define DRIVER_NOTIFY_EACH 4

/* ---- finding it ---------------------------------------------------------- */

static uint64_t bar_address(struct driver *d, unsigned int bar)
{
	assert_true(bar < 6);
	return rig_config_read(d->rig, d->slot, PCI_BASE_ADDRESS_0 + bar * 4,
			       4);
}

static void take_virtio_capability(struct driver *d, unsigned int at)
{
	unsigned int type = rig_config_read(d->rig, d->slot, at + 3, 1);
	unsigned int bar = rig_config_read(d->rig, d->slot, at + 4, 1);
	uint64_t address = bar_address(d, bar) +
			   rig_config_read(d->rig, d->slot, at + 8, 4);

	switch (type) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		d->common = address;
		break;
	case VIRTIO_PCI_CAP_ISR_CFG:
		d->isr = address;
		break;
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		d->device = address;
		break;
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		d->notify = address;
		break;
	case VIRTIO_PCI_CAP_PCI_CFG:
		d->cfg_access = at;
		break;
	default:
		fail_msg("capability of unknown type %u", type);
	}
}

static void take_msix_capability(struct driver *d, unsigned int at)
{
	uint32_t table = rig_config_read(d->rig, d->slot, at + 4, 4);

	d->msix_cap = at;
	d->msix = bar_address(d, table & 7) + (table & ~7u);
}

void driver_find(struct driver *d, struct rig *rig, unsigned int slot)
{
	unsigned int at, id;

	*d = (struct driver){ .rig = rig, .slot = slot };
	assert_int_equal(rig_config_read(rig, slot, PCI_VENDOR_ID, 2), 0x1af4);
	at = rig_config_read(rig, slot, PCI_CAPABILITY_LIST, 1);
	for (int i = 0; at; i++) {
		assert_true(i < 16);
		id = rig_config_read(rig, slot, at, 1);
		if (id == PCI_CAP_ID_VNDR)
			take_virtio_capability(d, at);
		else if (id == PCI_CAP_ID_MSIX)
			take_msix_capability(d, at);
		at = rig_config_read(rig, slot, at + 1, 1);
	}
	assert_true(d->common && d->isr && d->device && d->notify && d->msix);
	rig_config_write(rig, slot, PCI_COMMAND,
			 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
}

/* ---- registers ----------------------------------------------------------- */

uint64_t driver_get(struct driver *d, size_t field, unsigned int len)
{
	return bus_read(d->rig->mmio, d->common + field, len) &
	       (UINT64_MAX >> (64 - len * 8));
}

void driver_set(struct driver *d, size_t field, uint64_t value,
		unsigned int len)
{
	bus_write(d->rig->mmio, d->common + field, value, len);
}

uint8_t driver_status(struct driver *d)
{
	return driver_get(d, COMMON_FIELD(device_status), 1);
}

void driver_set_status(struct driver *d, uint8_t status)
{
	driver_set(d, COMMON_FIELD(device_status), status, 1);
}

uint64_t driver_features(struct driver *d)
{
	uint64_t features;

	driver_set(d, COMMON_FIELD(device_feature_select), 1, 4);
	features = driver_get(d, COMMON_FIELD(device_feature), 4) << 32;
	driver_set(d, COMMON_FIELD(device_feature_select), 0, 4);
	return features | driver_get(d, COMMON_FIELD(device_feature), 4);
}

void driver_accept(struct driver *d, uint64_t features)
{
	driver_set(d, COMMON_FIELD(guest_feature_select), 0, 4);
	driver_set(d, COMMON_FIELD(guest_feature), (uint32_t)features, 4);
	driver_set(d, COMMON_FIELD(guest_feature_select), 1, 4);
	driver_set(d, COMMON_FIELD(guest_feature), features >> 32, 4);
}

uint64_t driver_config(struct driver *d, unsigned int offset, unsigned int len)
{
	return bus_read(d->rig->mmio, d->device + offset, len) &
	       (UINT64_MAX >> (64 - len * 8));
}

/* ---- set-up -------------------------------------------------------------- */

void driver_negotiate(struct driver *d)
{
	driver_set_status(d, 0);
	assert_int_equal(driver_status(d), 0);
	driver_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	driver_set_status(d,
			  VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	driver_accept(d, driver_features(d));
	driver_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE |
				     VIRTIO_CONFIG_S_DRIVER |
				     VIRTIO_CONFIG_S_FEATURES_OK);
	assert_true(driver_status(d) & VIRTIO_CONFIG_S_FEATURES_OK);
}

void driver_setup_msix(struct driver *d)
{
	unsigned int queues = driver_get(d, COMMON_FIELD(num_queues), 2);

	for (unsigned int i = 0; i < 1 + queues; i++) {
		bus_write(d->rig->mmio, d->msix + i * 16, 0xfee00000, 8);
		bus_write(d->rig->mmio, d->msix + i * 16 + 8, 0x40 + i, 8);
	}
	rig_config_write(d->rig, d->slot, d->msix_cap + PCI_MSIX_FLAGS,
			 PCI_MSIX_FLAGS_ENABLE, 2);
	driver_set(d, COMMON_FIELD(msix_config), DRIVER_CONFIG_VECTOR, 2);
	assert_int_equal(driver_get(d, COMMON_FIELD(msix_config), 2),
			 DRIVER_CONFIG_VECTOR);
	for (unsigned int i = 0; i < queues; i++) {
		driver_set(d, COMMON_FIELD(queue_select), i, 2);
		driver_set(d, COMMON_FIELD(queue_msix_vector),
			   DRIVER_QUEUE_VECTOR + i, 2);
		assert_int_equal(driver_get(d, COMMON_FIELD(queue_msix_vector),
					    2),
				 DRIVER_QUEUE_VECTOR + i);
	}
}

void driver_use_queue(struct driver *d, unsigned int queue)
{
	assert_true(queue < DRIVER_QUEUES);
	d->others[d->queue] = d->available;
	d->available = d->others[queue];
	d->queue = queue;
}

/* Of the queue that is in use, what is at @at for queue 0. */
static uint64_t ring(const struct driver *d, uint64_t at)
{
	return at + d->queue * DRIVER_STRIDE;
}

void driver_setup_queue(struct driver *d)
{
	memset(d->rig->ram + ring(d, DRIVER_DESC), 0, DRIVER_STRIDE);
	d->available = 0;
	driver_set(d, COMMON_FIELD(queue_select), d->queue, 2);
	driver_set(d, COMMON_FIELD(queue_size), DRIVER_SIZE, 2);
	driver_set(d, COMMON_FIELD(queue_desc_lo), ring(d, DRIVER_DESC), 4);
	driver_set(d, COMMON_FIELD(queue_desc_hi), 0, 4);
	driver_set(d, COMMON_FIELD(queue_avail_lo), ring(d, DRIVER_AVAIL), 8);
	driver_set(d, COMMON_FIELD(queue_used_lo), ring(d, DRIVER_USED), 8);
	driver_set(d, COMMON_FIELD(queue_enable), 1, 2);
}

void driver_start(struct driver *d)
{
	driver_negotiate(d);
	driver_setup_msix(d);
	driver_setup_queue(d);
	driver_set_status(d, driver_status(d) | VIRTIO_CONFIG_S_DRIVER_OK);
}

/* ---- the ring ------------------------------------------------------------ */

static void put(struct driver *d, uint64_t gpa, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		d->rig->ram[gpa + i] = value >> (i * 8);
}

static uint16_t get16(struct driver *d, uint64_t gpa)
{
	return d->rig->ram[gpa] | d->rig->ram[gpa + 1] << 8;
}

/* The index of a ring, which the device may look at meanwhile. */
static uint16_t *ring_index(struct driver *d, uint64_t at)
{
	return (uint16_t *)(d->rig->ram + at + 2);
}

void driver_desc(struct driver *d, unsigned int index, uint64_t addr,
		 uint32_t len, uint16_t flags, uint16_t next)
{
	uint64_t at = ring(d, DRIVER_DESC) + index * 16;

	put(d, at, addr, 8);
	put(d, at + 8, len, 4);
	put(d, at + 12, flags, 2);
	put(d, at + 14, next, 2);
}

void driver_offer(struct driver *d, uint16_t head)
{
	uint64_t available = ring(d, DRIVER_AVAIL);

	put(d, available + 4 + d->available++ % DRIVER_SIZE * 2, head, 2);
	__atomic_store_n(ring_index(d, available), htole16(d->available),
			 __ATOMIC_RELEASE);
}

void driver_kick(struct driver *d)
{
	fake_guest_write(&d->rig->accel, d->rig->mmio,
			 d->notify + d->queue * DRIVER_NOTIFY_EACH, d->queue,
			 2);
}

uint16_t driver_used(struct driver *d)
{
	return le16toh(__atomic_load_n(ring_index(d, ring(d, DRIVER_USED)),
				       __ATOMIC_ACQUIRE));
}

void driver_put_request(struct driver *d, unsigned int index, uint16_t type,
			uint64_t addr, uint16_t nb_blocks)
{
	uint64_t request = DRIVER_REQUEST + index * REQUEST_STRIDE;
	uint64_t response = DRIVER_RESPONSE + index * REQUEST_STRIDE;

	memset(d->rig->ram + request, 0x5a, 24);
	memset(d->rig->ram + response, 0x5a, 10);
	put(d, request, type, 2);
	put(d, request + 8, addr, 8);
	put(d, request + 16, nb_blocks, 2);
	driver_desc(d, index, request, 24, DESC_NEXT, index + 1);
	driver_desc(d, index + 1, response, 10, DESC_WRITE, 0);
}

int driver_answer(struct driver *d, unsigned int index, uint16_t *state)
{
	uint64_t at = DRIVER_RESPONSE + index * REQUEST_STRIDE;

	if (state)
		*state = get16(d, at + 8);
	return get16(d, at);
}

int driver_request(struct driver *d, uint16_t type, uint64_t addr,
		   uint16_t nb_blocks, uint16_t *state)
{
	uint16_t before = driver_used(d);
	uint64_t entry = ring(d, DRIVER_USED) + 4 + before % DRIVER_SIZE * 8;

	driver_put_request(d, 0, type, addr, nb_blocks);
	driver_offer(d, 0);
	driver_kick(d);
	rig_settle(d->rig);
	if (driver_used(d) != (uint16_t)(before + 1))
		return -1;
	assert_int_equal(get16(d, entry), 0);
	assert_int_equal(get16(d, entry + 4), 10);
	return driver_answer(d, 0, state);
}

uint64_t driver_interrupts(struct driver *d, unsigned int vector)
{
	return fake_msi_take(&d->rig->accel, vector);
}
