/* SPDX-License-Identifier: BSD-3-Clause */
/* What a dump says of a CPU. */
#ifndef VMM_X86_64_DUMP_NOTES_H
#define VMM_X86_64_DUMP_NOTES_H

#include "arch/arch.h"

extern const struct arch_dump x86_64_dump;

#endif /* VMM_X86_64_DUMP_NOTES_H */
