/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread that writes to a descriptor which cannot be asked whether a write
 * would wait: a regular file, whose disk may be full and whose server may be
 * gone. Who has bytes for it never waits.
 */
#ifndef VMM_WRITER_H
#define VMM_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writer;

/*
 * Writes to @fd, which becomes the writer's, what is put, in its order; up to
 * @size bytes wait. What does not fit, and what the descriptor refuses, is
 * lost. At the first loss @lost, if not NULL, is called, on any thread and with
 * no lock of the writer held: @error is a positive errno, or 0 when the bytes
 * came faster than they went. 0 or -errno; then @fd stays the caller's.
 */
int writer_create(int fd, size_t size, void (*lost)(void *opaque, int error),
		  void *opaque, struct writer **writer);

/* All of it, or nothing: false when it is lost. Any thread. */
bool writer_put(struct writer *writer, const void *data, size_t len);

/* How many bytes were lost. Any thread. */
uint64_t writer_lost(struct writer *writer);

/*
 * Lets what waits be written for @ms milliseconds at the most, and gives the
 * rest up. Returns how many bytes were lost in all. Takes NULL.
 */
uint64_t writer_destroy(struct writer *writer, unsigned int ms);

#endif /* VMM_WRITER_H */
