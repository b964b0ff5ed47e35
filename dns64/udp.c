/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UDP. Up to BATCH queries are read by one system call; the replies that are
 * known at once are gathered and leave by another. A reply that comes later
 * leaves alone.
 */
#include "udp.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/addrmap.h"
#include "../core/loop.h"
#include "../core/stats.h"
#include "listen.h"
#include "message.h"
#include "refused.h"
#include "tally.h"
#include "worker.h"

enum {
	BATCH = 32,
	ROUNDS = 4,		/* batches before other events of the loop get their turn */
	QUERY_MAX = 2048,	/* one question, an OPT record, generous padding */
};

/* Room for either family's packet information, aligned as control data must be */
union control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct slot {
	struct sockaddr_in6 peer;
	struct iovec iov;
	union control control;
};

struct udp_batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct slot in_slot[BATCH], out_slot[BATCH];
	uint8_t query[BATCH][QUERY_MAX];
	uint8_t reply[BATCH][MESSAGE_UDP_MAX];
	const struct udp_port *gathering;	/* replies by this port are gathered */
	unsigned int n_out;
	unsigned int n_spent;		/* of in, from the first: to be made ready again */
};

struct udp_port {
	struct worker *worker;
	struct event *readable;
	int fd;
	bool wildcard;
	unsigned int refs;
};

static void make_ready(struct udp_batch *batch, unsigned int i)
{
	struct slot *slot = &batch->in_slot[i];

	slot->iov = (struct iovec){ .iov_base = batch->query[i], .iov_len = QUERY_MAX };
	batch->in[i].msg_hdr = (struct msghdr){
		.msg_name = &slot->peer,
		.msg_namelen = sizeof(slot->peer),
		.msg_iov = &slot->iov,
		.msg_iovlen = 1,
		.msg_control = &slot->control,
		.msg_controllen = sizeof(slot->control),
	};
}

struct udp_batch *udp_batch_new(void)
{
	struct udp_batch *batch = calloc(1, sizeof(*batch));

	if (batch)
		batch->n_spent = BATCH;
	return batch;
}

void udp_batch_free(struct udp_batch *batch)
{
	free(batch);
}

/* ---- out ------------------------------------------------------------------- */

static void put_control(struct msghdr *msg, union control *control, const struct asker *asker)
{
	struct cmsghdr *cmsg;

	memset(control, 0, sizeof(*control));
	msg->msg_control = control;
	msg->msg_controllen = sizeof(*control);
	cmsg = CMSG_FIRSTHDR(msg);
	if (addr_is_v4(&asker->local)) {
		struct in_pktinfo info = { .ipi_spec_dst.s_addr = addr_v4_be32(&asker->local) };

		cmsg->cmsg_level = IPPROTO_IP;
		cmsg->cmsg_type = IP_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = { .ipi6_addr = asker->local,
					    .ipi6_ifindex = asker->ifindex };

		cmsg->cmsg_level = IPPROTO_IPV6;
		cmsg->cmsg_type = IPV6_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
	}
}

static void put_message(struct msghdr *msg, struct slot *slot, const struct asker *asker,
			const void *wire, size_t len)
{
	slot->peer = asker->peer;
	slot->iov = (struct iovec){ .iov_base = (void *)(uintptr_t)wire, .iov_len = len };
	*msg = (struct msghdr){
		.msg_name = &slot->peer,
		.msg_namelen = asker->peer_len,
		.msg_iov = &slot->iov,
		.msg_iovlen = 1,
	};
	if (asker->udp->wildcard)
		put_control(msg, &slot->control, asker);
}

/* What one destination refuses must not hold up the others. */
static void flush(struct udp_batch *batch, int fd)
{
	unsigned int sent = 0;

	while (sent < batch->n_out) {
		int n = sendmmsg(fd, batch->out + sent, batch->n_out - sent, 0);

		if (n > 0) {
			sent += (unsigned int)n;
		} else if (errno != EINTR) {
			stats_inc(STAT_DNS_DROP_SEND);
			sent++;
		}
	}
	batch->n_out = 0;
}

void udp_reply(const struct asker *asker, const uint8_t *wire, size_t len)
{
	struct udp_batch *batch = asker->udp->worker->udp;
	struct slot slot;
	struct msghdr msg;

	if (batch->gathering == asker->udp && batch->n_out < BATCH && len <= MESSAGE_UDP_MAX) {
		unsigned int i = batch->n_out++;

		memcpy(batch->reply[i], wire, len);
		put_message(&batch->out[i].msg_hdr, &batch->out_slot[i], asker,
			    batch->reply[i], len);
		return;
	}
	put_message(&msg, &slot, asker, wire, len);
	if (sendmsg(asker->udp->fd, &msg, 0) < 0)
		stats_inc(STAT_DNS_DROP_SEND);
}

/* ---- in ---------------------------------------------------------------------- */

/* The kernel has written into the headers of what it gave us; only those are made anew. */
static int receive(struct udp_batch *batch, int fd)
{
	int n;

	for (; batch->n_spent > 0; batch->n_spent--)
		make_ready(batch, batch->n_spent - 1);
	n = recvmmsg(fd, batch->in, BATCH, MSG_DONTWAIT, NULL);
	batch->n_spent = n > 0 ? (unsigned int)n : 0;
	if (batch->n_spent < BATCH)
		batch->n_spent++;	/* the one at which it stopped, perhaps by an error */
	return n;
}

/* The address asked and its link. Return: false when it is not one to answer from. */
static bool read_local(struct msghdr *msg, struct asker *asker)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	if (!cmsg)
		return false;
	if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;

		memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
		asker->local = addr_from_v4(info.ipi_spec_dst.s_addr);
		return true;
	}
	if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;

		memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
		asker->local = info.ipi6_addr;
		if (IN6_IS_ADDR_LINKLOCAL(&asker->local))
			asker->ifindex = info.ipi6_ifindex;
		return !IN6_IS_ADDR_MULTICAST(&asker->local);
	}
	return false;
}

static void take(struct udp_port *port, struct mmsghdr *received, const uint8_t *query,
		 struct tally *tally)
{
	struct asker asker = { .udp = port, .peer_len = received->msg_hdr.msg_namelen };
	struct endpoint peer = { 0 };

	stats_inc(STAT_DNS_QUERY_UDP);
	memcpy(&asker.peer, received->msg_hdr.msg_name, sizeof(asker.peer));
	if (!endpoint_from_sockaddr(received->msg_hdr.msg_name, &peer) ||
	    !addrmap_dns64_client(port->worker->room->map, &peer.addr)) {
		refused(STAT_DNS_DROP_NOT_CLIENT, &peer.addr, NULL);
		return;
	}
	if (peer.port == 0 || received->msg_hdr.msg_flags & MSG_TRUNC ||
	    (port->wildcard && !read_local(&received->msg_hdr, &asker))) {
		refused(STAT_DNS_DROP_MALFORMED, &peer.addr, NULL);
		return;
	}
	asker.client = peer.addr;
	asker.since_us = tally->since_us;
	if (dns64_query(port->worker, &asker, query, received->msg_len) == DNS64_SENT)
		tally->replies++;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct udp_port *port = arg;
	struct udp_batch *batch = port->worker->udp;
	struct tally tally;

	(void)what;
	for (int round = 0; round < ROUNDS; round++) {
		int n = receive(batch, fd);

		/* Not before there are none left: while some were answered more have come, and to
		 * ask for them costs less than the loop's turn. */
		if (n <= 0) {
			event_priority_set(port->readable, LOOP_URGENT);
			return;
		}
		tally_begin(&tally);
		batch->gathering = port;
		for (int i = 0; i < n; i++)
			take(port, &batch->in[i], batch->query[i], &tally);
		batch->gathering = NULL;
		flush(batch, fd);
		tally_end(&tally);
	}
	/* There are more than can be answered: urgent, they would leave no turn to anything else. */
	event_priority_set(port->readable, LOOP_USUAL);
}

/* ---- life --------------------------------------------------------------------- */

struct udp_port *udp_port_new(struct worker *worker, int fd, bool wildcard)
{
	struct udp_port *port = calloc(1, sizeof(*port));

	if (!port) {
		close(fd);
		return NULL;
	}
	port->worker = worker;
	port->fd = fd;
	port->wildcard = wildcard;
	port->refs = 1;
	port->readable = event_new(worker->base, fd, EV_READ | EV_PERSIST, on_readable, port);
	/* What the cache answers is not to wait for all that servers say to others. */
	if (!port->readable || event_priority_set(port->readable, LOOP_URGENT) < 0) {
		udp_port_unref(port);
		return NULL;
	}
	return port;
}

int udp_port_start(struct udp_port *port)
{
	return event_add(port->readable, NULL) < 0 ? -ENOMEM : 0;
}

void udp_port_close(struct udp_port *port)
{
	event_del(port->readable);
	udp_port_unref(port);
}

void udp_port_ref(struct udp_port *port)
{
	port->refs++;
}

void udp_port_unref(struct udp_port *port)
{
	if (--port->refs)
		return;
	if (port->readable)
		event_free(port->readable);
	close(port->fd);
	free(port);
}
