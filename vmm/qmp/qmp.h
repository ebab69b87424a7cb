/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control sockets: the QEMU Machine Protocol over unix sockets, several
 * clients at once, on the main loop.
 */
#ifndef VMM_QMP_QMP_H
#define VMM_QMP_QMP_H

#include <stdbool.h>
#include <stdint.h>

#include "paramem.h"

struct machine;
struct qmp;
struct violation;

/*
 * Listens on the sockets that the machine's configuration names. A socket
 * file that nobody listens on any more is replaced; one with a live listener
 * is refused with -EADDRINUSE. 0 or -errno with a sentence.
 */
int qmp_create(struct machine *machine, struct qmp **qmp, struct pm_error *err);

/*
 * Sends what is queued for as long as a client takes it (a short, bounded
 * time), closes all and removes the socket files. Takes NULL.
 */
void qmp_destroy(struct qmp *qmp);

/* Events, to every client past its capabilities negotiation. */
void qmp_event_shutdown(struct qmp *qmp, bool guest, const char *reason);
void qmp_event_reset(struct qmp *qmp, bool guest, const char *reason);
void qmp_event_stop(struct qmp *qmp);
void qmp_event_resume(struct qmp *qmp);
/*
 * DUMP_COMPLETED; and the answer to whoever began the dump and has waited for
 * it, which comes last.
 */
void qmp_event_dump_completed(struct qmp *qmp);
void qmp_answer_dump(struct qmp *qmp);
/*
 * MEMORY_DEVICE_SIZE_CHANGE: coalesced to a bounded rate per device, the last
 * size always delivered.
 */
void qmp_event_size_change(struct qmp *qmp, const char *id, uint64_t size);

/*
 * X_PARAMEM_MEMORY_VIOLATION of the device of this number: at a bounded rate,
 * the last one always delivered; its count tells of those between.
 */
void qmp_event_violation(struct qmp *qmp, unsigned int device,
			 const struct violation *violation);

#endif /* VMM_QMP_QMP_H */
