/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/clients: limits on connections, in all and by client, from several threads. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/clients.h"

static void test_limits(void **state)
{
	struct clients *clients = clients_new();

	(void)state;
	assert_non_null(clients);
	clients_set_limits(clients, 3, 2);
	assert_int_equal(clients_add(clients, 1), CLIENTS_OK);
	assert_int_equal(clients_add(clients, 1), CLIENTS_OK);
	assert_int_equal(clients_add(clients, 1), CLIENTS_TOO_MANY_OF_ONE);
	assert_int_equal(clients_total(clients), 2);
	assert_int_equal(clients_add(clients, 2), CLIENTS_OK);
	assert_int_equal(clients_add(clients, 3), CLIENTS_TOO_MANY);
	assert_int_equal(clients_total(clients), 3);

	clients_remove(clients, 1);
	assert_int_equal(clients_add(clients, 3), CLIENTS_OK);
	clients_remove(clients, 2);
	assert_int_equal(clients_add(clients, 1), CLIENTS_OK);

	/* Lowered below what is open: those stay, new ones wait until it is less. */
	clients_set_limits(clients, 2, 2);
	assert_int_equal(clients_total(clients), 3);
	clients_remove(clients, 3);
	assert_int_equal(clients_add(clients, 3), CLIENTS_TOO_MANY);
	assert_int_equal(clients_total_max(clients), 2);
	clients_remove(clients, 1);
	clients_remove(clients, 1);
	assert_int_equal(clients_total(clients), 0);
	clients_free(clients);
}

/* Those that are opening have limits of their own; a move changes whose they are. */
static void test_opening(void **state)
{
	struct clients *clients = clients_new();

	(void)state;
	clients_set_limits(clients, 100, 3);
	clients_limit_opening(clients, 4, 2);
	assert_int_equal(clients_add_opening(clients, 1, false), CLIENTS_OK);
	assert_int_equal(clients_add_opening(clients, 1, false), CLIENTS_OK);
	assert_int_equal(clients_add_opening(clients, 1, false),
			 CLIENTS_TOO_MANY_OPENING_OF_ONE);
	clients_opened(clients, 1);
	assert_int_equal(clients_add_opening(clients, 1, false), CLIENTS_OK);
	clients_opened(clients, 1);
	assert_int_equal(clients_add_opening(clients, 1, false), CLIENTS_TOO_MANY_OF_ONE);
	assert_int_equal(clients_opening(clients), 1);
	assert_int_equal(clients_total(clients), 3);

	/* Whoever passes on what others send is not limited as one of them, but counted. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(clients_add_opening(clients, 9, true), CLIENTS_OK);
	assert_int_equal(clients_add_opening(clients, 9, true), CLIENTS_TOO_MANY_OPENING);
	assert_int_equal(clients_add_opening(clients, 2, false), CLIENTS_TOO_MANY_OPENING);
	assert_int_equal(clients_total(clients), 6);
	assert_int_equal(clients_move_opening(clients, 9, 1), CLIENTS_TOO_MANY_OF_ONE);
	assert_int_equal(clients_move_opening(clients, 9, 2), CLIENTS_OK);
	assert_int_equal(clients_move_opening(clients, 9, 2), CLIENTS_OK);
	assert_int_equal(clients_move_opening(clients, 9, 2), CLIENTS_TOO_MANY_OPENING_OF_ONE);
	assert_int_equal(clients_opening(clients), 4);
	assert_int_equal(clients_total(clients), 6);

	for (int i = 0; i < 2; i++) {
		clients_opened(clients, 2);
		clients_remove(clients, 2);
	}
	clients_opened(clients, 9);
	clients_remove(clients, 9);
	clients_opened(clients, 1);
	for (int i = 0; i < 3; i++)
		clients_remove(clients, 1);
	assert_int_equal(clients_opening(clients), 0);
	assert_int_equal(clients_total(clients), 0);
	clients_free(clients);
}

static void test_many_clients(void **state)
{
	enum { CLIENTS = 50000 };
	struct clients *clients = clients_new();

	(void)state;
	clients_set_limits(clients, 2 * CLIENTS, 2);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < CLIENTS; i++)
			assert_int_equal(clients_add(clients, i * 2654435761u), CLIENTS_OK);
	}
	assert_int_equal(clients_total(clients), 2 * CLIENTS);
	for (uint32_t i = 0; i < CLIENTS; i++)
		clients_remove(clients, i * 2654435761u);
	assert_int_equal(clients_total(clients), CLIENTS);
	/* What is left is the table's to free. */
	clients_free(clients);
}

static _Atomic unsigned int holding, most;

static void *come_and_go(void *arg)
{
	struct clients *clients = arg;

	for (int i = 0; i < 20000; i++) {
		unsigned int now;

		if (clients_add(clients, 7) != CLIENTS_OK)
			continue;
		now = ++holding;
		if (now > most)
			most = now;
		sched_yield();
		holding--;
		clients_remove(clients, 7);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct clients *clients = clients_new();
	pthread_t threads[4];

	(void)state;
	clients_set_limits(clients, 100, 2);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, clients), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(clients_total(clients), 0);
	assert_in_range(most, 1, 2);
	assert_int_equal(clients_add(clients, 7), CLIENTS_OK);
	assert_int_equal(clients_add(clients, 7), CLIENTS_OK);
	assert_int_equal(clients_add(clients, 7), CLIENTS_TOO_MANY_OF_ONE);
	clients_free(clients);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_many_clients),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
