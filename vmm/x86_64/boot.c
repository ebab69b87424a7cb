/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads a Linux kernel by the 64-bit boot protocol.
 *
 * Theory of operation. Below 1 MiB lie the page tables, the GDT, the boot
 * parameters, the command line and the ACPI tables. The compressed kernel goes
 * to 1 MiB; it unpacks itself to its preferred address, for which it needs
 * init_size bytes. The initial ram disk goes to the top of the memory below
 * the PCI hole, or, where memory is short, between the two.
 */
#include "boot.h"

#include <asm/bootparam.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acpi.h"
#include "entry.h"
#include "layout.h"

#define PAGE_TABLES_GPA  UINT64_C(0x1000) /* to 0x7000 */
#define GDT_GPA          UINT64_C(0x7000)
#define BOOT_PARAMS_GPA  UINT64_C(0x8000)
#define COMMAND_LINE_GPA UINT64_C(0x20000)
#define COMMAND_LINE_MAX UINT64_C(0x10000)
/* What is called conventional memory ends here. */
#define LOW_MEMORY_END   UINT64_C(0x9fc00)
#define KERNEL_GPA       UINT64_C(0x100000)

#define ENTRY_64_OFFSET  0x200
#define SECTOR           512
#define BOOT_FLAG        0xaa55
#define HEADER_MAGIC     0x53726448u /* "HdrS" */
#define PROTOCOL_MIN     0x020c      /* the first with xloadflags */
#define LOADER_UNDEFINED 0xff
#define E820_RAM         1
#define E820_RESERVED    2
#define PAGE             UINT64_C(4096)
#define HUGE_PAGE        (UINT64_C(2) << 20)

static_assert(sizeof(struct boot_params) == PAGE, "the kernel's own structure");

struct boot_file {
	const char *path;
	uint8_t *data; /* of the file as it was at the start; NULL: none */
	uint64_t size;
	uint64_t mapped;
};

struct boot {
	struct boot_config config;
	struct boot_file kernel;
	struct boot_file initrd;
	struct setup_header header;
	uint64_t setup_size; /* the real-mode part, which is skipped */
	struct cpu_entry entry;
};

/* ---- files --------------------------------------------------------------- */

/* A regular file's descriptor and its size now. */
static int file_open(const char *what, const char *path, uint64_t *size,
		     struct pm_error *err)
{
	struct stat st = { 0 };
	/* Without O_NONBLOCK a named pipe would keep us waiting for a writer. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return pm_error_set(err, errno,
				    "the %s %s cannot be opened (%s): check "
				    "the path and its permissions",
				    what, path, strerror(errno));
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size) {
		*size = st.st_size;
		return fd;
	}
	close(fd);
	if (S_ISREG(st.st_mode))
		return pm_error_set(err, EINVAL, "the %s %s is empty", what,
				    path);
	return pm_error_set(err, EINVAL, "the %s %s is not a regular file",
			    what, path);
}

/* The boot protocol has 32 bits for places and sizes; more is not even read. */
#define FILE_MAX (UINT64_C(1) << 32)

/* As much as there is of @size bytes. 0 or -errno. */
static int read_all(int fd, uint8_t *to, uint64_t size, uint64_t *got)
{
	for (*got = 0; *got < size;) {
		ssize_t n = pread(fd, to + *got, size - *got, *got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		*got += n;
	}
	return 0;
}

/*
 * A copy in memory, which nobody can change: whatever becomes of the file, a
 * reset boots what was checked. Private memory rather than a memory file, for
 * which limits of file sizes hold.
 */
static int file_keep(struct boot_file *file, int fd, uint64_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (map == MAP_FAILED)
		return -errno;
	file->data = map;
	file->mapped = size;
	ret = read_all(fd, map, size, &file->size);
	if (!ret && mprotect(map, size, PROT_READ) < 0)
		ret = -errno;
	return ret;
}

static int file_load(struct boot_file *file, const char *what, const char *path,
		     struct pm_error *err)
{
	uint64_t size = 0;
	int fd = file_open(what, path, &size, err);
	int ret;

	if (fd < 0)
		return fd;
	file->path = path;
	ret = size > FILE_MAX ? -EFBIG : file_keep(file, fd, size);
	close(fd);
	if (ret == -EFBIG)
		return pm_error_set(err, ENOMEM,
				    "the %s %s of %" PRIu64
				    " MiB is larger than any that can be "
				    "loaded: 4096 MiB",
				    what, path, (size >> 20) + 1);
	if (ret)
		return pm_error_set(err, -ret, "the %s %s cannot be read (%s)",
				    what, path, strerror(-ret));
	if (!file->size)
		return pm_error_set(err, EINVAL, "the %s %s is empty", what,
				    path);
	return 0;
}

static void file_drop(struct boot_file *file)
{
	if (file->data)
		munmap(file->data, file->mapped);
}

static int file_put(const struct boot_file *file, uint64_t offset,
		    const struct guest_memory *gm, uint64_t gpa,
		    struct pm_error *err)
{
	uint64_t size = file->size - offset;
	int ret = guest_memory_write(gm, gpa, file->data + offset, size);

	if (ret)
		return pm_error_set(err, -ret,
				    "%s cannot be put into the guest (%s)",
				    file->path, strerror(-ret));
	return 0;
}

/* ---- the kernel's header ------------------------------------------------- */

static int header_check(const struct boot *boot, struct pm_error *err)
{
	const struct setup_header *h = &boot->header;
	const char *path = boot->kernel.path;
	uint64_t need;

	if (h->boot_flag != BOOT_FLAG || h->header != HEADER_MAGIC)
		return pm_error_set(
			err, ENOEXEC,
			"%s is not a Linux kernel for x86: give a bzImage, as "
			"distributions install it at /boot/vmlinuz-*",
			path);
	if (h->version < PROTOCOL_MIN || !(h->xloadflags & XLF_KERNEL_64))
		return pm_error_set(
			err, ENOEXEC,
			"the kernel %s has no 64-bit entry (boot protocol "
			"%u.%02u): give an x86-64 kernel of Linux 3.8 or later",
			path, h->version >> 8, h->version & 0xff);
	if (!h->relocatable_kernel)
		return pm_error_set(err, ENOEXEC,
				    "the kernel %s is not relocatable: build "
				    "it with CONFIG_RELOCATABLE=y",
				    path);
	/* syssize counts what follows the setup, in units of 16 bytes. */
	need = h->syssize * UINT64_C(16);
	if (need <= ENTRY_64_OFFSET)
		need = ENTRY_64_OFFSET + 1;
	if (boot->kernel.size < boot->setup_size + need)
		return pm_error_set(err, ENOEXEC,
				    "the kernel %s is cut short: the file is "
				    "smaller than its header says, copy it "
				    "again",
				    path);
	return 0;
}

/* An older kernel's header ends earlier: what follows it is code. */
static void header_trim(struct setup_header *h)
{
	size_t end = offsetof(struct boot_params, hdr.header) + (h->jump >> 8);
	size_t len = end - offsetof(struct boot_params, hdr);

	if (len < sizeof(*h))
		memset((uint8_t *)h + len, 0, sizeof(*h) - len);
}

static int header_read(struct boot *boot, struct pm_error *err)
{
	const size_t at = offsetof(struct boot_params, hdr);
	unsigned int sectors;

	if (boot->kernel.size >= at + sizeof(boot->header))
		memcpy(&boot->header, boot->kernel.data + at,
		       sizeof(boot->header));
	header_trim(&boot->header);
	sectors = boot->header.setup_sects ? boot->header.setup_sects : 4;
	boot->setup_size = (sectors + 1) * SECTOR;
	return header_check(boot, err);
}

static int command_line_check(const struct boot *boot, struct pm_error *err)
{
	size_t len = boot->config.append ? strlen(boot->config.append) : 0;
	size_t max = boot->header.cmdline_size;

	if (max > COMMAND_LINE_MAX - 1)
		max = COMMAND_LINE_MAX - 1;
	if (len <= max)
		return 0;
	return pm_error_set(err, EINVAL,
			    "the kernel's command line has %zu bytes and %s "
			    "takes %zu at most: shorten --append",
			    len, boot->kernel.path, max);
}

int boot_open(const struct boot_config *config, struct boot **out,
	      struct pm_error *err)
{
	struct boot *boot = calloc(1, sizeof(*boot));
	int ret;

	if (!boot)
		return pm_error_set(err, ENOMEM, "no memory to load a kernel");
	boot->config = *config;
	ret = file_load(&boot->kernel, "kernel", config->kernel, err);
	if (!ret)
		ret = header_read(boot, err);
	if (!ret)
		ret = command_line_check(boot, err);
	if (!ret && config->initrd)
		ret = file_load(&boot->initrd, "initrd", config->initrd, err);
	if (ret) {
		boot_close(boot);
		return ret;
	}
	*out = boot;
	return 0;
}

void boot_close(struct boot *boot)
{
	if (!boot)
		return;
	file_drop(&boot->kernel);
	file_drop(&boot->initrd);
	free(boot);
}

/* ---- where it goes ------------------------------------------------------- */

static uint64_t kernel_load_end(const struct boot *boot)
{
	return KERNEL_GPA + boot->kernel.size - boot->setup_size;
}

/* Where the kernel runs, once it has unpacked itself. */
static uint64_t kernel_run_end(const struct boot *boot)
{
	uint64_t start = boot->header.pref_address;
	uint64_t size = boot->header.init_size;

	return size > UINT64_MAX - start ? UINT64_MAX : start + size;
}

/* The highest page-aligned place for @size bytes below @end, or 0. */
static uint64_t place_below(uint64_t end, uint64_t size)
{
	return size < end ? (end - size) & ~(PAGE - 1) : 0;
}

/* The initrd's place, or 0 if there is none for it. */
static uint64_t initrd_place(const struct boot *boot)
{
	uint64_t end = boot->config.map->low_size;
	uint64_t gpa;

	if (end > boot->header.initrd_addr_max + UINT64_C(1))
		end = boot->header.initrd_addr_max + UINT64_C(1);
	gpa = place_below(end, boot->initrd.size);
	if (gpa >= kernel_run_end(boot) && gpa >= kernel_load_end(boot))
		return gpa;
	gpa = place_below(boot->header.pref_address, boot->initrd.size);
	return gpa >= kernel_load_end(boot) ? gpa : 0;
}

int boot_check(const struct boot *boot, struct pm_error *err)
{
	uint64_t memory = boot->config.map->low_size;

	if (kernel_run_end(boot) > memory || kernel_load_end(boot) > memory)
		return pm_error_set(err, ENOMEM,
				    "the kernel %s needs %" PRIu64
				    " MiB of boot memory and there are %" PRIu64
				    ": give more with --memory",
				    boot->kernel.path,
				    (kernel_run_end(boot) >> 20) + 1,
				    memory >> 20);
	if (boot->initrd.data && !initrd_place(boot))
		return pm_error_set(
			err, ENOMEM,
			"the initrd %s of %" PRIu64
			" MiB does not fit beside the kernel into %" PRIu64
			" MiB of boot memory: give more with --memory",
			boot->initrd.path, (boot->initrd.size >> 20) + 1,
			memory >> 20);
	return 0;
}

/* ---- what the kernel reads ----------------------------------------------- */

static void e820_add(struct boot_params *bp, uint64_t addr, uint64_t size,
		     uint32_t type)
{
	struct boot_e820_entry *e = &bp->e820_table[bp->e820_entries];

	if (!size)
		return;
	e->addr = addr;
	e->size = size;
	e->type = type;
	bp->e820_entries++;
}

static void e820_fill(struct boot_params *bp, const struct memory_map *map)
{
	e820_add(bp, 0, LOW_MEMORY_END, E820_RAM);
	e820_add(bp, ACPI_BASE, ACPI_SIZE, E820_RESERVED);
	e820_add(bp, KERNEL_GPA, map->low_size - KERNEL_GPA, E820_RAM);
	e820_add(bp, MAP_ECAM_BASE, MAP_ECAM_SIZE, E820_RESERVED);
	e820_add(bp, MAP_HIGH_BASE, map->high_size, E820_RAM);
}

static int params_write(const struct boot *boot, const struct guest_memory *gm)
{
	const char *line = boot->config.append ? boot->config.append : "";
	struct boot_params *bp;
	struct guest_view view;
	int ret =
		guest_memory_get(gm, BOOT_PARAMS_GPA, sizeof(*bp), true, &view);

	if (ret)
		return ret;
	bp = (struct boot_params *)view.host;
	memset(bp, 0, sizeof(*bp));
	bp->hdr = boot->header;
	bp->hdr.type_of_loader = LOADER_UNDEFINED;
	bp->hdr.cmd_line_ptr = COMMAND_LINE_GPA;
	bp->acpi_rsdp_addr = ACPI_BASE;
	bp->hdr.ramdisk_image = boot->initrd.data ? initrd_place(boot) : 0;
	bp->hdr.ramdisk_size = boot->initrd.size; /* 0: none */
	e820_fill(bp, boot->config.map);
	guest_memory_put(gm, &view);
	return guest_memory_write(gm, COMMAND_LINE_GPA, line, strlen(line) + 1);
}

/* Maps the first 4 GiB to themselves in pages of 2 MiB. */
static int page_tables_write(const struct guest_memory *gm)
{
	enum { PRESENT = 1, WRITABLE = 2, HUGE = 128, ENTRIES = 512, DIRS = 4 };
	uint64_t *tables, *pointers, *directories;
	struct guest_view view;
	int ret = guest_memory_get(gm, PAGE_TABLES_GPA, (2 + DIRS) * PAGE, true,
				   &view);

	if (ret)
		return ret;
	tables = (uint64_t *)view.host;
	memset(tables, 0, (2 + DIRS) * PAGE);
	pointers = tables + ENTRIES;
	directories = pointers + ENTRIES;
	tables[0] = (PAGE_TABLES_GPA + PAGE) | PRESENT | WRITABLE;
	for (uint64_t i = 0; i < DIRS; i++)
		pointers[i] =
			(PAGE_TABLES_GPA + (2 + i) * PAGE) | PRESENT | WRITABLE;
	for (uint64_t i = 0; i < DIRS * ENTRIES; i++)
		directories[i] = i * HUGE_PAGE | PRESENT | WRITABLE | HUGE;
	guest_memory_put(gm, &view);
	return 0;
}

static int gdt_write(const struct guest_memory *gm)
{
	/* Entries 2 and 3 are the flat code and data segments in use. */
	static const uint64_t gdt[4] = {
		0,
		0,
		UINT64_C(0x00af9b000000ffff),
		UINT64_C(0x00cf93000000ffff),
	};

	return guest_memory_write(gm, GDT_GPA, gdt, sizeof(gdt));
}

static int tables_write(const struct boot *boot, const struct guest_memory *gm)
{
	const struct acpi_config acpi = {
		.map = boot->config.map,
		.cpus = boot->config.cpus,
		.numa = boot->config.numa,
	};
	int ret;

	ret = page_tables_write(gm);
	if (!ret)
		ret = gdt_write(gm);
	if (!ret)
		ret = acpi_write(gm, &acpi);
	if (!ret)
		ret = params_write(boot, gm);
	return ret;
}

int boot_load(struct boot *boot, const struct guest_memory *gm,
	      const struct cpu_entry **entry, struct pm_error *err)
{
	int ret = tables_write(boot, gm);

	if (ret)
		return pm_error_set(
			err, -ret,
			"the guest's boot tables cannot be written (%s)",
			strerror(-ret));
	ret = file_put(&boot->kernel, boot->setup_size, gm, KERNEL_GPA, err);
	if (!ret && boot->initrd.data)
		ret = file_put(&boot->initrd, 0, gm, initrd_place(boot), err);
	if (ret)
		return ret;
	boot->entry = (struct cpu_entry){
		.rip = KERNEL_GPA + ENTRY_64_OFFSET,
		.rsi = BOOT_PARAMS_GPA,
		.page_tables = PAGE_TABLES_GPA,
		.gdt = GDT_GPA,
	};
	*entry = &boot->entry;
	return 0;
}
