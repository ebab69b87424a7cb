/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model-specific registers of an x86-64 CPU under KVM.
 *
 * KVM enumerates most of those that have a state; it leaves out what it keeps
 * without having been asked: memory types, machine checks, and a few more. Of
 * both lists those are kept that can be read and written back, one by one, on
 * a fresh CPU.
 *
 * KVM takes a list in its order and stops at the first that it refuses, and
 * says how many it took. A count that is short is never passed over.
 */
#include "kvm_msrs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/accel_kvm.h"

union one_msr {
	LIST(struct kvm_msrs, struct kvm_msr_entry, 1);
};

union msr_list {
	LIST(struct kvm_msr_list, uint32_t, MSRS_MAX);
};

/* What KVM has and does not enumerate, in ranges. */
static const struct {
	uint32_t first, count;
} unlisted[] = {
	{ 0x1d9, 1 },  /* DEBUGCTL */
	{ 0x200, 16 }, /* memory types: variable ranges, ... */
	{ 0x250, 1 },  /* ... fixed ones, ... */
	{ 0x258, 2 },      { 0x268, 8 }, { 0x2ff, 1 }, /* ... and the default */
	{ 0x400, 4 * 32 }, /* machine checks, four of each bank */
	{ 0xda0, 1 },      /* XSS */
	{ 0xc0000104, 1 }, /* AMD: ratio of a nested guest's TSC, */
	{ 0xc0010015, 1 }, /* hardware configuration, */
	{ 0xc0010117, 1 }, /* where VMRUN saves the host's state */
};

/* KVM_GET_MSRS and KVM_SET_MSRS say how many they took. */
static int one_ioctl(const struct vcpu *vcpu, unsigned long what,
		     union one_msr *one)
{
	int ret = ioctl(vcpu->fd, what, one);

	if (ret < 0)
		return -errno;
	return ret == 1 ? 0 : -EIO;
}

int cpu_msr_read(const struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	union one_msr one = { .list.nmsrs = 1 };
	int ret;

	one.list.entries[0].index = index;
	ret = one_ioctl(vcpu, KVM_GET_MSRS, &one);
	if (!ret)
		*value = one.list.entries[0].data;
	return ret;
}

int cpu_msr_write(const struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	union one_msr one = { .list.nmsrs = 1 };

	one.list.entries[0].index = index;
	one.list.entries[0].data = value;
	return one_ioctl(vcpu, KVM_SET_MSRS, &one);
}

/* ---- saving ------------------------------------------------------------------ */

static bool has(const union cpu_msrs *msrs, uint32_t index)
{
	for (uint32_t i = 0; i < msrs->list.nmsrs; i++)
		if (msrs->list.entries[i].index == index)
			return true;
	return false;
}

static void save_one(const struct vcpu *vcpu, uint32_t index,
		     union cpu_msrs *msrs)
{
	uint64_t value;

	if (msrs->list.nmsrs == MSRS_MAX || has(msrs, index))
		return;
	if (cpu_msr_read(vcpu, index, &value) ||
	    cpu_msr_write(vcpu, index, value))
		return;
	msrs->list.entries[msrs->list.nmsrs++] =
		(struct kvm_msr_entry){ .index = index, .data = value };
}

int msrs_save(const struct vcpu *vcpu, union cpu_msrs *msrs)
{
	union msr_list *list = calloc(1, sizeof(*list));
	int ret = 0;

	if (!list)
		return -ENOMEM;
	msrs->list.nmsrs = 0;
	list->list.nmsrs = MSRS_MAX;
	if (ioctl(vcpu->accel->kvm_fd, KVM_GET_MSR_INDEX_LIST, list) < 0)
		ret = -errno;
	for (uint32_t i = 0; !ret && i < list->list.nmsrs; i++)
		save_one(vcpu, list->list.indices[i], msrs);
	for (size_t i = 0; !ret && i < sizeof(unlisted) / sizeof(unlisted[0]);
	     i++)
		for (uint32_t k = 0; k < unlisted[i].count; k++)
			save_one(vcpu, unlisted[i].first + k, msrs);
	free(list);
	return ret;
}

/* ---- restoring ---------------------------------------------------------------- */

static int refused(const struct vcpu *vcpu, const struct kvm_msr_entry *entry,
		   struct pm_error *err)
{
	uint64_t value;

	if (!cpu_msr_read(vcpu, entry->index, &value) && value == entry->data)
		return 0;
	return pm_error_set(err, EIO,
			    "KVM does not take the value 0x%" PRIx64
			    " that register 0x%" PRIx32
			    " of vCPU %u has after power-on",
			    (uint64_t)entry->data, entry->index, vcpu->index);
}

int msrs_restore(const struct vcpu *vcpu, const union cpu_msrs *msrs,
		 struct pm_error *err)
{
	union cpu_msrs *left = malloc(sizeof(*left));
	uint32_t at = 0, nr = msrs->list.nmsrs;
	int ret = 0;

	if (!left)
		return pm_error_set(err, ENOMEM, "no memory for a reset");
	while (at < nr && !ret) {
		int took;

		left->list.nmsrs = nr - at;
		memcpy(left->list.entries, &msrs->list.entries[at],
		       (nr - at) * sizeof(left->list.entries[0]));
		took = ioctl(vcpu->fd, KVM_SET_MSRS, left);
		if (took > 0)
			at += took;
		if (at < nr)
			ret = refused(vcpu, &msrs->list.entries[at++], err);
	}
	free(left);
	return ret;
}
