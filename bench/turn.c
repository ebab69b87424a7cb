/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long a request holds its caller's thread, with the guard, against the size
 * of the region and of the request: the longest of all calls, with what is long
 * left to other threads, as the monitor does it, whose time is not counted.
 *
 * usage: bench-turn [ROUNDS]
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "paramem.h"

#define GIB   (UINT64_C(1) << 30)
#define BLOCK (UINT64_C(2) << 20)
#define ADDR  (UINT64_C(1) << 45)
#define LONG  (UINT64_C(256) << 20)

enum { PLUG = 0, UNPLUG = 1, ACK = 0 };

static const uint64_t regions[] = { 16, 256, 4096, 16384 }; /* GiB */
static const uint16_t requests[] = { 1, 64, 4096, 65535 };  /* blocks */

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static void die(const char *why)
{
	fprintf(stderr, "bench-turn: %s\n", why);
	exit(1);
}

/* Notes how long it took since @began, if that is the longest. */
static void note(int64_t began, double *longest)
{
	double us = (double)(now_ns() - began) * 1e-3;

	if (us > *longest)
		*longest = us;
}

static ssize_t finish(struct pm_device *device, uint8_t *answer,
		      double *longest)
{
	struct pm_pending p;
	struct pm_error err;
	int64_t began;
	ssize_t ret;

	do {
		if (pm_device_pending(device, &p) &&
		    pm_device_pending_work(device, p.offset, p.size, &err) < 0)
			die(err.text);
		began = now_ns();
		ret = pm_device_request_complete(device, 0, NULL, answer,
						 PM_RESPONSE_SIZE, &err);
		note(began, longest);
	} while (ret == -EINPROGRESS);
	return ret;
}

static void request(struct pm_device *device, uint16_t type, uint64_t block,
		    uint16_t count, double *longest)
{
	uint8_t bytes[PM_REQUEST_SIZE] = { 0 }, answer[PM_RESPONSE_SIZE];
	const uint64_t addr = htole64(ADDR + block * BLOCK);
	struct pm_error err = { .text = "" };
	int64_t began;
	ssize_t ret;

	type = htole16(type);
	count = htole16(count);
	memcpy(bytes, &type, sizeof(type));
	memcpy(bytes + 8, &addr, sizeof(addr));
	memcpy(bytes + 16, &count, sizeof(count));
	began = now_ns();
	ret = pm_device_request(device, bytes, sizeof(bytes), answer,
				sizeof(answer), &err);
	note(began, longest);
	if (ret == -EINPROGRESS)
		ret = finish(device, answer, longest);
	if (ret < 0 || answer[0] != ACK)
		die(err.text);
}

/* The longest of PLUG and UNPLUG, in microseconds. */
static void measure(uint64_t region, uint16_t count, double longest[2])
{
	static const struct pm_device_ops ops = { 0 };
	const struct pm_ram_config memory = {
		.max_size = region,
		.no_reserve = true,
	};
	const struct pm_device_config config = {
		.addr = ADDR,
		.block_size = BLOCK,
		.requested_size = region,
		.async = true,
		.async_size = LONG,
		.guard = PM_GUARD_REQUIRED,
	};
	struct pm_device *device;
	struct pm_ram *ram;
	struct pm_error err;

	if (pm_ram_create(&memory, &ram, &err) < 0 ||
	    pm_device_create(&config, ram, &ops, NULL, &device, &err) < 0)
		die(err.text);
	for (uint64_t at = 0; at < 4; at++) {
		uint64_t block = at * (region / BLOCK / 4);

		if (count > region / BLOCK / 4)
			block = 0;
		request(device, PLUG, block, count, &longest[0]);
		request(device, UNPLUG, block, count, &longest[1]);
	}
	pm_device_destroy(device);
	pm_ram_destroy(ram);
}

static double longest_of(unsigned int rounds, uint64_t region, uint16_t count,
			 unsigned int which)
{
	double all[64];

	for (unsigned int i = 0; i < rounds; i++) {
		double longest[2] = { 0, 0 };

		measure(region, count, longest);
		all[i] = longest[which];
	}
	return median(all, rounds);
}

static void table(const char *what, unsigned int which, unsigned int rounds)
{
	printf("%s, the longest call, us; medians of %u rounds\n", what,
	       rounds);
	printf("  %-12s", "blocks");
	for (size_t i = 0; i < NR(regions); i++)
		printf(" %7" PRIu64 " GiB", regions[i]);
	putchar('\n');
	for (size_t n = 0; n < NR(requests); n++) {
		printf("  %-12u", (unsigned int)requests[n]);
		for (size_t i = 0; i < NR(regions); i++) {
			if (requests[n] > regions[i] * GIB / BLOCK)
				printf(" %11s", "-");
			else
				printf(" %11.1f",
				       longest_of(rounds, regions[i] * GIB,
						  requests[n], which));
		}
		putchar('\n');
	}
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 9;

	if (argc > 2 || !rounds || rounds > 64) {
		fprintf(stderr, "usage: bench-turn [ROUNDS]\n");
		return 2;
	}
	table("PLUG", 0, rounds);
	table("UNPLUG", 1, rounds);
	return 0;
}
