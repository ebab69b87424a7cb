/* SPDX-License-Identifier: BSD-3-Clause */
/* MSI-X: a message goes out when nothing masks it, and never gets lost. */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <linux/pci_regs.h>

#include "fake_accel.h"
#include "pci/msix.h"

#define MASK PCI_MSIX_ENTRY_CTRL_MASKBIT

struct fixture {
	struct accel accel;
	struct pci_function f;
	struct msix msix;
};

static const struct pci_function_ops no_ops;

static int setup(void **state)
{
	static const struct pci_ids ids = { .vendor = 1 };
	static struct fixture f;

	fake_accel_init(&f.accel);
	pci_function_init(&f.f, &ids, &no_ops);
	f.f.config[PCI_COMMAND] = PCI_COMMAND_MASTER;
	assert_int_equal(msix_init(&f.msix, &f.accel, &f.f, 1, 2), 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	msix_finish(&f->msix);
	fake_accel_finish(&f->accel);
	return 0;
}

static void flags_set(struct fixture *f, unsigned int flags)
{
	f->f.config[f->msix.capability + PCI_MSIX_FLAGS + 1] = flags >> 8;
	msix_config_written(&f->msix);
}

static void entry_set(struct fixture *f, unsigned int vector, uint64_t address,
		      uint32_t data, uint32_t control)
{
	uint64_t at = vector * 16;

	msix_bar_write(&f->msix, at, (uint32_t)address, 4);
	msix_bar_write(&f->msix, at + 4, address >> 32, 4);
	msix_bar_write(&f->msix, at + 8, data, 4);
	msix_bar_write(&f->msix, at + 12, control, 4);
}

static uint64_t pending(struct fixture *f)
{
	return msix_bar_read(&f->msix, MSIX_PBA_OFFSET, 4);
}

static void the_capability_tells_where_the_table_is(void **state)
{
	struct fixture *f = *state;
	const uint8_t *c = f->f.config + f->msix.capability;

	assert_int_equal(c[0], PCI_CAP_ID_MSIX);
	assert_int_equal(c[PCI_MSIX_FLAGS], 1); /* two vectors */
	assert_int_equal(c[PCI_MSIX_FLAGS + 1], 0);
	assert_memory_equal(c + PCI_MSIX_TABLE, "\x01\x00\x00\x00", 4);
	assert_memory_equal(c + PCI_MSIX_PBA, "\x01\x08\x00\x00", 4);
	c = f->f.writable + f->msix.capability;
	assert_int_equal(c[PCI_MSIX_FLAGS], 0);
	assert_int_equal(c[PCI_MSIX_FLAGS + 1], 0xc0);
}

static void a_message_has_its_address_and_data(void **state)
{
	struct fixture *f = *state;

	flags_set(f, PCI_MSIX_FLAGS_ENABLE);
	entry_set(f, 1, UINT64_C(0x1234567fee01000), 0x4021, 0);
	assert_true(f->accel.msi[1].connected);
	assert_int_equal(f->accel.msi[1].address, 0x1234567fee01000);
	assert_int_equal(f->accel.msi[1].data, 0x4021);
	assert_false(f->accel.msi[0].connected);
	msix_notify(&f->msix, 1);
	assert_int_equal(fake_msi_take(&f->accel, 1), 1);
	assert_int_equal(pending(f), 0);
}

static void entries_are_masked_at_power_on(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(msix_bar_read(&f->msix, 12, 4), MASK);
	assert_int_equal(msix_bar_read(&f->msix, 28, 4), MASK);
	flags_set(f, PCI_MSIX_FLAGS_ENABLE);
	assert_false(f->accel.msi[0].connected);
}

static void a_masked_message_is_sent_at_unmask(void **state)
{
	struct fixture *f = *state;

	flags_set(f, PCI_MSIX_FLAGS_ENABLE);
	entry_set(f, 0, 0xfee00000, 1, MASK);
	msix_notify(&f->msix, 0);
	msix_notify(&f->msix, 0);
	assert_int_equal(pending(f), 1);
	msix_bar_write(&f->msix, 12, 0, 4);
	assert_int_equal(fake_msi_take(&f->accel, 0), 1);
	assert_int_equal(pending(f), 0);
	msix_bar_write(&f->msix, 12, MASK, 4);
	assert_false(f->accel.msi[0].connected);
	msix_bar_write(&f->msix, 12, 0, 4);
	assert_int_equal(fake_msi_take(&f->accel, 0), 0);
}

static void the_function_mask_holds_all(void **state)
{
	struct fixture *f = *state;

	flags_set(f, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	entry_set(f, 0, 0xfee00000, 1, 0);
	entry_set(f, 1, 0xfee00000, 2, 0);
	msix_notify(&f->msix, 1);
	assert_int_equal(pending(f), 2);
	assert_false(f->accel.msi[0].connected);
	flags_set(f, PCI_MSIX_FLAGS_ENABLE);
	assert_true(f->accel.msi[0].connected);
	assert_int_equal(fake_msi_take(&f->accel, 0), 0);
	assert_int_equal(fake_msi_take(&f->accel, 1), 1);
	flags_set(f, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_false(f->accel.msi[1].connected);
}

static void nothing_is_sent_without_bus_mastering(void **state)
{
	struct fixture *f = *state;

	f->f.config[PCI_COMMAND] = 0;
	entry_set(f, 0, 0xfee00000, 0x41, 0);
	flags_set(f, PCI_MSIX_FLAGS_ENABLE);
	assert_true(f->msix.enabled);
	assert_false(f->accel.msi[0].connected);
	msix_notify(&f->msix, 0);
	assert_int_equal(pending(f), 1);
	f->f.config[PCI_COMMAND] = PCI_COMMAND_MASTER;
	msix_config_written(&f->msix);
	assert_int_equal(fake_msi_take(&f->accel, 0), 1);
	assert_int_equal(pending(f), 0);
}

static void nothing_is_sent_while_disabled(void **state)
{
	struct fixture *f = *state;

	entry_set(f, 0, 0xfee00000, 1, 0);
	msix_notify(&f->msix, 0);
	assert_false(f->accel.msi[0].connected);
	assert_int_equal(fake_msi_take(&f->accel, 0), 0);
	flags_set(f, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(fake_msi_take(&f->accel, 0), 1);
	flags_set(f, 0);
	assert_false(f->accel.msi[0].connected);
}

static void a_message_may_change_while_unmasked(void **state)
{
	struct fixture *f = *state;

	flags_set(f, PCI_MSIX_FLAGS_ENABLE);
	entry_set(f, 0, 0xfee00000, 1, 0);
	msix_bar_write(&f->msix, 0, 0xfee05000, 4);
	msix_bar_write(&f->msix, 8, 2, 4);
	assert_true(f->accel.msi[0].connected);
	assert_int_equal(f->accel.msi[0].address, 0xfee05000);
	assert_int_equal(f->accel.msi[0].data, 2);
}

static void eight_bytes_are_two_words(void **state)
{
	struct fixture *f = *state;

	flags_set(f, PCI_MSIX_FLAGS_ENABLE);
	msix_bar_write(&f->msix, 16, UINT64_C(0x11223344fee00000), 8);
	msix_bar_write(&f->msix, 24, 0x77, 8); /* unmasks, too */
	assert_int_equal(msix_bar_read(&f->msix, 16, 8), 0x11223344fee00000);
	assert_int_equal(msix_bar_read(&f->msix, 24, 8), 0x77);
	assert_int_equal(msix_bar_read(&f->msix, 20, 4), 0x11223344);
	assert_int_equal(f->accel.msi[1].address, 0x11223344fee00000);
	assert_int_equal(f->accel.msi[1].data, 0x77);
}

static void reserved_bits_stay_zero(void **state)
{
	struct fixture *f = *state;

	entry_set(f, 0, UINT64_MAX, 0xffffffff, 0xffffffff);
	assert_int_equal(msix_bar_read(&f->msix, 0, 8), UINT64_MAX - 3);
	assert_int_equal(msix_bar_read(&f->msix, 8, 4), 0xffffffff);
	assert_int_equal(msix_bar_read(&f->msix, 12, 4), MASK);
}

static void other_accesses_do_nothing(void **state)
{
	struct fixture *f = *state;

	msix_bar_write(&f->msix, 12, 0, 1);
	msix_bar_write(&f->msix, 12, 0, 2);
	msix_bar_write(&f->msix, 10, 0, 4);
	msix_bar_write(&f->msix, 12, 0, 8);
	assert_int_equal(msix_bar_read(&f->msix, 12, 4), MASK);
	msix_bar_write(&f->msix, 32, 1, 4); /* behind the table */
	msix_bar_write(&f->msix, MSIX_PBA_OFFSET, 3, 4);
	msix_bar_write(&f->msix, 4092, 3, 4);
	assert_int_equal(pending(f), 0);
	assert_int_equal(msix_bar_read(&f->msix, 32, 4), 0);
	assert_int_equal(msix_bar_read(&f->msix, 4088, 8), 0);
	msix_notify(&f->msix, 2);
	msix_notify(&f->msix, 0xffff);
	assert_int_equal(pending(f), 0);
}

static void without_a_connection_messages_are_sent_by_hand(void **state)
{
	struct fixture *f = *state;

	flags_set(f, PCI_MSIX_FLAGS_ENABLE);
	entry_set(f, 0, 0xfee01000, 7, MASK);
	f->accel.fail_msi_connect = -ENOMEM;
	msix_bar_write(&f->msix, 12, 0, 4);
	f->accel.fail_msi_connect = -ENOMEM;
	msix_notify(&f->msix, 0);
	assert_int_equal(f->accel.sent.count, 1);
	assert_int_equal(f->accel.sent.address, 0xfee01000);
	assert_int_equal(f->accel.sent.data, 7);
	assert_int_equal(pending(f), 0);
}

static void a_message_that_cannot_be_sent_is_kept(void **state)
{
	struct fixture *f = *state;

	flags_set(f, PCI_MSIX_FLAGS_ENABLE);
	entry_set(f, 0, 0xfee00000, 1, MASK);
	f->accel.fail_msi_connect = -ENOMEM;
	msix_bar_write(&f->msix, 12, 0, 4);
	f->accel.fail_msi_connect = -ENOMEM;
	f->accel.fail_msi_send = -ENOMEM;
	msix_notify(&f->msix, 0);
	assert_int_equal(pending(f), 1);
	msix_bar_write(&f->msix, 12, 0, 4);
	assert_int_equal(fake_msi_take(&f->accel, 0), 1);
}

/* The driver, which unmasked it long ago, will not write again. */
static void a_failed_connection_is_tried_with_each_message(void **state)
{
	struct fixture *f = *state;

	flags_set(f, PCI_MSIX_FLAGS_ENABLE);
	entry_set(f, 0, 0xfee00000, 1, MASK);
	f->accel.fail_msi_connect = -ENOMEM;
	msix_bar_write(&f->msix, 12, 0, 4);
	msix_notify(&f->msix, 0);
	assert_int_equal(pending(f), 0);
	assert_int_equal(fake_msi_take(&f->accel, 0), 1);
}

static void reset_masks_and_forgets(void **state)
{
	struct fixture *f = *state;

	flags_set(f, PCI_MSIX_FLAGS_ENABLE);
	entry_set(f, 0, 0xfee00000, 1, 0);
	msix_notify(&f->msix, 1);
	msix_reset(&f->msix);
	assert_false(f->accel.msi[0].connected);
	assert_int_equal(msix_bar_read(&f->msix, 0, 8), 0);
	assert_int_equal(msix_bar_read(&f->msix, 8, 8), UINT64_C(1) << 32);
	assert_int_equal(pending(f), 0);
}

static void no_route_is_a_failure(void **state)
{
	static const struct pci_ids ids = { .vendor = 1 };
	struct pci_function function;
	struct msix msix;
	struct accel accel;

	(void)state;
	fake_accel_init(&accel);
	pci_function_init(&function, &ids, &no_ops);
	accel.fail_msi_alloc = -ENOSPC;
	assert_int_equal(msix_init(&msix, &accel, &function, 1, 2), -ENOSPC);
	msix_finish(&msix);
	fake_accel_finish(&accel);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_capability_tells_where_the_table_is),
		TEST(a_message_has_its_address_and_data),
		TEST(entries_are_masked_at_power_on),
		TEST(a_masked_message_is_sent_at_unmask),
		TEST(the_function_mask_holds_all),
		TEST(nothing_is_sent_while_disabled),
		TEST(nothing_is_sent_without_bus_mastering),
		TEST(a_message_may_change_while_unmasked),
		TEST(eight_bytes_are_two_words),
		TEST(reserved_bits_stay_zero),
		TEST(other_accesses_do_nothing),
		TEST(a_failed_connection_is_tried_with_each_message),
		TEST(without_a_connection_messages_are_sent_by_hand),
		TEST(a_message_that_cannot_be_sent_is_kept),
		TEST(reset_masks_and_forgets),
		cmocka_unit_test(no_route_is_a_failure),
	};

	return cmocka_run_group_tests_name("msix", tests, NULL, NULL);
}
