/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a driver has seen of its device's configuration, and the generation by
 * which it tells that two reads do not belong together ([virtio] 2.5.3 and
 * 4.1.4.3.1): a 64-bit field that it reads in halves, say.
 *
 * The space is compared with what it was at the last look, and each access of
 * the driver to the space or to the generation is a look. So no change can be
 * forgotten, whoever made it and whenever; and however many there were between
 * two looks, they are one step, so that the eight bits do not wrap unnoticed.
 *
 * Nothing here locks: the transport does.
 */
#ifndef VMM_CONFIG_VIEW_H
#define VMM_CONFIG_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the largest configuration space of a device. */
#define CONFIG_VIEW_MAX 64

struct config_view {
	uint8_t seen[CONFIG_VIEW_MAX];
	bool told; /* a change was announced since */
	uint8_t generation;
};

/* The driver is told of a change: its next look finds another generation. */
void config_view_announce(struct config_view *view);

/*
 * The driver looks at a space that is now @size bytes at @now, at most
 * CONFIG_VIEW_MAX and always as many. The generation.
 */
uint8_t config_view_look(struct config_view *view, const void *now,
			 size_t size);

#endif /* VMM_CONFIG_VIEW_H */
