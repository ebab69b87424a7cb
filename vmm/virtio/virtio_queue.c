/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queues of the virtio PCI transport: who handles a ring, and when.
 *
 * Theory of operation. A request may take the device long. Then its chain is
 * in progress, of each queue at most one:
 *
 *	free         pop a chain and hand it to the device
 *	in progress  notifications wait in the ring; the device completes the
 *	             chain, which is pushed, and the ring is looked at again
 *	completed    as in progress, but all that is missing is the driver's
 *	             leave to write to memory (bus mastering)
 *	forgotten    in progress, but the driver has reset the device: it may
 *	             set up its new ring, which waits as above; the completion
 *	             is not told to anybody
 *	lent         somebody else pops and pushes, wakes on the kick descriptor
 *	             and writes to the call descriptor; from free alone, and
 *	             back to it when it is taken back or the device is reset
 *
 * A chain is never pushed into a ring other than the one it came from.
 *
 * The kick descriptor is the one that the guest's notification signals, and so
 * stays the same whoever waits for it: only who does changes. A call goes
 * through the main loop, which makes of it whatever interrupt the driver has
 * asked for at that moment: a message, a message that is pending, a line.
 */
#include <assert.h>
#include <errno.h>
#include <linux/virtio_pci.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "virtio_pci_common.h"

/* What a queue may have of the main loop at a time. */
#define BUDGET_NS UINT64_C(2000000)

static unsigned int queue_index(const struct virtio_queue *q)
{
	return q - q->vp->queues;
}

static bool queue_usable(const struct virtio_queue *q)
{
	/* Without bus mastering a function leaves memory alone. */
	return virtio_pci_driver_ready(q->vp) && q->ring.ready &&
	       q->vp->bus_master;
}

void virtio_queue_kick(struct virtio_queue *q)
{
	const uint64_t one = 1;
	ssize_t n = write(q->kick.fd, &one, sizeof(one));

	(void)n; /* full means kicked */
}

void virtio_queues_kick(struct virtio_pci *vp)
{
	for (unsigned int i = 0; i < vp->nr_queues; i++)
		virtio_queue_kick(&vp->queues[i]);
}

/* ---- chains -------------------------------------------------------------- */

/* Gives the chain back, unless the device could not handle it. 0 or -errno. */
static int chain_push(struct virtio_queue *q, long written)
{
	if (written < 0)
		return (int)written;
	return virtqueue_push(&q->ring, &q->chain, written);
}

/* Tells the driver what came of a look at the queue. */
static void queue_report(struct virtio_queue *q, bool pushed, int ret)
{
	if (pushed && virtqueue_wants_interrupt(&q->ring))
		virtio_queue_interrupt(q);
	if (ret < 0)
		virtio_needs_reset(q->vp);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

/*
 * At most one queue's worth of chains and hardly longer than BUDGET_NS, so that
 * a guest that refills the ring without end, or with what takes long, cannot
 * keep the main loop here. Returns whether to come back.
 */
static bool queue_handle(struct virtio_queue *q)
{
	const struct virtio_pci_config *config = &q->vp->config;
	bool pushed = false;
	unsigned int budget = q->ring.size;
	uint64_t until = now_ns() + BUDGET_NS;
	int ret = 0;

	while (budget && (ret = virtqueue_pop(&q->ring, &q->chain)) > 0) {
		long n = config->ops->handle(config->opaque, queue_index(q),
					     &q->ring, &q->chain);

		q->in_progress = n == -EINPROGRESS;
		if (q->in_progress)
			break;
		ret = chain_push(q, n);
		if (ret)
			break;
		pushed = true;
		budget = now_ns() < until ? budget - 1 : 0;
	}
	queue_report(q, pushed, ret);
	return !budget;
}

/* Gives back the chain that was completed, as soon as the driver lets it. */
static void answer(struct virtio_queue *q)
{
	bool told = !q->forgotten && virtio_pci_driver_ready(q->vp) &&
		    q->ring.ready;
	long len = q->response_len;
	int ret;

	q->completed = told && !q->vp->bus_master;
	if (q->completed)
		return;
	q->in_progress = false;
	q->forgotten = false;
	virtio_queue_kick(q); /* for what has come since */
	if (!told)
		return;
	if (len >= 0)
		len = virtqueue_chain_write(&q->ring, &q->chain, q->response,
					    len);
	ret = chain_push(q, len);
	queue_report(q, !ret, ret);
}

void virtio_pci_complete(struct virtio_pci *vp, unsigned int queue,
			 const void *response, long len)
{
	struct virtio_queue *q = &vp->queues[queue];

	assert(queue < vp->nr_queues);
	assert(q->in_progress && !q->completed);
	assert(len <= VIRTIO_RESPONSE_MAX);
	q->response_len = len;
	if (len > 0)
		memcpy(q->response, response, len);
	answer(q);
}

/* Interrupts for who has the queue on loan, if he @called. */
static void call_take(struct virtio_queue *q, bool called)
{
	if (!called)
		return;
	q->call_waits = q->vp->held;
	if (!q->vp->held)
		virtio_queue_interrupt(q);
}

void virtio_pci_hold(struct virtio_pci *vp, bool hold)
{
	vp->held = hold;
	if (hold)
		return;
	if (vp->change_waits)
		virtio_pci_config_changed(vp);
	for (unsigned int i = 0; i < vp->nr_queues; i++)
		call_take(&vp->queues[i], vp->queues[i].call_waits);
	virtio_queues_kick(vp);
}

/* ---- notifications ------------------------------------------------------- */

/* Empties an eventfd; whether it had been signalled. */
static bool signal_take(const struct loop_source *source)
{
	uint64_t count;

	return read(source->fd, &count, sizeof(count)) == sizeof(count);
}

static void kick_handle(void *opaque, uint32_t events)
{
	struct virtio_queue *q = opaque;
	struct virtio_pci *vp = q->vp;

	(void)events;
	virtio_pci_lock(vp);
	if (!q->lent) {
		/* What was kicked is in the ring, not in the count. */
		signal_take(&q->kick);
		if (q->completed && !vp->held)
			answer(q);
		if (queue_usable(q) && !q->in_progress && !vp->held &&
		    queue_handle(q))
			virtio_queue_kick(q);
	}
	virtio_pci_unlock(vp);
}

static void call_handle(void *opaque, uint32_t events)
{
	struct virtio_queue *q = opaque;

	(void)events;
	virtio_pci_lock(q->vp);
	call_take(q, signal_take(&q->call));
	virtio_pci_unlock(q->vp);
}

static int source_init(struct virtio_queue *q, struct loop_source *source,
		       loop_fn *fn)
{
	int ret;

	source->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	source->fn = fn;
	source->opaque = q;
	if (source->fd < 0)
		return -errno;
	ret = loop_add(q->vp->config.loop, source, EPOLLIN);
	if (ret) {
		close(source->fd);
		source->fd = -1;
	}
	return ret;
}

static void source_finish(struct virtio_queue *q, struct loop_source *source)
{
	if (source->fd < 0)
		return;
	loop_remove(q->vp->config.loop, source);
	close(source->fd);
	source->fd = -1;
}

/* ---- queues that are lent ------------------------------------------------ */

int virtio_pci_queue_lend(struct virtio_pci *vp, unsigned int queue,
			  struct virtio_queue_loan *loan)
{
	struct virtio_queue *q = &vp->queues[queue];
	int ret = 0;

	assert(queue < vp->nr_queues);
	if (q->lent || q->in_progress)
		return -EBUSY;
	if (!queue_usable(q))
		return -ENOTCONN;
	if (q->call.fd < 0)
		ret = source_init(q, &q->call, call_handle);
	if (!ret)
		ret = loop_modify(vp->config.loop, &q->kick, 0);
	if (ret)
		return ret;
	q->lent = true;
	*loan = (struct virtio_queue_loan){
		.kick_fd = q->kick.fd,
		.call_fd = q->call.fd,
		.size = q->ring.size,
		.descriptors = q->ring.descriptors,
		.available = q->ring.available,
		.used = q->ring.used,
		.at = { q->ring.next_available, q->ring.next_used },
	};
	return 0;
}

static void take_back(struct virtio_queue *q)
{
	q->lent = false;
	loop_modify(q->vp->config.loop, &q->kick, EPOLLIN);
	virtio_queue_kick(q); /* for what the other has not seen */
}

void virtio_pci_queue_take_back(struct virtio_pci *vp, unsigned int queue,
				const struct virtio_queue_position *at)
{
	struct virtio_queue *q = &vp->queues[queue];

	assert(queue < vp->nr_queues);
	if (!q->lent)
		return; /* a reset was faster */
	q->ring.next_available = at->available;
	q->ring.next_used = at->used;
	take_back(q);
}

int virtio_pci_queue_position(const struct virtio_pci *vp, unsigned int queue,
			      struct virtio_queue_position *at)
{
	const struct virtio_queue *q = &vp->queues[queue];

	assert(queue < vp->nr_queues);
	if (q->lent || q->in_progress)
		return -EBUSY;
	at->available = q->ring.next_available;
	at->used = q->ring.next_used;
	return 0;
}

int virtio_pci_queue_set_position(struct virtio_pci *vp, unsigned int queue,
				  const struct virtio_queue_position *at)
{
	struct virtio_queue *q = &vp->queues[queue];

	assert(queue < vp->nr_queues);
	if (q->lent || q->in_progress)
		return -EBUSY;
	q->ring.next_available = at->available;
	q->ring.next_used = at->used;
	virtio_queue_kick(q);
	return 0;
}

/* ---- life ---------------------------------------------------------------- */

void virtio_queue_reset(struct virtio_queue *q)
{
	uint16_t size = q->vp->config.queue_sizes[queue_index(q)];

	if (q->lent)
		take_back(q);
	if (q->call.fd >= 0)
		signal_take(&q->call); /* nobody waits for it any more */
	q->call_waits = false;
	virtqueue_reset(&q->ring, q->vp->config.memory,
			size ? size : VIRTQUEUE_SIZE_MAX);
	/* What the device has completed, nobody waits for any more. */
	if (q->completed)
		q->in_progress = false;
	q->completed = false;
	q->forgotten = q->in_progress;
	q->vector = VIRTIO_MSI_NO_VECTOR;
}

int virtio_queue_init(struct virtio_queue *q, struct virtio_pci *vp)
{
	q->vp = vp;
	return source_init(q, &q->kick, kick_handle);
}

void virtio_queue_finish(struct virtio_queue *q)
{
	source_finish(q, &q->call);
	source_finish(q, &q->kick);
}
