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
#include "request.h"

#include <errno.h>
#include <stdbool.h>

#include "usable.h"
#include "wire.h"

/* Returns the answer; sets @state where the request asks for one. */
typedef enum response_type request_handler(struct pending *p,
					   const struct request *req,
					   enum block_state *state,
					   struct pm_error *err);

/* The blocks that a request names; false when they are not all usable. */
static bool request_range(const struct region *r, const struct request *req,
			  struct block_range *range)
{
	uint64_t usable = region_usable_blocks(r).count;
	uint64_t first;

	if (req->addr < r->addr || req->addr % r->block_size)
		return false;
	/* In blocks, not in bytes, no sum below can wrap. */
	first = (req->addr - r->addr) / r->block_size;
	if (!req->nb_blocks || first >= usable ||
	    req->nb_blocks > usable - first)
		return false;
	range->first = first;
	range->count = req->nb_blocks;
	return true;
}

/* Would plugging @count more blocks pass the requested size? */
static bool past_requested(const struct region *r, uint64_t count)
{
	/* A requested size that shrank may be below the plugged size. */
	if (r->plugged_size >= r->requested_size)
		return true;
	return count > (r->requested_size - r->plugged_size) / r->block_size;
}

static enum response_type plug(struct pending *p, struct block_range range,
			       struct pm_error *err)
{
	enum pending_kind kind =
		p->plug->populates ? PENDING_POPULATE : PENDING_PLUG;
	struct pm_error why;
	int ret = 0;

	if (!pending_wanted(p, kind,
			    range.count * p->plug->region->block_size)) {
		ret = plug_set(p->plug, range, err);
		if (ret == -EINPROGRESS) {
			pending_wait(p, kind, range);
			return RESPONSE_LATER;
		}
		return ret < 0 ? RESPONSE_BUSY : RESPONSE_ACK;
	}
	if (p->plug->populates)
		ret = plug_grant(p->plug, range, &why);
	else
		ret = plug_tell(p->plug, range, &why);
	if (ret < 0 && ret != -EINPROGRESS) {
		plug_failed(p->plug, range, ret, &why, err);
		return RESPONSE_BUSY;
	}
	if (ret)
		pending_wait(p, kind, range);
	else
		pending_begin(p, kind, range);
	return RESPONSE_LATER;
}

static enum response_type handle_plug(struct pending *p,
				      const struct request *req,
				      enum block_state *state,
				      struct pm_error *err)
{
	struct block_range range;

	(void)state;
	if (!request_range(p->plug->region, req, &range))
		return RESPONSE_ERROR;
	if (past_requested(p->plug->region, range.count))
		return RESPONSE_NACK;
	if (!block_map_all_clear(&p->plug->region->plugged, range))
		return RESPONSE_ERROR;
	return plug(p, range, err);
}

static enum response_type handle_unplug(struct pending *p,
					const struct request *req,
					enum block_state *state,
					struct pm_error *err)
{
	struct block_range range;

	(void)state;
	if (!request_range(p->plug->region, req, &range))
		return RESPONSE_ERROR;
	if (!block_map_all_set(&p->plug->region->plugged, range))
		return RESPONSE_ERROR;
	if (pending_wanted(p, PENDING_UNPLUG,
			   range.count * p->plug->region->block_size)) {
		pending_begin(p, PENDING_UNPLUG, range);
		return RESPONSE_LATER;
	}
	if (plug_clear(p->plug, range, err) < 0)
		return RESPONSE_BUSY;
	return RESPONSE_ACK;
}

static enum response_type handle_unplug_all(struct pending *p,
					    const struct request *req,
					    enum block_state *state,
					    struct pm_error *err)
{
	(void)req;
	(void)state;
	if (pending_wanted(p, PENDING_UNPLUG_ALL,
			   p->plug->region->plugged_size)) {
		pending_begin(p, PENDING_UNPLUG_ALL,
			      region_usable_blocks(p->plug->region));
		return RESPONSE_LATER;
	}
	if (plug_clear_all(p->plug, err) < 0)
		return RESPONSE_BUSY;
	/*
	 * Everything is unplugged, and that is what was asked for. A usable
	 * region that could not shrink just keeps its size, as it may.
	 */
	usable_shrink(p->plug->region, p->plug->memory, NULL);
	return RESPONSE_ACK;
}

static enum response_type handle_state(struct pending *p,
				       const struct request *req,
				       enum block_state *state,
				       struct pm_error *err)
{
	struct block_range range;

	(void)err;
	if (!request_range(p->plug->region, req, &range))
		return RESPONSE_ERROR;
	if (block_map_all_set(&p->plug->region->plugged, range))
		*state = STATE_PLUGGED;
	else if (block_map_all_clear(&p->plug->region->plugged, range))
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

ssize_t request_handle(struct pending *p, const void *request,
		       size_t request_len, void *response, size_t response_size,
		       struct pm_error *err)
{
	enum block_state state = STATE_PLUGGED;
	enum response_type type;
	struct request req;
	int ret = wire_check_request_size(request_len, err);

	if (!ret)
		ret = wire_check_response_size(response_size, err);
	if (!ret)
		ret = pending_check_none(p, err);
	if (ret < 0)
		return ret;
	req = wire_decode(request);
	if (req.type >= NR_HANDLERS)
		return pm_error_set(err, EPROTO,
				    "A guest request has the unknown type %u",
				    (unsigned int)req.type);
	if (err)
		err->text[0] = '\0';
	type = handlers[req.type](p, &req, &state, err);
	if (type == RESPONSE_LATER)
		return -EINPROGRESS;
	wire_encode(type, state, response);
	return PM_RESPONSE_SIZE;
}
