/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines of the qtest protocol, to a whole machine without a CPU: two memory
 * devices, the serial port, power and PCI are behind it.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"
#include "host/loop.h"
#include "machine/machine.h"

#define MIB (UINT64_C(1) << 20)

/* Fewer lines than this are answered in fewer turns, whatever they do. */
#define TURNS_MAX 100000

static char path[64];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	snprintf(path, sizeof(path), "/tmp/fuzz-qtest-%d", (int)getpid());
	return 0;
}

static struct machine *build(void)
{
	const struct machine_config config = {
		.cpus = 1,
		.memory = MACHINE_MEMORY_MIN,
		.serial = SERIAL_NONE,
		.accel = ACCEL_QTEST,
		.qtest_path = path,
		.nr_mem_devices = 2,
		.mem_devices = {
			{ .id = "a", .max_size = 64 * MIB,
			  .requested_size = 16 * MIB, .block_size = 2 * MIB },
			{ .id = "b", .max_size = 1024 * MIB,
			  .requested_size = 1024 * MIB, .block_size = MIB,
			  .unplugged_inaccessible = UNPLUGGED_REQUIRED },
		},
	};
	struct machine *machine;

	fuzz_check(!machine_create(&config, &machine, NULL));
	fuzz_check(!machine_cont(machine, NULL));
	return machine;
}

static int connect_client(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(addr.sun_path, path, sizeof(path));
	fuzz_check(!connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

/* Takes what has come; false when the machine has hung up. */
static bool receive(int fd)
{
	char answers[65536];
	ssize_t n;

	do
		n = recv(fd, answers, sizeof(answers), 0);
	while (n > 0);
	return n < 0 && errno == EAGAIN;
}

/* No input is longer than what a socket takes at once. */
static void send_all(int fd, const uint8_t *data, size_t size)
{
	fuzz_check(send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size);
	shutdown(fd, SHUT_WR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine *machine;
	int turns = 0;
	int fd;

	if (!size || size > 4096)
		return 0;
	machine = build();
	fd = connect_client();
	send_all(fd, data, size);
	/* It hangs up when it has carried out the last whole line. */
	while (receive(fd) && turns++ < TURNS_MAX)
		fuzz_check(!loop_run_once(machine_loop(machine)));
	fuzz_check(turns < TURNS_MAX);
	close(fd);
	machine_destroy(machine);
	return 0;
}
