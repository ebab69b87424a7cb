/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver's side of a memory device. */
#include "mem.h"

#include <endian.h>
#include <string.h>

#include "deadline.h"
#include "fatal.h"

/* A response and a request, in the gap of the ring; see vring_init(). */
enum { SLOT_REQUEST = 12, SLOT_SIZE = SLOT_REQUEST + MEM_REQUEST_SIZE };

/* The descriptors of mem_request(), and so its head. */
enum { HEAD = 0, TAIL = 1 };

/* ---- set-up -------------------------------------------------------------- */

void mem_open(struct mem *mem, struct peer *peer, unsigned int nth)
{
	*mem = (struct mem){
		.peer = peer,
		.qtest = &peer->qtest,
		.nth = nth,
		.arena = MEM_ARENA(nth),
	};
	peer_device_id(mem->id, sizeof(mem->id), nth);
	virtio_find(&mem->virtio, mem->qtest, VIRTIO_ID_MEM, nth);
}

static uint64_t features_wanted(const struct mem *mem,
				const struct mem_setup *setup)
{
	uint64_t wanted = MEM_F_ACPI_PXM | MEM_F_UNPLUGGED_INACCESSIBLE;

	if (setup->features)
		wanted = setup->features;
	return (wanted & virtio_features(&mem->virtio)) | VIRTIO_VERSION1;
}

void mem_start(struct mem *mem, const struct mem_setup *setup)
{
	static const struct mem_setup defaults;

	if (!setup)
		setup = &defaults;
	if (!virtio_negotiate(&mem->virtio, features_wanted(mem, setup)))
		fatal("the device does not agree to the features");
	if (!setup->no_msix && mem->virtio.msix_cap)
		virtio_msix_setup(&mem->virtio, mem->arena + MEM_MESSAGES);
	else if (mem->virtio.msix_cap)
		virtio_msix_control(&mem->virtio, false, false);
	vring_init(&mem->ring, mem->qtest, mem->arena,
		   setup->queue_size ? setup->queue_size : MEM_QUEUE_SIZE,
		   SLOT_SIZE);
	mem->slot = vring_gap(&mem->ring);
	mem->prepared = false;
	virtio_queue_setup(&mem->virtio, &mem->ring);
	virtio_driver_ok(&mem->virtio);
}

void mem_restart(struct mem *mem, const struct mem_setup *setup)
{
	mem_open(mem, mem->peer, mem->nth);
	mem_start(mem, setup);
}

/* ---- configuration ------------------------------------------------------- */

void mem_read_config(const struct mem *mem, struct mem_config *config)
{
	const struct virtio *v = &mem->virtio;

	config->block_size = virtio_config(v, MEM_BLOCK_SIZE, 8);
	config->node_id = virtio_config(v, MEM_NODE_ID, 2);
	config->addr = virtio_config(v, MEM_ADDR, 8);
	config->region_size = virtio_config(v, MEM_REGION_SIZE, 8);
	config->usable_size = virtio_config(v, MEM_USABLE_SIZE, 8);
	config->plugged_size = virtio_config(v, MEM_PLUGGED_SIZE, 8);
	config->requested_size = virtio_config(v, MEM_REQUESTED_SIZE, 8);
}

uint64_t mem_block(const struct mem_config *config, uint64_t index)
{
	return config->addr + index * config->block_size;
}

/* ---- requests ------------------------------------------------------------ */

static void put16(uint8_t *bytes, uint16_t value)
{
	value = htole16(value);
	memcpy(bytes, &value, sizeof(value));
}

void mem_encode(uint8_t *bytes, uint16_t type, uint64_t addr,
		uint16_t nb_blocks)
{
	memset(bytes, MEM_FILLER, MEM_REQUEST_SIZE);
	put16(bytes, type);
	addr = htole64(addr);
	memcpy(bytes + 8, &addr, sizeof(addr));
	put16(bytes + 16, nb_blocks);
}

struct mem_answer mem_decode(const uint8_t *bytes)
{
	return (struct mem_answer){ vring_decode16(bytes),
				    vring_decode16(bytes + 8) };
}

/* Once the ring was used otherwise: every entry is the one chain again. */
static void prepare(struct mem *mem)
{
	const uint8_t entries[VRING_SIZE_MAX * 2] = { HEAD };

	vring_desc(&mem->ring, HEAD, mem->slot + SLOT_REQUEST, MEM_REQUEST_SIZE,
		   VRING_NEXT, TAIL);
	vring_desc(&mem->ring, TAIL, mem->slot, MEM_RESPONSE_SIZE, VRING_WRITE,
		   0);
	qtest_post_write(mem->qtest, mem->ring.avail + VRING_ENTRIES, entries,
			 mem->ring.size * 2);
	mem->prepared = true;
}

/* The request, its response's filler and the index lie side by side. */
static void send(struct mem *mem, uint16_t type, uint64_t addr,
		 uint16_t nb_blocks)
{
	uint8_t bytes[SLOT_SIZE + VRING_ENTRIES];

	if (!mem->prepared)
		prepare(mem);
	memset(bytes, MEM_FILLER, SLOT_REQUEST);
	mem_encode(bytes + SLOT_REQUEST, type, addr, nb_blocks);
	put16(bytes + SLOT_SIZE + VRING_FLAGS, 0);
	put16(bytes + SLOT_SIZE + VRING_INDEX, ++mem->ring.avail_index);
	qtest_post_write(mem->qtest, mem->slot, bytes, sizeof(bytes));
	virtio_post_notify(&mem->virtio);
}

/* And so do the used ring and the response. */
static bool receive(struct mem *mem, struct mem_answer *answer)
{
	uint8_t bytes[VRING_ENTRIES * 3 + VRING_SIZE_MAX * 8 + SLOT_REQUEST];
	unsigned int entry = mem->ring.used_index % mem->ring.size;
	uint64_t slot = mem->slot - mem->ring.used;
	struct vring_used used;

	qtest_read(mem->qtest, mem->ring.used, bytes, slot + SLOT_REQUEST);
	if (vring_decode16(bytes + VRING_INDEX) == mem->ring.used_index)
		return false;
	used = vring_used_decode(bytes + VRING_ENTRIES + entry * sizeof(used));
	if (used.id != HEAD || used.len != MEM_RESPONSE_SIZE)
		fatal("virtqueue: chain %u was used for %u bytes", used.id,
		      used.len);
	mem->ring.used_index++;
	*answer = mem_decode(bytes + slot);
	return true;
}

struct mem_answer mem_request(struct mem *mem, uint16_t type, uint64_t addr,
			      uint16_t nb_blocks)
{
	int64_t deadline = deadline_in(DEADLINE_DEFAULT_MS);
	struct mem_answer answer;

	send(mem, type, addr, nb_blocks);
	while (!receive(mem, &answer))
		if (!deadline_pause(deadline))
			fatal("a memory request was not answered in time");
	return answer;
}

bool mem_try_request(struct mem *mem, uint16_t type, uint64_t addr,
		     uint16_t nb_blocks, struct mem_answer *answer)
{
	send(mem, type, addr, nb_blocks);
	return receive(mem, answer);
}

/* Whether it will handle what it was notified of. */
static bool is_alive(struct mem *mem)
{
	uint8_t status = virtio_status(&mem->virtio);

	return (status & STATUS_DRIVER_OK) && !(status & STATUS_NEEDS_RESET);
}

void mem_settle(struct mem *mem)
{
	int64_t deadline = deadline_in(DEADLINE_DEFAULT_MS);

	while (vring_device_index(&mem->ring) != mem->ring.avail_index &&
	       is_alive(mem))
		if (!deadline_pause(deadline))
			fatal("memory requests were not handled in time");
}

bool mem_request_handled(struct mem *mem, uint16_t type, uint64_t addr,
			 uint16_t nb_blocks, struct mem_answer *answer)
{
	if (mem_try_request(mem, type, addr, nb_blocks, answer))
		return true;
	mem_settle(mem);
	return receive(mem, answer);
}
