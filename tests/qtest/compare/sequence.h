/* SPDX-License-Identifier: BSD-3-Clause */
/* The random steps, weighted so that every answer is frequent. */
#ifndef COMPARE_SEQUENCE_H
#define COMPARE_SEQUENCE_H

#include "dice.h"
#include "model.h"
#include "step.h"

/* The next step for one of @nr_devices devices. */
void sequence_next(struct dice *dice, const struct model *models,
		   unsigned int nr_devices, struct step *step);

/* How the driver may set that device up. */
void sequence_setup(struct dice *dice, const struct model *m,
		    struct step_setup *setup);

#endif /* COMPARE_SEQUENCE_H */
