/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The accelerator without a CPU: its socket, and each command by its answer.
 * What drives devices through it is in tests/qtest.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "accel/accel.h"
#include "arch/arch.h"
#include "accel/qtest/accel_qtest.h"
#include "space/bus.h"
#include "space/guest_memory.h"
#include "host/loop.h"

#define MEMORY   0x10000
/* Registers that remember the last write. */
#define DEVICE   0x100000
#define UNTIL_MS 10000

struct fixture {
	char dir[64];
	char path[80];
	uint8_t ram[MEMORY];
	struct guest_memory memory;
	struct bus *pio;
	struct bus *mmio;
	struct loop *loop;
	struct accel *accel;
	int fd;
	uint64_t offset, value;
	unsigned int len;
	char answer[256];
};

static uint64_t device_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)opaque;
	return 0x10 * len + offset;
}

static void device_write(void *opaque, uint64_t offset, uint64_t value,
			 unsigned int len)
{
	struct fixture *f = opaque;

	f->offset = offset;
	f->value = value;
	f->len = len;
}

static const struct bus_ops device_ops = { device_read, device_write };

static void client_connect(struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	strcpy(addr.sun_path, f->path);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(f->fd >= 0);
	assert_int_equal(connect(f->fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	fcntl(f->fd, F_SETFL, O_NONBLOCK);
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	const struct guest_memory_region region = { .size = MEMORY,
						    .host = f->ram };
	struct accel_qtest_config config = { .arch = &machine_arch,
					     .memory = &f->memory,
					     .path = f->path };
	struct pm_error err;

	strcpy(f->dir, "/tmp/test-qtest-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/socket", f->dir);
	assert_int_equal(guest_memory_add(&f->memory, &region), 0);
	assert_int_equal(bus_create(&f->pio), 0);
	assert_int_equal(bus_create(&f->mmio), 0);
	assert_int_equal(bus_map(f->pio, 0x600, 8, &device_ops, f), 0);
	assert_int_equal(bus_map(f->mmio, DEVICE, 0x1000, &device_ops, f), 0);
	assert_int_equal(loop_create(&f->loop), 0);
	config.pio = f->pio;
	config.mmio = f->mmio;
	config.loop = f->loop;
	assert_int_equal(accel_qtest_create(&config, &f->accel, &err), 0);
	client_connect(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->fd);
	accel_destroy(f->accel);
	loop_destroy(f->loop);
	bus_destroy(f->mmio);
	bus_destroy(f->pio);
	assert_int_equal(rmdir(f->dir), 0);
	test_free(f);
	return 0;
}

static void send_text(struct fixture *f, const char *text)
{
	assert_int_equal(write(f->fd, text, strlen(text)), strlen(text));
}

static void rung(void *opaque)
{
	*(bool *)opaque = true;
}

/* One turn of the loop, which waits for nothing. */
static void turn(struct fixture *f)
{
	struct pollfd p = { .fd = f->fd, .events = POLLIN };

	if (poll(&p, 1, 0) == 0)
		assert_int_equal(loop_run_once(f->loop), 0);
}

/* The next line that comes; "" when the connection has ended. */
static const char *next_line(struct fixture *f)
{
	size_t len = 0;

	f->answer[0] = '\0';
	while (!len || f->answer[len - 1] != '\n') {
		ssize_t n = read(f->fd, f->answer + len, 1);

		if (!n || (n < 0 && errno != EAGAIN))
			break;
		if (n < 0)
			turn(f);
		else
			len++;
		assert_true(len < sizeof(f->answer));
	}
	f->answer[len] = '\0';
	return f->answer;
}

static void expect(struct fixture *f, const char *line, const char *answer)
{
	send_text(f, line);
	send_text(f, "\n");
	assert_string_equal(next_line(f), answer);
}

static void expect_fail(struct fixture *f, const char *line)
{
	send_text(f, line);
	send_text(f, "\n");
	assert_memory_equal(next_line(f), "FAIL ", 5);
}

/* ---- memory and ports ---------------------------------------------------- */

static void words_of_memory_have_each_width(void **state)
{
	struct fixture *f = *state;

	expect(f, "writeq 0x1000 0x1122334455667788", "OK\n");
	expect(f, "readb 0x1000", "OK 0x0000000000000088\n");
	expect(f, "readw 0x1001", "OK 0x0000000000006677\n");
	expect(f, "readl 4100", "OK 0x0000000011223344\n");
	expect(f, "readq 0x1000", "OK 0x1122334455667788\n");
	expect(f, "writeb 0x1000 0xffaa", "OK\n");
	expect(f, "writew 0x1002 0x1bbbb", "OK\n");
	expect(f, "writel 0x1004 0x1cccccccc", "OK\n");
	expect(f, "readq 0x1000", "OK 0xccccccccbbbb77aa\n");
}

static void ports_have_each_width(void **state)
{
	struct fixture *f = *state;

	expect(f, "inb 0x601", "OK 0x0011\n");
	expect(f, "inw 0x602", "OK 0x0022\n");
	expect(f, "inl 0x604", "OK 0x0044\n");
	expect(f, "inb 0x1", "OK 0x00ff\n");
	expect(f, "outw 0x602 0x12345", "OK\n");
	assert_int_equal(f->offset, 2);
	assert_int_equal(f->value, 0x2345);
	assert_int_equal(f->len, 2);
	expect(f, "outl 0x600 0x89abcdef", "OK\n");
	assert_int_equal(f->value, 0x89abcdef);
	expect(f, "outb 0x600 1", "OK\n");
	assert_int_equal(f->len, 1);
}

static void ranges_come_in_hex_and_base64(void **state)
{
	struct fixture *f = *state;

	expect(f, "write 0x2000 6 0x666f6F626172", "OK\n");
	expect(f, "read 0x2000 6", "OK 0x666f6f626172\n");
	expect(f, "b64read 0x2000 6", "OK Zm9vYmFy\n");
	expect(f, "b64write 0x2001 2 Zm8=", "OK\n");
	expect(f, "read 0x2000 4", "OK 0x66666f62\n");
	expect(f, "memset 0x2000 0x1800 0x5a", "OK\n");
	assert_int_equal(f->ram[0x37ff], 0x5a);
	assert_int_equal(f->ram[0x3800], 0);
	expect(f, "memset 0x2000 0 1", "OK\n");
}

static void a_range_may_be_half_memory(void **state)
{
	struct fixture *f = *state;

	f->ram[MEMORY - 1] = 0x77;
	expect(f, "read 0xffff 3", "OK 0x77ffff\n");
	expect(f, "memset 0xff00 0x200 0x11", "OK\n");
	assert_int_equal(f->ram[MEMORY - 1], 0x11);
	expect_fail(f, "memset 0 0x10000000 0");
}

static void devices_see_the_widest_aligned_accesses(void **state)
{
	struct fixture *f = *state;

	expect(f, "readq 0x100008", "OK 0x0000000000000088\n");
	/* One byte at 1, two at 2, four at 4. */
	expect(f, "read 0x100001 7", "OK 0x11220044000000\n");
	expect(f, "writel 0x100010 0x12345678", "OK\n");
	assert_int_equal(f->offset, 0x10);
	assert_int_equal(f->len, 4);
	assert_int_equal(f->value, 0x12345678);
}

/* ---- interrupts ---------------------------------------------------------- */

static void lines_are_told_when_they_change(void **state)
{
	struct fixture *f = *state;

	accel_set_irq(f->accel, 3, true);
	accel_set_irq(f->accel, 3, false);
	expect(f, "irq_intercept_in ioapic", "OK\n");
	accel_set_irq(f->accel, 4, true);
	accel_set_irq(f->accel, 4, true);
	accel_set_irq(f->accel, 4, false);
	expect(f, "endianness", "IRQ raise 4\n");
	assert_string_equal(next_line(f), "IRQ lower 4\n");
	assert_string_equal(next_line(f), "OK little\n");
	expect(f, "irq_intercept_in ioapic", "OK\n");
	expect_fail(f, "irq_intercept_out serial");
	expect_fail(f, "irq_intercept_in toaster");
}

static void lines_out_of_a_device_count_from_zero(void **state)
{
	struct fixture *f = *state;

	expect(f, "irq_intercept_out serial", "OK\n");
	accel_set_irq(f->accel, 9, true);
	accel_set_irq(f->accel, 4, true);
	expect(f, "endianness", "IRQ raise 0\n");
	assert_string_equal(next_line(f), "OK little\n");
}

static void a_message_is_a_write_to_memory(void **state)
{
	struct fixture *f = *state;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int route = accel_msi_alloc(f->accel);

	assert_int_equal(
		accel_msi_connect(f->accel, route, fd, 0x3000, 0x12345678), 0);
	eventfd_write(fd, 1);
	expect(f, "endianness", "OK little\n");
	expect(f, "readl 0x3000", "OK 0x0000000012345678\n");
	expect(f, "memset 0x3000 4 0", "OK\n");
	/* What was sent is not lost when the route goes. */
	eventfd_write(fd, 1);
	accel_msi_disconnect(f->accel, route, fd);
	expect(f, "readl 0x3000", "OK 0x0000000012345678\n");
	close(fd);
}

/* ---- the clock ----------------------------------------------------------- */

static void the_clock_moves_when_it_is_told(void **state)
{
	struct fixture *f = *state;
	struct loop_timer timer;
	bool done = false;

	assert_int_equal(loop_timer_init(f->loop, &timer, rung, &done), 0);
	expect(f, "clock_step", "OK 0\n");
	expect(f, "clock_step 500", "OK 500\n");
	loop_timer_arm(&timer, 1);
	expect(f, "clock_set 1000000", "OK 1000000\n");
	assert_false(done);
	expect(f, "clock_step", "OK 1000500\n");
	assert_true(done);
	expect(f, "clock_set 3", "OK 1000500\n");
	expect_fail(f, "clock_set 0xffffffffffffffff");
	expect_fail(f, "clock_step 0xffffffffffffffff");
	loop_timer_finish(f->loop, &timer);
}

/* ---- clients ------------------------------------------------------------- */

static void what_is_no_command_fails(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"toast",
		"readb",
		"readb x",
		"readb -1",
		"readb 0x10000000000000000",
		"readb 0 1",
		"readq 0xfffffffffffffff9",
		"writeb 0",
		"read 0 0",
		"read 0 0x7fffffffffffffff",
		"read 0xffffffffffffffff 2",
		"write 0 2 0x00",
		"write 0 1 00",
		"write 0 1 0x0g",
		"write 0 1",
		"b64write 0 1 AAAA",
		"memset 0 1",
		"memset 0xffffffffffffff00 0x200 0",
		"irq_intercept_in",
		"clock_step x",
		"a b c d e f g h",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_fail(f, bad[i]);
	expect(f, "endianness\r", "OK little\n");
}

static void lines_may_come_in_pieces_and_in_batches(void **state)
{
	struct fixture *f = *state;

	send_text(f, "endian");
	turn(f);
	send_text(f, "ness\nwriteb 0 7\nreadb 0\n");
	assert_string_equal(next_line(f), "OK little\n");
	assert_string_equal(next_line(f), "OK\n");
	assert_string_equal(next_line(f), "OK 0x0000000000000007\n");
}

static void the_last_lines_of_a_client_are_carried_out(void **state)
{
	struct fixture *f = *state;

	send_text(f, "writeb 0x10 1\nwriteb 0x11 2\nwriteb 0x12 3");
	close(f->fd);
	client_connect(f); /* served when the first has gone */
	expect(f, "readl 0x10", "OK 0x0000000000000201\n");
}

static void an_endless_line_ends_the_client(void **state)
{
	static char block[65536];
	struct fixture *f = *state;
	int ended = 0;

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 4096 && !ended; i++) {
		ssize_t n = send(f->fd, block, sizeof(block), MSG_NOSIGNAL);

		ended = n < 0 && errno != EAGAIN;
		turn(f);
	}
	assert_true(ended);
	close(f->fd);
	client_connect(f);
	expect(f, "endianness", "OK little\n");
}

static void the_socket_has_to_be_free(void **state)
{
	struct fixture *f = *state;
	struct accel_qtest_config config = { .arch = &machine_arch,
					     .loop = f->loop,
					     .path = f->path };
	struct accel *accel = NULL;
	struct pm_error err;

	assert_int_equal(accel_qtest_create(&config, &accel, &err),
			 -EADDRINUSE);
	assert_null(accel);
	assert_non_null(strstr(err.text, f->path));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words_of_memory_have_each_width),
		TEST(ports_have_each_width),
		TEST(ranges_come_in_hex_and_base64),
		TEST(a_range_may_be_half_memory),
		TEST(devices_see_the_widest_aligned_accesses),
		TEST(lines_are_told_when_they_change),
		TEST(lines_out_of_a_device_count_from_zero),
		TEST(a_message_is_a_write_to_memory),
		TEST(the_clock_moves_when_it_is_told),
		TEST(what_is_no_command_fails),
		TEST(lines_may_come_in_pieces_and_in_batches),
		TEST(the_last_lines_of_a_client_are_carried_out),
		TEST(an_endless_line_ends_the_client),
		TEST(the_socket_has_to_be_free),
	};

	return cmocka_run_group_tests_name("qtest", tests, NULL, NULL);
}
