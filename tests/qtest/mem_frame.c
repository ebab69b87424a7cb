/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory requests framed as it pleases. */
#include "mem_frame.h"

#include <string.h>

#include "fatal.h"

static uint64_t buffer(const struct mem *mem, unsigned int index)
{
	return mem->arena + MEM_BUFFERS + (uint64_t)index * MEM_BUFFER_STRIDE;
}

static uint64_t response(const struct mem *mem, unsigned int index)
{
	return buffer(mem, index) + MEM_BUFFER_STRIDE / 2;
}

void mem_put(struct mem *mem, unsigned int index, uint16_t type, uint64_t addr,
	     uint16_t nb_blocks)
{
	uint8_t bytes[MEM_REQUEST_SIZE], filler[MEM_RESPONSE_SIZE];

	mem->prepared = false;
	mem_encode(bytes, type, addr, nb_blocks);
	memset(filler, MEM_FILLER, sizeof(filler));
	qtest_post_write(mem->qtest, buffer(mem, index), bytes, sizeof(bytes));
	qtest_post_write(mem->qtest, response(mem, index), filler,
			 sizeof(filler));
	vring_desc(&mem->ring, index, buffer(mem, index), sizeof(bytes),
		   VRING_NEXT, index + 1);
	vring_desc(&mem->ring, index + 1, response(mem, index), sizeof(filler),
		   VRING_WRITE, 0);
}

struct mem_answer mem_get(const struct mem *mem, unsigned int index)
{
	uint8_t bytes[MEM_RESPONSE_SIZE];

	qtest_read(mem->qtest, response(mem, index), bytes, sizeof(bytes));
	return mem_decode(bytes);
}

unsigned int mem_cut(uint32_t *lengths, uint32_t total, uint32_t each)
{
	unsigned int nr = 0;

	for (; total; nr++) {
		if (nr == MEM_PIECES_MAX)
			fatal("more than %d pieces", MEM_PIECES_MAX);
		lengths[nr] = total < each ? total : each;
		total -= lengths[nr];
	}
	return nr;
}

/* Where the buffer behind one of @len bytes at @at starts. */
static uint64_t next_buffer(uint64_t at, uint32_t len)
{
	uint64_t strides = len / MEM_BUFFER_STRIDE + 1;

	return at + strides * MEM_BUFFER_STRIDE;
}

static void put_filler(struct mem *mem, uint64_t at, uint32_t len)
{
	uint8_t filler[MEM_BUFFER_STRIDE];

	memset(filler, MEM_FILLER, sizeof(filler));
	qtest_post_write(mem->qtest, at, filler,
			 len < sizeof(filler) ? len : sizeof(filler));
}

/* The ring's table, or the indirect one with a descriptor that names it. */
static uint64_t put_table(struct mem *mem, unsigned int *index,
			  const struct mem_pieces *p)
{
	if (!p->table)
		return mem->ring.desc;
	vring_desc(&mem->ring, *index, p->table,
		   (p->nr_out + p->nr_in) * VRING_DESC_SIZE, VRING_INDIRECT, 0);
	*index = 0;
	return p->table;
}

void mem_put_pieces(struct mem *mem, unsigned int index,
		    const struct mem_pieces *p)
{
	uint64_t at = buffer(mem, index), table;
	unsigned int nr = p->nr_out + p->nr_in;
	const uint8_t *bytes = p->bytes;

	mem->prepared = false;
	table = put_table(mem, &index, p);
	for (unsigned int i = 0; i < nr; i++, index++) {
		bool in = i >= p->nr_out;
		uint32_t len = in ? p->in[i - p->nr_out] : p->out[i];
		const struct vring_desc desc = {
			.addr = at,
			.len = len,
			.flags = (in ? VRING_WRITE : 0) |
				 (i + 1 < nr ? VRING_NEXT : 0),
			.next = i + 1 < nr ? index + 1 : 0,
		};

		vring_put_desc(mem->qtest, table, index, &desc);
		if (in) {
			put_filler(mem, at, len);
		} else {
			qtest_post_write(mem->qtest, at, bytes, len);
			bytes += len;
		}
		at = next_buffer(at, len);
	}
}

void mem_get_pieces(const struct mem *mem, unsigned int index,
		    const struct mem_pieces *p, uint8_t *buf)
{
	uint64_t at = buffer(mem, index);

	for (unsigned int i = 0; i < p->nr_out; i++)
		at = next_buffer(at, p->out[i]);
	for (unsigned int i = 0; i < p->nr_in; i++) {
		qtest_read(mem->qtest, at, buf, p->in[i]);
		buf += p->in[i];
		at = next_buffer(at, p->in[i]);
	}
}
