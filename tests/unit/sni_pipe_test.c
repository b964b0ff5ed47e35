/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snid/pipe: how many there are, which are used again, and when there are none. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../snid/pipe.h"

/* The one that was given back last is lent first. */
static void test_used_again(void **state)
{
	struct pipe_pool pool = { 0 };
	struct pipe *a = pipe_take(&pool), *b = pipe_take(&pool);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	pipe_give(&pool, a);
	pipe_give(&pool, b);
	assert_ptr_equal(pipe_take(&pool), b);
	assert_ptr_equal(pipe_take(&pool), a);
	assert_int_equal(pool.n, 2);
	pipe_give(&pool, a);
	pipe_give(&pool, b);
	pipe_pool_free(&pool);
}

/* There is a bound on all, and one on those that are idle. */
static void test_bounds(void **state)
{
	struct pipe_pool pool = { 0 };
	struct pipe *pipes[PIPES_MAX];

	(void)state;
	for (int i = 0; i < PIPES_MAX; i++) {
		pipes[i] = pipe_take(&pool);
		assert_non_null(pipes[i]);
		assert_in_range(pipes[i]->size, PIPE_LEN_MIN,
				i < PIPES_LARGE ? PIPE_LEN : PIPE_LEN_MANY);
	}
	assert_in_range(pool.n_large, 1, PIPES_LARGE);
	assert_null(pipe_take(&pool));
	for (int i = 0; i < PIPES_MAX; i++)
		pipe_give(&pool, pipes[i]);
	assert_int_equal(pool.n, PIPES_KEPT);
	assert_int_equal(pool.n_idle, PIPES_KEPT);
	assert_in_range(pool.n_large, 0, PIPES_KEPT);
	pipe_pool_free(&pool);
}

/* Half of what there may be: then what waits is taken out, as it went in. */
static void test_scarce(void **state)
{
	struct pipe_pool pool = { 0 };
	struct pipe *pipes[PIPES_MAX / 2 + 1];
	uint8_t got[5];
	int from[2];

	(void)state;
	for (int i = 0; i <= PIPES_MAX / 2; i++) {
		assert_false(pipes_are_scarce(&pool));
		pipes[i] = pipe_take(&pool);
		assert_non_null(pipes[i]);
	}
	assert_true(pipes_are_scarce(&pool));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, from), 0);
	assert_int_equal(write(from[0], "bytes", 5), 5);
	assert_int_equal(pipe_fill(pipes[0], from[1], 3), 3);
	assert_int_equal(pipe_unload(pipes[0], got), 0);
	assert_int_equal(pipes[0]->len, 0);
	assert_int_equal(pipe_fill(pipes[0], from[1], PIPE_LEN), 2);
	assert_int_equal(pipe_unload(pipes[0], got + 3), 0);
	assert_memory_equal(got, "bytes", 5);
	for (int i = 0; i <= PIPES_MAX / 2; i++)
		pipe_give(&pool, pipes[i]);
	assert_false(pipes_are_scarce(&pool));
	pipe_pool_free(&pool);
	close(from[0]);
	close(from[1]);
}

/* Bytes come out as they went in, and are counted; what is left is nobody else's. */
static void test_bytes(void **state)
{
	struct pipe_pool pool = { 0 };
	struct pipe *pipe = pipe_take(&pool);
	int from[2], to[2];
	char got[8];

	(void)state;
	assert_non_null(pipe);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, from), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, to), 0);
	assert_int_equal(pipe_fill(pipe, from[1], PIPE_LEN), -EAGAIN);
	assert_int_equal(write(from[0], "bytes", 5), 5);
	assert_int_equal(pipe_fill(pipe, from[1], PIPE_LEN), 5);
	assert_int_equal(pipe->len, 5);
	assert_int_equal(pipe_drain(pipe, to[0]), 5);
	assert_int_equal(pipe->len, 0);
	assert_int_equal(read(to[1], got, sizeof(got)), 5);
	assert_memory_equal(got, "bytes", 5);

	assert_int_equal(write(from[0], "left", 4), 4);
	assert_int_equal(pipe_fill(pipe, from[1], PIPE_LEN), 4);
	pipe_give(&pool, pipe);
	assert_int_equal(pool.n, 0);
	close(from[0]);
	pipe = pipe_take(&pool);
	assert_non_null(pipe);
	assert_int_equal(pipe_fill(pipe, from[1], PIPE_LEN), 0);
	pipe_give(&pool, pipe);
	pipe_pool_free(&pool);
	close(from[1]);
	close(to[0]);
	close(to[1]);
}

/* As a user whose pipes take all of pipe-user-pages-soft */
static int without_pages(void)
{
	struct pipe_pool pool = { 0 };
	int ends[2], soft = 64 << 20;

	if (setuid(64999) < 0)
		return 77;
	while (soft > 0 && pipe2(ends, O_CLOEXEC) == 0) {
		int size = fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);

		if (size < 0)
			break;
		soft -= size;
	}
	/* The kernel makes pipes of two pages now. */
	return pipe_take(&pool) == NULL && pool.n == 0 ? 0 : 1;
}

/* A pipe that the kernel has made small is of no use (trap 21). */
static void test_small_pipes(void **state)
{
	pid_t child;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(without_pages());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Without descriptors there is none, and the kernel is not asked all the time. */
static void test_no_descriptors(void **state)
{
	struct pipe_pool pool = { 0 };
	struct rlimit limit, low;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_null(pipe_take(&pool));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_null(pipe_take(&pool));
	pool.retry_ms = 0;
	pipe_give(&pool, pipe_take(&pool));
	pipe_pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_used_again), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_scarce),
		cmocka_unit_test(test_bytes), cmocka_unit_test(test_small_pipes),
		cmocka_unit_test(test_no_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
