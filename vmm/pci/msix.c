/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MSI-X by the PCI Local Bus Specification 3.0, section 6.8.2.
 *
 * A vector is connected to the guest while MSI-X is enabled, neither the
 * function nor the vector is masked, and the function may write to memory,
 * which a message is. What is notified otherwise is pending, and is sent when
 * it becomes connected. Where the host refuses the connection, each notification
 * asks again, and the message is sent without one meanwhile.
 */
#include "msix.h"

#include <assert.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "accel/accel.h"

static_assert(MSIX_VECTORS_MAX <= 32, "one word of pending bits");
static_assert(MSIX_VECTORS_MAX * PCI_MSIX_ENTRY_SIZE <= MSIX_PBA_OFFSET,
	      "the table ends where they begin");

static int vector_init(struct msix_vector *v, struct accel *accel)
{
	v->control = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	v->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (v->fd < 0)
		return -errno;
	v->route = accel_msi_alloc(accel);
	return v->route < 0 ? v->route : 0;
}

int msix_init(struct msix *msix, struct accel *accel, struct pci_function *f,
	      unsigned int bar, unsigned int vectors)
{
	uint8_t capability[PCI_CAP_MSIX_SIZEOF] = { 0 };
	int ret = 0;

	assert(vectors && vectors <= MSIX_VECTORS_MAX);
	memset(msix, 0, sizeof(*msix));
	msix->accel = accel;
	msix->function = f;
	msix->nr = vectors;
	for (unsigned int i = 0; i < vectors; i++)
		msix->vectors[i].fd = -1;
	capability[PCI_MSIX_FLAGS] = vectors - 1;
	capability[PCI_MSIX_TABLE] = bar;
	capability[PCI_MSIX_PBA] = bar;
	capability[PCI_MSIX_PBA + 1] = MSIX_PBA_OFFSET >> 8;
	msix->capability = pci_add_capability(f, PCI_CAP_ID_MSIX, capability,
					      sizeof(capability));
	f->writable[msix->capability + PCI_MSIX_FLAGS + 1] =
		(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8;
	for (unsigned int i = 0; i < vectors && !ret; i++)
		ret = vector_init(&msix->vectors[i], accel);
	return ret;
}

static void vector_disconnect(struct msix *msix, struct msix_vector *v)
{
	if (v->connected)
		accel_msi_disconnect(msix->accel, v->route, v->fd);
	v->connected = false;
}

void msix_finish(struct msix *msix)
{
	for (unsigned int i = 0; i < msix->nr; i++) {
		vector_disconnect(msix, &msix->vectors[i]);
		if (msix->vectors[i].fd >= 0)
			close(msix->vectors[i].fd);
	}
}

static void vector_send(struct msix_vector *v)
{
	const uint64_t one = 1;
	ssize_t n = write(v->fd, &one, sizeof(one));

	/* A full counter means that it is being sent already. */
	v->pending = n < 0 && errno != EAGAIN;
}

static void vector_update(struct msix *msix, struct msix_vector *v)
{
	if (!msix->on || (v->control & PCI_MSIX_ENTRY_CTRL_MASKBIT)) {
		vector_disconnect(msix, v);
		return;
	}
	if (!v->connected)
		v->connected = !accel_msi_connect(msix->accel, v->route, v->fd,
						  v->address, v->data);
	if (!v->pending)
		return;
	/* Without a route, which the host may not have had, message by message. */
	if (v->connected)
		vector_send(v);
	else
		v->pending = accel_msi_send(msix->accel, v->address, v->data);
}

void msix_config_written(struct msix *msix)
{
	const uint8_t *config = msix->function->config;
	unsigned int flags = config[msix->capability + PCI_MSIX_FLAGS + 1] << 8;

	msix->enabled = flags & PCI_MSIX_FLAGS_ENABLE;
	msix->on = msix->enabled && !(flags & PCI_MSIX_FLAGS_MASKALL) &&
		   (config[PCI_COMMAND] & PCI_COMMAND_MASTER);
	for (unsigned int i = 0; i < msix->nr; i++)
		vector_update(msix, &msix->vectors[i]);
}

static uint32_t entry_load(const struct msix_vector *v, unsigned int offset)
{
	switch (offset) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		return v->address;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		return v->address >> 32;
	case PCI_MSIX_ENTRY_DATA:
		return v->data;
	default:
		return v->control;
	}
}

static void entry_store(struct msix_vector *v, unsigned int offset,
			uint32_t value)
{
	switch (offset) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		v->address =
			(v->address & ~UINT64_C(0xffffffff)) | (value & ~3u);
		break;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		v->address = (uint32_t)v->address | (uint64_t)value << 32;
		break;
	case PCI_MSIX_ENTRY_DATA:
		v->data = value;
		break;
	default:
		v->control = value & PCI_MSIX_ENTRY_CTRL_MASKBIT;
		break;
	}
}

static uint32_t word_read(const struct msix *msix, uint64_t offset)
{
	uint32_t pending = 0;

	if (offset < msix->nr * PCI_MSIX_ENTRY_SIZE)
		return entry_load(&msix->vectors[offset / PCI_MSIX_ENTRY_SIZE],
				  offset % PCI_MSIX_ENTRY_SIZE);
	if (offset != MSIX_PBA_OFFSET)
		return 0;
	for (unsigned int i = 0; i < msix->nr; i++)
		pending |= (uint32_t)msix->vectors[i].pending << i;
	return pending;
}

/* The specification allows aligned accesses of 4 and 8 bytes only. */
static bool access_valid(uint64_t offset, unsigned int len)
{
	return (len == 4 || len == 8) && !(offset % len) &&
	       offset + len <= MSIX_BAR_SIZE;
}

uint64_t msix_bar_read(const struct msix *msix, uint64_t offset,
		       unsigned int len)
{
	uint64_t value;

	if (!access_valid(offset, len))
		return UINT64_MAX;
	value = word_read(msix, offset);
	if (len == 8)
		value |= (uint64_t)word_read(msix, offset + 4) << 32;
	return value;
}

static void word_write(struct msix *msix, uint64_t offset, uint32_t value)
{
	struct msix_vector *v;

	if (offset >= msix->nr * PCI_MSIX_ENTRY_SIZE)
		return;
	v = &msix->vectors[offset / PCI_MSIX_ENTRY_SIZE];
	entry_store(v, offset % PCI_MSIX_ENTRY_SIZE, value);
	/* A message that changes while it is unmasked takes effect too. */
	if (offset % PCI_MSIX_ENTRY_SIZE != PCI_MSIX_ENTRY_VECTOR_CTRL)
		vector_disconnect(msix, v);
	vector_update(msix, v);
}

void msix_bar_write(struct msix *msix, uint64_t offset, uint64_t value,
		    unsigned int len)
{
	if (!access_valid(offset, len))
		return;
	word_write(msix, offset, value);
	if (len == 8)
		word_write(msix, offset + 4, value >> 32);
}

void msix_notify(struct msix *msix, unsigned int vector)
{
	struct msix_vector *v;

	if (vector >= msix->nr)
		return;
	v = &msix->vectors[vector];
	if (v->connected) {
		vector_send(v);
		return;
	}
	v->pending = true;
	/* It may be the host that could not when the driver unmasked it. */
	vector_update(msix, v);
}

void msix_reset(struct msix *msix)
{
	msix->enabled = false;
	msix->on = false;
	for (unsigned int i = 0; i < msix->nr; i++) {
		struct msix_vector *v = &msix->vectors[i];

		vector_disconnect(msix, v);
		v->address = 0;
		v->data = 0;
		v->control = PCI_MSIX_ENTRY_CTRL_MASKBIT;
		v->pending = false;
	}
}
