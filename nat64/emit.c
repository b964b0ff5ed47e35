/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/addr.h"
#include "../core/stats.h"
#include "bulk.h"
#include "coalesce.h"
#include "nat64.h"

enum { SLOTS = 128 };			/* packets per family and system call */

struct lane {
	int fd;
	unsigned int n;
	struct emit_slot slots[SLOTS];
	struct mmsghdr messages[SLOTS];
	struct iovec iov[SLOTS][2];
	struct sockaddr_storage to[SLOTS];
};

struct emit {
	struct lane lanes[2];		/* by enum l3_proto */
	struct bulk *bulk;		/* NULL: the raw sockets alone */
	int fd_icmp6;
};

static int open_raw(int family, int protocol)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	int size = EMIT_SEND_BUFFER;
	unsigned int mark = NAT64_MARK;
	int err;

	if (fd < 0)
		return -errno;
	/* IPPROTO_RAW sockets take whole packets and receive nothing. Forcing the buffer
	 * is refused in a user namespace, where the system's limit holds. */
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ||
	    (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0 &&
	     setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int open_icmp6(void)
{
	int fd = open_raw(AF_INET6, IPPROTO_ICMPV6);
	struct icmp6_filter none;

	if (fd < 0)
		return fd;
	ICMP6_FILTER_SETBLOCKALL(&none);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &none, sizeof(none)) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static void prepare(struct lane *lane)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		lane->messages[i].msg_hdr.msg_name = &lane->to[i];
		lane->messages[i].msg_hdr.msg_iov = lane->iov[i];
		lane->iov[i][0].iov_base = lane->slots[i].head;
	}
}

int emit_new(struct emit **out)
{
	struct emit *emit = calloc(1, sizeof(*emit));
	int err;

	if (!emit)
		return -ENOMEM;
	emit->lanes[L3_IPV4].fd = open_raw(AF_INET, IPPROTO_RAW);
	emit->lanes[L3_IPV6].fd = open_raw(AF_INET6, IPPROTO_RAW);
	emit->fd_icmp6 = open_icmp6();
	err = emit->lanes[L3_IPV4].fd < 0 ? emit->lanes[L3_IPV4].fd
	    : emit->lanes[L3_IPV6].fd < 0 ? emit->lanes[L3_IPV6].fd
	    : emit->fd_icmp6 < 0 ? emit->fd_icmp6 : 0;
	if (err < 0) {
		emit_free(emit);
		return err;
	}
	prepare(&emit->lanes[L3_IPV4]);
	prepare(&emit->lanes[L3_IPV6]);
	emit->bulk = bulk_new();
	*out = emit;
	return 0;
}

void emit_free(struct emit *emit)
{
	if (!emit)
		return;
	for (int l3 = 0; l3 < 2; l3++)
		if (emit->lanes[l3].fd >= 0)
			close(emit->lanes[l3].fd);
	if (emit->fd_icmp6 >= 0)
		close(emit->fd_icmp6);
	bulk_free(emit->bulk);
	free(emit);
}

static void fill_message(struct lane *lane, unsigned int i)
{
	struct emit_slot *slot = &lane->slots[i];
	struct endpoint to = { .addr = slot->dst };
	struct msghdr *header = &lane->messages[i].msg_hdr;

	header->msg_namelen = endpoint_to_sockaddr(&to, &lane->to[i]);
	lane->iov[i][0].iov_len = slot->head_len;
	lane->iov[i][1].iov_base = (void *)(uintptr_t)slot->body;
	lane->iov[i][1].iov_len = slot->body_len;
	header->msg_iovlen = slot->body_len ? 2 : 1;
}

/* Slots from @at up to @end, one by one. The kernel stops at the first message it cannot
 * send: that one is lost alone. */
static void send_each(struct lane *lane, unsigned int at, unsigned int end)
{
	for (unsigned int i = at; i < end; i++)
		fill_message(lane, i);
	while (at < end) {
		int sent = sendmmsg(lane->fd, lane->messages + at, end - at, 0);

		if (sent > 0) {
			at += (unsigned int)sent;
		} else if (errno != EINTR) {
			stats_inc(STAT_NAT64_DROP_EMIT);
			at++;
		}
	}
}

/* In their order, the more so within a flow: what waits leaves before a run does. */
static void flush_lane(struct emit *emit, enum l3_proto l3)
{
	struct lane *lane = &emit->lanes[l3];
	unsigned int waiting = 0, at = 0, n;
	struct coalesced all;

	for (; emit->bulk && at < lane->n; at += n) {
		n = (unsigned int)coalesce(l3, &lane->slots[at], lane->n - at,
					   bulk_takes_udp(emit->bulk), &all);
		if (n == 1)
			continue;
		send_each(lane, waiting, at);
		waiting = at;
		if (bulk_send(emit->bulk, &all))
			waiting += n;
	}
	send_each(lane, waiting, lane->n);
	lane->n = 0;
}

struct emit_slot *emit_slot(struct emit *emit, enum l3_proto l3)
{
	struct lane *lane = &emit->lanes[l3];

	if (lane->n == SLOTS)
		flush_lane(emit, l3);
	return &lane->slots[lane->n++];
}

struct emit_slot *emit_take_back(struct emit *emit, enum l3_proto l3)
{
	struct lane *lane = &emit->lanes[l3];

	return &lane->slots[--lane->n];
}

void emit_flush(struct emit *emit)
{
	flush_lane(emit, L3_IPV4);
	flush_lane(emit, L3_IPV6);
}

bool emit_joins(const struct emit *emit)
{
	return emit->bulk;
}

void emit_network_changed(struct emit *emit)
{
	if (emit->bulk)
		bulk_flush_ways(emit->bulk);
}

void emit_icmp6(struct emit *emit, const struct in6_addr *dst, const void *message, size_t len)
{
	struct endpoint ep = { .addr = *dst };
	struct sockaddr_storage to;
	socklen_t to_len = endpoint_to_sockaddr(&ep, &to);

	if (sendto(emit->fd_icmp6, message, len, 0, (struct sockaddr *)&to, to_len) < 0)
		stats_inc(STAT_NAT64_DROP_EMIT);
}
