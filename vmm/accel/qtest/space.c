/* SPDX-License-Identifier: BSD-3-Clause */
/* The machine's address space as a CPU would reach it. */
#include "space.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "space/bus.h"
#include "space/guest_memory.h"

/* Whatever lies within one of these is of one kind. */
#define PAGE         4096
/* The most that space_fill() does access by access. */
#define FILL_BUS_MAX (UINT64_C(1) << 20)

/* One access, or a piece of memory. */
struct piece {
	struct guest_view view; /* without host: it is the bus's */
	size_t len;
};

static size_t bus_width(uint64_t addr, size_t len)
{
	size_t width = 8;

	while (addr % width || len < width)
		width /= 2;
	return width;
}

static struct piece piece_get(const struct qtest_space *space, uint64_t addr,
			      size_t len, bool write)
{
	size_t left = PAGE - addr % PAGE;
	struct piece p = { .len = len < left ? len : left };

	if (guest_memory_get(space->memory, addr, p.len, write, &p.view))
		p.len = bus_width(addr, p.len);
	return p;
}

static void piece_put(const struct qtest_space *space, const struct piece *p)
{
	if (p->view.host)
		guest_memory_put(space->memory, &p->view);
}

void space_read(const struct qtest_space *space, uint64_t addr, void *buf,
		size_t len)
{
	uint8_t *to = buf;

	while (len) {
		struct piece p = piece_get(space, addr, len, false);

		if (p.view.host) {
			memcpy(to, p.view.host, p.len);
		} else {
			uint64_t v = bus_read(space->mmio, addr, p.len);

			/* Little-endian, as this host is. */
			memcpy(to, &v, p.len);
		}
		piece_put(space, &p);
		addr += p.len;
		to += p.len;
		len -= p.len;
	}
}

void space_write(const struct qtest_space *space, uint64_t addr,
		 const void *buf, size_t len)
{
	const uint8_t *from = buf;

	while (len) {
		struct piece p = piece_get(space, addr, len, true);

		if (p.view.host) {
			memcpy(p.view.host, from, p.len);
		} else {
			uint64_t v = 0;

			memcpy(&v, from, p.len);
			bus_write(space->mmio, addr, v, p.len);
		}
		piece_put(space, &p);
		addr += p.len;
		from += p.len;
		len -= p.len;
	}
}

int space_fill(const struct qtest_space *space, uint64_t addr, uint8_t value,
	       uint64_t len)
{
	struct guest_view view;
	uint8_t page[PAGE];

	if (!guest_memory_get(space->memory, addr, len, true, &view)) {
		memset(view.host, value, len);
		guest_memory_put(space->memory, &view);
		return 0;
	}
	if (len > FILL_BUS_MAX)
		return -EFBIG;
	memset(page, value, sizeof(page));
	while (len) {
		size_t n = len < PAGE ? len : PAGE;

		space_write(space, addr, page, n);
		addr += n;
		len -= n;
	}
	return 0;
}
