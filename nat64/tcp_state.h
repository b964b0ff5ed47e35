/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TCP state machine of RFC 6146 3.5.2: one step for one segment.
 *
 * Pure and inline, with no type but C's own, so that a BPF program can include
 * it. What a segment does to the session's lifetime is part of the step.
 *
 *                       V6 SYN            V4 SYN
 *        V6_INIT <--------------- CLOSED -------------> V4_INIT
 *           | V4 SYN                                       | V6 SYN
 *           +------------------> ESTABLISHED <-------------+
 *             V4 FIN |             |   ^            | V6 FIN
 *        V4_FIN <----+         RST |   | not RST    +----> V6_FIN
 *           | V6 FIN               v   |                     | V4 FIN
 *           |                     TRANS                      |
 *           +-----------------> V4_FIN_V6_FIN <--------------+
 */
#ifndef NAT64_TCP_STATE_H
#define NAT64_TCP_STATE_H

enum tcp_state {
	TCP_STATE_CLOSED,		/* no session */
	TCP_STATE_V4_INIT,
	TCP_STATE_V6_INIT,
	TCP_STATE_ESTABLISHED,
	TCP_STATE_V4_FIN,		/* "V4 FIN RCV" */
	TCP_STATE_V6_FIN,		/* "V6 FIN RCV" */
	TCP_STATE_V4_FIN_V6_FIN,	/* "V4 FIN + V6 FIN RCV" */
	TCP_STATE_TRANS,
	TCP_STATE_COUNT
};

enum tcp_event {
	TCP_EVENT_V4_SYN, TCP_EVENT_V4_FIN, TCP_EVENT_V4_RST, TCP_EVENT_V4_OTHER,
	TCP_EVENT_V6_SYN, TCP_EVENT_V6_FIN, TCP_EVENT_V6_RST, TCP_EVENT_V6_OTHER,
};

/* What becomes of the session's lifetime */
enum tcp_lifetime {
	TCP_LIFETIME_KEEP,		/* as it was */
	TCP_LIFETIME_TRANS,		/* starts anew: TCP_TRANS */
	TCP_LIFETIME_EST,		/* starts anew: TCP_EST */
};

struct tcp_step {
	unsigned char state;		/* enum tcp_state */
	unsigned char lifetime;		/* enum tcp_lifetime */
};

#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10

/** tcp_event_of() - the event of a segment. @flags: its flags octet; @from_v6: side. */
static inline enum tcp_event tcp_event_of(unsigned int flags, int from_v6)
{
	enum tcp_event base = from_v6 ? TCP_EVENT_V6_SYN : TCP_EVENT_V4_SYN;

	/* A reset ends things whatever else it claims to be. */
	if (flags & TCP_FLAG_RST)
		return base + 2;
	if (flags & TCP_FLAG_SYN)
		return base;
	if (flags & TCP_FLAG_FIN)
		return base + 1;
	return base + 3;
}

/** tcp_event_is_rst() - from either side? */
static inline int tcp_event_is_rst(enum tcp_event event)
{
	return event == TCP_EVENT_V4_RST || event == TCP_EVENT_V6_RST;
}

/** tcp_state_half_open() - does the session wait for the other side's SYN? */
static inline int tcp_state_half_open(enum tcp_state state)
{
	return state == TCP_STATE_V4_INIT || state == TCP_STATE_V6_INIT;
}

/**
 * tcp_state_step() - RFC 6146 3.5.2.2, but that a reset of a half-closed connection leaves
 * it TCP_TRANS to live, as RFC 7857 2.2 wants of every reset: it may be forged, so that it
 * ends nothing, and it is no reason to wait for more.
 * @state:	of the session; TCP_STATE_CLOSED where there is none.
 * Return: the new state, TCP_STATE_CLOSED again when the segment makes no session
 * (it may still pass, if a BIB entry exists), and what becomes of the lifetime. Inlined even
 * where the compiler would rather not: BPF has no way to return a structure.
 */
static inline __attribute__((always_inline)) struct tcp_step
tcp_state_step(enum tcp_state state, enum tcp_event event)
{
	struct tcp_step step = { (unsigned char)state, TCP_LIFETIME_KEEP };

	switch (state) {
	case TCP_STATE_CLOSED:
		if (event == TCP_EVENT_V6_SYN)
			step = (struct tcp_step){ TCP_STATE_V6_INIT, TCP_LIFETIME_TRANS };
		else if (event == TCP_EVENT_V4_SYN)
			step = (struct tcp_step){ TCP_STATE_V4_INIT, TCP_LIFETIME_TRANS };
		break;
	case TCP_STATE_V4_INIT:
		if (event == TCP_EVENT_V6_SYN)
			step = (struct tcp_step){ TCP_STATE_ESTABLISHED, TCP_LIFETIME_EST };
		break;
	case TCP_STATE_V6_INIT:
		if (event == TCP_EVENT_V4_SYN)
			step = (struct tcp_step){ TCP_STATE_ESTABLISHED, TCP_LIFETIME_EST };
		else if (event == TCP_EVENT_V6_SYN)
			step.lifetime = TCP_LIFETIME_TRANS;
		break;
	case TCP_STATE_ESTABLISHED:
		if (event == TCP_EVENT_V4_FIN)
			step.state = TCP_STATE_V4_FIN;
		else if (event == TCP_EVENT_V6_FIN)
			step.state = TCP_STATE_V6_FIN;
		else if (tcp_event_is_rst(event))
			step = (struct tcp_step){ TCP_STATE_TRANS, TCP_LIFETIME_TRANS };
		else
			step.lifetime = TCP_LIFETIME_EST;
		break;
	case TCP_STATE_V4_FIN:
		if (event == TCP_EVENT_V6_FIN)
			step = (struct tcp_step){ TCP_STATE_V4_FIN_V6_FIN, TCP_LIFETIME_TRANS };
		else if (tcp_event_is_rst(event))	/* RFC 7857 2.2, for RFC 6146's TCP_EST */
			step.lifetime = TCP_LIFETIME_TRANS;
		else
			step.lifetime = TCP_LIFETIME_EST;
		break;
	case TCP_STATE_V6_FIN:
		if (event == TCP_EVENT_V4_FIN)
			step = (struct tcp_step){ TCP_STATE_V4_FIN_V6_FIN, TCP_LIFETIME_TRANS };
		else if (tcp_event_is_rst(event))
			step.lifetime = TCP_LIFETIME_TRANS;
		else
			step.lifetime = TCP_LIFETIME_EST;
		break;
	case TCP_STATE_TRANS:
		if (!tcp_event_is_rst(event))
			step = (struct tcp_step){ TCP_STATE_ESTABLISHED, TCP_LIFETIME_EST };
		break;
	case TCP_STATE_V4_FIN_V6_FIN:	/* passes until TCP_TRANS is over */
	case TCP_STATE_COUNT:
		break;
	}
	return step;
}

/**
 * tcp_state_timeout() - the lifetime is over (3.5.2.2).
 * Return: TCP_STATE_TRANS for an established session, which lives TCP_TRANS longer
 * so that either side may show it is there; TCP_STATE_CLOSED: remove the session.
 */
static inline enum tcp_state tcp_state_timeout(enum tcp_state state)
{
	return state == TCP_STATE_ESTABLISHED ? TCP_STATE_TRANS : TCP_STATE_CLOSED;
}

#endif
