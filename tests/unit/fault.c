/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes system calls of the library fail, or lie: see the linker's --wrap. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"

struct fault {
	unsigned int calls;
	unsigned int countdown; /* 0: none is due */
	int error;              /* 0: a lie in place of an error */
};

static struct fault faults[NR_FAULTS];

int __real_madvise(void *addr, size_t len, int advice);
int __real_mincore(void *addr, size_t len, unsigned char *vec);
void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset);
int __real_mprotect(void *addr, size_t len, int prot);

int __wrap_madvise(void *addr, size_t len, int advice);
int __wrap_mincore(void *addr, size_t len, unsigned char *vec);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset);
void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset);
int __wrap_mprotect(void *addr, size_t len, int prot);

static void arm(enum fault_call call, unsigned int nth, int error)
{
	faults[call].countdown = nth;
	faults[call].error = error;
}

void fault_fail(enum fault_call call, unsigned int nth, int error)
{
	arm(call, nth, error);
}

void fault_resident(unsigned int nth)
{
	arm(FAULT_MINCORE, nth, 0);
}

void fault_ineffective(unsigned int nth)
{
	arm(FAULT_DONTNEED, nth, 0);
}

unsigned int fault_calls(enum fault_call call)
{
	return faults[call].calls;
}

void fault_reset(void)
{
	memset(faults, 0, sizeof(faults));
}

/* Counts a call; true when the fault is due now, with errno set. */
static bool due(enum fault_call call)
{
	struct fault *f = &faults[call];

	f->calls++;
	if (!f->countdown || --f->countdown)
		return false;
	errno = f->error;
	return true;
}

int __wrap_madvise(void *addr, size_t len, int advice)
{
	if (advice == MADV_DONTNEED && due(FAULT_DONTNEED))
		return faults[FAULT_DONTNEED].error ? -1 : 0;
	return __real_madvise(addr, len, advice);
}

int __wrap_mincore(void *addr, size_t len, unsigned char *vec)
{
	bool now = due(FAULT_MINCORE);
	int ret;

	if (now && faults[FAULT_MINCORE].error)
		return -1;
	ret = __real_mincore(addr, len, vec);
	if (now)
		vec[len / (size_t)sysconf(_SC_PAGESIZE) - 1] = 1;
	return ret;
}

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset)
{
	if (due(FAULT_MMAP))
		return MAP_FAILED;
	return __real_mmap(addr, len, prot, flags, fd, offset);
}

/* The name under which programs with a 64-bit off_t call mmap(2). */
void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd,
		    off_t offset)
{
	return __wrap_mmap(addr, len, prot, flags, fd, offset);
}

int __wrap_mprotect(void *addr, size_t len, int prot)
{
	if (due(FAULT_MPROTECT))
		return -1;
	return __real_mprotect(addr, len, prot);
}
