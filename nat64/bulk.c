/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whom this path passes by: the hooks OUTPUT and POSTROUTING of netfilter, which raw
 * sockets go through. It takes nothing but segments in the middle of a TCP stream, and
 * datagrams of a UDP flow, with at least two of them at hand; TCP's handshake, its end,
 * and all else leave by the raw sockets, so that a rule which forbids a connection still
 * does. Traffic control (tc), the device's queue and captures see these packets.
 */
#include "bulk.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/loop.h"
#include "../core/stats.h"
#include "coalesce.h"
#include "emit.h"
#include "nat64.h"
#include "way.h"

_Static_assert((int)WAY_LINK_MAX <= (int)COALESCE_LINK_MAX, "a link header fits");

struct bulk {
	int fd;
	bool udp;			/* not yet refused */
	struct way_cache *ways;
};

/* It is of no protocol: it receives nothing. */
static int open_packet(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int size = EMIT_SEND_BUFFER, on = 1, err;
	unsigned int mark = NAT64_MARK;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ||
	    (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0 &&
	     setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0)) {
		err = errno;
		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

struct bulk *bulk_new(void)
{
	struct bulk *bulk = calloc(1, sizeof(*bulk));
	int err;

	if (!bulk)
		return NULL;
	bulk->udp = true;
	bulk->fd = open_packet();
	if (bulk->fd >= 0)
		bulk->ways = way_cache_new();
	if (!bulk->ways) {
		err = errno;
		bulk_free(bulk);
		errno = err;
		return NULL;
	}
	return bulk;
}

void bulk_free(struct bulk *bulk)
{
	if (!bulk)
		return;
	if (bulk->fd >= 0)
		close(bulk->fd);
	way_cache_free(bulk->ways);
	free(bulk);
}

bool bulk_takes_udp(const struct bulk *bulk)
{
	return bulk->udp;
}

bool bulk_send(struct bulk *bulk, const struct coalesced *all)
{
	const struct way *way = way_to(bulk->ways, &all->slots->dst, loop_now_ms());
	uint8_t head[COALESCE_HEAD_MAX];
	struct iovec iov[1 + COALESCE_MAX];
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(all->l3 == L3_IPV4 ? ETH_P_IP : ETH_P_IPV6),
	};
	struct msghdr message = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = iov, .msg_iovlen = 1 + all->n,
	};

	if (!way)
		return false;
	to.sll_ifindex = way->ifindex;
	iov[0] = (struct iovec){ head, coalesce_head(all, way->link, way->link_len, head) };
	for (size_t i = 0; i < all->n; i++) {
		const struct emit_slot *slot = &all->slots[i];

		iov[1 + i].iov_base = (void *)(uintptr_t)(slot->body + all->l4_hlen);
		iov[1 + i].iov_len = slot->body_len - all->l4_hlen;
	}
	if (sendmsg(bulk->fd, &message, 0) < 0) {
		/* Linux before 6.2 knows no such packets. */
		if (errno == EINVAL && all->l4 == IPPROTO_UDP)
			bulk->udp = false;
		return false;
	}
	stats_inc(STAT_NAT64_UNSEGMENTED);
	stats_add(STAT_NAT64_SEGMENTS, all->n);
	return true;
}

void bulk_flush_ways(struct bulk *bulk)
{
	way_cache_flush(bulk->ways);
}
