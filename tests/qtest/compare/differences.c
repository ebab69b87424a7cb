/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the two differ, and why. */
#include "differences.h"

#include "../mem.h"
#include "probes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
	ISR_BOTH_BITS,
	GENERATION,
	FEATURES_OFFERED,
	FEATURES_KEPT,
	FEATURES_LATE,
	FEATURES_UNKNOWN,
	NO_VERSION_1,
	STATUS_CLEARED,
	DRIVER_NEEDS_RESET,
	NO_FEATURES_OK,
	NO_DRIVER_OK,
	NO_BUS_MASTER,
	QUEUE_SIZE,
	QUEUE_FIELDS,
	QUEUE_DISABLE,
	INDIRECT_LATE,
	INDIRECT_UNASKED,
	TABLE_SIZE,
	EMPTY_BUFFER,
	BUFFER_OUTSIDE,
	CONFIG_PADDING,
	CONFIG_END,
	UNPLUGGED_WRITES,
	NR_DIFFERENCES,
};

static const struct difference_text texts[NR_DIFFERENCES] = {
	[ISR_BOTH_BITS] = {
		"isr-both-bits",
		"sets the queue's bit of the ISR as well for a change of "
		"configuration",
		"sets the configuration's alone",
		"[virtio] 4.1.4.5: bit 0 is for the queue, bit 1 for the "
		"configuration",
	},
	[GENERATION] = {
		"generation",
		"changes config_generation with the configuration interrupt "
		"alone: plugged_size changes without it",
		"changes it when a value changed, and for a driver that has "
		"not said DRIVER_OK",
		"[virtio] 4.1.4.3.1: it has changed when a value has that "
		"the driver had read",
	},
	[FEATURES_OFFERED] = {
		"features-offered",
		"also offers EVENT_IDX and RING_RESET",
		"offers ACPI_PXM, INDIRECT_DESC, VERSION_1 and, where asked "
		"for, UNPLUGGED_INACCESSIBLE",
		"none: each is the device's choice",
	},
	[FEATURES_KEPT] = {
		"features-kept",
		"shows the features that the driver accepted before the reset",
		"shows none after a reset",
		"[virtio] 2.4.1: a reset initializes the device's state",
	},
	[FEATURES_LATE] = {
		"features-late",
		"shows features that were written after FEATURES_OK, though it "
		"does not take them",
		"keeps what was negotiated",
		"[virtio] 3.1.1: none are accepted after FEATURES_OK",
	},
	[FEATURES_UNKNOWN] = {
		"features-unknown",
		"agrees to a feature that it did not offer",
		"clears FEATURES_OK",
		"[virtio] 2.2.2: only a subset of what was offered may be "
		"accepted",
	},
	[NO_VERSION_1] = {
		"no-version-1",
		"agrees to features without VERSION_1",
		"clears FEATURES_OK",
		"[virtio] 6.2: it may fail then; it has no legacy interface",
	},
	[STATUS_CLEARED] = {
		"status-cleared",
		"lets the driver clear bits of the status, NEEDS_RESET also",
		"keeps them until a reset",
		"[virtio] 2.1.1: a driver clears none but by a reset",
	},
	[DRIVER_NEEDS_RESET] = {
		"status-needs-reset",
		"lets the driver set NEEDS_RESET",
		"ignores the bit",
		"[virtio] 2.1: it is the device's",
	},
	[NO_FEATURES_OK] = {
		"no-features-ok",
		"answers requests after DRIVER_OK without FEATURES_OK",
		"does not look at the queue",
		"[virtio] 3.1.1: features are agreed first",
	},
	[NO_DRIVER_OK] = {
		"no-driver-ok",
		"answers requests before DRIVER_OK",
		"does not look at the queue",
		"[virtio] 2.1.2: no buffer is consumed before DRIVER_OK",
	},
	[NO_BUS_MASTER] = {
		"no-bus-master",
		"clears DRIVER_OK when bus mastering goes off",
		"leaves the status, and the queue until bus mastering is back",
		"[virtio] 2.1: a reset alone clears it",
	},
	[QUEUE_SIZE] = {
		"queue-size",
		"takes queue sizes that are no power of two, and up to 1,024 "
		"where it had shown 128",
		"takes neither and keeps its size",
		"[virtio] 2.7, 4.1.4.3.2: a power of two; 4.1.5.1.3: at most "
		"what was shown",
	},
	[QUEUE_FIELDS] = {
		"queue-fields",
		"shows what was written to the fields of an enabled queue",
		"keeps them",
		"[virtio] 4.1.4.3.2: they are set before the queue is enabled",
	},
	[QUEUE_DISABLE] = {
		"queue-disable",
		"needs a reset when 0 is written to queue_enable",
		"ignores it",
		"none: [virtio] 4.1.4.3.2 forbids it to drivers",
	},
	[INDIRECT_LATE] = {
		"indirect-late",
		"takes the table behind a direct descriptor for a buffer, and "
		"needs a reset",
		"follows it",
		"[virtio] 2.7.5.3.2: a device handles any number of direct "
		"ones before it",
	},
	[INDIRECT_UNASKED] = {
		"indirect-unasked",
		"follows a table though INDIRECT_DESC was not accepted",
		"needs a reset",
		"[virtio] 2.7.5.3.1: not without that feature",
	},
	[TABLE_SIZE] = {
		"table-size",
		"follows a table longer than the largest queue",
		"needs a reset",
		"[virtio] 2.7.5.3.1: no chain is longer than the queue",
	},
	[EMPTY_BUFFER] = {
		"empty-buffer",
		"needs a reset for a descriptor of no bytes",
		"passes over it",
		"[virtio] 2.7.4.1, 2.7.5: a device makes no assumption about "
		"the framing, and no length is forbidden",
	},
	[BUFFER_OUTSIDE] = {
		"buffer-outside",
		"reads a request from where no memory is, and drops an answer "
		"there",
		"needs a reset, and does nothing",
		"[virtio] 2.1.2: the driver is told of an error by that bit",
	},
	[CONFIG_PADDING] = {
		"config-padding",
		"keeps what is written to the configuration's padding",
		"has no writable configuration",
		"[virtio-mem] \"Device configuration layout\": all of it is "
		"read-only",
	},
	[CONFIG_END] = {
		"config-end",
		"reads ones behind the configuration",
		"reads zeros",
		"none: nothing is there",
	},
	[UNPLUGGED_WRITES] = {
		"unplugged-writes",
		"keeps what is written to unplugged memory",
		"drops it: no host memory is behind it",
		"none: [virtio-mem] \"Device Operation\" forbids it to "
		"drivers",
	},
};

/* ---- of what is always looked at ----------------------------------------- */

static bool is_request(const struct step *step)
{
	return step->kind <= STEP_MALFORMED;
}

/* A change of configuration, and no answer since the ISR was read. */
static bool due_isr(const struct occasion *o, uint64_t expected[NR_SIDES])
{
	const struct facts *seen = o->seen[SIDE_PARAMEM];
	bool resized =
		o->step->kind == STEP_RESIZE && !seen->value[FACT_QMP_RESULT];
	bool broken = o->step->fault && !facts_answered(seen);

	expected[SIDE_PARAMEM] = VIRTIO_ISR_CONFIG;
	expected[SIDE_QEMU] = VIRTIO_ISR_CONFIG | VIRTIO_ISR_QUEUE;
	return resized || broken;
}

/* For values that changed here; there, for a broken device's interrupt. */
static bool due_generation(const struct occasion *o,
			   uint64_t expected[NR_SIDES])
{
	expected[SIDE_PARAMEM] = o->seen[SIDE_PARAMEM]->config_changed;
	expected[SIDE_QEMU] = o->step->fault != FAULT_NONE;
	return is_request(o->step) &&
	       expected[SIDE_PARAMEM] != expected[SIDE_QEMU];
}

/* ---- of probes ----------------------------------------------------------- */

/* The outcomes of a look at the ring, as probes tell them. */
enum { STATUS, INDEX, INTERRUPT };

enum {
	GOOD = STATUS_DRIVER_OK,
	BROKEN = STATUS_DRIVER_OK | STATUS_NEEDS_RESET,
};

#define ACCEPTED      (VIRTIO_VERSION1 | VIRTIO_INDIRECT)
#define OFFERED       (ACCEPTED | MEM_F_ACPI_PXM)
#define OFFERED_THERE (OFFERED | VIRTIO_EVENT_IDX | UINT64_C(1) << 40)
#define PATTERN       UINT64_C(0x1122334455667788)

static const struct {
	unsigned int difference;
	enum probe probe;
	unsigned int value;
	uint64_t paramem, qemu;
} probed[] = {
	{ FEATURES_OFFERED, PROBE_REGISTERS, 0, OFFERED, OFFERED_THERE },
	{ FEATURES_KEPT, PROBE_REGISTERS, 1, 0, ACCEPTED },
	{ FEATURES_LATE, PROBE_LATE_FEATURES, 0, 0, VIRTIO_INDIRECT },
	{ FEATURES_UNKNOWN, PROBE_UNKNOWN_FEATURE, 0, 0, 1 },
	{ NO_VERSION_1, PROBE_NO_VERSION_1, 0, 0, 1 },
	{ STATUS_CLEARED, PROBE_STATUS_GOES_BACK, 0, GOOD, STATUS_DRIVER },
	{ STATUS_CLEARED, PROBE_BROKEN_GOES_ON, 1, BROKEN, GOOD },
	{ DRIVER_NEEDS_RESET, PROBE_DRIVER_NEEDS_RESET, 0, GOOD, BROKEN },
	{ NO_FEATURES_OK, PROBE_NO_FEATURES_OK, INDEX, 0, 1 },
	{ NO_FEATURES_OK, PROBE_NO_FEATURES_OK, INTERRUPT, 0, 1 },
	{ NO_DRIVER_OK, PROBE_NO_DRIVER_OK, INDEX, 0, 1 },
	{ NO_DRIVER_OK, PROBE_NO_DRIVER_OK, INTERRUPT, 0, 1 },
	{ NO_BUS_MASTER, PROBE_NO_BUS_MASTER, 1, GOOD, STATUS_FEATURES_OK },
	{ QUEUE_SIZE, PROBE_ODD_QUEUE_SIZE, 0, 128, 48 },
	{ QUEUE_SIZE, PROBE_LARGE_QUEUE_SIZE, 0, 128, 512 },
	{ QUEUE_FIELDS, PROBE_FIELDS_OF_LIVE_QUEUE, 0, 0, 0x77 },
	{ QUEUE_FIELDS, PROBE_FIELDS_OF_LIVE_QUEUE, 1, 16, 8 },
	{ QUEUE_DISABLE, PROBE_ENABLE_QUEUE_0, 1, GOOD, BROKEN },
	{ INDIRECT_LATE, PROBE_LATE_INDIRECT, STATUS, GOOD, BROKEN },
	{ INDIRECT_LATE, PROBE_LATE_INDIRECT, INDEX, 1, 0 },
	{ INDIRECT_UNASKED, PROBE_INDIRECT_NOT_ACCEPTED, STATUS, BROKEN, GOOD },
	{ INDIRECT_UNASKED, PROBE_INDIRECT_NOT_ACCEPTED, INDEX, 0, 1 },
	{ INDIRECT_UNASKED, PROBE_INDIRECT_NOT_ACCEPTED, INTERRUPT, 0, 1 },
	{ TABLE_SIZE, PROBE_LARGE_TABLE, STATUS, BROKEN, GOOD },
	{ TABLE_SIZE, PROBE_LARGE_TABLE, INDEX, 0, 1 },
	{ TABLE_SIZE, PROBE_LARGE_TABLE, INTERRUPT, 0, 1 },
	{ EMPTY_BUFFER, PROBE_EMPTY_BUFFER, STATUS, GOOD, BROKEN },
	{ EMPTY_BUFFER, PROBE_EMPTY_BUFFER, INDEX, 1, 0 },
	{ ISR_BOTH_BITS, PROBE_WRONG_ORDER, INTERRUPT, 0, 1 },
	{ ISR_BOTH_BITS, PROBE_LOOP, INTERRUPT, 0, 1 },
	{ ISR_BOTH_BITS, PROBE_HEAD_OUTSIDE, INTERRUPT, 0, 1 },
	{ ISR_BOTH_BITS, PROBE_INDEX_JUMPS, INTERRUPT, 0, 1 },
	{ BUFFER_OUTSIDE, PROBE_REQUEST_NOWHERE, STATUS, BROKEN, GOOD },
	{ BUFFER_OUTSIDE, PROBE_REQUEST_NOWHERE, INDEX, 0, 1 },
	{ BUFFER_OUTSIDE, PROBE_REQUEST_NOWHERE, INTERRUPT, 0, 1 },
	{ BUFFER_OUTSIDE, PROBE_ANSWER_NOWHERE, STATUS, BROKEN, GOOD },
	{ BUFFER_OUTSIDE, PROBE_ANSWER_NOWHERE, INDEX, 0, 1 },
	{ BUFFER_OUTSIDE, PROBE_ANSWER_NOWHERE, INTERRUPT, 0, 1 },
	{ CONFIG_PADDING, PROBE_CONFIG_WRITE, 4, 0, 0x5a5a5a5a },
	{ CONFIG_END, PROBE_CONFIG_END, 0, 0, UINT8_MAX },
	{ CONFIG_END, PROBE_CONFIG_END, 1, 0, UINT32_MAX },
	{ GENERATION, PROBE_RESIZE_UNHEARD, 2, 1, 0 },
	{ UNPLUGGED_WRITES, PROBE_UNPLUGGED_MEMORY, 2, 0, PATTERN },
};

/* Where that feature is offered, it is in the features. */
static void add_inaccessible(unsigned int difference, const struct occasion *o,
			     uint64_t expected[NR_SIDES])
{
	if (!o->required)
		return;
	if (difference == FEATURES_OFFERED)
		expected[SIDE_PARAMEM] |= MEM_F_UNPLUGGED_INACCESSIBLE;
	if (difference == FEATURES_OFFERED || difference == FEATURES_KEPT)
		expected[SIDE_QEMU] |= MEM_F_UNPLUGGED_INACCESSIBLE;
}

static int due_in_probe(const struct occasion *o, unsigned int value,
			uint64_t expected[NR_SIDES])
{
	for (unsigned int i = 0; i < COUNT(probed); i++) {
		if (probed[i].probe != o->step->probe ||
		    probed[i].value != value)
			continue;
		expected[SIDE_PARAMEM] = probed[i].paramem;
		expected[SIDE_QEMU] = probed[i].qemu;
		add_inaccessible(probed[i].difference, o, expected);
		return (int)probed[i].difference;
	}
	return -1;
}

/* ---- all of them --------------------------------------------------------- */

unsigned int differences_count(void)
{
	return NR_DIFFERENCES;
}

const struct difference_text *difference_text(unsigned int nth)
{
	return &texts[nth];
}

int difference_due(const struct occasion *o, unsigned int fact,
		   uint64_t expected[NR_SIDES])
{
	uint64_t values[NR_SIDES];
	int due = -1;

	if (!o->fresh)
		return -1;
	if (fact == FACT_ISR && due_isr(o, values))
		due = ISR_BOTH_BITS;
	else if (fact == FACT_GENERATION && due_generation(o, values))
		due = GENERATION;
	else if (fact >= FACT_PROBE && o->step->kind == STEP_PROBE)
		due = due_in_probe(o, fact - FACT_PROBE, values);
	for (unsigned int i = 0; due >= 0 && i < NR_SIDES; i++)
		expected[i] = values[i];
	return due;
}
