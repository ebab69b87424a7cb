/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of kexec and kdump need inside a guest:
 *
 *   kexec load KERNEL INITRD COMMAND-LINE	to be run by "kexec run"
 *   kexec load-crash KERNEL INITRD COMMAND-LINE	to be run by a panic
 *   kexec run
 *   kexec copy FILE OFFSET SIZE ADDRESS	file to physical memory
 *
 * The last is the way out for a dump: the host reads that memory. It prints how
 * much there was to copy, and reads as cp does.
 */
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		error(1, errno, "%s", path);
	return fd;
}

static void load(char *words[], unsigned long flags)
{
	int kernel = open_or_die(words[0], O_RDONLY);
	int initrd = open_or_die(words[1], O_RDONLY);

	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(words[2]) + 1,
		    words[2], flags))
		error(1, errno, "kexec_file_load");
}

static void run(void)
{
	sync();
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		LINUX_REBOOT_CMD_KEXEC, NULL);
	error(1, errno, "reboot");
}

static void copy(char *words[])
{
	int from = open_or_die(words[0], O_RDONLY);
	int to = open_or_die("/dev/mem", O_RDWR);
	off_t offset = strtoll(words[1], NULL, 0);
	size_t size = strtoull(words[2], NULL, 0);
	off_t address = strtoll(words[3], NULL, 0);
	size_t done = 0;
	ssize_t n = 0;
	char *window;

	window = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, to,
		      address);
	if (window == MAP_FAILED)
		error(1, errno, "mmap");
	while (done < size) {
		n = pread(from, window + done, size - done,
			  offset + (off_t)done);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (n < 0)
		error(1, errno, "%s", words[0]);
	printf("%zu\n", done);
}

int main(int argc, char *argv[])
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 5 && !strcmp(what, "load"))
		load(argv + 2, 0);
	else if (argc == 5 && !strcmp(what, "load-crash"))
		load(argv + 2, KEXEC_FILE_ON_CRASH);
	else if (argc == 2 && !strcmp(what, "run"))
		run();
	else if (argc == 6 && !strcmp(what, "copy"))
		copy(argv + 2);
	else
		error(2, 0, "what is it to do?");
	return 0;
}
