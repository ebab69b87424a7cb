/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests within the library alone: the linker's --wrap puts stubs in the
 * place of the host's calls.
 */
#include "request.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "paramem.h"

#define ADDR  (UINT64_C(4) << 30)
#define TURNS 2000

enum { PLUG = 0, UNPLUG = 1, STATE = 3, ACK = 0 };

/* ---- the host ------------------------------------------------------------ */

/* What the page map's descriptor is here. */
#define PAGE_MAP 1000000

int __real_close(int fd);
int __real_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_ioctl(int fd, unsigned long request, void *arg);
int __wrap_madvise(void *addr, size_t len, int advice);
int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode);
int __wrap_mincore(void *addr, size_t len, unsigned char *vec);

int __wrap_madvise(void *addr, size_t len, int advice)
{
	(void)addr, (void)len, (void)advice;
	return 0;
}

/* All is gone: what the kernel would say, and how much it would write. */
int __wrap_mincore(void *addr, size_t len, unsigned char *vec)
{
	(void)addr;
	memset(vec, 0, len / 4096);
	return 0;
}

int __wrap_open(const char *path, int flags, mode_t mode)
{
	if (!strcmp(path, "/proc/self/pagemap"))
		return PAGE_MAP;
	return __real_open(path, flags, mode);
}

/* Programs with a 64-bit off_t call this one. */
int __wrap_open64(const char *path, int flags, mode_t mode)
{
	return __wrap_open(path, flags, mode);
}

int __wrap_close(int fd)
{
	return fd == PAGE_MAP ? 0 : __real_close(fd);
}

/* Where a search of the page map was to end, and did. */
enum { SCAN_END = 3, SCAN_WALKED = 4 };

/* Nothing is there. The only one is that search. */
int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	uint64_t *scan = arg;

	(void)fd, (void)request;
	scan[SCAN_WALKED] = scan[SCAN_END];
	return 0;
}

/* ---- requests ------------------------------------------------------------ */

static void request(struct pm_device *device, uint16_t type, uint16_t nr)
{
	uint8_t bytes[PM_REQUEST_SIZE] = { 0 }, answer[PM_RESPONSE_SIZE];
	const uint64_t addr = htole64(ADDR);
	struct pm_error err;

	type = htole16(type);
	nr = htole16(nr);
	memcpy(bytes, &type, sizeof(type));
	memcpy(bytes + 8, &addr, sizeof(addr));
	memcpy(bytes + 16, &nr, sizeof(nr));
	if (pm_device_request(device, bytes, sizeof(bytes), answer,
			      sizeof(answer), &err) < 0 ||
	    answer[0] != ACK) {
		fprintf(stderr, "bench-request: a request was refused\n");
		exit(1);
	}
}

static void turn(struct pm_device *device, enum work work)
{
	if (work == WORK_STATE) {
		request(device, STATE, work_blocks[work]);
		return;
	}
	request(device, PLUG, work_blocks[work]);
	request(device, UNPLUG, work_blocks[work]);
}

static double sample(struct pm_device *device, enum work work)
{
	int64_t began = now_ns();

	for (unsigned int i = 0; i < TURNS; i++)
		turn(device, work);
	return (double)(now_ns() - began) / TURNS / work_requests[work];
}

static void create(struct pm_ram **ram, struct pm_device **device)
{
	const struct pm_ram_config memory = {
		.max_size = REQUEST_BLOCKS * REQUEST_BLOCK_SIZE,
		.no_reserve = true,
	};
	const struct pm_device_config config = {
		.addr = ADDR,
		.block_size = REQUEST_BLOCK_SIZE,
		.requested_size = memory.max_size,
	};
	struct pm_error err;

	if (pm_ram_create(&memory, ram, &err) < 0 ||
	    pm_device_create(&config, *ram, NULL, NULL, device, &err) < 0) {
		fprintf(stderr, "bench-request: %s\n", err.text);
		exit(1);
	}
}

void bench_library(unsigned int rounds, double ns[NR_WORKS])
{
	double *samples = calloc(rounds, sizeof(*samples));
	struct pm_device *device;
	struct pm_ram *ram;

	if (!samples)
		exit(1);
	create(&ram, &device);
	for (unsigned int work = 0; work < NR_WORKS; work++) {
		for (unsigned int i = 0; i < rounds; i++)
			samples[i] = sample(device, work);
		ns[work] = median(samples, rounds);
	}
	pm_device_destroy(device);
	pm_ram_destroy(ram);
	free(samples);
}
