/* SPDX-License-Identifier: BSD-3-Clause */
/* The head of a dump: what is written is what a reader of ELF finds. */
#include "../unit/cmocka_all.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dump/elf_core.h"
#include "dump/notes.h"
#include "space/guest_memory.h"
#include "arch/arch.h"
#include "x86_64/registers.h"

#define MiB (UINT64_C(1) << 20)
#define GiB (UINT64_C(1) << 30)

struct core {
	uint8_t *head;
	size_t len;
	uint32_t nr_segments;
	const Elf64_Phdr *segments;
};

/* As a reader does: the count may be in the section header. */
static void core_make(struct core *c, const struct dump_runs *runs,
		      const struct buffer *notes)
{
	const Elf64_Ehdr *e;

	assert_int_equal(
		elf_core_head(EM_X86_64, runs, notes, &c->head, &c->len), 0);
	e = (const void *)c->head;
	assert_memory_equal(e->e_ident, ELFMAG, SELFMAG);
	assert_int_equal(e->e_ident[EI_CLASS], ELFCLASS64);
	assert_int_equal(e->e_ident[EI_DATA], ELFDATA2LSB);
	assert_int_equal(e->e_type, ET_CORE);
	assert_int_equal(e->e_machine, EM_X86_64);
	assert_int_equal(e->e_phentsize, sizeof(Elf64_Phdr));
	c->nr_segments = e->e_phnum;
	if (e->e_phnum == PN_XNUM) {
		const Elf64_Shdr *s = (const void *)(c->head + e->e_shoff);

		assert_int_equal(e->e_shnum, 1);
		assert_int_equal(e->e_shentsize, sizeof(*s));
		c->nr_segments = s->sh_info;
	} else {
		assert_int_equal(e->e_shoff, 0);
	}
	c->segments = (const void *)(c->head + e->e_phoff);
	assert_true(e->e_phoff + c->nr_segments * sizeof(Elf64_Phdr) <= c->len);
}

static void core_check(const struct core *c, const struct dump_runs *runs,
		       const struct buffer *notes)
{
	const Elf64_Phdr *note = c->segments;
	uint64_t offset = c->len;

	assert_int_equal(c->nr_segments, runs->nr + 1);
	assert_int_equal(note->p_type, PT_NOTE);
	assert_int_equal(note->p_filesz, notes->len);
	assert_true(note->p_offset + note->p_filesz <= c->len);
	assert_int_equal(c->len % ELF_CORE_ALIGN, 0);
	if (notes->len)
		assert_memory_equal(c->head + note->p_offset, notes->data,
				    notes->len);
	for (size_t i = 0; i < runs->nr; i++) {
		const Elf64_Phdr *load = &c->segments[i + 1];

		assert_int_equal(load->p_type, PT_LOAD);
		assert_int_equal(load->p_paddr, runs->run[i].gpa);
		assert_int_equal(load->p_memsz, runs->run[i].size);
		assert_int_equal(load->p_filesz, runs->run[i].size);
		assert_int_equal(load->p_offset, offset);
		offset += load->p_filesz;
	}
}

static void check_layout(const struct dump_runs *runs)
{
	char text[] = "eight...";
	struct buffer notes = { .data = text, .len = 8, .size = 9 };
	struct core c;

	core_make(&c, runs, &notes);
	core_check(&c, runs, &notes);
	free(c.head);
	notes.len = 0;
	core_make(&c, runs, &notes);
	core_check(&c, runs, &notes);
	free(c.head);
}

static void layouts_read_back(void **state)
{
	struct dump_run run[] = {
		{ .gpa = 0, .size = 3 * GiB },
		{ .gpa = 4 * GiB, .size = 5 * GiB },
		{ .gpa = 10 * GiB, .size = 2 * MiB },
		{ .gpa = 10 * GiB + 4 * MiB, .size = 2 * MiB },
		{ .gpa = 1023 * GiB, .size = GiB },
	};
	struct dump_runs runs = { .run = run };

	(void)state;
	for (; runs.nr < sizeof(run) / sizeof(run[0]); runs.nr++)
		check_layout(&runs);
}

/* From 65,535 program headers on, the header of ELF cannot count them. */
static void a_checkerboard_reads_back(void **state)
{
	static const size_t counts[] = { 32768, 65533, 65534, 65535, 70000 };
	struct dump_runs runs = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		while (runs.nr < counts[i]) {
			const struct dump_run run = {
				.gpa = runs.nr * 4 * MiB,
				.size = 2 * MiB,
			};

			assert_int_equal(dump_runs_add(&runs, &run), 0);
		}
		assert_int_equal(runs.size, counts[i] * 2 * MiB);
		check_layout(&runs);
	}
	dump_runs_finish(&runs);
}

/* ---- notes --------------------------------------------------------------- */

static const Elf64_Nhdr *note_at(const struct buffer *notes, size_t *at,
				 const char **name, const uint8_t **desc)
{
	const Elf64_Nhdr *n = (const void *)(notes->data + *at);

	*name = (const char *)(n + 1);
	*desc = (const uint8_t *)*name + (n->n_namesz + 3) / 4 * 4;
	*at += sizeof(*n) + (n->n_namesz + 3) / 4 * 4 +
	       (n->n_descsz + 3) / 4 * 4;
	assert_true(*at <= notes->len);
	return n;
}

static uint64_t u64_at(const uint8_t *p, size_t offset)
{
	uint64_t value;

	memcpy(&value, p + offset, sizeof(value));
	return value;
}

static uint32_t u32_at(const uint8_t *p, size_t offset)
{
	return (uint32_t)u64_at(p, offset);
}

static const struct cpu_registers registers = {
	.rax = 0xa,
	.rip = 0xffffffff81000000,
	.rsp = 0xfeed,
	.r15 = 0x15,
	.rflags = 0x246,
	.cs = { 0x10, 0xffffffff, 0xa09b00, 0 },
	.gs = { 0, 0, 0, 0xffff888000000000 },
	.idt = { 0, 0xfff, 0, 0xfffffe0000000000 },
	.cr0 = 0x80050033,
	.cr2 = 2,
	.cr3 = 0x2000,
	.cr4 = 4,
	.kernel_gs_base = 0x99,
};

/* The offsets are those of struct elf_prstatus of <sys/procfs.h>. */
static void prstatus_is_as_debuggers_expect(void **state)
{
	struct buffer notes = { 0 };
	const uint8_t *desc;
	const Elf64_Nhdr *n;
	const char *name;
	size_t at = 0;

	(void)state;
	assert_int_equal(dump_note_prstatus(&notes, machine_arch.dump, 2,
					    &registers),
			 0);
	n = note_at(&notes, &at, &name, &desc);
	assert_int_equal(at, notes.len);
	assert_string_equal(name, "CORE");
	assert_int_equal(n->n_type, NT_PRSTATUS);
	assert_int_equal(n->n_descsz, 336);
	assert_int_equal(u32_at(desc, 32), 3); /* pr_pid */
	assert_int_equal(u64_at(desc, 112), 0x15);
	assert_int_equal(u64_at(desc, 112 + 10 * 8), 0xa);
	assert_int_equal(u64_at(desc, 112 + 16 * 8), 0xffffffff81000000);
	assert_int_equal(u64_at(desc, 112 + 17 * 8), 0x10);
	assert_int_equal(u64_at(desc, 112 + 18 * 8), 0x246);
	assert_int_equal(u64_at(desc, 112 + 19 * 8), 0xfeed);
	assert_int_equal(u64_at(desc, 112 + 22 * 8), 0xffff888000000000);
	buffer_clear(&notes);
}

static void the_other_note_has_the_control_registers(void **state)
{
	const size_t segments = 8 + 18 * 8, crs = segments + 10 * 24;
	struct buffer notes = { 0 };
	const uint8_t *desc;
	const Elf64_Nhdr *n;
	const char *name;
	size_t at = 0;

	(void)state;
	assert_int_equal(dump_note_qemu(&notes, machine_arch.dump, &registers),
			 0);
	n = note_at(&notes, &at, &name, &desc);
	assert_string_equal(name, "QEMU");
	assert_int_equal(n->n_type, 0);
	assert_int_equal(n->n_descsz, 440);
	assert_int_equal(u32_at(desc, 0), 1);
	assert_int_equal(u32_at(desc, 4), 440);
	assert_int_equal(u64_at(desc, 8 + 16 * 8), 0xffffffff81000000);
	assert_int_equal(u32_at(desc, segments), 0x10);
	assert_int_equal(u32_at(desc, segments + 8), 0xa09b00);
	assert_int_equal(u64_at(desc, segments + 9 * 24 + 16),
			 0xfffffe0000000000);
	assert_int_equal(u64_at(desc, crs), 0x80050033);
	assert_int_equal(u64_at(desc, crs + 2 * 8), 2);
	assert_int_equal(u64_at(desc, crs + 3 * 8), 0x2000);
	assert_int_equal(u64_at(desc, crs + 4 * 8), 4);
	assert_int_equal(u64_at(desc, crs + 5 * 8), 0x99);
	buffer_clear(&notes);
}

static void notes_of_odd_length_are_padded(void **state)
{
	struct buffer notes = { 0 };
	const uint8_t *desc;
	const Elf64_Nhdr *n;
	const char *name;
	size_t at = 0;

	(void)state;
	assert_int_equal(dump_note_vmcoreinfo(&notes, "abcde", 5), 0);
	assert_int_equal(dump_note_vmcoreinfo(&notes, "xy", 2), 0);
	n = note_at(&notes, &at, &name, &desc);
	assert_string_equal(name, "VMCOREINFO");
	assert_int_equal(n->n_descsz, 5);
	assert_memory_equal(desc, "abcde\0\0\0", 8);
	n = note_at(&notes, &at, &name, &desc);
	assert_int_equal(n->n_descsz, 2);
	assert_memory_equal(desc, "xy\0\0", 4);
	assert_int_equal(at, notes.len);
	buffer_clear(&notes);
}

/* ---- which memory -------------------------------------------------------- */

/* Every other MiB. */
static bool next_odd(void *opaque, uint64_t from, uint64_t *offset,
		     uint64_t *size)
{
	const uint64_t *end = opaque;

	if (!(from / MiB % 2))
		from = (from / MiB + 1) * MiB;
	*offset = from;
	*size = MiB;
	return from < *end;
}

static void runs_are_what_is_there_in_order(void **state)
{
	struct guest_memory memory = { 0 };
	uint64_t end = 5 * MiB, none = 0;
	struct guest_memory_region region = {
		.gpa = 8 * GiB, .size = end, .next = next_odd, .opaque = &end
	};
	struct dump_runs runs = { 0 };

	(void)state;
	guest_memory_add(&memory, &region);
	region.gpa = 16 * GiB;
	region.opaque = &none;
	guest_memory_add(&memory, &region);
	region = (struct guest_memory_region){ .gpa = GiB,
					       .size = 7 * MiB,
					       .ram_offset = 9 * MiB };
	guest_memory_add(&memory, &region);
	assert_int_equal(dump_runs_collect(&runs, &memory), 0);
	assert_int_equal(runs.nr, 3);
	assert_int_equal(runs.size, 9 * MiB);
	assert_int_equal(runs.run[0].gpa, GiB);
	assert_int_equal(runs.run[0].size, 7 * MiB);
	assert_int_equal(runs.run[0].offset, 9 * MiB);
	assert_int_equal(runs.run[1].gpa, 8 * GiB + MiB);
	assert_int_equal(runs.run[1].offset, MiB);
	assert_int_equal(runs.run[2].gpa, 8 * GiB + 3 * MiB);
	dump_runs_finish(&runs);
	assert_int_equal(dump_runs_read(&runs, GiB, &end, 8), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts_read_back),
		cmocka_unit_test(a_checkerboard_reads_back),
		cmocka_unit_test(prstatus_is_as_debuggers_expect),
		cmocka_unit_test(the_other_note_has_the_control_registers),
		cmocka_unit_test(notes_of_odd_length_are_padded),
		cmocka_unit_test(runs_are_what_is_there_in_order),
	};

	return cmocka_run_group_tests_name("dump_elf", tests, NULL, NULL);
}
