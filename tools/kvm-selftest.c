/* Tells whether this machine's KVM is good: there, allowed, and fast. */

/*
 * Theory of operation
 *
 * Some machines have a /dev/kvm that interprets the guest's kernel code instead
 * of running it: a small program works there, a Linux kernel never finishes
 * booting. Only time tells them apart. So this runs a counted loop on a vCPU in
 * ring 0 and 64-bit mode, where a kernel spends its time, and looks at a clock.
 *
 * Measured for 2 million instructions: a few ms on hardware, 5 ms under
 * a KVM that is itself emulated, over 1000 ms under one that interprets.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define INSTRUCTIONS 2000000
#define LIMIT_MS     300  /* slower than this is not good */
#define TIMEOUT_MS   5000 /* and this long nobody waits */

/* Where things lie in the guest's memory, one 4 KiB page each. */
#define PML4       0x1000
#define PDPT       0x2000
#define PD         0x3000
#define CODE       0x4000
#define GUEST_SIZE 0x5000

#define PTE_PRESENT (1ULL << 0)
#define PTE_WRITE   (1ULL << 1)
#define PDE_2M      (1ULL << 7)

#define CR0_PE   (1ULL << 0)
#define CR0_ET   (1ULL << 4)
#define CR0_PG   (1ULL << 31)
#define CR4_PAE  (1ULL << 5)
#define EFER_LME (1ULL << 8)
#define EFER_LMA (1ULL << 10)

/*
 * The loop: rcx counts two instructions down at a time. It ends with a port
 * write, which leaves KVM_RUN whatever interrupt controller there is.
 */
static const uint8_t code[] = {
	0x48, 0xff, 0xc9, /* 1: dec %rcx */
	0x75, 0xfb,       /*    jnz 1b */
	0xe6, 0x80,       /*    out %al, $0x80 */
	0xf4,             /*    hlt */
};

struct test {
	int kvm;
	int vm;
	int vcpu;
	uint8_t *memory;
	struct kvm_run *run;
	size_t run_size;
};

static volatile struct kvm_run *running;

static void __attribute__((format(printf, 1, 2), noreturn))
bad(const char *format, ...)
{
	va_list args;

	fputs("KVM is not good: ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	exit(EXIT_FAILURE);
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Makes KVM_RUN return even when the signal comes just before it starts. */
static void on_alarm(int signal)
{
	(void)signal;
	if (running)
		running->immediate_exit = 1;
}

static void set_alarm(int ms)
{
	/* Again and again: the first may come between two of the steps. */
	struct itimerval timer = {
		.it_value = { ms / 1000, ms % 1000 * 1000 },
		.it_interval = { 0, 100000 },
	};
	struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void open_kvm(struct test *t)
{
	int version;

	t->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (t->kvm < 0 && errno == ENOENT)
		bad("there is no /dev/kvm (no virtualization extension, or its "
		    "module is not loaded).");
	if (t->kvm < 0 && errno == EACCES)
		bad("no permission to open /dev/kvm; add the user to the group "
		    "kvm.");
	if (t->kvm < 0)
		bad("cannot open /dev/kvm: %s.", strerror(errno));
	version = ioctl(t->kvm, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION)
		bad("its API version is %d instead of %d.", version,
		    KVM_API_VERSION);
}

static void create_vm(struct test *t)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = GUEST_SIZE,
	};

	t->vm = ioctl(t->kvm, KVM_CREATE_VM, 0);
	if (t->vm < 0)
		bad("it cannot create a VM: %s.", strerror(errno));
	t->memory = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->memory == MAP_FAILED)
		bad("no memory for its guest: %s.", strerror(errno));
	region.userspace_addr = (uintptr_t)t->memory;
	if (ioctl(t->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		bad("it cannot give a VM memory: %s.", strerror(errno));
}

static void put_entry(struct test *t, size_t table, uint64_t entry)
{
	memcpy(t->memory + table, &entry, sizeof(entry));
}

/* Page tables that map the first 2 MiB to themselves, and the loop. */
static void fill_memory(struct test *t)
{
	put_entry(t, PML4, PDPT | PTE_PRESENT | PTE_WRITE);
	put_entry(t, PDPT, PD | PTE_PRESENT | PTE_WRITE);
	put_entry(t, PD, PDE_2M | PTE_PRESENT | PTE_WRITE);
	memcpy(t->memory + CODE, code, sizeof(code));
}

static void create_vcpu(struct test *t)
{
	int size;

	t->vcpu = ioctl(t->vm, KVM_CREATE_VCPU, 0);
	if (t->vcpu < 0)
		bad("it cannot create a vCPU: %s.", strerror(errno));
	size = ioctl(t->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(*t->run))
		bad("it gives a vCPU %d bytes of shared memory.", size);
	t->run_size = size;
	t->run = mmap(NULL, t->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      t->vcpu, 0);
	if (t->run == MAP_FAILED)
		bad("cannot map a vCPU's memory: %s.", strerror(errno));
	running = t->run;
}

/* 64-bit mode with flat segments, as a boot loader would leave it. */
static void set_system_registers(struct test *t)
{
	struct kvm_segment cs = {
		.limit = 0xffffffff,
		.selector = 0x8,
		.type = 0xb,
		.present = 1,
		.s = 1,
		.l = 1,
		.g = 1,
	};
	struct kvm_segment ds = {
		.limit = 0xffffffff,
		.selector = 0x10,
		.type = 0x3,
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1,
	};
	struct kvm_sregs sregs;

	if (ioctl(t->vcpu, KVM_GET_SREGS, &sregs) < 0)
		bad("it cannot read a vCPU's registers: %s.", strerror(errno));
	sregs.cr0 = CR0_PE | CR0_ET | CR0_PG;
	sregs.cr3 = PML4;
	sregs.cr4 = CR4_PAE;
	sregs.efer = EFER_LME | EFER_LMA;
	sregs.cs = cs;
	sregs.ds = ds;
	sregs.es = ds;
	sregs.ss = ds;
	sregs.fs = ds;
	sregs.gs = ds;
	if (ioctl(t->vcpu, KVM_SET_SREGS, &sregs) < 0)
		bad("it refuses 64-bit mode: %s.", strerror(errno));
}

static void set_registers(struct test *t, uint64_t instructions)
{
	struct kvm_regs regs = {
		.rip = CODE,
		.rcx = instructions / 2,
		.rflags = 0x2, /* this bit is always set */
	};

	if (ioctl(t->vcpu, KVM_SET_REGS, &regs) < 0)
		bad("it cannot set a vCPU's registers: %s.", strerror(errno));
}

/* Runs the loop; false when the time was up first. */
static bool run_loop(struct test *t, uint64_t instructions)
{
	set_registers(t, instructions);
	while (ioctl(t->vcpu, KVM_RUN, 0) < 0) {
		if (errno != EINTR && errno != EAGAIN)
			bad("it cannot run a vCPU: %s.", strerror(errno));
		if (t->run->immediate_exit)
			return false;
	}
	if (t->run->exit_reason != KVM_EXIT_IO)
		bad("its vCPU stopped for reason %u instead of a port write.",
		    t->run->exit_reason);
	return true;
}

static void judge(struct test *t)
{
	int64_t start, ms;

	set_alarm(TIMEOUT_MS);
	/* A first turn, so that building second-level tables costs nothing. */
	if (!run_loop(t, 2))
		bad("two instructions take over %d ms.", TIMEOUT_MS);
	start = now_us();
	if (!run_loop(t, INSTRUCTIONS))
		bad("%d million instructions take over %d ms; it only "
		    "emulates.",
		    INSTRUCTIONS / 1000000, TIMEOUT_MS);
	ms = (now_us() - start + 999) / 1000;
	if (ms > LIMIT_MS)
		bad("%d million instructions take %lld ms; it only emulates.",
		    INSTRUCTIONS / 1000000, (long long)ms);
	printf("KVM is good: %d million instructions in %lld ms\n",
	       INSTRUCTIONS / 1000000, (long long)ms);
}

int main(void)
{
	struct test t;

	open_kvm(&t);
	create_vm(&t);
	fill_memory(&t);
	create_vcpu(&t);
	set_system_registers(&t);
	judge(&t);
	return EXIT_SUCCESS;
}
