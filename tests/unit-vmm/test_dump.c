/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A dump from its start to its end, on a real worker: what is in the file is
 * what is in memory, nothing becomes resident for it, and one that fails or is
 * cancelled leaves nothing behind.
 */
#include "../unit/cmocka_all.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "dump/dump.h"
#include "fake_accel.h"
#include "space/guest_memory.h"
#include "host/loop.h"
#include "paramem.h"
#include "host/workers.h"
#include "arch/arch.h"
#include "x86_64/registers.h"

#define MiB  (UINT64_C(1) << 20)
#define PAGE UINT64_C(4096)
#define SIZE (64 * MiB)

/* Where the guest has the upper half of it. */
#define HALF     (SIZE / 2)
#define GPA_HIGH (UINT64_C(4) << 30)

struct fixture {
	struct accel accel;
	struct loop *loop;
	struct workers *workers;
	struct guest_memory memory;
	struct pm_ram *ram;
	uint8_t *host;
	struct dump *dump;
	unsigned int dones;
	char dir[64];
	char path[100];
};

static void on_done(void *opaque)
{
	struct fixture *f = opaque;

	assert_false(dump_active(f->dump));
	f->dones++;
}

static void memory_init(struct fixture *f)
{
	const struct pm_ram_config config = { .backend = PM_RAM_ANON,
					      .thp = PM_THP_OFF,
					      .max_size = SIZE };
	struct guest_memory_region region = { .size = HALF };

	assert_int_equal(pm_ram_create(&config, &f->ram, NULL), 0);
	assert_int_equal(pm_ram_resize(f->ram, SIZE, NULL), 0);
	f->host = pm_ram_host(f->ram);
	region.ram = f->ram;
	region.host = f->host;
	assert_int_equal(guest_memory_add(&f->memory, &region), 0);
	region.gpa = GPA_HIGH;
	region.host = f->host + HALF;
	region.ram_offset = HALF;
	assert_int_equal(guest_memory_add(&f->memory, &region), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dump_config config = { .arch = machine_arch.dump,
				      .cpus = 2,
				      .done = on_done,
				      .opaque = f };

	fake_accel_init(&f->accel);
	assert_int_equal(loop_create(&f->loop), 0);
	assert_int_equal(workers_create(f->loop, &f->workers), 0);
	memory_init(f);
	config.accel = &f->accel;
	config.workers = f->workers;
	config.memory = &f->memory;
	assert_int_equal(dump_create(&config, &f->dump), 0);
	strcpy(f->dir, "/tmp/paramem-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/core", f->dir);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int ret;

	dump_destroy(f->dump);
	workers_destroy(f->workers);
	loop_destroy(f->loop);
	fake_accel_finish(&f->accel);
	pm_ram_destroy(f->ram);
	unlink(f->path);
	ret = rmdir(f->dir); /* fails when anything else is left in it */
	free(f);
	return ret;
}

/* Something in some pages, and zeros in some. */
static void fill(struct fixture *f)
{
	for (uint64_t at = 0; at < SIZE; at += 37 * PAGE)
		memset(f->host + at, (int)(at / PAGE % 255 + 1), PAGE);
	memset(f->host + 8 * MiB, 0, 2 * MiB);
	memset(f->host + 40 * MiB, 0x55, 3 * MiB);
}

static uint64_t resident(struct fixture *f)
{
	uint64_t at = 0, offset, size, sum = 0;

	while (pm_ram_populated_run(f->ram, at, SIZE, &offset, &size) == 1) {
		sum += size;
		at = offset + size;
	}
	return sum;
}

static int start(struct fixture *f, const char *path, bool compress,
		 struct pm_error *err)
{
	const struct dump_target target = { path, -1, compress };

	return dump_start(f->dump, &target, err);
}

static struct dump_info finish(struct fixture *f)
{
	struct dump_info info;
	unsigned int before = f->dones;

	while (f->dones == before)
		assert_int_equal(loop_run_once(f->loop), 0);
	dump_get_info(f->dump, &info);
	return info;
}

static struct dump_info run(struct fixture *f, bool compress)
{
	struct pm_error err;

	assert_int_equal(start(f, f->path, compress, &err), 0);
	assert_true(dump_active(f->dump));
	return finish(f);
}

static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	uint8_t *data;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	data = malloc(st.st_size);
	assert_int_equal(fread(data, 1, st.st_size, file), st.st_size);
	fclose(file);
	*size = st.st_size;
	return data;
}

/* Stops at the first difference, rather than print 64 MiB of them. */
static void check_core(const struct fixture *f, const uint8_t *core,
		       size_t size)
{
	const Elf64_Ehdr *e = (const void *)core;
	const Elf64_Phdr *p = (const void *)(core + e->e_phoff);

	assert_int_equal(e->e_phnum, 3);
	assert_int_equal(p[1].p_paddr, 0);
	assert_int_equal(p[1].p_filesz, HALF);
	assert_int_equal(p[2].p_paddr, GPA_HIGH);
	assert_int_equal(p[2].p_offset + p[2].p_filesz, size);
	assert_false(memcmp(core + p[1].p_offset, f->host, HALF));
	assert_false(memcmp(core + p[2].p_offset, f->host + HALF, HALF));
}

static void the_file_is_the_memory(void **state)
{
	struct fixture *f = *state;
	struct dump_info info;
	uint64_t before;
	struct stat st;
	uint8_t *core;
	size_t size;

	fill(f);
	before = resident(f);
	info = run(f, false);
	assert_int_equal(resident(f), before);
	assert_int_equal(info.status, DUMP_COMPLETED);
	assert_int_equal(info.completed, SIZE);
	assert_int_equal(info.total, SIZE);
	assert_false(info.vmcoreinfo);
	/* Zeros that are there are not stored either. */
	assert_true(info.stored <= before - 2 * MiB + PAGE);
	assert_int_equal(stat(f->path, &st), 0);
	assert_true((uint64_t)st.st_blocks * 512 < SIZE / 2);
	assert_int_equal(st.st_mode & 0777, 0600);
	core = read_file(f->path, &size);
	check_core(f, core, size);
	free(core);
}

static void an_empty_memory_is_all_hole(void **state)
{
	struct fixture *f = *state;
	struct dump_info info = run(f, false);
	uint8_t *core;
	size_t size;

	assert_int_equal(info.status, DUMP_COMPLETED);
	assert_int_equal(info.stored, PAGE);
	assert_int_equal(resident(f), 0);
	core = read_file(f->path, &size);
	check_core(f, core, size);
	free(core);
}

static uint8_t *decompress(const uint8_t *from, size_t from_size, size_t size)
{
	ZSTD_DCtx *context = ZSTD_createDCtx();
	uint8_t *data = malloc(size + 1);
	size_t len =
		ZSTD_decompressDCtx(context, data, size + 1, from, from_size);

	ZSTD_freeDCtx(context);
	assert_int_equal(len, size);
	return data;
}

static void compressed_it_is_the_same(void **state)
{
	struct fixture *f = *state;
	uint8_t *core, *stream;
	size_t size, stream_size;

	fill(f);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(run(f, false).status, DUMP_COMPLETED);
		core = read_file(f->path, &size);
		assert_int_equal(run(f, true).status, DUMP_COMPLETED);
		stream = read_file(f->path, &stream_size);
		assert_true(stream_size < MiB);
		free(core);
		core = decompress(stream, stream_size, size);
		check_core(f, core, size);
		free(core);
		free(stream);
		/* And with nothing there. */
		assert_int_equal(pm_ram_discard(f->ram, 0, SIZE), 0);
	}
}

static void notes_are_those_of_the_machine(void **state)
{
	static const struct cpu_registers registers[2] = { { .rip = 1 },
							   { .rip = 2 } };
	static const char text[] = "OSRELEASE=6.1.0\n";
	const Elf64_Nhdr header = { 11, sizeof(text) - 1, 0 };
	struct fixture *f = *state;
	const Elf64_Phdr *p;
	uint8_t *core;
	size_t size;

	f->accel.registers = registers;
	memcpy(f->host + PAGE, &header, sizeof(header));
	memcpy(f->host + PAGE + 12, "VMCOREINFO", 11);
	memcpy(f->host + PAGE + 24, text, sizeof(text));
	assert_true(run(f, false).vmcoreinfo);
	core = read_file(f->path, &size);
	check_core(f, core, size);
	p = (const void *)(core + sizeof(Elf64_Ehdr));
	assert_int_equal(p->p_type, PT_NOTE);
	assert_int_equal(p->p_filesz, 2 * (12 + 8 + 336) + 2 * (12 + 8 + 440) +
					      12 + 12 + sizeof(text) - 1);
	assert_memory_equal(core + p->p_offset + p->p_filesz -
				    (sizeof(text) - 1),
			    text, sizeof(text) - 1);
	free(core);
}

/* ---- what goes wrong ----------------------------------------------------- */

static void expect_refused(struct fixture *f, const char *path, int code,
			   const char *words)
{
	struct pm_error err = { "" };

	assert_int_equal(start(f, path, false, &err), -code);
	assert_non_null(strstr(err.text, words));
	assert_false(dump_active(f->dump));
}

static void places_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/none/core", f->dir);
	expect_refused(f, path, ENOENT, "cannot be created");
	expect_refused(f, "", EINVAL, "empty");
	expect_refused(f, f->dir, EINVAL, "not a file");
	expect_refused(f, "/dev/null", EINVAL, "not a file");
	assert_int_equal(f->dones, 0);
}

/* A limit of the size of files is as good as a full disk. */
static void a_full_disk_leaves_what_was_there(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, limit;
	struct dump_info info;
	uint8_t *data;
	size_t size;
	FILE *file = fopen(f->path, "w");

	fputs("older", file);
	fclose(file);
	memset(f->host, 0x11, 8 * MiB);
	for (unsigned int compress = 0; compress < 2; compress++) {
		assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
		limit = old;
		limit.rlim_cur = compress ? 100 : 4 * MiB;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		info = run(f, compress);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_int_equal(info.status, DUMP_FAILED);
		assert_non_null(strstr(info.why.text, "cannot be written"));
		data = read_file(f->path, &size);
		assert_int_equal(size, 5);
		assert_memory_equal(data, "older", 5);
		free(data);
	}
	assert_int_equal(run(f, false).status, DUMP_COMPLETED);
}

static void expect_cancelled(struct fixture *f)
{
	struct dump_info info;

	dump_get_info(f->dump, &info);
	if (info.status == DUMP_COMPLETED) /* it was faster */
		return;
	assert_int_equal(info.status, DUMP_FAILED);
	assert_non_null(strstr(info.why.text, "cancelled"));
	assert_int_equal(access(f->path, F_OK), -1);
}

/* ---- a file that was handed over ------------------------------------------ */

static int open_file(struct fixture *f, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/handed", f->dir);
	fd = open(path, O_CREAT | O_CLOEXEC | flags, 0600);
	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

/* The same bytes, where older ones were; the descriptor is closed. */
static void a_descriptor_is_written_to(void **state)
{
	struct fixture *f = *state;
	struct dump_target target = { NULL, open_file(f, O_RDWR), false };
	uint8_t *data, *wanted;
	size_t size;
	int fd;

	fill(f);
	assert_int_equal(run(f, false).status, DUMP_COMPLETED);
	wanted = read_file(f->path, &size);
	fd = dup(target.fd);
	assert_int_equal(ftruncate(fd, 2 * SIZE), 0);
	assert_int_equal(pwrite(fd, "older", 5, SIZE), 5);
	assert_int_equal(dump_start(f->dump, &target, NULL), 0);
	assert_int_equal(finish(f).status, DUMP_COMPLETED);
	assert_int_equal(fcntl(target.fd, F_GETFD), -1);
	assert_int_equal(lseek(fd, 0, SEEK_END), size);
	data = malloc(size);
	assert_int_equal(pread(fd, data, size, 0), size);
	assert_memory_equal(data, wanted, size);
	free(data);
	free(wanted);
	close(fd);
}

/* Nothing of it is left, as with a path. */
static void a_descriptor_is_emptied_on_failure(void **state)
{
	struct fixture *f = *state;
	struct dump_target target = { NULL, open_file(f, O_RDWR), false };
	int fd = dup(target.fd);
	struct rlimit old, limit;

	memset(f->host, 0x11, 8 * MiB);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = 4 * MiB;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(dump_start(f->dump, &target, NULL), 0);
	assert_int_equal(finish(f).status, DUMP_FAILED);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	close(fd);
}

static void a_descriptor_that_will_not_do_is_refused(void **state)
{
	struct fixture *f = *state;
	struct pm_error err;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	for (unsigned int i = 0; i < 3; i++) {
		const struct dump_target target = {
			.fd = i == 0   ? fds[1]
			      : i == 1 ? open_file(f, O_RDONLY)
				       : open_file(f, O_WRONLY | O_APPEND),
		};

		assert_int_equal(dump_start(f->dump, &target, &err), -EINVAL);
		assert_non_null(strstr(err.text, "descriptor"));
		assert_int_equal(fcntl(target.fd, F_GETFD), -1);
	}
	close(fds[0]);
}

static void it_can_be_stopped_at_any_time(void **state)
{
	struct fixture *f = *state;
	struct pm_error err;

	fill(f);
	memset(f->host, 0x31, SIZE);
	for (unsigned int i = 0; i < 20; i++) {
		unlink(f->path);
		assert_int_equal(start(f, f->path, i % 2, &err), 0);
		usleep(i * 1000);
		dump_stop(f->dump);
		assert_int_equal(f->dones, 2 * i + 1);
		expect_cancelled(f);
		unlink(f->path);
		assert_int_equal(start(f, f->path, i % 2, &err), 0);
		usleep(i * 1000);
		dump_cancel(f->dump);
		while (f->dones < 2 * i + 2)
			assert_int_equal(loop_run_once(f->loop), 0);
		expect_cancelled(f);
	}
	dump_stop(f->dump); /* nothing */
	dump_cancel(f->dump);
	unlink(f->path);
	assert_int_equal(run(f, false).status, DUMP_COMPLETED);
	/* The end of the machine. */
	assert_int_equal(start(f, f->path, false, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_file_is_the_memory, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_empty_memory_is_all_hole,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(compressed_it_is_the_same,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(notes_are_those_of_the_machine,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(places_that_cannot_be, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			a_full_disk_leaves_what_was_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_descriptor_is_written_to,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_descriptor_is_emptied_on_failure, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_descriptor_that_will_not_do_is_refused, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(it_can_be_stopped_at_any_time,
						set_up, tear_down),
	};

	return cmocka_run_group_tests_name("dump", tests, NULL, NULL);
}
