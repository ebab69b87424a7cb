/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "cmocka_all.h"
#include "paramem.h"

static void returns_negative_code(void **state)
{
	struct pm_error err;

	(void)state;
	assert_int_equal(pm_error_set(&err, EBUSY, "%s is %d", "x", 7), -EBUSY);
	assert_string_equal(err.text, "x is 7");
	assert_int_equal(pm_error_set(NULL, ENOMEM, "nobody listens"), -ENOMEM);
}

static void long_sentence_is_cut(void **state)
{
	struct pm_error err;
	char text[2 * PM_ERROR_MAX];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	pm_error_set(&err, EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), PM_ERROR_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(returns_negative_code),
		cmocka_unit_test(long_sentence_is_cut),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
