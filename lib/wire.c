/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes over the guest request queue, [virtio-mem] "Device operation". */
#include "wire.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

struct request wire_decode(const void *bytes)
{
	struct request_wire wire;

	memcpy(&wire, bytes, sizeof(wire));
	return (struct request){
		.type = le16toh(wire.type),
		.nb_blocks = le16toh(wire.nb_blocks),
		.addr = le64toh(wire.addr),
	};
}

void wire_encode(enum response_type type, enum block_state state, void *bytes)
{
	const struct response_wire wire = {
		.type = htole16((uint16_t)type),
		.state = htole16((uint16_t)state),
	};

	memcpy(bytes, &wire, sizeof(wire));
}

int wire_check_request_size(size_t len, struct pm_error *err)
{
	if (len < PM_REQUEST_SIZE)
		return pm_error_set(err, EPROTO,
				    "A guest request of %zu bytes is shorter "
				    "than %d",
				    len, PM_REQUEST_SIZE);
	return 0;
}

int wire_check_response_size(size_t size, struct pm_error *err)
{
	if (size < PM_RESPONSE_SIZE)
		return pm_error_set(err, EPROTO,
				    "A response buffer of %zu bytes is "
				    "smaller than %d",
				    size, PM_RESPONSE_SIZE);
	return 0;
}
