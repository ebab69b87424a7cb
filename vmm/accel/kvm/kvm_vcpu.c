/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One vCPU and its thread.
 *
 * Theory of operation. The thread is in one of two places: parked, waiting on
 * accel->changed, or in its loop around KVM_RUN. It parks only when KVM_RUN
 * has said EINTR, for only then is the access that the CPU was in complete and
 * its state whole. So a pause sets immediate_exit, sends the signal, and waits
 * for the parked flag. A CPU that cannot go on is stuck: it parks by itself
 * and stays there until a reset clears the flag.
 */
#include "accel_kvm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "space/bus.h"

/* Registers are little-endian bytes in the kvm_run page. */
static uint64_t bytes_load(const uint8_t *data, unsigned int len)
{
	uint64_t value = 0;

	memcpy(&value, data, len);
	return value;
}

static void vcpu_exit_io(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	struct bus *bus = vcpu->accel->config.pio;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_OUT) {
			bus_write(bus, run->io.port,
				  bytes_load(data, run->io.size), run->io.size);
		} else {
			uint64_t value =
				bus_read(bus, run->io.port, run->io.size);

			memcpy(data, &value, run->io.size);
		}
	}
}

static void vcpu_exit_mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	struct bus *bus = vcpu->accel->config.mmio;
	uint64_t value;

	if (run->mmio.is_write) {
		bus_write(bus, run->mmio.phys_addr,
			  bytes_load(run->mmio.data, run->mmio.len),
			  run->mmio.len);
		return;
	}
	value = bus_read(bus, run->mmio.phys_addr, run->mmio.len);
	memcpy(run->mmio.data, &value, run->mmio.len);
}

static void vcpu_stick(struct vcpu *vcpu, enum accel_event event,
		       const char *why)
{
	struct kvm_accel *accel = vcpu->accel;

	pthread_mutex_lock(&accel->lock);
	vcpu->stuck = true;
	pthread_mutex_unlock(&accel->lock);
	accel->config.event(accel->config.opaque, event, why);
}

static void vcpu_stick_error(struct vcpu *vcpu, const char *what, int detail)
{
	char why[128];

	snprintf(why, sizeof(why), "vCPU %u cannot go on: %s (%d)", vcpu->index,
		 what, detail);
	vcpu_stick(vcpu, ACCEL_EVENT_ERROR, why);
}

static void vcpu_handle_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		vcpu_exit_io(vcpu);
		break;
	case KVM_EXIT_MMIO:
		vcpu_exit_mmio(vcpu);
		break;
	case KVM_EXIT_SHUTDOWN:
		vcpu_stick(vcpu, ACCEL_EVENT_RESET, "triple fault");
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		vcpu_stick_error(vcpu,
				 "KVM cannot emulate what the guest executed, "
				 "internal error",
				 (int)run->internal.suberror);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		vcpu_stick_error(
			vcpu, "the hardware refused to enter the guest, reason",
			(int)run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTR:
		break;
	default:
		vcpu_stick_error(vcpu, "KVM stopped it for a reason unknown",
				 (int)run->exit_reason);
		break;
	}
}

static bool vcpu_must_wait(const struct vcpu *vcpu)
{
	return (vcpu->accel->paused || vcpu->stuck) && !vcpu->accel->quit;
}

/* Returns false when the thread shall end. */
static bool vcpu_park(struct vcpu *vcpu)
{
	struct kvm_accel *accel = vcpu->accel;
	bool quit;

	pthread_mutex_lock(&accel->lock);
	vcpu->parked = true;
	pthread_cond_broadcast(&accel->changed);
	while (vcpu_must_wait(vcpu))
		pthread_cond_wait(&accel->changed, &accel->lock);
	vcpu->parked = false;
	quit = accel->quit;
	pthread_mutex_unlock(&accel->lock);
	return !quit;
}

static void *vcpu_thread(void *opaque)
{
	struct vcpu *vcpu = opaque;
	char name[16];

	snprintf(name, sizeof(name), "vcpu%u", vcpu->index);
	pthread_setname_np(pthread_self(), name);
	vcpu->tid = gettid();
	while (vcpu_park(vcpu)) {
		int ret;

		do {
			ret = ioctl(vcpu->fd, KVM_RUN, 0);
			if (ret == 0)
				vcpu_handle_exit(vcpu);
			else if (errno != EINTR && errno != EAGAIN)
				vcpu_stick_error(vcpu,
						 "the guest used memory that "
						 "is not there, error",
						 errno);
		} while (!(ret < 0 && errno == EINTR) && !vcpu->stuck);
	}
	return NULL;
}

static void signal_ignore(int signo)
{
	(void)signo; /* it need only interrupt KVM_RUN */
}

/* Once it is parked, its thread has told its id. */
static int thread_start(struct vcpu *vcpu)
{
	struct kvm_accel *accel = vcpu->accel;
	struct sigaction sa = { .sa_handler = signal_ignore };
	int ret;

	sigaction(SIGUSR1, &sa, NULL);
	ret = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
	if (ret)
		return -ret;
	vcpu->started = true;
	pthread_mutex_lock(&accel->lock);
	while (!vcpu->parked)
		pthread_cond_wait(&accel->changed, &accel->lock);
	pthread_mutex_unlock(&accel->lock);
	return 0;
}

int vcpu_create(struct kvm_accel *accel, unsigned int index, struct vcpu *vcpu,
		struct pm_error *err)
{
	int size = ioctl(accel->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	void *run;
	int ret;

	vcpu->accel = accel;
	vcpu->index = index;
	vcpu->fd = ioctl(accel->vm_fd, KVM_CREATE_VCPU, index);
	if (vcpu->fd < 0)
		return pm_error_set(err, errno,
				    "KVM cannot create vCPU %u (%s)", index,
				    strerror(errno));
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (run == MAP_FAILED)
		return pm_error_set(err, errno,
				    "vCPU %u's state cannot be mapped (%s)",
				    index, strerror(errno));
	vcpu->run = run;
	vcpu->run_size = size;
	ret = accel->arch->vcpu_init(vcpu, err);
	if (!ret)
		ret = accel->arch->vcpu_save(vcpu, err);
	if (ret)
		return ret;
	ret = thread_start(vcpu);
	if (ret)
		return pm_error_set(err, -ret, "vCPU %u cannot be started (%s)",
				    index, strerror(-ret));
	return 0;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	if (vcpu->started)
		pthread_join(vcpu->thread, NULL);
	if (vcpu->accel)
		vcpu->accel->arch->vcpu_finish(vcpu);
	if (vcpu->run)
		munmap(vcpu->run, vcpu->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
}
