/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A listener that comes when memory is plugged already: before it is one of
 * the others it is told of all of that, run by run, each of which may take it
 * long. Meanwhile no block may change.
 */
#ifndef PARAMEM_JOIN_H
#define PARAMEM_JOIN_H

#include "paramem.h"
#include "plug.h"

struct join {
	struct plug *plug;
	struct pm_listener *listener; /* NULL: nobody joins */
	struct block_range rest;      /* what it has not heard of */
	struct block_range run;       /* what it is at */
};

/*
 * 0: @l has joined. -EINPROGRESS: join_done() goes on. Another -errno is its
 * own; it heard discard of all that it had been told.
 */
int join_begin(struct join *j, struct pm_listener *l);
/* It is done with what it was at. As above. */
int join_done(struct join *j, int result);
/* It does not join after all, and hears discard of all it was told. */
void join_abort(struct join *j);

/* -EBUSY with a sentence while a listener joins. */
int join_check_none(const struct join *j, struct pm_error *err);

#endif
