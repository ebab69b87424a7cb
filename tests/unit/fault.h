/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes system calls of the library fail, or lie. */
#ifndef TEST_FAULT_H
#define TEST_FAULT_H

enum fault_call {
	FAULT_DONTNEED, /* madvise(2) with MADV_DONTNEED; no other advice */
	FAULT_MINCORE,
	FAULT_MMAP,
	FAULT_MPROTECT,
	NR_FAULTS,
};

/* The @nth call from now on, 1 being the next, fails with @error, once. */
void fault_fail(enum fault_call call, unsigned int nth, int error);

/* The @nth mincore(2) from now on finds its last page resident, once. */
void fault_resident(unsigned int nth);

/* The @nth MADV_DONTNEED from now on succeeds without any effect, once. */
void fault_ineffective(unsigned int nth);

/* How often a call was made since fault_reset(). */
unsigned int fault_calls(enum fault_call call);

/* Nothing fails, nothing was called. */
void fault_reset(void);

#endif
