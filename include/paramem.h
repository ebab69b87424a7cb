/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libparamem: the virtio-mem device and the host memory behind it.
 *
 * Conventions, for every function below:
 *  - All sizes, offsets and addresses are in bytes.
 *  - A function returns 0 (or a count) on success and -errno on failure;
 *    outputs are untouched on failure. Where a struct pm_error is taken, it
 *    may be NULL; on failure it holds one sentence for a person.
 *  - Nothing here logs, starts threads, opens sockets or keeps global state.
 *  - An object may be used by one thread at a time; its owner holds a lock
 *    where there are several. Distinct objects are independent, but a device
 *    and the pm_ram behind it count as one object.
 *  - Callbacks run inside the call that causes them, on the caller's thread,
 *    and must not call back into the same object unless said otherwise.
 *
 * The rules of the device are those of the virtio specification 1.2 and 1.4,
 * section "Memory Device", quoted below as [virtio-mem].
 */
#ifndef PARAMEM_H
#define PARAMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ------------------------------------------------------------ */

#define PM_ERROR_MAX 512

/* The caller's memory; one sentence without a final newline. */
struct pm_error {
	char text[PM_ERROR_MAX];
};

/* Formats the sentence into @err (which may be NULL) and returns -@code. */
int pm_error_set(struct pm_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- listeners --------------------------------------------------------- */

/*
 * Somebody who maps the memory elsewhere (KVM memory slots, VFIO, vhost) and
 * must hear of a range before it is used and after it is given up.
 *
 * Populate calls run in the order of registration; when one fails, those that
 * had succeeded hear discard for the same range, in reverse, and the failure
 * is returned. Discard calls run in reverse order and cannot fail. The caller
 * owns the structure and keeps it alive until it is removed.
 *
 * Ranges are whole blocks, and need not match between the two calls: what was
 * populated in parts may be discarded as one, and the other way round. When
 * the host fails to free a discarded range, it is populated again; that call
 * may repeat for a range after a listener had failed in it.
 */
struct pm_listener {
	/* @offset is within the pm_ram. 0 or -errno. Either may be NULL. */
	int (*populate)(struct pm_listener *l, uint64_t offset, uint64_t size);
	void (*discard)(struct pm_listener *l, uint64_t offset, uint64_t size);
	struct pm_listener *prev, *next; /* private to the library */
};

/* ---- host memory ------------------------------------------------------- */

/*
 * Host memory that grows and shrinks in place: address space for the maximum
 * is reserved once and never moves; only the first size bytes are accessible.
 */
struct pm_ram;

/*
 * Reserves @max_size bytes of address space for private anonymous memory; none
 * of it accessible yet, none of it charged. @max_size is a multiple of the
 * page size and not 0. The start is aligned for transparent huge pages; core
 * dumps leave the memory out. -EINVAL, -ENOMEM.
 */
int pm_ram_create_anon(uint64_t max_size, struct pm_ram **ram,
		       struct pm_error *err);

/* Unmaps all; takes NULL. */
void pm_ram_destroy(struct pm_ram *ram);

/*
 * Makes exactly the first @size bytes accessible (a multiple of the page
 * size, at most the maximum). Growing succeeds whole or changes nothing
 * (-ENOMEM); new bytes read as zeros. Shrinking frees what lies beyond and its
 * commit charge, or changes nothing. -EINVAL for a size that breaks a rule.
 */
int pm_ram_resize(struct pm_ram *ram, uint64_t size, struct pm_error *err);

/* The start of the reservation: stable for the object's life. */
void *pm_ram_host(const struct pm_ram *ram);
uint64_t pm_ram_size(const struct pm_ram *ram);
uint64_t pm_ram_max_size(const struct pm_ram *ram);

/*
 * Gives the host pages of a range back to the host and checks that they are
 * gone: afterwards nothing in it is resident and it reads as zeros. -EINVAL
 * when the range is not page-aligned or not accessible, -EBUSY when pages
 * came back while they were being freed, or what madvise(2) said.
 */
int pm_ram_discard(struct pm_ram *ram, uint64_t offset, uint64_t size);

/* ---- the device -------------------------------------------------------- */

#define PM_BLOCK_SIZE_MIN     (UINT64_C(1) << 20)
/* The size of a transparent huge page on most hosts. */
#define PM_BLOCK_SIZE_DEFAULT (UINT64_C(2) << 20)

/* Feature bits, [virtio-mem] "Feature bits". */
#define PM_F_ACPI_PXM               (UINT64_C(1) << 0)
#define PM_F_UNPLUGGED_INACCESSIBLE (UINT64_C(1) << 1)

/* Bytes of the configuration space, [virtio-mem] "Device configuration". */
#define PM_CONFIG_SIZE   56
#define PM_REQUEST_SIZE  24
#define PM_RESPONSE_SIZE 10

struct pm_device;

struct pm_device_config {
	const char *id;          /* copied; for sentences; NULL: a default */
	uint64_t addr;           /* guest physical, multiple of block */
	uint64_t block_size;     /* power of two, >= PM_BLOCK_SIZE_MIN */
	uint64_t requested_size; /* multiple of block, <= region */
	uint64_t features;       /* PM_F_* offered */
	uint16_t node;           /* NUMA node, with PM_F_ACPI_PXM */
};

/* What the device tells its owner; each member may be NULL. */
struct pm_device_ops {
	/*
	 * The requested size was set, and the usable size may have grown:
	 * raise the configuration-change interrupt. Also called when the same
	 * requested size is set again, since that wakes a driver which waits
	 * to retry. Not called for UNPLUG_ALL, whose driver expects it, nor
	 * for a system reset, after which there is no driver.
	 */
	void (*config_changed)(void *opaque);
	/* The plugged size changed; all of its work is done. */
	void (*size_changed)(void *opaque, uint64_t plugged_size);
};

struct pm_device_info {
	const char *id; /* lives as long as the device */
	uint64_t addr;
	uint64_t block_size;
	uint64_t region_size;
	uint64_t usable_size;
	uint64_t requested_size;
	uint64_t plugged_size;
	uint16_t node;
};

/*
 * Creates a device over @ram, whose maximum becomes the region size. The
 * device resizes @ram as its usable region changes; the caller keeps owning
 * it and keeps it alive, and leaves its size alone. All blocks start unplugged
 * and empty: what @ram held before is lost. -EINVAL with a sentence for every
 * value that breaks a rule, -ENOMEM.
 */
int pm_device_create(const struct pm_device_config *config, struct pm_ram *ram,
		     const struct pm_device_ops *ops, void *opaque,
		     struct pm_device **device, struct pm_error *err);

/*
 * Takes NULL. Listeners that were not removed hear discard of what is plugged.
 * The pm_ram keeps its size and its contents.
 */
void pm_device_destroy(struct pm_device *device);

/* Listeners are added before the first plug and removed at the end. */
void pm_device_add_listener(struct pm_device *device, struct pm_listener *l);
void pm_device_remove_listener(struct pm_device *device, struct pm_listener *l);

/*
 * Sets the requested size: a multiple of the block size, at most the region,
 * or -EINVAL. Grows the usable region where needed; -ENOMEM leaves all as it
 * was. Success calls config_changed, also when the size is the same.
 */
int pm_device_set_requested(struct pm_device *device, uint64_t size,
			    struct pm_error *err);

/*
 * System reset: unplugs everything and shrinks the usable region to what the
 * requested size, which is kept, needs. -errno when the host could not free
 * all: blocks that it could not free are still counted as plugged, all others
 * are unplugged, and the usable region keeps its size.
 */
int pm_device_system_reset(struct pm_device *device, struct pm_error *err);

/* The features that the device offers. */
uint64_t pm_device_features(const struct pm_device *device);

/* What the driver accepted, 0 after a device reset; others are ignored. */
void pm_device_accept_features(struct pm_device *device, uint64_t accepted);

/*
 * Reads @len bytes of the configuration space, little-endian as the driver
 * sees it, at any alignment; what lies beyond PM_CONFIG_SIZE reads as zeros.
 */
void pm_device_config_read(const struct pm_device *device, uint64_t offset,
			   void *buf, size_t len);

/*
 * Handles one guest request: bytes in, bytes out. @request must be a private
 * copy, since the guest may change its own at any time. Returns the length of
 * the response (PM_RESPONSE_SIZE), or -EPROTO when the request is too short
 * or of unknown type, or the response buffer too small: the device then needs
 * a reset ([virtio] DEVICE_NEEDS_RESET), and nothing was done. All failures of
 * the host are told to the guest as BUSY. @err (may be NULL) says why for both
 * BUSY and -EPROTO, and is empty otherwise.
 */
ssize_t pm_device_request(struct pm_device *device, const void *request,
			  size_t request_len, void *response,
			  size_t response_size, struct pm_error *err);

/*
 * True when every byte of the range, given from the start of the region, is
 * plugged; also for an empty range within the region. Safe for any numbers.
 */
bool pm_device_range_plugged(const struct pm_device *device, uint64_t offset,
			     uint64_t size);

void pm_device_get_info(const struct pm_device *device,
			struct pm_device_info *info);

#ifdef __cplusplus
}
#endif

#endif /* PARAMEM_H */
