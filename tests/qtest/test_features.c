/* SPDX-License-Identifier: BSD-3-Clause */
/* Features and status: how a driver and the device come to agree. */
#include "suite.h"

/* One device for each choice, in this order. */
enum { ALWAYS, NEVER, MAYBE };

#define ALL_OF_THEM UINT64_MAX

/* Whether a node is told too depends on the peer's NUMA nodes. */
static uint64_t device_features(const struct mem *mem)
{
	return virtio_features(&mem->virtio) & MEM_F_UNPLUGGED_INACCESSIBLE;
}

static void a_modern_device_of_type_24(void **state)
{
	struct mem *mem = *state;
	struct pci_function other;

	assert_int_equal(pci_read(&mem->virtio.pci, 0, 2), 0x1af4);
	assert_int_equal(pci_read(&mem->virtio.pci, 2, 2), 0x1058);
	/* [virtio] 4.1.2.1: not a transitional one. */
	assert_true(pci_read(&mem->virtio.pci, 8, 1) >= 1);
	assert_int_equal(virtio_get(&mem->virtio, VIRTIO_COMMON(num_queues), 2),
			 1);
	assert_true(virtio_features(&mem->virtio) & VIRTIO_VERSION1);
	assert_true(virtio_features(&mem->virtio) & VIRTIO_INDIRECT);
	assert_true(pci_find(mem->qtest, 0x1af4, 0x1058, 2, &other));
	assert_false(pci_find(mem->qtest, 0x1af4, 0x1058, 3, &other));
}

static void unplugged_inaccessible_is_offered_as_chosen(void **state)
{
	struct mem *mem = *state, other;

	assert_int_equal(device_features(mem), MEM_F_UNPLUGGED_INACCESSIBLE);
	suite_open(&other, mem, NEVER);
	assert_int_equal(device_features(&other), 0);
	suite_open(&other, mem, MAYBE);
	suite_only_paramem();
	assert_int_equal(device_features(&other), MEM_F_UNPLUGGED_INACCESSIBLE);
}

static void unplugged_inaccessible_on_is_required(void **state)
{
	struct mem *mem = *state, other;

	assert_false(virtio_negotiate(&mem->virtio, VIRTIO_VERSION1));
	assert_int_equal(virtio_status(&mem->virtio), STATUS_DRIVER);
	assert_true(virtio_negotiate(
		&mem->virtio, VIRTIO_VERSION1 | MEM_F_UNPLUGGED_INACCESSIBLE));
	suite_open(&other, mem, NEVER);
	assert_true(virtio_negotiate(&other.virtio, VIRTIO_VERSION1));
	suite_open(&other, mem, MAYBE);
	assert_true(virtio_negotiate(&other.virtio, VIRTIO_VERSION1));
}

static void features_are_64_and_no_more(void **state)
{
	struct mem *mem = *state;
	const struct virtio *v = &mem->virtio;
	const uint32_t selectors[] = { 2, 3, 0x80000000, UINT32_MAX };

	virtio_reset(v);
	for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
		virtio_set(v, VIRTIO_COMMON(device_feature_select),
			   selectors[i], 4);
		assert_int_equal(
			virtio_get(v, VIRTIO_COMMON(device_feature), 4), 0);
	}
}

static void version_1_missing_is_refused(void **state)
{
	struct mem *mem = *state;
	uint64_t offered = virtio_features(&mem->virtio);

	suite_only_paramem();
	assert_false(
		virtio_negotiate(&mem->virtio, offered & ~VIRTIO_VERSION1));
	assert_int_equal(virtio_status(&mem->virtio), STATUS_DRIVER);
}

/* Each bit alone, so that none is let through. */
static void features_never_offered_are_refused(void **state)
{
	struct mem *mem = *state;
	uint64_t offered = virtio_features(&mem->virtio);

	suite_only_paramem();
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t one = UINT64_C(1) << bit;
		bool ok = virtio_negotiate(
			&mem->virtio,
			VIRTIO_VERSION1 | MEM_F_UNPLUGGED_INACCESSIBLE | one);

		assert_int_equal(ok, !!(offered & one));
	}
	assert_false(virtio_negotiate(&mem->virtio, ALL_OF_THEM));
	mem_start(mem, NULL);
	expect_alive(mem);
}

static void features_are_fixed_by_features_ok(void **state)
{
	struct mem *mem = *state;
	const struct virtio *v = &mem->virtio;
	uint64_t accepted = VIRTIO_VERSION1 | MEM_F_UNPLUGGED_INACCESSIBLE;

	suite_only_paramem();
	assert_true(virtio_negotiate(v, accepted));
	virtio_accept(v, VIRTIO_VERSION1);
	assert_int_equal(virtio_accepted(v), accepted);
	virtio_reset(v);
	assert_int_equal(virtio_accepted(v), 0);
}

/* [virtio] 3.1.1: DRIVER_OK comes after FEATURES_OK was seen to stay. */
static void driver_ok_without_features_ok_does_nothing(void **state)
{
	struct mem *mem = *state;
	const struct virtio *v = &mem->virtio;
	struct mem_answer answer;

	suite_only_paramem();
	virtio_reset(v);
	virtio_set_status(v, STATUS_DRIVER);
	vring_init(&mem->ring, mem->qtest, mem->arena, 64, 36);
	mem->prepared = false;
	virtio_queue_setup(&mem->virtio, &mem->ring);
	virtio_set_status(v, STATUS_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK);
	assert_false(mem_try_request(mem, MEM_UNPLUG_ALL, 0, 0, &answer));
	mem_start(mem, NULL);
	expect_alive(mem);
}

static void no_interrupts_without_features_ok(void **state)
{
	struct mem *mem = *state;
	const struct virtio *v = &mem->virtio;

	suite_only_paramem();
	virtio_reset(v);
	virtio_set_status(v, STATUS_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK);
	set_requested(mem, 32 * MIB);
	assert_int_equal(virtio_isr(v), 0);
}

static void a_queue_that_is_not_enabled_is_not_looked_at(void **state)
{
	struct mem *mem = *state;
	struct mem_answer answer;

	assert_true(virtio_negotiate(
		&mem->virtio, VIRTIO_VERSION1 | MEM_F_UNPLUGGED_INACCESSIBLE));
	virtio_driver_ok(&mem->virtio);
	vring_init(&mem->ring, mem->qtest, mem->arena, 64, 36);
	mem->prepared = false;
	assert_false(mem_try_request(mem, MEM_UNPLUG_ALL, 0, 0, &answer));
	mem_start(mem, NULL);
	expect_alive(mem);
}

static void nothing_is_handled_before_driver_ok(void **state)
{
	struct mem *mem = *state;
	struct mem_answer answer;

	suite_only_paramem();
	assert_true(virtio_negotiate(
		&mem->virtio, VIRTIO_VERSION1 | MEM_F_UNPLUGGED_INACCESSIBLE));
	vring_init(&mem->ring, mem->qtest, mem->arena, 64, 36);
	mem->prepared = false;
	virtio_queue_setup(&mem->virtio, &mem->ring);
	assert_false(mem_try_request(mem, MEM_UNPLUG_ALL, 0, 0, &answer));
	virtio_driver_ok(&mem->virtio);
	virtio_notify(&mem->virtio);
	assert_int_equal(vring_wait(&mem->ring).len, MEM_RESPONSE_SIZE);
}

static void a_driver_that_failed_is_left_alone(void **state)
{
	struct mem *mem = *state;
	struct mem_answer answer;

	suite_only_paramem();
	virtio_set_status(&mem->virtio,
			  STATUS_DRIVER_OK | VIRTIO_CONFIG_S_FAILED);
	assert_false(mem_try_request(mem, MEM_UNPLUG_ALL, 0, 0, &answer));
	mem_start(mem, NULL);
	expect_alive(mem);
}

static void a_driver_cannot_set_needs_reset(void **state)
{
	struct mem *mem = *state;

	suite_only_paramem();
	virtio_set_status(&mem->virtio, STATUS_DRIVER_OK | STATUS_NEEDS_RESET);
	expect_alive(mem);
}

static void expect_reset_state(const struct virtio *v)
{
	const uint16_t no_vector = VIRTIO_MSI_NO_VECTOR;

	assert_int_equal(virtio_status(v), 0);
	if (suite_kind() == PEER_PARAMEM)
		assert_int_equal(virtio_accepted(v), 0);
	assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_enable), 2), 0);
	assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_size), 2), 128);
	assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_desc_lo), 4), 0);
	assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_avail_lo), 4), 0);
	assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_used_lo), 4), 0);
	assert_int_equal(virtio_get(v, VIRTIO_COMMON(msix_config), 2),
			 no_vector);
	assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_msix_vector), 2),
			 no_vector);
	assert_int_equal(virtio_isr(v), 0);
}

static void writing_0_resets_everything_of_the_driver(void **state)
{
	struct mem *mem = *state;

	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	set_requested(mem, 32 * MIB);
	virtio_reset(&mem->virtio);
	expect_reset_state(&mem->virtio);
	mem_start(mem, NULL);
	expect_alive(mem);
}

static void a_system_reset_resets_the_driver_too(void **state)
{
	struct mem *mem = *state;

	mem_request(mem, MEM_UNPLUG_ALL, 0, 0);
	peer_system_reset(mem->peer);
	mem_open(mem, mem->peer, 0);
	expect_reset_state(&mem->virtio);
	mem_start(mem, NULL);
	expect_alive(mem);
}

static void widths_of_the_common_fields(void **state)
{
	struct mem *mem = *state;
	const struct virtio *v = &mem->virtio;

	suite_only_paramem();
	virtio_reset(v);
	/* A field is written by its own width alone, [virtio] 4.1.3.1. */
	virtio_set(v, VIRTIO_COMMON(queue_size), 32, 4);
	virtio_set(v, VIRTIO_COMMON(queue_size), 32, 1);
	assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_size), 2), 128);
	virtio_set(v, VIRTIO_COMMON(queue_desc_lo), 0x1122334455667788, 8);
	assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_desc_lo), 8),
			 0x1122334455667788);
	assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_desc_hi), 4),
			 0x11223344);
}

static void queues_that_do_not_exist(void **state)
{
	struct mem *mem = *state;
	const struct virtio *v = &mem->virtio;
	const uint16_t queues[] = { 1, 2, 1024, 0x7fff, 0xffff };

	suite_only_paramem();
	for (size_t i = 0; i < ARRAY_SIZE(queues); i++) {
		virtio_set(v, VIRTIO_COMMON(queue_select), queues[i], 2);
		assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_select), 2),
				 queues[i]);
		assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_size), 2),
				 0);
		virtio_set(v, VIRTIO_COMMON(queue_enable), 1, 2);
		assert_int_equal(virtio_get(v, VIRTIO_COMMON(queue_enable), 2),
				 0);
	}
	expect_alive(mem);
}

int main(int argc, char **argv)
{
	const struct peer_config config = {
		.nr_devices = 3,
		.devices = { { .max_size = 256 * MIB,
			       .block_size = 2 * MIB,
			       .requested_size = 64 * MIB,
			       .unplugged_inaccessible = PEER_ON },
			     { .max_size = 256 * MIB,
			       .block_size = 2 * MIB,
			       .unplugged_inaccessible = PEER_OFF },
			     { .max_size = 256 * MIB,
			       .block_size = 2 * MIB,
			       .unplugged_inaccessible = PEER_AUTO } },
	};
	const struct CMUnitTest tests[] = {
		SUITE_TEST(a_modern_device_of_type_24),
		SUITE_TEST(unplugged_inaccessible_is_offered_as_chosen),
		SUITE_TEST(unplugged_inaccessible_on_is_required),
		SUITE_TEST(features_are_64_and_no_more),
		SUITE_TEST(version_1_missing_is_refused),
		SUITE_TEST(features_never_offered_are_refused),
		SUITE_TEST(features_are_fixed_by_features_ok),
		SUITE_TEST(driver_ok_without_features_ok_does_nothing),
		SUITE_TEST(no_interrupts_without_features_ok),
		SUITE_TEST(a_queue_that_is_not_enabled_is_not_looked_at),
		SUITE_TEST(nothing_is_handled_before_driver_ok),
		SUITE_TEST(a_driver_that_failed_is_left_alone),
		SUITE_TEST(a_driver_cannot_set_needs_reset),
		SUITE_TEST(writing_0_resets_everything_of_the_driver),
		SUITE_TEST(a_system_reset_resets_the_driver_too),
		SUITE_TEST(widths_of_the_common_fields),
		SUITE_TEST(queues_that_do_not_exist),
	};

	suite_init(argc, argv);
	return SUITE_RUN(tests, &config);
}
