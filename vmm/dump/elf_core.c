/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The head of an ELF core of a guest.
 *
 * Theory of operation. The header counts program headers in 16 bits. Where
 * there are more it says PN_XNUM, and the one section header, which is there
 * for nothing else, has the number (elf(5), sh_info). It comes right behind
 * the ELF header, so that all that is fixed is in front.
 *
 *	ELF header | section header | program headers | notes | memory ...
 */
#include "elf_core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "notes.h"

struct layout {
	uint32_t nr_segments; /* the notes' and one for each run */
	uint64_t segments;    /* offsets in the file */
	uint64_t notes;
	uint64_t memory;
};

static void layout_init(struct layout *l, uint32_t nr_runs, size_t notes_size)
{
	uint64_t end;

	l->nr_segments = nr_runs + 1;
	l->segments = sizeof(Elf64_Ehdr);
	if (l->nr_segments >= PN_XNUM)
		l->segments += sizeof(Elf64_Shdr);
	l->notes = l->segments + (uint64_t)l->nr_segments * sizeof(Elf64_Phdr);
	end = l->notes + notes_size;
	l->memory =
		(end + ELF_CORE_ALIGN - 1) / ELF_CORE_ALIGN * ELF_CORE_ALIGN;
}

static void put_header(const struct layout *l, uint16_t machine, uint8_t *head)
{
	Elf64_Ehdr ehdr = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT, ELFOSABI_NONE },
		.e_type = ET_CORE,
		.e_machine = machine,
		.e_version = EV_CURRENT,
		.e_phoff = l->segments,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (uint16_t)l->nr_segments,
	};
	const Elf64_Shdr shdr = { .sh_info = l->nr_segments };

	if (l->nr_segments >= PN_XNUM) {
		ehdr.e_phnum = PN_XNUM;
		ehdr.e_shoff = sizeof(ehdr);
		ehdr.e_shentsize = sizeof(shdr);
		ehdr.e_shnum = 1;
		memcpy(head + ehdr.e_shoff, &shdr, sizeof(shdr));
	}
	memcpy(head, &ehdr, sizeof(ehdr));
}

/* Virtual addresses are the physical ones: nobody translated them. */
static void put_segments(const struct layout *l, const struct dump_runs *runs,
			 size_t notes_size, uint8_t *at)
{
	uint64_t offset = l->memory;
	Elf64_Phdr phdr = {
		.p_type = PT_NOTE,
		.p_offset = l->notes,
		.p_filesz = notes_size,
		.p_memsz = notes_size,
	};

	memcpy(at, &phdr, sizeof(phdr));
	for (size_t i = 0; i < runs->nr; i++) {
		const struct dump_run *run = &runs->run[i];

		at += sizeof(phdr);
		phdr = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_offset = offset,
			.p_vaddr = run->gpa,
			.p_paddr = run->gpa,
			.p_filesz = run->size,
			.p_memsz = run->size,
		};
		memcpy(at, &phdr, sizeof(phdr));
		offset += run->size;
	}
}

int elf_core_head(uint16_t machine, const struct dump_runs *runs,
		  const struct buffer *notes, uint8_t **out, size_t *len)
{
	struct layout l;
	uint8_t *head;

	if (runs->nr >= UINT32_MAX)
		return -E2BIG;
	layout_init(&l, (uint32_t)runs->nr, notes->len);
	head = calloc(1, l.memory);
	if (!head)
		return -ENOMEM;
	put_header(&l, machine, head);
	put_segments(&l, runs, notes->len, head + l.segments);
	if (notes->len)
		memcpy(head + l.notes, notes->data, notes->len);
	*out = head;
	*len = l.memory;
	return 0;
}
