/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control sockets: the QEMU Machine Protocol over unix sockets, several
 * clients at once, on the main loop.
 */
#ifndef VMM_QMP_QMP_H
#define VMM_QMP_QMP_H

#include "paramem.h"

struct machine;
struct qmp;

/*
 * Observes the machine, which is to outlive it, from here until it is
 * destroyed, and listens on the sockets that the machine's configuration
 * names; a machine that can be reached should be a whole one. A socket
 * file that nobody listens on any more is replaced; one with a live listener
 * is refused with -EADDRINUSE. 0 or -errno with a sentence.
 */
int qmp_create(struct machine *machine, struct qmp **qmp, struct pm_error *err);

/*
 * Sends what is queued for as long as a client takes it (a short, bounded
 * time), closes all and removes the socket files. Takes NULL.
 */
void qmp_destroy(struct qmp *qmp);

#endif /* VMM_QMP_QMP_H */
