/* SPDX-License-Identifier: BSD-3-Clause */
/* The machine's address space as a CPU would reach it: memory or a device. */
#ifndef VMM_QTEST_SPACE_H
#define VMM_QTEST_SPACE_H

#include <stddef.h>
#include <stdint.h>

struct bus;
struct guest_memory;

struct qtest_space {
	struct bus *mmio;
	const struct guest_memory *memory;
};

/*
 * A range must not reach past the end of the address space. Where no memory
 * is, the bus gets the widest aligned accesses that cover the range.
 */
void space_read(const struct qtest_space *space, uint64_t addr, void *buf,
		size_t len);
void space_write(const struct qtest_space *space, uint64_t addr,
		 const void *buf, size_t len);

/* -EFBIG when the range is long and not all of it is memory. */
int space_fill(const struct qtest_space *space, uint64_t addr, uint8_t value,
	       uint64_t len);

#endif /* VMM_QTEST_SPACE_H */
