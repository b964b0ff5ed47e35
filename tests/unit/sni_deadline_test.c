/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snid/deadline: queues of equal waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../snid/deadline.h"

static void test_order(void **state)
{
	struct deadline a = { 0 }, b = { 0 }, c = { 0 };
	struct deadline_queue queue;

	(void)state;
	deadline_queue_init(&queue, 100);
	assert_null(deadline_first(&queue));
	assert_null(deadline_last(&queue));
	assert_true(deadline_at_ms(&queue) == INT64_MAX);

	deadline_enter(&a, &queue, 1000);
	deadline_enter(&b, &queue, 1010);
	deadline_enter(&c, &queue, 1010);
	assert_ptr_equal(deadline_first(&queue), &a);
	assert_ptr_equal(deadline_last(&queue), &c);
	assert_true(deadline_at_ms(&queue) == 1100);

	/* Beginning anew puts it behind the others. */
	deadline_enter(&a, &queue, 1020);
	assert_ptr_equal(deadline_first(&queue), &b);
	assert_ptr_equal(deadline_last(&queue), &a);
	assert_true(deadline_at_ms(&queue) == 1110);

	deadline_leave(&b);
	deadline_leave(&b);
	deadline_leave(&c);
	assert_ptr_equal(deadline_first(&queue), &a);
	assert_true(deadline_at_ms(&queue) == 1120);
	deadline_leave(&a);
	assert_null(deadline_first(&queue));
}

static void test_moving_between_queues(void **state)
{
	struct deadline_queue slow, fast;
	struct deadline a = { 0 };

	(void)state;
	deadline_queue_init(&slow, 1000);
	deadline_queue_init(&fast, 10);
	deadline_enter(&a, &slow, 5);
	deadline_enter(&a, &fast, 7);
	assert_null(deadline_first(&slow));
	assert_ptr_equal(deadline_first(&fast), &a);
	assert_true(deadline_at_ms(&fast) == 17);
}

/* A reload that changes the wait changes it for those who wait already. */
static void test_changed_wait(void **state)
{
	struct deadline_queue queue;
	struct deadline a = { 0 };

	(void)state;
	deadline_queue_init(&queue, 1000);
	deadline_enter(&a, &queue, 50);
	queue.after_ms = 20;
	assert_true(deadline_at_ms(&queue) == 70);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_moving_between_queues),
		cmocka_unit_test(test_changed_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
