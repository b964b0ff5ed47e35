/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who waits while contexts are deleted: with a libunbound that takes for it as long as is wanted. */
#include "config_text.h"

#include <dlfcn.h>
#include <event2/event.h>
#include <pthread.h>
#include <semaphore.h>
#include <unbound.h>

#include "../../dns64/context.h"
#include "../../dns64/resolver.h"

static sem_t begun, may_end;

/* In the place of libunbound's */
void ub_ctx_delete(struct ub_ctx *ctx)
{
	static void (*real)(struct ub_ctx *ctx);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "ub_ctx_delete");
	sem_post(&begun);
	sem_wait(&may_end);
	real(ctx);
}

/* What stands for a worker: who makes a context on his base, in a thread of his own. */
struct maker {
	struct event_base *base;
	const struct context_setup *setup;
	struct context *context;
};

static void *make(void *arg)
{
	struct maker *maker = arg;

	maker->context = context_new(maker->base, maker->setup, CONTEXT_ZONE);
	return NULL;
}

/* A deletion does not end here before it may: who waited for it would wait forever. */
static void test_no_worker_waits_for_deletions(void **state)
{
	struct config *config = parse_good("dns64:\n  upstream: [192.0.2.1]\n  dnssec: false\n");
	struct context_setup *setup = context_setup_new(config);
	struct maker maker = { event_base_new(), setup, NULL };
	struct context *first, *second;
	pthread_t worker;

	(void)state;
	sem_init(&begun, 0, 0);
	sem_init(&may_end, 0, 0);
	resolvers_hold();
	first = context_new(maker.base, setup, CONTEXT_ZONE);
	second = context_new(maker.base, setup, CONTEXT_ZONE);
	resolvers_let_go();
	assert_non_null(first);
	assert_non_null(second);

	/* While one is deleted: to have others deleted, or to renew one's own */
	context_free(first);
	sem_wait(&begun);
	context_free(second);
	assert_null(context_new_now(maker.base, setup, CONTEXT_ZONE));
	for (int i = 0; i < 2; i++)
		sem_post(&may_end);

	/* Who changes the configuration has waited, and those do not who make theirs for that,
	 * nor where they have to give it up. */
	resolvers_hold();
	assert_int_equal(pthread_create(&worker, NULL, make, &maker), 0);
	pthread_join(worker, NULL);
	assert_non_null(maker.context);
	context_free(maker.context);
	assert_null(context_new_now(maker.base, setup, CONTEXT_ZONE));
	resolvers_let_go();
	sem_post(&may_end);

	context_setup_free(setup);
	config_free(config);
	event_base_free(maker.base);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_worker_waits_for_deletions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
