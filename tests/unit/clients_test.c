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

#include "../../core/addr.h"
#include "../../core/clients.h"
#include "../../core/leaders.h"

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

	/* Where all places are taken, who is over his own limit is told that. */
	assert_int_equal(clients_add_opening(clients, 2, false), CLIENTS_TOO_MANY_OPENING_OF_ONE);
	assert_int_equal(clients_add_opening(clients, 1, false), CLIENTS_TOO_MANY_OF_ONE);
	assert_int_equal(clients_add_opening(clients, 3, false), CLIENTS_TOO_MANY_OPENING);
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

/* Who has most stands first, by the address that the number stands for; so many and no more. */
static void test_top(void **state)
{
	struct clients *clients = clients_new();
	struct leader rows[3];
	struct leaders leaders = { .v = rows, .max = 3 };
	char text[PREFIX_STRLEN];

	(void)state;
	clients_set_limits(clients, 1000, 100);
	for (uint8_t host = 1; host < 50; host++) {
		struct in6_addr v4, v6;

		assert_true(addr_parse("192.0.2.0", &v4));
		assert_true(addr_parse("2001:db8:0:ff00::1", &v6));
		v4.s6_addr[15] = host;
		v6.s6_addr[7] = host;
		assert_int_equal(clients_add(clients, addr_client(&v4)), CLIENTS_OK);
		for (int i = 0; i < (host == 7) * 3 + (host == 9) * 2; i++)
			assert_int_equal(clients_add_opening(clients, addr_client(&v6), false), CLIENTS_OK);
		if (host == 20)
			assert_int_equal(clients_add(clients, addr_client(&v4)), CLIENTS_OK);
	}
	clients_top(clients, &leaders);
	assert_int_equal(leaders.n, 3);
	assert_string_equal(prefix_format(&rows[0].client, text), "2001:db8:0:ff07::/64");
	assert_int_equal(rows[0].open, 3);
	assert_int_equal(rows[0].opening, 3);
	assert_int_equal(rows[1].open, 2);
	assert_int_equal(rows[2].open, 2);
	assert_int_equal(rows[1].opening + rows[2].opening, 2);
	clients_free(clients);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_many_clients),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
