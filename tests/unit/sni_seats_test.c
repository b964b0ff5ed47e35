/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seats: whoever stays keeps his, and free ones are taken before there are more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../snid/seats.h"

static void test_seats_are_kept_and_reused(void **state)
{
	struct seats seats = { 0 };
	long who[8];

	(void)state;
	for (long i = 0; i < 4; i++)
		assert_int_equal(seats_take(&seats, &who[i]), i);
	seats_leave(&seats, 1);
	seats_leave(&seats, 3);
	assert_null(seats_at(&seats, 1));
	assert_null(seats_at(&seats, 3));
	assert_ptr_equal(seats_at(&seats, 0), &who[0]);
	assert_ptr_equal(seats_at(&seats, 2), &who[2]);
	assert_int_equal(seats_take(&seats, &who[4]), 3);
	assert_int_equal(seats_take(&seats, &who[5]), 1);
	assert_int_equal(seats_take(&seats, &who[6]), 4);
	assert_int_equal(seats.n, 5);
	seats_free(&seats);
}

/* Against a plain array, over many comings and goings */
static void test_many(void **state)
{
	enum { MOST = 1000, ROUNDS = 200000 };
	static long who[MOST];
	struct seats seats = { 0 };
	long seat_of[MOST];
	size_t here = 0;

	(void)state;
	srandom(1);
	for (int i = 0; i < MOST; i++)
		seat_of[i] = -1;
	for (int round = 0; round < ROUNDS; round++) {
		long i = random() % MOST;

		if (seat_of[i] < 0) {
			seat_of[i] = seats_take(&seats, &who[i]);
			assert_true(seat_of[i] >= 0);
			here++;
		} else {
			assert_ptr_equal(seats_at(&seats, (size_t)seat_of[i]), &who[i]);
			seats_leave(&seats, (size_t)seat_of[i]);
			seat_of[i] = -1;
			here--;
		}
	}
	assert_true(seats.n <= MOST);
	for (size_t seat = 0; seat < seats.n; seat++)
		here -= seats_at(&seats, seat) != NULL;
	assert_int_equal(here, 0);
	seats_free(&seats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seats_are_kept_and_reused),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
