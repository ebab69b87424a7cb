/* SPDX-License-Identifier: BSD-3-Clause */
/* Sentences for people, in the caller's memory. */
#include <stdarg.h>
#include <stdio.h>

#include "paramem.h"

int pm_error_set(struct pm_error *err, int code, const char *fmt, ...)
{
	va_list args;

	if (err) {
		va_start(args, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, args);
		va_end(args);
	}
	return -code;
}
