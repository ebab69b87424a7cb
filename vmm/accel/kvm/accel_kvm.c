/* SPDX-License-Identifier: BSD-3-Clause */
/* The KVM accelerator: the virtual machine, its memory and interrupts. */
#include "accel_kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arch/arch.h"

/* Many more than devices ask for; KVM itself allows 32764 on x86. */
#define SLOTS_MAX 16384

static int kvm_open(struct kvm_accel *accel, struct pm_error *err)
{
	int version;

	accel->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (accel->kvm_fd < 0 && (errno == EACCES || errno == EPERM))
		return pm_error_set(
			err, errno,
			"/dev/kvm may not be opened by this user (%s): join "
			"the group that owns it, often kvm",
			strerror(errno));
	if (accel->kvm_fd < 0)
		return pm_error_set(
			err, errno,
			"/dev/kvm cannot be opened (%s): load the kvm-intel or "
			"kvm-amd module, enable virtualization in the "
			"firmware, or run this where KVM is",
			strerror(errno));
	version = ioctl(accel->kvm_fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION)
		return pm_error_set(err, ENODEV,
				    "/dev/kvm speaks API version %d and not "
				    "%d: it is not the KVM of a Linux kernel",
				    version, KVM_API_VERSION);
	return 0;
}

static int kvm_check_capabilities(struct kvm_accel *accel, struct pm_error *err)
{
	static const struct {
		int cap;
		const char *name;
	} needed[] = {
		{ KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP" },
		{ KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING" },
		{ KVM_CAP_IRQFD, "KVM_CAP_IRQFD" },
		{ KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD" },
		{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
		{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (ioctl(accel->kvm_fd, KVM_CHECK_EXTENSION, needed[i].cap) <=
		    0)
			return pm_error_set(err, ENODEV,
					    "this host's KVM lacks %s: a Linux "
					    "kernel of 4.11 or later is needed",
					    needed[i].name);
	return 0;
}

static int kvm_check_cpus(struct kvm_accel *accel, struct pm_error *err)
{
	int max = ioctl(accel->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);

	if (max > 0 && accel->config.cpus > (unsigned int)max)
		return pm_error_set(err, EINVAL,
				    "%u CPUs are more than this host's KVM "
				    "allows in a VM (%d)",
				    accel->config.cpus, max);
	return 0;
}

static int vm_create(struct kvm_accel *accel, struct pm_error *err)
{
	/* EINTR comes from signals while KVM takes all of the mm's locks. */
	do
		accel->vm_fd = ioctl(accel->kvm_fd, KVM_CREATE_VM, 0);
	while (accel->vm_fd < 0 && errno == EINTR);
	if (accel->vm_fd < 0)
		return pm_error_set(err, errno,
				    "KVM cannot create a virtual machine (%s)",
				    strerror(errno));
	return 0;
}

static int slots_init(struct kvm_accel *accel)
{
	int max =
		ioctl(accel->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);

	if (max <= 0)
		max = 32;
	accel->nr_slots = max < SLOTS_MAX ? max : SLOTS_MAX;
	accel->slots = calloc(accel->nr_slots, sizeof(*accel->slots));
	return accel->slots ? 0 : -ENOMEM;
}

static int routing_apply(struct kvm_accel *accel)
{
	return ioctl(accel->vm_fd, KVM_SET_GSI_ROUTING, accel->routing) < 0
		       ? -errno
		       : 0;
}

static int routing_init(struct kvm_accel *accel)
{
	accel->routing =
		calloc(1, sizeof(*accel->routing) +
				  (accel->arch->line_routes_max + KVM_MSI_MAX) *
					  sizeof(accel->routing->entries[0]));
	if (!accel->routing)
		return -ENOMEM;
	accel->routing->nr = accel->arch->line_routes(accel->routing->entries);
	return routing_apply(accel);
}

static int vcpus_create(struct kvm_accel *accel, struct pm_error *err)
{
	int ret = 0;

	accel->vcpus = calloc(accel->config.cpus, sizeof(*accel->vcpus));
	if (!accel->vcpus)
		return pm_error_set(err, ENOMEM, "no memory for %u vCPUs",
				    accel->config.cpus);
	for (unsigned int i = 0; i < accel->config.cpus; i++)
		accel->vcpus[i].fd = -1;
	for (unsigned int i = 0; i < accel->config.cpus && !ret; i++)
		ret = vcpu_create(accel, i, &accel->vcpus[i], err);
	return ret;
}

static int accel_init(struct kvm_accel *accel, struct pm_error *err)
{
	int ret;

	ret = kvm_open(accel, err);
	if (!ret)
		ret = kvm_check_capabilities(accel, err);
	if (!ret)
		ret = kvm_check_cpus(accel, err);
	if (!ret)
		ret = vm_create(accel, err);
	if (!ret)
		ret = accel->arch->vm_init(accel, err);
	if (ret)
		return ret;
	ret = slots_init(accel);
	if (!ret)
		ret = routing_init(accel);
	if (ret)
		return pm_error_set(
			err, -ret,
			"KVM cannot set up the machine's interrupts (%s)",
			strerror(-ret));
	ret = vcpus_create(accel, err);
	if (ret)
		return ret;
	ret = accel->arch->vm_save(accel);
	if (ret)
		return pm_error_set(err, -ret,
				    "KVM does not tell the power-on state of "
				    "the machine (%s)",
				    strerror(-ret));
	return 0;
}

/* ---- memory -------------------------------------------------------------- */

static int slot_set(struct kvm_accel *accel,
		    const struct kvm_userspace_memory_region *slot)
{
	return ioctl(accel->vm_fd, KVM_SET_USER_MEMORY_REGION, slot) < 0
		       ? -errno
		       : 0;
}

static int kvm_add_memory(struct accel *base, uint64_t gpa, uint64_t size,
			  void *host)
{
	struct kvm_accel *accel = accel_to_kvm(base);
	struct kvm_userspace_memory_region slot = {
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};
	int ret;

	while (slot.slot < accel->nr_slots &&
	       accel->slots[slot.slot].memory_size)
		slot.slot++;
	if (slot.slot == accel->nr_slots)
		return -ENOSPC;
	ret = slot_set(accel, &slot);
	if (!ret)
		accel->slots[slot.slot] = slot;
	return ret;
}

static void kvm_remove_memory(struct accel *base, uint64_t gpa)
{
	struct kvm_accel *accel = accel_to_kvm(base);
	for (unsigned int i = 0; i < accel->nr_slots; i++) {
		struct kvm_userspace_memory_region *slot = &accel->slots[i];

		if (!slot->memory_size || slot->guest_phys_addr != gpa)
			continue;
		slot->memory_size = 0;
		slot_set(accel, slot);
	}
}

/* ---- interrupts and notifications ---------------------------------------- */

static void kvm_set_irq(struct accel *base, unsigned int irq, bool level)
{
	struct kvm_accel *accel = accel_to_kvm(base);

	accel->arch->set_line(accel, irq, level);
}

static int kvm_ioeventfd(struct accel *base, uint64_t gpa, int fd, bool on)
{
	struct kvm_accel *accel = accel_to_kvm(base);
	/* Length 0 matches a write of any width and needs no data compare. */
	struct kvm_ioeventfd io = {
		.addr = gpa,
		.fd = fd,
		.flags = on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN,
	};

	return ioctl(accel->vm_fd, KVM_IOEVENTFD, &io) < 0 ? -errno : 0;
}

static int irqfd_set(struct kvm_accel *accel, int route, int fd, uint32_t flags)
{
	struct kvm_irqfd irqfd = { .fd = fd, .gsi = route, .flags = flags };

	return ioctl(accel->vm_fd, KVM_IRQFD, &irqfd) < 0 ? -errno : 0;
}

static int kvm_msi_alloc(struct accel *base)
{
	struct kvm_accel *accel = accel_to_kvm(base);
	int route = -ENOSPC;

	pthread_mutex_lock(&accel->route_lock);
	if (accel->nr_msi < KVM_MSI_MAX)
		route = accel->arch->irq_lines + accel->nr_msi++;
	pthread_mutex_unlock(&accel->route_lock);
	return route;
}

static struct kvm_irq_routing_entry *route_find(struct kvm_accel *accel,
						int route)
{
	struct kvm_irq_routing *r = accel->routing;
	unsigned int i = 0;

	while (i < r->nr && (r->entries[i].gsi != (uint32_t)route ||
			     r->entries[i].type != KVM_IRQ_ROUTING_MSI))
		i++;
	if (i == r->nr)
		r->nr++;
	return &r->entries[i];
}

static int kvm_msi_connect(struct accel *base, int route, int fd,
			   uint64_t address, uint32_t data)
{
	struct kvm_accel *accel = accel_to_kvm(base);
	struct kvm_irq_routing_entry *entry;
	int ret;

	pthread_mutex_lock(&accel->route_lock);
	entry = route_find(accel, route);
	*entry = (struct kvm_irq_routing_entry){
		.gsi = route,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = (uint32_t)address,
			   .address_hi = address >> 32,
			   .data = data },
	};
	ret = routing_apply(accel);
	if (!ret)
		ret = irqfd_set(accel, route, fd, 0);
	pthread_mutex_unlock(&accel->route_lock);
	return ret;
}

static int kvm_msi_send(struct accel *base, uint64_t address, uint32_t data)
{
	struct kvm_accel *accel = accel_to_kvm(base);
	struct kvm_msi msi = {
		.address_lo = (uint32_t)address,
		.address_hi = address >> 32,
		.data = data,
	};

	return ioctl(accel->vm_fd, KVM_SIGNAL_MSI, &msi) < 0 ? -errno : 0;
}

static void kvm_msi_disconnect(struct accel *base, int route, int fd)
{
	struct kvm_accel *accel = accel_to_kvm(base);

	irqfd_set(accel, route, fd, KVM_IRQFD_FLAG_DEASSIGN);
}

/* ---- running ------------------------------------------------------------- */

static int kvm_reset(struct accel *base, const struct cpu_entry *entry,
		     struct pm_error *err)
{
	struct kvm_accel *accel = accel_to_kvm(base);
	int ret = accel->arch->vm_restore(accel, err);

	for (unsigned int i = 0; i < accel->config.cpus && !ret; i++) {
		accel->vcpus[i].stuck = false;
		ret = accel->arch->vcpu_restore(&accel->vcpus[i],
						i ? NULL : entry, err);
	}
	return ret;
}

static int kvm_get_registers(struct accel *base, unsigned int cpu,
			     struct cpu_registers *registers)
{
	struct kvm_accel *accel = accel_to_kvm(base);

	return accel->arch->vcpu_registers(&accel->vcpus[cpu], registers);
}

/*
 * A vCPU leaves the guest when immediate_exit is set, having completed the
 * access it was in; the signal wakes one that is inside already. Neither can
 * be missed, so each parks. One that waits for a page leaves when it has it,
 * without having executed the instruction.
 */
static void kvm_interrupt(struct accel *base)
{
	struct kvm_accel *accel = accel_to_kvm(base);

	pthread_mutex_lock(&accel->lock);
	accel->paused = true;
	for (unsigned int i = 0; i < accel->config.cpus; i++) {
		struct vcpu *vcpu = &accel->vcpus[i];

		if (!vcpu->started)
			continue;
		__atomic_store_n(&vcpu->run->immediate_exit, 1,
				 __ATOMIC_SEQ_CST);
		if (!vcpu->parked)
			pthread_kill(vcpu->thread, SIGUSR1);
	}
	pthread_mutex_unlock(&accel->lock);
}

static int kvm_vcpu_of_thread(struct accel *base, pid_t thread)
{
	struct kvm_accel *accel = accel_to_kvm(base);

	for (unsigned int i = 0; i < accel->config.cpus; i++)
		if (accel->vcpus[i].tid == thread)
			return (int)i;
	return -1;
}

static pid_t kvm_vcpu_thread_id(struct accel *base, unsigned int cpu)
{
	struct kvm_accel *accel = accel_to_kvm(base);

	return cpu < accel->config.cpus ? accel->vcpus[cpu].tid : -1;
}

static int kvm_inject_nmi(struct accel *base)
{
	struct kvm_accel *accel = accel_to_kvm(base);

	return accel->arch->inject_nmi(accel);
}

static void kvm_pause(struct accel *base)
{
	struct kvm_accel *accel = accel_to_kvm(base);

	if (accel->settled)
		return;
	kvm_interrupt(base);
	pthread_mutex_lock(&accel->lock);
	for (unsigned int i = 0; i < accel->config.cpus; i++)
		while (accel->vcpus[i].started && !accel->vcpus[i].parked)
			pthread_cond_wait(&accel->changed, &accel->lock);
	pthread_mutex_unlock(&accel->lock);
	accel->settled = true;
	accel->arch->paused(accel);
}

static void kvm_resume(struct accel *base)
{
	struct kvm_accel *accel = accel_to_kvm(base);

	accel->settled = false;
	accel->arch->resuming(accel);
	pthread_mutex_lock(&accel->lock);
	accel->paused = false;
	for (unsigned int i = 0; i < accel->config.cpus; i++)
		__atomic_store_n(&accel->vcpus[i].run->immediate_exit, 0,
				 __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&accel->changed);
	pthread_mutex_unlock(&accel->lock);
}

/* ---- life ---------------------------------------------------------------- */

static void vcpus_destroy(struct kvm_accel *accel)
{
	if (!accel->vcpus)
		return;
	kvm_pause(&accel->accel);
	pthread_mutex_lock(&accel->lock);
	accel->quit = true;
	pthread_cond_broadcast(&accel->changed);
	pthread_mutex_unlock(&accel->lock);
	for (unsigned int i = 0; i < accel->config.cpus; i++)
		vcpu_destroy(&accel->vcpus[i]);
	free(accel->vcpus);
}

static void kvm_destroy(struct accel *base)
{
	struct kvm_accel *accel = accel_to_kvm(base);
	vcpus_destroy(accel);
	accel->arch->vm_finish(accel);
	if (accel->vm_fd >= 0)
		close(accel->vm_fd);
	if (accel->kvm_fd >= 0)
		close(accel->kvm_fd);
	pthread_cond_destroy(&accel->changed);
	pthread_mutex_destroy(&accel->lock);
	pthread_mutex_destroy(&accel->route_lock);
	free(accel->routing);
	free(accel->slots);
	free(accel);
}

static const struct accel_ops kvm_ops = {
	.destroy = kvm_destroy,
	.add_memory = kvm_add_memory,
	.remove_memory = kvm_remove_memory,
	.set_irq = kvm_set_irq,
	.ioeventfd = kvm_ioeventfd,
	.msi_alloc = kvm_msi_alloc,
	.msi_connect = kvm_msi_connect,
	.msi_send = kvm_msi_send,
	.msi_disconnect = kvm_msi_disconnect,
	.reset = kvm_reset,
	.get_registers = kvm_get_registers,
	.pause = kvm_pause,
	.resume = kvm_resume,
	.interrupt = kvm_interrupt,
	.vcpu_of_thread = kvm_vcpu_of_thread,
	.vcpu_thread_id = kvm_vcpu_thread_id,
	.inject_nmi = kvm_inject_nmi,
};

int accel_kvm_create(const struct accel_config *config, struct accel **out,
		     struct pm_error *err)
{
	struct kvm_accel *accel = calloc(1, sizeof(*accel));
	int ret;

	if (!accel)
		return pm_error_set(err, ENOMEM, "no memory for the machine");
	accel->accel.ops = &kvm_ops;
	accel->config = *config;
	accel->arch = config->arch->kvm;
	accel->kvm_fd = -1;
	accel->vm_fd = -1;
	accel->paused = true;
	accel->settled = true;
	pthread_mutex_init(&accel->route_lock, NULL);
	pthread_mutex_init(&accel->lock, NULL);
	pthread_cond_init(&accel->changed, NULL);
	ret = accel_init(accel, err);
	if (ret) {
		kvm_destroy(&accel->accel);
		return ret;
	}
	*out = &accel->accel;
	return 0;
}
