/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A 16550A serial port, by the National Semiconductor PC16550D data sheet.
 *
 * Bytes are sent at once, not at the speed of a line, so the transmitter is
 * always empty unless the host takes no more: then bytes wait in its FIFO, of
 * which a driver knows that it may fill it unasked, and the guest waits as it
 * would for a slow line. Speed, parity and modem lines are stored and mean
 * nothing.
 *
 * Threads: vCPUs and the main thread; the port's lock is taken before the
 * chardev's.
 */
#include "serial.h"

#include <errno.h>
#include <linux/serial_reg.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "accel/accel.h"
#include "chardev.h"
#include "space/bus.h"

#define REGISTERS        8
#define FIFO_SIZE        16
/* Both of the high bits of the interrupt id say that FIFOs are on. */
#define IIR_FIFO_ENABLED 0xc0

struct fifo {
	uint8_t bytes[FIFO_SIZE];
	unsigned int start;
	unsigned int used;
};

struct serial {
	pthread_mutex_t lock;
	struct accel *accel;
	unsigned int line;
	struct chardev *chardev;
	void (*quit)(void *opaque);
	void *opaque;
	struct fifo received;
	struct fifo unsent; /* what the host did not take yet */
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
	bool thre_pending; /* the transmitter became empty */
	bool irq;          /* the level of the line */
};

/* ---- interrupts ---------------------------------------------------------- */

static uint8_t interrupt_id(const struct serial *s)
{
	if ((s->ier & UART_IER_RDI) && s->received.used)
		return UART_IIR_RDI;
	if ((s->ier & UART_IER_THRI) && s->thre_pending)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

static void interrupt_update(struct serial *s)
{
	bool level = interrupt_id(s) != UART_IIR_NO_INT;

	if (level == s->irq)
		return;
	s->irq = level;
	accel_set_irq(s->accel, s->line, level);
}

/* ---- sending and receiving ----------------------------------------------- */

/* A byte for which there is no room is lost. */
static void fifo_add(struct fifo *f, uint8_t byte)
{
	if (f->used < FIFO_SIZE)
		f->bytes[(f->start + f->used++) % FIFO_SIZE] = byte;
}

static uint8_t fifo_take(struct fifo *f)
{
	uint8_t byte;

	if (!f->used)
		return 0;
	byte = f->bytes[f->start];
	f->start = (f->start + 1) % FIFO_SIZE;
	f->used--;
	return byte;
}

static uint8_t receive(struct serial *s)
{
	bool had_bytes = s->received.used;
	uint8_t byte = fifo_take(&s->received);

	if (had_bytes && !s->received.used)
		chardev_want_input(s->chardev);
	return byte;
}

/* Sends what waits, as far as the host takes it. */
static void unsent_drain(struct serial *s)
{
	while (s->unsent.used &&
	       chardev_put(s->chardev, s->unsent.bytes[s->unsent.start]))
		fifo_take(&s->unsent);
	if (!s->unsent.used)
		s->thre_pending = true;
}

static void transmit(struct serial *s, uint8_t byte)
{
	bool waits = s->unsent.used;

	s->thre_pending = false;
	if (s->mcr & UART_MCR_LOOP) {
		fifo_add(&s->received, byte);
		s->thre_pending = true;
		return;
	}
	fifo_add(&s->unsent, byte);
	if (!waits)
		unsent_drain(s);
}

/* ---- registers ----------------------------------------------------------- */

static uint8_t lsr_read(const struct serial *s)
{
	return (s->received.used ? UART_LSR_DR : 0) |
	       (s->unsent.used ? 0 : UART_LSR_THRE | UART_LSR_TEMT);
}

static uint8_t iir_read(struct serial *s)
{
	uint8_t id = interrupt_id(s);

	if (id == UART_IIR_THRI)
		s->thre_pending = false; /* reading acknowledges it */
	if (s->fcr & UART_FCR_ENABLE_FIFO)
		id |= IIR_FIFO_ENABLED;
	return id;
}

/* In loopback the outputs come back as inputs; else a peer is there. */
static uint8_t msr_read(const struct serial *s)
{
	uint8_t msr = 0;

	if (!(s->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	msr |= s->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0;
	msr |= s->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0;
	msr |= s->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0;
	msr |= s->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0;
	return msr;
}

static uint8_t register_read(struct serial *s, unsigned int reg)
{
	bool divisor = s->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_RX:
		return divisor ? s->dll : receive(s);
	case UART_IER:
		return divisor ? s->dlm : s->ier;
	case UART_IIR:
		return iir_read(s);
	case UART_LCR:
		return s->lcr;
	case UART_MCR:
		return s->mcr;
	case UART_LSR:
		return lsr_read(s);
	case UART_MSR:
		return msr_read(s);
	default:
		return s->scr;
	}
}

static void ier_write(struct serial *s, uint8_t value)
{
	bool enabled = ~s->ier & value & UART_IER_THRI;

	s->ier = value & 0xf;
	/* Enabling it while the transmitter is empty interrupts at once. */
	if (enabled && !s->unsent.used)
		s->thre_pending = true;
}

static void fcr_write(struct serial *s, uint8_t value)
{
	s->fcr = value;
	if (value & UART_FCR_CLEAR_RCVR) {
		s->received.used = 0;
		chardev_want_input(s->chardev);
	}
	if ((value & UART_FCR_CLEAR_XMIT) && s->unsent.used) {
		s->unsent.used = 0;
		s->thre_pending = true;
	}
}

static void register_write(struct serial *s, unsigned int reg, uint8_t value)
{
	bool divisor = s->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_TX:
		if (divisor)
			s->dll = value;
		else
			transmit(s, value);
		break;
	case UART_IER:
		if (divisor)
			s->dlm = value;
		else
			ier_write(s, value);
		break;
	case UART_FCR:
		fcr_write(s, value);
		break;
	case UART_LCR:
		s->lcr = value;
		break;
	case UART_MCR:
		s->mcr = value & 0x1f;
		break;
	case UART_SCR:
		s->scr = value;
		break;
	}
}

static uint64_t serial_read(void *opaque, uint64_t offset, unsigned int len)
{
	struct serial *s = opaque;
	uint64_t value;

	(void)len;
	pthread_mutex_lock(&s->lock);
	value = register_read(s, offset);
	interrupt_update(s);
	pthread_mutex_unlock(&s->lock);
	return value;
}

static void serial_write(void *opaque, uint64_t offset, uint64_t value,
			 unsigned int len)
{
	struct serial *s = opaque;

	(void)len;
	pthread_mutex_lock(&s->lock);
	register_write(s, offset, value);
	interrupt_update(s);
	pthread_mutex_unlock(&s->lock);
}

static const struct bus_ops serial_bus_ops = { serial_read, serial_write };

/* ---- the host's side ----------------------------------------------------- */

static size_t serial_room(void *opaque)
{
	struct serial *s = opaque;
	size_t room;

	pthread_mutex_lock(&s->lock);
	room = FIFO_SIZE - s->received.used;
	pthread_mutex_unlock(&s->lock);
	return room;
}

static void serial_receive(void *opaque, const uint8_t *data, size_t len)
{
	struct serial *s = opaque;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < len; i++)
		fifo_add(&s->received, data[i]);
	interrupt_update(s);
	pthread_mutex_unlock(&s->lock);
}

static void serial_writable(void *opaque)
{
	struct serial *s = opaque;

	pthread_mutex_lock(&s->lock);
	if (s->unsent.used)
		unsent_drain(s);
	interrupt_update(s);
	pthread_mutex_unlock(&s->lock);
}

static void serial_quit(void *opaque)
{
	struct serial *s = opaque;

	s->quit(s->opaque);
}

static const struct chardev_ops serial_chardev_ops = {
	.room = serial_room,
	.receive = serial_receive,
	.writable = serial_writable,
	.quit = serial_quit,
};

/* ---- life ---------------------------------------------------------------- */

int serial_create(const struct serial_config *config, struct serial **out)
{
	struct serial *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	s->accel = config->accel;
	s->line = config->irq;
	s->chardev = config->chardev;
	s->quit = config->quit;
	s->opaque = config->opaque;
	chardev_attach(s->chardev, &serial_chardev_ops, s);
	ret = bus_map(config->bus, config->base, REGISTERS, &serial_bus_ops, s);
	if (ret) {
		serial_destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

void serial_destroy(struct serial *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void serial_reset(struct serial *s)
{
	pthread_mutex_lock(&s->lock);
	s->received.used = 0;
	s->unsent.used = 0;
	s->ier = s->fcr = s->lcr = s->mcr = s->scr = s->dll = s->dlm = 0;
	s->thre_pending = false;
	interrupt_update(s);
	pthread_mutex_unlock(&s->lock);
	chardev_want_input(s->chardev);
}
