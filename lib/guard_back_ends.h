/* SPDX-License-Identifier: BSD-3-Clause */
/* How each kind of memory is guarded. */
#ifndef PARAMEM_GUARD_BACK_ENDS_H
#define PARAMEM_GUARD_BACK_ENDS_H

#include "guard_base.h"

extern const struct guard_ops guard_anon_ops;
extern const struct guard_ops guard_memfd_ops;
extern const struct guard_ops guard_hugetlb_ops;

#endif
