/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest requests: bytes in, bytes out.
 *
 * Theory of operation: a request is decoded, then held against the rules
 * without any effect, then carried out, then answered. The rules come in a
 * fixed order, since the stock Linux driver gives up for good on ERROR:
 *
 *  1. range        not in the usable region            ERROR
 *  2. size         a plug past the requested size      NACK
 *  3. state        a block not in the state needed     ERROR
 *  4. host         the host cannot do it now           BUSY
 *  5.              done                                ACK
 *
 * Where step 4 takes long and the caller wants it so, it is done later, and
 * answered then: pending.c. The rules are not held against the request again: a
 * requested size that has shrunk in the meantime finds a plug that came before
 * it.
 *
 * A shrinking requested size may cross a plug on its way; that the size comes
 * before the state, and is a NACK, keeps such a driver working.
 */
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "device.h"
#include "pending.h"
#include "plug.h"
#include "request.h"

/* A decoded request, in the host's byte order. Nothing in it is trusted. */
struct request {
	uint16_t type;
	uint16_t nb_blocks;
	uint64_t addr;
};

/* Returns the answer; sets @state where the request asks for one. */
typedef enum response_type request_handler(struct pm_device *dev,
					   const struct request *req,
					   enum block_state *state,
					   struct pm_error *err);

static struct request request_decode(const void *bytes)
{
	struct request_wire wire;

	memcpy(&wire, bytes, sizeof(wire));
	return (struct request){
		.type = le16toh(wire.type),
		.nb_blocks = le16toh(wire.nb_blocks),
		.addr = le64toh(wire.addr),
	};
}

static void response_encode(enum response_type type, enum block_state state,
			    void *bytes)
{
	const struct response_wire wire = {
		.type = htole16((uint16_t)type),
		.state = htole16((uint16_t)state),
	};

	memcpy(bytes, &wire, sizeof(wire));
}

void request_answer(enum response_type type, void *response)
{
	response_encode(type, STATE_PLUGGED, response);
}

/* The blocks that a request names; false when they are not all usable. */
static bool request_range(const struct pm_device *dev,
			  const struct request *req, struct block_range *range)
{
	uint64_t usable = device_usable_blocks(dev).count;
	uint64_t first;

	if (req->addr < dev->addr || req->addr % dev->block_size)
		return false;
	/* In blocks, not in bytes, no sum below can wrap. */
	first = (req->addr - dev->addr) / dev->block_size;
	if (!req->nb_blocks || first >= usable ||
	    req->nb_blocks > usable - first)
		return false;
	range->first = first;
	range->count = req->nb_blocks;
	return true;
}

/* Would plugging @count more blocks pass the requested size? */
static bool past_requested(const struct pm_device *dev, uint64_t count)
{
	/* A requested size that shrank may be below the plugged size. */
	if (dev->plugged_size >= dev->requested_size)
		return true;
	return count >
	       (dev->requested_size - dev->plugged_size) / dev->block_size;
}

static enum response_type plug(struct pm_device *dev, struct block_range range,
			       struct pm_error *err)
{
	enum pending_kind kind =
		dev->populates ? PENDING_POPULATE : PENDING_PLUG;
	struct pm_error why;
	int ret = 0;

	if (!pending_wanted(dev, kind, range.count * dev->block_size)) {
		ret = plug_set(dev, range, err);
		return ret < 0 ? RESPONSE_BUSY : RESPONSE_ACK;
	}
	if (dev->populates)
		ret = plug_prepare(dev, range, &why);
	if (ret < 0) {
		plug_failed(dev, range, ret, &why, err);
		return RESPONSE_BUSY;
	}
	pending_begin(dev, kind, range);
	return RESPONSE_LATER;
}

static enum response_type handle_plug(struct pm_device *dev,
				      const struct request *req,
				      enum block_state *state,
				      struct pm_error *err)
{
	struct block_range range;

	(void)state;
	if (!request_range(dev, req, &range))
		return RESPONSE_ERROR;
	if (past_requested(dev, range.count))
		return RESPONSE_NACK;
	if (!block_map_all_clear(&dev->plugged, range))
		return RESPONSE_ERROR;
	return plug(dev, range, err);
}

static enum response_type handle_unplug(struct pm_device *dev,
					const struct request *req,
					enum block_state *state,
					struct pm_error *err)
{
	struct block_range range;

	(void)state;
	if (!request_range(dev, req, &range))
		return RESPONSE_ERROR;
	if (!block_map_all_set(&dev->plugged, range))
		return RESPONSE_ERROR;
	if (pending_wanted(dev, PENDING_UNPLUG,
			   range.count * dev->block_size)) {
		pending_begin(dev, PENDING_UNPLUG, range);
		return RESPONSE_LATER;
	}
	if (plug_clear(dev, range, err) < 0)
		return RESPONSE_BUSY;
	return RESPONSE_ACK;
}

static enum response_type handle_unplug_all(struct pm_device *dev,
					    const struct request *req,
					    enum block_state *state,
					    struct pm_error *err)
{
	(void)req;
	(void)state;
	if (pending_wanted(dev, PENDING_UNPLUG_ALL, dev->plugged_size)) {
		pending_begin(dev, PENDING_UNPLUG_ALL,
			      device_usable_blocks(dev));
		return RESPONSE_LATER;
	}
	if (plug_clear_all(dev, err) < 0)
		return RESPONSE_BUSY;
	/*
	 * Everything is unplugged, and that is what was asked for. A usable
	 * region that could not shrink just keeps its size, as it may.
	 */
	device_shrink_usable(dev, NULL);
	return RESPONSE_ACK;
}

static enum response_type handle_state(struct pm_device *dev,
				       const struct request *req,
				       enum block_state *state,
				       struct pm_error *err)
{
	struct block_range range;

	(void)err;
	if (!request_range(dev, req, &range))
		return RESPONSE_ERROR;
	if (block_map_all_set(&dev->plugged, range))
		*state = STATE_PLUGGED;
	else if (block_map_all_clear(&dev->plugged, range))
		*state = STATE_UNPLUGGED;
	else
		*state = STATE_MIXED;
	return RESPONSE_ACK;
}

static request_handler *const handlers[] = {
	[REQUEST_PLUG] = handle_plug,
	[REQUEST_UNPLUG] = handle_unplug,
	[REQUEST_UNPLUG_ALL] = handle_unplug_all,
	[REQUEST_STATE] = handle_state,
};

#define NR_HANDLERS (sizeof(handlers) / sizeof(handlers[0]))

int request_check_response_size(size_t response_size, struct pm_error *err)
{
	if (response_size < PM_RESPONSE_SIZE)
		return pm_error_set(err, EPROTO,
				    "A response buffer of %zu bytes is "
				    "smaller than %d",
				    response_size, PM_RESPONSE_SIZE);
	return 0;
}

/* What no answer can be given to. */
static int check_framing(size_t request_len, size_t response_size,
			 struct pm_error *err)
{
	if (request_len < PM_REQUEST_SIZE)
		return pm_error_set(err, EPROTO,
				    "A guest request of %zu bytes is shorter "
				    "than %d",
				    request_len, PM_REQUEST_SIZE);
	return request_check_response_size(response_size, err);
}

ssize_t pm_device_request(struct pm_device *dev, const void *request,
			  size_t request_len, void *response,
			  size_t response_size, struct pm_error *err)
{
	enum block_state state = STATE_PLUGGED;
	uint64_t before = dev->plugged_size;
	enum response_type type;
	struct request req;
	int ret = check_framing(request_len, response_size, err);

	if (!ret)
		ret = pending_check_none(dev, err);
	if (ret < 0)
		return ret;
	req = request_decode(request);
	if (req.type >= NR_HANDLERS)
		return pm_error_set(err, EPROTO,
				    "A guest request has the unknown type %u",
				    (unsigned int)req.type);
	if (err)
		err->text[0] = '\0';
	type = handlers[req.type](dev, &req, &state, err);
	if (type == RESPONSE_LATER)
		return -EINPROGRESS;
	response_encode(type, state, response);
	device_notify_plugged(dev, before);
	return PM_RESPONSE_SIZE;
}
