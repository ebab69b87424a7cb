/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device of the library against a model of the rules: requests of any
 * bytes, its other calls in any order, and failures of the host.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define STEPS_MAX    400
#define REQUEST_SIZE 24
#define RESPONSE_MAX 16
#define UNTOUCHED    0x5a

/* ---- requests ------------------------------------------------------------ */

struct exchange {
	uint8_t *request; /* of the very length, so that ASan sees its end */
	size_t request_len;
	uint8_t *response;
	size_t response_size;
	struct pm_error err;
};

static void exchange_init(struct exchange *x, const void *request,
			  size_t request_len, size_t response_size)
{
	x->request = malloc(request_len + !request_len);
	x->request_len = request_len;
	x->response = malloc(response_size + !response_size);
	x->response_size = response_size;
	fuzz_check(x->request && x->response);
	if (request_len)
		memcpy(x->request, request, request_len);
	memset(x->response, UNTOUCHED, response_size);
	memset(&x->err, 'x', sizeof(x->err));
}

static void exchange_finish(struct exchange *x)
{
	free(x->request);
	free(x->response);
}

static void check_untouched(const struct exchange *x)
{
	for (size_t i = 0; i < x->response_size; i++)
		fuzz_check(x->response[i] == UNTOUCHED);
}

static void check_response(const struct exchange *x, int type, uint16_t state)
{
	const uint8_t want[] = {
		type, 0, 0, 0, 0, 0, 0, 0, state & 0xff, state >> 8,
	};

	fuzz_check(!memcmp(x->response, want, sizeof(want)));
	for (size_t i = sizeof(want); i < x->response_size; i++)
		fuzz_check(x->response[i] == UNTOUCHED);
	fuzz_check(memchr(x->err.text, 0, sizeof(x->err.text)));
	fuzz_check((type == BUSY) == !!x->err.text[0]);
}

/* An acknowledgement; UNPLUG_ALL may have been unable to shrink. */
static void acknowledged(struct session *s, const struct model_request *r)
{
	const struct model before = s->m;

	model_carry_out(&s->m, r);
	if (r->type == PLUG)
		session_stamp_fresh(s, r);
	if (r->type == UNPLUG_ALL && session_host_fails(s)) {
		session_take_over(s, &before);
		fuzz_check(!model_plugged(&s->m));
	}
}

static void refused(struct session *s, const struct model_request *r)
{
	const struct model before = s->m;

	fuzz_check(session_host_fails(s) && r->type != STATE);
	if (r->type == UNPLUG_ALL)
		session_take_over(s, &before);
	session_stamp_all(s);
}

static void check_answer(struct session *s, const struct exchange *x,
			 const struct model_request *r)
{
	uint16_t state;
	int type = model_answer(&s->m, r, &state);

	if (type == ACK && x->response[0] == BUSY) {
		check_response(x, BUSY, 0);
		refused(s, r);
		return;
	}
	check_response(x, type, state);
	if (type == ACK)
		acknowledged(s, r);
}

/* Whether what was allowed is left to the caller. */
static bool takes_long(const struct session *s, const struct model_request *r)
{
	uint64_t blocks = 0;

	if (!s->async)
		return false;
	if (r->type == PLUG)
		return s->populates;
	if (r->type == UNPLUG)
		blocks = r->nb_blocks;
	if (r->type == UNPLUG_ALL)
		blocks = model_plugged(&s->m);
	return blocks && blocks >= s->async_blocks;
}

/* What pm_device_request() has to return. */
static ssize_t expected(const struct session *s, const struct exchange *x,
			const struct model_request *r)
{
	uint16_t state;

	if (x->request_len < REQUEST_SIZE ||
	    x->response_size < PM_RESPONSE_SIZE)
		return -EPROTO;
	if (s->pending)
		return -EBUSY;
	if (r->type >= NR_TYPES)
		return -EPROTO;
	if (model_answer(&s->m, r, &state) == ACK && takes_long(s, r))
		return -EINPROGRESS;
	return PM_RESPONSE_SIZE;
}

static void send_request(struct session *s, const uint8_t *bytes, size_t len,
			 size_t response_size)
{
	const struct model_request r = model_decode(bytes);
	struct exchange x;
	ssize_t ret;

	exchange_init(&x, bytes, len, response_size);
	ret = pm_device_request(s->dev, x.request, len, x.response,
				response_size, &x.err);
	fuzz_check(ret == expected(s, &x, &r));
	if (ret < 0)
		check_untouched(&x);
	else
		check_answer(s, &x, &r);
	if (ret == -EINPROGRESS) {
		s->pending = true;
		s->second_round = false;
		s->waiting = r;
	}
	exchange_finish(&x);
}

static void step_raw_request(struct session *s)
{
	uint8_t bytes[REQUEST_SIZE + 8];
	size_t len = input_below(&s->in, sizeof(bytes) + 1);
	size_t room = input_below(&s->in, RESPONSE_MAX + 1);

	memset(bytes, 0, sizeof(bytes));
	input_bytes(&s->in, bytes, len);
	send_request(s, bytes, len, room);
}

/* One that makes more sense than bytes by chance. */
static void step_request(struct session *s)
{
	uint8_t bytes[REQUEST_SIZE];
	uint64_t block;

	memset(bytes, 0xa5, sizeof(bytes));
	bytes[0] = input_below(&s->in, NR_TYPES);
	bytes[1] = 0;
	block = input_below(&s->in, MODEL_BLOCKS_MAX + 2);
	block = s->m.addr + block * s->m.block_size;
	for (unsigned int i = 0; i < 8; i++)
		bytes[8 + i] = block >> (8 * i);
	bytes[16] = input_u8(&s->in);
	bytes[17] = 0;
	send_request(s, bytes, sizeof(bytes), RESPONSE_MAX);
}

static void step_complete(struct session *s)
{
	size_t room = input_below(&s->in, RESPONSE_MAX + 1);
	struct pm_error why = { "" };
	bool was_second = s->second_round;
	struct exchange x;
	int result;
	ssize_t ret;

	if (room < PM_RESPONSE_SIZE)
		room = input_u8(&s->in) & 1 ? room : PM_RESPONSE_SIZE;
	result = session_work(s, &why);
	exchange_init(&x, NULL, 0, room);
	ret = pm_device_request_complete(s->dev, result, &why, x.response, room,
					 &x.err);
	if (room < PM_RESPONSE_SIZE || !s->pending) {
		fuzz_check(ret == -EPROTO);
		check_untouched(&x);
	} else if (ret == -EINPROGRESS) {
		fuzz_check(!result && !s->second_round);
		fuzz_check(s->waiting.type != PLUG);
		check_untouched(&x);
		s->second_round = true;
	} else {
		fuzz_check(ret == PM_RESPONSE_SIZE);
		s->pending = false;
		s->second_round = false;
		if (x.response[0] == BUSY) {
			check_response(&x, BUSY, 0);
			fuzz_check(session_host_fails(s));
			session_stamp_all(s);
		} else {
			fuzz_check(s->waiting.type == PLUG || was_second);
			check_response(&x, ACK, 0);
			fuzz_check(!result);
			acknowledged(s, &s->waiting);
		}
	}
	exchange_finish(&x);
}

/* ---- the other calls ----------------------------------------------------- */

static uint64_t take_size(struct session *s)
{
	uint8_t kind = input_u8(&s->in);

	if (kind == 0xff)
		return input_u64(&s->in);
	return kind % (MODEL_BLOCKS_MAX + 2) * s->m.block_size;
}

static void step_set_requested(struct session *s)
{
	uint64_t size = take_size(s);
	unsigned int before = s->interrupts;
	struct pm_error err = { "" };
	int ret = pm_device_set_requested(s->dev, size, &err);

	fuzz_check(s->interrupts == before + !ret);
	fuzz_check(!ret == !err.text[0]);
	if (size % s->m.block_size || size / s->m.block_size > s->m.nr_blocks)
		fuzz_check(ret == -EINVAL);
	else if (ret)
		fuzz_check(session_host_fails(s));
	else
		model_set_requested(&s->m, size / s->m.block_size);
}

static void step_system_reset(struct session *s)
{
	const struct model before = s->m;
	struct pm_error err = { "" };
	int ret = pm_device_system_reset(s->dev, &err);

	fuzz_check(!ret == !err.text[0]);
	if (s->pending) {
		fuzz_check(ret == -EBUSY);
	} else if (ret) {
		fuzz_check(session_host_fails(s));
		session_take_over(s, &before);
	} else {
		model_system_reset(&s->m);
	}
}

static void put_le(uint8_t *bytes, uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++)
		bytes[i] = value >> (8 * i);
}

static void step_config_read(struct session *s)
{
	uint8_t want[512] = { 0 };
	uint8_t got[256];
	uint8_t kind = input_u8(&s->in);
	size_t len = input_u8(&s->in);
	uint64_t offset = kind == 0xff ? input_u64(&s->in) : kind;

	put_le(want, s->m.block_size);
	put_le(want + 16, s->m.addr);
	put_le(want + 24, s->m.nr_blocks * s->m.block_size);
	put_le(want + 32, s->m.usable * s->m.block_size);
	put_le(want + 40, model_plugged(&s->m) * s->m.block_size);
	put_le(want + 48, s->m.requested * s->m.block_size);
	memset(got, UNTOUCHED, sizeof(got));
	pm_device_config_read(s->dev, offset, got, len);
	if (offset > PM_CONFIG_SIZE)
		offset = PM_CONFIG_SIZE;
	fuzz_check(!memcmp(got, want + offset, len));
	fuzz_check(got[len] == UNTOUCHED);
}

static void step_range_plugged(struct session *s)
{
	uint64_t offset = input_u64(&s->in);
	uint64_t size = input_u64(&s->in);
	uint64_t region = s->m.nr_blocks * s->m.block_size;
	bool want = offset <= region && size <= region - offset;

	for (uint64_t i = 0; want && i < s->m.nr_blocks; i++) {
		uint64_t start = i * s->m.block_size;

		if (size && start < offset + size &&
		    start + s->m.block_size > offset)
			want = s->m.plugged[i] && !session_takes(s, i);
	}
	fuzz_check(pm_device_range_plugged(s->dev, offset, size) == want);
}

static void step_accept_features(struct session *s)
{
	uint64_t accepted = input_u64(&s->in);

	fuzz_check(pm_device_features(s->dev) == OFFERED);
	fuzz_check(pm_device_features_ok(s->dev, accepted) ==
		   ((accepted & s->required) == s->required));
	pm_device_accept_features(s->dev, accepted);
}

typedef void step_fn(struct session *s);

static step_fn *const steps[] = {
	step_raw_request,     step_request,       step_request,
	step_set_requested,   step_complete,      step_system_reset,
	step_config_read,     session_break_host, step_range_plugged,
	step_accept_features,
};

static void step(struct session *s)
{
	step_fn *fn =
		steps[input_below(&s->in, sizeof(steps) / sizeof(steps[0]))];

	fn(s);
	if (fn != session_break_host)
		session_repair_host(s);
	session_check(s);
}

/* ---- one input ----------------------------------------------------------- */

/* Values of which few make a configuration: who breaks a rule is told so. */
static void try_config(struct input *in)
{
	struct pm_ram_config memory = { .max_size = UINT64_C(1) << 24 };
	struct pm_device_config config = {
		.addr = input_u64(in),
		.block_size = input_u64(in),
		.requested_size = input_u64(in),
		.features = input_u64(in),
		.required = input_u8(in),
	};
	struct pm_error err = { "" };
	struct pm_device *dev;
	struct pm_ram *ram;
	uint64_t block = config.block_size;
	bool good = block && !(block & (block - 1)) &&
		    block >= PM_BLOCK_SIZE_MIN && block <= memory.max_size &&
		    config.addr % block == 0 &&
		    config.requested_size % block == 0 &&
		    config.addr <= UINT64_MAX - memory.max_size &&
		    config.requested_size <= memory.max_size &&
		    config.features <= OFFERED &&
		    !(config.required & ~config.features);
	int ret;

	fuzz_check(!pm_ram_create(&memory, &ram, NULL));
	ret = pm_device_create(&config, ram, NULL, NULL, &dev, &err);
	fuzz_check(ret == (good ? 0 : -EINVAL));
	fuzz_check(good == !err.text[0]);
	if (good)
		pm_device_destroy(dev);
	pm_ram_destroy(ram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct session s;
	struct input in = { data, size };

	if (input_u8(&in) == 0xff) {
		try_config(&in);
		return 0;
	}
	session_init(&s, in);
	for (int i = 0; i < STEPS_MAX && input_more(&s.in); i++)
		step(&s);
	session_finish(&s);
	return 0;
}
