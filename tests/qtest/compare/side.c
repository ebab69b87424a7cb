/* SPDX-License-Identifier: BSD-3-Clause */
/* One of the two machines, and the driver of its devices. */
#include "side.h"

#include "../mem_frame.h"
#include "../mem_qmp.h"
#include "probes.h"

/* The I/O APIC's inputs below are those of the ISA. */
enum { FIRST_PCI_LINE = 16 };

/* ---- life and set-up ----------------------------------------------------- */

void side_start(struct side *side, const struct setup *setup,
		enum peer_kind kind, const char *program)
{
	struct peer_config config;

	setup_peer(setup, kind, program, &config);
	*side = (struct side){
		.peer = peer_start(&config),
		.nr = setup->nr_devices,
	};
	qtest_irq_intercept_in(&side->peer->qtest, "ioapic");
	for (unsigned int i = 0; i < side->nr; i++) {
		mem_open(&side->mems[i], side->peer, i);
		mem_read_config(&side->mems[i], &side->first[i]);
	}
}

void side_stop(struct side *side)
{
	peer_stop(side->peer);
	side->peer = NULL;
}

unsigned int side_take_raises(struct side *side)
{
	unsigned int raises = 0;

	for (unsigned int i = FIRST_PCI_LINE; i < QTEST_IRQS; i++)
		raises += qtest_irq_take(&side->peer->qtest, i);
	return raises;
}

bool side_line_raised(const struct side *side)
{
	for (unsigned int i = FIRST_PCI_LINE; i < QTEST_IRQS; i++)
		if (side->peer->qtest.irqs[i].level)
			return true;
	return false;
}

void side_settle(struct side *side, unsigned int device)
{
	const struct virtio *v = &side->mems[device].virtio;

	virtio_isr(v);
	side->generation[device] = virtio_generation(v);
	qtest_read(v->qtest, v->device, side->config[device],
		   sizeof(side->config[device]));
	side_take_raises(side);
}

static uint64_t features(const struct step_setup *setup)
{
	return VIRTIO_VERSION1 | (setup->indirect ? VIRTIO_INDIRECT : 0) |
	       (setup->inaccessible ? MEM_F_UNPLUGGED_INACCESSIBLE : 0);
}

void side_renew(struct side *side, unsigned int device,
		const struct step_setup *setup)
{
	struct mem *mem = &side->mems[device];
	const struct mem_setup how = {
		.queue_size = setup->queue_size,
		.features = features(setup),
		.no_msix = true,
	};

	mem->arena = MEM_ARENA(mem->nth) + setup->shift;
	mem_start(mem, &how);
}

void side_renew_all(struct side *side, const struct step_setup *setup)
{
	for (unsigned int i = 0; i < side->nr; i++) {
		mem_open(&side->mems[i], side->peer, i);
		side_renew(side, i, setup);
	}
}

/* ---- requests ------------------------------------------------------------ */

static uint64_t address(const struct side *side, const struct step *step,
			const struct step_request *r)
{
	return r->absolute ? r->addr : r->addr + side->first[step->device].addr;
}

static void plain(struct side *side, const struct step *step,
		  struct facts *facts)
{
	const struct step_request *r = &step->requests[0];
	struct mem *mem = &side->mems[step->device];
	struct mem_answer answer;
	uint64_t value = FACT_NO_ANSWER;

	if (mem_request_handled(mem, r->type, address(side, step, r),
				r->nb_blocks, &answer))
		value = fact_answer(answer.type, answer.state,
				    MEM_RESPONSE_SIZE, false);
	facts_set(facts, FACT_ANSWER, value);
}

/* How the step frames request @i. @bytes stays with the caller. */
static void frame(const struct side *side, const struct step *step,
		  unsigned int i, uint8_t *bytes, struct mem_pieces *p)
{
	const struct step_framing *f = &step->framing;
	const struct step_request *r = &step->requests[i];
	bool last = i == step->nr - 1;

	mem_encode(bytes, r->type, address(side, step, r), r->nb_blocks);
	*p = (struct mem_pieces){ .bytes = bytes, .nr_out = 1, .nr_in = 1 };
	p->out[0] = MEM_REQUEST_SIZE;
	p->in[0] = MEM_RESPONSE_SIZE;
	if (last && step->fault == FAULT_SHORT_REQUEST)
		p->out[0]--;
	if (last && step->fault == FAULT_SHORT_ANSWER)
		p->in[0]--;
	if (step->kind != STEP_PIECES)
		return;
	p->nr_out = mem_cut(p->out, MEM_REQUEST_SIZE, f->out_each);
	p->nr_in = mem_cut(p->in, f->in_total, f->in_each);
	if (f->indirect)
		p->table = side->mems[step->device].arena + MEM_SCRATCH;
}

static uint64_t take_answer(struct mem *mem, unsigned int index,
			    const struct mem_pieces *p)
{
	uint8_t bytes[256];
	struct mem_answer answer;
	struct vring_used used;

	if (!vring_take(&mem->ring, &used))
		return FACT_NO_ANSWER;
	mem_get_pieces(mem, index, p, bytes);
	answer = mem_decode(bytes);
	return fact_answer(answer.type, answer.state, used.len,
			   used.id != index);
}

static void framed(struct side *side, const struct step *step,
		   struct facts *facts)
{
	uint8_t bytes[STEP_REQUESTS_MAX][MEM_REQUEST_SIZE];
	struct mem_pieces pieces[STEP_REQUESTS_MAX];
	struct mem *mem = &side->mems[step->device];

	for (unsigned int i = 0; i < step->nr; i++) {
		frame(side, step, i, bytes[i], &pieces[i]);
		mem_put_pieces(mem, 2 * i, &pieces[i]);
		vring_offer(&mem->ring, 2 * i);
	}
	virtio_notify(&mem->virtio);
	mem_settle(mem);
	for (unsigned int i = 0; i < step->nr; i++)
		facts_set(facts, FACT_ANSWER + i,
			  take_answer(mem, 2 * i, &pieces[i]));
}

/* ---- the other steps ----------------------------------------------------- */

static void resize(struct side *side, const struct step *step,
		   struct facts *facts)
{
	struct qmp_error error;
	int ret = mem_set_requested(&side->mems[step->device], step->size,
				    &error);

	facts_set(facts, FACT_QMP_RESULT, ret < 0);
	facts_set_text(facts, FACT_QMP_CLASS, error.class);
	facts_set_text(facts, FACT_QMP_TEXT, error.desc);
}

static void probe(struct side *side, const struct step *step,
		  struct facts *facts)
{
	uint64_t values[PROBE_FACTS_MAX];
	unsigned int nr;

	nr = probe_run(&side->mems[step->device], step->probe, values);
	for (unsigned int i = 0; i < nr; i++)
		facts_set(facts, FACT_PROBE + i, values[i]);
}

void side_perform(struct side *side, const struct step *step,
		  struct facts *facts)
{
	switch (step->kind) {
	case STEP_REQUEST:
		plain(side, step, facts);
		break;
	case STEP_PIECES:
	case STEP_BATCH:
	case STEP_MALFORMED:
		framed(side, step, facts);
		break;
	case STEP_RESIZE:
		resize(side, step, facts);
		break;
	case STEP_DEVICE_RESET:
		virtio_reset(&side->mems[step->device].virtio);
		break;
	case STEP_SYSTEM_RESET:
		peer_system_reset(side->peer);
		break;
	case STEP_PROBE:
		probe(side, step, facts);
		break;
	default:
		break;
	}
}
