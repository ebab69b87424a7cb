/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue of the virtio PCI transport: notifications, answers, interrupts,
 * and drivers that do it wrong.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <time.h>

#include "echo.h"

/* A clock that goes on by so much whenever it is looked at; 0: the real one. */
static long ns_per_look;

int __real_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_clock_gettime(clockid_t id, struct timespec *now);

int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
	static struct timespec fake;

	if (!ns_per_look)
		return __real_clock_gettime(id, now);
	fake.tv_nsec += ns_per_look;
	*now = fake;
	return 0;
}

/* ---- the queue at work --------------------------------------------------- */

static void a_request_is_answered_with_an_interrupt(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	assert_int_equal(f->rig.accel.nr_ioeventfds, ECHO_QUEUES);
	echo_put(f, 0, 'a');
	echo_send(f, 0);
	assert_int_equal(echo_answer(f, 0), 'a');
	assert_int_equal(driver_used(&f->d), 1);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR), 1);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
	assert_int_equal(f->rig.accel.msi[DRIVER_QUEUE_VECTOR].data, 0x41);
}

static void a_batch_has_one_interrupt(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	for (int i = 0; i < 10; i++) {
		echo_put(f, i * 2, 'a' + i);
		driver_offer(&f->d, i * 2);
	}
	driver_kick(&f->d);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 10);
	for (int i = 0; i < 10; i++)
		assert_int_equal(echo_answer(f, i * 2), 'a' + i);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR), 1);
}

static void the_driver_may_decline_interrupts(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	f->rig.ram[DRIVER_AVAIL] = 1;
	echo_put(f, 0, 'a');
	echo_send(f, 0);
	assert_int_equal(driver_used(&f->d), 1);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR), 0);
}

static void the_isr_is_cleared_by_reading(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	echo_put(f, 0, 'a');
	echo_send(f, 0);
	virtio_pci_lock(f->vp);
	virtio_pci_config_changed(f->vp);
	virtio_pci_unlock(f->vp);
	assert_int_equal(bus_read(f->rig.mmio, f->d.isr, 1) & 0xff, 3);
	assert_int_equal(bus_read(f->rig.mmio, f->d.isr, 1) & 0xff, 0);
}

/* Slot 1 of the rig: its line is 21. */
#define ECHO_LINE 21

static void without_msix_the_line_follows_the_isr(void **state)
{
	struct echo *f = *state;

	driver_negotiate(&f->d);
	driver_setup_queue(&f->d);
	driver_set_status(&f->d, driver_status(&f->d) | DRIVER_OK);
	assert_int_equal(
		rig_config_read(&f->rig, ECHO_SLOT, PCI_INTERRUPT_PIN, 1), 1);
	echo_put(f, 0, 'a');
	echo_send(f, 0);
	assert_true(fake_irq_level(&f->rig.accel, ECHO_LINE));
	assert_true(rig_config_read(&f->rig, ECHO_SLOT, PCI_STATUS, 2) &
		    PCI_STATUS_INTERRUPT);
	assert_int_equal(bus_read(f->rig.mmio, f->d.isr, 1) & 0xff, 1);
	assert_false(fake_irq_level(&f->rig.accel, ECHO_LINE));
	assert_false(rig_config_read(&f->rig, ECHO_SLOT, PCI_STATUS, 2) &
		     PCI_STATUS_INTERRUPT);
	assert_int_equal(f->rig.accel.rises[ECHO_LINE], 1);
}

static void the_line_can_be_disabled(void **state)
{
	struct echo *f = *state;
	const uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	driver_negotiate(&f->d);
	driver_setup_queue(&f->d);
	driver_set_status(&f->d, driver_status(&f->d) | DRIVER_OK);
	rig_config_write(&f->rig, ECHO_SLOT, PCI_COMMAND,
			 command | PCI_COMMAND_INTX_DISABLE, 2);
	echo_put(f, 0, 'a');
	echo_send(f, 0);
	assert_false(fake_irq_level(&f->rig.accel, ECHO_LINE));
	rig_config_write(&f->rig, ECHO_SLOT, PCI_COMMAND, command, 2);
	assert_true(fake_irq_level(&f->rig.accel, ECHO_LINE));
	driver_set_status(&f->d, 0);
	assert_false(fake_irq_level(&f->rig.accel, ECHO_LINE));
}

static void with_msix_the_line_is_quiet(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	echo_put(f, 0, 'a');
	echo_send(f, 0);
	assert_false(fake_irq_level(&f->rig.accel, ECHO_LINE));
	assert_int_equal(f->rig.accel.rises[ECHO_LINE], 0);
}

static void without_bus_mastering_memory_is_left_alone(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	rig_config_write(&f->rig, ECHO_SLOT, PCI_COMMAND, PCI_COMMAND_MEMORY,
			 2);
	echo_put(f, 0, 'a');
	echo_send(f, 0);
	assert_int_equal(driver_used(&f->d), 0);
	rig_config_write(&f->rig, ECHO_SLOT, PCI_COMMAND,
			 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 1);
	assert_int_equal(echo_answer(f, 0), 'a');
}

static void without_features_ok_nothing_is_handled(void **state)
{
	struct echo *f = *state;

	driver_set_status(&f->d, 0);
	driver_setup_queue(&f->d);
	driver_set_status(&f->d, DRIVER_OK);
	echo_put(f, 0, 'a');
	echo_send(f, 0);
	assert_int_equal(driver_used(&f->d), 0);
}

static void a_plain_write_notifies_too(void **state)
{
	struct echo *f = *state;

	rig_config_write(&f->rig, ECHO_SLOT, PCI_COMMAND, 0, 2);
	assert_int_equal(f->rig.accel.nr_ioeventfds, 0);
	f->rig.accel.fail_ioeventfd = -ENOSPC;
	driver_find(&f->d, &f->rig, ECHO_SLOT);
	assert_int_equal(f->rig.accel.nr_ioeventfds, ECHO_QUEUES - 1);
	driver_start(&f->d);
	echo_put(f, 0, 'a');
	echo_send(f, 0);
	assert_int_equal(echo_answer(f, 0), 'a');
	/* And the BAR can still move. */
	rig_config_write(&f->rig, ECHO_SLOT, PCI_BASE_ADDRESS_0, 0xc9000000, 4);
	assert_int_equal(f->rig.accel.nr_ioeventfds, ECHO_QUEUES);
}

static void the_notification_follows_the_bar(void **state)
{
	struct echo *f = *state;
	uint64_t before = f->d.notify;

	rig_config_write(&f->rig, ECHO_SLOT, PCI_BASE_ADDRESS_0, 0xc9000000, 4);
	driver_find(&f->d, &f->rig, ECHO_SLOT);
	assert_int_not_equal(f->d.notify, before);
	assert_int_equal(f->rig.accel.nr_ioeventfds, ECHO_QUEUES);
	assert_int_equal(f->rig.accel.ioeventfds[0].gpa, f->d.notify);
	driver_start(&f->d);
	echo_put(f, 0, 'a');
	echo_send(f, 0);
	assert_int_equal(echo_answer(f, 0), 'a');
}

static void a_guest_that_refills_without_end_lets_others_in(void **state)
{
	struct echo *f = *state;
	bool rung = false;

	driver_start(&f->d);
	echo_put(f, 0, 'a');
	f->refill = 1000;
	driver_offer(&f->d, 0);
	driver_kick(&f->d);
	/* One turn of the loop handles no more than the queue's size. */
	while (f->handled < 1001) {
		int before = f->handled;

		assert_int_equal(loop_run_once(f->rig.loop), 0);
		assert_in_range(f->handled - before, 0, DRIVER_SIZE);
		rung = true;
	}
	assert_true(rung);
	assert_int_equal(driver_used(&f->d), 1001);
}

/* ---- a driver that does it wrong ----------------------------------------- */

static void requests_that_take_long_let_others_in(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	for (int i = 0; i < 10; i++) {
		echo_put(f, i * 2, 'a' + i);
		driver_offer(&f->d, i * 2);
	}
	ns_per_look = 1000000;
	driver_kick(&f->d);
	assert_int_equal(loop_run_once(f->rig.loop), 0);
	ns_per_look = 0;
	assert_in_range(driver_used(&f->d), 1, 3);
	rig_settle(&f->rig);
	assert_int_equal(driver_used(&f->d), 10);
}

static void a_kick_before_set_up_is_ignored(void **state)
{
	struct echo *f = *state;

	driver_kick(&f->d);
	rig_settle(&f->rig);
	assert_int_equal(driver_status(&f->d), 0);
	driver_negotiate(&f->d);
	driver_setup_queue(&f->d);
	echo_put(f, 0, 'a');
	echo_send(f, 0); /* not before DRIVER_OK */
	assert_int_equal(f->handled, 0);
	assert_int_equal(driver_used(&f->d), 0);
	assert_false(driver_status(&f->d) & NEEDS_RESET);
}

static void a_kick_of_a_queue_never_enabled_is_ignored(void **state)
{
	struct echo *f = *state;

	driver_negotiate(&f->d);
	driver_set_status(&f->d, driver_status(&f->d) | DRIVER_OK);
	driver_kick(&f->d);
	rig_settle(&f->rig);
	assert_int_equal(f->handled, 0);
	assert_false(driver_status(&f->d) & NEEDS_RESET);
}

static void a_driver_that_gave_up_is_left_alone(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	driver_set_status(&f->d, driver_status(&f->d) | FAILED);
	echo_put(f, 0, 'a');
	echo_send(f, 0);
	assert_int_equal(f->handled, 0);
}

static void a_malformed_request_needs_a_reset(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	echo_put(f, 0, 'a');
	echo_put(f, 2, 'b');
	echo_put(f, 4, 'x');
	echo_put(f, 6, 'c');
	for (uint16_t head = 0; head < 8; head += 2)
		driver_offer(&f->d, head);
	driver_kick(&f->d);
	rig_settle(&f->rig);
	/* What came before it was answered, what comes after it was not. */
	assert_int_equal(driver_used(&f->d), 2);
	assert_int_equal(echo_answer(f, 0), 'a');
	assert_int_equal(echo_answer(f, 2), 'b');
	assert_int_equal(echo_answer(f, 6), 0);
	assert_true(driver_status(&f->d) & NEEDS_RESET);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR), 1);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 1);
}

static void nothing_goes_on_until_the_reset(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	echo_put(f, 0, 'x');
	echo_send(f, 0);
	assert_true(driver_status(&f->d) & NEEDS_RESET);
	assert_false(virtio_pci_driver_ready(f->vp));
	echo_put(f, 2, 'a');
	echo_send(f, 2);
	assert_int_equal(f->handled, 1);
	driver_start(&f->d);
	assert_false(driver_status(&f->d) & NEEDS_RESET);
	assert_true(virtio_pci_driver_ready(f->vp));
	echo_put(f, 0, 'b');
	echo_send(f, 0);
	assert_int_equal(echo_answer(f, 0), 'b');
}

static void a_ring_outside_memory_needs_a_reset(void **state)
{
	struct echo *f = *state;

	driver_negotiate(&f->d);
	driver_setup_msix(&f->d);
	driver_set(&f->d, COMMON_FIELD(queue_desc_lo),
		   UINT64_C(0x1000000000000), 8);
	driver_set(&f->d, COMMON_FIELD(queue_avail_lo), RIG_RAM_SIZE, 8);
	driver_set(&f->d, COMMON_FIELD(queue_enable), 1, 2);
	driver_set_status(&f->d, driver_status(&f->d) | DRIVER_OK);
	driver_kick(&f->d);
	rig_settle(&f->rig);
	assert_true(driver_status(&f->d) & NEEDS_RESET);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 1);
}

static void an_answer_outside_memory_needs_a_reset(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	driver_desc(&f->d, 0, DRIVER_REQUEST, 1, DESC_NEXT, 1);
	driver_desc(&f->d, 1, RIG_RAM_SIZE, 1, DESC_WRITE, 0);
	echo_send(f, 0);
	assert_true(driver_status(&f->d) & NEEDS_RESET);
	assert_int_equal(driver_used(&f->d), 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, echo_setup, echo_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_answered_with_an_interrupt),
		TEST(a_batch_has_one_interrupt),
		TEST(the_driver_may_decline_interrupts),
		TEST(the_isr_is_cleared_by_reading),
		TEST(without_msix_the_line_follows_the_isr),
		TEST(the_line_can_be_disabled),
		TEST(with_msix_the_line_is_quiet),
		TEST(without_bus_mastering_memory_is_left_alone),
		TEST(without_features_ok_nothing_is_handled),
		TEST(a_plain_write_notifies_too),
		TEST(the_notification_follows_the_bar),
		TEST(a_guest_that_refills_without_end_lets_others_in),
		TEST(requests_that_take_long_let_others_in),
		TEST(a_kick_before_set_up_is_ignored),
		TEST(a_kick_of_a_queue_never_enabled_is_ignored),
		TEST(a_driver_that_gave_up_is_left_alone),
		TEST(a_malformed_request_needs_a_reset),
		TEST(nothing_goes_on_until_the_reset),
		TEST(a_ring_outside_memory_needs_a_reset),
		TEST(an_answer_outside_memory_needs_a_reset),
	};

	return cmocka_run_group_tests_name("virtio_pci_queue", tests, NULL,
					   NULL);
}
