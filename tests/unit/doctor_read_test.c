/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the doctor reads of the kernel and of other programs, good and broken. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../ops/doctor_read.h"

static struct in6_addr address(const char *text)
{
	struct in6_addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

/* Words as they lie in memory: the texts below are of a little-endian machine. */
static bool is_little(void)
{
	return htonl(1) != 1;
}

/* Columns between the state and the user, which matter to nobody here */
#define QUEUES " 00000000:00000000 00:00000000 00000000 "
#define ANY6 "00000000000000000000000000000000"

/* Lines of all four tables: address, port, whether it listens, inode, drops */
static void reads_sockets(void **state)
{
	static const struct {
		const char *line;
		bool v6;
		const char *addr;
		uint16_t port;
		bool listening;
		uint64_t inode, drops;	/* of UDP */
	} rows[] = {
		{ "   0: 0100007F:0035 00000000:0000 0A" QUEUES "    0"
		  "        0 4711 1 0000000000000000 100 0 0 10 0\n",
		  false, "127.0.0.1", 53, true, 4711, 0 },
		{ "   1: 016433C6:C350 500200C0:01BB 01" QUEUES "    0"
		  "        0 99 1 0000000000000000 20 4 30 10 -1\n",
		  false, "198.51.100.1", 50000, false, 99, 0 },
		{ "   3: " ANY6 ":01BB " ANY6 ":0000 0A" QUEUES "  998        0 5150 1 0 100 0\n",
		  true, "::", 443, true, 5150, 0 },
		{ "  12: B80D0120010000000000000001000000:0035 " ANY6 ":0000 07" QUEUES
		  "  998        0 18446744073709551615 2 "
		  "ffff888012345678 17\n",
		  true, "2001:db8:0:1::1", 53, true, UINT64_MAX, 17 },
		{ "  13: 0100007F:14E9 0100007F:0035 01" QUEUES "  998"
		  "        0 7 2 0000000000000000 0\n",
		  false, "127.0.0.1", 5353, false, 7, 0 },
	};

	(void)state;
	if (!is_little())
		skip();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct in6_addr addr = address(rows[i].addr);
		struct read_socket got;

		assert_true(read_socket(rows[i].line, rows[i].v6, &got));
		assert_true(addr_equal(&got.local.addr, &addr));
		assert_int_equal(got.local.port, rows[i].port);
		assert_int_equal(got.listening, rows[i].listening);
		assert_true(got.inode == rows[i].inode);
		assert_true(!rows[i].drops || got.drops == rows[i].drops);
	}
}

/* Headings, the other family's lines, lines that end too early */
static void refuses_what_is_no_socket(void **state)
{
	static const struct {
		const char *line;
		bool v6;
	} rows[] = {
		{ "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when", false },
		{ "", false },
		{ "   0: 0100007F:0035 00000000:0000 0A", false },
		{ "   0: 0100007F:0035 00000000:0000 0A" QUEUES "0 0 4711",
		  true },
		{ "   0: 0100007:0035 00000000:0000 0A" QUEUES "0 0 4711",
		  false },
		{ "   0: " ANY6 ":01BB " ANY6 ":0000 0A 0:0 00:0 0 0 0 1", false },
	};
	struct read_socket got;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_false(read_socket(rows[i].line, rows[i].v6, &got));
}

/* resolv.conf(5): comments, blanks, several, what is no address */
static void reads_resolv_conf(void **state)
{
	static const struct {
		const char *text, *first, *second;
		size_t n;
	} rows[] = {
		{ "nameserver 192.0.2.53\n", "192.0.2.53", NULL, 1 },
		{ "# nameserver 192.0.2.1\nsearch example.org\nnameserver\t2001:db8::53 \n"
		  "nameserver 192.0.2.53", "2001:db8::53", "192.0.2.53", 2 },
		{ "nameserver 192.0.2.1\nnameserver ::1\nnameserver 192.0.2.3\n",
		  "192.0.2.1", "::1", 2 },
		{ "nameserver fe80::1%eth0\nnameserver resolver.example\nnameserver\n",
		  NULL, NULL, 0 },
		{ "nameservers 192.0.2.1\noptions ndots:0", NULL, NULL, 0 },
		{ "", NULL, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint got[2];
		struct in6_addr addr;

		assert_int_equal(read_resolv_conf(rows[i].text, got, 2), rows[i].n);
		for (size_t k = 0; k < rows[i].n; k++) {
			addr = address(k ? rows[i].second : rows[i].first);
			assert_true(addr_equal(&got[k].addr, &addr));
			assert_int_equal(got[k].port, 53);
		}
	}
}

/* A row of /proc/PID/limits; "unlimited" is no number, and stands for none. */
static void reads_limits(void **state)
{
	(void)state;
	assert_true(read_open_files("Limit                     Soft Limit    Hard Limit\n"
				    "Max processes             7823          7823\n"
				    "Max open files            1024          524288      files\n")
		    == 1024);
	assert_true(read_open_files("Max open files            unlimited     unlimited") == 0);
	assert_true(read_open_files("") == 0);
}

/* nfnetlink_queue.c, seq_show(): number, port, waiting, mode, range, dropped twice, id, 1 */
static void reads_queues(void **state)
{
	struct read_queue queue;

	(void)state;
	assert_true(read_queue(" 6401   1234     0 2 65531     5     7      99  1\n", &queue));
	assert_int_equal(queue.number, 6401);
	assert_true(queue.dropped == 5 && queue.unsent == 7);
	assert_false(read_queue(" 6401   1234     0 2 65531     5\n", &queue));
	assert_false(read_queue("", &queue));
}

/* A whole word at the beginning of a line */
static void finds_modules(void **state)
{
	static const char text[] = "jool_common 4096 1 jool, Live 0x0\nnf_tables 1 0 - Live 0x0\n"
				   "jool 16384 0 - Live 0x0000\n";

	(void)state;
	assert_true(read_module(text, "jool"));
	assert_true(read_module(text, "nf_tables"));
	assert_false(read_module(text, "jool_siit"));
	assert_false(read_module(text, "jool_com"));
	assert_false(read_module("", "jool"));
}

#define KEY_A "b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33"
#define KEY_B "662e14fd594556f522604703340351258903b64f35553763f19426ab2a515c58"

/* WireGuard's protocol for user space: peers begin with their keys, of which the interface's own
 * is not one. */
static void reads_wireguard(void **state)
{
	static const char text[] =
		"private_key=e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a\n"
		"listen_port=12912\n"
		"public_key=" KEY_A "\nendpoint=[2001:db8::33]:51820\nallowed_ip=192.168.4.4/32\n"
		"allowed_ip=2001:db8:1::/64\nlast_handshake_time_sec=1700000000\n"
		"last_handshake_time_nsec=5\nrx_bytes=0\nprotocol_version=1\n"
		"public_key=" KEY_B "\nallowed_ip=64:ff9b::1/96\n"
		"errno=0\n\n";
	static const char key_b[] = KEY_B;
	struct prefix expected;
	struct read_peers peers;
	char hex[3];

	(void)state;
	assert_true(read_wireguard(text, &peers));
	assert_int_equal(peers.n, 2);
	for (size_t i = 0; i < READ_KEY_LEN; i++) {
		snprintf(hex, sizeof(hex), "%02x", peers.v[1].key[i]);
		assert_memory_equal(hex, &key_b[2 * i], 2);
	}
	assert_int_equal(peers.v[0].endpoint.port, 51820);
	assert_true(peers.v[0].handshake_s == 1700000000);
	assert_int_equal(peers.v[0].allowed.n, 2);
	assert_null(prefix_parse("192.168.4.4/32", &expected));
	assert_true(prefix_equal(&peers.v[0].allowed.v[0], &expected));
	assert_int_equal(peers.v[1].endpoint.port, 0);
	assert_true(peers.v[1].handshake_s == 0);
	assert_null(prefix_parse("64:ff9b::/96", &expected));
	assert_true(prefix_equal(&peers.v[1].allowed.v[0], &expected));
	read_peers_free(&peers);
	assert_true(read_wireguard("listen_port=1\nerrno=0\n\n", &peers));
	assert_int_equal(peers.n, 0);
}

/* An error, an end that is missing, keys and prefixes that are none */
static void refuses_what_is_no_wireguard(void **state)
{
	static const char *const texts[] = {
		"", "\n", "errno=-71\n\n", "listen_port=1\n",
		"public_key=" KEY_A "\nerrno=1\n\n",
		"public_key=abcd\nerrno=0\n\n",
		"public_key=" KEY_A "00\nerrno=0\n\n",
		"public_key=" KEY_A "\nallowed_ip=2001:db8::/129\nerrno=0\n\n",
		"public_key=" KEY_A "\nallowed_ip=192.0.2.1/33\nerrno=0\n\n",
		"public_key=" KEY_A "\nallowed_ip=2001:db8::\nerrno=0\n\n",
		"public_key=" KEY_A "\nendpoint=nowhere\nerrno=0\n\n",
	};
	struct read_peers peers;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(read_wireguard(texts[i], &peers));
		assert_int_equal(peers.n, 0);
	}
}

/* A file that is longer than the first piece, and none */
static void reads_files(void **state)
{
	char path[] = "/tmp/gate64-read-XXXXXX", *text;
	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	(void)state;
	assert_non_null(file);
	for (int i = 0; i < 10000; i++)
		fputc('a' + i % 26, file);
	fclose(file);
	text = read_file(path);
	remove(path);
	assert_non_null(text);
	assert_int_equal(strlen(text), 10000);
	assert_int_equal(text[9999], 'a' + 9999 % 26);
	free(text);
	assert_null(read_file(path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_sockets),
		cmocka_unit_test(refuses_what_is_no_socket),
		cmocka_unit_test(reads_resolv_conf),
		cmocka_unit_test(reads_limits),
		cmocka_unit_test(reads_queues),
		cmocka_unit_test(finds_modules),
		cmocka_unit_test(reads_wireguard),
		cmocka_unit_test(refuses_what_is_no_wireguard),
		cmocka_unit_test(reads_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
