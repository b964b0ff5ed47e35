/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe of RFC 6146 3.5.2.2, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "../../nat64/flow.h"
#include "../../nat64/probe.h"
#include "fake_emit.h"

/* RFC 6146 3.5.2.2 probe: no data, sequence and acknowledgement number zero, ACK alone (RFC 9293 3.1) */
static void test_probe(void **state)
{
	/* 64:ff9b::192.0.2.33 port 443 -> 2001:db8::1 port 40000 */
	static const uint8_t wanted[] = {
		0x60, 0, 0, 0, 0, 20, 6, 64,
		0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 33,
		0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
		0x01, 0xbb, 0x9c, 0x40, 0, 0, 0, 0, 0, 0, 0, 0,
		/* pseudo-header and segment add up to 0x2ddff, folded 0xde01 */
		0x50, 0x10, 0, 0, 0x21, 0xfe, 0, 0,
	};
	struct flow flow = {
		.l4 = L4_TCP, .inside_port = 40000, .remote_port = 443, .outside_port = 20001,
		.state = TCP_STATE_TRANS,
	};
	uint8_t bytes[EMIT_HEAD_MAX];

	(void)state;
	inet_pton(AF_INET6, "2001:db8::1", &flow.inside);
	inet_pton(AF_INET6, "64:ff9b::192.0.2.33", &flow.remote6);
	probe_send(NULL, &flow);
	assert_int_equal(sent.n, 1);
	assert_int_equal(sent.l3[0], L3_IPV6);
	assert_memory_equal(&sent.slots[0].dst, &flow.inside, 16);
	assert_int_equal(sent_packet(0, bytes), sizeof(wanted));
	assert_memory_equal(bytes, wanted, sizeof(wanted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
