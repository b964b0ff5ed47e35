/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the helper takes for a text of gate64's. That it takes what is written the ruleset's
 * tests show; here is what it must not take. Options: iptables-restore(8), iptables(8),
 * iptables-extensions(8).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../../ops/restore_text.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* A text with one line in the place of a rule. Return: as restore_text_judge(). */
static size_t judge_line(const char *line, bool v4)
{
	char text[1024];

	snprintf(text, sizeof(text), "*raw\n:GATE64-PRE - [0:0]\n%s\nCOMMIT\n", line);
	return restore_text_judge(text, v4);
}

/* Rules that gate64 writes, at the edges of what it may. */
static void test_rules_of_ours(void **state)
{
	static const char *const of4[] = {
		"-A PREROUTING -j GATE64-PRE",
		"-D OUTPUT -j GATE64-OUT",
		"-A GATE64-PRE -d 198.51.100.1/32 -p icmp -j NFQUEUE --queue-num 6400 --queue-bypass",
		("-A GATE64-PRE -d 198.51.100.1/32 -p udp -m multiport --dports 0,1:65535 "
		"-j NFQUEUE --queue-balance 6400:7423 --queue-bypass"),
		"-A GATE64-PRE -d 203.0.113.0/24 -j NFQUEUE --queue-num 6400",
		"-A GATE64-OUT -m mark --mark 0x67363400 -j CT --notrack",
	};

	(void)state;
	for (size_t i = 0; i < N(of4); i++)
		assert_int_equal(judge_line(of4[i], true), 0);
	assert_int_equal(judge_line("-A GATE64-OUT -d 64:ff9b::/96 -j NFQUEUE --queue-num 6401",
				    false), 0);
	assert_int_equal(restore_text_judge("*raw\nCOMMIT\n", true), 0);
}

/* Each is a line of iptables-restore, or nearly one of ours. */
static void test_rules_of_others(void **state)
{
	static const char *const lines[] = {
		"",
		"# a comment",
		"*filter",
		"COMMIT\n*filter\n-P INPUT ACCEPT",
		":INPUT ACCEPT [0:0]",
		":PREROUTING DROP [0:0]",
		"-P PREROUTING DROP",
		"-F",
		"-F PREROUTING",
		"-X GATE64-PRE",
		"-I PREROUTING -j GATE64-PRE",
		"-t filter -A INPUT -j ACCEPT",
		"-A PREROUTING -j ACCEPT",
		"-A PREROUTING -j DROP",
		"-A PREROUTING -j GATE64-OUT",
		"-A PREROUTING -j GATE64-PREX",
		"-A PREROUTING -s 192.0.2.1 -j GATE64-PRE",
		"-A PREROUTING -j GATE64-PRE -t filter",
		"-A PREROUTINGX -j GATE64-PRE",
		"-D PREROUTING 1",
		"-D PREROUTING -j ACCEPT",
		"-D GATE64-PRE -d 192.0.2.0/24 -j NFQUEUE --queue-num 6400",
		" -A PREROUTING -j GATE64-PRE",
		"[1:1] -A PREROUTING -j GATE64-PRE",
		"-A GATE64-PRE -j ACCEPT",
		"-A GATE64-PREX -d 192.0.2.0/24 -j NFQUEUE --queue-num 6400",
		"-A GATE64-PRE -d 192.0.2.0/24 -j ACCEPT",
		"-A GATE64-PRE -d 192.0.2.0/24 -j NFQUEUE --queue-num 0",
		"-A GATE64-PRE -d 192.0.2.0/24 -j NFQUEUE --queue-num 6399",
		"-A GATE64-PRE -d 192.0.2.0/24 -j NFQUEUE --queue-num 06400",
		"-A GATE64-PRE -d 192.0.2.0/24 -j NFQUEUE --queue-num 7424",
		"-A GATE64-PRE -d 192.0.2.0/24 -j NFQUEUE --queue-num 4294973696",
		"-A GATE64-PRE -d 192.0.2.0/24 -j NFQUEUE --queue-num -1",
		"-A GATE64-PRE -d 192.0.2.0/24 -j NFQUEUE --queue-balance 6401:6400",
		"-A GATE64-PRE -d 192.0.2.0/24 -j NFQUEUE --queue-balance 0:65535",
		"-A GATE64-PRE -d 192.0.2.0/24 -j NFQUEUE --queue-num 6400 --queue-bypass",
		"-A GATE64-PRE -d 192.0.2.0/24 -j NFQUEUE --queue-num 6400 -j ACCEPT",
		"-A GATE64-PRE -d 192.0.2.0/24 -j NFQUEUE --queue-num 6400 --modprobe=/tmp/x",
		"-A GATE64-PRE -d 192.0.2.1/24 -j NFQUEUE --queue-num 6400",
		"-A GATE64-PRE -d 192.0.2.0/24,0.0.0.0/0 -j NFQUEUE --queue-num 6400",
		"-A GATE64-PRE -d www.example.net -j NFQUEUE --queue-num 6400",
		"-A GATE64-PRE -d ! 192.0.2.0/24 -j NFQUEUE --queue-num 6400",
		"-A GATE64-PRE -d 64:ff9b::/96 -j NFQUEUE --queue-num 6400",
		"-A GATE64-PRE -d  -j NFQUEUE --queue-num 6400",
		"-A GATE64-PRE -d 192.0.2.0/24\t-j NFQUEUE --queue-num 6400",
		"-A GATE64-PRE -d 192.0.2.1/32 -p icmp -j NFQUEUE --queue-num 6400",
		"-A GATE64-PRE -d 192.0.2.1/32 -p 6 -j NFQUEUE --queue-num 6400 --queue-bypass",
		("-A GATE64-PRE -d 192.0.2.1/32 -p tcp -m multiport --dports "
		" -j NFQUEUE --queue-num 6400 --queue-bypass"),
		("-A GATE64-PRE -d 192.0.2.1/32 -p tcp -m multiport --dports 65536"
		" -j NFQUEUE --queue-num 6400 --queue-bypass"),
		("-A GATE64-PRE -d 192.0.2.1/32 -p tcp -m multiport --dports 9:9"
		" -j NFQUEUE --queue-num 6400 --queue-bypass"),
		("-A GATE64-PRE -d 192.0.2.1/32 -p tcp -m multiport --dports 1,"
		" -j NFQUEUE --queue-num 6400 --queue-bypass"),
		("-A GATE64-PRE -d 192.0.2.1/32 -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,"
		"12,13,14:15,16 -j NFQUEUE --queue-num 6400 --queue-bypass"),
		("-A GATE64-PRE -d 192.0.2.1/32 -m u32 --u32 0=0 -j NFQUEUE --queue-num 6400 "
		"--queue-bypass"),
		"-A GATE64-PRE -m mark --mark 0x67363400 -j RETURN",
		"-A GATE64-OUT -m mark --mark 0x0 -j CT --notrack",
		"-A GATE64-OUT -m mark --mark 0x67363400 -j CT --notrack --zone 1",
		"-A GATE64-OUT -m mark --mark 0x67363400 -j MARK --set-mark 0",
		"-A GATE64-OUT -d 192.0.2.0/24 -j NFQUEUE --queue-num 6400",
	};

	(void)state;
	for (size_t i = 0; i < N(lines); i++)
		if (judge_line(lines[i], true) != 3 &&
		    !(strncmp(lines[i], "COMMIT\n", 7) == 0 && judge_line(lines[i], true) == 4))
			fail_msg("taken: %s", lines[i]);
	assert_int_equal(judge_line("-A GATE64-PRE -d 192.0.2.0/24 -j NFQUEUE --queue-num 6400",
				    false), 3);
	assert_int_equal(judge_line("-A GATE64-PRE -d ::ffff:192.0.2.0/120 -j NFQUEUE "
				    "--queue-num 6400", false), 3);
	assert_int_equal(judge_line("-A GATE64-PRE -d 64:FF9B::/96 -j NFQUEUE --queue-num 6400",
				    false), 3);
	assert_int_equal(judge_line("-A GATE64-PRE -d 64:ff9b::/96 -p icmp -j NFQUEUE "
				    "--queue-num 6400 --queue-bypass", false), 3);
}

/* The frame: one table, from its first to its last byte. */
static void test_frames(void **state)
{
	static const struct {
		const char *text;
		size_t line;
	} frames[] = {
		{ "", 1 },
		{ "raw\nCOMMIT\n", 1 },
		{ "*filter\nCOMMIT\n", 1 },
		{ "*raw", 1 },
		{ "*raw\n", 2 },
		{ "*raw\nCOMMIT", 2 },
		{ "*raw\r\nCOMMIT\n", 1 },
		{ " *raw\nCOMMIT\n", 1 },
		{ "*raw\nCOMMIT\n\n", 3 },
		{ "*raw\nCOMMIT\n*filter\n-F\nCOMMIT\n", 3 },
		{ "*raw\n:GATE64-PRE - [1:1]\nCOMMIT\n", 2 },
		{ "*raw\n:GATE64-PRE ACCEPT [0:0]\nCOMMIT\n", 2 },
		{ "*raw\n:GATE64-EVIL - [0:0]\nCOMMIT\n", 2 },
		{ "*raw\n:GATE64-MADE-TABLEX - [0:0]\nCOMMIT\n", 2 },
		{ "*raw\n-A OUTPUT -j GATE64-OUT\n:GATE64-OUT - [0:0]\nCOMMIT\n", 3 },
	};

	(void)state;
	for (size_t i = 0; i < N(frames); i++)
		if (restore_text_judge(frames[i].text, true) != frames[i].line)
			fail_msg("frame %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_of_ours),
		cmocka_unit_test(test_rules_of_others),
		cmocka_unit_test(test_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
