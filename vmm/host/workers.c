/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A few threads for host work that takes long.
 *
 * Theory of operation. A job is on one of two lists. While parts of it are to
 * be started or still run it is among the waiting; the worker that ends the
 * last of them moves it to the ended and rings the eventfd, whereupon the main
 * loop calls done(). A failure or a cancellation takes away the parts that
 * have not started, and so comes to the same end. A job that is parked stays
 * where it is, whatever is left of it. The lock guards the lists
 * and the pool's members of every job in them; a worker lets go of it to run
 * a part.
 *
 * Threads are created with the pool, before anything forbids that, and then
 * sleep; of a host that granted fewer, more are asked with each job. They block
 * all signals, which belong to the main thread and the vCPUs.
 */
#include "workers.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop.h"

/* Under a strict commit limit a stack is charged whole. */
#define STACK_SIZE (256 * 1024)

struct workers {
	struct loop *loop;
	struct loop_source bell;
	unsigned int width;
	unsigned int nr_threads;
	pthread_t threads[WORKERS_MAX];

	pthread_mutex_t lock;
	pthread_cond_t work; /* there is a part to start, or the end */
	pthread_cond_t idle; /* a job ended, or a part of one that is parked */
	struct workers_job *waiting;
	struct workers_job *ended;
	bool quit;
};

/* ---- lists --------------------------------------------------------------- */

static void list_append(struct workers_job **list, struct workers_job *job)
{
	while (*list)
		list = &(*list)->next;
	job->next = NULL;
	*list = job;
}

static void list_remove(struct workers_job **list,
			const struct workers_job *job)
{
	while (*list != job)
		list = &(*list)->next;
	*list = job->next;
}

static bool job_has_parts(const struct workers_job *job)
{
	return job->next_part < job->nr_parts;
}

/* The first job that has a part to start and may, or NULL. */
static struct workers_job *next_job(const struct workers *w)
{
	struct workers_job *job = w->waiting;

	while (job && (job->parked || !job_has_parts(job)))
		job = job->next;
	return job;
}

/* ---- on any thread, with the lock held ----------------------------------- */

static void job_fail(struct workers_job *job, int result,
		     const struct pm_error *why)
{
	if (!job->result) {
		job->result = result;
		job->why = *why;
	}
	job->next_part = job->nr_parts;
}

static void ring(struct workers *w)
{
	const uint64_t one = 1;
	ssize_t n = write(w->bell.fd, &one, sizeof(one));

	(void)n; /* full means rung */
}

static void job_end_if_idle(struct workers *w, struct workers_job *job)
{
	if (job->running || job_has_parts(job))
		return;
	list_remove(&w->waiting, job);
	list_append(&w->ended, job);
	job->state = WORKERS_ENDED;
	pthread_cond_broadcast(&w->idle);
	ring(w);
}

/* ---- the workers --------------------------------------------------------- */

static void run_part(struct workers *w, struct workers_job *job)
{
	uint64_t index = job->next_part++;
	struct pm_error why = { "" };
	int ret;

	job->running++;
	pthread_mutex_unlock(&w->lock);
	ret = job->part(job->opaque, index, &why);
	pthread_mutex_lock(&w->lock);
	job->running--;
	if (job->parked)
		pthread_cond_broadcast(&w->idle);
	if (ret < 0)
		job_fail(job, ret, &why);
	else
		job->finished++;
	job_end_if_idle(w, job);
}

static void *worker(void *opaque)
{
	struct workers *w = opaque;
	struct workers_job *job;

	pthread_mutex_lock(&w->lock);
	while (!w->quit) {
		job = next_job(w);
		if (job)
			run_part(w, job);
		else
			pthread_cond_wait(&w->work, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int thread_add(struct workers *w)
{
	sigset_t all, old;
	pthread_attr_t attr;
	int ret;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&w->threads[w->nr_threads], &attr, worker, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (!ret)
		w->nr_threads++;
	return -ret;
}

/* As many as there are CPUs; fewer than that will do. */
static int threads_provide(struct workers *w)
{
	while (w->nr_threads < w->width) {
		if (thread_add(w))
			break;
	}
	return w->nr_threads ? 0 : -EAGAIN;
}

/* ---- the main thread ----------------------------------------------------- */

/* The next job that ended and may be done, or NULL. */
static struct workers_job *take_ended(struct workers *w)
{
	struct workers_job *job;

	pthread_mutex_lock(&w->lock);
	job = w->ended;
	while (job && job->parked)
		job = job->next;
	if (job) {
		list_remove(&w->ended, job);
		job->state = WORKERS_IDLE;
	}
	pthread_mutex_unlock(&w->lock);
	return job;
}

/* One at a time: done() may start, stop and free jobs. */
static void bell_handle(void *opaque, uint32_t events)
{
	struct workers *w = opaque;
	struct workers_job *job;
	struct pm_error why;
	uint64_t count;
	ssize_t n = read(w->bell.fd, &count, sizeof(count));

	(void)events;
	(void)n;
	while ((job = take_ended(w))) {
		why = job->why;
		job->done(job->opaque, job->result, &why);
	}
}

static unsigned int count_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return WORKERS_MAX; /* more CPUs than the set holds */
	return CPU_COUNT(&set);
}

int workers_create(struct loop *loop, struct workers **out)
{
	struct workers *w = calloc(1, sizeof(*w));
	unsigned int cpus = count_cpus();
	int ret;

	if (!w)
		return -ENOMEM;
	w->loop = loop;
	w->width = cpus < WORKERS_MAX ? cpus : WORKERS_MAX;
	w->bell.fn = bell_handle;
	w->bell.opaque = w;
	w->bell.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = w->bell.fd < 0 ? -errno : loop_add(loop, &w->bell, EPOLLIN);
	if (ret) {
		if (w->bell.fd >= 0)
			close(w->bell.fd);
		free(w);
		return ret;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	pthread_cond_init(&w->idle, NULL);
	threads_provide(w);
	*out = w;
	return 0;
}

void workers_destroy(struct workers *w)
{
	if (!w)
		return;
	assert(!w->waiting && !w->ended);
	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	for (unsigned int i = 0; i < w->nr_threads; i++)
		pthread_join(w->threads[i], NULL);
	loop_remove(w->loop, &w->bell);
	close(w->bell.fd);
	pthread_cond_destroy(&w->idle);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

unsigned int workers_width(const struct workers *w)
{
	return w->width;
}

int workers_start(struct workers *w, struct workers_job *job)
{
	int ret = threads_provide(w);

	if (ret)
		return ret;
	pthread_mutex_lock(&w->lock);
	assert(job->state == WORKERS_IDLE && job->nr_parts);
	job->next_part = 0;
	job->running = 0;
	job->finished = 0;
	job->result = 0;
	job->why.text[0] = '\0';
	job->state = WORKERS_WAITING;
	list_append(&w->waiting, job);
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static void cancel_locked(struct workers *w, struct workers_job *job)
{
	const struct pm_error why = { "it was cancelled" };

	if (job->state == WORKERS_IDLE)
		return;
	job_fail(job, -ECANCELED, &why);
	if (job->state == WORKERS_WAITING)
		job_end_if_idle(w, job);
}

void workers_cancel(struct workers *w, struct workers_job *job)
{
	pthread_mutex_lock(&w->lock);
	cancel_locked(w, job);
	pthread_mutex_unlock(&w->lock);
}

void workers_stop(struct workers *w, struct workers_job *job)
{
	pthread_mutex_lock(&w->lock);
	cancel_locked(w, job);
	while (job->state == WORKERS_WAITING)
		pthread_cond_wait(&w->idle, &w->lock);
	if (job->state == WORKERS_ENDED)
		list_remove(&w->ended, job);
	job->state = WORKERS_IDLE;
	pthread_mutex_unlock(&w->lock);
}

void workers_park(struct workers *w, struct workers_job *job)
{
	pthread_mutex_lock(&w->lock);
	job->parked = true;
	while (job->running)
		pthread_cond_wait(&w->idle, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void workers_unpark(struct workers *w, struct workers_job *job)
{
	pthread_mutex_lock(&w->lock);
	job->parked = false;
	pthread_cond_broadcast(&w->work);
	ring(w);
	pthread_mutex_unlock(&w->lock);
}

uint64_t workers_finished(struct workers *w, const struct workers_job *job)
{
	uint64_t finished;

	pthread_mutex_lock(&w->lock);
	finished = job->finished;
	pthread_mutex_unlock(&w->lock);
	return finished;
}
