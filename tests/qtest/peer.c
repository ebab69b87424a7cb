/* SPDX-License-Identifier: BSD-3-Clause */
/* A machine without a CPU as a child process. */
#include "peer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deadline.h"
#include "fatal.h"
#include "peer_args.h"

#define ERRORS_MAX 8192

static struct peer *live;

const char *peer_name(const struct peer *peer)
{
	return peer->kind == PEER_QEMU ? "qemu" : "paramem";
}

const char *peer_device_id(char *id, size_t size, unsigned int nth)
{
	snprintf(id, size, "vm%u", nth);
	return id;
}

/* ---- the process --------------------------------------------------------- */

static void read_errors(const struct peer *peer, char *text, size_t size)
{
	ssize_t n = pread(peer->errors, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
}

static void describe_status(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "exited with status %d",
			 WEXITSTATUS(status));
}

/* Whether the peer has ended by @deadline, and then how. */
static bool reap(struct peer *peer, int64_t deadline, int *status)
{
	do {
		if (waitpid(peer->pid, status, WNOHANG) == peer->pid) {
			peer->pid = 0;
			return true;
		}
	} while (deadline_pause(deadline));
	return false;
}

/* Gives up for a reason, and tells what became of the peer. */
static void give_up(struct peer *peer, const char *why)
	__attribute__((noreturn));

static void give_up(struct peer *peer, const char *why)
{
	char how[128] = "still runs", text[ERRORS_MAX];
	int status;

	/* A peer that closed its sockets is about to be gone. */
	if (!peer->pid)
		snprintf(how, sizeof(how), "gone");
	else if (reap(peer, deadline_in(1000), &status))
		describe_status(status, how, sizeof(how));
	read_errors(peer, text, sizeof(text));
	fatal("%s\npeer %s: %s, and wrote:\n%s", why, peer_name(peer), how,
	      text);
}

static void on_broken(void *opaque, const char *why)
{
	give_up(opaque, why);
}

static void child(struct peer *peer, char **args, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	/* The descriptor's flag is what 0 to 2 do not inherit. */
	dup2(peer->errors, STDERR_FILENO);
	dup2(peer->errors, STDOUT_FILENO);
	execvp(args[0], args);
	fprintf(stderr, "%s: %s\n", args[0], strerror(errno));
	_exit(127);
}

static void spawn(struct peer *peer, const struct peer_config *config)
{
	struct peer_args *args = peer_args_create(config, peer->dir);
	pid_t parent = getpid();

	peer->errors = memfd_create("peer-errors", MFD_CLOEXEC);
	if (peer->errors < 0)
		fatal("no file for the peer's errors: %s", strerror(errno));
	fflush(NULL);
	peer->pid = fork();
	if (peer->pid < 0)
		fatal("no process for the peer: %s", strerror(errno));
	if (!peer->pid)
		child(peer, args->argv, parent);
	peer_args_destroy(args);
}

/* ---- life ---------------------------------------------------------------- */

static void kill_all(void)
{
	while (live)
		peer_kill(live);
}

static void add_live(struct peer *peer)
{
	static bool registered;

	if (!registered)
		atexit(kill_all);
	registered = true;
	peer->next = live;
	live = peer;
}

static void remove_live(struct peer *peer)
{
	struct peer **p = &live;

	while (*p != peer)
		p = &(*p)->next;
	*p = peer->next;
}

static struct peer *create(const struct peer_config *config)
{
	const char *tmp = getenv("TMPDIR");
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		fatal("out of memory");
	peer->kind = config->kind;
	peer->errors = -1;
	snprintf(peer->dir, sizeof(peer->dir), "%s/qtest-XXXXXX",
		 tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	if (!mkdtemp(peer->dir))
		fatal("%s: %s", peer->dir, strerror(errno));
	add_live(peer);
	spawn(peer, config);
	return peer;
}

static void destroy(struct peer *peer)
{
	char path[PEER_PATH_MAX];

	remove_live(peer);
	qtest_close(&peer->qtest);
	qmp_close(&peer->qmp);
	close(peer->errors);
	unlink(peer_path(path, peer->dir, PEER_QTEST_SOCKET));
	unlink(peer_path(path, peer->dir, PEER_QMP_SOCKET));
	rmdir(peer->dir);
	free(peer);
}

static struct stream connect_to(struct peer *peer, const char *name)
{
	int64_t deadline = deadline_in(DEADLINE_DEFAULT_MS);
	char path[PEER_PATH_MAX], how[128], why[192], text[ERRORS_MAX];
	struct stream stream;
	int status;

	peer_path(path, peer->dir, name);
	while (stream_connect(&stream, path, name, on_broken, peer)) {
		if (reap(peer, 0, &status)) {
			describe_status(status, how, sizeof(how));
			snprintf(why, sizeof(why), "The peer %s at its start",
				 how);
			read_errors(peer, text, sizeof(text));
			fatal("%s, and wrote:\n%s", why, text);
		}
		if (!deadline_pause(deadline))
			give_up(peer, "Nobody listens at the peer's sockets");
	}
	return stream;
}

struct peer *peer_start(const struct peer_config *config)
{
	struct peer *peer = create(config);
	struct stream stream = connect_to(peer, PEER_QTEST_SOCKET);

	qtest_open(&peer->qtest, &stream);
	stream = connect_to(peer, PEER_QMP_SOCKET);
	qmp_open(&peer->qmp, &stream);
	return peer;
}

void peer_kill(struct peer *peer)
{
	if (!peer)
		return;
	if (peer->pid) {
		kill(peer->pid, SIGKILL);
		waitpid(peer->pid, NULL, 0);
	}
	destroy(peer);
}

void peer_stop(struct peer *peer)
{
	char how[128], text[ERRORS_MAX];
	int status;

	if (!peer)
		return;
	qmp_do(&peer->qmp, "quit", NULL);
	if (!reap(peer, deadline_in(DEADLINE_DEFAULT_MS), &status))
		give_up(peer, "The peer does not end");
	describe_status(status, how, sizeof(how));
	read_errors(peer, text, sizeof(text));
	destroy(peer);
	if (status || strstr(text, "runtime error:") ||
	    strstr(text, "Sanitizer"))
		fatal("The peer %s, and wrote:\n%s", how, text);
}

int peer_refuses(const struct peer_config *config, char *text, size_t size)
{
	struct peer *peer = create(config);
	char how[128];
	int status;

	if (!reap(peer, deadline_in(DEADLINE_DEFAULT_MS), &status))
		give_up(peer, "The peer takes what it should refuse");
	read_errors(peer, text, size);
	describe_status(status, how, sizeof(how));
	destroy(peer);
	if (!WIFEXITED(status))
		fatal("The peer %s, and wrote:\n%s", how, text);
	return WEXITSTATUS(status);
}

/* ---- what is asked of it ------------------------------------------------- */

void peer_system_reset(struct peer *peer)
{
	json_t *data;

	/* An old event must not stand for the new one. */
	qtest_sync(&peer->qtest);
	while ((data = qmp_try_event(&peer->qmp, "RESET", 0)))
		json_decref(data);
	qmp_do(&peer->qmp, "system_reset", NULL);
	json_decref(qmp_wait_event(&peer->qmp, "RESET"));
}

uint64_t peer_resident(const struct peer *peer)
{
	char path[64], line[256];
	unsigned long kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)peer->pid);
	file = fopen(path, "re");
	if (!file)
		fatal("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmRSS: %lu kB", &kib) == 1)
			break;
	fclose(file);
	return (uint64_t)kib << 10;
}
