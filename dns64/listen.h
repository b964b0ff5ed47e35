/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where queries come in and replies go out. Each worker has a UDP and a TCP
 * socket of its own for every address (SO_REUSEPORT), and another for TLS where
 * that is on, made by the main thread, which may bind their ports.
 */
#ifndef DNS64_LISTEN_H
#define DNS64_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "../core/addr.h"

struct explain;
struct query;
struct tcp_client;
struct tcp_port;
struct udp_port;
struct worker;

/*
 * Who asked, and by which way the reply goes back. It lives on the stack while a
 * query is looked at; asker_hold() makes one that lasts.
 */
struct asker {
	struct udp_port *udp;		/* one of the three is set */
	struct tcp_client *tcp;
	struct explain *explain;	/* the control socket asks, and how it is answered too */
	LIST_ENTRY(asker) of_client;	/* where held, over TCP */
	struct in6_addr client;		/* its address; IPv4 as in core/addr.h */
	struct sockaddr_in6 peer;	/* over UDP; a sockaddr_in where peer_len says so */
	socklen_t peer_len;
	struct in6_addr local;		/* the address asked, over UDP where any can be */
	unsigned int ifindex;		/* of the link, where local is link-local */
	int64_t since_us;		/* when the query was read; see tally_now_us() */
};

/**
 * asker_settle() - leave of the query's EDNS options what is of use by this way: padding
 * only where the reply is encrypted (RFC 7830 6), keepalive only over TCP (RFC 7828 3.3.1).
 * Return: false where one of those left is malformed.
 */
bool asker_settle(const struct asker *asker, struct query *query);

/** asker_limit() - bytes that a reply may have; @udp_size: what the query said. */
size_t asker_limit(const struct asker *asker, uint16_t udp_size);

/** asker_reply() - send a reply; dropped and counted where that cannot be. */
void asker_reply(struct asker *asker, const uint8_t *wire, size_t len);

/** asker_hold() - @to (memory that stays) becomes @from; asker_release() ends it. */
void asker_hold(struct asker *to, const struct asker *from);
void asker_release(struct asker *asker);

/* One address in one worker */
struct listener {
	STAILQ_ENTRY(listener) link;
	struct endpoint at;
	bool tls;			/* then there is no UDP */
	struct udp_port *udp;
	struct tcp_port *tcp;
};

STAILQ_HEAD(listeners, listener);

/**
 * listen_probe() - is the address ours to bind? Found out without SO_REUSEPORT,
 * which would share the port with another process of ours unseen.
 * Return: 0 or -errno, logged with the address.
 */
int listen_probe(const struct endpoint *at, bool tls);

/**
 * listen_new() - bind the sockets for @worker; they are not read yet.
 * Return: 0 with *@out, or -errno, logged.
 */
int listen_new(struct listener **out, struct worker *worker, const struct endpoint *at, bool tls);

/** listen_start() - begin to read, in the worker's thread. Return: 0 or -errno. */
int listen_start(struct listener *listener);

/** listen_free() - close; what came in by it is still answered. In the worker's thread. */
void listen_free(struct listener *listener);

#endif
