/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a guest's kernel keeps for dumps is found, whatever else is in memory
 * that anybody in the guest may write.
 */
#include "../unit/cmocka_all.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arch.h"
#include "dump/vmcoreinfo.h"
#include "x86_64/registers.h"

#define MiB  (UINT64_C(1) << 20)
#define PAGE UINT64_C(4096)
#define SIZE (8 * MiB)

/* Two runs: the lower and the upper half of it, with a gap between. */
#define GPA_LOW  UINT64_C(0)
#define GPA_HIGH (UINT64_C(4) << 30)
#define HALF     (SIZE / 2)

#define GOOD "OSRELEASE=6.1.0\nPAGESIZE=4096\n"

struct memory {
	struct pm_ram *ram;
	uint8_t *host;
	struct dump_runs runs;
	atomic_bool cancel;
	struct vmcoreinfo info;
};

static void memory_init(struct memory *m)
{
	const struct pm_ram_config config = { .backend = PM_RAM_MEMFD,
					      .max_size = SIZE };
	struct dump_run run = { .size = HALF };

	memset(m, 0, sizeof(*m));
	assert_int_equal(pm_ram_create(&config, &m->ram, NULL), 0);
	assert_int_equal(pm_ram_resize(m->ram, SIZE, NULL), 0);
	m->host = pm_ram_host(m->ram);
	run.ram = m->ram;
	run.gpa = GPA_LOW;
	assert_int_equal(dump_runs_add(&m->runs, &run), 0);
	run.gpa = GPA_HIGH;
	run.offset = HALF;
	assert_int_equal(dump_runs_add(&m->runs, &run), 0);
}

static void memory_finish(struct memory *m)
{
	dump_runs_finish(&m->runs);
	pm_ram_destroy(m->ram);
}

/* Puts a note at @offset of the memory, as far as it fits. */
static void put(struct memory *m, uint64_t offset, uint32_t namesz,
		uint32_t descsz, const char *name, const char *text)
{
	const Elf64_Nhdr header = { namesz, descsz, 0 };

	memcpy(m->host + offset, &header, sizeof(header));
	memcpy(m->host + offset + sizeof(header), name, strlen(name) + 1);
	memcpy(m->host + offset + sizeof(header) + 12, text, strlen(text));
}

static void put_text(struct memory *m, uint64_t offset, const char *text)
{
	put(m, offset, 11, strlen(text), "VMCOREINFO", text);
}

static const struct vmcoreinfo_cpus no_cpus;

static void expect(struct memory *m, const char *text)
{
	assert_int_equal(
		vmcoreinfo_find(&m->runs, &no_cpus, &m->cancel, &m->info), 0);
	assert_int_equal(m->info.len, strlen(text));
	assert_memory_equal(m->info.text, text, strlen(text));
}

static uint64_t resident(struct memory *m)
{
	uint64_t at = 0, offset, size, sum = 0;

	while (pm_ram_populated_run(m->ram, at, SIZE, &offset, &size) == 1) {
		sum += size;
		at = offset + size;
	}
	return sum;
}

static void it_is_found_and_nothing_touched(void **state)
{
	struct memory m;

	(void)state;
	memory_init(&m);
	expect(&m, "");
	assert_int_equal(resident(&m), 0);
	put_text(&m, HALF + 3 * PAGE, GOOD);
	expect(&m, GOOD);
	assert_int_equal(resident(&m), PAGE);
	put_text(&m, 5 * PAGE, "OSRELEASE=5\n");
	expect(&m, "OSRELEASE=5\n");
	memory_finish(&m);
}

static void the_longest_goes_into_the_next_page(void **state)
{
	char text[VMCOREINFO_MAX + 2];
	struct memory m;

	(void)state;
	memory_init(&m);
	memset(text, 'x', sizeof(text));
	memcpy(text, "OSRELEASE=", 10);
	text[VMCOREINFO_MAX] = '\0';
	put_text(&m, PAGE, text);
	expect(&m, text);
	text[VMCOREINFO_MAX] = 'x';
	text[VMCOREINFO_MAX + 1] = '\0';
	put_text(&m, PAGE, text);
	expect(&m, "");
	memory_finish(&m);
}

static void what_is_none_is_passed_over(void **state)
{
	static const struct {
		uint32_t namesz, descsz;
		const char *name, *text;
	} bad[] = {
		{ 11, 0, "VMCOREINFO", GOOD },
		{ 11, 9, "VMCOREINFO", GOOD },
		{ 11, VMCOREINFO_MAX + 1, "VMCOREINFO", GOOD },
		{ 11, UINT32_MAX, "VMCOREINFO", GOOD },
		{ 11, UINT32_MAX - 23, "VMCOREINFO", GOOD },
		{ 10, 20, "VMCOREINFO", GOOD },
		{ UINT32_MAX, 20, "VMCOREINFO", GOOD },
		{ 11, 20, "VMCOREINFOX", GOOD },
		{ 11, 20, "vmcoreinfo", GOOD },
		{ 11, 20, "VMCOREINFO", "OSRELEASE 6.1.0.........." },
		{ 11, 20, "VMCOREINFO", " OSRELEASE=6.1.0........." },
		{ 11, 20, "VMCOREINFO", "OSRELEASE=6.1.0\x1b[2J...." },
		{ 11, 20, "VMCOREINFO", "OSRELEASE=6.1.0\xff......" },
		{ 11, 60, "VMCOREINFO", "OSRELEASE=6.1.0" }, /* then zeros */
	};
	struct memory m;

	(void)state;
	memory_init(&m);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(&m, 2 * PAGE, bad[i].namesz, bad[i].descsz, bad[i].name,
		    bad[i].text);
		expect(&m, "");
		assert_int_equal(pm_ram_discard(m.ram, 0, SIZE), 0);
	}
	/* Not at the start of a page. */
	put_text(&m, 2 * PAGE + 8, GOOD);
	expect(&m, "");
	memory_finish(&m);
}

/* A length that leads out of the run, or into pages that are not there. */
static void lengths_end_with_the_memory(void **state)
{
	char text[VMCOREINFO_MAX + 1];
	struct memory m;

	(void)state;
	memory_init(&m);
	memset(text, 'x', sizeof(text));
	memcpy(text, "OSRELEASE=", 10);
	text[PAGE - 24] = '\0';
	put_text(&m, HALF - PAGE, text);
	expect(&m, text);
	put(&m, HALF - PAGE, 11, PAGE - 23, "VMCOREINFO", text);
	expect(&m, "");
	m.host[HALF] = 'x';
	expect(&m, ""); /* next in the host, but not in the guest */
	assert_int_equal(pm_ram_discard(m.ram, 0, SIZE), 0);
	put_text(&m, SIZE - PAGE, text);
	expect(&m, text);
	put(&m, SIZE - PAGE, 11, VMCOREINFO_MAX, "VMCOREINFO", text);
	expect(&m, "");
	put(&m, PAGE, 11, PAGE - 23, "VMCOREINFO", text);
	expect(&m, "");
	assert_int_equal(resident(&m), 2 * PAGE);
	memory_finish(&m);
}

/* ---- whose it is --------------------------------------------------------- */

#define KERNEL_MAP UINT64_C(0xffffffff80000000)

static void put_entry(struct memory *m, uint64_t table, uint64_t entry)
{
	memcpy(m->host + table + 511 * 8, &entry, sizeof(entry));
}

static const char *text_of(const char *release, uint64_t table, int64_t base)
{
	static char text[256];

	snprintf(text, sizeof(text),
		 "OSRELEASE=%s\nSYMBOL(swapper_pg_dir)=%llx\n"
		 "NUMBER(phys_base)=%lld\n",
		 release, (unsigned long long)(KERNEL_MAP + table - base),
		 (long long)base);
	return text;
}

static void expect_for(struct memory *m, uint64_t cr3, const char *release)
{
	const struct cpu_registers registers[] = { { 0 }, { .cr3 = cr3 } };
	const struct vmcoreinfo_cpus cpus = { machine_arch.dump, registers, 2 };
	char start[64];

	assert_int_equal(vmcoreinfo_find(&m->runs, &cpus, &m->cancel, &m->info),
			 0);
	snprintf(start, sizeof(start), "OSRELEASE=%s\n", release);
	assert_memory_equal(m->info.text, start, strlen(start));
}

static void the_running_kernel_wins(void **state)
{
	struct memory m;

	(void)state;
	memory_init(&m);
	put_text(&m, 1 * PAGE, "OSRELEASE=fake\n");
	put_text(&m, 2 * PAGE, text_of("old", 64 * PAGE, -(int64_t)MiB));
	put_text(&m, 3 * PAGE, text_of("new", 66 * PAGE, 16 * MiB));
	put_text(&m, 4 * PAGE, text_of("far", UINT64_C(1) << 60, 0));
	put_entry(&m, 64 * PAGE, 0x111063);
	put_entry(&m, 66 * PAGE, 0x222063);
	/* Tables of processes, with isolation and other bits. */
	put_entry(&m, 70 * PAGE, 0x222067);
	put_entry(&m, 71 * PAGE, 0x333067);
	put_entry(&m, 72 * PAGE, 0x111063);
	put_entry(&m, 74 * PAGE, 0x222062); /* not present */
	expect_for(&m, 66 * PAGE, "new");
	expect_for(&m, (UINT64_C(1) << 63) | (70 * PAGE + 5), "new");
	expect_for(&m, 71 * PAGE, "new");
	expect_for(&m, 72 * PAGE, "old");
	expect_for(&m, 73 * PAGE, "old");
	/* Without a verdict, the first. */
	expect_for(&m, 74 * PAGE, "fake");
	expect_for(&m, 900 * PAGE, "fake");
	expect_for(&m, UINT64_MAX, "fake");
	memory_finish(&m);
}

static void lines_may_be_nonsense(void **state)
{
	static const char *const texts[] = {
		"OSRELEASE=a\nSYMBOL(swapper_pg_dir)=",
		"OSRELEASE=a\nSYMBOL(swapper_pg_dir)=zz\nNUMBER(phys_base)=",
		"OSRELEASE=a\nNUMBER(phys_base)=0\nSYMBOL(swapper_pg_dir)=1",
		"OSRELEASE=a\nSYMBOL(swapper_pg_dir)=fffffffffffffffffffff\n",
		"OSRELEASE=a\nNUMBER(phys_base)=99999999999999999999999999\n",
		"OSRELEASE=a\n\n\n\n",
	};
	struct memory m;

	(void)state;
	memory_init(&m);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		put_text(&m, PAGE, texts[i]);
		expect_for(&m, 0, "a");
	}
	memory_finish(&m);
}

static void it_can_be_cancelled(void **state)
{
	struct memory m;

	(void)state;
	memory_init(&m);
	m.host[0] = 1;
	atomic_store(&m.cancel, true);
	assert_int_equal(vmcoreinfo_find(&m.runs, &no_cpus, &m.cancel, &m.info),
			 -ECANCELED);
	memory_finish(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_found_and_nothing_touched),
		cmocka_unit_test(the_longest_goes_into_the_next_page),
		cmocka_unit_test(what_is_none_is_passed_over),
		cmocka_unit_test(lengths_end_with_the_memory),
		cmocka_unit_test(the_running_kernel_wins),
		cmocka_unit_test(lines_may_be_nonsense),
		cmocka_unit_test(it_can_be_cancelled),
	};

	return cmocka_run_group_tests_name("dump_vmcoreinfo", tests, NULL,
					   NULL);
}
