/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The place of a machine with a name: made, locked, taken over, removed.
 */
#include "../unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../cli/runtime_dir.h"

struct fixture {
	char top[64];
	char base[PATH_MAX];
};

static int set_up(void **state)
{
	static struct fixture f;

	strcpy(f.top, "/tmp/paramem-test-XXXXXX");
	if (!mkdtemp(f.top))
		return -1;
	snprintf(f.base, sizeof(f.base), "%s/paramem", f.top);
	*state = &f;
	return 0;
}

/* Fails when a test has left anything. */
static int tear_down(void **state)
{
	struct fixture *f = *state;

	return rmdir(f->top);
}

static void test_life(void **state)
{
	static struct runtime_dir dir;
	struct fixture *f = *state;
	struct pm_error err;
	struct stat st;

	assert_int_equal(runtime_dir_create(&dir, f->base, "demo", &err), 0);
	assert_int_equal(stat(dir.dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(f->base, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_non_null(strstr(dir.socket, "/paramem/demo/qmp.sock"));
	runtime_dir_remove(&dir);
	assert_int_equal(access(f->base, F_OK), -1);
}

static void test_second_of_a_name(void **state)
{
	static struct runtime_dir first, second;
	struct fixture *f = *state;
	struct pm_error err;

	assert_int_equal(runtime_dir_create(&first, f->base, "demo", &err), 0);
	assert_int_equal(runtime_dir_create(&second, f->base, "demo", &err),
			 -EBUSY);
	assert_string_equal(err.text,
			    "a machine with the name 'demo' runs already: "
			    "choose another name, or end that one");
	assert_int_equal(runtime_dir_create(&second, f->base, "other", &err),
			 0);
	runtime_dir_remove(&first);
	assert_int_equal(runtime_dir_create(&first, f->base, "demo", &err), 0);
	runtime_dir_remove(&first);
	runtime_dir_remove(&second);
}

static void test_leftovers(void **state)
{
	static struct runtime_dir dir;
	struct fixture *f = *state;
	struct pm_error err;
	int fd;

	assert_int_equal(runtime_dir_create(&dir, f->base, "demo", &err), 0);
	fd = open(dir.socket, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	close(dir.lock_fd); /* as a kill does */
	assert_int_equal(runtime_dir_create(&dir, f->base, "demo", &err), 0);
	assert_int_equal(access(dir.socket, F_OK), -1);
	runtime_dir_remove(&dir);
}

static void test_foreign_directory(void **state)
{
	static struct runtime_dir dir;
	struct fixture *f = *state;
	struct pm_error err;

	assert_int_equal(mkdir(f->base, 0700), 0);
	assert_int_equal(chmod(f->base, 0777), 0);
	assert_int_equal(runtime_dir_create(&dir, f->base, "demo", &err),
			 -EPERM);
	assert_non_null(strstr(err.text, "only you can write"));
	assert_int_equal(rmdir(f->base), 0);
	assert_int_equal(symlink("/tmp", f->base), 0);
	assert_int_equal(runtime_dir_create(&dir, f->base, "demo", &err),
			 -EPERM);
	assert_int_equal(unlink(f->base), 0);
}

static void test_missing_directory(void **state)
{
	static struct runtime_dir dir;
	struct pm_error err;

	(void)state;
	assert_int_equal(runtime_dir_create(&dir, "/nonesuch/paramem", "demo",
					    &err),
			 -ENOENT);
	assert_non_null(strstr(err.text, "'/nonesuch/paramem'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_second_of_a_name, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_leftovers, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_foreign_directory, set_up,
						tear_down),
		cmocka_unit_test(test_missing_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
