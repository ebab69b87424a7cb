/* SPDX-License-Identifier: BSD-3-Clause */
/* The notes of an ELF core; what is in those of a CPU is the architecture's. */
#include "notes.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "arch/arch.h"

static int append(struct buffer *notes, const void *data, size_t len)
{
	static const char pad[4];
	int ret = buffer_append(notes, data, len, INT_MAX);

	if (!ret)
		ret = buffer_append(notes, pad, -len % sizeof(pad), INT_MAX);
	return ret ? -ENOMEM : 0;
}

static int note_append(struct buffer *notes, const char *name, uint32_t type,
		       const void *desc, size_t len)
{
	const Elf64_Nhdr header = {
		.n_namesz = (uint32_t)strlen(name) + 1,
		.n_descsz = (uint32_t)len,
		.n_type = type,
	};
	int ret = append(notes, &header, sizeof(header));

	if (!ret)
		ret = append(notes, name, header.n_namesz);
	return ret ? ret : append(notes, desc, len);
}

int dump_note_prstatus(struct buffer *notes, const struct arch_dump *arch,
		       unsigned int cpu, const struct cpu_registers *registers)
{
	uint8_t desc[ARCH_NOTE_MAX];
	size_t len = arch->prstatus(registers, cpu, desc);

	return note_append(notes, "CORE", NT_PRSTATUS, desc, len);
}

int dump_note_qemu(struct buffer *notes, const struct arch_dump *arch,
		   const struct cpu_registers *registers)
{
	uint8_t desc[ARCH_NOTE_MAX];

	if (!arch->qemu_note)
		return 0;
	return note_append(notes, "QEMU", 0, desc,
			   arch->qemu_note(registers, desc));
}

int dump_note_vmcoreinfo(struct buffer *notes, const char *text, size_t len)
{
	return note_append(notes, "VMCOREINFO", 0, text, len);
}
