/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lines and bars that people look at.
 */
#include "../unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../cli/bar.h"
#include "../../cli/progress.h"
#include "../../cli/qmp_client.h"

#define MiB (UINT64_C(1) << 20)
#define GiB (UINT64_C(1) << 30)

static void test_bar(void **state)
{
	(void)state;
	assert_string_equal(bar_draw(4, 0, 4, false).text, "[    ]");
	assert_string_equal(bar_draw(4, 2, 4, false).text, "[##  ]");
	assert_string_equal(bar_draw(4, 9, 4, false).text, "[####]");
	assert_string_equal(bar_draw(4, 0, 0, false).text, "[####]");
	assert_string_equal(bar_draw(4, 5, 16, true).text, "▕█▎  ▏");
	assert_string_equal(bar_draw(2, UINT64_MAX / 2, UINT64_MAX, true).text,
			    "▕█ ▏");
	assert_int_equal(strlen(bar_draw(5000, 1, 1, true).text),
			 BAR_BYTES - 1);
}

static void test_device_bar(void **state)
{
	(void)state;
	assert_string_equal(bar_draw_device(8, 2, 4, 6, 8, false).text,
			    "[##==--..]");
	assert_string_equal(bar_draw_device(8, 1, 0, 0, 1000, false).text,
			    "[#.......]");
	assert_string_equal(bar_draw_device(8, 8, 4, 8, 8, false).text,
			    "[########]");
}

static void test_line(void **state)
{
	struct progress p = {
		.device = "vm0",
		.from = 512 * MiB,
		.now = 1280 * MiB,
		.target = 2 * GiB,
	};
	char line[PROGRESS_LINE_MAX];

	(void)state;
	progress_line(&p, 1000, 70, line);
	assert_string_equal(line, "vm0  512 MiB -> 1.25 GiB -> 2.00 GiB "
				  "[#######       ]  50 %  768 MiB/s");
	progress_line(&p, 1000, 40, line);
	assert_int_equal(strlen(line), 40);
	p.note = "the guest has no virtio-mem driver running";
	p.utf8 = true;
	progress_line(&p, 1000, 30, line);
	assert_string_equal(line, "vm0  512 MiB → 1.25 GiB → 2.00");
	progress_line(&p, 1000, 0, line);
	assert_string_equal(line, "");
}

static void test_line_backwards(void **state)
{
	struct progress p = {
		.device = "vm0",
		.from = 2 * GiB,
		.now = 3 * GiB,
		.target = 0,
	};
	char line[PROGRESS_LINE_MAX];

	(void)state;
	progress_line(&p, 0, 200, line);
	assert_non_null(strstr(line, "]   0 %  0 MiB/s"));
	p.now = 0;
	progress_line(&p, 500, 200, line);
	assert_non_null(strstr(line, "#] 100 %  4096 MiB/s"));
}

/* One plain line, as where there is no terminal, in @line. */
static void plain_line(uint64_t from, uint64_t now, uint64_t target,
		       char line[256])
{
	FILE *file = tmpfile();
	int err = dup(2);
	struct progress p;
	size_t len;

	assert_non_null(file);
	progress_init(&p, "vm0", from, target, qmp_client_now());
	p.terminal = false;
	p.shown_ms -= 60 * 1000;
	dup2(fileno(file), 2);
	progress_show(&p, now, NULL);
	dup2(err, 2);
	close(err);
	rewind(file);
	len = fread(line, 1, 255, file);
	line[len] = '\0';
	fclose(file);
}

static void test_plain(void **state)
{
	char line[256];

	(void)state;
	plain_line(0, 512 * MiB, 2048 * MiB, line);
	assert_string_equal(line, "vm0: 512 MiB of 2 GiB\n");
	/* It is not 1664 MiB of 512 MiB that is done. */
	plain_line(2048 * MiB, 1664 * MiB, 512 * MiB, line);
	assert_string_equal(line,
			    "vm0: 1664 MiB, from 2 GiB down to 512 MiB\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bar),
		cmocka_unit_test(test_device_bar),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_line_backwards),
		cmocka_unit_test(test_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
