/* SPDX-License-Identifier: BSD-3-Clause */
/* An accelerator without a CPU. */
#include "fake_accel.h"

#include "../unit/cmocka_all.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "space/bus.h"
#include "x86_64/registers.h"

void fake_accel_init(struct accel *a)
{
	memset(a, 0, sizeof(*a));
	pthread_mutex_init(&a->lock, NULL);
}

void fake_accel_finish(struct accel *a)
{
	for (unsigned int i = 0; i < a->nr_msi; i++)
		assert_false(a->msi[i].connected);
	pthread_mutex_destroy(&a->lock);
}

/* A failure that was asked for happens once. */
static int fail_once(int *fail)
{
	int ret = *fail;

	*fail = 0;
	return ret;
}

/* ---- what the machine calls ---------------------------------------------- */

unsigned int accel_address_bits(const struct accel *a)
{
	(void)a;
	return 46;
}

int accel_add_memory(struct accel *a, uint64_t gpa, uint64_t size, void *host)
{
	int ret = fail_once(&a->fail_add_memory);

	if (ret)
		return ret;
	for (unsigned int i = 0; i < a->nr_memory; i++)
		assert_false(gpa < a->memory[i].gpa + a->memory[i].size &&
			     a->memory[i].gpa < gpa + size);
	assert_true(a->nr_memory < FAKE_MEMORY_MAX);
	a->memory[a->nr_memory].gpa = gpa;
	a->memory[a->nr_memory].size = size;
	a->memory[a->nr_memory++].host = host;
	return 0;
}

void accel_remove_memory(struct accel *a, uint64_t gpa)
{
	unsigned int i = 0;

	while (i < a->nr_memory && a->memory[i].gpa != gpa)
		i++;
	assert_true(i < a->nr_memory);
	a->memory[i] = a->memory[--a->nr_memory];
	a->removals++;
}

void accel_interrupt(struct accel *a)
{
	(void)a;
}

int accel_vcpu_of_thread(struct accel *a, pid_t thread)
{
	(void)a, (void)thread;
	return -1;
}

pid_t accel_vcpu_thread_id(struct accel *a, unsigned int cpu)
{
	(void)a, (void)cpu;
	return -1;
}

int accel_inject_nmi(struct accel *a)
{
	(void)a;
	return -ENOTSUP;
}

void accel_set_irq(struct accel *a, unsigned int irq, bool level)
{
	pthread_mutex_lock(&a->lock);
	if (level && !a->irq[irq])
		a->rises[irq]++;
	a->irq[irq] = level;
	pthread_mutex_unlock(&a->lock);
}

static int ioeventfd_add(struct accel *a, uint64_t gpa, int fd)
{
	int ret = fail_once(&a->fail_ioeventfd);

	if (ret)
		return ret;
	if (a->nr_ioeventfds == FAKE_IOEVENTFD_MAX)
		return -ENOSPC;
	a->ioeventfds[a->nr_ioeventfds].gpa = gpa;
	a->ioeventfds[a->nr_ioeventfds++].fd = fd;
	return 0;
}

static int ioeventfd_remove(struct accel *a, uint64_t gpa, int fd)
{
	for (unsigned int i = 0; i < a->nr_ioeventfds; i++) {
		if (a->ioeventfds[i].gpa != gpa || a->ioeventfds[i].fd != fd)
			continue;
		a->ioeventfds[i] = a->ioeventfds[--a->nr_ioeventfds];
		return 0;
	}
	return -ENOENT;
}

int accel_ioeventfd(struct accel *a, uint64_t gpa, int fd, bool on)
{
	int ret;

	pthread_mutex_lock(&a->lock);
	ret = on ? ioeventfd_add(a, gpa, fd) : ioeventfd_remove(a, gpa, fd);
	pthread_mutex_unlock(&a->lock);
	return ret;
}

int accel_msi_alloc(struct accel *a)
{
	int ret = fail_once(&a->fail_msi_alloc);

	if (ret)
		return ret;
	return a->nr_msi < FAKE_MSI_MAX ? (int)a->nr_msi++ : -ENOSPC;
}

int accel_msi_connect(struct accel *a, int route, int fd, uint64_t address,
		      uint32_t data)
{
	struct fake_msi *m = &a->msi[route];
	int ret;

	pthread_mutex_lock(&a->lock);
	ret = m->connected ? -EBUSY : fail_once(&a->fail_msi_connect);
	if (!ret) {
		m->connected = true;
		m->fd = fd;
		m->address = address;
		m->data = data;
		m->connects++;
	}
	pthread_mutex_unlock(&a->lock);
	return ret;
}

int accel_msi_send(struct accel *a, uint64_t address, uint32_t data)
{
	int ret;

	pthread_mutex_lock(&a->lock);
	ret = fail_once(&a->fail_msi_send);
	if (!ret) {
		a->sent.address = address;
		a->sent.data = data;
		a->sent.count++;
	}
	pthread_mutex_unlock(&a->lock);
	return ret;
}

void accel_msi_disconnect(struct accel *a, int route, int fd)
{
	pthread_mutex_lock(&a->lock);
	if (a->msi[route].fd == fd)
		a->msi[route].connected = false;
	pthread_mutex_unlock(&a->lock);
}

int accel_get_registers(struct accel *a, unsigned int cpu,
			struct cpu_registers *registers)
{
	if (!a->registers)
		return -ENOTSUP;
	*registers = a->registers[cpu];
	return 0;
}

/* ---- what the test does -------------------------------------------------- */

/* As KVM: the write that an ioeventfd catches does not reach the bus. */
void fake_guest_write(struct accel *a, struct bus *mmio, uint64_t gpa,
		      uint64_t value, unsigned int len)
{
	const uint64_t one = 1;
	bool caught = false;

	pthread_mutex_lock(&a->lock);
	for (unsigned int i = 0; i < a->nr_ioeventfds && !caught; i++)
		if (a->ioeventfds[i].gpa == gpa)
			caught = write(a->ioeventfds[i].fd, &one, 8) == 8;
	pthread_mutex_unlock(&a->lock);
	if (!caught)
		bus_write(mmio, gpa, value, len);
}

uint64_t fake_msi_take(struct accel *a, int route)
{
	uint64_t count = 0;

	if (!a->msi[route].connects || read(a->msi[route].fd, &count, 8) != 8)
		return 0;
	return count;
}

bool fake_irq_level(struct accel *a, unsigned int irq)
{
	bool level;

	pthread_mutex_lock(&a->lock);
	level = a->irq[irq];
	pthread_mutex_unlock(&a->lock);
	return level;
}
