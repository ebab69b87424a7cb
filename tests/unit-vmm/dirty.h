/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether all that is written to guest memory is told to its dirty hook. */
#ifndef TESTS_DIRTY_H
#define TESTS_DIRTY_H

#include "space/guest_memory.h"

struct dirty {
	struct guest_memory *memory;
	const uint8_t *ram; /* @size bytes at address 0 */
	uint64_t size;
	uint8_t *before;
	bool *told;
};

/* Looks at memory as it is now, and listens from here on. */
void dirty_watch(struct dirty *d, struct guest_memory *memory,
		 const uint8_t *ram, uint64_t size);

/*
 * Fails the test when a byte has changed that was not told, and ends the
 * watch. How many bytes were told.
 */
uint64_t dirty_end(struct dirty *d);

#endif /* TESTS_DIRTY_H */
