/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a machine is made of, as its user asked for it, and the check of it.
 */
#ifndef VMM_MACHINE_CONFIG_H
#define VMM_MACHINE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "numa.h"
#include "paramem.h"
#include "ram_options.h"

#define MACHINE_CPUS_MAX        64
#define MACHINE_MEM_DEVICES_MAX 32
#define MACHINE_MEMORY_MIN      (UINT64_C(64) << 20)
#define MACHINE_MEMORY_DEFAULT  (UINT64_C(512) << 20)
/* Boot memory comes in whole units of this. */
#define MACHINE_MEMORY_UNIT     (UINT64_C(1) << 20)
/* What 52 bits of guest physical address can reach, the most that x86 has. */
#define MACHINE_ADDRESSABLE     (UINT64_C(1) << 52)
#define MACHINE_QMP_SOCKETS_MAX 2
/* The longest id of a device, or name of a machine, in bytes. */
#define MACHINE_NAME_MAX        64

/* [virtio-mem] VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE. */
enum unplugged_inaccessible {
	UNPLUGGED_OFFERED,  /* the driver may take it */
	UNPLUGGED_REQUIRED, /* no driver without it */
	UNPLUGGED_ABSENT,   /* every driver may read unplugged memory */
};

/* What happens when a guest uses unplugged memory. */
enum on_violation {
	VIOLATION_STOP, /* the machine is paused, for its operator to look */
	VIOLATION_LOG,  /* it is counted and told, and comes to nothing */
	VIOLATION_KILL, /* the machine ends */
};

/* Sizes in bytes; strings stay the caller's until machine_destroy(). */
struct mem_device_config {
	const char *id;
	uint64_t max_size;
	uint64_t requested_size;
	uint64_t block_size; /* PM_BLOCK_SIZE_DEFAULT when not given */
	unsigned int node;   /* the guest's NUMA node */
	enum unplugged_inaccessible unplugged_inaccessible;
	enum pm_guard guard;
	enum on_violation on_violation;
	struct ram_options ram;
};

enum serial_kind { SERIAL_NONE, SERIAL_STDIO, SERIAL_FILE, SERIAL_UNIX };

enum accel_kind { ACCEL_AUTO, ACCEL_KVM, ACCEL_QTEST };

struct machine_config {
	const char *name;   /* or NULL */
	const char *kernel; /* NULL only without a CPU */
	const char *initrd; /* or NULL */
	const char *append; /* the kernel's command line, or NULL */
	unsigned int cpus;
	uint64_t memory;
	struct ram_options memory_ram;
	struct numa_config numa;
	struct mem_device_config mem_devices[MACHINE_MEM_DEVICES_MAX];
	unsigned int nr_mem_devices;
	enum serial_kind serial;
	const char *serial_path; /* for SERIAL_FILE and SERIAL_UNIX */
	enum accel_kind accel;
	const char *qtest_path; /* with ACCEL_QTEST, and only then */
	const char *qmp_paths[MACHINE_QMP_SOCKETS_MAX];
	unsigned int nr_qmp_paths;
};

/*
 * True for a name of a machine or an id of a device: 1 to MACHINE_NAME_MAX of
 * A-Z a-z 0-9 . _ - of which the first is neither a dot nor a dash.
 */
bool machine_name_valid(const char *name);

/*
 * Checks what can be known to be wrong without touching the host: ranges,
 * multiples, duplicates. 0, or -EINVAL with a sentence that names the value
 * and the cure.
 */
int machine_config_check(const struct machine_config *config,
			 struct pm_error *err);

#endif /* VMM_MACHINE_CONFIG_H */
