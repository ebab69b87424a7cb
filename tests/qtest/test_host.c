/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host that cannot, or takes long: what the guest and the user hear of it.
 *
 * One device has huge pages of a pool that is empty, so every plug of it is
 * refused; one has its pages provided when they are plugged, which takes a
 * while; one is limited by the memory that the process may have.
 */
#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "deadline.h"
#include "fatal.h"

#define BLOCK     (2 * MIB)
#define REQUESTED (64 * MIB)
#define SECOND    INT64_C(1000000000)
#define LONG_SIZE (256 * MIB) /* what takes a while */

enum { HUGE, LONG, PLAIN, DEVICES };

/* A number that follows @key in a file. */
static unsigned long number_in(const char *path, const char *key)
{
	unsigned long value = 0;
	char line[256];
	FILE *file = fopen(path, "re");

	if (!file)
		fatal("%s cannot be read", path);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			sscanf(line + strlen(key), "%lu", &value);
	fclose(file);
	return value;
}

static bool host_has_huge_pages(void)
{
	return number_in("/proc/meminfo", "Hugepagesize:");
}

static void needs_empty_pool(void)
{
	if (!host_has_huge_pages() ||
	    number_in("/proc/meminfo", "HugePages_Free:") ||
	    number_in("/proc/sys/vm/nr_overcommit_hugepages", ""))
		skip();
}

static void expect_busy(struct mem *mem)
{
	expect_block_answer(mem, MEM_PLUG, 0, 4, MEM_BUSY);
}

/* ---- refusals ------------------------------------------------------------ */

static void mistake_03_a_plug_that_failed_changes_nothing(void **state)
{
	struct mem *mem = *state;

	needs_empty_pool();
	for (unsigned int i = 0; i < 5; i++) {
		expect_busy(mem);
		expect_plugged(mem, 0);
		expect_block_state(mem, 0, 32, MEM_UNPLUGGED);
	}
	mem_start(mem, NULL);
	expect_plugged(mem, 0);
	assert_null(
		qmp_try_event(&mem->peer->qmp, "MEMORY_DEVICE_SIZE_CHANGE", 0));
}

static void rule_busy_comes_after_the_other_checks(void **state)
{
	struct mem *mem = *state;
	uint64_t addr = config_field(mem, MEM_ADDR);

	needs_empty_pool();
	expect_busy(mem);
	expect_answer(mem, MEM_PLUG, addr + 1, 1, MEM_ERROR);
	expect_answer(mem, MEM_PLUG, addr, 0, MEM_ERROR);
	expect_answer(mem, MEM_PLUG, 0, 1, MEM_ERROR);
	expect_answer(mem, MEM_PLUG, addr, 33, MEM_NACK);
	expect_answer(mem, MEM_UNPLUG, addr, 1, MEM_ERROR);
	expect_answer(mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
	expect_busy(mem);
}

static void rule_state_is_acknowledged_while_the_host_is_busy(void **state)
{
	struct mem *mem = *state;

	needs_empty_pool();
	for (unsigned int i = 0; i < 5; i++) {
		expect_busy(mem);
		expect_block_state(mem, 0, 4, MEM_UNPLUGGED);
	}
}

/* It would sleep for 50 s and more; nobody can say when the host can again. */
static void a_refused_guest_is_woken(void **state)
{
	struct mem *mem = *state;

	needs_empty_pool();
	expect_busy(mem);
	expect_interrupts(mem, VIRTIO_ISR_QUEUE);
	qtest_clock_step(mem->qtest, SECOND / 2);
	expect_interrupts(mem, 0);
	qtest_clock_step(mem->qtest, SECOND / 2);
	expect_interrupts(mem, VIRTIO_ISR_CONFIG);
	/* Once for each refusal, and less and less often. */
	qtest_clock_step(mem->qtest, 60 * SECOND);
	expect_interrupts(mem, 0);
	expect_busy(mem);
	virtio_isr(&mem->virtio);
	virtio_msix_clear(&mem->virtio);
	qtest_clock_step(mem->qtest, SECOND);
	expect_interrupts(mem, 0);
	qtest_clock_step(mem->qtest, SECOND);
	expect_interrupts(mem, VIRTIO_ISR_CONFIG);
}

static void a_guest_that_is_not_wanted_to_plug_is_not_woken(void **state)
{
	struct mem *mem = *state;

	needs_empty_pool();
	expect_busy(mem);
	set_requested(mem, 0);
	virtio_isr(&mem->virtio);
	virtio_msix_clear(&mem->virtio);
	qtest_clock_step(mem->qtest, 60 * SECOND);
	expect_interrupts(mem, 0);
}

static bool has_refusal(struct mem *mem)
{
	json_t *data = mem_query(mem);
	const char *refusal = json_string_value(
		json_object_get(data, "x-paramem-last-refusal"));
	bool has = refusal && *refusal;

	json_decref(data);
	return has;
}

static void mistake_15_the_reason_of_a_refusal_is_shown(void **state)
{
	struct mem *mem = *state;

	needs_empty_pool();
	assert_false(has_refusal(mem));
	expect_busy(mem);
	assert_true(has_refusal(mem));
	peer_system_reset(mem->peer);
	assert_false(has_refusal(mem));
}

/* ---- a requested size that the host cannot back -------------------------- */

static void limit_data(struct mem *mem, rlim_t limit)
{
	struct rlimit rlimit;

	assert_int_equal(prlimit(mem->peer->pid, RLIMIT_DATA, NULL, &rlimit),
			 0);
	rlimit.rlim_cur = limit;
	assert_int_equal(prlimit(mem->peer->pid, RLIMIT_DATA, &rlimit, NULL),
			 0);
}

static rlim_t data_now(struct mem *mem)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)mem->peer->pid);
	return (rlim_t)number_in(path, "VmData:") << 10;
}

static void mistake_03_growth_that_failed_changes_nothing(void **state)
{
	struct mem *first = *state, plain, *mem = &plain;
	struct mem_config before, after;
	struct qmp_error error;

	suite_open(mem, first, PLAIN);
	set_requested(mem, REQUESTED);
	expect_block_answer(mem, MEM_PLUG, 0, 3, MEM_ACK);
	virtio_isr(&mem->virtio);
	mem_read_config(mem, &before);
	limit_data(mem, data_now(mem) + 64 * MIB);
	assert_int_equal(mem_set_requested(mem, 4 * GIB, &error), -1);
	limit_data(mem, RLIM_INFINITY);
	assert_true(error.desc[0]);
	mem_read_config(mem, &after);
	assert_int_equal(after.requested_size, before.requested_size);
	assert_int_equal(after.usable_size, before.usable_size);
	assert_int_equal(after.plugged_size, before.plugged_size);
	assert_int_equal(virtio_isr(&mem->virtio), 0);
	expect_plugged(mem, 3 * BLOCK);
	set_requested(mem, 512 * MIB);
	expect_block_answer(mem, MEM_PLUG, 3, 1, MEM_ACK);
}

/* ---- work that takes long ------------------------------------------------ */

static uint16_t nr_long(void)
{
	return LONG_SIZE / BLOCK;
}

/* True when the plug goes on after this returned. */
static bool begin_long_plug(struct mem *mem)
{
	struct mem_answer answer;

	return !mem_try_request(mem, MEM_PLUG, config_field(mem, MEM_ADDR),
				nr_long(), &answer);
}

static void open_long(struct mem *mem, const struct mem *first)
{
	suite_open(mem, first, LONG);
	set_requested(mem, LONG_SIZE);
}

/* Whether QMP was answered in between is a race; losing it often is not. */
static void mistake_13_qmp_answers_while_pages_are_had(void **state)
{
	struct mem mem;
	unsigned int between = 0;

	open_long(&mem, *state);
	for (unsigned int i = 0; i < 20 && !between; i++) {
		if (begin_long_plug(&mem)) {
			qmp_do(&mem.peer->qmp, "query-status", NULL);
			between += vring_device_index(&mem.ring) ==
				   mem.ring.used_index;
			vring_wait(&mem.ring);
		}
		expect_plugged(&mem, LONG_SIZE);
		expect_answer(&mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
	}
	assert_true(between);
}

/* Its blocks are not plugged by a request of a driver that is gone. */
static void a_device_reset_while_pages_are_had(void **state)
{
	struct mem mem;

	open_long(&mem, *state);
	for (unsigned int i = 0; i < 5; i++) {
		bool forgotten = begin_long_plug(&mem);
		uint64_t plugged;

		mem_start(&mem, NULL);
		plugged = config_field(&mem, MEM_PLUGGED_SIZE);
		assert_true(plugged == 0 ||
			    (!forgotten && plugged == LONG_SIZE));
		expect_plugged(&mem, plugged);
		expect_answer(&mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
		expect_block_answer(&mem, MEM_PLUG, 0, 1, MEM_ACK);
		expect_answer(&mem, MEM_UNPLUG_ALL, 0, 0, MEM_ACK);
	}
}

static void a_system_reset_while_pages_are_had(void **state)
{
	struct mem mem;

	open_long(&mem, *state);
	for (unsigned int i = 0; i < 5; i++) {
		begin_long_plug(&mem);
		peer_system_reset(mem.peer);
		mem_restart(&mem, NULL);
		expect_plugged(&mem, 0);
		expect_block_answer(&mem, MEM_PLUG, 0, 1, MEM_ACK);
	}
}

/* Another request waits in the ring for its turn. */
static void requests_wait_for_one_that_takes_long(void **state)
{
	struct mem mem;
	uint64_t addr;

	open_long(&mem, *state);
	addr = config_field(&mem, MEM_ADDR);
	mem_put(&mem, 0, MEM_PLUG, addr, nr_long());
	mem_put(&mem, 2, MEM_STATE, addr, nr_long());
	mem_put(&mem, 4, MEM_UNPLUG, addr, nr_long());
	for (unsigned int i = 0; i < 3; i++)
		vring_offer(&mem.ring, i * 2);
	virtio_notify(&mem.virtio);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(vring_wait(&mem.ring).id, i * 2);
		assert_int_equal(mem_get(&mem, i * 2).type, MEM_ACK);
	}
	assert_int_equal(mem_get(&mem, 2).state, MEM_PLUGGED);
	expect_plugged(&mem, 0);
}

int main(int argc, char **argv)
{
	struct peer_config config = {
		.nr_devices = DEVICES,
		.devices = { [HUGE] = { .max_size = GIB,
					.block_size = BLOCK,
					.requested_size = REQUESTED },
			     [LONG] = { .max_size = LONG_SIZE,
					.block_size = BLOCK,
					.extra = "prealloc=on" },
			     [PLAIN] = { .max_size = 8 * GIB,
					 .block_size = BLOCK } },
	};
	const struct CMUnitTest tests[] = {
		SUITE_TEST(mistake_03_a_plug_that_failed_changes_nothing),
		SUITE_TEST(rule_busy_comes_after_the_other_checks),
		SUITE_TEST(rule_state_is_acknowledged_while_the_host_is_busy),
		SUITE_TEST(a_refused_guest_is_woken),
		SUITE_TEST(a_guest_that_is_not_wanted_to_plug_is_not_woken),
		SUITE_TEST(mistake_15_the_reason_of_a_refusal_is_shown),
		SUITE_TEST(mistake_03_growth_that_failed_changes_nothing),
		SUITE_TEST(mistake_13_qmp_answers_while_pages_are_had),
		SUITE_TEST(a_device_reset_while_pages_are_had),
		SUITE_TEST(a_system_reset_while_pages_are_had),
		SUITE_TEST(requests_wait_for_one_that_takes_long),
	};

	config.devices[HUGE].hugetlb = host_has_huge_pages();
	suite_init(argc, argv);
	return SUITE_RUN(tests, &config);
}
