/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several queues of one device: each on its own, positions that are read and
 * set, and queues that somebody else handles for a while.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "dirty.h"
#include "echo.h"

/* ---- the driver ---------------------------------------------------------- */

/* All of the queues, of which the last used is the first. */
static void start(struct echo *f)
{
	driver_negotiate(&f->d);
	driver_setup_msix(&f->d);
	for (unsigned int i = ECHO_QUEUES; i-- > 0;) {
		driver_use_queue(&f->d, i);
		driver_setup_queue(&f->d);
	}
	driver_set_status(&f->d, driver_status(&f->d) | DRIVER_OK);
}

/* One byte over a queue, in descriptors that no other queue's are beside. */
static void send(struct echo *f, unsigned int queue, unsigned int index,
		 char byte)
{
	driver_use_queue(&f->d, queue);
	echo_put(f, index, byte);
	echo_send(f, index);
}

static uint64_t calls(struct echo *f, unsigned int queue)
{
	return driver_interrupts(&f->d, DRIVER_QUEUE_VECTOR + queue);
}

static struct virtio_queue_position position(struct echo *f, unsigned int queue)
{
	struct virtio_queue_position at = { 0xdead, 0xdead };

	virtio_pci_lock(f->vp);
	assert_int_equal(virtio_pci_queue_position(f->vp, queue, &at), 0);
	virtio_pci_unlock(f->vp);
	return at;
}

static int set_position(struct echo *f, unsigned int queue, uint16_t available,
			uint16_t used)
{
	const struct virtio_queue_position at = { available, used };
	int ret;

	virtio_pci_lock(f->vp);
	ret = virtio_pci_queue_set_position(f->vp, queue, &at);
	virtio_pci_unlock(f->vp);
	return ret;
}

static void complete(struct echo *f, unsigned int queue, char byte)
{
	virtio_pci_lock(f->vp);
	virtio_pci_complete(f->vp, queue, &byte, 1);
	virtio_pci_unlock(f->vp);
	rig_settle(&f->rig);
}

/* ---- each on its own ----------------------------------------------------- */

static void each_queue_has_its_chains_and_its_message(void **state)
{
	struct echo *f = *state;

	start(f);
	for (unsigned int i = 0; i < ECHO_QUEUES; i++) {
		send(f, i, i * 2, 'a' + i);
		assert_int_equal(f->last_queue, i);
		assert_int_equal(driver_used(&f->d), 1);
		assert_int_equal(echo_answer(f, i * 2), 'a' + i);
		for (unsigned int j = 0; j < ECHO_QUEUES; j++)
			assert_int_equal(calls(f, j), i == j);
	}
	assert_int_equal(driver_interrupts(&f->d, DRIVER_CONFIG_VECTOR), 0);
}

static void each_queue_has_its_fields(void **state)
{
	struct echo *f = *state;

	for (unsigned int i = 0; i < ECHO_QUEUES; i++) {
		driver_set(&f->d, COMMON_FIELD(queue_select), i, 2);
		assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_size), 2),
				 i == ECHO_SHORT_QUEUE ? ECHO_SHORT : 128);
		assert_int_equal(driver_get(&f->d,
					    COMMON_FIELD(queue_notify_off), 2),
				 i);
		driver_set(&f->d, COMMON_FIELD(queue_desc_lo), i << 12, 4);
		driver_set(&f->d, COMMON_FIELD(queue_size), 16, 2);
	}
	for (unsigned int i = 0; i < ECHO_QUEUES; i++) {
		driver_set(&f->d, COMMON_FIELD(queue_select), i, 2);
		assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_desc_lo),
					    4),
				 i << 12);
		assert_int_equal(driver_get(&f->d, COMMON_FIELD(queue_size), 2),
				 i == ECHO_SHORT_QUEUE ? ECHO_SHORT : 16);
	}
}

/* Nothing is notified past the last of them. */
static void a_notification_of_no_queue_is_nothing(void **state)
{
	struct echo *f = *state;

	start(f);
	rig_settle(&f->rig);
	driver_offer(&f->d, 0);
	bus_write(f->rig.mmio, f->d.notify + ECHO_QUEUES * 4, 0, 2);
	bus_write(f->rig.mmio, f->d.notify + 0xffc, 0, 4);
	rig_settle(&f->rig);
	assert_int_equal(f->handled, 0);
}

static void a_queue_that_is_not_set_up_stays_alone(void **state)
{
	struct echo *f = *state;

	driver_start(&f->d);
	send(f, 1, 0, 'a');
	assert_int_equal(f->handled, 0);
	send(f, 0, 2, 'b');
	assert_int_equal(echo_answer(f, 2), 'b');
}

static void a_long_request_holds_its_queue_alone(void **state)
{
	struct echo *f = *state;

	start(f);
	send(f, 0, 0, 'l');
	send(f, 1, 2, 'l');
	send(f, 0, 4, 'a');
	send(f, 2, 6, 'b');
	assert_int_equal(echo_answer(f, 4), 0);
	assert_int_equal(echo_answer(f, 6), 'b');
	complete(f, 1, 'd');
	assert_int_equal(echo_answer(f, 2), 'd');
	assert_int_equal(echo_answer(f, 4), 0);
	complete(f, 0, 'c');
	assert_int_equal(echo_answer(f, 0), 'c');
	assert_int_equal(echo_answer(f, 4), 'a');
}

/* A chain of one queue is forgotten, and the other queue does not wait. */
static void a_reset_forgets_each_queue(void **state)
{
	struct echo *f = *state;

	start(f);
	send(f, 1, 0, 'l');
	start(f);
	send(f, 0, 2, 'a');
	assert_int_equal(echo_answer(f, 2), 'a');
	send(f, 1, 4, 'b');
	assert_int_equal(echo_answer(f, 4), 0);
	complete(f, 1, 'c');
	assert_int_equal(echo_answer(f, 0), 0);
	assert_int_equal(echo_answer(f, 4), 'b');
	assert_int_equal(driver_used(&f->d), 1);
}

/* An answer at once, one that came late, and one in many pieces. */
static void what_queues_write_is_told(void **state)
{
	struct echo *f = *state;
	struct dirty dirty;
	uint8_t *indirect = f->rig.ram + 0x40000;

	start(f);
	send(f, 0, 0, 'l');
	driver_use_queue(&f->d, 1);
	echo_put(f, 2, 'a');
	memcpy(indirect, f->rig.ram + DRIVER_DESC + DRIVER_STRIDE + 2 * 16, 32);
	indirect[14] = 1; /* next in the table is its second */
	driver_desc(&f->d, 2, 0x40000, 32, 4, 0);
	driver_offer(&f->d, 2);
	dirty_watch(&dirty, &f->rig.memory, f->rig.ram, RIG_RAM_SIZE);
	driver_kick(&f->d);
	rig_settle(&f->rig);
	complete(f, 0, 'b');
	assert_int_equal(echo_answer(f, 0), 'b');
	assert_int_equal(echo_answer(f, 2), 'a');
	assert_int_equal(dirty_end(&dirty), 2 * (1 + 8 + 2));
}

/* ---- positions ----------------------------------------------------------- */

static void a_position_counts_chains(void **state)
{
	struct echo *f = *state;

	start(f);
	for (int i = 0; i < 3; i++)
		send(f, 1, 0, 'a');
	assert_int_equal(position(f, 1).available, 3);
	assert_int_equal(position(f, 1).used, 3);
	assert_int_equal(position(f, 0).available, 0);
	start(f);
	assert_int_equal(position(f, 1).available, 0);
}

/* As on another machine: rings as they were, and a device that is new. */
static void a_position_that_is_set_is_gone_on_from(void **state)
{
	static uint8_t rings[DRIVER_STRIDE];
	struct echo *f = *state;
	uint8_t *at = f->rig.ram + DRIVER_DESC + DRIVER_STRIDE;
	uint16_t offered;

	start(f);
	for (int i = 0; i < 3; i++)
		send(f, 1, 0, 'a');
	offered = f->d.available;
	memcpy(rings, at, sizeof(rings));
	start(f);
	memcpy(at, rings, sizeof(rings));
	assert_int_equal(set_position(f, 1, 3, 3), 0);
	driver_use_queue(&f->d, 1);
	f->d.available = offered;
	f->handled = 0;
	send(f, 1, 2, 'b');
	assert_int_equal(f->handled, 1);
	assert_int_equal(echo_answer(f, 2), 'b');
	assert_int_equal(driver_used(&f->d), 4);
}

/* What was offered before it was set is looked at without a kick. */
static void a_position_that_is_set_has_the_ring_looked_at(void **state)
{
	struct echo *f = *state;

	start(f);
	echo_put(f, 0, 'a');
	driver_offer(&f->d, 0);
	assert_int_equal(set_position(f, 0, 0, 0), 0);
	rig_settle(&f->rig);
	assert_int_equal(echo_answer(f, 0), 'a');
}

static void a_position_that_the_ring_denies_needs_a_reset(void **state)
{
	struct echo *f = *state;

	start(f);
	assert_int_equal(set_position(f, 0, 1000, 7), 0);
	rig_settle(&f->rig);
	assert_true(driver_status(&f->d) & NEEDS_RESET);
	assert_int_equal(f->handled, 0);
	start(f);
	send(f, 0, 0, 'a');
	assert_int_equal(echo_answer(f, 0), 'a');
}

static void a_position_amid_a_chain_is_busy(void **state)
{
	struct virtio_queue_position at;
	struct echo *f = *state;

	start(f);
	send(f, 0, 0, 'l');
	assert_int_equal(virtio_pci_queue_position(f->vp, 0, &at), -EBUSY);
	assert_int_equal(set_position(f, 0, 0, 0), -EBUSY);
	complete(f, 0, 'a');
	assert_int_equal(position(f, 0).used, 1);
}

/* ---- loans --------------------------------------------------------------- */

/* Who handles a queue in place of the device: turns 'a' into 'A'. */
struct borrower {
	struct virtio_queue_loan loan;
	struct virtqueue ring;
	atomic_bool end;
};

static int lend(struct echo *f, unsigned int queue, struct borrower *b)
{
	int ret;

	virtio_pci_lock(f->vp);
	ret = virtio_pci_queue_lend(f->vp, queue, &b->loan);
	virtio_pci_unlock(f->vp);
	if (ret)
		return ret;
	virtqueue_reset(&b->ring, &f->rig.memory, b->loan.size);
	b->ring.descriptors = b->loan.descriptors;
	b->ring.available = b->loan.available;
	b->ring.used = b->loan.used;
	b->ring.next_available = b->loan.at.available;
	b->ring.next_used = b->loan.at.used;
	return 0;
}

static void take_back(struct echo *f, unsigned int queue, struct borrower *b)
{
	const struct virtio_queue_position at = {
		b->ring.next_available,
		b->ring.next_used,
	};

	virtio_pci_lock(f->vp);
	virtio_pci_queue_take_back(f->vp, queue, &at);
	virtio_pci_unlock(f->vp);
	rig_settle(&f->rig);
}

static bool kicked(struct borrower *b)
{
	uint64_t count;

	return read(b->loan.kick_fd, &count, 8) == 8;
}

/* Handles what is there, and calls; how many chains. */
static int borrower_work(struct borrower *b)
{
	static struct virtqueue_chain chain;
	const uint64_t one = 1;
	uint8_t byte;
	int nr = 0;

	while (virtqueue_pop(&b->ring, &chain) == 1) {
		assert_int_equal(
			virtqueue_chain_read(&b->ring, &chain, &byte, 1), 1);
		byte -= 'a' - 'A';
		virtqueue_chain_write(&b->ring, &chain, &byte, 1);
		assert_int_equal(virtqueue_push(&b->ring, &chain, 1), 0);
		nr++;
	}
	if (nr)
		assert_int_equal(write(b->loan.call_fd, &one, 8), 8);
	return nr;
}

static void a_queue_on_loan_is_somebody_elses(void **state)
{
	struct echo *f = *state;
	struct borrower b;

	start(f);
	send(f, 1, 0, 'a');
	assert_int_equal(lend(f, 1, &b), 0);
	assert_int_equal(b.loan.size, DRIVER_SIZE);
	assert_int_equal(b.loan.at.available, 1);
	calls(f, 1);
	send(f, 1, 2, 'b');
	assert_int_equal(f->handled, 1);
	assert_true(kicked(&b));
	assert_int_equal(borrower_work(&b), 1);
	rig_settle(&f->rig);
	assert_int_equal(echo_answer(f, 2), 'B');
	assert_int_equal(calls(f, 1), 1);
	/* The other queues are the device's. */
	send(f, 0, 4, 'c');
	assert_int_equal(echo_answer(f, 4), 'c');
	take_back(f, 1, &b);
	assert_int_equal(position(f, 1).used, 2);
	send(f, 1, 6, 'd');
	assert_int_equal(echo_answer(f, 6), 'd');
	assert_int_equal(f->handled, 3);
}

/* Neither one from before the loan, nor one from before its end. */
static void no_kick_is_lost_on_the_way(void **state)
{
	struct echo *f = *state;
	struct borrower b;

	start(f);
	echo_put(f, 0, 'a');
	driver_offer(&f->d, 0);
	driver_kick(&f->d);
	assert_int_equal(lend(f, 0, &b), 0);
	rig_settle(&f->rig);
	assert_int_equal(f->handled, 0);
	assert_true(kicked(&b));
	assert_int_equal(borrower_work(&b), 1);
	echo_put(f, 2, 'b');
	driver_offer(&f->d, 2);
	driver_kick(&f->d);
	assert_true(kicked(&b)); /* and does nothing about it */
	take_back(f, 0, &b);
	assert_int_equal(echo_answer(f, 0), 'A');
	assert_int_equal(echo_answer(f, 2), 'b');
	assert_int_equal(f->handled, 1);
}

/* A message, one that is pending, or the line. */
static void a_call_is_the_interrupt_that_the_driver_wants(void **state)
{
	struct echo *f = *state;
	struct borrower b;
	uint64_t control = f->d.msix + (DRIVER_QUEUE_VECTOR + 1) * 16 + 12;

	start(f);
	assert_int_equal(lend(f, 1, &b), 0);
	bus_write(f->rig.mmio, control, 1, 4); /* masked */
	send(f, 1, 0, 'a');
	borrower_work(&b);
	rig_settle(&f->rig);
	assert_int_equal(calls(f, 1), 0);
	bus_write(f->rig.mmio, control, 0, 4);
	assert_int_equal(calls(f, 1), 1);
	rig_config_write(&f->rig, ECHO_SLOT, f->d.msix_cap + PCI_MSIX_FLAGS, 0,
			 2);
	bus_read(f->rig.mmio, f->d.isr, 1);
	send(f, 1, 2, 'b');
	borrower_work(&b);
	rig_settle(&f->rig);
	assert_int_equal(bus_read(f->rig.mmio, f->d.isr, 1), 1);
	assert_int_equal(calls(f, 1), 0);
	take_back(f, 1, &b);
}

static void what_is_busy_or_not_set_up_is_not_lent(void **state)
{
	struct virtio_queue_position at;
	struct echo *f = *state;
	struct borrower b;

	assert_int_equal(lend(f, 0, &b), -ENOTCONN);
	driver_start(&f->d);
	assert_int_equal(lend(f, 1, &b), -ENOTCONN);
	send(f, 0, 0, 'l');
	assert_int_equal(lend(f, 0, &b), -EBUSY);
	complete(f, 0, 'a');
	assert_int_equal(lend(f, 0, &b), 0);
	assert_int_equal(lend(f, 0, &b), -EBUSY);
	assert_int_equal(virtio_pci_queue_position(f->vp, 0, &at), -EBUSY);
	assert_int_equal(set_position(f, 0, 0, 0), -EBUSY);
	take_back(f, 0, &b);
}

static void a_reset_ends_a_loan(void **state)
{
	struct echo *f = *state;
	struct borrower b;
	const uint64_t one = 1;

	start(f);
	assert_int_equal(lend(f, 0, &b), 0);
	send(f, 0, 0, 'a');
	assert_int_equal(borrower_work(&b), 1);
	/* Its call is on the way: there is nobody to tell any more. */
	f->resets = 0;
	driver_set_status(&f->d, 0);
	assert_int_equal(f->resets, 1);
	rig_settle(&f->rig);
	assert_int_equal(bus_read(f->rig.mmio, f->d.isr, 1), 0);
	start(f);
	take_back(f, 0, &b); /* too late, and no harm */
	assert_int_equal(position(f, 0).available, 0);
	send(f, 0, 2, 'b');
	assert_int_equal(echo_answer(f, 2), 'b');
	assert_int_equal(lend(f, 0, &b), 0);
	assert_int_equal(write(b.loan.call_fd, &one, 8), 8);
	virtio_pci_reset(f->vp);
	rig_settle(&f->rig);
	assert_int_equal(f->handled, 1);
}

static void *borrower_main(void *opaque)
{
	struct borrower *b = opaque;

	while (!atomic_load(&b->end)) {
		struct pollfd kick = { b->loan.kick_fd, POLLIN, 0 };

		poll(&kick, 1, 10);
		if (kicked(b))
			borrower_work(b);
	}
	return NULL;
}

/* Chains come while the queue goes back and forth: each is handled once. */
static void a_thread_handles_a_queue(void **state)
{
	struct echo *f = *state;

	start(f);
	for (int i = 0; i < 50; i++) {
		struct borrower b;
		pthread_t thread;

		echo_put(f, 0, 'a');
		driver_offer(&f->d, 0);
		driver_kick(&f->d);
		assert_int_equal(lend(f, 0, &b), 0);
		atomic_store(&b.end, false);
		assert_int_equal(
			pthread_create(&thread, NULL, borrower_main, &b), 0);
		while (driver_used(&f->d) != f->d.available)
			usleep(10);
		assert_int_equal(echo_answer(f, 0), 'A');
		atomic_store(&b.end, true);
		pthread_join(thread, NULL);
		take_back(f, 0, &b);
		send(f, 0, 2, 'b');
		assert_int_equal(echo_answer(f, 2), 'b');
		assert_int_equal(driver_used(&f->d), f->d.available);
	}
	assert_int_equal(f->handled, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, echo_setup, echo_teardown)
		TEST(each_queue_has_its_chains_and_its_message),
		TEST(each_queue_has_its_fields),
		TEST(a_notification_of_no_queue_is_nothing),
		TEST(a_queue_that_is_not_set_up_stays_alone),
		TEST(a_long_request_holds_its_queue_alone),
		TEST(a_reset_forgets_each_queue),
		TEST(what_queues_write_is_told),
		TEST(a_position_counts_chains),
		TEST(a_position_that_is_set_is_gone_on_from),
		TEST(a_position_that_is_set_has_the_ring_looked_at),
		TEST(a_position_that_the_ring_denies_needs_a_reset),
		TEST(a_position_amid_a_chain_is_busy),
		TEST(a_queue_on_loan_is_somebody_elses),
		TEST(no_kick_is_lost_on_the_way),
		TEST(a_call_is_the_interrupt_that_the_driver_wants),
		TEST(what_is_busy_or_not_set_up_is_not_lent),
		TEST(a_reset_ends_a_loan),
		TEST(a_thread_handles_a_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
