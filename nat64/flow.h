/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The BIB and session tables of RFC 6146 3.1 behind one interface.
 *
 * A packet is one call: flow_outbound() or flow_inbound() finds or makes what the
 * RFC wants, steps the state machine, renews the lifetime, and gives a copy of the
 * mapping. Every call is safe from every worker.
 *
 *	inside  [addr6]:port  <-- BIB -->  outside addr4:port
 *	session = BIB entry + remote addr4:port (+ the IPv6 form the server used)
 *
 * Mapping is endpoint-independent (RFC 4787 REQ-1). Filtering is that too (REQ-8), or
 * address-dependent where nat64.filtering says so: then a binding is reached only from the
 * addresses that it has a session with. nat64.static is the operator's own word, and open to
 * all either way. The host's own bindings let in nobody but who was called, see nat64.c. ICMP
 * queries come in only from an address they went out to: identifiers of our own IPv4 address
 * are the host's too, and it must hear its answers.
 *
 * Packets renew a lifetime from both sides: outbound they must (RFC 4787 REQ-6), inbound
 * they may, and RFC 6146 3.5 has no other way. It is of use to who only listens, and gives
 * strangers nothing but a session's own life: a session has one remote host.
 */
#ifndef NAT64_FLOW_H
#define NAT64_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "packet.h"
#include "tcp_state.h"

struct bib_table;
struct config;
struct fast;
struct flow_table;
struct journal;
struct leaders;
struct pool4;

/* A copy of one session, as of the call */
struct flow {
	enum l4_proto l4;
	struct in6_addr inside;
	struct in6_addr remote6;	/* remote_be32 as the server sees it */
	uint32_t outside_be32, remote_be32;
	uint16_t inside_port, outside_port, remote_port;	/* host byte order */
	enum tcp_state state;		/* TCP only */
	int64_t expires_ms;		/* CLOCK_MONOTONIC */
	bool created;			/* this call made the session */
	bool fast;			/* it goes fast */
	bool settled;			/* it goes on, and could go fast: flow_speed_up() */
	bool met;			/* ... for which a SYN from outside was waiting */
	bool invited;			/* the inside has sent to the remote, or its binding is
					 * static: open to all by the operator's word */
};

enum flow_result {
	FLOW_OK,
	FLOW_NONE,		/* no session, and none may be made from this packet */
	FLOW_NO_PORT,		/* pool4 is exhausted */
	FLOW_FULL,		/* nat64.limits.sessions reached, or memory is out */
	FLOW_HALF_OPEN,		/* limits.half_open */
	FLOW_CLIENT_FULL,	/* limits.sessions_per_client */
	FLOW_CLIENT_HALF_OPEN,	/* limits.half_open_per_client */
	FLOW_CLIENT_RATE,	/* limits.new_per_client */
	FLOW_OTHER_PREF64,	/* the session has another address of the remote host */
	FLOW_FILTERED,		/* a binding that does not know the sender's address */
	FLOW_WAITING,		/* a SYN that flow_store_syn() has already */
};

enum { FLOW_SYN_MAX = 120 };	/* the longest IPv4 and TCP headers */

/* A SYN from outside as it came: its headers, or as much of it as there is */
struct flow_syn {
	uint8_t len;
	uint8_t data[FLOW_SYN_MAX];
};

/**
 * flow_table_new() - an empty table.
 * @pool:	where bindings come from; borrowed for the table's life.
 * @config:	borrowed for the call; see flow_table_configure().
 */
struct flow_table *flow_table_new(struct pool4 *pool, const struct config *config);

/** flow_table_configure() - take over timeouts and limits; while no worker runs. */
void flow_table_configure(struct flow_table *table, const struct config *config);

/** flow_table_log() - tell @journal (borrowed) of bindings and sessions from now on. */
void flow_table_log(struct flow_table *table, struct journal *journal);

/**
 * flow_table_free() - every session and binding too; NULL is allowed.
 * @keep_fast:	what goes fast goes on without us.
 */
void flow_table_free(struct flow_table *table, bool keep_fast);

/* What a packet says of its flow: the addresses and ports as its own side has them */
struct flow_packet {
	enum l4_proto l4;
	struct in6_addr inside;		/* outbound: source */
	struct in6_addr remote6;	/* outbound: destination; inbound: the remote embedded */
	uint32_t outside_be32;		/* inbound: destination */
	uint32_t remote_be32;
	uint16_t near_port;		/* outbound: source port; inbound: destination port */
	uint16_t remote_port;		/* 0 for ICMP */
	enum tcp_event event;		/* TCP only */
};

/**
 * flow_outbound() - a packet from inside (RFC 6146 3.5.1, 3.5.2, 3.5.3).
 * Makes the binding and the session where there are none; TCP only from a SYN, but
 * other segments pass on an existing binding.
 *
 * A session has one IPv6 form of its remote host: that which the inside sent to first, or
 * until then the one of the packet from outside that made it. By another pref64, or with
 * another suffix (RFC 6052 2.2), the same host and port would be a second session in IPv6
 * (RFC 6146 3.1), but with the IPv4 addresses and ports of the first, so that replies
 * could not be told apart: it is FLOW_OTHER_PREF64, and the first one goes on as it is.
 */
enum flow_result flow_outbound(struct flow_table *table, const struct flow_packet *packet,
			       int64_t now_ms, struct flow *out);

/**
 * flow_inbound() - a packet from the IPv4 side.
 * Makes a session where there is a binding that lets it in. FLOW_NONE: it belongs to
 * nobody here.
 */
enum flow_result flow_inbound(struct flow_table *table, const struct flow_packet *packet,
			      int64_t now_ms, struct flow *out);

/**
 * flow_store_syn() - keep an unsolicited SYN from outside, for which flow_inbound() said
 * FLOW_NONE or FLOW_FILTERED, unanswered for nat64.timeouts.tcp_syn (RFC 6146 3.5.2.2).
 * If a SYN from inside makes its session meanwhile, that is ESTABLISHED and flow.met; if
 * not, flow_expire() hands it out.
 * @data, @len:	from the IPv4 header on; copied.
 * Return: FLOW_OK; FLOW_WAITING where it, or its session, is there by now; FLOW_FULL.
 */
enum flow_result flow_store_syn(struct flow_table *table, const struct flow_packet *packet,
				const uint8_t *data, size_t len, int64_t now_ms);

/** flow_may_store_syn() - is there room for one more, as of now? */
bool flow_may_store_syn(const struct flow_table *table);

/**
 * flow_find_inside(), flow_find_outside() - the session of a packet that an ICMP
 * error quotes, by its inside or outside tuple. Nothing is made, stepped or renewed
 * (RFC 5508 REQ-4, RFC 6146 3.5): errors neither keep flows alive nor end them.
 * @packet:	as if the quoted packet's flow were seen from that side.
 */
enum flow_result flow_find_inside(struct flow_table *table, const struct flow_packet *packet,
				  struct flow *out);
enum flow_result flow_find_outside(struct flow_table *table, const struct flow_packet *packet,
				   struct flow *out);

/**
 * flow_owns_outside() - would flow_inbound() take a packet to this outside address and
 * port? For a TCP segment that opens nothing it may still say no.
 */
bool flow_owns_outside(struct flow_table *table, const struct flow_packet *packet);

/**
 * flow_table_speed_up() - sessions may have slots in @fast (borrowed, NULL none) from now
 * on; before there are any.
 */
void flow_table_speed_up(struct flow_table *table, struct fast *fast);

/**
 * flow_speed_up() - let a session go fast, if it may, and there is room.
 * @packet:	one of it, as flow_outbound() or flow_inbound() were asked.
 */
void flow_speed_up(struct flow_table *table, const struct flow_packet *packet, bool outbound,
		   int64_t now_ms);

/** flow_slow_down() - those that @keep() refuses go fast no more; while no worker runs. */
void flow_slow_down(struct flow_table *table,
		    bool (*keep)(const void *arg, const struct flow *flow), const void *arg,
		    int64_t now_ms);

/**
 * flow_adopt() - take over the sessions that an earlier run has left in the fast path,
 * but for those that @keep() refuses; while no worker runs. Return: how many.
 */
uint64_t flow_adopt(struct flow_table *table,
		    bool (*keep)(const void *arg, const struct flow *flow), const void *arg,
		    int64_t now_ms);

/* Who is told of what is over; no lock is held, and calls into the table are allowed. */
struct flow_watcher {
	/* An established connection was idle for its lifetime: show that it lives, or it
	 * ends after TCP_TRANS (RFC 6146 3.5.2.2). */
	void (*idle)(void *arg, const struct flow *flow);
	/* A SYN that flow_store_syn() kept has waited in vain. */
	void (*unwanted)(void *arg, const struct flow_syn *syn);
	void *arg;
};

/**
 * flow_expire() - end what is over, in every @stride-th shard from @first on, so
 * that workers share the work.
 * Return: sessions ended.
 */
unsigned int flow_expire(struct flow_table *table, unsigned int first, unsigned int stride,
			 int64_t now_ms, const struct flow_watcher *watcher);

/**
 * flow_drop() - end all sessions that @keep() refuses; while no worker runs.
 * Return: sessions ended.
 */
unsigned int flow_drop(struct flow_table *table,
		       bool (*keep)(const void *arg, const struct flow *flow), const void *arg);

/**
 * flow_page() - a part of the list of all sessions, for who wants to see them; no
 * packet waits longer for it than for a few others.
 * @cursor:	0 to begin; then what the call before has returned.
 * @max:	at least 1: sessions and empty buckets looked at, and at most one
 *		bucket's chain more.
 * @fn:		called with a copy of each; a shard is held, so it calls nothing here.
 * Return: where to go on, 0 when that was all.
 *
 * Sessions stand in the order of their shard and hash, which growing does not change:
 * who follows the cursor to the end sees each session that lives all the while once,
 * those that come or go meanwhile once or not at all, and none twice.
 */
uint64_t flow_page(struct flow_table *table, uint64_t cursor, unsigned int max,
		   void (*fn)(void *arg, const struct flow *flow), void *arg);

/** flow_bibs() - the bindings under the sessions (bib.h); borrowed. */
struct bib_table *flow_bibs(const struct flow_table *table);

/** flow_session_count(), flow_binding_count() - in use now. */
uint64_t flow_session_count(const struct flow_table *table);
void flow_sessions_by(const struct flow_table *table, uint64_t n[L4_COUNT]);
uint64_t flow_binding_count(const struct flow_table *table);

/** flow_client_count() - clients that have a session now; flow_syn_count() - SYNs that wait. */
uint64_t flow_client_count(const struct flow_table *table);
uint64_t flow_syn_count(const struct flow_table *table);

/** flow_top_clients() - see nat64_top_clients(). */
void flow_top_clients(struct flow_table *table, struct leaders *leaders);

/** flow_longest_chain() - the most sessions that one look-up may have to look at; for tests. */
unsigned int flow_longest_chain(struct flow_table *table);

/** flow_memory_bytes() - that the table holds now, for sessions, bindings and all else. */
uint64_t flow_memory_bytes(const struct flow_table *table);

#endif
