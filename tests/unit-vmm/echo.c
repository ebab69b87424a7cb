/* SPDX-License-Identifier: BSD-3-Clause */
/* A device on the virtio PCI transport that sends back what it is sent. */
#include "echo.h"

#include "../unit/cmocka_all.h"

#include <errno.h>
#include <string.h>

static uint64_t echo_features(void *opaque)
{
	(void)opaque;
	return ECHO_FEATURES;
}

static bool echo_features_ok(void *opaque, uint64_t features)
{
	(void)opaque, (void)features;
	return true;
}

static void echo_accepted(void *opaque, uint64_t features)
{
	struct echo *f = opaque;

	f->accepted = features;
	f->accepts++;
}

static void echo_config_get(void *opaque, uint64_t offset, void *buf,
			    unsigned int len)
{
	const struct echo *f = opaque;

	for (unsigned int i = 0; i < len; i++)
		((uint8_t *)buf)[i] = offset + i + f->shift;
}

/*
 * A byte 'x' is a request that it cannot make sense of, 'c' one that changes
 * its configuration, and 'l' one that takes it long.
 */
static long echo_handle(void *opaque, unsigned int queue,
			const struct virtqueue *vq,
			const struct virtqueue_chain *chain)
{
	struct echo *f = opaque;
	uint8_t byte = 0;
	long len = virtqueue_chain_read(vq, chain, &byte, 1);

	f->handled++;
	f->last_queue = queue;
	if (f->refill) {
		f->refill--;
		driver_offer(&f->d, chain->head);
	}
	if (byte == 'c')
		f->shift++;
	if (byte == 'l')
		return -EINPROGRESS;
	if (len < 0 || byte == 'x')
		return len < 0 ? len : -EPROTO;
	return virtqueue_chain_write(vq, chain, &byte, 1);
}

static void echo_reset(void *opaque)
{
	struct echo *f = opaque;

	f->resets++;
}

static const struct virtio_ops echo_ops = {
	.features = echo_features,
	.features_ok = echo_features_ok,
	.features_accepted = echo_accepted,
	.config_get = echo_config_get,
	.handle = echo_handle,
	.reset = echo_reset,
};

struct virtio_pci_config echo_config(struct echo *f)
{
	return (struct virtio_pci_config){
		.device_type = 24,
		.class = 0x050000,
		.config_size = ECHO_CONFIG_SIZE,
		.nr_queues = ECHO_QUEUES,
		.queue_sizes = { [ECHO_SHORT_QUEUE] = ECHO_SHORT },
		.ops = &echo_ops,
		.opaque = f,
		.memory = &f->rig.memory,
		.accel = &f->rig.accel,
		.loop = f->rig.loop,
		.host = f->rig.pci,
	};
}

int echo_setup(void **state)
{
	static struct echo f;
	struct virtio_pci_config config;

	memset(&f, 0, sizeof(f));
	rig_init(&f.rig);
	config = echo_config(&f);
	assert_int_equal(virtio_pci_create(&config, &f.vp), 0);
	driver_find(&f.d, &f.rig, ECHO_SLOT);
	*state = &f;
	return 0;
}

int echo_teardown(void **state)
{
	struct echo *f = *state;

	virtio_pci_destroy(f->vp);
	rig_finish(&f->rig);
	return 0;
}

void echo_put(struct echo *f, unsigned int index, char byte)
{
	f->rig.ram[DRIVER_REQUEST + index] = byte;
	f->rig.ram[DRIVER_RESPONSE + index] = 0;
	driver_desc(&f->d, index, DRIVER_REQUEST + index, 1, DESC_NEXT,
		    index + 1);
	driver_desc(&f->d, index + 1, DRIVER_RESPONSE + index, 1, DESC_WRITE,
		    0);
}

char echo_answer(struct echo *f, unsigned int index)
{
	return f->rig.ram[DRIVER_RESPONSE + index];
}

void echo_send(struct echo *f, uint16_t head)
{
	driver_offer(&f->d, head);
	driver_kick(&f->d);
	rig_settle(&f->rig);
}
