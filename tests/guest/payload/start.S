/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the payload starts: a bzImage's header, the entry of the 64-bit boot
 * protocol, that of the 16-bit one, which firmware uses, and the way of the
 * other CPUs from real mode.
 */

#define SETUP_SECTS	1
#define LOAD		0x100000	/* where the part after the header goes */
#define TRAMPOLINE	0x10000		/* the page that CPUs start in */
#define STACK		0x4000		/* for each CPU */
#define TABLES		0x1000		/* where the first page tables go */

/* Leaves the far jump to 64-bit code to who uses it. */
	.macro	enter_long_mode
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax		/* long mode */
	wrmsr
	mov	$0x80000011, %eax	/* paging, extension type, protection */
	mov	%eax, %cr0
	.endm

	.section .header, "aw"
header:
	.org	0x1f1
	.byte	SETUP_SECTS
	.org	0x1fe
	.word	0xaa55
	.byte	0xeb, 0x6a		/* the header ends at 0x26c */
	.ascii	"HdrS"
	.word	0x020f
	.org	0x211
	.byte	1			/* loaded high */
	.org	0x22c
	.long	0x7fffffff
	.long	0x200000		/* alignment */
	.byte	1			/* relocatable */
	.org	0x236
	.word	1			/* has the 64-bit entry */
	.long	255			/* longest command line */
	.org	0x258
	.quad	LOAD
	.long	_end - LOAD

/*
 * From real mode, with the header's segment in %ds. The tables map the first
 * GiB, one to one; they lie in memory that only firmware has used.
 */
	.org	0x26c
	.code16
	cli
	cld
	xor	%eax, %eax
	mov	%ax, %es
	mov	$TABLES, %edi
	mov	%edi, %cr3
	mov	$0x3000 / 4, %ecx
	rep stosl %eax, %es:(%edi)
	movl	$TABLES + 0x1003, %es:TABLES
	movl	$TABLES + 0x2003, %es:TABLES + 0x1000
	mov	$TABLES + 0x2000, %edi
	mov	$0x83, %eax
1:	mov	%eax, %es:(%edi)
	add	$8, %edi
	add	$0x200000, %eax
	cmp	$0x40000083, %eax
	jne	1b
	mov	%ds, %ax
	movzwl	%ax, %eax
	shl	$4, %eax
	add	$setup_gdt - header, %eax
	mov	%eax, setup_gdt_pointer + 2 - header
	lgdtl	setup_gdt_pointer - header
	mov	%cr4, %eax
	or	$0x620, %eax		/* PAE, SSE */
	mov	%eax, %cr4
	enter_long_mode
	ljmpl	$8, $_start
	.balign	8
setup_gdt:
	.quad	0
	.quad	0x00af9a000000ffff	/* code, 64-bit */
	.quad	0x00cf92000000ffff	/* data */
setup_gdt_pointer:
	.word	. - setup_gdt - 1
	.long	0
	.org	0x400

	.text
	.code64
	.org	0x200
	.globl	_start
_start:
	lgdt	gdt_pointer(%rip)
	mov	$16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	lea	stacks + STACK(%rip), %rsp
	jmp	boot_cpu

/* ---- the other CPUs ------------------------------------------------------ */

	.globl	trampoline, trampoline_end
	.code16
trampoline:
	cli
	mov	%cs, %ax
	mov	%ax, %ds
	lgdtl	trampoline_gdt - trampoline
	mov	%cr4, %eax
	or	$0x620, %eax		/* PAE, SSE */
	mov	%eax, %cr4
	mov	trampoline_cr3 - trampoline, %eax
	mov	%eax, %cr3
	enter_long_mode
	ljmpl	$8, $ap_start
	.balign	8
trampoline_gdt:
	.word	gdt_end - gdt - 1
	.long	gdt
	.globl	trampoline_cr3
trampoline_cr3:
	.long	0
trampoline_end:

	.code64
ap_start:
	mov	$16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$1, %edi
	lock xadd %edi, cpus(%rip)
	mov	%edi, %eax
	inc	%eax
	imul	$STACK, %eax, %eax
	lea	stacks(%rip), %rsp
	add	%rax, %rsp
	jmp	other_cpu

	.balign	8
gdt:
	.quad	0
	.quad	0x00af9a000000ffff	/* code, 64-bit */
	.quad	0x00cf92000000ffff	/* data */
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.quad	gdt

	.bss
	.balign	16
stacks:
	.skip	STACK * 8

	.section .note.GNU-stack, "", @progbits
