/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device over anonymous memory, with everything that it tells written down,
 * and a driver's side of the request queue made by hand, so that a mistake in
 * the library's own layouts would show.
 */
#ifndef TEST_FIXTURE_H
#define TEST_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "paramem.h"

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

/* Request types, answers and states, [virtio-mem] "Device operation". */
enum { PLUG, UNPLUG, UNPLUG_ALL, STATE };
enum { ACK, NACK, BUSY, ERROR };
enum { PLUGGED, UNPLUGGED, MIXED };

/* What happened, as words: "a+2:4" is listener a, populate, in MiB. */
struct journal {
	char text[4096];
};

void journal_clear(struct journal *j);

/* Fails the test unless @j reads @text; clears it. */
void journal_expect(struct journal *j, const char *text);

struct recorder {
	struct pm_listener listener;
	struct journal *journal;
	char name;
	int fail; /* -errno that populate returns; 0: none */
};

void recorder_init(struct recorder *r, char name, struct journal *j);

/* Private anonymous memory with zeros in the rest of its configuration. */
int ram_create_anon(uint64_t max_size, struct pm_ram **ram,
		    struct pm_error *err);

#define FIXTURE_ADDR   (4 * GIB)
#define FIXTURE_BLOCK  (2 * MIB)
#define FIXTURE_REGION (1 * GIB)

struct fixture {
	struct pm_ram *ram;
	struct pm_device *dev;
	unsigned int config_changes;
	unsigned int size_changes;
	uint64_t last_size; /* as told by size_changed */
	struct journal journal;
	struct recorder a, b, c; /* not registered */
	struct pm_error err;
};

/* FIXTURE_* sizes; nothing plugged. */
void fixture_init(struct fixture *f, uint64_t requested);
void fixture_init_with(struct fixture *f, const struct pm_device_config *config,
		       uint64_t region);
void fixture_finish(struct fixture *f);

/* Registers recorders a, b and c, in this order. */
void fixture_listen(struct fixture *f);

struct pm_device_info fixture_info(const struct fixture *f);

/*
 * Sends a request and returns the type of the answer; @f->err has the
 * sentence. Checks that the answer is whole and that the device's sizes agree
 * with each other and with the host memory.
 */
int ask(struct fixture *f, int type, uint64_t addr, uint16_t nb_blocks);

/* ask() of STATE, which must be acknowledged; returns the state. */
int ask_state(struct fixture *f, uint64_t addr, uint16_t nb_blocks);

/* The guest physical address of a block. */
uint64_t block_addr(uint64_t index);

void put_le(unsigned char *bytes, uint64_t value, unsigned int nr_bytes);
uint64_t get_le(const unsigned char *bytes, unsigned int nr_bytes);

/* The pages of a range that mincore(2) finds resident. */
uint64_t resident_pages(const void *start, uint64_t size);

/* Can a byte at @addr be read? No signal is raised. */
bool can_read(const void *addr);

/*
 * Skips a test that needs terabytes of address space, or limits of it, where a
 * sanitizer has taken terabytes for itself.
 */
void fixture_need_plain_space(void);

#endif
