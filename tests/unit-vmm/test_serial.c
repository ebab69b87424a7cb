/* SPDX-License-Identifier: BSD-3-Clause */
/* The serial port's registers, over a host side that the test plays. */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <linux/serial_reg.h>
#include <string.h>

#include "space/bus.h"
#include "dev/chardev.h"
#include "dev/serial.h"
#include "fake_accel.h"
#include "x86_64/layout.h"

struct chardev {
	const struct chardev_ops *ops;
	void *opaque;
	bool blocked; /* the host takes no output */
	int wanted;   /* calls of chardev_want_input() */
	char out[64];
	unsigned int nr_out;
};

struct fixture {
	struct accel accel;
	struct bus *pio;
	struct chardev chardev;
	struct serial *serial;
	int quits;
};

/* ---- the host's side ----------------------------------------------------- */

void chardev_attach(struct chardev *c, const struct chardev_ops *ops,
		    void *opaque)
{
	c->ops = ops;
	c->opaque = opaque;
}

bool chardev_put(struct chardev *c, uint8_t byte)
{
	if (c->blocked)
		return false;
	assert_true(c->nr_out < sizeof(c->out) - 1);
	c->out[c->nr_out++] = byte;
	return true;
}

void chardev_want_input(struct chardev *c)
{
	c->wanted++;
}

static void unblock(struct fixture *f)
{
	f->chardev.blocked = false;
	f->chardev.ops->writable(f->chardev.opaque);
}

static void type(struct fixture *f, const char *text)
{
	f->chardev.ops->receive(f->chardev.opaque, (const uint8_t *)text,
				strlen(text));
}

static size_t room(struct fixture *f)
{
	return f->chardev.ops->room(f->chardev.opaque);
}

static void quit(void *opaque)
{
	((struct fixture *)opaque)->quits++;
}

static int create(struct fixture *f, struct serial **serial)
{
	const struct serial_config config = {
		.bus = f->pio,
		.base = SERIAL_COM1,
		.accel = &f->accel,
		.irq = SERIAL_COM1_IRQ,
		.chardev = &f->chardev,
		.quit = quit,
		.opaque = f,
	};

	return serial_create(&config, serial);
}

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	fake_accel_init(&f.accel);
	assert_int_equal(bus_create(&f.pio), 0);
	assert_int_equal(create(&f, &f.serial), 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	serial_destroy(f->serial);
	bus_destroy(f->pio);
	fake_accel_finish(&f->accel);
	return 0;
}

/* ---- the guest's side ---------------------------------------------------- */

static uint8_t in(struct fixture *f, unsigned int reg)
{
	return bus_read(f->pio, SERIAL_COM1 + reg, 1);
}

static void out(struct fixture *f, unsigned int reg, uint8_t value)
{
	bus_write(f->pio, SERIAL_COM1 + reg, value, 1);
}

static bool irq(struct fixture *f)
{
	return fake_irq_level(&f->accel, SERIAL_COM1_IRQ);
}

static uint8_t interrupt(struct fixture *f)
{
	return in(f, UART_IIR) & 0xf;
}

/* ---- tests --------------------------------------------------------------- */

static void bytes_go_out(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in(f, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	out(f, UART_TX, 'h');
	out(f, UART_TX, 'i');
	assert_string_equal(f->chardev.out, "hi");
	assert_int_equal(in(f, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
}

static void bytes_come_in(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in(f, UART_RX), 0);
	type(f, "hi");
	assert_true(in(f, UART_LSR) & UART_LSR_DR);
	assert_int_equal(in(f, UART_RX), 'h');
	assert_int_equal(in(f, UART_RX), 'i');
	assert_false(in(f, UART_LSR) & UART_LSR_DR);
}

static void input_interrupts_while_it_is_there(void **state)
{
	struct fixture *f = *state;

	type(f, "a");
	assert_false(irq(f));
	out(f, UART_IER, UART_IER_RDI);
	assert_true(irq(f));
	type(f, "b");
	assert_int_equal(interrupt(f), UART_IIR_RDI);
	assert_int_equal(interrupt(f), UART_IIR_RDI);
	in(f, UART_RX);
	assert_true(irq(f));
	in(f, UART_RX);
	assert_false(irq(f));
	assert_int_equal(interrupt(f), UART_IIR_NO_INT);
	assert_int_equal(f->accel.rises[SERIAL_COM1_IRQ], 1);
}

static void a_full_fifo_has_no_room(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(room(f), 16);
	type(f, "0123456789abcdef");
	assert_int_equal(room(f), 0);
	type(f, "lost");
	for (int i = 0; i < 16; i++)
		assert_int_equal(in(f, UART_RX), "0123456789abcdef"[i]);
	assert_int_equal(in(f, UART_RX), 0);
	assert_int_equal(room(f), 16);
}

static void the_fifo_wraps(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 100; i++) {
		type(f, "abcdefghijk");
		for (int j = 0; j < 11; j++)
			assert_int_equal(in(f, UART_RX), 'a' + j);
	}
}

static void an_empty_fifo_asks_for_more(void **state)
{
	struct fixture *f = *state;

	type(f, "ab");
	in(f, UART_RX);
	f->chardev.wanted = 0;
	in(f, UART_RX);
	assert_int_equal(f->chardev.wanted, 1);
}

static void clearing_the_fifo_asks_for_more(void **state)
{
	struct fixture *f = *state;

	out(f, UART_IER, UART_IER_RDI);
	type(f, "0123456789abcdef");
	f->chardev.wanted = 0;
	out(f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT);
	assert_int_equal(room(f), 0);
	out(f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	assert_int_equal(room(f), 16);
	assert_int_equal(f->chardev.wanted, 1);
	assert_false(irq(f));
	assert_int_equal(in(f, UART_LSR) & UART_LSR_DR, 0);
}

static void an_empty_transmitter_interrupts_when_asked(void **state)
{
	struct fixture *f = *state;

	out(f, UART_IER, UART_IER_THRI);
	assert_true(irq(f));
	assert_int_equal(interrupt(f), UART_IIR_THRI);
	/* Reading it has acknowledged it. */
	assert_false(irq(f));
	assert_int_equal(interrupt(f), UART_IIR_NO_INT);
	out(f, UART_TX, 'a');
	assert_true(irq(f));
	assert_int_equal(interrupt(f), UART_IIR_THRI);
	/* Off and on again: it is still empty. */
	out(f, UART_IER, 0);
	out(f, UART_IER, UART_IER_THRI);
	assert_true(irq(f));
	out(f, UART_IER, 0);
	assert_false(irq(f));
}

static void input_goes_before_the_transmitter(void **state)
{
	struct fixture *f = *state;

	out(f, UART_IER, UART_IER_THRI | UART_IER_RDI);
	type(f, "a");
	assert_int_equal(interrupt(f), UART_IIR_RDI);
	in(f, UART_RX);
	assert_int_equal(interrupt(f), UART_IIR_THRI);
	assert_int_equal(interrupt(f), UART_IIR_NO_INT);
}

static void a_host_that_takes_nothing_holds_the_transmitter(void **state)
{
	struct fixture *f = *state;

	out(f, UART_IER, UART_IER_THRI);
	interrupt(f);
	f->chardev.blocked = true;
	out(f, UART_TX, 'a');
	assert_int_equal(in(f, UART_LSR), 0);
	assert_false(irq(f));
	assert_int_equal(f->chardev.nr_out, 0);
	/* Too early: it stays where it is. */
	f->chardev.ops->writable(f->chardev.opaque);
	assert_int_equal(in(f, UART_LSR), 0);
	unblock(f);
	assert_string_equal(f->chardev.out, "a");
	assert_int_equal(in(f, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	assert_true(irq(f));
	/* And once. */
	f->chardev.ops->writable(f->chardev.opaque);
	assert_string_equal(f->chardev.out, "a");
}

/* A driver that saw it empty may fill it without another look. */
static void a_transmit_fifo_waits_for_the_host(void **state)
{
	struct fixture *f = *state;

	out(f, UART_IER, UART_IER_THRI);
	f->chardev.blocked = true;
	for (int i = 0; i < 16; i++)
		out(f, UART_TX, 'a' + i);
	out(f, UART_TX, '!'); /* one too many: lost */
	assert_int_equal(in(f, UART_LSR), 0);
	unblock(f);
	assert_string_equal(f->chardev.out, "abcdefghijklmnop");
	assert_true(irq(f));
	out(f, UART_TX, 'q');
	assert_string_equal(f->chardev.out, "abcdefghijklmnopq");
}

static void clearing_the_transmit_fifo_empties_it(void **state)
{
	struct fixture *f = *state;

	f->chardev.blocked = true;
	out(f, UART_TX, 'a');
	out(f, UART_IER, UART_IER_THRI);
	assert_false(irq(f));
	out(f, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_XMIT);
	assert_int_equal(in(f, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	assert_true(irq(f));
	unblock(f);
	assert_int_equal(f->chardev.nr_out, 0);
}

static void enabling_does_not_interrupt_while_it_is_held(void **state)
{
	struct fixture *f = *state;

	f->chardev.blocked = true;
	out(f, UART_TX, 'a');
	out(f, UART_IER, UART_IER_THRI);
	assert_false(irq(f));
	unblock(f);
	assert_true(irq(f));
}

static void loopback_brings_it_back(void **state)
{
	struct fixture *f = *state;

	out(f, UART_MCR, UART_MCR_LOOP);
	out(f, UART_TX, 'x');
	assert_int_equal(f->chardev.nr_out, 0);
	assert_int_equal(in(f, UART_RX), 'x');
	for (int i = 0; i < 20; i++)
		out(f, UART_TX, 'a' + i);
	for (int i = 0; i < 16; i++)
		assert_int_equal(in(f, UART_RX), 'a' + i);
	assert_int_equal(in(f, UART_LSR) & UART_LSR_DR, 0);
}

/* As the Linux driver finds out that it is a serial port. */
static void loopback_joins_the_modem_lines(void **state)
{
	struct fixture *f = *state;

	out(f, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	assert_int_equal(in(f, UART_MSR) & 0xf0, UART_MSR_DCD | UART_MSR_CTS);
	out(f, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1 | UART_MCR_DTR);
	assert_int_equal(in(f, UART_MSR) & 0xf0, UART_MSR_RI | UART_MSR_DSR);
	out(f, UART_MCR, 0);
	assert_int_equal(in(f, UART_MSR) & 0xf0,
			 UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS);
}

static void registers_keep_what_is_written(void **state)
{
	struct fixture *f = *state;

	out(f, UART_SCR, 0xa5);
	assert_int_equal(in(f, UART_SCR), 0xa5);
	out(f, UART_IER, 0xff);
	assert_int_equal(in(f, UART_IER), 0x0f);
	out(f, UART_MCR, 0xff);
	assert_int_equal(in(f, UART_MCR), 0x1f);
	out(f, UART_LCR, UART_LCR_DLAB | 3);
	out(f, UART_DLL, 0x12);
	out(f, UART_DLM, 0x34);
	assert_int_equal(in(f, UART_DLL), 0x12);
	assert_int_equal(in(f, UART_DLM), 0x34);
	assert_int_equal(f->chardev.nr_out, 0);
	out(f, UART_LCR, 3);
	assert_int_equal(in(f, UART_LCR), 3);
	assert_int_equal(in(f, UART_IER), 0x0f);
	/* Line and modem status are not for writing. */
	out(f, UART_LSR, 0xff);
	out(f, UART_MSR, 0xff);
	assert_int_equal(in(f, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
}

static void fifos_are_announced_when_on(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in(f, UART_IIR) & 0xc0, 0);
	out(f, UART_FCR, UART_FCR_ENABLE_FIFO);
	assert_int_equal(in(f, UART_IIR) & 0xc0, 0xc0);
}

static void reset_restores_the_power_on_state(void **state)
{
	struct fixture *f = *state;

	out(f, UART_IER, 0xf);
	out(f, UART_SCR, 1);
	type(f, "0123456789abcdef");
	f->chardev.blocked = true;
	out(f, UART_TX, 'a');
	f->chardev.wanted = 0;
	serial_reset(f->serial);
	assert_false(irq(f));
	assert_int_equal(in(f, UART_IER), 0);
	assert_int_equal(in(f, UART_SCR), 0);
	assert_int_equal(in(f, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	assert_int_equal(f->chardev.wanted, 1);
	unblock(f);
	assert_int_equal(f->chardev.nr_out, 0);
}

static void the_person_at_the_terminal_may_quit(void **state)
{
	struct fixture *f = *state;

	f->chardev.ops->quit(f->chardev.opaque);
	assert_int_equal(f->quits, 1);
}

static void ports_in_use_are_a_failure(void **state)
{
	struct fixture *f = *state;
	struct serial *second;

	assert_int_equal(create(f, &second), -EEXIST);
	serial_destroy(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_go_out),
		TEST(bytes_come_in),
		TEST(input_interrupts_while_it_is_there),
		TEST(a_full_fifo_has_no_room),
		TEST(the_fifo_wraps),
		TEST(an_empty_fifo_asks_for_more),
		TEST(clearing_the_fifo_asks_for_more),
		TEST(an_empty_transmitter_interrupts_when_asked),
		TEST(input_goes_before_the_transmitter),
		TEST(a_host_that_takes_nothing_holds_the_transmitter),
		TEST(a_transmit_fifo_waits_for_the_host),
		TEST(clearing_the_transmit_fifo_empties_it),
		TEST(enabling_does_not_interrupt_while_it_is_held),
		TEST(loopback_brings_it_back),
		TEST(loopback_joins_the_modem_lines),
		TEST(registers_keep_what_is_written),
		TEST(fifos_are_announced_when_on),
		TEST(reset_restores_the_power_on_state),
		TEST(the_person_at_the_terminal_may_quit),
		TEST(ports_in_use_are_a_failure),
	};

	return cmocka_run_group_tests_name("serial", tests, NULL, NULL);
}
