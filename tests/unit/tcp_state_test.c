/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole table of RFC 6146 3.5.2.2: 8 states, 8 events, and the end of each lifetime. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../nat64/tcp_state.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

enum { EVENTS = 8 };

#define KEEP(state) { TCP_STATE_##state, TCP_LIFETIME_KEEP }
#define TRANS(state) { TCP_STATE_##state, TCP_LIFETIME_TRANS }
#define EST(state) { TCP_STATE_##state, TCP_LIFETIME_EST }

/* Columns: V4 SYN, V4 FIN, V4 RST, V4 other, V6 SYN, V6 FIN, V6 RST, V6 other */
static const struct tcp_step table[TCP_STATE_COUNT][EVENTS] = {
	/* "CLOSED": only SYNs make a session (V4: endpoint-independent filtering) */
	[TCP_STATE_CLOSED] = {
		TRANS(V4_INIT), KEEP(CLOSED), KEEP(CLOSED), KEEP(CLOSED),
		TRANS(V6_INIT), KEEP(CLOSED), KEEP(CLOSED), KEEP(CLOSED),
	},
	/* "V4 INIT": a V6 SYN makes it ESTABLISHED */
	[TCP_STATE_V4_INIT] = {
		KEEP(V4_INIT), KEEP(V4_INIT), KEEP(V4_INIT), KEEP(V4_INIT),
		EST(ESTABLISHED), KEEP(V4_INIT), KEEP(V4_INIT), KEEP(V4_INIT),
	},
	/* "V6 INIT": a V4 SYN makes it ESTABLISHED, a V6 SYN again renews TCP_TRANS */
	[TCP_STATE_V6_INIT] = {
		EST(ESTABLISHED), KEEP(V6_INIT), KEEP(V6_INIT), KEEP(V6_INIT),
		TRANS(V6_INIT), KEEP(V6_INIT), KEEP(V6_INIT), KEEP(V6_INIT),
	},
	/* "ESTABLISHED": RST leads to TRANS, other than FIN and RST renews TCP_EST */
	[TCP_STATE_ESTABLISHED] = {
		EST(ESTABLISHED), KEEP(V4_FIN), TRANS(TRANS), EST(ESTABLISHED),
		EST(ESTABLISHED), KEEP(V6_FIN), TRANS(TRANS), EST(ESTABLISHED),
	},
	/* "V4 FIN RCV": all but a V6 FIN renews TCP_EST, a reset TCP_TRANS (RFC 7857 2.2) */
	[TCP_STATE_V4_FIN] = {
		EST(V4_FIN), EST(V4_FIN), TRANS(V4_FIN), EST(V4_FIN),
		EST(V4_FIN), TRANS(V4_FIN_V6_FIN), TRANS(V4_FIN), EST(V4_FIN),
	},
	/* "V6 FIN RCV": all but a V4 FIN renews TCP_EST, a reset TCP_TRANS */
	[TCP_STATE_V6_FIN] = {
		EST(V6_FIN), TRANS(V4_FIN_V6_FIN), TRANS(V6_FIN), EST(V6_FIN),
		EST(V6_FIN), EST(V6_FIN), TRANS(V6_FIN), EST(V6_FIN),
	},
	/* "V4 FIN + V6 FIN RCV": all packets pass, and it ends with TCP_TRANS */
	[TCP_STATE_V4_FIN_V6_FIN] = {
		KEEP(V4_FIN_V6_FIN), KEEP(V4_FIN_V6_FIN), KEEP(V4_FIN_V6_FIN), KEEP(V4_FIN_V6_FIN),
		KEEP(V4_FIN_V6_FIN), KEEP(V4_FIN_V6_FIN), KEEP(V4_FIN_V6_FIN), KEEP(V4_FIN_V6_FIN),
	},
	/* "TRANS": other than RST makes it ESTABLISHED again */
	[TCP_STATE_TRANS] = {
		EST(ESTABLISHED), EST(ESTABLISHED), KEEP(TRANS), EST(ESTABLISHED),
		EST(ESTABLISHED), EST(ESTABLISHED), KEEP(TRANS), EST(ESTABLISHED),
	},
};

static void check(enum tcp_state from)
{
	for (int event = 0; event < EVENTS; event++) {
		struct tcp_step step = tcp_state_step(from, (enum tcp_event)event);
		const struct tcp_step *wanted = &table[from][event];

		if (step.state != wanted->state || step.lifetime != wanted->lifetime)
			fail_msg("event %d: state %d, lifetime %d", event, step.state,
				 step.lifetime);
	}
}

/* RFC 6146 3.5.2.2 CLOSED */
static void test_closed(void **state)
{
	(void)state;
	check(TCP_STATE_CLOSED);
}

/* RFC 6146 3.5.2.2 V4 INIT, RFC 5382 REQ-2 */
static void test_v4_init(void **state)
{
	(void)state;
	check(TCP_STATE_V4_INIT);
}

/* RFC 6146 3.5.2.2 V6 INIT, RFC 5382 REQ-1, RFC 5382 REQ-2 */
static void test_v6_init(void **state)
{
	(void)state;
	check(TCP_STATE_V6_INIT);
}

/* RFC 6146 3.5.2.2 ESTABLISHED, RFC 5382 REQ-5, RFC 7857 2.2 */
static void test_established(void **state)
{
	(void)state;
	check(TCP_STATE_ESTABLISHED);
}

/* RFC 6146 3.5.2.2 V4 FIN RCV, RFC 7857 2.2 */
static void test_v4_fin(void **state)
{
	(void)state;
	check(TCP_STATE_V4_FIN);
}

/* RFC 6146 3.5.2.2 V6 FIN RCV, RFC 7857 2.2 */
static void test_v6_fin(void **state)
{
	(void)state;
	check(TCP_STATE_V6_FIN);
}

/* RFC 6146 3.5.2.2 V4 FIN + V6 FIN RCV, RFC 7857 2.1 */
static void test_both_fins(void **state)
{
	(void)state;
	check(TCP_STATE_V4_FIN_V6_FIN);
}

/* RFC 6146 3.5.2.2 TRANS, RFC 7857 2.2 */
static void test_trans(void **state)
{
	(void)state;
	check(TCP_STATE_TRANS);
}

/* RFC 6146 3.5.2.2 ESTABLISHED, RFC 6146 3.5.2.2 TRANS: only an established session gets another TCP_TRANS to show that it lives. */
static void test_timeouts(void **state)
{
	(void)state;
	for (int from = 0; from < TCP_STATE_COUNT; from++)
		assert_int_equal(tcp_state_timeout((enum tcp_state)from),
				 from == TCP_STATE_ESTABLISHED ? TCP_STATE_TRANS
							       : TCP_STATE_CLOSED);
}

/* RFC 6146 3.5.2, RFC 6146 3.5.2.1: what is a SYN, a FIN, a RST, and what any other packet */
static void test_events(void **state)
{
	static const struct {
		unsigned int flags;
		enum tcp_event v4, v6;
	} rows[] = {
		{ TCP_FLAG_SYN, TCP_EVENT_V4_SYN, TCP_EVENT_V6_SYN },
		{ TCP_FLAG_SYN | TCP_FLAG_ACK, TCP_EVENT_V4_SYN, TCP_EVENT_V6_SYN },
		{ TCP_FLAG_SYN | 0xc0, TCP_EVENT_V4_SYN, TCP_EVENT_V6_SYN },	/* ECN set-up */
		{ TCP_FLAG_FIN, TCP_EVENT_V4_FIN, TCP_EVENT_V6_FIN },
		{ TCP_FLAG_FIN | TCP_FLAG_ACK, TCP_EVENT_V4_FIN, TCP_EVENT_V6_FIN },
		{ TCP_FLAG_RST, TCP_EVENT_V4_RST, TCP_EVENT_V6_RST },
		{ TCP_FLAG_RST | TCP_FLAG_ACK, TCP_EVENT_V4_RST, TCP_EVENT_V6_RST },
		{ TCP_FLAG_ACK, TCP_EVENT_V4_OTHER, TCP_EVENT_V6_OTHER },
		{ TCP_FLAG_ACK | 0x08, TCP_EVENT_V4_OTHER, TCP_EVENT_V6_OTHER },
		{ 0, TCP_EVENT_V4_OTHER, TCP_EVENT_V6_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_int_equal(tcp_event_of(rows[i].flags, 0), rows[i].v4);
		assert_int_equal(tcp_event_of(rows[i].flags, 1), rows[i].v6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_v4_init),
		cmocka_unit_test(test_v6_init),
		cmocka_unit_test(test_established),
		cmocka_unit_test(test_v4_fin),
		cmocka_unit_test(test_v6_fin),
		cmocka_unit_test(test_both_fins),
		cmocka_unit_test(test_trans),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
