/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which sizes of a memory device a Linux guest can reach.
 *
 * Its driver (drivers/virtio/virtio_mem.c) adds memory to the system in whole
 * memory blocks, which on x86 are 128 MiB, and in a guest with 64 GiB or more
 * at boot up to 2 GiB. They have to lie whole in the region; ours begin on 2
 * GiB. Within one it plugs sub-blocks of a pageblock, 2 MiB (of 4 MiB before
 * Linux 5.18), or of a device's block where that is larger, and whole memory
 * blocks or more where a device's block is as large as those.
 */
#include "linux_sizes.h"

#include "host/size.h"

#define SUB_BLOCK    (UINT64_C(2) << 20)
#define MEMORY_BLOCK (UINT64_C(128) << 20)

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

struct linux_sizes linux_sizes(uint64_t size, uint64_t max_size,
			       uint64_t block_size)
{
	struct linux_sizes s = {
		.size = size,
		.max_size = max_size,
		.unit = larger(block_size, SUB_BLOCK),
		.memory_block = larger(block_size, MEMORY_BLOCK),
	};
	uint64_t most = max_size - max_size % s.memory_block;

	s.below = size - size % s.unit;
	if (s.below >= most)
		s.below = s.above = most;
	else
		s.above = s.below == size ? size : s.below + s.unit;
	if (s.above < size)
		s.above = 0;
	return s;
}

bool linux_sizes_reached(const struct linux_sizes *s)
{
	return s->below == s->size;
}

void linux_sizes_explain(const struct linux_sizes *s, struct pm_error *sentence)
{
	struct size_text below = size_format(s->below);

	if (s->above)
		pm_error_set(sentence, 0,
			     "a Linux guest gets to %s or %s rather than %s, "
			     "since it plugs and unplugs at least %s at a time",
			     below.text, size_format(s->above).text,
			     size_format(s->size).text,
			     size_format(s->unit).text);
	else
		pm_error_set(sentence, 0,
			     "a Linux guest gets to %s at most rather than %s, "
			     "since it adds memory in blocks of %s, each whole "
			     "within the maximum size, %s",
			     below.text, size_format(s->size).text,
			     size_format(s->memory_block).text,
			     size_format(s->max_size).text);
}
