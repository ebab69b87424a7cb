/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the program prints, and whether it got there.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/*
 * Who closes standard error wants no word, and loses none by it. Standard
 * output is opened the wrong way round, so that writing there fails as it
 * would have if it were closed still.
 */
void output_begin(void)
{
	static const int modes[] = {
		[STDIN_FILENO] = O_RDONLY,
		[STDOUT_FILENO] = O_RDONLY,
		[STDERR_FILENO] = O_WRONLY,
	};

	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			/* The lowest that is free: this one. */
			open("/dev/null", modes[fd]);
	}
}

bool output_is_open(void)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

int output_json(json_t *object, size_t flags)
{
	struct pm_error err;

	if (!object) {
		pm_error_set(&err, EINVAL,
			     "a path or a name is not in UTF-8, and JSON has "
			     "to be: leave --json out");
		return cli_fail(&err);
	}
	/* What cannot be written is found out in the end. */
	json_dumpf(object, stdout, flags);
	putchar('\n');
	json_decref(object);
	return EXIT_OK;
}

/* 0, or why not all that was printed has been written. */
static int stdout_finish(void)
{
	bool open_still = output_is_open();
	bool failed = ferror(stdout);

	if (fflush(stdout))
		return errno;
	if (failed)
		return open_still ? EIO : EBADF;
	/* Some file systems say only when a file is closed that it is full. */
	return open_still && close(STDOUT_FILENO) < 0 ? errno : 0;
}

static void explain(int code)
{
	if (code == EBADF)
		fputs("paramem: standard output is closed: what was to be "
		      "printed is lost\n",
		      stderr);
	else
		fprintf(stderr,
			"paramem: cannot write to standard output: %s; what "
			"was to be printed is not all there\n",
			strerror(code));
}

int output_end(int status)
{
	int code = stdout_finish();

	if (code && code != EPIPE)
		explain(code);
	if (fflush(stderr) || ferror(stderr))
		code = EIO;
	return code && status == EXIT_OK ? EXIT_FAILED : status;
}
