/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a target over the inputs named on the command line, and over all files
 * of the directories, without libFuzzer: so that any compiler can.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static _Noreturn void die(const char *path)
{
	perror(path);
	exit(1);
}

/* The target gets a copy of the very size, so that sanitizers see its end. */
static void replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	uint8_t *data;

	if (!file || fstat(fileno(file), &st) < 0)
		die(path);
	data = malloc((size_t)st.st_size);
	if (!data && st.st_size)
		die(path);
	if (fread(data, 1, (size_t)st.st_size, file) != (size_t)st.st_size)
		die(path);
	fclose(file);
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	free(data);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int replay_directory(const char *path)
{
	struct dirent **entries;
	int nr = scandir(path, &entries, visible, alphasort);

	if (nr < 0)
		die(path);
	for (int i = 0; i < nr; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		free(entries[i]);
		/* To be found in the log when the target dies of it. */
		fprintf(stderr, "%s\n", name);
		replay_file(name);
	}
	free(entries);
	return nr;
}

static int replay(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		die(path);
	if (S_ISDIR(st.st_mode))
		return replay_directory(path);
	replay_file(path);
	return 1;
}

int main(int argc, char **argv)
{
	int nr = 0;

	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		nr += replay(argv[i]);
	printf("%d inputs\n", nr);
	return nr ? 0 : 1;
}
