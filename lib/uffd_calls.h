/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system calls of userfaultfd(2): page faults of a mapping that arrive as
 * messages, those of KVM's own included.
 */
#ifndef PARAMEM_UFFD_CALLS_H
#define PARAMEM_UFFD_CALLS_H

#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM (1 << 12) /* 5.19 */
#endif

#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13) /* 6.4 */
#endif

struct uffd_fault {
	uintptr_t address;
	bool write;
	bool missing; /* there was no page; else it was protected */
	pid_t thread;
};

/*
 * A descriptor with all features in @needs and those in @wants that the
 * kernel has; @features says which it has. -errno, and in @lack why it cannot
 * be had; that text lives for ever.
 */
int uffd_new(uint64_t needs, uint64_t wants, uint64_t *features,
	     const char **lack);

/* @modes is of UFFDIO_REGISTER_MODE_*. 0 or -errno, here and below. */
int uffd_register(int fd, void *start, uint64_t size, uint64_t modes);
int uffd_unregister(int fd, void *start, uint64_t size);
/* Turning protection off also wakes who waits there. */
int uffd_protect(int fd, void *start, uint64_t size, bool on);
int uffd_wake(int fd, void *start, uint64_t size);
/* Makes a small page of zeros, @protected or not. -EEXIST where one is. */
int uffd_zero_page(int fd, void *start, bool protected);
/*
 * Makes pages of zeros, small ones, and wakes who waits for them. -EEXIST where
 * there is one already: those before it were made, and not all were woken.
 */
int uffd_zero(int fd, void *start, uint64_t size);

/* Takes up to @max faults; returns how many, 0 when there are none. */
unsigned int uffd_read(int fd, struct uffd_fault *faults, unsigned int max);

#endif
