/* SPDX-License-Identifier: BSD-3-Clause */
/* Power-off, reset and the power button, through the ports of ACPI. */
#include "../unit/cmocka_all.h"

#include <errno.h>

#include "space/bus.h"
#include "x86_64/power.h"
#include "fake_accel.h"

#define STATUS       POWER_PM1_EVENT
#define ENABLE       (POWER_PM1_EVENT + 2)
#define CONTROL      POWER_PM1_CONTROL
#define POWER_BUTTON 0x100
#define SCI_ENABLE   1
#define SLEEP        0x2000
#define S5           (POWER_SLEEP_S5 << 10)

struct fixture {
	struct accel accel;
	struct bus *pio;
	struct power *power;
	int offs, resets;
};

static void off(void *opaque)
{
	((struct fixture *)opaque)->offs++;
}

static void reset(void *opaque)
{
	((struct fixture *)opaque)->resets++;
}

static const struct power_ops ops = { .off = off, .reset = reset };

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .offs = 0 };
	fake_accel_init(&f.accel);
	assert_int_equal(bus_create(&f.pio), 0);
	assert_int_equal(
		power_create(f.pio, NULL, &f.accel, &ops, &f, &f.power), 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	power_destroy(f->power);
	bus_destroy(f->pio);
	fake_accel_finish(&f->accel);
	return 0;
}

static uint64_t in(struct fixture *f, uint64_t port, unsigned int len)
{
	return bus_read(f->pio, port, len) & (UINT64_MAX >> (64 - len * 8));
}

static void out(struct fixture *f, uint64_t port, uint64_t value,
		unsigned int len)
{
	bus_write(f->pio, port, value, len);
}

static bool sci(struct fixture *f)
{
	return fake_irq_level(&f->accel, POWER_SCI_IRQ);
}

static void s5_powers_off(void **state)
{
	struct fixture *f = *state;

	out(f, CONTROL, S5 | SLEEP | SCI_ENABLE, 2);
	assert_int_equal(f->offs, 1);
	assert_int_equal(f->resets, 0);
	assert_int_equal(in(f, CONTROL, 2), S5 | SCI_ENABLE);
}

static void s5_by_the_high_byte_powers_off(void **state)
{
	struct fixture *f = *state;

	out(f, CONTROL + 1, (S5 | SLEEP) >> 8, 1);
	assert_int_equal(f->offs, 1);
}

static void other_sleep_types_and_half_orders_do_nothing(void **state)
{
	struct fixture *f = *state;

	for (unsigned int type = 0; type < 8; type++) {
		out(f, CONTROL, type << 10, 2); /* not yet */
		if (type != POWER_SLEEP_S5)
			out(f, CONTROL, type << 10 | SLEEP, 2);
	}
	out(f, CONTROL, SLEEP >> 8, 1); /* the low byte */
	assert_int_equal(f->offs, 0);
}

static void sci_enable_is_always_on(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in(f, CONTROL, 2), SCI_ENABLE);
	out(f, CONTROL, 0, 2);
	assert_int_equal(in(f, CONTROL, 2), SCI_ENABLE);
	assert_int_equal(in(f, CONTROL + 1, 1), 0);
}

static void the_reset_register_resets(void **state)
{
	struct fixture *f = *state;

	out(f, POWER_RESET, 2, 1); /* as Linux prepares it */
	assert_int_equal(f->resets, 0);
	out(f, POWER_RESET, POWER_RESET_VALUE, 1);
	assert_int_equal(f->resets, 1);
	assert_int_equal(in(f, POWER_RESET, 1), 0);
	assert_int_equal(f->offs, 0);
}

static void the_button_raises_the_sci_when_enabled(void **state)
{
	struct fixture *f = *state;

	out(f, ENABLE, POWER_BUTTON, 2);
	assert_false(sci(f));
	power_press(f->power);
	assert_true(sci(f));
	assert_int_equal(in(f, STATUS, 2), POWER_BUTTON);
	assert_int_equal(in(f, STATUS, 4), POWER_BUTTON << 16 | POWER_BUTTON);
	out(f, STATUS, 0, 2);
	assert_true(sci(f));
	out(f, STATUS, POWER_BUTTON, 2);
	assert_false(sci(f));
	assert_int_equal(in(f, STATUS, 2), 0);
	assert_int_equal(in(f, ENABLE, 2), POWER_BUTTON);
}

static void a_press_waits_for_the_enable(void **state)
{
	struct fixture *f = *state;

	power_press(f->power);
	assert_false(sci(f));
	out(f, ENABLE, POWER_BUTTON, 2);
	assert_true(sci(f));
	out(f, ENABLE, 0, 2);
	assert_false(sci(f));
}

static void registers_are_reached_by_bytes(void **state)
{
	struct fixture *f = *state;

	power_press(f->power);
	out(f, ENABLE + 1, POWER_BUTTON >> 8, 1);
	assert_true(sci(f));
	assert_int_equal(in(f, STATUS + 1, 1), POWER_BUTTON >> 8);
	assert_int_equal(in(f, STATUS, 1), 0);
	out(f, ENABLE, 0x20, 1);
	assert_int_equal(in(f, ENABLE, 2), POWER_BUTTON | 0x20);
	out(f, STATUS, 0xff, 1);
	assert_true(sci(f));
	out(f, STATUS + 1, POWER_BUTTON >> 8, 1);
	assert_false(sci(f));
	/* Both registers at once. */
	power_press(f->power);
	out(f, STATUS, (uint32_t)POWER_BUTTON << 16 | POWER_BUTTON, 4);
	assert_false(sci(f));
	assert_int_equal(in(f, STATUS, 4), (uint32_t)POWER_BUTTON << 16);
}

static void reset_restores_the_power_on_state(void **state)
{
	struct fixture *f = *state;

	out(f, ENABLE, POWER_BUTTON, 2);
	out(f, CONTROL, S5, 2);
	power_press(f->power);
	power_reset(f->power);
	assert_false(sci(f));
	assert_int_equal(in(f, STATUS, 4), 0);
	assert_int_equal(in(f, CONTROL, 2), SCI_ENABLE);
}

static void ports_in_use_are_a_failure(void **state)
{
	struct fixture *f = *state;
	struct power *second;

	assert_int_equal(power_create(f->pio, NULL, &f->accel, &ops, f,
				      &second),
			 -EEXIST);
	power_destroy(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(s5_powers_off),
		TEST(s5_by_the_high_byte_powers_off),
		TEST(other_sleep_types_and_half_orders_do_nothing),
		TEST(sci_enable_is_always_on),
		TEST(the_reset_register_resets),
		TEST(the_button_raises_the_sci_when_enabled),
		TEST(a_press_waits_for_the_enable),
		TEST(registers_are_reached_by_bytes),
		TEST(reset_restores_the_power_on_state),
		TEST(ports_in_use_are_a_failure),
	};

	return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
