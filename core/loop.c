/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls from other threads travel through an eventfd and a list under a mutex;
 * the caller sleeps on a condition until its call is done. A sign of life takes the same
 * way; who asks for one does not wait.
 */
#include "loop.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

enum { URGENT_AFTER = 8 };	/* callbacks of other events, before urgent ones get their turn */

struct call {
	int (*fn)(void *arg);
	void *arg;
	int result;
	bool done;
	struct call *next;
};

struct loop {
	char name[16];
	struct event_base *base;
	struct event *wake;
	int wake_fd;
	pthread_t thread;
	bool has_thread;		/* under mutex */

	pthread_mutex_t mutex;
	pthread_cond_t changed;		/* a call is done, started, paused, resumed */
	struct call *calls, **calls_end;
	bool stopping;
	bool started;			/* enter() was run */
	int enter_result;
	bool pause, paused;
	int (*enter)(void);

	LIST_ENTRY(loop) living;	/* while it has a thread */
	_Atomic int64_t asked_ms;	/* for a sign of life that it owes; 0: for none */
};

/* Never taken while a loop's own mutex is held */
static pthread_mutex_t living_mutex = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(loop_list, loop) living = LIST_HEAD_INITIALIZER(living);

static void run_calls(struct loop *loop)
{
	pthread_mutex_lock(&loop->mutex);
	while (loop->calls || loop->pause) {
		struct call *call = loop->calls;

		if (loop->pause) {
			loop->paused = true;
			pthread_cond_broadcast(&loop->changed);
			pthread_cond_wait(&loop->changed, &loop->mutex);
			continue;
		}
		loop->paused = false;
		loop->calls = call->next;
		if (!loop->calls)
			loop->calls_end = &loop->calls;
		pthread_mutex_unlock(&loop->mutex);
		call->result = call->fn(call->arg);
		pthread_mutex_lock(&loop->mutex);
		call->done = true;
		pthread_cond_broadcast(&loop->changed);
	}
	loop->paused = false;
	if (loop->stopping)
		event_base_loopbreak(loop->base);
	pthread_cond_broadcast(&loop->changed);
	pthread_mutex_unlock(&loop->mutex);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	atomic_store(&loop->asked_ms, 0);
	run_calls(loop);
}

static void wake(struct loop *loop)
{
	uint64_t one = 1;

	/* It fails only when the counter is full, and then the loop is awake. */
	if (write(loop->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void begin_life(struct loop *loop)
{
	atomic_store(&loop->asked_ms, 0);
	pthread_mutex_lock(&living_mutex);
	LIST_INSERT_HEAD(&living, loop, living);
	pthread_mutex_unlock(&living_mutex);
}

static void end_life(struct loop *loop)
{
	pthread_mutex_lock(&living_mutex);
	LIST_REMOVE(loop, living);
	pthread_mutex_unlock(&living_mutex);
}

void loop_ping_all(void)
{
	int64_t now_ms = loop_now_ms();
	struct loop *loop;

	pthread_mutex_lock(&living_mutex);
	LIST_FOREACH(loop, &living, living) {
		int64_t none = 0;

		/* Who owes one already has been woken, and owes it since then. */
		if (atomic_compare_exchange_strong(&loop->asked_ms, &none, now_ms))
			wake(loop);
	}
	pthread_mutex_unlock(&living_mutex);
}

size_t loop_silent(int64_t for_ms, char *names, size_t size)
{
	int64_t now_ms = loop_now_ms();
	size_t n = 0;
	struct loop *loop;

	names[0] = '\0';
	pthread_mutex_lock(&living_mutex);
	LIST_FOREACH(loop, &living, living) {
		int64_t asked_ms = atomic_load(&loop->asked_ms);
		size_t len = strlen(names);

		if (!asked_ms || now_ms - asked_ms < for_ms)
			continue;
		snprintf(names + len, size - len, "%s%s", n++ ? ", " : "", loop->name);
	}
	pthread_mutex_unlock(&living_mutex);
	return n;
}

/* Without a descriptor libevent ends the process (event_base_new() calls exit()): see
 * first that there are as many as it takes, and some. */
static bool descriptors_left(int fd)
{
	int spare[8];
	size_t n = 0, wanted = sizeof(spare) / sizeof(spare[0]);
	bool enough;

	while (n < wanted && (spare[n] = fcntl(fd, F_DUPFD_CLOEXEC, 0)) >= 0)
		n++;
	enough = n == wanted;
	while (n > 0)
		close(spare[--n]);
	return enough;
}

/* That urgent events get their turn among any number of others */
static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config &&
	    event_config_set_max_dispatch_interval(config, NULL, URGENT_AFTER, LOOP_USUAL) == 0)
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	if (base && event_base_priority_init(base, LOOP_PRIORITIES) < 0) {
		event_base_free(base);
		return NULL;
	}
	return base;
}

/* Waits at it end by the clock that nobody sets. */
static void init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

struct loop *loop_new(const char *name)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	snprintf(loop->name, sizeof(loop->name), "%s", name);
	pthread_mutex_init(&loop->mutex, NULL);
	init_condition(&loop->changed);
	loop->calls_end = &loop->calls;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0)
		goto free_loop;
	if (!descriptors_left(loop->wake_fd))
		goto close_fd;
	loop->base = new_base();
	if (!loop->base)
		goto close_fd;
	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
	if (!loop->wake || event_priority_set(loop->wake, LOOP_URGENT) < 0 ||
	    event_add(loop->wake, NULL) < 0)
		goto free_base;
	return loop;

free_base:
	if (loop->wake)
		event_free(loop->wake);
	event_base_free(loop->base);
close_fd:
	close(loop->wake_fd);
free_loop:
	free(loop);
	return NULL;
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

static void *thread_main(void *arg)
{
	struct loop *loop = arg;
	int result;

	pthread_setname_np(pthread_self(), loop->name);
	result = loop->enter ? loop->enter() : 0;
	pthread_mutex_lock(&loop->mutex);
	loop->enter_result = result;
	loop->started = true;
	pthread_cond_broadcast(&loop->changed);
	pthread_mutex_unlock(&loop->mutex);
	if (result >= 0)
		event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

/* Workers take no signals: those are the main thread's. */
static int create_thread(struct loop *loop)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&loop->thread, NULL, thread_main, loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

int loop_start(struct loop *loop, int (*enter)(void))
{
	int err;

	loop->enter = enter;
	loop->started = false;
	loop->stopping = false;
	err = create_thread(loop);
	if (err < 0)
		return err;
	pthread_mutex_lock(&loop->mutex);
	while (!loop->started)
		pthread_cond_wait(&loop->changed, &loop->mutex);
	err = loop->enter_result < 0 ? loop->enter_result : 0;
	loop->has_thread = err == 0;
	pthread_mutex_unlock(&loop->mutex);
	if (err < 0)
		pthread_join(loop->thread, NULL);
	else
		begin_life(loop);
	return err;
}

int loop_run(struct loop *loop)
{
	int err;

	pthread_mutex_lock(&loop->mutex);
	loop->thread = pthread_self();
	loop->has_thread = true;
	pthread_mutex_unlock(&loop->mutex);
	begin_life(loop);
	err = event_base_dispatch(loop->base) < 0 ? -EIO : 0;
	end_life(loop);
	loop->has_thread = false;
	return err;
}

static void hand_over(struct loop *loop, struct call *call)
{
	pthread_mutex_lock(&loop->mutex);
	*loop->calls_end = call;
	loop->calls_end = &call->next;
	pthread_mutex_unlock(&loop->mutex);
	wake(loop);
}

int loop_call(struct loop *loop, int (*fn)(void *arg), void *arg)
{
	struct call call = { .fn = fn, .arg = arg };

	if (!loop->has_thread || pthread_equal(loop->thread, pthread_self()))
		return fn(arg);
	hand_over(loop, &call);
	pthread_mutex_lock(&loop->mutex);
	while (!call.done)
		pthread_cond_wait(&loop->changed, &loop->mutex);
	pthread_mutex_unlock(&loop->mutex);
	return call.result;
}

/* Under the mutex. Return: it was not begun, and will not be. */
static bool take_back(struct loop *loop, struct call *call)
{
	for (struct call **at = &loop->calls; *at; at = &(*at)->next) {
		if (*at != call)
			continue;
		*at = call->next;
		if (!call->next)
			loop->calls_end = at;
		return true;
	}
	return false;
}

static struct timespec time_in(int64_t ms)
{
	struct timespec at;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &at);
	ns = at.tv_nsec + ms % 1000 * 1000000;
	at.tv_sec += ms / 1000 + ns / 1000000000;
	at.tv_nsec = ns % 1000000000;
	return at;
}

int loop_call_within(struct loop *loop, int (*fn)(void *arg), void *arg, int64_t ms)
{
	struct call call = { .fn = fn, .arg = arg };
	const struct timespec end = time_in(ms);

	if (!loop->has_thread || pthread_equal(loop->thread, pthread_self()))
		return fn(arg);
	hand_over(loop, &call);
	pthread_mutex_lock(&loop->mutex);
	while (!call.done) {
		if (pthread_cond_timedwait(&loop->changed, &loop->mutex, &end) != ETIMEDOUT)
			continue;
		if (take_back(loop, &call)) {
			call.result = -ETIMEDOUT;
			break;
		}
		while (!call.done)
			pthread_cond_wait(&loop->changed, &loop->mutex);
	}
	pthread_mutex_unlock(&loop->mutex);
	return call.result;
}

void loop_pause(struct loop *const *loops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!loops[i]->has_thread)
			continue;
		pthread_mutex_lock(&loops[i]->mutex);
		loops[i]->pause = true;
		pthread_mutex_unlock(&loops[i]->mutex);
		wake(loops[i]);
	}
	for (size_t i = 0; i < n; i++) {
		if (!loops[i]->has_thread)
			continue;
		pthread_mutex_lock(&loops[i]->mutex);
		while (!loops[i]->paused)
			pthread_cond_wait(&loops[i]->changed, &loops[i]->mutex);
		pthread_mutex_unlock(&loops[i]->mutex);
	}
}

void loop_resume(struct loop *const *loops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pthread_mutex_lock(&loops[i]->mutex);
		loops[i]->pause = false;
		/* So that a pause straight after this one waits for a new stop. */
		loops[i]->paused = false;
		pthread_cond_broadcast(&loops[i]->changed);
		pthread_mutex_unlock(&loops[i]->mutex);
	}
}

void loop_stop(struct loop *loop)
{
	if (!loop->has_thread)
		return;
	end_life(loop);
	pthread_mutex_lock(&loop->mutex);
	loop->stopping = true;
	pthread_mutex_unlock(&loop->mutex);
	wake(loop);
	pthread_join(loop->thread, NULL);
	loop->has_thread = false;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	loop_stop(loop);
	event_free(loop->wake);
	event_base_free(loop->base);
	close(loop->wake_fd);
	pthread_cond_destroy(&loop->changed);
	pthread_mutex_destroy(&loop->mutex);
	free(loop);
}

int64_t loop_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

unsigned int loop_worker_count(void)
{
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return 1;
	return (unsigned int)CPU_COUNT(&cpus);
}
