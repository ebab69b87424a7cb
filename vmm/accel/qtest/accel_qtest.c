/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The accelerator without a CPU.
 *
 * Theory of operation. There is nothing to run: the client of the socket reads
 * and writes ports and memory (qtest/commands.c), on the main thread. What a
 * hypervisor would do with the rest is done in the plainest way:
 *
 *	memory          is looked up in guest_memory at each access, so that
 *	                what is unplugged is never there
 *	notifications   reach the device through the bus
 *	messages        an eventfd is a source of the loop; the message is a
 *	                write of its data to its address, in memory most often,
 *	                where the test looks for it
 *	lines           are levels; their changes are told when asked for
 */
#include "accel_qtest.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "arch/arch.h"
#include "qtest.h"

static_assert(offsetof(struct qtest, accel) == 0, "from_accel()");

static struct qtest *from_accel(struct accel *accel)
{
	return (struct qtest *)accel;
}

/* ---- memory and notifications -------------------------------------------- */

static int qtest_add_memory(struct accel *accel, uint64_t gpa, uint64_t size,
			    void *host)
{
	(void)accel, (void)gpa, (void)size, (void)host;
	return 0;
}

static void qtest_remove_memory(struct accel *accel, uint64_t gpa)
{
	(void)accel, (void)gpa;
}

static int qtest_ioeventfd(struct accel *accel, uint64_t gpa, int fd, bool on)
{
	(void)accel, (void)gpa, (void)fd, (void)on;
	return -ENOTSUP;
}

/* ---- lines --------------------------------------------------------------- */

bool qtest_intercept(struct qtest *q, const char *path, bool in)
{
	for (size_t i = 0; i < q->arch->nr_lines; i++) {
		const struct arch_lines *lines = &q->arch->lines[i];

		if (strcmp(lines->name, path) || lines->in != in)
			continue;
		if (q->intercepted && q->intercepted != lines)
			return false;
		q->intercepted = lines;
		return true;
	}
	return false;
}

static void qtest_set_irq(struct accel *accel, unsigned int irq, bool level)
{
	struct qtest *q = from_accel(accel);
	const struct arch_lines *told = q->intercepted;

	if (q->level[irq] == level)
		return;
	q->level[irq] = level;
	if (told && irq >= told->first && irq - told->first < told->count)
		qtest_say(q, "IRQ %s %u\n", level ? "raise" : "lower",
			  irq - told->first);
}

/* ---- messages ------------------------------------------------------------ */

static void msi_ready(void *opaque, uint32_t events)
{
	struct qtest_msi *msi = opaque;
	uint32_t data = htole32(msi->data);
	uint64_t count;

	(void)events;
	if (read(msi->source.fd, &count, sizeof(count)) == sizeof(count))
		space_write(&msi->qtest->space, msi->address, &data,
			    sizeof(data));
}

static int qtest_msi_alloc(struct accel *accel)
{
	struct qtest *q = from_accel(accel);

	return q->nr_msi < QTEST_MSI_MAX ? (int)q->nr_msi++ : -ENOSPC;
}

static int qtest_msi_connect(struct accel *accel, int route, int fd,
			     uint64_t address, uint32_t data)
{
	struct qtest *q = from_accel(accel);
	struct qtest_msi *msi = &q->msi[route];

	*msi = (struct qtest_msi){
		.source = { .fd = fd, .fn = msi_ready, .opaque = msi },
		.qtest = q,
		.address = address,
		.data = data,
	};
	return loop_add(q->loop, &msi->source, EPOLLIN);
}

static int qtest_msi_send(struct accel *accel, uint64_t address, uint32_t data)
{
	uint32_t word = htole32(data);

	space_write(&from_accel(accel)->space, address, &word, sizeof(word));
	return 0;
}

/* What was notified before is sent first, as an interrupt would have been. */
static void qtest_msi_disconnect(struct accel *accel, int route, int fd)
{
	struct qtest *q = from_accel(accel);

	(void)fd;
	msi_ready(&q->msi[route], 0);
	loop_remove(q->loop, &q->msi[route].source);
}

/* ---- life ---------------------------------------------------------------- */

static int qtest_reset(struct accel *accel, const struct cpu_entry *entry,
		       struct pm_error *err)
{
	(void)accel, (void)entry, (void)err;
	return 0;
}

static int qtest_get_registers(struct accel *accel, unsigned int cpu,
			       struct cpu_registers *registers)
{
	(void)accel, (void)cpu, (void)registers;
	return -ENOTSUP;
}

static void qtest_pause(struct accel *accel)
{
	(void)accel;
}

static void qtest_resume(struct accel *accel)
{
	(void)accel;
}

static void qtest_interrupt(struct accel *accel)
{
	(void)accel;
}

static int qtest_vcpu_of_thread(struct accel *accel, pid_t thread)
{
	(void)accel, (void)thread;
	return -1;
}

static pid_t qtest_vcpu_thread_id(struct accel *accel, unsigned int cpu)
{
	(void)accel, (void)cpu;
	return -1;
}

static int qtest_inject_nmi(struct accel *accel)
{
	(void)accel;
	return -ENOTSUP;
}

static void qtest_destroy(struct accel *accel)
{
	struct qtest *q = from_accel(accel);

	qtest_server_close(q);
	free(q);
}

static const struct accel_ops qtest_ops = {
	.destroy = qtest_destroy,
	.add_memory = qtest_add_memory,
	.remove_memory = qtest_remove_memory,
	.set_irq = qtest_set_irq,
	.ioeventfd = qtest_ioeventfd,
	.msi_alloc = qtest_msi_alloc,
	.msi_connect = qtest_msi_connect,
	.msi_send = qtest_msi_send,
	.msi_disconnect = qtest_msi_disconnect,
	.reset = qtest_reset,
	.get_registers = qtest_get_registers,
	.pause = qtest_pause,
	.resume = qtest_resume,
	.interrupt = qtest_interrupt,
	.vcpu_of_thread = qtest_vcpu_of_thread,
	.vcpu_thread_id = qtest_vcpu_thread_id,
	.inject_nmi = qtest_inject_nmi,
};

int accel_qtest_create(const struct accel_qtest_config *config,
		       struct accel **out, struct pm_error *err)
{
	struct qtest *q = calloc(1, sizeof(*q));
	int ret;

	if (!q)
		return pm_error_set(err, ENOMEM, "no memory for the machine");
	q->accel.ops = &qtest_ops;
	/* No CPU is there to have less. */
	q->accel.address_bits = config->arch->layout.address_bits_max;
	q->arch = config->arch;
	q->loop = config->loop;
	q->pio = config->pio;
	q->space.mmio = config->mmio;
	q->space.memory = config->memory;
	loop_clock_virtual(q->loop);
	ret = qtest_server_open(q, config->path, err);
	if (ret < 0) {
		free(q);
		return ret;
	}
	*out = &q->accel;
	return 0;
}
