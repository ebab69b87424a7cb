/* SPDX-License-Identifier: BSD-3-Clause */
/* What all targets share: reading an input bit by bit, and checks. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The fuzzer's entries; each target has the second, and maybe the first. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process as a finding; unlike assert(), in every kind of build. */
#define fuzz_check(condition)                                      \
	do {                                                       \
		if (!(condition))                                  \
			fuzz_fail(__FILE__, __LINE__, #condition); \
	} while (0)

_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* An input that is used up yields zeros for ever. */
struct input {
	const uint8_t *data;
	size_t left;
};

bool input_more(const struct input *in);
uint8_t input_u8(struct input *in);
/* Little-endian. */
uint16_t input_u16(struct input *in);
uint64_t input_u64(struct input *in);
/* 0 to @limit - 1; @limit is 1 to 65536. */
unsigned int input_below(struct input *in, unsigned int limit);
void input_bytes(struct input *in, void *buf, size_t len);

#endif /* FUZZ_FUZZ_H */
