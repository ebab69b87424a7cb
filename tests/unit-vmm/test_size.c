/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sizes as people write and read them.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>

#include "host/size.h"

#define K (UINT64_C(1) << 10)
#define M (UINT64_C(1) << 20)
#define G (UINT64_C(1) << 30)
#define T (UINT64_C(1) << 40)

static void expect_size(const char *text, uint64_t expected)
{
	uint64_t size = 1;

	assert_int_equal(size_parse(text, &size), 0);
	assert_true(size == expected);
}

static void expect_error(const char *text, int code)
{
	uint64_t size = 42;

	assert_int_equal(size_parse(text, &size), -code);
	assert_int_equal(size, 42);
}

static void test_parse(void **state)
{
	(void)state;
	expect_size("0", 0);
	expect_size("4096", 4096);
	expect_size("4096 bytes", 4096);
	expect_size("512M", 512 * M);
	expect_size("512m", 512 * M);
	expect_size("2GiB", 2 * G);
	expect_size("2 GiB", 2 * G);
	expect_size("1T", T);
	expect_size("1K", K);
	expect_size("1P", 1024 * T);
	expect_size("1.5G", 3 * G / 2);
	expect_size("0.125K", 128);
	expect_size("1.500000G", 3 * G / 2);
	expect_size("18446744073709551615", UINT64_MAX);
	expect_size("16383P", UINT64_C(16383) << 50);
}

static void test_parse_errors(void **state)
{
	static const char *const wrong[] = {
		"",      "G",    "-1",  "+1",   " 1",      "1 ",
		"1GB",   "1Gi",  "1X",  "0x10", "1e9",     "1..5G",
		"1.G",   ".5G",  "1.5", "0.1K", "1.0001G", "1G ",
		"1 G 2", "\xff", "1\n", "1,5G",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect_error(wrong[i], EINVAL);
	expect_error("18446744073709551616", ERANGE);
	expect_error("16384P", ERANGE);
	expect_error("99999999999999999999999G", ERANGE);
}

static void test_format(void **state)
{
	(void)state;
	assert_string_equal(size_format(0).text, "0");
	assert_string_equal(size_format(1).text, "1 bytes");
	assert_string_equal(size_format(K).text, "1 KiB");
	assert_string_equal(size_format(2 * G).text, "2 GiB");
	assert_string_equal(size_format(3 * G / 2).text, "1.5 GiB");
	assert_string_equal(size_format(5 * G / 4).text, "1.25 GiB");
	assert_string_equal(size_format(2 * G - 2 * M).text, "2046 MiB");
	assert_string_equal(size_format(UINT64_MAX).text,
			    "18446744073709551615 bytes");
	assert_string_equal(size_format_rounded(0).text, "0 MiB");
	assert_string_equal(size_format_rounded(512 * M).text, "512 MiB");
	assert_string_equal(size_format_rounded(2 * G - 2 * M).text,
			    "2.00 GiB");
}

/* What is written can be read, and is the same. */
static void test_round_trip(void **state)
{
	uint64_t size = 1;
	int i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		expect_size(size_format(size).text, size);
		expect_size(size_format(size << 20).text, size << 20);
		size = size * 6364136223846793005u + 1442695040888963407u;
		if (i & 1)
			size >>= i % 60;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_errors),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
