/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * File descriptors that clients pass with SCM_RIGHTS, and the commands on
 * them: getfd and closefd, add-fd, remove-fd and query-fdsets.
 *
 * A descriptor comes with the first byte of a message, before the command that
 * is to take it is whole. The kernel ends a read behind the bytes that brought
 * descriptors, so that those of the next command come with a later read.
 */
#include "fds.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "server.h"

struct qmp_fd {
	struct qmp_fd *next;
	int fd;
	int64_t set;  /* of one in a set */
	char *opaque; /* its name, or what the client said of it; or NULL */
};

static void fd_free(struct qmp_fd *entry)
{
	close(entry->fd);
	free(entry->opaque);
	free(entry);
}

static void unlink_free(struct qmp_fd **at)
{
	struct qmp_fd *entry = *at;

	*at = entry->next;
	fd_free(entry);
}

/* At the end of a list. Closes @fd on failure, which is -1 with @error. */
static int keep(struct qmp_fd **list, unsigned int *nr, struct qmp_fd fd,
		const char *opaque, struct qmp_error *error)
{
	struct qmp_fd *entry = NULL;

	if (*nr == QMP_FDS_KEPT_MAX) {
		close(fd.fd);
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "There are %d file descriptors already: "
				     "close or remove some",
				     QMP_FDS_KEPT_MAX);
	}
	entry = malloc(sizeof(*entry));
	fd.opaque = opaque ? strdup(opaque) : NULL;
	if (!entry || (opaque && !fd.opaque)) {
		close(fd.fd);
		free(fd.opaque);
		free(entry);
		return qmp_error_set(error, QMP_GENERIC_ERROR, "out of memory");
	}
	*entry = fd;
	while (*list)
		list = &(*list)->next;
	*list = entry;
	(*nr)++;
	return 0;
}

/* ---- what came with a message -------------------------------------------- */

void qmp_fds_came(struct qmp_fds *fds, const int *came, unsigned int nr)
{
	while (fds->nr_came)
		close(fds->came[--fds->nr_came]);
	if (nr)
		memcpy(fds->came, came, nr * sizeof(*came));
	fds->nr_came = nr;
}

static int take_came(struct qmp_fds *fds, struct qmp_error *error)
{
	int fd = fds->came[0];

	if (!fds->nr_came)
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "No file descriptor supplied via "
				     "SCM_RIGHTS");
	memmove(fds->came, fds->came + 1, --fds->nr_came * sizeof(fd));
	return fd;
}

void qmp_fds_finish(struct qmp_fds *fds)
{
	qmp_fds_came(fds, NULL, 0);
	while (fds->named)
		unlink_free(&fds->named);
	fds->nr_named = 0;
}

/* ---- such with a name ---------------------------------------------------- */

static struct qmp_fd **find_named(struct qmp_fds *fds, const char *name)
{
	struct qmp_fd **at = &fds->named;

	while (*at && strcmp((*at)->opaque, name))
		at = &(*at)->next;
	return at;
}

static bool drop_named(struct qmp_fds *fds, const char *name)
{
	struct qmp_fd **at = find_named(fds, name);

	if (!*at)
		return false;
	unlink_free(at);
	fds->nr_named--;
	return true;
}

int qmp_fds_take(struct qmp_fds *fds, const char *name, struct qmp_error *error)
{
	struct qmp_fd **at = find_named(fds, name);
	int fd;

	if (!*at)
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "File descriptor named '%.80s' has not "
				     "been found",
				     name);
	fd = fcntl((*at)->fd, F_DUPFD_CLOEXEC, 0);
	drop_named(fds, name);
	if (fd < 0)
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "the descriptor cannot be used: %s",
				     strerror(errno));
	return fd;
}

/* One of that name takes the place of another. */
int qmp_getfd(struct qmp_conn *conn, const json_t *args, json_t **ret,
	      struct qmp_error *error)
{
	const char *name = json_string_value(json_object_get(args, "fdname"));
	struct qmp_fds *fds = &conn->fds;
	int fd = take_came(fds, error);

	if (fd < 0)
		return -1;
	if (isdigit((unsigned char)*name)) {
		close(fd);
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "Parameter 'fdname' expects a name not "
				     "starting with a digit");
	}
	drop_named(fds, name);
	if (keep(&fds->named, &fds->nr_named, (struct qmp_fd){ .fd = fd }, name,
		 error) < 0)
		return -1;
	*ret = json_object();
	return 0;
}

int qmp_closefd(struct qmp_conn *conn, const json_t *args, json_t **ret,
		struct qmp_error *error)
{
	const char *name = json_string_value(json_object_get(args, "fdname"));

	if (!drop_named(&conn->fds, name))
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "File descriptor named '%.80s' not found",
				     name);
	*ret = json_object();
	return 0;
}

/* ---- sets ---------------------------------------------------------------- */

/* The lowest number that no set has. */
static int64_t unused_set(const struct qmp *qmp)
{
	const struct qmp_fd *fd = qmp->sets;
	int64_t id = 0;

	while (fd) {
		if (fd->set == id) {
			id++;
			fd = qmp->sets;
		} else {
			fd = fd->next;
		}
	}
	return id;
}

int qmp_add_fd(struct qmp_conn *conn, const json_t *args, json_t **ret,
	       struct qmp_error *error)
{
	const json_t *id = json_object_get(args, "fdset-id");
	const char *opaque = json_string_value(json_object_get(args, "opaque"));
	struct qmp *qmp = conn->qmp;
	struct qmp_fd fd = { .fd = take_came(&conn->fds, error) };

	if (fd.fd < 0)
		return -1;
	fd.set = id ? json_integer_value(id) : unused_set(qmp);
	if (fd.set < 0) {
		close(fd.fd);
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "Parameter 'fdset-id' expects a "
				     "non-negative value");
	}
	if (keep(&qmp->sets, &qmp->nr_set_fds, fd, opaque, error) < 0)
		return -1;
	*ret = json_pack("{s:I, s:i}", "fdset-id", (json_int_t)fd.set, "fd",
			 fd.fd);
	return 0;
}

/* One descriptor of a set, or all of them. */
int qmp_remove_fd(struct qmp_conn *conn, const json_t *args, json_t **ret,
		  struct qmp_error *error)
{
	json_int_t id = json_integer_value(json_object_get(args, "fdset-id"));
	const json_t *which = json_object_get(args, "fd");
	struct qmp_fd **at = &conn->qmp->sets;
	bool any = false;

	while (*at) {
		if ((*at)->set != id ||
		    (which && (*at)->fd != json_integer_value(which))) {
			at = &(*at)->next;
			continue;
		}
		unlink_free(at);
		conn->qmp->nr_set_fds--;
		any = true;
	}
	*ret = any ? json_object() : NULL;
	if (any)
		return 0;
	if (which)
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "File descriptor named 'fdset-id:%" PRId64
				     ", fd:%" PRId64 "' not found",
				     (int64_t)id,
				     (int64_t)json_integer_value(which));
	return qmp_error_set(error, QMP_GENERIC_ERROR,
			     "File descriptor named 'fdset-id:%" PRId64
			     "' not found",
			     (int64_t)id);
}

/* The set of that number in a list of FdsetInfo, which it is added to. */
static json_t *set_info(json_t *list, int64_t id)
{
	json_t *info;
	size_t i;

	json_array_foreach(list, i, info)
	{
		if (json_integer_value(json_object_get(info, "fdset-id")) == id)
			return info;
	}
	info = json_pack("{s:I, s:[]}", "fdset-id", (json_int_t)id, "fds");
	json_array_append_new(list, info);
	return info;
}

int qmp_query_fdsets(struct qmp_conn *conn, const json_t *args, json_t **ret,
		     struct qmp_error *error)
{
	(void)args, (void)error;
	*ret = json_array();
	for (const struct qmp_fd *fd = conn->qmp->sets; fd; fd = fd->next)
		json_array_append_new(json_object_get(set_info(*ret, fd->set),
						      "fds"),
				      json_pack("{s:i, s:s*}", "fd", fd->fd,
						"opaque", fd->opaque));
	return 0;
}

static bool writable(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

int qmp_fdset_open(const struct qmp *qmp, const char *path,
		   struct qmp_error *error)
{
	const char *number = path + strlen(QMP_FDSET_PATH);
	char *end;
	int64_t id = strtoll(number, &end, 10);

	for (const struct qmp_fd *fd = qmp->sets; fd; fd = fd->next) {
		int copy;

		if (end == number || *end || fd->set != id || !writable(fd->fd))
			continue;
		copy = fcntl(fd->fd, F_DUPFD_CLOEXEC, 0);
		if (copy >= 0)
			return copy;
		return qmp_error_set(error, QMP_GENERIC_ERROR,
				     "the descriptor cannot be used: %s",
				     strerror(errno));
	}
	return qmp_error_set(error, QMP_GENERIC_ERROR,
			     "'%.80s' has no file descriptor that can be "
			     "written to: see query-fdsets",
			     path);
}

void qmp_fdsets_clear(struct qmp *qmp)
{
	while (qmp->sets)
		unlink_free(&qmp->sets);
	qmp->nr_set_fds = 0;
}
