/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver's side of the modern virtio PCI transport. */
#include "virtio.h"

#include <linux/pci_regs.h>

#include "deadline.h"
#include "fatal.h"
#include "vring.h"

#define DEVICE_ID_BASE 0x1040

/* Each device has a window of its own for its BARs. */
#define WINDOW_SIZE (16u << 20)

#define MESSAGE(vector) (0x51a70000u + (vector))

/* ---- finding it ---------------------------------------------------------- */

static uint64_t structure(const struct virtio *v, unsigned int cap)
{
	unsigned int bar = pci_read(&v->pci, cap + VIRTIO_PCI_CAP_BAR, 1);

	if (bar >= PCI_BARS || !v->pci.bars[bar].address)
		fatal("virtio: a structure in BAR %u, which is not there", bar);
	return v->pci.bars[bar].address +
	       pci_read(&v->pci, cap + VIRTIO_PCI_CAP_OFFSET, 4);
}

static void take_capability(struct virtio *v, unsigned int cap)
{
	switch (pci_read(&v->pci, cap + VIRTIO_PCI_CAP_CFG_TYPE, 1)) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		v->common = structure(v, cap);
		break;
	case VIRTIO_PCI_CAP_ISR_CFG:
		v->isr = structure(v, cap);
		break;
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		v->device = structure(v, cap);
		v->device_size =
			pci_read(&v->pci, cap + VIRTIO_PCI_CAP_LENGTH, 4);
		break;
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		v->notify = structure(v, cap);
		v->notify_multiplier =
			pci_read(&v->pci, cap + VIRTIO_PCI_NOTIFY_CAP_MULT, 4);
		break;
	case VIRTIO_PCI_CAP_PCI_CFG:
		v->cfg_access = cap;
		break;
	}
}

static uint64_t msix_structure(const struct virtio *v, unsigned int offset)
{
	uint32_t where = pci_read(&v->pci, v->msix_cap + offset, 4);

	return v->pci.bars[where & PCI_MSIX_TABLE_BIR].address +
	       (where & (uint32_t)PCI_MSIX_TABLE_OFFSET);
}

static void find_structures(struct virtio *v)
{
	unsigned int cap = 0;

	while ((cap = pci_capability(&v->pci, PCI_CAP_ID_VNDR, cap)))
		take_capability(v, cap);
	v->msix_cap = pci_capability(&v->pci, PCI_CAP_ID_MSIX, 0);
	if (!v->common || !v->isr || !v->device || !v->notify)
		fatal("virtio: slot %u lacks a structure", v->pci.slot);
	if (!v->msix_cap)
		return;
	v->msix_table = msix_structure(v, PCI_MSIX_TABLE);
	v->msix_pba = msix_structure(v, PCI_MSIX_PBA);
}

void virtio_find(struct virtio *v, struct qtest *qtest, uint16_t type,
		 unsigned int nth)
{
	*v = (struct virtio){ .qtest = qtest };
	if (!pci_find(qtest, VIRTIO_VENDOR, DEVICE_ID_BASE + type, nth,
		      &v->pci))
		fatal("virtio: there is no device %u of type %u", nth, type);
	pci_place_bars(&v->pci, PCI_WINDOW_START + nth * WINDOW_SIZE);
	find_structures(v);
}

/* ---- registers ----------------------------------------------------------- */

uint64_t virtio_get(const struct virtio *v, size_t offset, unsigned int len)
{
	return qtest_load(v->qtest, v->common + offset, len);
}

void virtio_set(const struct virtio *v, size_t offset, uint64_t value,
		unsigned int len)
{
	qtest_store(v->qtest, v->common + offset, value, len);
}

static void post_set(const struct virtio *v, size_t offset, uint64_t value,
		     unsigned int len)
{
	qtest_post_store(v->qtest, v->common + offset, value, len);
}

static void post_set64(const struct virtio *v, size_t offset, uint64_t value)
{
	post_set(v, offset, (uint32_t)value, 4);
	post_set(v, offset + 4, value >> 32, 4);
}

uint8_t virtio_status(const struct virtio *v)
{
	return virtio_get(v, VIRTIO_COMMON(device_status), 1);
}

void virtio_set_status(const struct virtio *v, uint8_t status)
{
	virtio_set(v, VIRTIO_COMMON(device_status), status, 1);
}

uint8_t virtio_generation(const struct virtio *v)
{
	return virtio_get(v, VIRTIO_COMMON(config_generation), 1);
}

/* Both halves of a field of 64 features behind a selector. */
static uint64_t read_features(const struct virtio *v, size_t select,
			      size_t field)
{
	uint64_t low;

	post_set(v, select, 0, 4);
	low = virtio_get(v, field, 4);
	post_set(v, select, 1, 4);
	return low | virtio_get(v, field, 4) << 32;
}

uint64_t virtio_features(const struct virtio *v)
{
	return read_features(v, VIRTIO_COMMON(device_feature_select),
			     VIRTIO_COMMON(device_feature));
}

uint64_t virtio_accepted(const struct virtio *v)
{
	return read_features(v, VIRTIO_COMMON(guest_feature_select),
			     VIRTIO_COMMON(guest_feature));
}

void virtio_accept(const struct virtio *v, uint64_t features)
{
	post_set(v, VIRTIO_COMMON(guest_feature_select), 0, 4);
	post_set(v, VIRTIO_COMMON(guest_feature), (uint32_t)features, 4);
	post_set(v, VIRTIO_COMMON(guest_feature_select), 1, 4);
	virtio_set(v, VIRTIO_COMMON(guest_feature), features >> 32, 4);
}

uint64_t virtio_config(const struct virtio *v, unsigned int offset,
		       unsigned int len)
{
	return qtest_load(v->qtest, v->device + offset, len);
}

uint8_t virtio_isr(const struct virtio *v)
{
	return qtest_load(v->qtest, v->isr, 1);
}

/* ---- steps --------------------------------------------------------------- */

void virtio_reset(const struct virtio *v)
{
	int64_t deadline = deadline_in(DEADLINE_DEFAULT_MS);

	virtio_set_status(v, 0);
	while (virtio_status(v))
		if (!deadline_pause(deadline))
			fatal("virtio: a reset does not end");
}

bool virtio_negotiate(const struct virtio *v, uint64_t features)
{
	virtio_reset(v);
	virtio_set_status(v, STATUS_ACKNOWLEDGE);
	virtio_set_status(v, STATUS_DRIVER);
	virtio_accept(v, features);
	virtio_set_status(v, STATUS_FEATURES_OK);
	return virtio_status(v) == STATUS_FEATURES_OK;
}

void virtio_queue_setup(struct virtio *v, const struct vring *ring)
{
	post_set(v, VIRTIO_COMMON(queue_select), 0, 2);
	post_set(v, VIRTIO_COMMON(queue_size), ring->size, 2);
	post_set64(v, VIRTIO_COMMON(queue_desc_lo), ring->desc);
	post_set64(v, VIRTIO_COMMON(queue_avail_lo), ring->avail);
	post_set64(v, VIRTIO_COMMON(queue_used_lo), ring->used);
	post_set(v, VIRTIO_COMMON(queue_enable), 1, 2);
	v->notify_queue =
		v->notify + virtio_get(v, VIRTIO_COMMON(queue_notify_off), 2) *
				    v->notify_multiplier;
}

void virtio_driver_ok(const struct virtio *v)
{
	virtio_set_status(v, STATUS_DRIVER_OK);
}

void virtio_post_notify(const struct virtio *v)
{
	qtest_post_store(v->qtest, v->notify_queue, 0, 2);
}

void virtio_notify(const struct virtio *v)
{
	virtio_post_notify(v);
	qtest_sync(v->qtest);
}

/* ---- MSI-X --------------------------------------------------------------- */

static uint64_t msix_entry(const struct virtio *v, unsigned int vector)
{
	return v->msix_table + vector * PCI_MSIX_ENTRY_SIZE;
}

static void msix_entry_setup(const struct virtio *v, unsigned int vector)
{
	uint64_t entry = msix_entry(v, vector);
	uint64_t target = v->msix_target + vector * 4;

	qtest_post_store(v->qtest, target, 0, 4);
	qtest_post_store(v->qtest, entry + PCI_MSIX_ENTRY_LOWER_ADDR,
			 (uint32_t)target, 4);
	qtest_post_store(v->qtest, entry + PCI_MSIX_ENTRY_UPPER_ADDR,
			 target >> 32, 4);
	qtest_post_store(v->qtest, entry + PCI_MSIX_ENTRY_DATA, MESSAGE(vector),
			 4);
	qtest_store(v->qtest, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 0, 4);
}

void virtio_msix_control(const struct virtio *v, bool enable, bool mask)
{
	pci_write(&v->pci, v->msix_cap + PCI_MSIX_FLAGS,
		  (enable ? PCI_MSIX_FLAGS_ENABLE : 0) |
			  (mask ? PCI_MSIX_FLAGS_MASKALL : 0),
		  2);
}

void virtio_msix_setup(struct virtio *v, uint64_t target)
{
	v->msix_target = target;
	for (unsigned int i = 0; i < VIRTIO_VECTORS; i++)
		msix_entry_setup(v, i);
	virtio_msix_control(v, true, false);
	post_set(v, VIRTIO_COMMON(msix_config), VIRTIO_VECTOR_CONFIG, 2);
	post_set(v, VIRTIO_COMMON(queue_select), 0, 2);
	virtio_set(v, VIRTIO_COMMON(queue_msix_vector), VIRTIO_VECTOR_QUEUE, 2);
}

void virtio_msix_mask(const struct virtio *v, unsigned int vector, bool mask)
{
	qtest_store(v->qtest,
		    msix_entry(v, vector) + PCI_MSIX_ENTRY_VECTOR_CTRL,
		    mask ? PCI_MSIX_ENTRY_CTRL_MASKBIT : 0, 4);
}

bool virtio_msix_pending(const struct virtio *v, unsigned int vector)
{
	return qtest_load(v->qtest, v->msix_pba, 4) >> vector & 1;
}

bool virtio_msix_take(const struct virtio *v, unsigned int vector)
{
	uint64_t target = v->msix_target + vector * 4;
	uint32_t message = qtest_load(v->qtest, target, 4);

	if (!message)
		return false;
	if (message != MESSAGE(vector))
		fatal("virtio: vector %u sent 0x%x", vector, message);
	qtest_store(v->qtest, target, 0, 4);
	return true;
}

void virtio_msix_clear(const struct virtio *v)
{
	for (unsigned int i = 0; i < VIRTIO_VECTORS && v->msix_target; i++)
		virtio_msix_take(v, i);
}
