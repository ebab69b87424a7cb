/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The modern virtio PCI transport ([virtio] 4.1) of one device and its
 * queues, with a message of MSI-X for each and one for the configuration.
 *
 * Threads: the guest's accesses come on vCPU threads, its notifications on
 * the main thread, and both take the device's lock. The device's callbacks
 * run with the lock held. Order of locks: the PCI host's, then the device's.
 */
#ifndef VMM_VIRTIO_PCI_H
#define VMM_VIRTIO_PCI_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/loop.h"
#include "pci/msix.h"
#include "pci/pci.h"
#include "virtqueue.h"

#define VIRTIO_QUEUES_MAX 16

/* Bytes of the longest answer to a chain that was in progress. */
#define VIRTIO_RESPONSE_MAX 64

struct virtio_pci;

struct virtio_ops {
	/* The features that the device has besides the transport's. */
	uint64_t (*features)(void *opaque);
	/* Whether the device works for a driver with these alone. */
	bool (*features_ok)(void *opaque, uint64_t features);
	void (*features_accepted)(void *opaque, uint64_t features);
	/*
	 * What the configuration space is now; also past its end. The driver
	 * may not have asked.
	 */
	void (*config_get)(void *opaque, uint64_t offset, void *buf,
			   unsigned int len);
	/* The driver has read so much of it; may be NULL. */
	void (*config_was_read)(void *opaque, uint64_t offset,
				unsigned int len);
	/*
	 * Handles the next chain of a queue: how many bytes were written, or
	 * -errno when the device needs a reset. -EINPROGRESS: it takes longer,
	 * and virtio_pci_complete() ends it; no other of the same queue is
	 * handled until then.
	 */
	long (*handle)(void *opaque, unsigned int queue,
		       const struct virtqueue *vq,
		       const struct virtqueue_chain *chain);
	/*
	 * A device reset: the driver starts over. A chain in progress is
	 * forgotten, but still has to be completed. When this returns nobody
	 * uses a queue that was lent: it is the transport's again. On any
	 * thread.
	 */
	void (*reset)(void *opaque);
};

struct virtio_pci_config {
	const char *id;           /* of the device, or NULL */
	uint16_t device_type;     /* the virtio device ID */
	uint32_t class;           /* PCI class code */
	unsigned int config_size; /* bytes, at most CONFIG_VIEW_MAX */
	unsigned int nr_queues;   /* 1 to VIRTIO_QUEUES_MAX */
	/* The largest of each, a power of two; 0: VIRTQUEUE_SIZE_MAX. */
	uint16_t queue_sizes[VIRTIO_QUEUES_MAX];
	const struct virtio_ops *ops;
	void *opaque;
	const struct guest_memory *memory;
	struct accel *accel;
	struct loop *loop;
	struct pci_host *host;
};

/* Creates the transport and adds it to the bus. 0 or -errno. */
int virtio_pci_create(const struct virtio_pci_config *config,
		      struct virtio_pci **vp);
void virtio_pci_destroy(struct virtio_pci *vp);

/* Locks the device for what happens outside its callbacks. */
void virtio_pci_lock(struct virtio_pci *vp);
void virtio_pci_unlock(struct virtio_pci *vp);

/*
 * Tells the driver that the configuration space changed, by an interrupt. Its
 * generation changes also when nobody says so. The lock is held.
 */
void virtio_pci_config_changed(struct virtio_pci *vp);

/*
 * Ends the chain for which handle() returned -EINPROGRESS: @len bytes of
 * response, at most VIRTIO_RESPONSE_MAX, or -errno when the device needs a
 * reset. Where a reset came between, the driver does not hear of it. The main
 * thread, with the lock held; what else is in the ring is handled by the loop.
 */
void virtio_pci_complete(struct virtio_pci *vp, unsigned int queue,
			 const void *response, long len);

/*
 * While it is held, the device neither reads nor writes memory, nor interrupts:
 * no chain is handled or given back, and a change of the configuration is told
 * when it is let go. What is in progress is the device's to hold, and who has a
 * queue on loan stops by himself. The main thread, with the lock held.
 */
void virtio_pci_hold(struct virtio_pci *vp, bool hold);

/*
 * Where the device stands in a ring: the index of the next chain that it takes
 * and of the next that it gives back. Both count on and wrap.
 */
struct virtio_queue_position {
	uint16_t available;
	uint16_t used;
};

/*
 * Reads and sets it, to move a device to another machine, say. Any two values
 * are safe: such as the ring does not agree to are the driver's error. -EBUSY
 * while a chain is in progress or the queue is lent. The lock is held.
 */
int virtio_pci_queue_position(const struct virtio_pci *vp, unsigned int queue,
			      struct virtio_queue_position *at);
int virtio_pci_queue_set_position(struct virtio_pci *vp, unsigned int queue,
				  const struct virtio_queue_position *at);

/* What somebody else needs to handle a queue; addresses are the guest's. */
struct virtio_queue_loan {
	int kick_fd; /* the guest signals this eventfd */
	int call_fd; /* and this one interrupts the guest */
	uint16_t size;
	uint64_t descriptors, available, used;
	struct virtio_queue_position at;
};

/*
 * Lends a queue that the driver has set up to somebody who handles its chains
 * in place of the device, such as a kernel's vhost or a thread: nobody else
 * waits on the kick descriptor until then. The descriptors stay the
 * transport's. -EBUSY as above, -ENOTCONN when the driver is not ready, or
 * what the system call said. The main thread, with the lock held.
 */
int virtio_pci_queue_lend(struct virtio_pci *vp, unsigned int queue,
			  struct virtio_queue_loan *loan);

/*
 * The device goes on where the other one stopped, who by now waits on nothing
 * any more. Nothing happens when a reset has taken it back. As above.
 */
void virtio_pci_queue_take_back(struct virtio_pci *vp, unsigned int queue,
				const struct virtio_queue_position *at);

/* Whether the driver has set the device up (DRIVER_OK); the lock is held. */
bool virtio_pci_driver_ready(const struct virtio_pci *vp);

/* As after power-on; no vCPU runs. */
void virtio_pci_reset(struct virtio_pci *vp);

#endif /* VMM_VIRTIO_PCI_H */
