/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running a program: what goes in, what comes back, how it may end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../core/loop.h"
#include "../../ops/tool.h"

enum { LONG_MS = 10000 };

static char said[256];

static int shell(const char *script, const char *input, int timeout_ms)
{
	const char *const argv[] = {"sh", "-c", script, NULL};

	return tool_run(argv, input, timeout_ms, said, sizeof(said));
}

static void test_success(void **state)
{
	(void)state;
	assert_int_equal(shell("exit 0", "", LONG_MS), 0);
	assert_string_equal(said, "");
}

static void test_failure_says_why(void **state)
{
	(void)state;
	assert_int_equal(shell("echo reason >&2; echo hidden; exit 3", "", LONG_MS), -EPROTO);
	assert_string_equal(said, "reason");
	assert_int_equal(shell("exit 3", "", LONG_MS), -EPROTO);
	assert_string_equal(said, "failed without a word");
	assert_int_equal(shell("kill -KILL $$", "", LONG_MS), -EPROTO);
}

static void test_input_is_whole(void **state)
{
	/* more than a pipe holds */
	static char input[300001];

	(void)state;
	memset(input, 'x', sizeof(input) - 1);
	assert_int_equal(shell("wc -c >&2", input, LONG_MS), 0);
	assert_string_equal(said, "300000");
}

static void test_long_talk_is_cut(void **state)
{
	(void)state;
	assert_int_equal(shell("yes word | tr -d '\\n' | head -c 300000 >&2", "", LONG_MS), 0);
	assert_int_equal(strlen(said), sizeof(said) - 1);
}

static void test_missing_program(void **state)
{
	const char *const argv[] = {"gate64-no-such-tool", NULL};

	(void)state;
	assert_int_equal(tool_run(argv, "", LONG_MS, said, sizeof(said)), -ENOENT);
	assert_string_equal(said, "gate64-no-such-tool is not installed");
}

static void test_timeout_kills(void **state)
{
	int64_t began_ms = loop_now_ms();

	(void)state;
	/* It closes its standard error, so that only the child itself is waited for. */
	assert_int_equal(shell("exec 2>&-; exec sleep 60", "", 200), -ETIMEDOUT);
	assert_string_equal(said, "did not end in time");
	assert_in_range(loop_now_ms() - began_ms, 150, 5000);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* A grandchild that holds the pipe must not hold us. */
static void test_grandchild_is_not_waited_for(void **state)
{
	int64_t began_ms = loop_now_ms();

	(void)state;
	assert_int_equal(shell("sleep 6 & echo gone >&2", "", LONG_MS), 0);
	assert_string_equal(said, "gone");
	assert_in_range(loop_now_ms() - began_ms, 0, 5000);
}

static void test_nothing_is_inherited(void **state)
{
	int leak = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(leak >= 0);
	setenv("GATE64_TEST_SECRET", "1", 1);
	assert_int_equal(shell("test -z \"$GATE64_TEST_SECRET\"", "", LONG_MS), 0);
	unsetenv("GATE64_TEST_SECRET");
	assert_int_equal(shell("ls /proc/self/fd | tr '\\n' ' ' >&2", "", LONG_MS), 0);
	/* the three, and the folder that ls reads */
	assert_string_equal(said, "0 1 2 3 ");
	close(leak);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_success),
		cmocka_unit_test(test_failure_says_why),
		cmocka_unit_test(test_input_is_whole),
		cmocka_unit_test(test_long_talk_is_cut),
		cmocka_unit_test(test_missing_program),
		cmocka_unit_test(test_timeout_kills),
		cmocka_unit_test(test_grandchild_is_not_waited_for),
		cmocka_unit_test(test_nothing_is_inherited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
