/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything that is compared of a step. */
#include "facts.h"

#include <stdio.h>

void facts_set(struct facts *facts, unsigned int fact, uint64_t value)
{
	facts->value[fact] = value;
	facts->known[fact] = true;
}

void facts_set_text(struct facts *facts, unsigned int fact, const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	while (*text)
		hash = (hash ^ (unsigned char)*text++) *
		       UINT64_C(0x100000001b3);
	facts_set(facts, fact, hash);
}

uint64_t fact_answer(uint16_t type, uint16_t state, uint32_t used, bool order)
{
	return type | (uint64_t)state << 16 | (uint64_t)(used & 0xffff) << 32 |
	       (uint64_t)order << 48;
}

uint16_t fact_answer_type(uint64_t answer)
{
	return answer & 0xffff;
}

unsigned int facts_answered(const struct facts *facts)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < STEP_REQUESTS_MAX; i++)
		nr += facts->known[FACT_ANSWER + i] &&
		      facts->value[FACT_ANSWER + i] != FACT_NO_ANSWER;
	return nr;
}

const char *fact_name(unsigned int fact, char *text, size_t size)
{
	static const char *const names[FACT_ANSWER] = {
		[FACT_BLOCK_SIZE] = "block_size",
		[FACT_NODE_ID] = "node_id",
		[FACT_ADDR] = "addr",
		[FACT_REGION_SIZE] = "region_size",
		[FACT_USABLE_SIZE] = "usable_region_size",
		[FACT_PLUGGED_SIZE] = "plugged_size",
		[FACT_REQUESTED_SIZE] = "requested_size",
		[FACT_STATUS] = "device_status",
		[FACT_ISR] = "ISR",
		[FACT_GENERATION] = "change of config_generation",
		[FACT_RAISES] = "interrupts",
		[FACT_LEVEL] = "interrupt line",
		[FACT_USED_INDEX] = "used index",
		[FACT_QMP_RESULT] = "qom-set",
		[FACT_QMP_CLASS] = "class of the error of qom-set (hash)",
		[FACT_QMP_TEXT] = "text of the error of qom-set (hash)",
		[FACT_QUERY_SIZE] = "query-memory-devices size",
		[FACT_QUERY_REQUESTED] = "query-memory-devices requested-size",
		[FACT_QUERY_MAX] = "query-memory-devices max-size",
		[FACT_QUERY_BLOCK] = "query-memory-devices block-size",
		[FACT_QUERY_NODE] = "query-memory-devices node",
		[FACT_QUERY_ADDR] = "query-memory-devices memaddr",
		[FACT_QOM_SIZE] = "qom-get size",
		[FACT_QOM_REQUESTED] = "qom-get requested-size",
		[FACT_QOM_BLOCK] = "qom-get block-size",
		[FACT_QOM_ADDR] = "qom-get memaddr",
		[FACT_QOM_NODE] = "qom-get node",
	};

	if (fact < FACT_ANSWER)
		snprintf(text, size, "%s", names[fact]);
	else if (fact < FACT_PROBE)
		snprintf(text, size, "answer %u", fact - FACT_ANSWER);
	else
		snprintf(text, size, "value %u of the probe",
			 fact - FACT_PROBE);
	return text;
}
