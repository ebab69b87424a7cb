/* SPDX-License-Identifier: BSD-3-Clause */
/* From accel.h to the accelerator that the machine was created with. */
#include "accel_ops.h"

void accel_destroy(struct accel *accel)
{
	if (accel)
		accel->ops->destroy(accel);
}

unsigned int accel_address_bits(const struct accel *accel)
{
	return accel->address_bits;
}

int accel_add_memory(struct accel *accel, uint64_t gpa, uint64_t size,
		     void *host)
{
	return accel->ops->add_memory(accel, gpa, size, host);
}

void accel_remove_memory(struct accel *accel, uint64_t gpa)
{
	accel->ops->remove_memory(accel, gpa);
}

void accel_set_irq(struct accel *accel, unsigned int irq, bool level)
{
	accel->ops->set_irq(accel, irq, level);
}

int accel_ioeventfd(struct accel *accel, uint64_t gpa, int fd, bool on)
{
	return accel->ops->ioeventfd(accel, gpa, fd, on);
}

int accel_msi_alloc(struct accel *accel)
{
	return accel->ops->msi_alloc(accel);
}

int accel_msi_connect(struct accel *accel, int route, int fd, uint64_t address,
		      uint32_t data)
{
	return accel->ops->msi_connect(accel, route, fd, address, data);
}

int accel_msi_send(struct accel *accel, uint64_t address, uint32_t data)
{
	return accel->ops->msi_send(accel, address, data);
}

void accel_msi_disconnect(struct accel *accel, int route, int fd)
{
	accel->ops->msi_disconnect(accel, route, fd);
}

int accel_reset(struct accel *accel, const struct cpu_entry *entry,
		struct pm_error *err)
{
	return accel->ops->reset(accel, entry, err);
}

int accel_get_registers(struct accel *accel, unsigned int cpu,
			struct cpu_registers *registers)
{
	return accel->ops->get_registers(accel, cpu, registers);
}

void accel_pause(struct accel *accel)
{
	accel->ops->pause(accel);
}

void accel_resume(struct accel *accel)
{
	accel->ops->resume(accel);
}

void accel_interrupt(struct accel *accel)
{
	accel->ops->interrupt(accel);
}

int accel_vcpu_of_thread(struct accel *accel, pid_t thread)
{
	return accel->ops->vcpu_of_thread(accel, thread);
}

pid_t accel_vcpu_thread_id(struct accel *accel, unsigned int cpu)
{
	return accel->ops->vcpu_thread_id(accel, cpu);
}

int accel_inject_nmi(struct accel *accel)
{
	return accel->ops->inject_nmi(accel);
}
