/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a reset has to undo: registers of the first CPU that a guest may set,
 * and a hypervisor of its own, on processors with SVM, with a guest in it.
 */
#include "state.h"

#define EFER       0xc0000080u
#define EFER_SVME  (1ull << 12)
#define HSAVE      0xc0010117u
#define DEFAULT_MT 0x2ffu

static uint8_t save_area[4096] __attribute__((aligned(4096)));
static uint8_t vmcb[4096] __attribute__((aligned(4096)));
static uint8_t nested_stack[4096] __attribute__((aligned(16)));

static uint64_t rdmsr(uint32_t index)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
	return low | (uint64_t)high << 32;
}

static void wrmsr(uint32_t index, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(index), "a"((uint32_t)value),
			   "d"((uint32_t)(value >> 32))
			 : "memory");
}

static void cpuid(uint32_t leaf, uint32_t *r)
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(leaf), "c"(0));
}

static bool has_svm(void)
{
	uint32_t r[4];

	cpuid(0x80000001, r);
	return r[2] >> 2 & 1;
}

/* AVX, and with it XSAVE. */
static bool has_avx(void)
{
	uint32_t r[4];

	cpuid(1, r);
	return (r[2] >> 26 & 5) == 5;
}

static uint64_t cr4_get(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

/* SSE's instructions, and AVX's. */
static void extensions_on(void)
{
	__asm__ volatile(
		"mov %0, %%cr4"
		:
		: "r"(cr4_get() | 0x600 | (has_avx() ? 1ull << 18 : 0)));
}

static uint64_t xcr0_get(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low | (uint64_t)high << 32;
}

static void xcr0_set(uint32_t value)
{
	__asm__ volatile("xsetbv" : : "a"(value), "d"(0), "c"(0));
}

/* ---- what is there ------------------------------------------------------------- */

static const uint32_t msrs[] = {
	EFER,  0xc0000081, 0xc0000082, 0xc0000102, 0x277, DEFAULT_MT, 0x250,
	0x268, 0x200,      0x201,      0x400,      0x174, 0x1d9,
};

#define NR_MSRS (sizeof(msrs) / sizeof(msrs[0]))

int state_show(uint64_t *numbers)
{
	uint64_t ymm[4] = { 0 };
	uint32_t mxcsr = 0;
	int n = 0;

	numbers[n++] = cr4_get();
	__asm__ volatile("mov %%dr0, %0" : "=r"(numbers[n++]));
	__asm__ volatile("mov %%dr7, %0" : "=r"(numbers[n++]));
	for (unsigned int i = 0; i < NR_MSRS; i++)
		numbers[n++] = rdmsr(msrs[i]);
	numbers[n++] = has_svm() ? rdmsr(HSAVE) : 0;
	extensions_on();
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	numbers[n++] = mxcsr;
	if (has_avx()) {
		numbers[n++] = xcr0_get();
		xcr0_set(7);
		__asm__ volatile("vmovups %%ymm5, %0" : "=m"(ymm));
	}
	numbers[n++] = ymm[0] | ymm[1];
	numbers[n++] = ymm[2] | ymm[3];
	return n;
}

/* ---- traces ---------------------------------------------------------------------- */

void state_spoil(void)
{
	static const uint64_t ymm[4] = { 1, 2, 4, 8 };
	static const uint32_t mxcsr = 0x1f00;

	extensions_on();
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
	if (has_avx()) {
		xcr0_set(7);
		__asm__ volatile("vmovups %0, %%ymm5" : : "m"(ymm));
	}
	__asm__ volatile("mov %0, %%dr0" : : "r"(0x1234567ull));
	wrmsr(0xc0000081, 0x23001000000000);
	wrmsr(0xc0000082, 0xffffffff81000000);
	wrmsr(0xc0000102, 0xffff888000001000);
	wrmsr(0x277, 0x0001040600070406);
	wrmsr(0x250, 0x0606060606060606);
	wrmsr(0x268, 0x0505050505050505);
	wrmsr(0x200, 0x80000006);
	wrmsr(0x201, 0xff80000800);
	wrmsr(DEFAULT_MT, 0);
	wrmsr(0x400, 0);
	wrmsr(0x174, 0x10);
	wrmsr(EFER, rdmsr(EFER) | 1 | (has_svm() ? EFER_SVME : 0));
	if (has_svm())
		wrmsr(HSAVE, (uintptr_t)save_area);
}

/* ---- a nested guest ---------------------------------------------------------------- */

static void set16(unsigned int at, uint16_t value)
{
	*(uint16_t *)(vmcb + at) = value;
}

static void set64(unsigned int at, uint64_t value)
{
	*(uint64_t *)(vmcb + at) = value;
}

static void segment(unsigned int at, uint16_t selector, uint16_t attributes)
{
	set16(at, selector);
	set16(at + 2, attributes);
	*(uint32_t *)(vmcb + at + 4) = 0xffffffff;
	set64(at + 8, 0);
}

static void reset_by_port(void)
{
	__asm__ volatile("outb %0, %1"
			 :
			 : "a"((uint8_t)6), "Nd"((uint16_t)0xcf9));
}

static void triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = { 0, 0 };

	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}

/* Where the nested guest runs; what it is to do it finds here. */
static volatile uint64_t order;

static void obey(void)
{
	if (order == STATE_PORT)
		reset_by_port();
	if (order == STATE_FAULT)
		triple_fault();
	for (;;)
		__asm__ volatile("pause");
}

/* This CPU's own state, and a stack; nothing but VMRUN is intercepted. */
static void vmcb_fill(void)
{
	uint64_t value;

	*(uint32_t *)(vmcb + 0x10) = 1;
	*(uint32_t *)(vmcb + 0x58) = 1; /* address space */
	segment(0x400, 16, 0xc93);
	segment(0x410, 8, 0xa9b);
	segment(0x420, 16, 0xc93);
	segment(0x430, 16, 0xc93);
	set64(0x4d0, rdmsr(EFER));
	set64(0x548, cr4_get());
	__asm__ volatile("mov %%cr3, %0" : "=r"(value));
	set64(0x550, value);
	__asm__ volatile("mov %%cr0, %0" : "=r"(value));
	set64(0x558, value);
	set64(0x560, 0x400);
	set64(0x568, 0xffff0ff0);
	set64(0x570, 2);
	set64(0x578, (uintptr_t)obey);
	set64(0x5d8, (uintptr_t)nested_stack + sizeof(nested_stack) - 8);
	set64(0x668, 0x0007040600070406);
}

bool state_nest(uint64_t what, bool nested)
{
	if (nested && !has_svm())
		return false;
	order = what;
	if (!nested)
		obey();
	vmcb_fill();
	__asm__ volatile("clgi; vmrun %%rax" : : "a"(vmcb) : "memory");
	return false; /* the processor did not take it */
}
