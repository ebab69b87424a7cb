/* SPDX-License-Identifier: BSD-3-Clause */
/* What a reset has to undo; see state.c. */
#ifndef PAYLOAD_STATE_H
#define PAYLOAD_STATE_H

#include <stdbool.h>
#include <stdint.h>

#define STATE_NUMBERS 32

/* The registers of this CPU; how many numbers. Changes some of them. */
int state_show(uint64_t *numbers);
/* Sets them all to something else. */
void state_spoil(void);

enum { STATE_PORT, STATE_FAULT, STATE_LOOP };

/*
 * Resets the machine by its port or a triple fault, or loops for ever, in a
 * nested guest where that is asked for; returns false where there can be none.
 */
bool state_nest(uint64_t what, bool nested);

#endif /* PAYLOAD_STATE_H */
