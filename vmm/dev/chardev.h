/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a serial port leads on the host: standard input and output (the
 * terminal raw), a file, a unix socket with one client, or nowhere.
 */
#ifndef VMM_DEV_CHARDEV_H
#define VMM_DEV_CHARDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/machine_config.h"
#include "paramem.h"

struct chardev;
struct loop;

/* Called on the main thread. */
struct chardev_ops {
	/* How many bytes the port takes now. */
	size_t (*room)(void *opaque);
	void (*receive)(void *opaque, const uint8_t *data, size_t len);
	/* Output that was refused would be taken now. */
	void (*writable)(void *opaque);
	/* The person at the terminal asked to quit. */
	void (*quit)(void *opaque);
};

/* 0 or -errno with a sentence; the terminal is restored by destroy. */
int chardev_create(enum serial_kind kind, const char *path, struct loop *loop,
		   struct chardev **chardev, struct pm_error *err);
void chardev_destroy(struct chardev *chardev);

/* Who hears of input; before the loop runs. */
void chardev_attach(struct chardev *chardev, const struct chardev_ops *ops,
		    void *opaque);

/*
 * Writes one byte without waiting; false when it would have to wait, and then
 * writable() is called later. Where nobody listens, the byte is gone. Any
 * thread, one at a time.
 */
bool chardev_put(struct chardev *chardev, uint8_t byte);

/* There is room again: input is watched for. Any thread. */
void chardev_want_input(struct chardev *chardev);

/*
 * While it is held the port hears nothing: input stays where it comes from,
 * and what the host would take again is told afterwards. What is typed at the
 * terminal is kept, INPUT_MAX bytes of it, and its escape heard. The main
 * thread.
 */
void chardev_hold(struct chardev *chardev, bool hold);

#endif /* VMM_DEV_CHARDEV_H */
