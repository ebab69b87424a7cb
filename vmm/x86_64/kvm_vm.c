/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An x86-64 machine under KVM: interrupt controllers, the PIT, and the guest's
 * clock, which stands while the guest does.
 */
#include "accel/kvm/accel_kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm.h"
#include "layout.h"

/* A message to one local APIC by its id. */
#define MSI_ADDRESS           MAP_LAPIC_BASE
#define MSI_DESTINATION_SHIFT 12
#define MSI_DELIVER_NMI       (4u << 8)

/* Any address below 4 GiB that holds nothing else: three pages for the TSS. */
#define TSS_ADDRESS          0xfffbd000u
#define IDENTITY_MAP_ADDRESS UINT64_C(0xfffbc000)

#define CHIPS     3 /* both 8259s and the I/O APIC */
#define PIC_LINES 16

struct vm_state {
	struct kvm_irqchip chips[CHIPS];
	struct kvm_pit_state2 pit;
	struct kvm_clock_data clock; /* when it was paused */
};

static int clock_check(struct kvm_accel *accel, struct pm_error *err)
{
	if (ioctl(accel->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_ADJUST_CLOCK) > 0)
		return 0;
	return pm_error_set(err, ENODEV,
			    "this host's KVM lacks KVM_CAP_ADJUST_CLOCK: a "
			    "Linux kernel of 4.11 or later is needed");
}

static int vm_init(struct kvm_accel *accel, struct pm_error *err)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t identity = IDENTITY_MAP_ADDRESS;
	int ret = clock_check(accel, err);

	if (ret)
		return ret;
	if (ioctl(accel->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0 ||
	    ioctl(accel->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS) < 0 ||
	    ioctl(accel->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0 ||
	    ioctl(accel->vm_fd, KVM_CREATE_PIT2, &pit) < 0)
		return pm_error_set(
			err, errno,
			"KVM cannot create the interrupt controllers (%s)",
			strerror(errno));
	return 0;
}

static unsigned int line_routes(struct kvm_irq_routing_entry *e)
{
	unsigned int nr = 0;

	for (unsigned int irq = 0; irq < IRQ_LINES; irq++) {
		e[nr++] = (struct kvm_irq_routing_entry){
			.gsi = irq,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { KVM_IRQCHIP_IOAPIC, irq },
		};
		if (irq >= PIC_LINES)
			continue;
		e[nr++] = (struct kvm_irq_routing_entry){
			.gsi = irq,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { irq < 8 ? KVM_IRQCHIP_PIC_MASTER
					       : KVM_IRQCHIP_PIC_SLAVE,
				       irq % 8 },
		};
	}
	return nr;
}

static int vm_save(struct kvm_accel *accel)
{
	struct vm_state *state = calloc(1, sizeof(*state));

	if (!state)
		return -ENOMEM;
	accel->state = state;
	for (unsigned int i = 0; i < CHIPS; i++) {
		state->chips[i].chip_id = i;
		if (ioctl(accel->vm_fd, KVM_GET_IRQCHIP, &state->chips[i]) < 0)
			return -errno;
	}
	return ioctl(accel->vm_fd, KVM_GET_PIT2, &state->pit) < 0 ? -errno : 0;
}

static int vm_restore(struct kvm_accel *accel, struct pm_error *err)
{
	struct vm_state *state = accel->state;
	int ret = 0;

	for (unsigned int i = 0; i < CHIPS && !ret; i++)
		ret = ioctl(accel->vm_fd, KVM_SET_IRQCHIP, &state->chips[i]);
	if (!ret)
		ret = ioctl(accel->vm_fd, KVM_SET_PIT2, &state->pit);
	if (ret)
		return pm_error_set(err, errno,
				    "KVM does not take the power-on state of "
				    "the interrupt controllers (%s)",
				    strerror(errno));
	state->clock.clock = 0;
	return 0;
}

static void vm_finish(struct kvm_accel *accel)
{
	free(accel->state);
}

static void paused(struct kvm_accel *accel)
{
	ioctl(accel->vm_fd, KVM_GET_CLOCK, &accel->state->clock);
}

/* The guest's clock goes on where it stood. */
static void resuming(struct kvm_accel *accel)
{
	accel->state->clock.flags = 0;
	ioctl(accel->vm_fd, KVM_SET_CLOCK, &accel->state->clock);
	/* Tells the guest's watchdog that it was paused, if it asked. */
	for (unsigned int i = 0; i < accel->config.cpus; i++)
		ioctl(accel->vcpus[i].fd, KVM_KVMCLOCK_CTRL, 0);
}

static void set_line(struct kvm_accel *accel, unsigned int irq, bool level)
{
	struct kvm_irq_level line = { .irq = irq, .level = level };

	ioctl(accel->vm_fd, KVM_IRQ_LINE, &line);
}

/*
 * A message reaches a CPU's local APIC at any time, while KVM_NMI would wait
 * for a vCPU that is in the guest to leave it.
 */
static int inject_nmi(struct kvm_accel *accel)
{
	for (unsigned int i = 0; i < accel->config.cpus; i++) {
		struct kvm_msi msi = {
			.address_lo = MSI_ADDRESS | i << MSI_DESTINATION_SHIFT,
			.data = MSI_DELIVER_NMI,
		};

		if (ioctl(accel->vm_fd, KVM_SIGNAL_MSI, &msi) < 0)
			return -errno;
	}
	return 0;
}

const struct kvm_arch_ops x86_64_kvm = {
	.irq_lines = IRQ_LINES,
	.line_routes_max = IRQ_LINES + PIC_LINES,
	.line_routes = line_routes,
	.set_line = set_line,
	.vm_init = vm_init,
	.vm_save = vm_save,
	.vm_restore = vm_restore,
	.vm_finish = vm_finish,
	.paused = paused,
	.resuming = resuming,
	.vcpu_init = x86_64_vcpu_init,
	.vcpu_save = x86_64_vcpu_save,
	.vcpu_restore = x86_64_vcpu_restore,
	.vcpu_finish = x86_64_vcpu_finish,
	.vcpu_registers = x86_64_vcpu_registers,
	.inject_nmi = inject_nmi,
};
