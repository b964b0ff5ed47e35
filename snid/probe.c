/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does what is sent to the NAT46 prefix come to this host? A connection is made from one of
 * its addresses to another: without IPV6_FREEBIND neither could be had, without the route
 * "local <prefix> dev lo" the second would not answer, and a rule before that route, or a
 * filter on lo, would show likewise.
 */
#include "snid.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/addr.h"
#include "../core/rfc6052.h"

enum { PROBE_MS = 500 };	/* over lo it takes none */

/* RFC 7600 4.7: an address that no client has */
static const unsigned char dummy4[4] = { 192, 0, 0, 8 };

/* A socket with an address of the prefix. Return: it, or -errno. */
static int open_at(const struct sockaddr_in6 *at)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, err;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) == 0 &&
	    bind(fd, (const struct sockaddr *)at, sizeof(*at)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int call(int from, int to)
{
	struct pollfd come = { .fd = to, .events = POLLIN };
	struct sockaddr_in6 at;
	socklen_t len = sizeof(at);

	if (listen(to, 1) < 0 || getsockname(to, (struct sockaddr *)&at, &len) < 0)
		return -errno;
	if (connect(from, (const struct sockaddr *)&at, len) < 0 && errno != EINPROGRESS)
		return -errno;
	return poll(&come, 1, PROBE_MS) == 1 ? 0 : -ETIMEDOUT;
}

int snid_probe(const struct prefix *nat46)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
	int from, to, err;

	rfc6052_embed(at.sin6_addr.s6_addr, nat46->addr.s6_addr, nat46->len, dummy4);
	to = open_at(&at);
	if (to < 0)
		return to;
	from = open_at(&at);
	err = from < 0 ? from : call(from, to);
	if (from >= 0)
		close(from);
	close(to);
	return err;
}
