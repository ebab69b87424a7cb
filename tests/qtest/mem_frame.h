/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory requests framed as it pleases: many at a time, in any pieces, over
 * descriptors in the ring or behind an indirect one.
 */
#ifndef QTEST_MEM_FRAME_H
#define QTEST_MEM_FRAME_H

#include "mem.h"

/*
 * Puts a request into descriptors @index and @index + 1, with buffers of its
 * own, and leaves it to the caller to offer @index; posted.
 */
void mem_put(struct mem *mem, unsigned int index, uint16_t type, uint64_t addr,
	     uint16_t nb_blocks);

/* The answer to that; its type is 0x5a5a as long as none was written. */
struct mem_answer mem_get(const struct mem *mem, unsigned int index);

enum { MEM_PIECES_MAX = 128 };

/* A request cut into pieces, each in a buffer of its own. */
struct mem_pieces {
	const uint8_t *bytes; /* all that the device may read */
	unsigned int nr_out, nr_in;
	uint32_t out[MEM_PIECES_MAX]; /* lengths of what it may read */
	uint32_t in[MEM_PIECES_MAX];  /* and write */
	uint64_t table; /* not 0: of descriptors, for an indirect one */
};

/* @total bytes in pieces of @each; returns how many. */
unsigned int mem_cut(uint32_t *lengths, uint32_t total, uint32_t each);

/*
 * Puts the pieces into descriptors from @index on, or into the table and one
 * indirect descriptor at @index; posted.
 */
void mem_put_pieces(struct mem *mem, unsigned int index,
		    const struct mem_pieces *pieces);

/* Reads back all that the device may write, into @buf. */
void mem_get_pieces(const struct mem *mem, unsigned int index,
		    const struct mem_pieces *pieces, uint8_t *buf);

#endif /* QTEST_MEM_FRAME_H */
