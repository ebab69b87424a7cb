/* SPDX-License-Identifier: BSD-3-Clause */
/* What a device is known to hold. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "../fatal.h"

void model_init(struct model *m, uint64_t block_size, uint64_t blocks)
{
	*m = (struct model){ .block_size = block_size, .blocks = blocks };
	m->plugged = calloc(blocks, 1);
	if (!m->plugged)
		fatal("out of memory");
	model_note_size(m, 0);
}

void model_finish(struct model *m)
{
	free(m->plugged);
	free(m->sizes);
	*m = (struct model){ 0 };
}

void model_note_size(struct model *m, uint64_t size)
{
	if (m->nr_sizes == m->max_sizes) {
		m->max_sizes = m->max_sizes * 2 + 64;
		m->sizes = realloc(m->sizes, m->max_sizes * sizeof(*m->sizes));
		if (!m->sizes)
			fatal("out of memory");
	}
	m->sizes[m->nr_sizes++] = size;
}

void model_set(struct model *m, uint64_t first, uint64_t count, bool plugged)
{
	if (first > m->blocks || count > m->blocks - first)
		fatal("blocks outside the region were acknowledged");
	memset(m->plugged + first, plugged, count);
	if (plugged)
		m->nr_plugged += count;
	else
		m->nr_plugged -= count;
	model_note_size(m, m->nr_plugged * m->block_size);
}

void model_clear_all(struct model *m)
{
	memset(m->plugged, 0, m->blocks);
	m->nr_plugged = 0;
	model_note_size(m, 0);
}

uint64_t model_run(const struct model *m, bool plugged, uint64_t from,
		   uint64_t end, uint64_t max, uint64_t *first)
{
	uint64_t at = from, count = 0;

	while (at < end && m->plugged[at] != plugged)
		at++;
	*first = at;
	while (at + count < end && count < max &&
	       m->plugged[at + count] == plugged)
		count++;
	return count;
}
