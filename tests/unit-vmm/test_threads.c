/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads that play vCPUs hammer the machine's parts while the main thread
 * changes them. What goes wrong shows under a thread sanitizer above all.
 *
 * A thread counts its failures: only the main thread may assert.
 */
#include "../unit/cmocka_all.h"

#include <linux/pci_regs.h>
#include <linux/serial_reg.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dev/chardev.h"
#include "dev/serial.h"
#include "driver.h"
#include "virtio/virtio_mem.h"
#include "x86_64/layout.h"
#include "x86_64/power.h"

#define ROUNDS    2000
#define REQUESTS  500
#define BYTES     20000
#define MIB       (UINT64_C(1) << 20)
#define GIB       (UINT64_C(1) << 30)
#define BASE      (4 * GIB)
#define BLOCK     (2 * MIB)
#define SOMEWHERE 0xc8000000u

struct vcpu {
	pthread_t thread;
	void *what;
	atomic_bool *stop;
	atomic_int failures;
	atomic_bool done;
};

static void start(struct vcpu *v, void *(*fn)(void *), void *what,
		  atomic_bool *stop)
{
	*v = (struct vcpu){ .what = what, .stop = stop };
	assert_int_equal(pthread_create(&v->thread, NULL, fn, v), 0);
}

static void join(struct vcpu *v)
{
	assert_int_equal(pthread_join(v->thread, NULL), 0);
	assert_int_equal(v->failures, 0);
}

static void check(struct vcpu *v, bool good)
{
	if (!good)
		v->failures++;
}

/* Wakes the main thread's loop for the last time. */
static void finish(struct vcpu *v, struct rig *rig)
{
	const uint64_t one = 1;

	v->done = true;
	check(v, write(rig->bell.fd, &one, 8) == 8);
}

/* ---- the bus ------------------------------------------------------------- */

static uint64_t tag_read(void *opaque, uint64_t offset, unsigned int len)
{
	(void)len;
	return (uintptr_t)opaque + offset;
}

static void tag_write(void *opaque, uint64_t offset, uint64_t value,
		      unsigned int len)
{
	(void)opaque;
	(void)offset;
	(void)value;
	(void)len;
}

static const struct bus_ops tag_ops = { tag_read, tag_write };

static void *bus_hammer(void *opaque)
{
	struct vcpu *v = opaque;
	struct bus *bus = v->what;

	while (!atomic_load(v->stop)) {
		uint64_t value = bus_read(bus, 0x1004, 4);

		check(v, value == 0x70004 || value == UINT64_MAX);
		check(v, bus_read(bus, 0x2000, 4) == 0x80000);
		bus_write(bus, 0x1004, 0, 4);
	}
	return NULL;
}

static void a_bus_is_changed_while_it_is_used(void **state)
{
	atomic_bool stop = false;
	struct vcpu a, b;
	struct bus *bus;

	(void)state;
	assert_int_equal(bus_create(&bus), 0);
	assert_int_equal(bus_map(bus, 0x2000, 1, &tag_ops, (void *)0x80000), 0);
	start(&a, bus_hammer, bus, &stop);
	start(&b, bus_hammer, bus, &stop);
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(bus_map(bus, 0x1000, 0x10, &tag_ops,
					 (void *)0x70000),
				 0);
		bus_unmap(bus, 0x1000);
	}
	stop = true;
	join(&a);
	join(&b);
	bus_destroy(bus);
}

/* ---- a memory device ----------------------------------------------------- */

struct device {
	struct rig rig;
	struct mem_device_config config;
	struct virtio_mem *vm;
	struct driver d;
	atomic_uint size_changes;
};

static void size_changed(void *opaque, unsigned int index, uint64_t size)
{
	(void)index;
	(void)size;
	((struct device *)opaque)->size_changes++;
}

static void device_init(struct device *dev)
{
	struct virtio_mem_config config = {
		.device = &dev->config,
		.gpa = BASE,
		.memory = &dev->rig.memory,
		.accel = &dev->rig.accel,
		.size_changed = size_changed,
		.opaque = dev,
	};

	rig_init(&dev->rig);
	dev->config = (struct mem_device_config){
		.id = "vm0",
		.max_size = 2 * GIB,
		.requested_size = GIB,
		.block_size = BLOCK,
	};
	config.mmio = dev->rig.mmio;
	config.loop = dev->rig.loop;
	config.host = dev->rig.pci;
	assert_int_equal(virtio_mem_create(&config, &dev->vm, NULL), 0);
	driver_find(&dev->d, &dev->rig, 1);
}

static void device_finish(struct device *dev)
{
	virtio_mem_destroy(dev->vm);
	rig_finish(&dev->rig);
}

/* Plugs and unplugs, waiting for the interrupt each time. */
static void *driver_thread(void *opaque)
{
	struct vcpu *v = opaque;
	struct device *dev = v->what;
	struct driver *d = &dev->d;
	struct pollfd p = { .events = POLLIN };

	p.fd = dev->rig.accel.msi[DRIVER_QUEUE_VECTOR].fd;
	for (uint16_t i = 0; i < REQUESTS; i++) {
		uint64_t count;

		driver_put_request(d, 0, i % 2, BASE + i / 2 * BLOCK, 1);
		driver_offer(d, 0);
		driver_kick(d);
		check(v, poll(&p, 1, 30000) == 1);
		check(v, read(p.fd, &count, 8) == 8);
		check(v, driver_used(d) == i + 1);
		check(v, driver_answer(d, 0, NULL) == 0);
	}
	finish(v, &dev->rig);
	return NULL;
}

/* Reads all that can be read, and masks what can be masked. */
static void *register_hammer(void *opaque)
{
	struct vcpu *v = opaque;
	struct device *dev = v->what;
	struct driver *d = &dev->d;
	struct bus *mmio = dev->rig.mmio;

	for (uint32_t i = 0; !atomic_load(v->stop); i++) {
		check(v, driver_config(d, 0, 8) == BLOCK);
		driver_config(d, 40, 8);
		driver_get(d, COMMON_FIELD(config_generation), 1);
		check(v, driver_status(d) == 15);
		bus_read(mmio, d->isr, 1);
		bus_write(mmio, d->msix + 12, i & 1, 4);
		bus_read(mmio, d->msix + 0x800, 4);
		rig_config_read(&dev->rig, 1, PCI_COMMAND, 4);
		rig_config_write(&dev->rig, 1, d->msix_cap + 2,
				 PCI_MSIX_FLAGS_ENABLE, 2);
		bus_read(mmio, BASE + i % 4096 * 4096, 8);
	}
	return NULL;
}

static void requests_are_handled_while_registers_are_read(void **state)
{
	static struct device dev;
	atomic_bool stop = false;
	struct mem_device_info info;
	struct vcpu driver, hammer;

	(void)state;
	device_init(&dev);
	driver_start(&dev.d);
	start(&driver, driver_thread, &dev, &stop);
	start(&hammer, register_hammer, &dev, &stop);
	for (uint64_t i = 0; !driver.done; i++) {
		assert_int_equal(loop_run_once(dev.rig.loop), 0);
		assert_int_equal(virtio_mem_set_requested(
					 dev.vm, GIB + i % 2 * BLOCK, NULL),
				 0);
		virtio_mem_info(dev.vm, &info);
		assert_true(info.device.plugged_size <= BLOCK);
	}
	stop = true;
	join(&driver);
	join(&hammer);
	assert_int_equal(dev.size_changes, REQUESTS);
	virtio_mem_info(dev.vm, &info);
	assert_int_equal(info.device.plugged_size, 0);
	device_finish(&dev);
}

static void *bar_hammer(void *opaque)
{
	struct vcpu *v = opaque;
	struct device *dev = v->what;
	struct bus *mmio = dev->rig.mmio;

	while (!atomic_load(v->stop)) {
		uint64_t value = bus_read(mmio, SOMEWHERE + 0x2000, 8);

		check(v, value == BLOCK || value == UINT64_MAX);
		fake_guest_write(&dev->rig.accel, mmio, SOMEWHERE + 0x3000, 0,
				 2);
		value = rig_port_config_read(&dev->rig, 1, 0, 4);
		check(v, value == 0x10581af4);
	}
	return NULL;
}

static void bars_move_under_running_cpus(void **state)
{
	static struct device dev;
	atomic_bool stop = false;
	struct vcpu a;

	(void)state;
	device_init(&dev);
	start(&a, bar_hammer, &dev, &stop);
	for (int i = 0; i < ROUNDS; i++) {
		rig_config_write(&dev.rig, 1, PCI_BASE_ADDRESS_0,
				 i % 2 ? SOMEWHERE : SOMEWHERE + 0x100000, 4);
		rig_config_write(&dev.rig, 1, PCI_COMMAND,
				 i % 3 ? PCI_COMMAND_MEMORY : 0, 2);
		if (i % 100 == 0)
			rig_settle(&dev.rig);
	}
	stop = true;
	join(&a);
	device_finish(&dev);
}

/* ---- the serial port ----------------------------------------------------- */

struct console {
	struct rig rig;
	char path[96];
	struct chardev *chardev;
	struct serial *serial;
	atomic_int received; /* by the guest */
};

static void never(void *opaque)
{
	(void)opaque;
	abort();
}

static void console_init(struct console *con, char *dir)
{
	struct serial_config config;

	rig_init(&con->rig);
	assert_non_null(mkdtemp(dir));
	snprintf(con->path, sizeof(con->path), "%s/serial", dir);
	con->received = 0;
	assert_int_equal(chardev_create(SERIAL_UNIX, con->path, con->rig.loop,
					&con->chardev, NULL),
			 0);
	config = (struct serial_config){
		.bus = con->rig.pio,
		.base = SERIAL_COM1,
		.accel = &con->rig.accel,
		.irq = SERIAL_COM1_IRQ,
		.chardev = con->chardev,
		.quit = never,
	};
	assert_int_equal(serial_create(&config, &con->serial), 0);
}

static void console_finish(struct console *con, const char *dir)
{
	serial_destroy(con->serial);
	chardev_destroy(con->chardev);
	assert_int_equal(rmdir(dir), 0);
	rig_finish(&con->rig);
}

static uint8_t in(struct console *con, unsigned int reg)
{
	return bus_read(con->rig.pio, SERIAL_COM1 + reg, 1);
}

static void out(struct console *con, unsigned int reg, uint8_t value)
{
	bus_write(con->rig.pio, SERIAL_COM1 + reg, value, 1);
}

static void take_input(struct vcpu *v, struct console *con)
{
	while (in(con, UART_LSR) & UART_LSR_DR) {
		int nr = con->received++;

		check(v, in(con, UART_RX) == 'A' + nr % 26);
	}
}

/* Sends BYTES bytes, waiting for the transmitter; takes input meanwhile. */
static void *guest_console(void *opaque)
{
	struct vcpu *v = opaque;
	struct console *con = v->what;

	out(con, UART_IER, UART_IER_RDI | UART_IER_THRI);
	for (int i = 0; i < BYTES; i++) {
		while (!(in(con, UART_LSR) & UART_LSR_THRE)) {
			take_input(v, con);
			sched_yield();
		}
		out(con, UART_TX, 'a' + i % 26);
		in(con, UART_IIR);
	}
	while (con->received < BYTES && !atomic_load(v->stop)) {
		take_input(v, con);
		sched_yield();
	}
	finish(v, &con->rig);
	return NULL;
}

static int client_connect(struct vcpu *v, struct console *con)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, con->path);
	check(v, connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	return fd;
}

/* Reads all that the guest sends, and sends as much. */
static void *client_console(void *opaque)
{
	struct vcpu *v = opaque;
	int fd = client_connect(v, v->what);
	int sent = 0, got = 0;

	while (sent < BYTES || got < BYTES) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char byte = 'A' + sent % 26;
		char buf[512];
		ssize_t n;

		if (sent < BYTES && send(fd, &byte, 1, MSG_DONTWAIT) == 1)
			sent++;
		else if (poll(&p, 1, 100) < 0)
			check(v, false);
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		for (ssize_t i = 0; i < n; i++, got++)
			check(v, buf[i] == 'a' + got % 26);
		check(v, n != 0);
		if (!n)
			break;
	}
	v->done = true;
	while (!atomic_load(v->stop))
		sched_yield();
	close(fd);
	return NULL;
}

static void a_console_loses_nothing(void **state)
{
	char dir[] = "/tmp/paramem-threads-XXXXXX";
	static struct console con;
	atomic_bool stop = false;
	struct vcpu guest, client;

	(void)state;
	console_init(&con, dir);
	start(&client, client_console, &con, &stop);
	/* What is sent before there is a client is gone. */
	assert_int_equal(loop_run_once(con.rig.loop), 0);
	start(&guest, guest_console, &con, &stop);
	while (!guest.done || !client.done)
		assert_int_equal(loop_run_once(con.rig.loop), 0);
	stop = true;
	join(&guest);
	join(&client);
	assert_int_equal(con.received, BYTES);
	console_finish(&con, dir);
}

/* Comes, sends, reads a little or nothing, and goes. */
static void *client_visits(void *opaque)
{
	struct vcpu *v = opaque;
	struct console *con = v->what;

	for (int i = 0; i < 200; i++) {
		int fd = client_connect(v, con);
		char buf[64];

		send(fd, "hello, is anybody there?", 24, MSG_DONTWAIT);
		if (i % 3)
			recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		sched_yield();
		close(fd);
	}
	finish(v, &con->rig);
	return NULL;
}

static void *guest_chatter(void *opaque)
{
	struct vcpu *v = opaque;
	struct console *con = v->what;

	while (!atomic_load(v->stop)) {
		out(con, UART_TX, 'x');
		in(con, UART_LSR);
		in(con, UART_RX);
		out(con, UART_IER, 3);
		in(con, UART_IIR);
		out(con, UART_FCR, 7);
	}
	return NULL;
}

static void clients_come_and_go_while_the_guest_talks(void **state)
{
	char dir[] = "/tmp/paramem-threads-XXXXXX";
	static struct console con;
	atomic_bool stop = false;
	struct vcpu guest, client;

	(void)state;
	console_init(&con, dir);
	start(&guest, guest_chatter, &con, &stop);
	start(&client, client_visits, &con, &stop);
	for (int i = 0; !client.done; i++) {
		assert_int_equal(loop_run_once(con.rig.loop), 0);
		if (i % 64 == 0)
			serial_reset(con.serial);
	}
	stop = true;
	join(&guest);
	join(&client);
	console_finish(&con, dir);
}

/* ---- power --------------------------------------------------------------- */

struct button {
	struct accel accel;
	struct bus *pio;
	struct power *power;
};

static void *acpi_hammer(void *opaque)
{
	struct vcpu *v = opaque;
	struct button *b = v->what;

	while (!atomic_load(v->stop)) {
		bus_write(b->pio, POWER_PM1_EVENT + 2, 0x100, 2);
		bus_read(b->pio, POWER_PM1_EVENT, 4);
		bus_write(b->pio, POWER_PM1_EVENT, 0x100, 2);
		bus_write(b->pio, POWER_PM1_CONTROL, 1, 2);
		bus_read(b->pio, POWER_PM1_CONTROL, 2);
	}
	return NULL;
}

static void the_button_is_pressed_while_registers_are_used(void **state)
{
	static const struct power_ops ops = { never, never };
	atomic_bool stop = false;
	struct vcpu guest;
	struct button b;

	(void)state;
	fake_accel_init(&b.accel);
	assert_int_equal(bus_create(&b.pio), 0);
	assert_int_equal(
		power_create(b.pio, NULL, &b.accel, &ops, NULL, &b.power), 0);
	start(&guest, acpi_hammer, &b, &stop);
	for (int i = 0; i < ROUNDS; i++)
		power_press(b.power);
	power_reset(b.power);
	stop = true;
	join(&guest);
	power_destroy(b.power);
	bus_destroy(b.pio);
	fake_accel_finish(&b.accel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bus_is_changed_while_it_is_used),
		cmocka_unit_test(requests_are_handled_while_registers_are_read),
		cmocka_unit_test(bars_move_under_running_cpus),
		cmocka_unit_test(a_console_loses_nothing),
		cmocka_unit_test(clients_come_and_go_while_the_guest_talks),
		cmocka_unit_test(
			the_button_is_pressed_while_registers_are_used),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
