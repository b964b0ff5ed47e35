/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Binding the sockets, and the part of askers that is alike over UDP and TCP. */
#include "listen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/log.h"
#include "explain.h"
#include "tcp.h"
#include "udp.h"
#include "message.h"

enum {
	TCP_BACKLOG = 128,
	UDP_BUFFER = 1024 * 1024,	/* bytes, the kernel's bookkeeping aside: a thousand queries */
};

static int set_flag(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on));
}

/*
 * Replies are small enough for every path, or TCP carries them; a forged Packet
 * Too Big shall not make us fragment (RFC 9715 3.1).
 */
static int ignore_path_mtu(int fd, int family)
{
	int v4 = IP_PMTUDISC_OMIT, v6 = IPV6_PMTUDISC_OMIT;

	if (family == AF_INET)
		return setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof(v4));
	return setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof(v6));
}

/*
 * Room for a burst while a worker is at other things. Beyond the system's default only who
 * administers the network may go; without that, as far as it lets us.
 */
static void set_buffer(int fd)
{
	int size = UDP_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static bool is_wildcard(const struct endpoint *at)
{
	const struct in6_addr any4 = addr_from_v4(0);

	return IN6_IS_ADDR_UNSPECIFIED(&at->addr) || addr_equal(&at->addr, &any4);
}

static int set_options(int fd, int family, int type, bool shared, bool wildcard)
{
	if (family == AF_INET6 && set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY) < 0)
		return -1;
	if (shared && set_flag(fd, SOL_SOCKET, SO_REUSEPORT) < 0)
		return -1;
	if (type == SOCK_STREAM)	/* over what is left of earlier connections */
		return set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
	set_buffer(fd);
	if (ignore_path_mtu(fd, family) < 0)
		return -1;
	if (!wildcard)		/* what is bound to an address answers from it anyway */
		return 0;
	if (family == AF_INET)
		return set_flag(fd, IPPROTO_IP, IP_PKTINFO);
	return set_flag(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
}

/* A bound socket, or -errno, logged. @shared: with the other workers. */
static int open_socket(const struct endpoint *at, int type, bool shared)
{
	struct sockaddr_storage addr;
	socklen_t addr_len = endpoint_to_sockaddr(at, &addr);
	char text[ENDPOINT_STRLEN];
	int fd, err;

	fd = socket(addr.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && set_options(fd, addr.ss_family, type, shared, is_wildcard(at)) == 0 &&
	    bind(fd, (struct sockaddr *)&addr, addr_len) == 0 &&
	    (type == SOCK_DGRAM || listen(fd, TCP_BACKLOG) == 0))
		return fd;
	err = errno;
	log_error("dns64: cannot listen on %s (%s): %s", endpoint_format(at, text),
		  type == SOCK_DGRAM ? "UDP" : "TCP", strerror(err));
	if (fd >= 0)
		close(fd);
	return -err;
}

int listen_probe(const struct endpoint *at, bool tls)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

	for (size_t i = 0; i < (tls ? 1 : 2); i++) {
		int fd = open_socket(at, types[i], false);

		if (fd < 0)
			return fd;
		close(fd);
	}
	return 0;
}

static int open_udp(struct listener *listener, struct worker *worker)
{
	int fd = open_socket(&listener->at, SOCK_DGRAM, true);

	if (fd < 0)
		return fd;
	listener->udp = udp_port_new(worker, fd, is_wildcard(&listener->at));
	return listener->udp ? 0 : -ENOMEM;
}

static int open_tcp(struct listener *listener, struct worker *worker)
{
	int fd = open_socket(&listener->at, SOCK_STREAM, true);

	if (fd < 0)
		return fd;
	listener->tcp = tcp_port_new(worker, fd, listener->tls);
	return listener->tcp ? 0 : -ENOMEM;
}

int listen_new(struct listener **out, struct worker *worker, const struct endpoint *at, bool tls)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int err;

	if (!listener)
		return -ENOMEM;
	listener->at = *at;
	listener->tls = tls;
	err = open_tcp(listener, worker);
	if (!err && !tls)
		err = open_udp(listener, worker);
	if (err) {
		listen_free(listener);
		return err;
	}
	*out = listener;
	return 0;
}

int listen_start(struct listener *listener)
{
	int err = tcp_port_start(listener->tcp);

	return err || !listener->udp ? err : udp_port_start(listener->udp);
}

void listen_free(struct listener *listener)
{
	if (listener->udp)
		udp_port_close(listener->udp);
	if (listener->tcp)
		tcp_port_close(listener->tcp);
	free(listener);
}

bool asker_settle(const struct asker *asker, struct query *query)
{
	if (asker->tcp)
		return tcp_settle(asker->tcp, query);
	query->padded = false;
	query->keepalive = KEEPALIVE_NONE;
	return true;
}

size_t asker_limit(const struct asker *asker, uint16_t udp_size)
{
	return asker->udp ? udp_size : MESSAGE_MAX;
}

void asker_reply(struct asker *asker, const uint8_t *wire, size_t len)
{
	if (asker->udp)
		udp_reply(asker, wire, len);
	else if (asker->explain)
		explain_take_reply(asker->explain, wire, len);
	else
		tcp_reply(asker->tcp, wire, len);
}

void asker_hold(struct asker *to, const struct asker *from)
{
	*to = *from;
	if (to->udp)
		udp_port_ref(to->udp);
	else if (to->explain)
		explain_hold(to->explain);
	else
		tcp_client_wait(to->tcp, to);
}

void asker_release(struct asker *asker)
{
	if (asker->udp)
		udp_port_unref(asker->udp);
	else if (asker->explain)
		explain_release(asker->explain);
	else
		tcp_client_done(asker->tcp, asker);
}
