/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loading a kernel: what is refused and in which words, and what lies where
 * in the guest's memory. The kernels are headers with nothing behind them.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dirty.h"
#include "x86_64/acpi.h"
#include "x86_64/boot.h"
#include "arch/arch.h"
#include "x86_64/entry.h"
#include "x86_64/layout.h"

#define M         (UINT64_C(1) << 20)
#define G         (UINT64_C(1) << 30)
#define MEMORY    (64 * M)
#define SETUP     1024 /* a boot sector and one of set-up */
#define CODE      (M + 4096)
#define PREFERRED (16 * M)
#define INIT_SIZE (20 * M)

struct fixture {
	char dir[64];
	char kernel[96];
	char initrd[96];
	uint8_t *image; /* SETUP + CODE bytes, as yet to be written */
	size_t image_size;
	struct memory_map map;
	struct numa_config numa;
	struct boot_config config;
	struct boot *boot;
	uint8_t *ram;
	struct guest_memory gm;
	struct pm_error err;
};

static void put(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = value >> (i * 8);
}

static uint64_t le(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << (i * 8);
	return value;
}

/* The header of a kernel that is all right, offsets by boot.rst. */
static void image_fill(uint8_t *image)
{
	memset(image, 0xcc, SETUP);
	image[0x1f1] = SETUP / 512 - 1;
	put(image + 0x1f4, CODE / 16, 4); /* syssize */
	put(image + 0x1fe, 0xaa55, 2);
	put(image + 0x200, 0x6aeb, 2);     /* a jump over the header */
	put(image + 0x202, 0x53726448, 4); /* "HdrS" */
	put(image + 0x206, 0x020f, 2);
	put(image + 0x22c, 0x7fffffff, 4); /* initrd_addr_max */
	put(image + 0x230, 2 * M, 4);
	image[0x234] = 1; /* relocatable */
	put(image + 0x236, 1, 2);
	put(image + 0x238, 2047, 4); /* cmdline_size */
	put(image + 0x258, PREFERRED, 8);
	put(image + 0x260, INIT_SIZE, 4);
	for (uint64_t i = 0; i < CODE; i++)
		image[SETUP + i] = i * 7 + (i >> 8);
}

static int setup(void **state)
{
	static struct fixture f;
	struct guest_memory_region region = { .size = MEMORY };

	memset(&f, 0, sizeof(f));
	strcpy(f.dir, "/tmp/paramem-boot-XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	snprintf(f.kernel, sizeof(f.kernel), "%s/kernel", f.dir);
	snprintf(f.initrd, sizeof(f.initrd), "%s/initrd", f.dir);
	f.image_size = SETUP + CODE;
	f.image = malloc(f.image_size);
	assert_non_null(f.image);
	image_fill(f.image);
	assert_int_equal(memory_map_init(&f.map, &machine_arch.layout, MEMORY,
					 46, NULL),
			 0);
	f.config.kernel = f.kernel;
	f.config.map = &f.map;
	f.config.cpus = 1;
	f.numa.nr = 0;
	numa_complete(&f.numa, 1, MEMORY);
	f.config.numa = &f.numa;
	f.ram = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f.ram, MAP_FAILED);
	region.host = f.ram;
	assert_int_equal(guest_memory_add(&f.gm, &region), 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	boot_close(f->boot);
	munmap(f->ram, MEMORY);
	free(f->image);
	unlink(f->kernel);
	unlink(f->initrd);
	rmdir(f->kernel);
	rmdir(f->dir);
	return 0;
}

static void file_write(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	close(fd);
}

/* Size alone matters of an initrd, and what is at both of its ends. */
static void initrd_write(struct fixture *f, uint64_t size)
{
	int fd = open(f->initrd, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(pwrite(fd, "first", 5, 0), 5);
	assert_int_equal(pwrite(fd, "last", 4, size - 4), 4);
	close(fd);
	f->config.initrd = f->initrd;
}

static int open_image(struct fixture *f)
{
	file_write(f->kernel, f->image, f->image_size);
	return boot_open(&f->config, &f->boot, &f->err);
}

static void expect_open_fails(struct fixture *f, int ret, const char *words)
{
	assert_int_equal(open_image(f), ret);
	assert_null(f->boot);
	assert_non_null(strstr(f->err.text, f->kernel));
	assert_non_null(strstr(f->err.text, words));
}

static int check(struct fixture *f)
{
	assert_int_equal(open_image(f), 0);
	return boot_check(f->boot, &f->err);
}

static struct cpu_entry load(struct fixture *f)
{
	const struct cpu_entry *entry;

	assert_int_equal(check(f), 0);
	assert_int_equal(boot_load(f->boot, &f->gm, &entry, &f->err), 0);
	return *entry;
}

/* ---- files that are not kernels ------------------------------------------ */

static void a_kernel_that_is_missing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(boot_open(&f->config, &f->boot, &f->err), -ENOENT);
	assert_non_null(strstr(f->err.text, f->kernel));
	boot_close(NULL);
}

static void a_kernel_that_is_no_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(f->kernel, 0700), 0);
	assert_int_equal(boot_open(&f->config, &f->boot, &f->err), -EINVAL);
	assert_non_null(strstr(f->err.text, "not a regular file"));
	rmdir(f->kernel);
	/* A pipe that nobody writes to must not hold us up. */
	assert_int_equal(mkfifo(f->kernel, 0600), 0);
	assert_int_equal(boot_open(&f->config, &f->boot, &f->err), -EINVAL);
	assert_non_null(strstr(f->err.text, "not a regular file"));
}

static void a_file_that_is_not_a_kernel(void **state)
{
	struct fixture *f = *state;

	f->image_size = 0;
	expect_open_fails(f, -EINVAL, "empty");
	f->image_size = 5;
	expect_open_fails(f, -ENOEXEC, "not a Linux kernel");
	f->image_size = 0x210;
	expect_open_fails(f, -ENOEXEC, "not a Linux kernel");
	f->image_size = SETUP + CODE;
	put(f->image + 0x1fe, 0x55aa, 2);
	expect_open_fails(f, -ENOEXEC, "not a Linux kernel");
	put(f->image + 0x1fe, 0xaa55, 2);
	f->image[0x202] = 'h';
	expect_open_fails(f, -ENOEXEC, "not a Linux kernel");
	memset(f->image, 0, f->image_size);
	expect_open_fails(f, -ENOEXEC, "not a Linux kernel");
	memset(f->image, 0xff, f->image_size);
	expect_open_fails(f, -ENOEXEC, "not a Linux kernel");
}

static void a_kernel_that_is_too_old(void **state)
{
	struct fixture *f = *state;

	put(f->image + 0x206, 0x020b, 2);
	expect_open_fails(f, -ENOEXEC, "2.11");
	put(f->image + 0x206, 0x020c, 2);
	put(f->image + 0x236, 0xfffe, 2);
	expect_open_fails(f, -ENOEXEC, "no 64-bit entry");
	put(f->image + 0x236, 1, 2);
	f->image[0x234] = 0;
	expect_open_fails(f, -ENOEXEC, "not relocatable");
}

static void a_kernel_that_is_cut_short(void **state)
{
	struct fixture *f = *state;

	f->image_size = SETUP;
	expect_open_fails(f, -ENOEXEC, "cut short");
	f->image_size = SETUP + 0x200;
	expect_open_fails(f, -ENOEXEC, "cut short");
	f->image_size = SETUP + CODE / 2;
	expect_open_fails(f, -ENOEXEC, "cut short");
	f->image_size = SETUP + CODE - 1;
	expect_open_fails(f, -ENOEXEC, "cut short");
	f->image_size = SETUP + CODE;
	f->image[0x1f1] = 255;
	expect_open_fails(f, -ENOEXEC, "cut short");
}

static void an_initrd_that_is_missing_or_empty(void **state)
{
	struct fixture *f = *state;

	f->config.initrd = f->initrd;
	assert_int_equal(open_image(f), -ENOENT);
	assert_non_null(strstr(f->err.text, f->initrd));
	file_write(f->initrd, "", 0);
	assert_int_equal(open_image(f), -EINVAL);
	assert_non_null(strstr(f->err.text, "empty"));
}

static void a_command_line_that_is_too_long(void **state)
{
	char line[70000];
	struct fixture *f = *state;

	memset(line, 'a', sizeof(line));
	line[2048] = '\0';
	f->config.append = line;
	expect_open_fails(f, -EINVAL, "2047 at most");
	line[2047] = '\0';
	assert_int_equal(open_image(f), 0);
	boot_close(f->boot);
	f->boot = NULL;
	/* What the kernel takes and the place for it does not. */
	put(f->image + 0x238, 0xffffffff, 4);
	line[2047] = line[2048] = 'a';
	line[65536] = '\0';
	expect_open_fails(f, -EINVAL, "65535 at most");
	line[65535] = '\0';
	load(f);
	assert_memory_equal(f->ram + 0x20000, line, 65536);
}

/* ---- what does not fit --------------------------------------------------- */

static void a_kernel_that_does_not_fit(void **state)
{
	struct fixture *f = *state;

	put(f->image + 0x260, MEMORY - PREFERRED + 1, 4);
	assert_int_equal(check(f), -ENOMEM);
	assert_non_null(strstr(f->err.text, "65 MiB"));
	assert_non_null(strstr(f->err.text, "there are 64"));
	boot_close(f->boot);
	put(f->image + 0x260, MEMORY - PREFERRED, 4);
	assert_int_equal(check(f), 0);
	boot_close(f->boot);
	/* An address that no memory has, and a sum that wraps. */
	put(f->image + 0x258, UINT64_C(1) << 40, 8);
	assert_int_equal(check(f), -ENOMEM);
	boot_close(f->boot);
	put(f->image + 0x258, UINT64_MAX - M, 8);
	assert_int_equal(check(f), -ENOMEM);
}

static void an_initrd_that_does_not_fit(void **state)
{
	const uint64_t run_end = PREFERRED + INIT_SIZE;
	struct fixture *f = *state;

	initrd_write(f, MEMORY - run_end);
	assert_int_equal(check(f), 0);
	boot_close(f->boot);
	initrd_write(f, MEMORY - run_end + 1);
	assert_int_equal(check(f), -ENOMEM);
	assert_non_null(strstr(f->err.text, f->initrd));
	boot_close(f->boot);
	f->boot = NULL;
	/* One for which no memory is large enough is not even read. */
	initrd_write(f, 5 * G);
	assert_int_equal(open_image(f), -ENOMEM);
	assert_non_null(strstr(f->err.text, f->initrd));
	assert_non_null(strstr(f->err.text, "4096 MiB"));
}

/* ---- what is loaded where ------------------------------------------------ */

#define PARAMS 0x8000

static void the_kernel_is_loaded_and_entered(void **state)
{
	struct fixture *f = *state;
	struct cpu_entry entry = load(f);
	const uint8_t *bp = f->ram + PARAMS;

	assert_int_equal(entry.rip, M + 0x200);
	assert_int_equal(entry.rsi, PARAMS);
	assert_memory_equal(f->ram + M, f->image + SETUP, CODE);
	assert_memory_equal(bp + 0x202, "HdrS", 4);
	assert_int_equal(bp[0x210], 0xff); /* an undefined loader */
	assert_int_equal(le(bp + 0x218, 4), 0);
	assert_int_equal(le(bp + 0x21c, 4), 0);
	assert_int_equal(le(bp + 0x070, 8), ACPI_BASE);
	assert_memory_equal(f->ram + ACPI_BASE, "RSD PTR ", 8);
}

/* What the old header does not have is zero, not the code behind it. */
static void what_is_loaded_is_told(void **state)
{
	struct fixture *f = *state;
	struct dirty dirty;

	initrd_write(f, 12345);
	dirty_watch(&dirty, &f->gm, f->ram, MEMORY);
	load(f);
	assert_true(dirty_end(&dirty) > CODE + 12345);
}

static void an_older_header_is_no_longer_than_it_says(void **state)
{
	struct fixture *f = *state;

	put(f->image + 0x200, 0x62eb, 2); /* up to init_size, 0x264 */
	memset(f->image + 0x264, 0xcc, 16);
	load(f);
	assert_int_equal(le(f->ram + PARAMS + 0x260, 4), INIT_SIZE);
	assert_int_equal(le(f->ram + PARAMS + 0x264, 8), 0);
	assert_int_equal(le(f->ram + PARAMS + 0x26c, 8), 0);
}

static void the_command_line_is_passed(void **state)
{
	struct fixture *f = *state;
	uint64_t at;

	f->config.append = "console=ttyS0 quiet";
	load(f);
	at = le(f->ram + PARAMS + 0x228, 4);
	assert_string_equal((char *)f->ram + at, "console=ttyS0 quiet");
	assert_in_range(at, PARAMS + 4096, 0x9fc00);
}

static void no_command_line_is_an_empty_one(void **state)
{
	struct fixture *f = *state;

	load(f);
	assert_string_equal((char *)f->ram + le(f->ram + PARAMS + 0x228, 4),
			    "");
}

static void expect_initrd_at(struct fixture *f, uint64_t gpa, uint64_t size)
{
	const uint8_t *bp = f->ram + PARAMS;

	load(f);
	assert_int_equal(le(bp + 0x218, 4), gpa);
	assert_int_equal(le(bp + 0x21c, 4), size);
	assert_memory_equal(f->ram + gpa, "first", 5);
	assert_memory_equal(f->ram + gpa + size - 4, "last", 4);
}

static void the_initrd_goes_to_the_top(void **state)
{
	struct fixture *f = *state;

	initrd_write(f, 5 * M + 1);
	expect_initrd_at(f, MEMORY - 5 * M - 4096, 5 * M + 1);
}

static void the_initrd_stays_below_what_the_kernel_allows(void **state)
{
	struct fixture *f = *state;

	put(f->image + 0x22c, 50 * M - 1, 4);
	initrd_write(f, 5 * M);
	expect_initrd_at(f, 45 * M, 5 * M);
}

static void a_short_memory_takes_the_initrd_below_the_kernel(void **state)
{
	struct fixture *f = *state;

	put(f->image + 0x260, 44 * M, 4);
	initrd_write(f, 6 * M);
	expect_initrd_at(f, 10 * M, 6 * M);
	boot_close(f->boot);
	/* But not onto the kernel as it was loaded. */
	initrd_write(f, PREFERRED - M - CODE + 1);
	assert_int_equal(check(f), -ENOMEM);
}

static void expect_e820(const uint8_t *entry, uint64_t addr, uint64_t end,
			uint32_t type)
{
	assert_int_equal(le(entry, 8), addr);
	assert_int_equal(le(entry, 8) + le(entry + 8, 8), end);
	assert_int_equal(le(entry + 16, 4), type);
}

static void the_memory_map_is_told(void **state)
{
	struct fixture *f = *state;
	const uint8_t *bp = f->ram + PARAMS;

	load(f);
	assert_int_equal(bp[0x1e8], 4);
	expect_e820(bp + 0x2d0, 0, 0x9fc00, 1);
	expect_e820(bp + 0x2d0 + 20, ACPI_BASE, M, 2);
	expect_e820(bp + 0x2d0 + 40, M, MEMORY, 1);
	expect_e820(bp + 0x2d0 + 60, MAP_ECAM_BASE,
		    MAP_ECAM_BASE + MAP_ECAM_SIZE, 2);
}

static void high_memory_is_told_and_device_memory_is_not(void **state)
{
	struct fixture *f = *state;
	const uint8_t *bp = f->ram + PARAMS;
	struct memory_range range = { .size = G };

	/* Only the first 64 MiB are ever written. */
	assert_int_equal(memory_map_init(&f->map, &machine_arch.layout, 5 * G,
					 46, NULL),
			 0);
	assert_int_equal(memory_map_add_device(&f->map, "a", M, &range, NULL),
			 0);
	load(f);
	assert_int_equal(bp[0x1e8], 5);
	expect_e820(bp + 0x2d0 + 40, M, 3 * G, 1);
	expect_e820(bp + 0x2d0 + 80, 4 * G, 6 * G, 1);
}

/* Follows the tables as the CPU does. */
static uint64_t translate(struct fixture *f, uint64_t cr3, uint64_t addr)
{
	uint64_t e = le(f->ram + cr3 + (addr >> 39 & 511) * 8, 8);

	assert_int_equal(e & 0x83, 0x03);
	e = le(f->ram + (e & ~0xfffull) + (addr >> 30 & 511) * 8, 8);
	assert_int_equal(e & 0x83, 0x03);
	e = le(f->ram + (e & ~0xfffull) + (addr >> 21 & 511) * 8, 8);
	assert_int_equal(e & 0x83, 0x83);
	return (e & ~UINT64_C(0x1fffff)) | (addr & 0x1fffff);
}

static void the_first_4_gib_are_mapped_to_themselves(void **state)
{
	struct fixture *f = *state;
	struct cpu_entry entry = load(f);

	for (uint64_t addr = 0; addr < 4 * G; addr += 2 * M)
		assert_int_equal(translate(f, entry.page_tables, addr), addr);
	assert_int_equal(translate(f, entry.page_tables, 4 * G - 1), 4 * G - 1);
	/* Entries 2 and 3: 64-bit code, and data. */
	assert_int_equal(le(f->ram + entry.gdt + 16, 8),
			 UINT64_C(0x00af9b000000ffff));
	assert_int_equal(le(f->ram + entry.gdt + 24, 8),
			 UINT64_C(0x00cf93000000ffff));
}

static void a_reset_loads_the_very_same_files(void **state)
{
	struct fixture *f = *state;
	const struct cpu_entry *entry;

	initrd_write(f, 3 * M);
	load(f);
	unlink(f->kernel);
	unlink(f->initrd);
	memset(f->ram, 0xee, MEMORY);
	assert_int_equal(boot_load(f->boot, &f->gm, &entry, &f->err), 0);
	assert_int_equal(entry->rip, M + 0x200);
	assert_memory_equal(f->ram + M, f->image + SETUP, CODE);
	assert_memory_equal(f->ram + MEMORY - 3 * M, "first", 5);
	assert_int_equal(le(f->ram + PARAMS + 0x21c, 4), 3 * M);
	translate(f, entry->page_tables, 0);
}

/* As package managers and builds do it, and as a full disk leaves it. */
static void files_that_are_replaced_in_place(void **state)
{
	struct fixture *f = *state;
	const struct cpu_entry *entry;
	uint8_t *other = malloc(f->image_size);

	assert_non_null(other);
	initrd_write(f, 3 * M);
	load(f);
	memset(other, 0xcc, f->image_size);
	file_write(f->kernel, other, f->image_size);
	assert_int_equal(truncate(f->initrd, 100), 0);
	memset(f->ram, 0xee, MEMORY);
	assert_int_equal(boot_load(f->boot, &f->gm, &entry, &f->err), 0);
	assert_memory_equal(f->ram + M, f->image + SETUP, CODE);
	assert_memory_equal(f->ram + MEMORY - 3 * M, "first", 5);
	assert_memory_equal(f->ram + MEMORY - 4, "last", 4);
	assert_int_equal(truncate(f->kernel, 0), 0);
	assert_int_equal(boot_load(f->boot, &f->gm, &entry, &f->err), 0);
	assert_memory_equal(f->ram + M, f->image + SETUP, CODE);
	free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_kernel_that_is_missing),
		TEST(a_kernel_that_is_no_file),
		TEST(a_file_that_is_not_a_kernel),
		TEST(a_kernel_that_is_too_old),
		TEST(a_kernel_that_is_cut_short),
		TEST(an_initrd_that_is_missing_or_empty),
		TEST(a_command_line_that_is_too_long),
		TEST(a_kernel_that_does_not_fit),
		TEST(an_initrd_that_does_not_fit),
		TEST(what_is_loaded_is_told),
		TEST(the_kernel_is_loaded_and_entered),
		TEST(an_older_header_is_no_longer_than_it_says),
		TEST(the_command_line_is_passed),
		TEST(no_command_line_is_an_empty_one),
		TEST(the_initrd_goes_to_the_top),
		TEST(the_initrd_stays_below_what_the_kernel_allows),
		TEST(a_short_memory_takes_the_initrd_below_the_kernel),
		TEST(the_memory_map_is_told),
		TEST(high_memory_is_told_and_device_memory_is_not),
		TEST(the_first_4_gib_are_mapped_to_themselves),
		TEST(a_reset_loads_the_very_same_files),
		TEST(files_that_are_replaced_in_place),
	};

	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
