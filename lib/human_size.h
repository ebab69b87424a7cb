/* SPDX-License-Identifier: BSD-3-Clause */
/* A size as a person reads it. Pure. */
#ifndef LIB_HUMAN_SIZE_H
#define LIB_HUMAN_SIZE_H

#include <stdint.h>

struct human_size {
	char text[32]; /* "512 MiB", "1000 bytes"; always exact */
};

struct human_size human_size(uint64_t size);

#endif /* LIB_HUMAN_SIZE_H */
