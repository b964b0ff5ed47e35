/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shared_text.h"

struct exchange {
	exchange_make_fn *make;
	void *arg;
	size_t n;
	int asked_fd, made_fd;		/* eventfds */
	struct event *on_asked;		/* in the main loop */

	pthread_mutex_t mutex;
	uint32_t asked;			/* bits: the documents wanted */
	uint32_t failed;		/* ... that could not be made */
	struct shared_text *latest[];	/* references */
};

static void wake(int fd)
{
	uint64_t one = 1;

	/* It fails only when the counter is full, and then the reader is awake. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

static void read_fd(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;
}

static void make_one(struct exchange *exchange, size_t i)
{
	struct shared_text *made = exchange->make(exchange->arg, i), *old;

	pthread_mutex_lock(&exchange->mutex);
	old = made ? exchange->latest[i] : NULL;
	if (made) {
		exchange->latest[i] = made;
		exchange->failed &= ~(UINT32_C(1) << i);
	} else {
		exchange->failed |= UINT32_C(1) << i;
	}
	pthread_mutex_unlock(&exchange->mutex);
	shared_text_put(old);
}

static void on_asked(evutil_socket_t fd, short what, void *arg)
{
	struct exchange *exchange = arg;
	uint32_t asked;

	(void)what;
	read_fd(fd);
	pthread_mutex_lock(&exchange->mutex);
	asked = exchange->asked;
	exchange->asked = 0;
	pthread_mutex_unlock(&exchange->mutex);
	for (size_t i = 0; i < exchange->n; i++)
		if (asked & UINT32_C(1) << i)
			make_one(exchange, i);
	wake(exchange->made_fd);
}

struct exchange *exchange_new(struct event_base *base, size_t n, exchange_make_fn *make,
			      void *arg)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange) + n * sizeof(struct shared_text *));

	if (!exchange)
		return NULL;
	exchange->make = make;
	exchange->arg = arg;
	exchange->n = n;
	pthread_mutex_init(&exchange->mutex, NULL);
	exchange->asked_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	exchange->made_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (exchange->asked_fd >= 0 && exchange->made_fd >= 0)
		exchange->on_asked = event_new(base, exchange->asked_fd, EV_READ | EV_PERSIST,
					       on_asked, exchange);
	if (exchange->on_asked && event_add(exchange->on_asked, NULL) == 0)
		return exchange;
	exchange_free(exchange);
	return NULL;
}

void exchange_ask(struct exchange *exchange, size_t i)
{
	pthread_mutex_lock(&exchange->mutex);
	exchange->asked |= UINT32_C(1) << i;
	pthread_mutex_unlock(&exchange->mutex);
	wake(exchange->asked_fd);
}

struct shared_text *exchange_take(struct exchange *exchange, size_t i)
{
	struct shared_text *document;

	pthread_mutex_lock(&exchange->mutex);
	document = exchange->latest[i] ? shared_text_hold(exchange->latest[i]) : NULL;
	pthread_mutex_unlock(&exchange->mutex);
	return document;
}

bool exchange_failed(struct exchange *exchange, size_t i)
{
	bool failed;

	pthread_mutex_lock(&exchange->mutex);
	failed = exchange->failed & UINT32_C(1) << i;
	exchange->failed &= ~(UINT32_C(1) << i);
	pthread_mutex_unlock(&exchange->mutex);
	return failed;
}

int exchange_fd(const struct exchange *exchange)
{
	return exchange->made_fd;
}

void exchange_fd_read(struct exchange *exchange)
{
	read_fd(exchange->made_fd);
}

void exchange_free(struct exchange *exchange)
{
	if (!exchange)
		return;
	if (exchange->on_asked)
		event_free(exchange->on_asked);
	for (size_t i = 0; i < exchange->n; i++)
		shared_text_put(exchange->latest[i]);
	if (exchange->asked_fd >= 0)
		close(exchange->asked_fd);
	if (exchange->made_fd >= 0)
		close(exchange->made_fd);
	pthread_mutex_destroy(&exchange->mutex);
	free(exchange);
}
