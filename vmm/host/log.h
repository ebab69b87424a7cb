/* SPDX-License-Identifier: BSD-3-Clause */
/* What a running machine has to say on standard error. */
#ifndef VMM_LOG_H
#define VMM_LOG_H

/* One sentence, without a final newline. Any thread. */
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* VMM_LOG_H */
