/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The registers of the virtio PCI transport, driven through configuration
 * space and BARs.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "echo.h"

/* ---- identity ------------------------------------------------------------ */

static void it_is_a_modern_device(void **state)
{
	struct echo *f = *state;

	assert_int_equal(rig_config_read(&f->rig, ECHO_SLOT, 0, 4), 0x10581af4);
	assert_true(rig_config_read(&f->rig, ECHO_SLOT, PCI_REVISION_ID, 1) >=
		    1);
	assert_int_equal(rig_config_read(&f->rig, ECHO_SLOT, PCI_CLASS_DEVICE,
					 2),
			 0x0500);
	assert_true(rig_config_read(&f->rig, ECHO_SLOT, PCI_SUBSYSTEM_ID, 2) >=
		    0x40);
}

static void capabilities_are_well_formed(void **state)
{
	struct echo *f = *state;
	unsigned int at = rig_config_read(&f->rig, ECHO_SLOT, 0x34, 1);
	unsigned int seen = 0, end = 0x40;

	assert_true(rig_config_read(&f->rig, ECHO_SLOT, PCI_STATUS, 2) &
		    PCI_STATUS_CAP_LIST);
	while (at) {
		unsigned int id = rig_config_read(&f->rig, ECHO_SLOT, at, 1);
		unsigned int len =
			rig_config_read(&f->rig, ECHO_SLOT, at + 2, 1);
		unsigned int type =
			rig_config_read(&f->rig, ECHO_SLOT, at + 3, 1);

		assert_int_equal(at % 4, 0);
		assert_true(at >= end);
		if (id == PCI_CAP_ID_VNDR) {
			assert_true(len >= sizeof(struct virtio_pci_cap));
			assert_false(seen & 1u << type);
			seen |= 1u << type;
			end = at + len;
		} else {
			assert_int_equal(id, PCI_CAP_ID_MSIX);
			seen |= 1;
			end = at + PCI_CAP_MSIX_SIZEOF;
		}
		assert_true(end <= PCI_CONFIG_SIZE);
		at = rig_config_read(&f->rig, ECHO_SLOT, at + 1, 1);
	}
	assert_int_equal(seen, 0x3f);
}

/* ---- features and status ------------------------------------------------- */

static void features_come_in_two_halves(void **state)
{
	struct echo *f = *state;

	assert_int_equal(driver_features(&f->d),
			 ECHO_FEATURES | VERSION_1 | INDIRECT);
	driver_set(&f->d, COMMON_FIELD(device_feature_select), 2, 4);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(device_feature), 4), 0);
	driver_accept(&f->d, UINT64_C(0x1122334455667788));
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(guest_feature), 4),
			 0x11223344);
	driver_set(&f->d, COMMON_FIELD(guest_feature_select), 2, 4);
	driver_set(&f->d, COMMON_FIELD(guest_feature), 0xffffffff, 4);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(guest_feature), 4), 0);
}

static void accepting_a_subset_works(void **state)
{
	struct echo *f = *state;

	driver_set_status(&f->d, ACKNOWLEDGE | DRIVER);
	driver_accept(&f->d, VERSION_1);
	driver_set_status(&f->d, ACKNOWLEDGE | DRIVER | FEATURES_OK);
	assert_int_equal(driver_status(&f->d),
			 ACKNOWLEDGE | DRIVER | FEATURES_OK);
	assert_int_equal(f->accepted, VERSION_1);
	assert_int_equal(f->accepts, 1);
}

static void expect_features_refused(struct echo *f, uint64_t features)
{
	driver_set_status(&f->d, 0);
	driver_set_status(&f->d, ACKNOWLEDGE | DRIVER);
	driver_accept(&f->d, features);
	driver_set_status(&f->d, ACKNOWLEDGE | DRIVER | FEATURES_OK);
	assert_int_equal(driver_status(&f->d), ACKNOWLEDGE | DRIVER);
	assert_int_equal(f->accepts, 0);
}

static void unknown_features_are_refused(void **state)
{
	struct echo *f = *state;

	expect_features_refused(f, VERSION_1 | 1);
	expect_features_refused(f,
				VERSION_1 | ECHO_FEATURES | UINT64_C(1) << 63);
	/* It may try again with better ones. */
	driver_accept(&f->d, VERSION_1 | ECHO_FEATURES);
	driver_set_status(&f->d, ACKNOWLEDGE | DRIVER | FEATURES_OK);
	assert_true(driver_status(&f->d) & FEATURES_OK);
}

static void version_1_is_a_must(void **state)
{
	struct echo *f = *state;

	expect_features_refused(f, 0);
	expect_features_refused(f, ECHO_FEATURES);
}

static void features_are_fixed_once_they_are_ok(void **state)
{
	struct echo *f = *state;

	driver_negotiate(&f->d);
	driver_accept(&f->d, 0);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(guest_feature), 4),
			 (ECHO_FEATURES | VERSION_1) >> 32);
}

static void status_bits_stay_until_a_reset(void **state)
{
	struct echo *f = *state;

	driver_set_status(&f->d, ACKNOWLEDGE);
	driver_set_status(&f->d, DRIVER);
	assert_int_equal(driver_status(&f->d), ACKNOWLEDGE | DRIVER);
	driver_set_status(&f->d, FAILED);
	assert_int_equal(driver_status(&f->d), ACKNOWLEDGE | DRIVER | FAILED);
	/* The driver cannot say that the device needs a reset. */
	driver_set_status(&f->d, NEEDS_RESET);
	assert_false(driver_status(&f->d) & NEEDS_RESET);
	f->resets = 0;
	driver_set_status(&f->d, 0);
	assert_int_equal(driver_status(&f->d), 0);
	assert_int_equal(f->resets, 1);
}

static void reset_forgets_what_the_driver_set_up(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	driver_set(&f->d, COMMON_FIELD(queue_select), 1, 2);
	driver_set_status(&f->d, 0);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_select), 2), 0);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_enable), 2), 0);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_size), 2), 128);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_desc_lo), 4), 0);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_used_lo), 4), 0);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(msix_config), 2),
			 0xffff);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_msix_vector), 2),
			 0xffff);
	driver_set(&f->d, COMMON_FIELD(guest_feature_select), 1, 4);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(guest_feature), 4), 0);
}

/* ---- the queue's set-up -------------------------------------------------- */

static void there_are_so_many_queues(void **state)
{
	struct echo *f = *state;

	assert_int_equal(driver_get(&f->d, COMMON_FIELD(num_queues), 2),
			 ECHO_QUEUES);
	driver_set(&f->d, COMMON_FIELD(queue_select), ECHO_QUEUES, 2);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_size), 2), 0);
	driver_set(&f->d, COMMON_FIELD(queue_enable), 1, 2);
	driver_set(&f->d, COMMON_FIELD(queue_desc_lo), 0x1000, 4);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_enable), 2), 0);
	driver_set(&f->d, COMMON_FIELD(queue_select), 0, 2);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_enable), 2), 0);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_desc_lo), 4), 0);
}

static void addresses_have_64_bits(void **state)
{
	struct echo *f = *state;

	driver_set(&f->d, COMMON_FIELD(queue_desc_lo), 0x11111110, 4);
	driver_set(&f->d, COMMON_FIELD(queue_desc_hi), 0x22222222, 4);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_desc_lo), 8),
			 0x2222222211111110);
	driver_set(&f->d, COMMON_FIELD(queue_avail_lo),
		   UINT64_C(0x4444444433333330), 8);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_avail_lo), 4),
			 0x33333330);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_avail_hi), 4),
			 0x44444444);
	driver_set(&f->d, COMMON_FIELD(queue_used_hi), 0x55555555, 4);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_used_lo), 8),
			 0x5555555500000000);
}

static void sizes_are_powers_of_two_up_to_the_offer(void **state)
{
	const uint16_t bad[] = { 0, 3, 127, 129, 256, 32768, 65535 };
	struct echo *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		driver_set(&f->d, COMMON_FIELD(queue_size), bad[i], 2);
		assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_size), 2),
				 128);
	}
	driver_set(&f->d, COMMON_FIELD(queue_size), 1, 2);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_size), 2), 1);
}

static void an_enabled_queue_is_fixed(void **state)
{
	struct echo *f = *state;

	driver_setup_queue(&f->d);
	driver_set(&f->d, COMMON_FIELD(queue_size), 8, 2);
	driver_set(&f->d, COMMON_FIELD(queue_desc_lo), 0, 4);
	driver_set(&f->d, COMMON_FIELD(queue_avail_lo), 0, 8);
	driver_set(&f->d, COMMON_FIELD(queue_enable), 0, 2);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_size), 2),
			 DRIVER_SIZE);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_desc_lo), 4),
			 DRIVER_DESC);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_avail_lo), 4),
			 DRIVER_AVAIL);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_enable), 2), 1);
}

static void vectors_that_do_not_exist_are_refused(void **state)
{
	struct echo *f = *state;

	driver_set(&f->d, COMMON_FIELD(msix_config), 1 + ECHO_QUEUES, 2);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(msix_config), 2),
			 0xffff);
	driver_set(&f->d, COMMON_FIELD(queue_msix_vector), 1, 2);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_msix_vector), 2),
			 1);
	driver_set(&f->d, COMMON_FIELD(queue_msix_vector), 0x101, 2);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_msix_vector), 2),
			 0xffff);
}

static void writes_of_another_width_are_ignored(void **state)
{
	struct echo *f = *state;

	driver_set(&f->d, COMMON_FIELD(device_status), ACKNOWLEDGE, 4);
	driver_set(&f->d, COMMON_FIELD(queue_size), 8, 4);
	driver_set(&f->d, COMMON_FIELD(queue_desc_lo), 0x10, 1);
	driver_set(&f->d, COMMON_FIELD(queue_desc_lo) + 2, 0x10, 2);
	/* Eight bytes are two fields of four, and nothing else is. */
	driver_set(&f->d, COMMON_FIELD(msix_config),
		   UINT64_C(0x0000000100000001), 8);
	assert_int_equal(driver_status(&f->d), 0);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_size), 2), 128);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_desc_lo), 8), 0);
	assert_int_equal(driver_get(&f->d, COMMON_FIELD(msix_config), 2),
			 0xffff);
}

static void reads_behind_the_structures_are_zero(void **state)
{
	struct echo *f = *state;

	for (unsigned int at = 56; at < 0x1000; at += 8)
		assert_int_equal(driver_get(&f->d, at, 8), 0);
	assert_int_equal(bus_read(f->rig.mmio, f->d.isr + 4, 4), 0);
	assert_int_equal(bus_read(f->rig.mmio, f->d.notify, 2), 0);
	driver_set(&f->d, 0xff8, UINT64_MAX, 8);
	bus_write(f->rig.mmio, f->d.isr, 0xff, 1);
	bus_write(f->rig.mmio, f->d.device, 0xff, 1);
}

static void device_configuration_is_read_at_any_width(void **state)
{
	struct echo *f = *state;

	assert_int_equal(driver_config(&f->d, 3, 1), 3);
	assert_int_equal(driver_config(&f->d, 2, 2), 0x0302);
	assert_int_equal(driver_config(&f->d, 4, 4), 0x07060504);
	assert_int_equal(driver_config(&f->d, 0, 8), 0x0706050403020100);
}

/* ---- configuration changes ----------------------------------------------- */

static void change_config(struct echo *f)
{
	virtio_pci_lock(f->vp);
	virtio_pci_config_changed(f->vp);
	virtio_pci_unlock(f->vp);
}

static uint8_t generation(struct echo *f)
{
	return driver_get(&f->d, COMMON_FIELD(config_generation), 1);
}

static void a_change_has_a_generation_and_an_interrupt(void **state)
{
	struct echo *f = *state;
	uint8_t before;

	driver_start(&f->d);
	before = generation(f);
	assert_int_equal(generation(f), before);
	change_config(f);
	assert_int_not_equal(generation(f), before);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 1);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR), 0);
}

static void a_request_may_change_the_configuration(void **state)
{
	struct echo *f = *state;
	uint8_t before;

	driver_start(&f->d);
	before = generation(f);
	echo_put(f, 0, 'c');
	echo_send(f, 0);
	assert_int_not_equal(generation(f), before);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
	before = generation(f);
	echo_put(f, 0, 'a');
	echo_send(f, 0);
	assert_int_equal(generation(f), before);
}

/* Whoever changed it, and told nobody. */
static void a_change_between_two_reads_shows(void **state)
{
	struct echo *f = *state;
	uint8_t before = generation(f);

	driver_config(&f->d, 0, 4);
	f->shift++;
	driver_config(&f->d, 4, 4);
	f->shift--;
	assert_int_not_equal(generation(f), before);
}

/* As many as bring eight bits back to where they were. */
static void many_changes_do_not_hide_each_other(void **state)
{
	struct echo *f = *state;
	uint8_t before;

	driver_start(&f->d);
	for (int nr = 255; nr < 258; nr++) {
		before = generation(f);
		for (int i = 0; i < nr; i++)
			change_config(f);
		assert_int_not_equal(generation(f), before);
	}
}

static void no_interrupt_before_the_driver_is_ready(void **state)
{
	struct echo *f = *state;
	uint8_t before = generation(f);

	driver_negotiate(&f->d);
	driver_setup_msix(&f->d);
	change_config(f);
	assert_int_not_equal(generation(f), before);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
}

/* ---- access through configuration space ---------------------------------- */

static void window_select(struct echo *f, uint8_t bar, uint32_t offset,
			  uint32_t len)
{
	unsigned int at = f->d.cfg_access;

	rig_config_write(&f->rig, ECHO_SLOT, at + 4, bar, 1);
	rig_config_write(&f->rig, ECHO_SLOT, at + 8, offset, 4);
	rig_config_write(&f->rig, ECHO_SLOT, at + 12, len, 4);
}

static uint32_t window_read(struct echo *f, unsigned int len)
{
	return rig_port_config_read(&f->rig, ECHO_SLOT, f->d.cfg_access + 16,
				    len);
}

static void window_write(struct echo *f, uint32_t value, unsigned int len)
{
	rig_port_config_write(&f->rig, ECHO_SLOT, f->d.cfg_access + 16, value,
			      len);
}

static void the_bar_is_reached_through_configuration_space(void **state)
{
	struct echo *f = *state;

	/* That is what it is for: with the BARs off. */
	rig_config_write(&f->rig, ECHO_SLOT, PCI_COMMAND, 0, 2);
	window_select(f, 0, COMMON_FIELD(num_queues), 2);
	assert_int_equal(window_read(f, 2), ECHO_QUEUES);
	window_select(f, 0, COMMON_FIELD(device_status), 1);
	window_write(f, ACKNOWLEDGE | DRIVER, 1);
	assert_int_equal(window_read(f, 1), ACKNOWLEDGE | DRIVER);
	window_select(f, 0, 0x2004, 4);
	assert_int_equal(window_read(f, 4), 0x07060504);
	window_select(f, 0, COMMON_FIELD(device_feature_select), 4);
	window_write(f, 1, 4);
	window_select(f, 0, COMMON_FIELD(device_feature), 4);
	assert_int_equal(window_read(f, 4), (ECHO_FEATURES | VERSION_1) >> 32);
}

static void a_window_that_is_not_valid_does_nothing(void **state)
{
	static const struct {
		uint8_t bar;
		uint32_t offset, len;
	} bad[] = {
		{ 0, COMMON_FIELD(device_status), 0 },
		{ 0, COMMON_FIELD(device_status), 3 },
		{ 0, COMMON_FIELD(device_status), 8 },
		{ 0, COMMON_FIELD(device_status), 0xffffffff },
		{ 1, COMMON_FIELD(device_status), 1 },
		{ 7, COMMON_FIELD(device_status), 1 },
		{ 0, 0x4000, 1 },
		{ 0, 0x3ffe, 4 },
		{ 0, 0xffffffff, 1 },
		{ 0, 0xfffffffc, 4 },
		{ 0, 0x2001, 2 },
	};
	struct echo *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		window_select(f, bad[i].bar, bad[i].offset, bad[i].len);
		window_write(f, ACKNOWLEDGE, 4);
		assert_int_equal(window_read(f, 4), ACKNOWLEDGE);
		assert_int_equal(driver_status(&f->d), 0);
	}
}

/* ---- life ---------------------------------------------------------------- */

static void power_on_state_comes_back(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	virtio_pci_reset(f->vp);
	pci_host_reset(f->rig.pci);
	assert_int_equal(f->rig.accel.nr_ioeventfds, 0);
	for (unsigned int i = 0; i < f->rig.accel.nr_msi; i++)
		assert_false(f->rig.accel.msi[i].connected);
	driver_find(&f->d, &f->rig, ECHO_SLOT);
	assert_int_equal(driver_status(&f->d), 0);
	assert_int_equal(bus_read(f->rig.mmio, f->d.msix, 8), 0);
	driver_start(&f->d);
	echo_put(f, 0, 'a');
	echo_send(f, 0);
	assert_int_equal(driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR), 1);
}

static void failures_at_creation_leave_nothing(void **state)
{
	struct echo *f = *state;
	struct virtio_pci_config config = echo_config(f);
	struct virtio_pci *vp = NULL;

	f->rig.accel.fail_msi_alloc = -ENOSPC;
	assert_int_equal(virtio_pci_create(&config, &vp), -ENOSPC);
	assert_null(vp);
	assert_int_equal(rig_config_read(&f->rig, 2, 0, 4), 0xffffffff);
	virtio_pci_destroy(NULL);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, echo_setup, echo_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_a_modern_device),
		TEST(capabilities_are_well_formed),
		TEST(features_come_in_two_halves),
		TEST(accepting_a_subset_works),
		TEST(unknown_features_are_refused),
		TEST(version_1_is_a_must),
		TEST(features_are_fixed_once_they_are_ok),
		TEST(status_bits_stay_until_a_reset),
		TEST(reset_forgets_what_the_driver_set_up),
		TEST(there_are_so_many_queues),
		TEST(addresses_have_64_bits),
		TEST(sizes_are_powers_of_two_up_to_the_offer),
		TEST(an_enabled_queue_is_fixed),
		TEST(vectors_that_do_not_exist_are_refused),
		TEST(writes_of_another_width_are_ignored),
		TEST(reads_behind_the_structures_are_zero),
		TEST(device_configuration_is_read_at_any_width),
		TEST(a_change_has_a_generation_and_an_interrupt),
		TEST(a_change_between_two_reads_shows),
		TEST(many_changes_do_not_hide_each_other),
		TEST(a_request_may_change_the_configuration),
		TEST(no_interrupt_before_the_driver_is_ready),
		TEST(the_bar_is_reached_through_configuration_space),
		TEST(a_window_that_is_not_valid_does_nothing),
		TEST(power_on_state_comes_back),
		TEST(failures_at_creation_leave_nothing),
	};

	return cmocka_run_group_tests_name("virtio_pci", tests, NULL, NULL);
}
