/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the host lets this process have memory now, by every limit there is.
 */
#ifndef PARAMEM_HOST_ROOM_H
#define PARAMEM_HOST_ROOM_H

#include <stdbool.h>
#include <stdint.h>

struct pm_host;

struct host_want {
	uint64_t size;
	bool locked;           /* it will not be swapped out */
	const uint64_t *nodes; /* a mapping's binding; NULL: none */
};

/* What is left by the limit that leaves the least. */
struct host_room {
	uint64_t left;  /* UINT64_MAX: the host does not tell of any */
	char text[384]; /* which that is: the end of a sentence */
};

/* How it stands with memory that is wanted. */
void host_room(const struct pm_host *host, const struct host_want *want,
	       struct host_room *room);

/*
 * Asks for memory that is about to be had. False, and why not, when there is
 * not enough. Else the claim stands until host_claim_end(): others on other
 * threads who ask meanwhile cannot count on the same memory, and wait until it
 * is known what is left where that decides.
 */
bool host_claim(struct pm_host *host, const struct host_want *want,
		struct host_room *room);
void host_claim_end(struct pm_host *host, uint64_t size);

#endif
