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
 *    and the pm_ram behind it count as one object. What is said of
 *    pm_ram_populate() below is the one exception.
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
 * A populate that takes long, since pages have to be pinned, say, may return
 * -EINPROGRESS and go on elsewhere: the guest's request is then pending, and
 * those who come after hear nothing yet, until pm_device_listener_done(). If
 * discard is called for the range before that, nobody waits for it any more:
 * that call returns when nothing of the range is mapped, nor will be.
 *
 * Ranges are whole blocks, and need not match between the two calls: what was
 * populated in parts may be discarded as one, and the other way round. When
 * the host fails to free a discarded range, it is populated again; that call
 * may repeat for a range after a listener had failed in it, and nobody waits
 * for it if it returns -EINPROGRESS, since the range was in use before.
 */
struct pm_listener {
	/*
	 * It is added: the region can be plugged up to @max bytes, so that all
	 * of it can be provided for at once. 0, or -errno to refuse. Any of
	 * the three may be NULL.
	 */
	int (*start)(struct pm_listener *l, uint64_t max);
	/* @offset is within the pm_ram. 0 or -errno. */
	int (*populate)(struct pm_listener *l, uint64_t offset, uint64_t size);
	void (*discard)(struct pm_listener *l, uint64_t offset, uint64_t size);
	struct pm_listener *prev, *next; /* private to the library */
};

/* ---- the host ---------------------------------------------------------- */

/*
 * What the host says of itself: what memory and huge pages it has, what the
 * control groups around this process allow, which pages this process has. All
 * of that is in files, which are opened when the object is made and only read
 * later: a process may go into a sandbox that lets it open none. What they say
 * is read anew each time, since limits change.
 *
 * It is of the process that made it, not of a child that it forks, and of the
 * control groups that it was in then; those above the root of a container
 * cannot be seen. Any number of pm_ram objects share it, from any threads.
 */
struct pm_host;

/* What the host does not tell is done without. -ENOMEM, -EMFILE, -ENFILE. */
int pm_host_create(struct pm_host **host, struct pm_error *err);

/* After all that use it are destroyed; takes NULL. */
void pm_host_destroy(struct pm_host *host);

/* ---- host memory ------------------------------------------------------- */

/*
 * Host memory that grows and shrinks in place: address space for the maximum
 * is reserved once and never moves; only the first size bytes are accessible.
 *
 * Threads: pm_ram_populate() and the functions that only ask (host, size,
 * maximum, page size, descriptor, populated run) may run on any threads, at the same time as
 * each other, as a growing pm_ram_resize(), and as a pm_ram_discard() of
 * another range. All else is for one thread at a time; in particular nothing
 * may shrink away or destroy memory that is being populated.
 */
struct pm_ram;

enum pm_ram_backend {
	PM_RAM_ANON,    /* private anonymous memory */
	PM_RAM_MEMFD,   /* a shared memory file, to be handed to others */
	PM_RAM_HUGETLB, /* the same, of huge pages from the host's pool */
};

enum pm_ram_thp {
	PM_THP_ON, /* advise transparent huge pages */
	PM_THP_OFF,
};

/* As for mbind(2). */
enum pm_numa_policy {
	PM_NUMA_NONE,
	PM_NUMA_BIND,
	PM_NUMA_PREFERRED,
	PM_NUMA_INTERLEAVE,
};

#define PM_NUMA_NODES_MAX 1024

/* Zeros are a sensible choice for all but the first two members. */
struct pm_ram_config {
	enum pm_ram_backend backend;
	uint64_t max_size;   /* multiple of the page size, not 0 */
	uint64_t page_size;  /* huge pages only; 0: the host's default */
	enum pm_ram_thp thp; /* has no meaning for huge pages, and is off
				where a device has smaller blocks than those */
	bool dump;           /* include in core dumps */
	bool lock;           /* keep in RAM what was touched: mlock2(2) */
	bool no_reserve;     /* grow beyond what the host could promise */
	enum pm_numa_policy policy;
	uint64_t nodes[PM_NUMA_NODES_MAX / 64]; /* bit n % 64 of n / 64 */
	struct pm_host *host; /* NULL: one of its own, of some 50 files */
};

/*
 * Reserves address space for @config->max_size bytes: none of it accessible
 * yet, none of it charged. The start is aligned for the largest page that may
 * back it. What @config asks for holds for all that becomes accessible later.
 * -EINVAL with a sentence for a value that breaks a rule, or that this host
 * lacks or does not give to this process; -ENOMEM, -EMFILE, or what the system
 * call said.
 */
int pm_ram_create(const struct pm_ram_config *config, struct pm_ram **ram,
		  struct pm_error *err);

/* Unmaps and frees all; tells no listeners; takes NULL. */
void pm_ram_destroy(struct pm_ram *ram);

/*
 * Makes exactly the first @size bytes accessible (a multiple of the page
 * size, at most the maximum). Growing succeeds whole or changes nothing; new
 * bytes read as zeros. Shrinking frees what lies beyond and its commit charge,
 * or changes nothing. -EINVAL for a size that breaks a rule; -ENOMEM, with a
 * sentence that says what the host had, or what a listener or the system call
 * said.
 *
 * Only private anonymous memory is charged here, at once and for good. A
 * memory file is charged page by page when they are first touched: growing
 * asks whether the host could promise as much now, but only
 * pm_ram_populate() makes sure. Huge pages are taken from the host's pool by
 * pm_ram_populate() alone: a page touched without it may raise SIGBUS. Where
 * somebody else has the descriptor, pages that he touches beyond the size stay
 * until that is grown and shrunk again.
 */
int pm_ram_resize(struct pm_ram *ram, uint64_t size, struct pm_error *err);

/* The start of the reservation: stable for the object's life. */
void *pm_ram_host(const struct pm_ram *ram);
uint64_t pm_ram_size(const struct pm_ram *ram);
uint64_t pm_ram_max_size(const struct pm_ram *ram);

/* The granularity of every size and offset: that of the pages behind it. */
uint64_t pm_ram_page_size(const struct pm_ram *ram);

/*
 * The descriptor of the memory file, for others to map; byte n of the file is
 * byte n of the memory. The file is as long as the memory can become, and is
 * sealed: nobody can change that. It stays the object's own: duplicate it to
 * keep it. Who has it can read and write all of it, and have pages beyond the
 * size, so give it to none but those that you trust so far. -ENOTSUP for
 * anonymous memory.
 */
int pm_ram_fd(const struct pm_ram *ram);

/*
 * Has the host provide all pages of a range now, by the policy of the
 * configuration. Never raises a signal. The range must hold nothing of value:
 * on failure it is discarded as a whole. More than there is room for is refused
 * at once, since trying could end the process: in the host, in the control
 * groups around this process (memory.max, memory.high, or limit_in_bytes), on
 * the nodes that it is bound to. To use several processors, or to be able to
 * stop half-way, split the range. -EINVAL when
 * the range is not page-aligned or not accessible; -ENOMEM when the host
 * lacks the pages, with a sentence that says what it had.
 */
int pm_ram_populate(struct pm_ram *ram, uint64_t offset, uint64_t size,
		    struct pm_error *err);

/*
 * Gives the host pages of a range back to the host and checks that they are
 * gone: afterwards nothing in it is resident and it reads as zeros. -EINVAL
 * when the range is not page-aligned or not accessible, -EBUSY when pages
 * came back while they were being freed, or what the system call said. For
 * huge pages the check sees what came back through this process's mapping,
 * not what another process touched through the descriptor.
 */
int pm_ram_discard(struct pm_ram *ram, uint64_t offset, uint64_t size);

/*
 * Finds the first run of pages in the bytes from @from up to @to that may hold
 * something else than zeros, cut off at @to, and touches nothing: who reads
 * only such runs makes no page resident, and misses none that was swapped out.
 * Where the host does not tell, more is found than there is, up to all of it.
 * Of huge pages it does not tell what only another process touched. 1 and the
 * run, 0 when there is none, -EINVAL when the range is not page-aligned or not
 * accessible, or what the system call said.
 */
int pm_ram_populated_run(const struct pm_ram *ram, uint64_t from, uint64_t to,
			 uint64_t *offset, uint64_t *size);

/*
 * Somebody who follows the size of a pm_ram: who maps all of its accessible
 * part elsewhere, or accounts for it. @from and @to are the sizes before and
 * after, @max what the size can become at most, so that the whole maximum can
 * be provided for once. Any member may be NULL.
 *
 *	to grow:    will_grow of all, memory accessible, did_grow of all
 *	to shrink:  will_shrink of all, memory gone, did_shrink of all
 *
 * Growing calls run in the order of registration, shrinking calls in reverse.
 * did_shrink is what undoes will_grow (reserve, release), and will_shrink is
 * what undoes did_grow (map, unmap): where a step of growing fails, those that
 * were told hear the counterpart, in reverse and with the sizes exchanged, and
 * the size stays. When the host fails to shrink, did_grow is called to have
 * the range back.
 */
struct pm_ram_listener {
	/* 0, or -errno to refuse. */
	int (*will_grow)(struct pm_ram_listener *l, uint64_t from, uint64_t to,
			 uint64_t max);
	int (*did_grow)(struct pm_ram_listener *l, uint64_t from, uint64_t to,
			uint64_t max);
	void (*will_shrink)(struct pm_ram_listener *l, uint64_t from,
			    uint64_t to, uint64_t max);
	void (*did_shrink)(struct pm_ram_listener *l, uint64_t from,
			   uint64_t to, uint64_t max);
	struct pm_ram_listener *prev, *next; /* private to the library */
};

/*
 * The caller owns @l and keeps it alive until it is removed. Neither call
 * tells it anything: who comes late reads pm_ram_size().
 */
void pm_ram_add_listener(struct pm_ram *ram, struct pm_ram_listener *l);
void pm_ram_remove_listener(struct pm_ram *ram, struct pm_ram_listener *l);

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

/* What to do about a guest that uses unplugged memory: see "the guard". */
enum pm_guard {
	PM_GUARD_OFF,
	PM_GUARD_AUTO,     /* the most that this host offers, maybe nothing */
	PM_GUARD_REQUIRED, /* that, and no device where it is nothing */
};

enum pm_guard_level {
	PM_GUARD_NONE,
	PM_GUARD_WRITES,   /* reads see zeros, and few of them are told */
	PM_GUARD_ACCESSES, /* reads are told as well */
};

/* A guest used unplugged memory. */
struct pm_violation {
	uint64_t offset; /* within the region */
	bool write;
	pid_t thread;   /* what gettid(2) says on the thread that did it; 0:
			   not known, which it never is in a PID namespace
			   other than the host's own, but for reports */
	uint64_t count; /* of this device so far, this one included */
};

struct pm_device_config {
	const char *id;          /* copied; for sentences; NULL: a default */
	uint64_t addr;           /* guest physical, multiple of block */
	uint64_t block_size;     /* power of two, >= PM_BLOCK_SIZE_MIN,
				    multiple of the pm_ram's page size */
	uint64_t requested_size; /* multiple of block, <= region */
	uint64_t features;       /* PM_F_* offered */
	uint64_t required;       /* those of them that a driver must accept */
	uint16_t node;           /* NUMA node, with PM_F_ACPI_PXM */
	bool prealloc;           /* populate blocks when they are plugged;
				    always so with huge pages */
	bool async;              /* leave long work to the caller, see
				    pm_device_request() */
	uint64_t async_size;     /* with async: what is long; bytes */
	enum pm_guard guard;     /* see "the guard" */
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
	/*
	 * A guest used unplugged memory. Called by pm_device_guard_handle()
	 * and pm_device_guard_report(), before the access goes on.
	 */
	void (*violation)(void *opaque, const struct pm_violation *violation);
	/*
	 * A lock that nobody else knows, held for short work alone and never
	 * while one of the others or a listener is called. Needed where the
	 * guard's functions run on a thread of their own.
	 */
	void (*guard_lock)(void *opaque);
	void (*guard_unlock)(void *opaque);
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
	uint64_t span_size; /* see "the guard" */
	enum pm_guard_level guard_level;
	const char *guard_lack; /* why it is not more, or NULL; as id */
	uint64_t violations_read;
	uint64_t violations_write;
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
 * The pm_ram keeps its size and its contents. A pending request is forgotten.
 */
void pm_device_destroy(struct pm_device *device);

/*
 * A listener may be added at any time: it hears populate for all that is
 * plugged, run by run, and joins the others, behind them. When it fails, it
 * hears discard of what it had been told, and its -errno is returned; -EBUSY,
 * and nothing done, while a request is pending, or another listener joins.
 *
 * -EINPROGRESS: it takes long, and joins when pm_device_listener_done() says
 * so. Until then a guest's request, and a system reset, get -EBUSY and do
 * nothing.
 */
int pm_device_add_listener(struct pm_device *device, struct pm_listener *l);

/*
 * It hears discard of all that it knows of. What it had not finished fails: a
 * pending request is then to be completed.
 */
void pm_device_remove_listener(struct pm_device *device, struct pm_listener *l);

/*
 * A populate of @l that returned -EINPROGRESS has ended: @result is 0 or
 * -errno, and nothing is mapped in that case. On the thread of the device.
 * Returns
 *
 *	-EINPROGRESS  @l, or the one after it, is at something again
 *	0             nobody is: complete the pending request by
 *	              pm_device_request_complete(); or @l has joined
 *	-EPROTO       nobody waits for that, any more
 *	-errno        @l was to join, and did not
 */
int pm_device_listener_done(struct pm_device *device, struct pm_listener *l,
			    int result);

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
 * are unplugged, and the usable region keeps its size. -EBUSY, and nothing
 * done, while a request is pending.
 */
int pm_device_system_reset(struct pm_device *device, struct pm_error *err);

/* The features that the device offers. */
uint64_t pm_device_features(const struct pm_device *device);

/* False when @accepted lacks a feature that the device requires. */
bool pm_device_features_ok(const struct pm_device *device, uint64_t accepted);

/* What the driver accepted, 0 after a device reset; others are ignored. */
void pm_device_accept_features(struct pm_device *device, uint64_t accepted);

/*
 * Reads @len bytes of the configuration space, little-endian as the driver
 * sees it, at any alignment; what lies beyond PM_CONFIG_SIZE reads as zeros.
 * Sizes change in calls that tell nobody, the end of a pending request for one:
 * a transport whose configuration has a generation changes that whenever it
 * finds other bytes here than it found before.
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
 *
 * A device created with async returns -EINPROGRESS for a request that keeps
 * all rules and takes the host long: a PLUG that needs pages populated, or a
 * PLUG where there is a guard, an UNPLUG or an UNPLUG_ALL of async_size bytes or
 * more. The request is then pending: the caller runs pm_device_pending_work()
 * over the range that pm_device_pending() names, in parts and on any threads as
 * it likes, waits for all of them, and calls pm_device_request_complete(). That
 * answers, or asks for one more round of the same. Whatever the configuration, a
 * PLUG is pending as well while a listener is not done with it, see
 * pm_device_listener_done(). Meanwhile no block has
 * changed its state, though pm_device_range_plugged() and
 * pm_device_plugged_run() leave out those that are being unplugged; the
 * requested size may be set and everything may be read, while another request
 * or a system reset gets -EBUSY and does nothing.
 */
ssize_t pm_device_request(struct pm_device *device, const void *request,
			  size_t request_len, void *response,
			  size_t response_size, struct pm_error *err);

/* The range of a pending request, in bytes from the start of the region. */
struct pm_pending {
	uint64_t offset;
	uint64_t size;
	uint64_t unit; /* parts begin and end at multiples of it */
	/*
	 * It unplugs: to give up leaves the blocks plugged, but what was in
	 * them is lost, and their pages may be. So do that before a system
	 * reset alone.
	 */
	bool unplugs;
	/*
	 * For a listener: there is nothing to work at until
	 * pm_device_listener_done(). Completing it with a failure gives up.
	 */
	bool waits;
};

/* True when a request is pending; @pending may be NULL. */
bool pm_device_pending(const struct pm_device *device,
		       struct pm_pending *pending);

/*
 * Does one part of a round of the pending request. Any thread; at the same time
 * as other parts, and as functions that a pending request allows. 0 or -errno
 * with a sentence; what else there is to do is then of no use.
 */
int pm_device_pending_work(struct pm_device *device, uint64_t offset,
			   uint64_t size, struct pm_error *err);

/*
 * Ends a round of the pending request. @result is 0 when all parts were done,
 * or the first -errno, with the sentence in @why (which may be NULL);
 * -ECANCELED when the caller gave up, before a system reset for example. No
 * thread may still be at work. -EINPROGRESS, without an answer, asks for
 * another round, also after a failure that takes long to undo. Otherwise returns
 * as pm_device_request() does: a failure is answered BUSY, with all as it was,
 * but for what was in memory that was to be unplugged. Where blocks are to have
 * their pages, those whose pages went and could not be had again are unplugged;
 * who gives up does without that. -EPROTO also when nothing is pending; too
 * small a buffer leaves it pending.
 */
ssize_t pm_device_request_complete(struct pm_device *device, int result,
				   const struct pm_error *why, void *response,
				   size_t response_size, struct pm_error *err);

/*
 * True when every byte of the range, given from the start of the region, is
 * plugged; also for an empty range within the region. Safe for any numbers.
 */
bool pm_device_range_plugged(const struct pm_device *device, uint64_t offset,
			     uint64_t size);

/*
 * Finds the first run of plugged bytes in those from @from up to @to, given
 * from the start of the region, cut off at both. False, and the outputs
 * untouched, when there is none. Safe for any numbers.
 */
bool pm_device_plugged_run(const struct pm_device *device, uint64_t from,
			   uint64_t to, uint64_t *offset, uint64_t *size);

void pm_device_get_info(const struct pm_device *device,
			struct pm_device_info *info);

/* ---- the guard --------------------------------------------------------- */

/*
 * Keeps a guest from using memory that is unplugged: nothing that it writes
 * there stays, nothing that it reads there makes the host allocate for good,
 * and each attempt is told. It works on what is shown to the guest, so:
 *
 *  - Show pm_device_memory() to the guest, and nobody else; your own accesses
 *    go to pm_ram_host(), and to plugged memory only.
 *  - Memory comes in spans of info.span_size from the start of the region: so
 *    many of them that each may have a memory slot. A listener may show the
 *    guest all of a span once it hears populate for a part of it.
 *  - Poll pm_device_guard_fd() and call pm_device_guard_handle(), on a thread
 *    that waits for no vCPU, and for no lock that may be held by one who waits
 *    for a vCPU: until then, the vCPU that touched unplugged memory stays
 *    within the kernel, where no signal reaches it.
 *
 * The access then goes on, in a page that is lent for it and taken back, with
 * what was written, within milliseconds. What has to be done about it before,
 * such as interrupting the vCPUs, is done in ops.violation. An access to a
 * page while that is lent is not told again.
 *
 * pm_device_guard_handle(), _recall() and _report() may run on any thread, at
 * the same time as any other function for the same device but
 * pm_device_destroy(), when ops.guard_lock and ops.guard_unlock are given.
 */

/*
 * Where the memory is that a guest may be shown: pm_ram_host() without a
 * guard, and maybe a mapping of its own with one. Stable for the device's
 * life.
 */
void *pm_device_memory(const struct pm_device *device);

/* Readable when there is something to handle. -ENOTSUP without a guard. */
int pm_device_guard_fd(const struct pm_device *device);

/*
 * Handles what is there and returns at once. Returns after how many
 * milliseconds to call again even if there is nothing to read; -1: never.
 */
int pm_device_guard_handle(struct pm_device *device);

/*
 * Takes back now all that is lent. 0, or -errno when the host could not; it
 * is tried again in pm_device_guard_handle().
 */
int pm_device_guard_recall(struct pm_device *device);

/*
 * A guest used unplugged memory where nothing was shown to it, by way of an
 * exit to its monitor, say: counts and tells it, if there is a guard and it
 * was a violation. Without PM_F_UNPLUGGED_INACCESSIBLE, a read is none.
 */
void pm_device_guard_report(struct pm_device *device, uint64_t offset,
			    bool write, pid_t thread);

#ifdef __cplusplus
}
#endif

#endif /* PARAMEM_H */
