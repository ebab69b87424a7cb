/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Small files in which the host tells of itself, opened once and read anew
 * each time: who is in a sandbox by then can still read them.
 */
#ifndef PARAMEM_HOST_FILE_H
#define PARAMEM_HOST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most that is read of a file; what lies beyond is not looked at. */
#define HOST_FILE_MAX 16384

/*
 * Opens a file below the directory @root, which is empty but in tests. The
 * descriptor; -1 when the host has no such file; -EMFILE or -ENFILE.
 */
int host_file_open(const char *root, const char *path);

/* Takes -1, too. */
void host_file_close(int fd);

/* What the file says now, at most @size - 1 bytes; false if it says nothing. */
bool host_file_text(int fd, char *text, size_t size);

/* A file that is one number; UINT64_MAX where it is the word "max". */
bool host_file_number(int fd, uint64_t *value);

/*
 * The number on the line that begins with @name and a colon or a blank; in
 * bytes where it has a unit.
 */
bool host_text_number(const char *text, const char *name, uint64_t *value);

/* Is @number in a list such as "0-3,8"? */
bool host_text_lists(const char *list, unsigned int number);

#endif
