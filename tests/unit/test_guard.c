/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guard, for each kind of memory, with threads in the place of vCPUs. What
 * a vCPU does to memory through KVM, these do to the same mapping by
 * themselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "fault.h"
#include "fixture.h"
#include "host.h"
#include "ram_kinds.h"

#define BLOCK       (2 * MIB)
#define REGION      (16 * BLOCK)
#define ADDR        (4 * GIB)
/* Its page tables are 4 MiB. */
#define READ_REGION (2 * GIB)

static const struct ram_kind kind_small = {
	"anon, small pages",
	{ .backend = PM_RAM_ANON, .thp = PM_THP_OFF },
};

#define GUARD_TESTS(function) KIND_TESTS(function), KIND_TEST(function, small)

struct rig {
	struct fixture f;
	unsigned char *view;
	pthread_mutex_t lock;
	pthread_t thread;
	atomic_bool stop;
	bool running;
	atomic_uint told;
	struct pm_violation last;
	/* What violation() is to do besides taking notes. */
	void (*hook)(struct rig *r);
	atomic_bool hold;
};

/* ---- the owner ----------------------------------------------------------- */

static void on_violation(void *opaque, const struct pm_violation *v)
{
	struct rig *r = opaque;

	pthread_mutex_lock(&r->lock);
	r->last = *v;
	pthread_mutex_unlock(&r->lock);
	if (r->hook)
		r->hook(r);
	r->told++;
}

static void on_lock(void *opaque)
{
	pthread_mutex_lock(&((struct rig *)opaque)->lock);
}

static void on_unlock(void *opaque)
{
	pthread_mutex_unlock(&((struct rig *)opaque)->lock);
}

static void *handle(void *opaque)
{
	struct rig *r = opaque;
	struct pollfd p = { .fd = pm_device_guard_fd(r->f.dev),
			    .events = POLLIN };
	int timeout = -1;

	while (!r->stop) {
		poll(&p, 1, timeout < 0 || timeout > 20 ? 20 : timeout);
		timeout = pm_device_guard_handle(r->f.dev);
	}
	return NULL;
}

static void handler_start(struct rig *r)
{
	r->stop = false;
	assert_int_equal(pthread_create(&r->thread, NULL, handle, r), 0);
	r->running = true;
}

static void handler_stop(struct rig *r)
{
	r->stop = true;
	if (r->running)
		pthread_join(r->thread, NULL);
	r->running = false;
}

static void rig_create(struct rig *r, const struct ram_kind *kind,
		       const struct pm_device_config *config, uint64_t region)
{
	static const struct pm_device_ops ops = {
		.violation = on_violation,
		.guard_lock = on_lock,
		.guard_unlock = on_unlock,
	};

	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->lock, NULL);
	r->f.ram = kind_create(kind, region);
	if (pm_device_create(config, r->f.ram, &ops, r, &r->f.dev, &r->f.err) <
	    0) {
		print_message("%s\n", r->f.err.text);
		pm_ram_destroy(r->f.ram);
		skip();
	}
	r->view = pm_device_memory(r->f.dev);
}

static const struct pm_device_config plain = {
	.addr = ADDR,
	.block_size = BLOCK,
	.requested_size = REGION,
	.features = PM_F_UNPLUGGED_INACCESSIBLE,
	.guard = PM_GUARD_REQUIRED,
};

static void rig_init(struct rig *r, const struct ram_kind *kind)
{
	rig_create(r, kind, &plain, REGION);
	handler_start(r);
}

static void rig_finish(struct rig *r)
{
	handler_stop(r);
	fault_reset();
	pm_device_destroy(r->f.dev);
	pm_ram_destroy(r->f.ram);
	pthread_mutex_destroy(&r->lock);
}

static int plug(struct rig *r, uint64_t block, uint16_t count)
{
	return ask(&r->f, PLUG, ADDR + block * BLOCK, count);
}

static int unplug(struct rig *r, uint64_t block, uint16_t count)
{
	return ask(&r->f, UNPLUG, ADDR + block * BLOCK, count);
}

static uint64_t told(struct rig *r, bool write)
{
	struct pm_device_info info = fixture_info(&r->f);

	return write ? info.violations_write : info.violations_read;
}

/* ---- a vCPU -------------------------------------------------------------- */

struct vcpu {
	pthread_t thread;
	unsigned char *at;
	uint64_t size;
	uint64_t stride; /* touches every page of it, or fewer */
	bool write;
	unsigned char value; /* written, or the OR of all that was read */
	pid_t tid;
	atomic_bool begun, ended;
	atomic_bool *until; /* over and over, until this is true */
};

static void touch_once(struct vcpu *v)
{
	for (uint64_t i = 0; i < v->size; i += v->stride) {
		if (v->write)
			__atomic_store_n(v->at + i, v->value, __ATOMIC_RELAXED);
		else
			v->value |=
				__atomic_load_n(v->at + i, __ATOMIC_RELAXED);
	}
}

static void *touch(void *opaque)
{
	struct vcpu *v = opaque;

	v->tid = (pid_t)syscall(SYS_gettid);
	v->begun = true;
	do
		touch_once(v);
	while (v->until && !*v->until);
	v->ended = true;
	return NULL;
}

static void vcpu_start_by(struct vcpu *v, struct rig *r, uint64_t offset,
			  uint64_t size, uint64_t stride, bool write)
{
	memset(v, 0, sizeof(*v));
	v->at = r->view + offset;
	v->size = size;
	v->stride = stride;
	v->write = write;
	v->value = write ? 0x77 : 0;
	assert_int_equal(pthread_create(&v->thread, NULL, touch, v), 0);
	while (!v->begun)
		usleep(100);
}

static void vcpu_start(struct vcpu *v, struct rig *r, uint64_t offset,
		       uint64_t size, bool write)
{
	vcpu_start_by(v, r, offset, size, 4096, write);
}

static void vcpu_join(struct vcpu *v)
{
	pthread_join(v->thread, NULL);
}

/* The OR of all bytes read. */
static unsigned char guest_touch(struct rig *r, uint64_t offset, uint64_t size,
				 bool write)
{
	struct vcpu v;

	vcpu_start(&v, r, offset, size, write);
	vcpu_join(&v);
	return v.value;
}

/* ---- what the host has --------------------------------------------------- */

static uint64_t own_pages(const unsigned char *start, uint64_t size)
{
	uint64_t n = size / 4096, count = 0;
	uint64_t *entries = malloc(n * sizeof(*entries));
	int fd = open("/proc/self/pagemap", O_RDONLY);

	assert_non_null(entries);
	assert_int_equal(pread(fd, entries, n * 8,
			       (off_t)((uintptr_t)start / 4096 * 8)),
			 n * 8);
	for (uint64_t i = 0; i < n; i++)
		count += entries[i] >> 56 & 1;
	close(fd);
	free(entries);
	return count * 4096;
}

/*
 * Bytes of memory behind a range. A memory file tells of all of it: for small
 * pages the caller plugs nothing else that it touches, and huge pages are
 * behind all that is plugged.
 */
static uint64_t behind(struct rig *r, uint64_t offset, uint64_t size)
{
	uint64_t all;

	if (pm_ram_fd(r->f.ram) < 0)
		return own_pages(r->view + offset, size);
	all = ram_backing(r->f.ram, pm_ram_size(r->f.ram));
	if (pm_ram_page_size(r->f.ram) > 4096)
		all -= fixture_info(&r->f).plugged_size;
	return all;
}

static void assert_none_behind(struct rig *r, uint64_t offset, uint64_t size)
{
	assert_int_equal(pm_device_guard_recall(r->f.dev), 0);
	assert_int_equal(behind(r, offset, size), 0);
}

/*
 * At least so many times: where threads are slow to run, a loan can end before
 * it was of use, and the access is told again.
 */
static void assert_told(struct rig *r, bool write, unsigned int count)
{
	assert_true(told(r, write) >= count);
	assert_true(told(r, write) <= count * 4);
}

static bool told_of_reads(struct rig *r)
{
	return fixture_info(&r->f).guard_level == PM_GUARD_ACCESSES;
}

/* ---- tests: one access --------------------------------------------------- */

static void level_is_told(void **state)
{
	const struct ram_kind *kind = *state;
	struct rig r;

	rig_init(&r, kind);
	assert_int_equal(fixture_info(&r.f).guard_level,
			 kind->config.backend == PM_RAM_ANON
				 ? PM_GUARD_WRITES
				 : PM_GUARD_ACCESSES);
	assert_null(fixture_info(&r.f).guard_lack);
	assert_int_equal(fixture_info(&r.f).span_size, GIB);
	assert_true(pm_device_guard_fd(r.f.dev) >= 0);
	rig_finish(&r);
}

/* However large a region is, and its blocks are, there are 256 at most. */
static void spans_are_few(void **state)
{
	static const struct {
		uint64_t region, block, span;
	} cases[] = {
		{ 256 * GIB, BLOCK, GIB },
		{ 256 * GIB + BLOCK, BLOCK, 2 * GIB },
		{ 1024 * GIB, GIB, 4 * GIB },
		{ 16 * GIB, 4 * GIB, 4 * GIB },
	};
	struct pm_device_config config = plain;
	struct rig r;

	config.requested_size = 0;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		config.block_size = cases[i].block;
		rig_create(&r, *state, &config, cases[i].region);
		assert_int_equal(fixture_info(&r.f).span_size, cases[i].span);
		rig_finish(&r);
	}
}

static void write_is_told_and_lost(void **state)
{
	struct vcpu v;
	struct rig r;

	rig_init(&r, *state);
	assert_int_equal(plug(&r, 0, 1), ACK);
	vcpu_start(&v, &r, 3 * BLOCK + 4096, 4096, true);
	vcpu_join(&v);
	assert_told(&r, true, 1);
	assert_int_equal(r.told, told(&r, true));
	assert_int_equal(r.last.offset / 4096 * 4096,
			 pm_ram_page_size(r.f.ram) == 4096 ? 3 * BLOCK + 4096
							   : 3 * BLOCK);
	assert_true(r.last.write);
	assert_int_equal(r.last.thread, v.tid);
	assert_int_equal(r.last.count, told(&r, true));
	assert_none_behind(&r, 3 * BLOCK, BLOCK);
	pm_device_accept_features(r.f.dev, 0);
	assert_int_equal(guest_touch(&r, 3 * BLOCK, BLOCK, false), 0);
	assert_told(&r, true, 1);
	assert_none_behind(&r, 3 * BLOCK, BLOCK);
	rig_finish(&r);
}

/* By itself, soon: the handler is all that runs. */
static void loans_end(void **state)
{
	struct rig r;

	rig_init(&r, *state);
	assert_int_equal(plug(&r, 0, 1), ACK);
	guest_touch(&r, 5 * BLOCK, 4096, true);
	for (int i = 0; i < 100 && behind(&r, BLOCK, REGION - BLOCK); i++)
		usleep(10000);
	assert_int_equal(behind(&r, BLOCK, REGION - BLOCK), 0);
	/* And then it is told again. */
	guest_touch(&r, 5 * BLOCK, 4096, true);
	assert_told(&r, true, 2);
	rig_finish(&r);
}

static void reads_see_zeros(void **state)
{
	struct rig r;

	rig_init(&r, *state);
	assert_int_equal(plug(&r, 15, 1), ACK);
	assert_int_equal(guest_touch(&r, 0, 15 * BLOCK, false), 0);
	assert_int_equal(told(&r, false), 0);
	/* What may be lent in all. */
	assert_true(behind(&r, 0, REGION) <= 8 * MIB);
	assert_none_behind(&r, 0, REGION);
	rig_finish(&r);
}

static void reads_are_told_where_forbidden(void **state)
{
	uint64_t count;
	struct rig r;

	rig_init(&r, *state);
	pm_device_accept_features(r.f.dev, PM_F_UNPLUGGED_INACCESSIBLE);
	assert_int_equal(plug(&r, 0, 1), ACK);
	assert_int_equal(guest_touch(&r, BLOCK, 4096, false), 0);
	/* Of memory that was never used, also where that is not promised. */
	assert_told(&r, false, 1);
	assert_int_equal(told(&r, true), 0);
	assert_none_behind(&r, BLOCK, BLOCK);
	/* Again, when loans are over and zeros there. */
	count = told(&r, false);
	assert_int_equal(guest_touch(&r, BLOCK, 4096, false), 0);
	assert_int_equal(told(&r, false) > count, told_of_reads(&r));
	count = told(&r, false);
	pm_device_guard_recall(r.f.dev);
	pm_device_accept_features(r.f.dev, 0);
	assert_int_equal(guest_touch(&r, 2 * BLOCK, 4096, false), 0);
	assert_int_equal(told(&r, false), count);
	rig_finish(&r);
}

/* A page that was lent to be read is not lent to be written. */
static void write_after_read_is_told(void **state)
{
	struct rig r;

	rig_init(&r, *state);
	assert_int_equal(plug(&r, 0, 1), ACK);
	assert_int_equal(guest_touch(&r, BLOCK, 4096, false), 0);
	guest_touch(&r, BLOCK, 4096, true);
	assert_told(&r, true, 1);
	assert_none_behind(&r, BLOCK, BLOCK);
	rig_finish(&r);
}

/* More is lent to who reads than to who wrote just before it. */
static void read_after_write_is_recalled(void **state)
{
	struct rig r;

	rig_init(&r, *state);
	assert_int_equal(plug(&r, 0, 1), ACK);
	for (uint64_t i = 0; i < 16; i++) {
		guest_touch(&r, BLOCK + i * 64 * 4096, 4096, true);
		guest_touch(&r, BLOCK + (i * 64 + 2) * 4096, 4096, false);
	}
	assert_none_behind(&r, BLOCK, 2 * BLOCK);
	rig_finish(&r);
}

static void report_counts(void **state)
{
	struct rig r;

	rig_init(&r, *state);
	pm_device_guard_report(r.f.dev, 7 * BLOCK, false, 5);
	assert_int_equal(r.told, 0);
	pm_device_guard_report(r.f.dev, 7 * BLOCK, true, 5);
	assert_told(&r, true, 1);
	assert_int_equal(r.last.thread, 5);
	pm_device_accept_features(r.f.dev, PM_F_UNPLUGGED_INACCESSIBLE);
	pm_device_guard_report(r.f.dev, 7 * BLOCK, false, 5);
	assert_int_equal(r.last.count, 2);
	assert_int_equal(told(&r, false), 1);
	rig_finish(&r);
}

/* ---- tests: plugged memory ----------------------------------------------- */

static void plugged_memory_is_plain(void **state)
{
	struct rig r;

	rig_init(&r, *state);
	assert_int_equal(plug(&r, 2, 3), ACK);
	guest_touch(&r, 2 * BLOCK, 3 * BLOCK, true);
	assert_int_equal(guest_touch(&r, 2 * BLOCK, 3 * BLOCK, false), 0x77);
	/* The process sees the same, by its own mapping. */
	assert_int_equal(((unsigned char *)pm_ram_host(r.f.ram))[3 * BLOCK],
			 0x77);
	assert_int_equal(r.told, 0);
	assert_int_equal(unplug(&r, 3, 1), ACK);
	assert_int_equal(guest_touch(&r, 2 * BLOCK, BLOCK, false), 0x77);
	assert_int_equal(guest_touch(&r, 4 * BLOCK, BLOCK, false), 0x77);
	assert_int_equal(guest_touch(&r, 3 * BLOCK, BLOCK, false), 0);
	assert_int_equal(plug(&r, 3, 1), ACK);
	assert_int_equal(guest_touch(&r, 3 * BLOCK, BLOCK, false), 0);
	assert_int_equal(r.told, 0);
	rig_finish(&r);
}

/* Some of a block's pages came by the process itself: they stay. */
static void pages_that_are_there_stay(void **state)
{
	unsigned char *host;
	struct rig r;

	rig_init(&r, *state);
	host = pm_ram_host(r.f.ram);
	assert_int_equal(plug(&r, 2, 2), ACK);
	host[2 * BLOCK + 7 * 4096] = 0x55;
	host[3 * BLOCK] = 0x55;
	guest_touch(&r, 2 * BLOCK, 7 * 4096, true);
	assert_int_equal(guest_touch(&r, 2 * BLOCK + 7 * 4096, 4096, false),
			 0x55);
	guest_touch(&r, 2 * BLOCK + 8 * 4096, BLOCK - 8 * 4096, true);
	guest_touch(&r, 3 * BLOCK + 4096, BLOCK - 4096, true);
	assert_int_equal(guest_touch(&r, 3 * BLOCK, 4096, false), 0x55);
	assert_int_equal(r.told, 0);
	rig_finish(&r);
}

/* Huge pages come to memory that was unplugged before as they ever do. */
static void plugged_memory_has_huge_pages(void **state)
{
	struct rig r;

	rig_init(&r, *state);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(plug(&r, 0, 4), ACK);
		if (i)
			guest_touch(&r, BLOCK, 1, true);
		assert_int_equal(unplug(&r, 1, 1), ACK);
		assert_int_equal(plug(&r, 1, 1), ACK);
		guest_touch(&r, BLOCK, 1, true);
		if (own_pages(r.view + BLOCK, BLOCK) != BLOCK) {
			print_message("no huge pages on this host\n");
			rig_finish(&r);
			skip();
		}
		assert_int_equal(unplug(&r, 0, 4), ACK);
	}
	rig_finish(&r);
}

/* A number of a file of /proc/self, in KiB there; in bytes. */
static uint64_t kib_of_self(const char *path, const char *format)
{
	char line[128];
	uint64_t kib = 0;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, format, &kib) == 1)
			break;
	}
	fclose(f);
	return kib * 1024;
}

/* Before, the kernel might make huge pages of what is missing. */
static bool kernel_is_before_6_4(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	assert_int_equal(uname(&name), 0);
	sscanf(name.release, "%u.%u", &major, &minor);
	return major < 6 || (major == 6 && minor < 4);
}

/* So do those of a memory file, where the host has such, and can. */
static void plugged_file_has_huge_pages(void **state)
{
	static const char format[] = "ShmemPmdMapped: %" SCNu64;
	struct rig r;

	if (!host_files_have_huge_pages(this_host()))
		skip();
	rig_init(&r, *state);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(plug(&r, 0, 4), ACK);
		guest_touch(&r, BLOCK + 5 * 4096, 1, true);
		if (kernel_is_before_6_4())
			assert_int_equal(kib_of_self("/proc/self/smaps_rollup",
						     format),
					 0);
		else
			assert_true(kib_of_self("/proc/self/smaps_rollup",
						format) >= BLOCK);
		assert_int_equal(unplug(&r, 0, 4), ACK);
		assert_int_equal(kib_of_self("/proc/self/smaps_rollup", format),
				 0);
	}
	rig_finish(&r);
}

/* Nor is there one, of any size, behind a block beside one that is plugged. */
static void small_blocks_share_no_page(void **state)
{
	struct pm_device_config config = plain;
	const uint64_t block = MIB;
	struct rig r;

	config.block_size = block;
	rig_create(&r, *state, &config, REGION);
	handler_start(&r);
	for (uint64_t i = 1; i < 16; i += 3)
		assert_int_equal(ask(&r.f, PLUG, ADDR + i * block, 1), ACK);
	for (uint64_t i = 1; i < 16; i += 3)
		guest_touch(&r, i * block, block, true);
	for (uint64_t i = 0; i < 16; i++) {
		if (i % 3 != 1)
			guest_touch(&r, i * block, 4096, i % 3);
	}
	assert_int_equal(pm_device_guard_recall(r.f.dev), 0);
	if (pm_ram_fd(r.f.ram) >= 0)
		assert_int_equal(ram_backing(r.f.ram, REGION), 5 * block);
	else
		assert_int_equal(own_pages(r.view, REGION), 5 * block);
	for (uint64_t i = 1; i < 16; i += 3)
		assert_int_equal(ask(&r.f, UNPLUG, ADDR + i * block, 1), ACK);
	assert_int_equal(behind(&r, 0, REGION), 0);
	rig_finish(&r);
}

static void prealloc_is_granted(void **state)
{
	struct pm_device_config config = plain;
	struct rig r;

	config.prealloc = true;
	rig_create(&r, *state, &config, REGION);
	handler_start(&r);
	assert_int_equal(plug(&r, 1, 2), ACK);
	assert_int_equal(behind(&r, BLOCK, 2 * BLOCK),
			 pm_ram_page_size(r.f.ram) > 4096 ? 0 : 2 * BLOCK);
	guest_touch(&r, BLOCK, 2 * BLOCK, true);
	assert_int_equal(r.told, 0);
	guest_touch(&r, 3 * BLOCK, 4096, true);
	assert_told(&r, true, 1);
	rig_finish(&r);
}

/* What a guest wrote before is not what it finds when it plugs. */
static void plug_of_a_lent_page(void **state)
{
	struct rig r;

	rig_init(&r, *state);
	assert_int_equal(plug(&r, 0, 1), ACK);
	guest_touch(&r, BLOCK, 8 * 4096, true);
	assert_int_equal(plug(&r, 1, 1), ACK);
	assert_int_equal(((unsigned char *)pm_ram_host(r.f.ram))[BLOCK], 0);
	guest_touch(&r, BLOCK, BLOCK, true);
	usleep(60000); /* nothing of it is recalled any more */
	assert_int_equal(guest_touch(&r, BLOCK, BLOCK, false), 0x77);
	rig_finish(&r);
}

static void memory_that_grows_comes_protected(void **state)
{
	struct pm_device_config config = plain;
	struct rig r;

	config.requested_size = BLOCK;
	rig_create(&r, *state, &config, 512 * BLOCK);
	handler_start(&r);
	assert_int_equal(plug(&r, 0, 1), ACK);
	assert_int_equal(pm_device_set_requested(r.f.dev, 300 * BLOCK, NULL),
			 0);
	guest_touch(&r, 299 * BLOCK, 4096, true);
	assert_told(&r, true, 1);
	/* Shrunk away, and back again. */
	assert_int_equal(pm_device_set_requested(r.f.dev, BLOCK, NULL), 0);
	assert_int_equal(ask(&r.f, UNPLUG_ALL, 0, 0), ACK);
	assert_int_equal(pm_device_set_requested(r.f.dev, 300 * BLOCK, NULL),
			 0);
	guest_touch(&r, 298 * BLOCK, 4096, true);
	assert_told(&r, true, 2);
	assert_none_behind(&r, 0, 300 * BLOCK);
	rig_finish(&r);
}

/* ---- tests: races -------------------------------------------------------- */

static void hold(struct rig *r)
{
	while (r->hold)
		usleep(100);
}

static void hammer_start(struct vcpu *v, struct rig *r, uint64_t offset,
			 atomic_bool *until)
{
	memset(v, 0, sizeof(*v));
	v->at = r->view + offset;
	v->size = 4096;
	v->stride = 4096;
	v->write = true;
	v->value = 0x77;
	v->until = until;
	assert_int_equal(pthread_create(&v->thread, NULL, touch, v), 0);
}

#define HAMMERING 2

/*
 * What was under way when the hold began may be lent still, and recalled; what
 * came in another way is there for good.
 */
static void assert_nothing_is_left(struct rig *r, uint64_t offset,
				   uint64_t size)
{
	for (int i = 0; behind(r, offset, size); i++) {
		assert_true(i < 500);
		pm_device_guard_recall(r->f.dev);
		usleep(1000);
	}
}

/* The block is plugged, and at least one writes to it. */
static void wait_for_writes(struct rig *r)
{
	unsigned char *host = (unsigned char *)pm_ram_host(r->f.ram) + BLOCK;

	while (!__atomic_load_n(host, __ATOMIC_RELAXED) &&
	       !__atomic_load_n(host + 4096, __ATOMIC_RELAXED))
		usleep(10);
}

/* PARAMEM_HAMMERED says otherwise, where machines are slow. */
#define HAMMERED 1000

/*
 * vCPUs hammer a block that is plugged and unplugged, in turn alone and with
 * the next one. None is lent anything while the block is looked at, so that
 * what is there came some other way.
 */
static void hammered_while_unplugged(void **state)
{
	atomic_bool until = false;
	unsigned int busy = 0;
	const char *text = getenv("PARAMEM_HAMMERED");
	int times = text ? atoi(text) : HAMMERED;
	struct vcpu v[HAMMERING];
	struct rig r;

	rig_init(&r, *state);
	r.hook = hold;
	for (uint64_t i = 0; i < HAMMERING; i++)
		hammer_start(&v[i], &r, BLOCK + i * 4096, &until);
	for (int i = 0; i < times; i++) {
		uint16_t count = i % 2 + 1;

		assert_int_equal(plug(&r, 1, count), ACK);
		wait_for_writes(&r);
		r.hold = true;
		while (unplug(&r, 1, count) != ACK)
			busy++;
		assert_nothing_is_left(&r, BLOCK, 2 * BLOCK);
		r.hold = false;
	}
	until = true;
	vcpu_join(&v[0]);
	vcpu_join(&v[1]);
	assert_none_behind(&r, BLOCK, BLOCK);
	print_message("%d unplugs, %u times busy\n", times, busy);
	rig_finish(&r);
}

/* One round of a pending request, as a caller with threads would do it. */
static ssize_t round_of_work(struct rig *r, unsigned char response[10])
{
	struct pm_pending p;

	assert_true(pm_device_pending(r->f.dev, &p));
	for (uint64_t i = 0; i < p.size; i += p.unit)
		assert_int_equal(pm_device_pending_work(r->f.dev, p.offset + i,
							p.unit, NULL),
				 0);
	return pm_device_request_complete(r->f.dev, 0, NULL, response, 10,
					  NULL);
}

static ssize_t ask_long(struct rig *r, uint16_t type, unsigned char *response)
{
	unsigned char request[24] = { 0 };

	put_le(request, type, 2);
	put_le(request + 8, ADDR + BLOCK, 8);
	put_le(request + 16, 4, 2);
	return pm_device_request(r->f.dev, request, 24, response, 10, NULL);
}

/* Between the rounds nobody may write: not yet, or no longer. */
static void requests_in_rounds(void **state)
{
	struct pm_device_config config = plain;
	unsigned char response[10];
	struct rig r;

	config.async = true;
	config.async_size = 4 * BLOCK;
	rig_create(&r, *state, &config, REGION);
	handler_start(&r);
	if (ask_long(&r, PLUG, response) == -EINPROGRESS) {
		ssize_t ret = round_of_work(&r, response);

		if (ret == -EINPROGRESS) {
			guest_touch(&r, BLOCK, 4096, true);
			assert_told(&r, true, 1);
			ret = round_of_work(&r, response);
		}
		assert_int_equal(ret, 10);
	}
	assert_int_equal(get_le(response, 2), ACK);
	r.told = 0;
	guest_touch(&r, BLOCK, 4 * BLOCK, true);
	assert_int_equal(r.told, 0);
	assert_int_equal(ask_long(&r, UNPLUG, response), -EINPROGRESS);
	assert_int_equal(round_of_work(&r, response), -EINPROGRESS);
	guest_touch(&r, BLOCK, 4096, true);
	assert_true(r.told >= 1);
	assert_int_equal(round_of_work(&r, response), 10);
	assert_int_equal(get_le(response, 2), ACK);
	assert_none_behind(&r, BLOCK, 4 * BLOCK);
	rig_finish(&r);
}

/* The listeners are told while the guest can no longer, or not yet, write. */
struct witness {
	struct pm_listener listener;
	struct rig *rig;
	unsigned int checked;
};

static void witness_check(struct witness *w, uint64_t offset)
{
	unsigned int before = w->rig->told;

	guest_touch(w->rig, offset, 4096, true);
	w->checked += w->rig->told != before;
}

static int witness_populate(struct pm_listener *l, uint64_t offset,
			    uint64_t size)
{
	(void)size;
	witness_check((struct witness *)l, offset);
	return 0;
}

static void witness_discard(struct pm_listener *l, uint64_t offset,
			    uint64_t size)
{
	(void)size;
	witness_check((struct witness *)l, offset);
}

static void listeners_are_told_in_order(void **state)
{
	struct witness w = { .listener = { .populate = witness_populate,
					   .discard = witness_discard } };
	struct rig r;

	rig_init(&r, *state);
	w.rig = &r;
	assert_int_equal(pm_device_add_listener(r.f.dev, &w.listener), 0);
	assert_int_equal(plug(&r, 0, 1), ACK);
	w.checked = 0;
	assert_int_equal(plug(&r, 1, 1), ACK);
	/* Huge pages are granted before they are had. */
	assert_int_equal(w.checked, pm_ram_page_size(r.f.ram) == 4096);
	assert_int_equal(behind(&r, BLOCK, BLOCK), 0);
	guest_touch(&r, BLOCK, BLOCK, true);
	w.checked = 0;
	assert_int_equal(unplug(&r, 1, 1), ACK);
	assert_int_equal(w.checked, 1);
	assert_none_behind(&r, BLOCK, BLOCK);
	assert_int_equal(unplug(&r, 0, 1), ACK);
	pm_device_remove_listener(r.f.dev, &w.listener);
	rig_finish(&r);
}

/* A vCPU that waits when the device goes is let go. */
static void destroyed_while_one_waits(void **state)
{
	struct vcpu v;
	struct rig r;

	rig_init(&r, *state);
	assert_int_equal(plug(&r, 0, 1), ACK);
	handler_stop(&r);
	vcpu_start(&v, &r, BLOCK, 4096, true);
	usleep(50000);
	assert_false(v.ended);
	/* As a monitor would: it goes on, on loan, and is waited for. */
	handler_start(&r);
	vcpu_join(&v);
	assert_told(&r, true, 1);
	rig_finish(&r);
}

/* Every page of every unplugged block of a checkerboard. */
static void checkerboard(void **state)
{
	struct rig r;

	rig_init(&r, *state);
	for (uint64_t i = 0; i < 16; i += 2) {
		assert_int_equal(plug(&r, i, 1), ACK);
		guest_touch(&r, i * BLOCK, BLOCK, true);
	}
	for (uint64_t i = 1; i < 16; i += 2)
		guest_touch(&r, i * BLOCK, BLOCK, true);
	assert_true(told(&r, true) >= 8 * (BLOCK / pm_ram_page_size(r.f.ram)));
	assert_int_equal(pm_device_guard_recall(r.f.dev), 0);
	for (uint64_t i = 0; i < 16; i++) {
		assert_int_equal(guest_touch(&r, i * BLOCK, BLOCK, false),
				 i % 2 ? 0 : 0x77);
	}
	assert_int_equal(pm_device_guard_recall(r.f.dev), 0);
	if (pm_ram_fd(r.f.ram) >= 0)
		assert_int_equal(ram_backing(r.f.ram, REGION), 8 * BLOCK);
	for (uint64_t i = 1; pm_ram_fd(r.f.ram) < 0 && i < 16; i += 2)
		assert_int_equal(own_pages(r.view + i * BLOCK, BLOCK), 0);
	rig_finish(&r);
}

static uint64_t page_tables(void)
{
	return kib_of_self("/proc/self/status", "VmPTE: %" SCNu64);
}

/* Reads in so many places: a page is lent in each. */
static void read_in_places(struct rig *r, uint64_t first, uint64_t count)
{
	struct vcpu v;

	handler_start(r);
	vcpu_start_by(&v, r, first * BLOCK, count * BLOCK, BLOCK, false);
	vcpu_join(&v);
	handler_stop(r);
	assert_int_equal(pm_device_guard_recall(r->f.dev), 0);
}

/* Its shadow of what was read has page tables, too. */
static bool under_thread_sanitizer(void)
{
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
	return true;
#endif
#endif
	return false;
}

/* However much is read: what was lent leaves few page tables behind. */
static void reading_takes_no_page_tables(void **state)
{
	struct pm_device_config config = plain;
	uint64_t before;
	struct rig r;

	if (under_thread_sanitizer())
		skip();
	config.requested_size = READ_REGION;
	rig_create(&r, *state, &config, READ_REGION);
	pm_device_accept_features(r.f.dev, PM_F_UNPLUGGED_INACCESSIBLE);
	/* What is plugged stays where it is. */
	assert_int_equal(plug(&r, 100, 1), ACK);
	handler_start(&r);
	guest_touch(&r, 100 * BLOCK, BLOCK, true);
	handler_stop(&r);
	before = page_tables();
	read_in_places(&r, 0, 100);
	read_in_places(&r, 101, READ_REGION / BLOCK - 101);
	assert_true(page_tables() - before < 3 * MIB);
	assert_int_equal(ram_backing(r.f.ram, READ_REGION), BLOCK);
	assert_int_equal(guest_touch(&r, 100 * BLOCK, BLOCK, false), 0x77);
	rig_finish(&r);
}

/* ---- tests: a host that fails -------------------------------------------- */

/* Whatever fails, the guard is whole afterwards, or the request is refused. */
static void any_call_fails(void **state)
{
	struct rig r;
	unsigned int nth = 0;
	bool failed = true;

	rig_init(&r, *state);
	assert_int_equal(plug(&r, 0, 1), ACK);
	handler_stop(&r);
	while (failed) {
		int a, b = -1;

		fault_fail_any(++nth, ENOMEM);
		a = plug(&r, 1, 1);
		if (a == ACK)
			b = unplug(&r, 1, 1);
		failed = fault_hit() != NR_FAULTS;
		fault_reset();
		if (a == ACK && b != ACK) {
			assert_true(failed);
			assert_int_equal(unplug(&r, 1, 1), ACK);
		}
		if (a != ACK)
			assert_true(failed);
		handler_start(&r);
		guest_touch(&r, BLOCK, 4096, true);
		assert_true(r.told);
		r.told = 0;
		assert_none_behind(&r, BLOCK, BLOCK);
		handler_stop(&r);
	}
	assert_true(nth > 3);
	rig_finish(&r);
}

/* It may leave tables behind, or close a range until a reset: no more. */
static void any_call_of_tidying_fails(void **state)
{
	struct pm_device_config config = plain;
	unsigned int nth = 0;
	bool failed = true;
	struct rig r;

	config.requested_size = READ_REGION;
	rig_create(&r, *state, &config, READ_REGION);
	pm_device_accept_features(r.f.dev, PM_F_UNPLUGGED_INACCESSIBLE);
	read_in_places(&r, 600, 1);
	while (failed) {
		struct vcpu v;

		/*
		 * With the last one of the round before these are 512, and one
		 * more has it tidy up behind them.
		 */
		read_in_places(&r, 0, 511);
		nth++;
		vcpu_start(&v, &r, (600 + nth) * BLOCK, 4096, false);
		fault_fail_any(nth, ENOMEM);
		while (!v.ended)
			pm_device_guard_handle(r.f.dev);
		failed = fault_hit() != NR_FAULTS;
		fault_reset();
		vcpu_join(&v);
		assert_int_equal(told(&r, true), 0);
		assert_none_behind(&r, 0, READ_REGION);
		assert_int_equal(pm_device_system_reset(r.f.dev, NULL), 0);
	}
	assert_true(nth > 6);
	handler_start(&r);
	guest_touch(&r, BLOCK, 4096, true);
	assert_told(&r, true, 1);
	assert_none_behind(&r, 0, READ_REGION);
	rig_finish(&r);
}

static int create_without(const struct ram_kind *kind, enum pm_guard mode,
			  struct pm_device_info *info, struct pm_error *err)
{
	struct pm_device_config config = plain;
	struct pm_ram *ram = kind_create(kind, REGION);
	struct pm_device *dev = NULL;
	int ret;

	config.guard = mode;
	fault_fail(FAULT_OPEN, 1, ENOENT);
	fault_fail(FAULT_USERFAULTFD, 1, EPERM);
	ret = pm_device_create(&config, ram, NULL, NULL, &dev, err);
	if (!ret)
		pm_device_get_info(dev, info);
	fault_reset();
	pm_device_destroy(dev);
	pm_ram_destroy(ram);
	return ret;
}

static void host_without_userfaultfd(void **state)
{
	struct pm_device_info info;
	struct pm_error err;

	assert_int_equal(create_without(*state, PM_GUARD_REQUIRED, &info, &err),
			 -ENOTSUP);
	assert_non_null(strstr(err.text, "/dev/userfaultfd"));
	assert_int_equal(create_without(*state, PM_GUARD_AUTO, &info, &err), 0);
	assert_int_equal(info.guard_level, PM_GUARD_NONE);
	assert_non_null(strstr(info.guard_lack, "/dev/userfaultfd"));
	assert_int_equal(create_without(*state, PM_GUARD_OFF, &info, &err), 0);
	assert_int_equal(info.guard_level, PM_GUARD_NONE);
}

static void nothing_is_left_behind(void **state)
{
	struct footprint before, after;
	struct rig r;

	rig_init(&r, *state);
	rig_finish(&r);
	before = footprint();
	for (int i = 0; i < 8; i++) {
		rig_create(&r, *state, &plain, REGION);
		assert_int_equal(plug(&r, 3, 3), ACK);
		rig_finish(&r);
	}
	after = footprint();
	assert_int_equal(after.fds, before.fds);
	/* A sanitizer has some of its own. */
	assert_true(after.mappings < before.mappings + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUARD_TESTS(level_is_told),
		GUARD_TESTS(spans_are_few),
		GUARD_TESTS(write_is_told_and_lost),
		GUARD_TESTS(loans_end),
		GUARD_TESTS(reads_see_zeros),
		GUARD_TESTS(reads_are_told_where_forbidden),
		GUARD_TESTS(write_after_read_is_told),
		GUARD_TESTS(read_after_write_is_recalled),
		GUARD_TESTS(report_counts),
		GUARD_TESTS(plugged_memory_is_plain),
		GUARD_TESTS(pages_that_are_there_stay),
		KIND_TEST(plugged_memory_has_huge_pages, anon),
		KIND_TEST(plugged_file_has_huge_pages, memfd),
		KIND_TEST(small_blocks_share_no_page, anon),
		KIND_TEST(small_blocks_share_no_page, memfd),
		KIND_TEST(small_blocks_share_no_page, small),
		GUARD_TESTS(prealloc_is_granted),
		GUARD_TESTS(plug_of_a_lent_page),
		GUARD_TESTS(memory_that_grows_comes_protected),
		GUARD_TESTS(hammered_while_unplugged),
		GUARD_TESTS(requests_in_rounds),
		GUARD_TESTS(listeners_are_told_in_order),
		GUARD_TESTS(destroyed_while_one_waits),
		GUARD_TESTS(checkerboard),
		KIND_TEST(reading_takes_no_page_tables, memfd),
		GUARD_TESTS(any_call_fails),
		KIND_TEST(any_call_of_tidying_fails, memfd),
		GUARD_TESTS(host_without_userfaultfd),
		GUARD_TESTS(nothing_is_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
