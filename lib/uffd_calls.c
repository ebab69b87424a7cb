/* SPDX-License-Identifier: BSD-3-Clause */
/* The system calls of userfaultfd(2). */
#include "uffd_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

/* The most that one read(2) takes. */
#define MESSAGES_MAX 16

/* The largest page that a system has. */
#define PAGE_MAX 65536

/*
 * KVM faults pages in on behalf of a guest, inside the kernel. To see those,
 * one needs the device (since 6.1), CAP_SYS_PTRACE, or a host that lets
 * everybody; UFFD_USER_MODE_ONLY would not do.
 */
static int new_descriptor(void)
{
	int flags = O_CLOEXEC | O_NONBLOCK;
	int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	int fd = -1;

	if (device >= 0) {
		fd = ioctl(device, USERFAULTFD_IOC_NEW, flags);
		close(device);
	}
	if (fd < 0)
		fd = (int)syscall(SYS_userfaultfd, flags);
	return fd < 0 ? -errno : fd;
}

/* A descriptor with these features; sets @known to all that there are. */
static int open_with(uint64_t features, uint64_t *known)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = new_descriptor();
	int ret;

	if (fd < 0)
		return fd;
	if (ioctl(fd, UFFDIO_API, &api) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	*known = api.features;
	return fd;
}

int uffd_new(uint64_t needs, uint64_t wants, uint64_t *features,
	     const char **lack)
{
	uint64_t known = 0;
	/* Features are chosen once per descriptor, so ask with another. */
	int fd = open_with(0, &known);

	if (fd < 0) {
		*lack = fd == -ENOSYS
				? "the host's kernel has no userfaultfd"
				: "userfaultfd is not allowed: give access to "
				  "/dev/userfaultfd, CAP_SYS_PTRACE, or set "
				  "vm.unprivileged_userfaultfd=1";
		return fd;
	}
	close(fd);
	if (needs & ~known) {
		*lack = "the userfaultfd of the host's kernel is too old for "
			"this kind of memory";
		return -ENOTSUP;
	}
	fd = open_with(needs | (wants & known), &known);
	if (fd < 0)
		*lack = "userfaultfd failed";
	else
		*features = needs | (wants & known);
	return fd;
}

static int result(int ret)
{
	return ret < 0 ? -errno : 0;
}

int uffd_register(int fd, void *start, uint64_t size, uint64_t modes)
{
	struct uffdio_register r = {
		.range = { .start = (uintptr_t)start, .len = size },
		.mode = modes,
	};

	return result(ioctl(fd, UFFDIO_REGISTER, &r));
}

int uffd_unregister(int fd, void *start, uint64_t size)
{
	struct uffdio_range range = { .start = (uintptr_t)start, .len = size };

	return result(ioctl(fd, UFFDIO_UNREGISTER, &range));
}

int uffd_protect(int fd, void *start, uint64_t size, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)start, .len = size },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};
	int ret;

	/* Again while the kernel changes this process's mappings. */
	do
		ret = result(ioctl(fd, UFFDIO_WRITEPROTECT, &wp));
	while (ret == -EAGAIN);
	return ret;
}

int uffd_wake(int fd, void *start, uint64_t size)
{
	struct uffdio_range range = { .start = (uintptr_t)start, .len = size };

	return result(ioctl(fd, UFFDIO_WAKE, &range));
}

int uffd_zero_page(int fd, void *start, bool protected)
{
	static const unsigned char zeros[PAGE_MAX];
	struct uffdio_copy copy = {
		.dst = (uintptr_t)start,
		.src = (uintptr_t)zeros,
		.len = (uint64_t)sysconf(_SC_PAGESIZE),
		.mode = protected ? UFFDIO_COPY_MODE_WP : 0,
	};

	return result(ioctl(fd, UFFDIO_COPY, &copy));
}

int uffd_zero(int fd, void *start, uint64_t size)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)start, .len = size },
	};
	int ret = result(ioctl(fd, UFFDIO_ZEROPAGE, &zero));

	/* Of a part only, if what stopped it did so after the first page. */
	return ret == -EAGAIN ? -EEXIST : ret;
}

unsigned int uffd_read(int fd, struct uffd_fault *faults, unsigned int max)
{
	const uint64_t writing =
		UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP;
	struct uffd_msg msgs[MESSAGES_MAX];
	unsigned int n = 0;
	ssize_t len;

	len = read(fd, msgs,
		   sizeof(msgs[0]) * (max < MESSAGES_MAX ? max : MESSAGES_MAX));
	for (ssize_t i = 0; i < len / (ssize_t)sizeof(msgs[0]); i++) {
		if (msgs[i].event != UFFD_EVENT_PAGEFAULT)
			continue;
		faults[n++] = (struct uffd_fault){
			.address = msgs[i].arg.pagefault.address,
			.write = msgs[i].arg.pagefault.flags & writing,
			.missing = !(msgs[i].arg.pagefault.flags &
				     UFFD_PAGEFAULT_FLAG_WP),
			.thread = (pid_t)msgs[i].arg.pagefault.feat.ptid,
		};
	}
	return n;
}
