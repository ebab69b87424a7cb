/* SPDX-License-Identifier: BSD-3-Clause */
/* The machines on which the two are compared. */
#include "setups.h"

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

/* QEMU wants multiples of 2 MiB of a region. */
/* clang-format off */
const struct setup setups[] = {
	{ "1m-many", PEER_OFF, 1, { { MIB, 70002, 40 } } },
	{ "1m-few", PEER_ON, 1, { { MIB, 300, 0 } } },
	{ "1m-two", PEER_OFF, 1, { { MIB, 2, 1 } } },
	{ "2m", PEER_OFF, 1, { { 2 * MIB, 1024, 64 } } },
	{ "2m-inaccessible", PEER_ON, 1, { { 2 * MIB, 1024, 0 } } },
	{ "2m-odd", PEER_OFF, 1, { { 2 * MIB, 1537, 3 } } },
	{ "2m-many", PEER_ON, 1, { { 2 * MIB, 66000, 1000 } } },
	{ "2m-one", PEER_ON, 1, { { 2 * MIB, 1, 0 } } },
	{ "2m-two-devices", PEER_OFF, 2,
	  { { 2 * MIB, 512, 16 }, { 2 * MIB, 130, 0 } } },
	{ "4m", PEER_OFF, 1, { { 4 * MIB, 333, 20 } } },
	{ "8m", PEER_ON, 1, { { 8 * MIB, 256, 256 } } },
	{ "16m", PEER_OFF, 1, { { 16 * MIB, 65, 4 } } },
	{ "32m-three-devices", PEER_ON, 3,
	  { { 32 * MIB, 32, 2 }, { 2 * MIB, 640, 0 }, { MIB, 78, 7 } } },
	{ "64m", PEER_OFF, 1, { { 64 * MIB, 127, 5 } } },
	{ "64m-inaccessible", PEER_ON, 1, { { 64 * MIB, 63, 1 } } },
	{ "128m", PEER_OFF, 1, { { 128 * MIB, 31, 3 } } },
	{ "128m-one", PEER_ON, 1, { { 128 * MIB, 1, 0 } } },
	{ "256m", PEER_ON, 1, { { 256 * MIB, 17, 4 } } },
	{ "256m-mixed-devices", PEER_OFF, 2,
	  { { 256 * MIB, 5, 1 }, { MIB, 998, 100 } } },
	{ "512m", PEER_OFF, 1, { { 512 * MIB, 9, 2 } } },
	{ "512m-two-devices", PEER_ON, 2,
	  { { 512 * MIB, 4, 0 }, { 4 * MIB, 100, 100 } } },
	{ "1g", PEER_OFF, 1, { { GIB, 16, 3 } } },
	{ "1g-inaccessible", PEER_ON, 1, { { GIB, 7, 0 } } },
	{ "1g-one", PEER_OFF, 1, { { GIB, 1, 1 } } },
	{ "1g-three-devices", PEER_OFF, 3,
	  { { GIB, 4, 1 }, { 2 * MIB, 400, 9 }, { 128 * MIB, 3, 0 } } },
	{ 0 },
};
/* clang-format on */

void setup_peer(const struct setup *setup, enum peer_kind kind,
		const char *program, struct peer_config *config)
{
	*config = (struct peer_config){
		.kind = kind,
		.program = program,
		.nr_devices = setup->nr_devices,
	};
	for (unsigned int i = 0; i < setup->nr_devices; i++) {
		const struct setup_device *d = &setup->devices[i];

		config->devices[i] = (struct peer_device){
			.max_size = d->blocks * d->block_size,
			.block_size = d->block_size,
			.requested_size = d->requested * d->block_size,
			.unplugged_inaccessible = setup->inaccessible,
			.no_reserve = true,
		};
	}
}
