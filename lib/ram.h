/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host memory that grows and shrinks in place, as its own parts see it.
 *
 *	ram.c           what can be asked of it
 *	ram_life.c      from a configuration to a reservation, and back
 *	ram_resize.c    growing and shrinking, with the listeners
 *	ram_pages.c     populating and discarding, with the check of it
 *	ram_range.c     the address space below all of that
 *	ram_settings.c  what a configuration asks of every byte
 *	ram_NAME.c      what is special about one back end
 */
#ifndef PARAMEM_RAM_H
#define PARAMEM_RAM_H

#include <stdbool.h>
#include <stdint.h>

#include "paramem.h"
#include "ram_listener.h"

/* All arguments have been checked; 0 or -errno. */
struct ram_ops {
	/*
	 * Checks what ram.c cannot, sets the page size and, for a memory file,
	 * opens it. Before anything is reserved. Gives the sentence itself.
	 */
	int (*open)(struct pm_ram *ram, struct pm_error *err);
	/* Makes the bytes @from up to @to accessible, or none. */
	int (*grow)(struct pm_ram *ram, uint64_t from, uint64_t to);
	/* Frees the bytes from @to up to @from, and their charge, or none. */
	int (*shrink)(struct pm_ram *ram, uint64_t from, uint64_t to);
	/* Has the host provide the pages of a range; may stop half-way. */
	int (*populate)(struct pm_ram *ram, uint64_t offset, uint64_t size);
	/* Frees the host pages of a range, by the call that really does. */
	int (*discard)(struct pm_ram *ram, uint64_t offset, uint64_t size);
	/* 1 when a page of the range is there, 0 when none is. */
	int (*resident)(struct pm_ram *ram, uint64_t offset, uint64_t size);
	/*
	 * The first page from @from on that may hold data (@data), or that
	 * does not; @to when there is none before it. Touches nothing.
	 */
	int (*find)(const struct pm_ram *ram, uint64_t from, uint64_t to,
		    bool data, uint64_t *found);
};

struct pm_ram {
	const struct ram_ops *ops;
	struct pm_ram_config config;
	unsigned char *host;
	uint64_t page_size; /* the granularity of this back end */
	/* The owner's thread alone writes it, others read it meanwhile. */
	_Atomic uint64_t size;
	uint64_t max_size;
	int fd;              /* the memory file; -1: none */
	bool viewed;         /* the file is mapped once more, for a guest */
	struct pm_host *sys; /* what the host says of itself */
	bool own_sys;
	struct ram_listener_list listeners;
};

extern const struct ram_ops ram_anon_ops;
extern const struct ram_ops ram_memfd_ops;
extern const struct ram_ops ram_hugetlb_ops;

/* The page size of the system. */
uint64_t ram_system_page_size(void);

/*
 * What one page of page-table entries, of 8 bytes each, maps, which is the size
 * of a transparent huge page: 2 MiB with pages of 4 KiB, 512 MiB with 64 KiB.
 */
uint64_t ram_thp_size(void);

/* True when no guest may touch a page that was not populated. */
bool ram_must_populate(const struct pm_ram *ram);

#endif
