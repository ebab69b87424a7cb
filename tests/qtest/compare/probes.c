/* SPDX-License-Identifier: BSD-3-Clause */
/* Fixed exchanges that ask one question each. */
#include "probes.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "../mem_frame.h"
#include "../mem_qmp.h"

#define UNKNOWN_FEATURE (UINT64_C(1) << 50)
#define NOWHERE         UINT64_C(0xf00000000000)
#define PADDING         12 /* of the configuration */
#define PATTERN         UINT64_C(0x1122334455667788)

/* What the driver must accept, and what it may. */
static uint64_t base_features(const struct mem *mem)
{
	return virtio_features(&mem->virtio) &
	       (VIRTIO_VERSION1 | VIRTIO_INDIRECT |
		MEM_F_UNPLUGGED_INACCESSIBLE);
}

static void start(struct mem *mem, uint16_t queue_size)
{
	const struct mem_setup setup = {
		.queue_size = queue_size,
		.features = base_features(mem),
		.no_msix = true,
	};

	mem_start(mem, &setup);
}

/* The three that tell how a look at the ring ended. */
static unsigned int outcome(struct mem *mem, uint64_t *values)
{
	values[0] = virtio_status(&mem->virtio);
	values[1] = vring_device_index(&mem->ring);
	values[2] = virtio_isr(&mem->virtio) & VIRTIO_ISR_QUEUE;
	return 3;
}

/* Sends a STATE request from descriptor 0 as @p frames it. */
static void send_state(struct mem *mem, struct mem_pieces *p, uint8_t *bytes)
{
	mem_encode(bytes, MEM_STATE, 0, 1);
	p->bytes = bytes;
	mem_put_pieces(mem, 0, p);
	vring_offer(&mem->ring, 0);
	virtio_notify(&mem->virtio);
}

static void send_plain_state(struct mem *mem)
{
	struct mem_pieces p = {
		.nr_out = 1,
		.nr_in = 1,
		.out = { MEM_REQUEST_SIZE },
		.in = { MEM_RESPONSE_SIZE },
	};
	uint8_t bytes[MEM_REQUEST_SIZE];

	send_state(mem, &p, bytes);
}

/* ---- registers ----------------------------------------------------------- */

static unsigned int registers(struct mem *mem, uint64_t *values)
{
	const struct virtio *v = &mem->virtio;

	virtio_negotiate(v, base_features(mem));
	virtio_reset(v);
	values[0] = virtio_features(v);
	values[1] = virtio_accepted(v);
	values[2] = virtio_get(v, VIRTIO_COMMON(num_queues), 2);
	values[3] = virtio_get(v, VIRTIO_COMMON(msix_config), 2);
	virtio_set(v, VIRTIO_COMMON(queue_select), 0, 2);
	values[4] = virtio_get(v, VIRTIO_COMMON(queue_size), 2);
	values[5] = virtio_get(v, VIRTIO_COMMON(queue_msix_vector), 2);
	values[6] = virtio_get(v, VIRTIO_COMMON(queue_enable), 2);
	values[7] = virtio_get(v, VIRTIO_COMMON(queue_notify_off), 2);
	values[8] = virtio_get(v, VIRTIO_COMMON(queue_desc_lo), 4);
	values[9] = virtio_get(v, VIRTIO_COMMON(queue_used_hi), 4);
	virtio_set(v, VIRTIO_COMMON(device_feature_select), 2, 4);
	values[10] = virtio_get(v, VIRTIO_COMMON(device_feature), 4);
	return 11;
}

static unsigned int no_queue(struct mem *mem, uint64_t *values)
{
	const struct virtio *v = &mem->virtio;

	virtio_reset(v);
	virtio_set(v, VIRTIO_COMMON(queue_select), 1, 2);
	values[0] = virtio_get(v, VIRTIO_COMMON(queue_size), 2);
	values[1] = virtio_get(v, VIRTIO_COMMON(queue_enable), 2);
	values[2] = virtio_get(v, VIRTIO_COMMON(queue_select), 2);
	return 3;
}

static unsigned int queue_size(struct mem *mem, uint16_t size, uint64_t *values)
{
	const struct virtio *v = &mem->virtio;

	virtio_negotiate(v, base_features(mem));
	virtio_set(v, VIRTIO_COMMON(queue_select), 0, 2);
	virtio_set(v, VIRTIO_COMMON(queue_size), size, 2);
	values[0] = virtio_get(v, VIRTIO_COMMON(queue_size), 2);
	return 1;
}

static unsigned int odd_queue_size(struct mem *mem, uint64_t *values)
{
	return queue_size(mem, 48, values);
}

static unsigned int large_queue_size(struct mem *mem, uint64_t *values)
{
	return queue_size(mem, 512, values);
}

static unsigned int enable_queue_0(struct mem *mem, uint64_t *values)
{
	const struct virtio *v = &mem->virtio;

	start(mem, 16);
	virtio_set(v, VIRTIO_COMMON(queue_enable), 0, 2);
	values[0] = virtio_get(v, VIRTIO_COMMON(queue_enable), 2);
	values[1] = virtio_status(v);
	return 2;
}

static unsigned int fields_of_live_queue(struct mem *mem, uint64_t *values)
{
	const struct virtio *v = &mem->virtio;

	start(mem, 16);
	virtio_set(v, VIRTIO_COMMON(queue_desc_hi), 0x77, 4);
	values[0] = virtio_get(v, VIRTIO_COMMON(queue_desc_hi), 4);
	virtio_set(v, VIRTIO_COMMON(queue_size), 8, 2);
	values[1] = virtio_get(v, VIRTIO_COMMON(queue_size), 2);
	return 2;
}

/* ---- features and status ------------------------------------------------- */

static unsigned int unknown_feature(struct mem *mem, uint64_t *values)
{
	values[0] = virtio_negotiate(&mem->virtio,
				     base_features(mem) | UNKNOWN_FEATURE);
	return 1;
}

static unsigned int no_version_1(struct mem *mem, uint64_t *values)
{
	values[0] = virtio_negotiate(&mem->virtio,
				     base_features(mem) & ~VIRTIO_VERSION1);
	return 1;
}

static unsigned int no_inaccessible(struct mem *mem, uint64_t *values)
{
	values[0] = virtio_negotiate(&mem->virtio, VIRTIO_VERSION1);
	return 1;
}

static unsigned int late_features(struct mem *mem, uint64_t *values)
{
	const struct virtio *v = &mem->virtio;

	virtio_negotiate(v, base_features(mem) & ~VIRTIO_INDIRECT);
	virtio_accept(v, base_features(mem) | VIRTIO_INDIRECT);
	values[0] = virtio_accepted(v) & VIRTIO_INDIRECT;
	values[1] = virtio_status(v);
	return 2;
}

static unsigned int status_goes_back(struct mem *mem, uint64_t *values)
{
	start(mem, 16);
	virtio_set_status(&mem->virtio, STATUS_DRIVER);
	values[0] = virtio_status(&mem->virtio);
	return 1;
}

static void queue_up(struct mem *mem)
{
	vring_init(&mem->ring, mem->qtest, mem->arena, 16, 0);
	mem->prepared = false;
	virtio_queue_setup(&mem->virtio, &mem->ring);
}

static unsigned int no_features_ok(struct mem *mem, uint64_t *values)
{
	const struct virtio *v = &mem->virtio;

	virtio_reset(v);
	virtio_set_status(v, STATUS_DRIVER);
	virtio_accept(v, base_features(mem));
	queue_up(mem);
	virtio_set_status(v, STATUS_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK);
	send_plain_state(mem);
	return outcome(mem, values);
}

static unsigned int no_driver_ok(struct mem *mem, uint64_t *values)
{
	virtio_negotiate(&mem->virtio, base_features(mem));
	queue_up(mem);
	send_plain_state(mem);
	return outcome(mem, values);
}

static unsigned int driver_needs_reset(struct mem *mem, uint64_t *values)
{
	start(mem, 16);
	virtio_set_status(&mem->virtio, STATUS_DRIVER_OK | STATUS_NEEDS_RESET);
	values[0] = virtio_status(&mem->virtio);
	return 1;
}

static unsigned int broken_goes_on(struct mem *mem, uint64_t *values)
{
	const struct virtio *v = &mem->virtio;

	start(mem, 16);
	mem_put(mem, 0, UINT16_MAX, 0, 0);
	vring_offer(&mem->ring, 0);
	virtio_notify(v);
	values[0] = virtio_status(v);
	virtio_set_status(v, STATUS_DRIVER_OK);
	values[1] = virtio_status(v);
	virtio_isr(v);
	send_plain_state(mem);
	values[2] = vring_device_index(&mem->ring);
	return 3;
}

static unsigned int no_bus_master(struct mem *mem, uint64_t *values)
{
	const struct pci_function *f = &mem->virtio.pci;
	uint32_t command = pci_read(f, PCI_COMMAND, 2);

	start(mem, 16);
	pci_write(f, PCI_COMMAND, command & ~(uint32_t)PCI_COMMAND_MASTER, 2);
	send_plain_state(mem);
	values[0] = vring_device_index(&mem->ring);
	values[1] = virtio_status(&mem->virtio);
	pci_write(f, PCI_COMMAND, command, 2);
	return 2;
}

/* ---- rings --------------------------------------------------------------- */

static unsigned int no_interrupt(struct mem *mem, uint64_t *values)
{
	start(mem, 16);
	vring_put_avail_flags(&mem->ring, 1);
	send_plain_state(mem);
	return outcome(mem, values);
}

static unsigned int late_indirect(struct mem *mem, uint64_t *values)
{
	const struct vring_desc answer = {
		.addr = mem->arena + MEM_SCRATCH + 64,
		.len = MEM_RESPONSE_SIZE,
		.flags = VRING_WRITE,
	};
	uint64_t table = mem->arena + MEM_SCRATCH;

	start(mem, 16);
	mem_put(mem, 0, MEM_STATE, 0, 1);
	vring_put_desc(mem->qtest, table, 0, &answer);
	vring_desc(&mem->ring, 1, table, VRING_DESC_SIZE, VRING_INDIRECT, 0);
	vring_offer(&mem->ring, 0);
	virtio_notify(&mem->virtio);
	return outcome(mem, values);
}

static unsigned int indirect_not_accepted(struct mem *mem, uint64_t *values)
{
	struct mem_pieces p = {
		.nr_out = 1,
		.nr_in = 1,
		.out = { MEM_REQUEST_SIZE },
		.in = { MEM_RESPONSE_SIZE },
		.table = mem->arena + MEM_SCRATCH,
	};
	const struct mem_setup setup = {
		.features = base_features(mem) & ~VIRTIO_INDIRECT,
		.no_msix = true,
	};
	uint8_t bytes[MEM_REQUEST_SIZE];

	mem_start(mem, &setup);
	send_state(mem, &p, bytes);
	return outcome(mem, values);
}

/* One descriptor a byte: more of them than the queue could have. */
static unsigned int large_table(struct mem *mem, uint64_t *values)
{
	struct mem_pieces p = { .table = mem->arena + MEM_SCRATCH };
	uint8_t bytes[MEM_REQUEST_SIZE];

	start(mem, 128);
	p.nr_out = mem_cut(p.out, MEM_REQUEST_SIZE, 1);
	p.nr_in = mem_cut(p.in, MEM_PIECES_MAX, 1);
	send_state(mem, &p, bytes);
	return outcome(mem, values);
}

static unsigned int empty_buffer(struct mem *mem, uint64_t *values)
{
	struct mem_pieces p = {
		.nr_out = 2,
		.nr_in = 1,
		.out = { 0, MEM_REQUEST_SIZE },
		.in = { MEM_RESPONSE_SIZE },
	};
	uint8_t bytes[MEM_REQUEST_SIZE];

	start(mem, 16);
	send_state(mem, &p, bytes);
	return outcome(mem, values);
}

/* Descriptor 0 as it is given, and then what mem_put() has put there. */
static unsigned int bad_ring(struct mem *mem, const struct vring_desc *first,
			     uint16_t head, uint64_t *values)
{
	start(mem, 16);
	mem_put(mem, 0, MEM_STATE, 0, 1);
	vring_put_desc(mem->qtest, mem->ring.desc, 0, first);
	vring_offer(&mem->ring, head);
	virtio_notify(&mem->virtio);
	return outcome(mem, values);
}

static unsigned int wrong_order(struct mem *mem, uint64_t *values)
{
	const struct vring_desc writable = { mem->arena + MEM_SCRATCH, 10,
					     VRING_WRITE | VRING_NEXT, 2 };

	start(mem, 16);
	mem_put(mem, 2, MEM_STATE, 0, 1);
	vring_put_desc(mem->qtest, mem->ring.desc, 0, &writable);
	vring_offer(&mem->ring, 0);
	virtio_notify(&mem->virtio);
	return outcome(mem, values);
}

static unsigned int loop(struct mem *mem, uint64_t *values)
{
	const struct vring_desc itself = { mem->arena + MEM_SCRATCH, 24,
					   VRING_NEXT, 0 };

	return bad_ring(mem, &itself, 0, values);
}

static unsigned int head_outside(struct mem *mem, uint64_t *values)
{
	const struct vring_desc any = { mem->arena + MEM_SCRATCH, 24,
					VRING_NEXT, 1 };

	return bad_ring(mem, &any, 16, values);
}

static unsigned int index_jumps(struct mem *mem, uint64_t *values)
{
	start(mem, 16);
	vring_put_index(&mem->ring, 17);
	virtio_notify(&mem->virtio);
	return outcome(mem, values);
}

static unsigned int request_nowhere(struct mem *mem, uint64_t *values)
{
	const struct vring_desc away = { NOWHERE, MEM_REQUEST_SIZE, VRING_NEXT,
					 1 };

	return bad_ring(mem, &away, 0, values);
}

static unsigned int answer_nowhere(struct mem *mem, uint64_t *values)
{
	start(mem, 16);
	mem_put(mem, 0, MEM_STATE, 0, 1);
	vring_desc(&mem->ring, 1, NOWHERE, MEM_RESPONSE_SIZE, VRING_WRITE, 0);
	vring_offer(&mem->ring, 0);
	virtio_notify(&mem->virtio);
	return outcome(mem, values);
}

/* ---- the device's configuration ------------------------------------------ */

/* Read in every width, summed up: the same numbers in other words. */
static unsigned int config_widths(struct mem *mem, uint64_t *values)
{
	const struct virtio *v = &mem->virtio;

	start(mem, 16);
	for (unsigned int width = 1, n = 0; width <= 4; width *= 2, n++) {
		values[n] = 0;
		for (unsigned int i = 0; i < MEM_CONFIG_SIZE; i += width)
			if (i < MEM_ADDR || i >= MEM_REGION_SIZE)
				values[n] = values[n] * 31 +
					    virtio_config(v, i, width);
	}
	return 3;
}

static unsigned int config_end(struct mem *mem, uint64_t *values)
{
	values[0] = virtio_config(&mem->virtio, MEM_CONFIG_SIZE, 1);
	values[1] = virtio_config(&mem->virtio, MEM_CONFIG_SIZE, 4);
	return 2;
}

static unsigned int config_write(struct mem *mem, uint64_t *values)
{
	const struct virtio *v = &mem->virtio;

	start(mem, 16);
	for (unsigned int i = 0; i < MEM_CONFIG_SIZE; i += 2)
		qtest_store(v->qtest, v->device + i, 0x5a5a, 2);
	values[4] = virtio_config(v, PADDING, 4);
	/* Who kept it is not to show it in what follows. */
	for (unsigned int i = MEM_NODE_ID; i < MEM_ADDR; i += 2)
		qtest_store(v->qtest, v->device + i, 0, 2);
	values[0] = virtio_config(v, MEM_BLOCK_SIZE, 8);
	values[1] = virtio_config(v, MEM_REGION_SIZE, 8);
	values[2] = virtio_config(v, MEM_REQUESTED_SIZE, 8);
	values[3] = virtio_config(v, MEM_PLUGGED_SIZE, 8);
	return 5;
}

/* The same size again, told to a driver that is not yet there. */
static unsigned int resize_unheard(struct mem *mem, uint64_t *values)
{
	const struct virtio *v = &mem->virtio;
	uint64_t size = virtio_config(v, MEM_REQUESTED_SIZE, 8);
	uint8_t generation;

	virtio_negotiate(v, base_features(mem));
	generation = virtio_generation(v);
	values[0] = mem_set_requested(mem, size, NULL);
	values[1] = virtio_isr(v);
	values[2] = (uint8_t)(virtio_generation(v) - generation);
	return 3;
}

/* ---- memory -------------------------------------------------------------- */

static uint64_t request(struct mem *mem, uint16_t type, uint64_t addr)
{
	return mem_request(mem, type, addr, 1).type;
}

/* Does what was written survive an unplug? */
static unsigned int contents(struct mem *mem, uint64_t *values)
{
	uint64_t addr;

	start(mem, 16);
	addr = virtio_config(&mem->virtio, MEM_ADDR, 8);
	memset(values, 0, 6 * sizeof(*values));
	values[0] = request(mem, MEM_UNPLUG_ALL, 0);
	values[1] = request(mem, MEM_PLUG, addr);
	if (values[1] == MEM_ACK) {
		qtest_store(mem->qtest, addr + 4096, PATTERN, 8);
		values[2] = qtest_load(mem->qtest, addr + 4096, 8);
		values[3] = request(mem, MEM_UNPLUG, addr);
		values[4] = request(mem, MEM_PLUG, addr);
		values[5] = qtest_load(mem->qtest, addr + 4096, 8);
	}
	return request(mem, MEM_UNPLUG_ALL, 0) == MEM_ACK ? 6 : 0;
}

/* Where nothing is plugged, in the first and the last block of the region. */
static unsigned int unplugged_memory(struct mem *mem, uint64_t *values)
{
	uint64_t addr;

	start(mem, 16);
	addr = virtio_config(&mem->virtio, MEM_ADDR, 8);
	values[0] = request(mem, MEM_UNPLUG_ALL, 0);
	values[1] = qtest_load(mem->qtest, addr, 8);
	qtest_store(mem->qtest, addr, PATTERN, 8);
	values[2] = qtest_load(mem->qtest, addr, 8);
	qtest_store(mem->qtest, addr, 0, 8);
	return 3;
}

/* ---- all of them --------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned int (*run)(struct mem *mem, uint64_t *values);
} probes[NR_PROBES] = {
	[PROBE_REGISTERS] = { "registers", registers },
	[PROBE_NO_QUEUE] = { "no-queue", no_queue },
	[PROBE_ODD_QUEUE_SIZE] = { "odd-queue-size", odd_queue_size },
	[PROBE_LARGE_QUEUE_SIZE] = { "large-queue-size", large_queue_size },
	[PROBE_ENABLE_QUEUE_0] = { "enable-queue-0", enable_queue_0 },
	[PROBE_FIELDS_OF_LIVE_QUEUE] = { "fields-of-live-queue",
					 fields_of_live_queue },
	[PROBE_UNKNOWN_FEATURE] = { "unknown-feature", unknown_feature },
	[PROBE_NO_VERSION_1] = { "no-version-1", no_version_1 },
	[PROBE_NO_INACCESSIBLE] = { "no-inaccessible", no_inaccessible },
	[PROBE_LATE_FEATURES] = { "late-features", late_features },
	[PROBE_STATUS_GOES_BACK] = { "status-goes-back", status_goes_back },
	[PROBE_NO_FEATURES_OK] = { "no-features-ok", no_features_ok },
	[PROBE_NO_DRIVER_OK] = { "no-driver-ok", no_driver_ok },
	[PROBE_DRIVER_NEEDS_RESET] = { "driver-needs-reset",
				       driver_needs_reset },
	[PROBE_BROKEN_GOES_ON] = { "broken-goes-on", broken_goes_on },
	[PROBE_NO_BUS_MASTER] = { "no-bus-master", no_bus_master },
	[PROBE_NO_INTERRUPT] = { "no-interrupt", no_interrupt },
	[PROBE_LATE_INDIRECT] = { "late-indirect", late_indirect },
	[PROBE_INDIRECT_NOT_ACCEPTED] = { "indirect-not-accepted",
					  indirect_not_accepted },
	[PROBE_LARGE_TABLE] = { "large-table", large_table },
	[PROBE_EMPTY_BUFFER] = { "empty-buffer", empty_buffer },
	[PROBE_WRONG_ORDER] = { "wrong-order", wrong_order },
	[PROBE_LOOP] = { "loop", loop },
	[PROBE_HEAD_OUTSIDE] = { "head-outside", head_outside },
	[PROBE_INDEX_JUMPS] = { "index-jumps", index_jumps },
	[PROBE_REQUEST_NOWHERE] = { "request-nowhere", request_nowhere },
	[PROBE_ANSWER_NOWHERE] = { "answer-nowhere", answer_nowhere },
	[PROBE_CONFIG_WIDTHS] = { "config-widths", config_widths },
	[PROBE_CONFIG_END] = { "config-end", config_end },
	[PROBE_CONFIG_WRITE] = { "config-write", config_write },
	[PROBE_RESIZE_UNHEARD] = { "resize-unheard", resize_unheard },
	[PROBE_CONTENTS] = { "contents", contents },
	[PROBE_UNPLUGGED_MEMORY] = { "unplugged-memory", unplugged_memory },
};

const char *probe_name(unsigned int probe)
{
	return probes[probe].name;
}

unsigned int probe_run(struct mem *mem, unsigned int probe, uint64_t *values)
{
	return probes[probe].run(mem, values);
}
