/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether all that is written to guest memory is told to its dirty hook. */
#include "dirty.h"

#include "../unit/cmocka_all.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void told(void *opaque, uint64_t gpa, uint64_t size)
{
	struct dirty *d = opaque;

	for (uint64_t i = gpa; i < gpa + size && i < d->size; i++)
		d->told[i] = true;
}

void dirty_watch(struct dirty *d, struct guest_memory *memory,
		 const uint8_t *ram, uint64_t size)
{
	*d = (struct dirty){ .memory = memory, .ram = ram, .size = size };
	d->before = malloc(size);
	d->told = calloc(size, sizeof(*d->told));
	assert_true(d->before && d->told);
	memcpy(d->before, ram, size);
	memory->dirty_opaque = d;
	memory->dirty = told;
}

uint64_t dirty_end(struct dirty *d)
{
	uint64_t nr = 0;

	d->memory->dirty = NULL;
	for (uint64_t i = 0; i < d->size; i++) {
		nr += d->told[i];
		if (d->ram[i] != d->before[i] && !d->told[i])
			fail_msg("byte 0x%" PRIx64 " changed, and nobody was "
				 "told",
				 i);
	}
	free(d->before);
	free(d->told);
	return nr;
}
