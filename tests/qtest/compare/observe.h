/* SPDX-License-Identifier: BSD-3-Clause */
/* What is looked at after a step. */
#ifndef COMPARE_OBSERVE_H
#define COMPARE_OBSERVE_H

#include "facts.h"
#include "side.h"

/* The device's registers, its interrupts and its configuration. */
void observe(struct side *side, unsigned int device, struct facts *facts);

/* Also what QMP says of it. */
void observe_qmp(struct side *side, unsigned int device, struct facts *facts);

/*
 * Holds the events that came against the history of each device: their sizes
 * are some of those that it went through, in order. With @all also waits for
 * the last of them.
 */
void observe_events(struct side *side, const struct model *models, bool all);

#endif /* COMPARE_OBSERVE_H */
