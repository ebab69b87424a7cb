/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bars of text, in eighths of a character where the terminal has them.
 */
#ifndef CLI_BAR_H
#define CLI_BAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BAR_WIDTH_MAX 200
/* Each character takes up to three bytes; the ends and the final zero. */
#define BAR_BYTES     (3 * (BAR_WIDTH_MAX + 2) + 1)

struct bar {
	char text[BAR_BYTES];
};

/* True when the locale's characters include those of the finer bars. */
bool bar_utf8(void);

/* @width characters between its ends, of which part/whole are full. */
struct bar bar_draw(unsigned int width, uint64_t part, uint64_t whole,
		    bool utf8);

/* One of a device: what is plugged, asked for, usable, out of the maximum. */
struct bar bar_draw_device(unsigned int width, uint64_t plugged,
			   uint64_t requested, uint64_t usable, uint64_t max,
			   bool utf8);

#endif /* CLI_BAR_H */
