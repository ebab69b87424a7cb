/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes system calls, and allocations, of the library fail, or lie. */
#ifndef TEST_FAULT_H
#define TEST_FAULT_H

#include <stdbool.h>

enum fault_call {
	FAULT_DONTNEED, /* madvise(2) with MADV_DONTNEED, _LOCKED or not */
	FAULT_POPULATE, /* madvise(2) with MADV_POPULATE_WRITE */
	FAULT_ADVICE,   /* madvise(2) with any other advice */
	FAULT_CALLOC,
	FAULT_FALLOCATE,
	FAULT_FCNTL,
	FAULT_FTRUNCATE,
	FAULT_IOCTL,
	FAULT_LSEEK,
	FAULT_MBIND,
	FAULT_MEMFD_CREATE,
	FAULT_MINCORE,
	FAULT_MLOCK2,
	FAULT_MMAP,
	FAULT_MPROTECT,
	FAULT_MUNLOCK,
	FAULT_OPEN,
	FAULT_PREAD,
	FAULT_STRDUP,
	FAULT_USERFAULTFD,
	NR_FAULTS,
};

/* The @nth call from now on, 1 being the next, fails with @error, once. */
void fault_fail(enum fault_call call, unsigned int nth, int error);

/* So do all that follow, until fault_reset(). */
void fault_fail_from(enum fault_call call, unsigned int nth, int error);

/* The same of all system calls taken together. */
void fault_fail_any(unsigned int nth, int error);

/* Which call fault_fail_any() made fail; NR_FAULTS: none yet. */
enum fault_call fault_hit(void);

/* The @nth mincore(2) from now on finds its last page resident, once. */
void fault_resident(unsigned int nth);

/* The @nth MADV_DONTNEED from now on succeeds without any effect, once. */
void fault_ineffective(unsigned int nth);

/* The same for a hole that fallocate(2) punches. */
void fault_ineffective_hole(unsigned int nth);

/* How often a call was made since fault_reset(). */
unsigned int fault_calls(enum fault_call call);

/* Nothing fails, nothing was called. */
void fault_reset(void);

#endif
