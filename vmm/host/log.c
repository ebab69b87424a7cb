/* SPDX-License-Identifier: BSD-3-Clause */
/* What a running machine has to say on standard error. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

void log_warning(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "paramem: %s\n", text);
}
