/* SPDX-License-Identifier: BSD-3-Clause */
/* Base64, RFC 4648 section 4. */
#ifndef VMM_QTEST_BASE64_H
#define VMM_QTEST_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* How many characters @len bytes become. */
size_t base64_length(size_t len);
/* Writes base64_length(@len) characters, and no final zero. */
void base64_encode(const uint8_t *data, size_t len, char *text);
/* Writes exactly @len bytes. 0, or -EINVAL when @text is not that. */
int base64_decode(const char *text, uint8_t *data, size_t len);

#endif /* VMM_QTEST_BASE64_H */
