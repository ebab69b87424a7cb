/* SPDX-License-Identifier: BSD-3-Clause */
/* The buffer, and base64. */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "host/buffer.h"
#include "accel/qtest/base64.h"

static void it_grows_and_shrinks(void **state)
{
	struct buffer b = { 0 };
	char block[1000];

	(void)state;
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 5; i++)
		assert_int_equal(buffer_append(&b, block, sizeof(block), 5000),
				 0);
	assert_int_equal(buffer_append(&b, "y", 1, 5000), -ENOBUFS);
	assert_int_equal(b.len, 5000);
	buffer_consume(&b, 4999);
	assert_int_equal(buffer_append(&b, "y", 1, 5000), 0);
	assert_memory_equal(b.data, "xy", 2);
	buffer_consume(&b, 2);
	assert_null(b.data);
	assert_int_equal(buffer_append(&b, "z", 1, 0), -ENOBUFS);
	buffer_clear(&b);
}

/* The test vectors of RFC 4648, section 10. */
static const char *const vectors[][2] = {
	{ "f", "Zg==" },         { "fo", "Zm8=" },
	{ "foo", "Zm9v" },       { "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
};

static void base64_is_that_of_the_rfc(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const char *plain = vectors[i][0];
		const char *coded = vectors[i][1];
		size_t len = strlen(plain);
		char text[16] = "";
		uint8_t data[16];

		assert_int_equal(base64_length(len), strlen(coded));
		base64_encode((const uint8_t *)plain, len, text);
		assert_string_equal(text, coded);
		assert_int_equal(base64_decode(coded, data, len), 0);
		assert_memory_equal(data, plain, len);
		assert_int_equal(base64_decode(coded, data, len + 3), -EINVAL);
	}
}

static void what_is_not_base64(void **state)
{
	static const char *const bad[] = {
		"", "Zg", "Zg=", "Z===", "====", "Zgg=", "Z g=", "Zg==Zg==",
	};
	uint8_t data[16];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(base64_decode(bad[i], data, 1), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_grows_and_shrinks),
		cmocka_unit_test(base64_is_that_of_the_rfc),
		cmocka_unit_test(what_is_not_base64),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
