/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes system calls, and allocations, of the library fail, or lie: see the
 * linker's --wrap.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

struct fault {
	unsigned int calls;
	unsigned int countdown; /* 0: none is due */
	int error;              /* 0: a lie in place of an error */
	bool lasts;             /* all later ones, too */
};

static struct fault faults[NR_FAULTS];
static struct fault any;
static enum fault_call hit = NR_FAULTS;

/* What a wrapped call should do. */
enum verdict { HONEST, LIE, FAIL };

static void arm(enum fault_call call, unsigned int nth, int error)
{
	faults[call].countdown = nth;
	faults[call].error = error;
	faults[call].lasts = false;
}

void fault_fail(enum fault_call call, unsigned int nth, int error)
{
	arm(call, nth, error);
}

void fault_fail_from(enum fault_call call, unsigned int nth, int error)
{
	arm(call, nth, error);
	faults[call].lasts = true;
}

void fault_fail_any(unsigned int nth, int error)
{
	any.countdown = nth;
	any.error = error;
	hit = NR_FAULTS;
}

enum fault_call fault_hit(void)
{
	return hit;
}

void fault_resident(unsigned int nth)
{
	arm(FAULT_MINCORE, nth, 0);
}

void fault_ineffective(unsigned int nth)
{
	arm(FAULT_DONTNEED, nth, 0);
}

void fault_ineffective_hole(unsigned int nth)
{
	arm(FAULT_FALLOCATE, nth, 0);
}

unsigned int fault_calls(enum fault_call call)
{
	return faults[call].calls;
}

void fault_reset(void)
{
	memset(faults, 0, sizeof(faults));
	memset(&any, 0, sizeof(any));
	hit = NR_FAULTS;
}

static bool count_down(struct fault *f)
{
	if (!f->countdown || --f->countdown)
		return false;
	f->countdown = f->lasts;
	return true;
}

static bool is_allocation(enum fault_call call)
{
	return call == FAULT_CALLOC || call == FAULT_STRDUP;
}

static enum verdict judge_locked(enum fault_call call)
{
	struct fault *f = &faults[call];

	f->calls++;
	if (!is_allocation(call) && count_down(&any)) {
		hit = call;
		errno = any.error;
		return FAIL;
	}
	if (!count_down(f))
		return HONEST;
	errno = f->error;
	return f->error ? FAIL : LIE;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Whether a call of this kind is to fail, or to lie, sooner or later. */
static bool is_armed(enum fault_call call)
{
	bool armed;

	pthread_mutex_lock(&lock);
	armed = any.countdown || faults[call].countdown;
	pthread_mutex_unlock(&lock);
	return armed;
}

/* Counts a call, on any thread; sets errno where it should fail. */
static enum verdict judge(enum fault_call call)
{
	enum verdict v;

	pthread_mutex_lock(&lock);
	v = judge_locked(call);
	pthread_mutex_unlock(&lock);
	return v;
}

/* Two names each: programs with a 64-bit off_t call the second. */
#define WRAP(type, name, params)   \
	type __real_##name params; \
	type __wrap_##name params; \
	type __wrap_##name params
#define WRAP64(type, name, params, args)   \
	type __wrap_##name##64 params;     \
	type __wrap_##name##64 params      \
	{                                  \
		return __wrap_##name args; \
	}

static enum fault_call advice_call(int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		return FAULT_DONTNEED;
	case MADV_POPULATE_WRITE:
		return FAULT_POPULATE;
	default:
		return FAULT_ADVICE;
	}
}

WRAP(int, madvise, (void *addr, size_t len, int advice))
{
	switch (judge(advice_call(advice))) {
	case FAIL:
		return -1;
	case LIE:
		return 0;
	default:
		return __real_madvise(addr, len, advice);
	}
}

/* Then the pagemap tells the same. */
static atomic_bool lied;

WRAP(int, mincore, (void *addr, size_t len, unsigned char *vec))
{
	enum verdict v = judge(FAULT_MINCORE);
	int ret;

	if (v == FAIL)
		return -1;
	ret = __real_mincore(addr, len, vec);
	if (v == LIE) {
		vec[len / (size_t)sysconf(_SC_PAGESIZE) - 1] = 1;
		lied = true;
	}
	return ret;
}

/*
 * The library's one use of it is a scan that can spare it mincore(2): a fault
 * of that has to be met, so the scan finds a page.
 */
WRAP(int, ioctl, (int fd, unsigned long request, ...))
{
	const unsigned long scan = 16; /* of linux/fs.h, type 'f' */
	va_list args;
	void *arg;

	if (_IOC_TYPE(request) == 'f' && _IOC_NR(request) == scan) {
		if (is_armed(FAULT_MINCORE))
			return 1;
	} else if (judge(FAULT_IOCTL) == FAIL) {
		return -1;
	}
	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	return __real_ioctl(fd, request, arg);
}

WRAP(void *, mmap,
     (void *addr, size_t len, int prot, int flags, int fd, off_t offset))
{
	if (judge(FAULT_MMAP) == FAIL)
		return MAP_FAILED;
	return __real_mmap(addr, len, prot, flags, fd, offset);
}
WRAP64(void *, mmap,
       (void *addr, size_t len, int prot, int flags, int fd, off_t offset),
       (addr, len, prot, flags, fd, offset))

WRAP(int, mprotect, (void *addr, size_t len, int prot))
{
	if (judge(FAULT_MPROTECT) == FAIL)
		return -1;
	return __real_mprotect(addr, len, prot);
}

WRAP(int, mlock2, (const void *addr, size_t len, unsigned int flags))
{
	if (judge(FAULT_MLOCK2) == FAIL)
		return -1;
	return __real_mlock2(addr, len, flags);
}

WRAP(int, munlock, (const void *addr, size_t len))
{
	if (judge(FAULT_MUNLOCK) == FAIL)
		return -1;
	return __real_munlock(addr, len);
}

WRAP(int, memfd_create, (const char *name, unsigned int flags))
{
	if (judge(FAULT_MEMFD_CREATE) == FAIL)
		return -1;
	return __real_memfd_create(name, flags);
}

WRAP(int, ftruncate, (int fd, off_t length))
{
	if (judge(FAULT_FTRUNCATE) == FAIL)
		return -1;
	return __real_ftruncate(fd, length);
}
WRAP64(int, ftruncate, (int fd, off_t length), (fd, length))

WRAP(int, fcntl, (int fd, int command, ...))
{
	va_list args;
	int arg;

	va_start(args, command);
	arg = va_arg(args, int);
	va_end(args);
	if (judge(FAULT_FCNTL) == FAIL)
		return -1;
	return __real_fcntl(fd, command, arg);
}

int __wrap_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...)
{
	va_list args;
	int arg;

	va_start(args, command);
	arg = va_arg(args, int);
	va_end(args);
	return __wrap_fcntl(fd, command, arg);
}

WRAP(int, fallocate, (int fd, int mode, off_t offset, off_t len))
{
	switch (judge(FAULT_FALLOCATE)) {
	case FAIL:
		return -1;
	case LIE:
		return 0;
	default:
		return __real_fallocate(fd, mode, offset, len);
	}
}
WRAP64(int, fallocate, (int fd, int mode, off_t offset, off_t len),
       (fd, mode, offset, len))

WRAP(off_t, lseek, (int fd, off_t offset, int whence))
{
	if (judge(FAULT_LSEEK) == FAIL)
		return -1;
	return __real_lseek(fd, offset, whence);
}
WRAP64(off_t, lseek, (int fd, off_t offset, int whence), (fd, offset, whence))

WRAP(ssize_t, pread, (int fd, void *buf, size_t len, off_t offset))
{
	if (judge(FAULT_PREAD) == FAIL)
		return -1;
	if (atomic_exchange(&lied, false)) {
		memset(buf, 0xff, len);
		return (ssize_t)len;
	}
	return __real_pread(fd, buf, len, offset);
}
WRAP64(ssize_t, pread, (int fd, void *buf, size_t len, off_t offset),
       (fd, buf, len, offset))

/* The library makes no files, so that no call has a mode. */
WRAP(int, open, (const char *path, int flags, ...))
{
	if (judge(FAULT_OPEN) == FAIL)
		return -1;
	return __real_open(path, flags);
}

int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
	return __wrap_open(path, flags);
}

WRAP(void *, calloc, (size_t nr, size_t size))
{
	if (judge(FAULT_CALLOC) == FAIL)
		return NULL;
	return __real_calloc(nr, size);
}

WRAP(char *, strdup, (const char *text))
{
	if (judge(FAULT_STRDUP) == FAIL)
		return NULL;
	return __real_strdup(text);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* What has no function of its own in the C library. */
long __wrap_syscall(long number, ...)
{
	int count = number == SYS_userfaultfd ? 1 : 6;
	long a[6] = { 0 };
	va_list args;

	va_start(args, number);
	for (int i = 0; i < count; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_mbind && judge(FAULT_MBIND) == FAIL)
		return -1;
	if (number == SYS_userfaultfd && judge(FAULT_USERFAULTFD) == FAIL)
		return -1;
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
