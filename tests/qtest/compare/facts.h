/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything that is compared of a step: numbers with names. */
#ifndef COMPARE_FACTS_H
#define COMPARE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "step.h"

enum { PROBE_FACTS_MAX = 12 };

enum fact {
	/* The device's configuration; addresses from where they began. */
	FACT_BLOCK_SIZE,
	FACT_NODE_ID,
	FACT_ADDR,
	FACT_REGION_SIZE,
	FACT_USABLE_SIZE,
	FACT_PLUGGED_SIZE,
	FACT_REQUESTED_SIZE,
	/* The transport. */
	FACT_STATUS,
	FACT_ISR,
	FACT_GENERATION, /* steps since it was last read */
	FACT_RAISES,     /* of interrupt lines */
	FACT_LEVEL,      /* of any, after the ISR was read */
	FACT_USED_INDEX,
	/* What QMP answered to a change of the requested size. */
	FACT_QMP_RESULT,
	FACT_QMP_CLASS,
	FACT_QMP_TEXT,
	/* query-memory-devices. */
	FACT_QUERY_SIZE,
	FACT_QUERY_REQUESTED,
	FACT_QUERY_MAX,
	FACT_QUERY_BLOCK,
	FACT_QUERY_NODE,
	FACT_QUERY_ADDR,
	/* qom-get. */
	FACT_QOM_SIZE,
	FACT_QOM_REQUESTED,
	FACT_QOM_BLOCK,
	FACT_QOM_ADDR,
	FACT_QOM_NODE,
	/* By position; see FACT_NO_ANSWER and fact_answer(). */
	FACT_ANSWER,
	FACT_PROBE = FACT_ANSWER + STEP_REQUESTS_MAX,
	NR_FACTS = FACT_PROBE + PROBE_FACTS_MAX,
};

struct facts {
	uint64_t value[NR_FACTS];
	bool known[NR_FACTS];
	bool config_changed; /* since it was last looked at; not compared */
};

void facts_set(struct facts *facts, unsigned int fact, uint64_t value);

/* The same for words: what stands for them differs where they do. */
void facts_set_text(struct facts *facts, unsigned int fact, const char *text);

#define FACT_NO_ANSWER UINT64_MAX

/* An answer of @used bytes in place @order as one number. */
uint64_t fact_answer(uint16_t type, uint16_t state, uint32_t used, bool order);
/* Parts of that. */
uint16_t fact_answer_type(uint64_t answer);

/* How many requests of the step were answered. */
unsigned int facts_answered(const struct facts *facts);

/* The name and the value of a fact for a person. */
const char *fact_name(unsigned int fact, char *text, size_t size);

#endif /* COMPARE_FACTS_H */
