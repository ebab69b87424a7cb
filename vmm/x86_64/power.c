/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ACPI's fixed hardware, by the ACPI specification 6.4, section 4.8.3: the
 * PM1 registers with the power button, and the reset register.
 */
#include "power.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "accel/accel.h"
#include "space/bus.h"

#define PM1_STATUS_POWER_BUTTON (1u << 8)
#define PM1_CONTROL_SCI_ENABLE  (1u << 0)
#define PM1_CONTROL_TYPE_SHIFT  10
#define PM1_CONTROL_TYPE_MASK   (7u << PM1_CONTROL_TYPE_SHIFT)
#define PM1_CONTROL_SLEEP       (1u << 13)
/* The reset register: bit 2 does it, bit 1 says how thoroughly. */
#define RESET_NOW               (1u << 2)

#define EVENT_SIZE   4
#define CONTROL_SIZE 2

struct power {
	pthread_mutex_t lock;
	struct accel *accel;
	const struct power_ops *ops;
	void *opaque;
	uint16_t status;
	uint16_t enable;
	uint16_t control;
};

static void sci_update(struct power *p)
{
	accel_set_irq(p->accel, POWER_SCI_IRQ, p->status & p->enable);
}

/* Status in the low half, enable bits in the high half. */
static uint64_t event_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct power *p = opaque;
	uint64_t value;

	(void)len;
	pthread_mutex_lock(&p->lock);
	value = (p->status | (uint32_t)p->enable << 16) >> (offset * 8);
	pthread_mutex_unlock(&p->lock);
	return value;
}

static void event_write_byte(struct power *p, uint64_t offset, uint8_t value)
{
	unsigned int shift = (offset & 1) * 8;

	if (offset < 2)
		p->status &= ~(value << shift); /* a one clears */
	else
		p->enable = (p->enable & (0xff00 >> shift)) | value << shift;
}

static void event_write(void *opaque, uint64_t offset, uint64_t value,
			unsigned int len)
{
	struct power *p = opaque;

	pthread_mutex_lock(&p->lock);
	for (unsigned int i = 0; i < len && offset + i < EVENT_SIZE; i++)
		event_write_byte(p, offset + i, value >> (i * 8));
	sci_update(p);
	pthread_mutex_unlock(&p->lock);
}

static uint64_t control_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct power *p = opaque;
	uint64_t value;

	(void)len;
	pthread_mutex_lock(&p->lock);
	value = p->control >> (offset * 8);
	pthread_mutex_unlock(&p->lock);
	return value;
}

static bool control_set(struct power *p, uint64_t offset, uint64_t value,
			unsigned int len)
{
	uint16_t mask = len > 1 ? 0xffff : 0xff << (offset * 8);
	uint16_t written = (value << (offset * 8)) & mask;
	unsigned int type =
		(written & PM1_CONTROL_TYPE_MASK) >> PM1_CONTROL_TYPE_SHIFT;

	p->control = (p->control & ~mask) | written | PM1_CONTROL_SCI_ENABLE;
	p->control &= ~PM1_CONTROL_SLEEP; /* reads as zero */
	return (written & PM1_CONTROL_SLEEP) && type == POWER_SLEEP_S5;
}

static void control_write(void *opaque, uint64_t offset, uint64_t value,
			  unsigned int len)
{
	struct power *p = opaque;
	bool off;

	pthread_mutex_lock(&p->lock);
	off = control_set(p, offset, value, len);
	pthread_mutex_unlock(&p->lock);
	if (off)
		p->ops->off(p->opaque);
}

static uint64_t reset_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)opaque;
	(void)offset;
	(void)len;
	return 0;
}

static void reset_write(void *opaque, uint64_t offset, uint64_t value,
			unsigned int len)
{
	struct power *p = opaque;

	(void)offset;
	(void)len;
	if (value & RESET_NOW)
		p->ops->reset(p->opaque);
}

static const struct bus_ops event_ops = { event_read, event_write };
static const struct bus_ops control_ops = { control_read, control_write };
static const struct bus_ops reset_ops = { reset_read, reset_write };

int power_create(struct bus *pio, struct bus *mmio, struct accel *accel,
		 const struct power_ops *ops, void *opaque, struct power **out)
{
	struct power *p = calloc(1, sizeof(*p));
	int ret;

	(void)mmio;
	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	p->accel = accel;
	p->ops = ops;
	p->opaque = opaque;
	p->control = PM1_CONTROL_SCI_ENABLE;
	ret = bus_map(pio, POWER_PM1_EVENT, EVENT_SIZE, &event_ops, p);
	if (!ret)
		ret = bus_map(pio, POWER_PM1_CONTROL, CONTROL_SIZE,
			      &control_ops, p);
	if (!ret)
		ret = bus_map(pio, POWER_RESET, 1, &reset_ops, p);
	if (ret) {
		power_destroy(p);
		return ret;
	}
	*out = p;
	return 0;
}

void power_destroy(struct power *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void power_press(struct power *p)
{
	pthread_mutex_lock(&p->lock);
	p->status |= PM1_STATUS_POWER_BUTTON;
	sci_update(p);
	pthread_mutex_unlock(&p->lock);
}

void power_reset(struct power *p)
{
	pthread_mutex_lock(&p->lock);
	p->status = 0;
	p->enable = 0;
	p->control = PM1_CONTROL_SCI_ENABLE;
	sci_update(p);
	pthread_mutex_unlock(&p->lock);
}
