/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest that has a driver of its own and keeps no rules: it plugs and
 * unplugs blocks of the first memory device, and uses memory that is not
 * plugged, from all of its CPUs at once.
 *
 * It is told what to do over the serial port, a line of a letter and
 * hexadecimal numbers at a time, and answers with a line of numbers:
 *
 *	I features            sets the device up; addr, usable size, block size
 *	P first count step    plugs blocks, each by a request; how many were
 *	U first count step    unplugs
 *	F first count step    fills blocks with a pattern
 *	V first count step    how many words of the pattern are not there
 *	R offset size stride  reads; the OR of what was there
 *	W offset size stride  writes a word each; how many
 *	C offset size stride  reads; how many words were not zero
 *	A seed max            plugs and unplugs at random, max blocks at most (0:
 *	                      leaves them as they are), while the other CPUs
 *	                      write to and read unplugged memory, until a byte
 *	                      comes: writes, reads, plugs, unplugs, refusals,
 *	                      words that were not there
 *	M                     which blocks are plugged: hexadecimal digits
 *	H block count         a CPU writes to a block all the time, which is
 *	                      plugged and unplugged; after each, "." is sent and
 *	                      a byte awaited: refusals
 *	D offset ring         sets the device up anew, with its used ring there
 *	                      or, without @ring, has it answer a request there:
 *	                      1 where the device did so, 0 where it broke
 *	T                     registers of the first CPU, see state.c
 *	X what nested         sets them to something else, says "." and is reset
 *	                      by its port (0) or a fault (1), or waits for that
 *	                      (2), in a nested guest or not; 0 if it cannot
 *	Q                     powers off
 */
#include <stdbool.h>
#include <stdint.h>

#include "state.h"

#define MAX_CPUS   8
#define MAX_BLOCKS 32768
#define PAGE       4096ull

extern char trampoline[], trampoline_end[];
extern uint32_t trampoline_cr3;

volatile uint32_t cpus; /* others that have started */

static uint64_t region, usable, block_size;

/* What each block is, as far as this guest is concerned. */
enum { UNPLUGGED, PLUGGED, MOVING };
static volatile uint8_t state[MAX_BLOCKS];

/* ---- ports, serial ------------------------------------------------------- */

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void put(char c)
{
	while (!(in8(0x3fd) & 0x20))
		;
	out8(0x3f8, (uint8_t)c);
}

static bool has_byte(void)
{
	return in8(0x3fd) & 1;
}

static char get(void)
{
	while (!has_byte())
		__asm__ volatile("pause");
	return (char)in8(0x3f8);
}

static void put_number(uint64_t n)
{
	bool any = false;

	for (int shift = 60; shift >= 0; shift -= 4) {
		unsigned int digit = n >> shift & 15;

		any |= digit || !shift;
		if (any)
			put("0123456789abcdef"[digit]);
	}
}

static void answer(const uint64_t *numbers, int count)
{
	for (int i = 0; i < count; i++) {
		put_number(numbers[i]);
		put(i + 1 < count ? ' ' : '\n');
	}
}

/* A line: its letter and numbers. */
static char read_line(uint64_t *numbers, int max)
{
	char c, letter = get();
	int i = -1;

	for (int n = 0; n < max; n++)
		numbers[n] = 0;
	while ((c = get()) != '\n') {
		if (c == ' ')
			i++;
		else if (i >= 0 && i < max)
			numbers[i] =
				numbers[i] << 4 |
				(uint64_t)(c > '9' ? c - 'a' + 10 : c - '0');
	}
	return letter;
}

/* ---- paging: 128 GiB, one to one, in pages of 2 MiB ----------------------- */

#define GIBS 128

static uint64_t pml4[512] __attribute__((aligned(4096)));
static uint64_t pdpt[512] __attribute__((aligned(4096)));
static uint64_t pds[GIBS][512] __attribute__((aligned(4096)));

static void paging_init(void)
{
	pml4[0] = (uintptr_t)pdpt | 3;
	for (uint64_t i = 0; i < GIBS; i++) {
		pdpt[i] = (uintptr_t)pds[i] | 3;
		for (uint64_t k = 0; k < 512; k++)
			pds[i][k] = i << 30 | k << 21 | 0x83;
	}
	__asm__ volatile("mov %0, %%cr3" : : "r"(pml4) : "memory");
}

/* ---- the other CPUs ------------------------------------------------------ */

static void wait_a_little(void)
{
	for (int i = 0; i < 10000; i++)
		__asm__ volatile("pause");
}

/* Until no further CPU came for a while: nobody says how many there are. */
static void wait_for_cpus(void)
{
	uint32_t before = cpus;

	for (int i = 0; i < 30; i++) {
		wait_a_little();
		if (cpus != before)
			i = 0;
		before = cpus;
	}
}

static void cpus_start(void)
{
	volatile uint32_t *lapic = (uint32_t *)0xfee00000ull;
	char *to = (char *)0x10000ull;

	trampoline_cr3 = (uint32_t)(uintptr_t)pml4;
	for (char *from = trampoline; from < trampoline_end; from++)
		*to++ = *from;
	lapic[0xf0 / 4] = 0x1ff;
	lapic[0x300 / 4] = 0xc4500; /* INIT to all but this one */
	wait_a_little();
	lapic[0x300 / 4] = 0xc4610; /* start at 0x10000 */
	wait_a_little();
	lapic[0x300 / 4] = 0xc4610;
	wait_for_cpus();
}

/* ---- the device ---------------------------------------------------------- */

#define BAR 0xc0000000ull /* free in every machine that runs this */

struct queue {
	struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags;
		uint16_t next;
	} desc[8];
	struct {
		uint16_t flags, idx, ring[8];
	} avail __attribute__((aligned(4096)));
	volatile struct {
		uint16_t flags, idx;
		struct {
			uint32_t id, len;
		} ring[8];
	} used __attribute__((aligned(4096)));
	struct {
		uint16_t type, pad[3];
		uint64_t addr;
		uint16_t nb_blocks, pad2[3];
	} request;
	volatile uint16_t response[5];
};

static struct queue q __attribute__((aligned(4096)));

static volatile uint8_t *reg8(uint64_t offset)
{
	return (volatile uint8_t *)(BAR + offset);
}

static void set16(uint64_t offset, uint16_t value)
{
	*(volatile uint16_t *)(BAR + offset) = value;
}

static void set32(uint64_t offset, uint32_t value)
{
	*(volatile uint32_t *)(BAR + offset) = value;
}

static void set64(uint64_t offset, uint64_t value)
{
	set32(offset, (uint32_t)value);
	set32(offset + 4, (uint32_t)(value >> 32));
}

static uint64_t config64(uint64_t offset)
{
	volatile uint32_t *c = (volatile uint32_t *)(BAR + 0x2000 + offset);

	return c[0] | (uint64_t)c[1] << 32;
}

static uint32_t pci_read(uint32_t address, uint32_t offset)
{
	out32(0xcf8, address | (offset & 0xfc));
	return in32(0xcfc) >> (offset & 3) * 8;
}

static void pci_write(uint32_t address, uint32_t offset, uint32_t value)
{
	out32(0xcf8, address | offset);
	out32(0xcfc, value);
}

/* Which BAR has the registers: that of the common configuration. */
static uint32_t register_bar(uint32_t address)
{
	uint32_t cap = pci_read(address, 0x34) & 0xff;

	while (cap) {
		uint32_t head = pci_read(address, cap);

		if ((head & 0xff) == 9 && head >> 24 == 1)
			return pci_read(address, cap + 4) & 0xff;
		cap = head >> 8 & 0xff;
	}
	return 0;
}

/*
 * The first function that is a memory device; its BAR is put at BAR. The
 * registers lie in it as in all such devices that are known: common, interrupt
 * status, device, notification, 4 KiB each.
 */
static bool pci_init(void)
{
	for (uint32_t dev = 0; dev < 32; dev++) {
		uint32_t address = 0x80000000u | dev << 11;
		uint32_t bar;

		if (pci_read(address, 0) != 0x10581af4u)
			continue;
		bar = 0x10 + 4 * register_bar(address);
		pci_write(address, 4, 0); /* firmware may have turned it on */
		pci_write(address, bar, (uint32_t)BAR);
		pci_write(address, bar + 4, 0);
		pci_write(address, 4, 6); /* memory, bus master */
		return true;
	}
	return false;
}

static void device_init(uint64_t features, uint64_t used)
{
	*reg8(0x14) = 0;
	*reg8(0x14) = 3;
	set32(0x08, 0);
	set32(0x0c, (uint32_t)features);
	set32(0x08, 1);
	set32(0x0c, 1);
	*reg8(0x14) = 11;
	set16(0x16, 0);
	set16(0x18, 8);
	set64(0x20, (uintptr_t)q.desc);
	set64(0x28, (uintptr_t)&q.avail);
	set64(0x30, used);
	q.avail.idx = 0;
	q.used.idx = 0;
	q.avail.flags = 1; /* no interrupts */
	set16(0x1c, 1);
	*reg8(0x14) = 15;
	block_size = config64(0);
	region = config64(16);
	usable = config64(32);
}

enum { PLUG, UNPLUG, UNPLUG_ALL, STATE };
enum { ACK, NACK, BUSY, ERROR };

static void send(uint16_t type, uint64_t block, uint64_t response)
{
	q.request.type = type;
	q.request.addr = region + block * block_size;
	q.request.nb_blocks = 1;
	q.desc[0].addr = (uintptr_t)&q.request;
	q.desc[0].len = 24;
	q.desc[0].flags = 1;
	q.desc[0].next = 1;
	q.desc[1].addr = response;
	q.desc[1].len = 10;
	q.desc[1].flags = 2;
	__sync_synchronize();
	*(volatile uint16_t *)&q.avail.idx = (uint16_t)(q.avail.idx + 1);
	__sync_synchronize();
	set16(0x3000, 0);
}

static uint16_t ask(uint16_t type, uint64_t block)
{
	uint16_t before = q.used.idx;

	send(type, block, (uintptr_t)q.response);
	while (q.used.idx == before)
		__asm__ volatile("pause");
	__sync_synchronize();
	return q.response[0];
}

/* Whether the device wrote to this address, as it was asked to. */
static bool device_writes(uint64_t address, bool ring)
{
	const volatile uint16_t *idx =
		ring ? (uint16_t *)address + 1 : &q.used.idx;

	device_init(0, ring ? address : (uintptr_t)&q.used);
	send(STATE, 0, ring ? (uintptr_t)q.response : address);
	while (!(*reg8(0x14) & 0x40))
		if (*idx)
			return true;
	return false;
}

/* ---- patterns ------------------------------------------------------------ */

static uint64_t *at(uint64_t block, uint64_t offset)
{
	return (uint64_t *)(region + block * block_size + offset);
}

static uint64_t pattern(const uint64_t *p)
{
	return (uintptr_t)p * 0x9e3779b97f4a7c15ull | 1;
}

/* Three words of each page. */
static const uint64_t words[] = { 0, 2048, PAGE - 8 };

static void fill(uint64_t block)
{
	for (uint64_t page = 0; page < block_size; page += PAGE)
		for (int i = 0; i < 3; i++) {
			uint64_t *p = at(block, page + words[i]);

			*p = pattern(p);
		}
}

static uint64_t verify(uint64_t block)
{
	uint64_t bad = 0;

	for (uint64_t page = 0; page < block_size; page += PAGE)
		for (int i = 0; i < 3; i++) {
			uint64_t *p = at(block, page + words[i]);

			bad += *(volatile uint64_t *)p != pattern(p);
		}
	return bad;
}

/* ---- the attack ---------------------------------------------------------- */

static volatile bool attack;
static volatile uint64_t *volatile hammer; /* a word to write to */
static volatile uint64_t nr_blocks;

static struct {
	volatile uint64_t block; /* under attack by this CPU, plus one */
	volatile uint64_t writes, reads;
	volatile bool hammering;
	uint64_t pad[4];
} cpu[MAX_CPUS + 1];

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void attack_once(uint32_t self, uint64_t *seed)
{
	uint64_t r = next_random(seed);
	uint64_t block = r % nr_blocks;
	volatile uint64_t *p =
		at(block, (r >> 20) % (block_size / PAGE) * PAGE + 8);

	cpu[self].block = block + 1;
	__sync_synchronize();
	/* Its own plugged memory it leaves alone, to see that it stays. */
	if (state[block] == UNPLUGGED) {
		switch (r >> 40 & 3) {
		case 0:
			(void)*p;
			cpu[self].reads++;
			break;
		case 1:
			__sync_fetch_and_add(p, r);
			cpu[self].writes++;
			break;
		default:
			*p = r;
			cpu[self].writes++;
			break;
		}
	}
	cpu[self].block = 0;
}

void other_cpu(uint32_t index);
void other_cpu(uint32_t index)
{
	uint64_t seed = 0x1234567 * (index + 3);

	for (;;) {
		volatile uint64_t *p = hammer;

		if (attack)
			attack_once(index, &seed);
		else if (p) {
			cpu[index].hammering = true;
			*p = seed++;
		} else {
			cpu[index].hammering = false;
			__asm__ volatile("pause");
		}
	}
}

/* No CPU attacks the block from here on. */
static void claim(uint64_t block)
{
	state[block] = MOVING;
	__sync_synchronize();
	for (uint32_t i = 0; i < MAX_CPUS; i++)
		while (cpu[i].block == block + 1)
			__asm__ volatile("pause");
}

struct churn {
	uint64_t plugs, unplugs, refusals, bad, plugged;
};

static void churn_once(struct churn *c, uint64_t block, uint64_t max)
{
	uint8_t was = state[block];
	uint16_t said;

	if (!max && was == PLUGGED)
		c->bad += verify(block);
	if (!max || (was == UNPLUGGED && c->plugged >= max))
		return;
	claim(block);
	if (was == PLUGGED)
		c->bad += verify(block);
	said = ask(was == PLUGGED ? UNPLUG : PLUG, block);
	if (said != ACK) {
		c->refusals++;
		if (was == PLUGGED)
			fill(block);
		state[block] = was;
	} else if (was == PLUGGED) {
		c->unplugs++;
		c->plugged--;
		state[block] = UNPLUGGED;
	} else {
		c->plugs++;
		c->plugged++;
		fill(block);
		state[block] = PLUGGED;
	}
}

static void run_attack(uint64_t seed, uint64_t max)
{
	struct churn c = { 0 };
	uint64_t writes = 0, reads = 0;

	nr_blocks = usable / block_size;
	for (uint64_t b = 0; b < nr_blocks; b++)
		c.plugged += state[b] == PLUGGED;
	for (uint32_t i = 0; i < MAX_CPUS; i++)
		cpu[i].writes = cpu[i].reads = 0;
	attack = true;
	while (!has_byte())
		churn_once(&c, next_random(&seed) % nr_blocks, max);
	get();
	attack = false;
	for (uint32_t i = 0; i < MAX_CPUS; i++) {
		while (cpu[i].block)
			__asm__ volatile("pause");
		writes += cpu[i].writes;
		reads += cpu[i].reads;
	}
	for (uint64_t b = 0; b < nr_blocks; b++)
		if (state[b] == PLUGGED)
			c.bad += verify(b);
	answer((uint64_t[]){ writes, reads, c.plugs, c.unplugs, c.refusals,
			     c.bad },
	       6);
}

static void run_hammer(uint64_t block, uint64_t count)
{
	uint64_t refusals = 0;

	for (uint64_t i = 0; i < count; i++) {
		volatile uint64_t *p = at(block, (i * 37 % 512) * PAGE);

		if (ask(PLUG, block) != ACK)
			break;
		hammer = p;
		while (!*p)
			__asm__ volatile("pause");
		while (ask(UNPLUG, block) != ACK)
			refusals++;
		hammer = 0;
		for (uint32_t k = 0; k < MAX_CPUS; k++)
			while (cpu[k].hammering)
				__asm__ volatile("pause");
		put('.');
		get();
	}
	put('\n');
	answer(&refusals, 1);
}

static uint64_t ask_each(uint16_t type, const uint64_t *n)
{
	uint64_t done = 0;

	for (uint64_t i = 0; i < n[1]; i++) {
		uint64_t block = n[0] + i * n[2];

		if (ask(type, block) != ACK)
			continue;
		state[block] = type == PLUG ? PLUGGED : UNPLUGGED;
		done++;
	}
	return done;
}

static void show_map(void)
{
	nr_blocks = usable / block_size;
	for (uint64_t b = 0; b < nr_blocks; b += 4) {
		unsigned int digit = 0;

		for (uint64_t k = 0; k < 4 && b + k < nr_blocks; k++)
			digit |= (unsigned int)(state[b + k] == PLUGGED) << k;
		put("0123456789abcdef"[digit]);
	}
	put('\n');
}

static uint64_t touch(const uint64_t *n, char how)
{
	uint64_t value = 0;

	for (uint64_t o = n[0]; o < n[0] + n[1]; o += n[2]) {
		volatile uint64_t *p = at(0, o);

		if (how == 'W') {
			*p = o | 1;
			value++;
		} else if (how == 'C') {
			value += *p != 0;
		} else {
			value |= *p;
		}
	}
	return value;
}

static void show_state(void)
{
	uint64_t numbers[STATE_NUMBERS];
	int count = state_show(numbers);

	answer(numbers, count);
}

static void run_line(void)
{
	uint64_t n[4], value = 0;

	char letter = read_line(n, 4);

	switch (letter) {
	case 'I':
		device_init(n[0], (uintptr_t)&q.used);
		answer((uint64_t[]){ region, usable, block_size }, 3);
		return;
	case 'P':
		value = ask_each(PLUG, n);
		break;
	case 'U':
		value = ask_each(UNPLUG, n);
		break;
	case 'F':
		for (uint64_t i = 0; i < n[1]; i++)
			fill(n[0] + i * n[2]);
		break;
	case 'V':
		for (uint64_t i = 0; i < n[1]; i++)
			value += verify(n[0] + i * n[2]);
		break;
	case 'R':
	case 'W':
	case 'C':
		value = touch(n, letter);
		break;
	case 'D':
		value = device_writes(region + n[0], n[1]);
		break;
	case 'A':
		run_attack(n[0], n[1]);
		return;
	case 'M':
		show_map();
		return;
	case 'H':
		run_hammer(n[0], n[1]);
		return;
	case 'T':
		show_state();
		return;
	case 'X':
		state_spoil();
		put('.');
		value = state_nest(n[0], n[1]);
		break;
	case 'Q':
		__asm__ volatile("outw %0, %1"
				 :
				 : "a"((uint16_t)0x3400),
				   "Nd"((uint16_t)0x604));
		break;
	default:
		break;
	}
	answer(&value, 1);
}

void boot_cpu(void);
void boot_cpu(void)
{
	uint64_t count;

	paging_init();
	cpus_start();
	if (!pci_init())
		put('!');
	count = cpus + 1;
	answer(&count, 1);
	for (;;)
		run_line();
}
