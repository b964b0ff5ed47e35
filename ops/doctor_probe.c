/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/addr.h"
#include "../core/csum.h"
#include "../core/cursor.h"
#include "../core/loop.h"
#include "../nat64/nat64.h"

enum {
	ALIVE_MS = 1000, SIZES_MS = 1000, FROM_MS = 1000,
	AGAIN_MS = 300,			/* who has not answered by then is asked again */
	PACKET_MAX = 65535,
	IPV4_HEADER = 20, IPV6_HEADER = 40, ECHO_HEADER = 8,
	SMALL = 96,			/* bytes of a packet that fits every path */
	HOP_LIMIT = 64,
};

/* Of what is common: tunnels, PPPoE, Ethernet, jumbo frames */
static const uint16_t usual[] = {
	SMALL, 576,  1200, 1280, 1320, 1360, 1380, 1400, 1412, 1420, 1432,
	1440,  1452, 1460, 1472, 1480, 1492, 1500, 2000, 4000, 8000, 9000
};

enum { SIZES_MAX = sizeof(usual) / sizeof(usual[0]) + 1 };

/* A socket for echo requests of one family, and what tells its answers from others' */
struct echo {
	int fd;
	bool v4;
	uint16_t id;			/* network order: of no matter */
};

/* ---- sockets ----------------------------------------------------------------------- */

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static int set_options(const struct echo *echo)
{
	struct icmp6_filter filter6;
	uint32_t filter4 = ~(1u << ICMP_ECHOREPLY);

	if (echo->v4)
		return set(echo->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE) |
		       set(echo->fd, IPPROTO_IP, IP_RECVERR, 1) |
		       setsockopt(echo->fd, SOL_RAW, ICMP_FILTER, &filter4, sizeof(filter4));
	ICMP6_FILTER_SETBLOCKALL(&filter6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter6);
	return set(echo->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE) |
	       set(echo->fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1) |
	       set(echo->fd, IPPROTO_IPV6, IPV6_RECVERR, 1) |
	       setsockopt(echo->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter6, sizeof(filter6));
}

static int echo_open(struct echo *echo, bool v4)
{
	int err;

	*echo = (struct echo){ .v4 = v4 };
	if (getrandom(&echo->id, sizeof(echo->id), 0) < 0)
		return -errno;
	echo->fd = socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			  v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (echo->fd < 0)
		return -errno;
	if (set_options(echo) == 0)
		return 0;
	err = -errno;
	close(echo->fd);
	return err;
}

/* ---- packets ----------------------------------------------------------------------- */

/* Both families' head is alike: type, code, checksum, identifier, sequence. */
static void fill_echo(uint8_t *at, size_t len, bool v4, uint16_t id, uint16_t sequence)
{
	uint16_t sum;

	memset(at, 0, len);
	at[0] = v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	memcpy(at + 4, &id, sizeof(id));
	at[6] = (uint8_t)(sequence >> 8);
	at[7] = (uint8_t)sequence;
	if (!v4)
		return;			/* the kernel fills it in */
	sum = csum_finish(csum_bytes(0, at, len));
	memcpy(at + 2, &sum, sizeof(sum));
}

static int echo_send(const struct echo *echo, const struct in6_addr *host, size_t size,
		     uint16_t sequence)
{
	static uint8_t packet[PACKET_MAX];
	const struct endpoint to = { .addr = *host };
	size_t len = size - (echo->v4 ? IPV4_HEADER : IPV6_HEADER);
	struct sockaddr_storage ss;
	socklen_t ss_len = endpoint_to_sockaddr(&to, &ss);

	fill_echo(packet, len, echo->v4, echo->id, sequence);
	return sendto(echo->fd, packet, len, 0, (struct sockaddr *)&ss, ss_len) < 0 ? -errno : 0;
}

/* Of what lies before @cursor: is it an answer of ours? */
static bool read_reply(struct cursor *cursor, bool v4, uint16_t id, uint16_t *sequence)
{
	uint8_t type = cursor_u8(cursor);
	uint16_t got;

	cursor_skip(cursor, 3);
	cursor_bytes(cursor, &got, sizeof(got));
	*sequence = cursor_u16(cursor);
	return !cursor->failed && got == id && type == (v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY);
}

/* Return: false: there is nothing more to read. */
static bool echo_receive(const struct echo *echo, uint16_t *sequence, bool *ours)
{
	static uint8_t packet[PACKET_MAX];
	ssize_t len = recv(echo->fd, packet, sizeof(packet), MSG_DONTWAIT);
	struct cursor cursor;

	if (len < 0)
		return false;
	cursor = cursor_init(packet, (size_t)len);
	/* IPv4's sockets give the IP header too. */
	if (echo->v4)
		cursor_skip(&cursor, (size_t)(packet[0] & 0xf) * 4);
	*ours = read_reply(&cursor, echo->v4, echo->id, sequence);
	return true;
}

static void read_error(const struct cmsghdr *cmsg, struct probe_sizes *out)
{
	struct sock_extended_err error;
	struct endpoint teller;
	struct sockaddr_storage from = { 0 };
	size_t len = cmsg->cmsg_len - CMSG_LEN(0), rest;

	if (len < sizeof(error))
		return;
	memcpy(&error, CMSG_DATA(cmsg), sizeof(error));
	if (error.ee_errno != EMSGSIZE || error.ee_origin == SO_EE_ORIGIN_LOCAL)
		return;
	rest = len - sizeof(error);
	memcpy(&from, CMSG_DATA(cmsg) + sizeof(error), rest < sizeof(from) ? rest : sizeof(from));
	if (out->told && out->told <= error.ee_info)
		return;
	out->told = error.ee_info;
	if (endpoint_from_sockaddr((struct sockaddr *)&from, &teller))
		out->teller = teller.addr;
}

/* What routers have said of the size */
static void read_errors(const struct echo *echo, struct probe_sizes *out)
{
	char data[64], control[512];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };

	while (recvmsg(echo->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0) {
		for (struct cmsghdr *at = CMSG_FIRSTHDR(&msg); at; at = CMSG_NXTHDR(&msg, at))
			if (at->cmsg_level == (echo->v4 ? IPPROTO_IP : IPPROTO_IPV6) &&
			    at->cmsg_type == (echo->v4 ? IP_RECVERR : IPV6_RECVERR))
				read_error(at, out);
		msg.msg_controllen = sizeof(control);
	}
}

/* ---- who answers ------------------------------------------------------------------- */

static void wait_for_more(int fd, int64_t until_ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int64_t left_ms = until_ms - loop_now_ms();

	if (left_ms > 0)
		poll(&ready, 1, (int)left_ms);
}

/* Those of @hosts not alive yet; a host without a route does not answer. */
static void call_all(const struct echo *echo, const struct in6_addr *hosts, size_t n,
		     const bool *alive)
{
	for (size_t i = 0; i < n; i++)
		if (!alive[i])
			echo_send(echo, &hosts[i], SMALL, (uint16_t)i);
}

int probe_alive(const struct in6_addr *hosts, size_t n, bool *alive)
{
	int64_t start_ms = loop_now_ms(), until_ms = start_ms + AGAIN_MS;
	struct probe_sizes unused = { 0 };
	struct echo echo;
	size_t left = n;
	int err = n ? echo_open(&echo, addr_is_v4(&hosts[0])) : -ENOENT;

	memset(alive, 0, n * sizeof(*alive));
	if (err)
		return err == -ENOENT ? 0 : err;
	call_all(&echo, hosts, n, alive);
	while (left && loop_now_ms() < start_ms + ALIVE_MS) {
		uint16_t sequence;
		bool ours;

		while (echo_receive(&echo, &sequence, &ours))
			if (ours && sequence < n && !alive[sequence]) {
				alive[sequence] = true;
				left--;
			}
		read_errors(&echo, &unused);
		if (loop_now_ms() >= until_ms) {
			call_all(&echo, hosts, n, alive);
			until_ms = start_ms + ALIVE_MS;
		}
		if (left)
			wait_for_more(echo.fd, until_ms);
	}
	close(echo.fd);
	return 0;
}

/* ---- which sizes do ---------------------------------------------------------------- */

static size_t choose_sizes(uint32_t mtu, uint32_t *sizes)
{
	size_t n = 0;

	for (size_t i = 0; i < SIZES_MAX - 1 && usual[i] < mtu; i++)
		sizes[n++] = usual[i];
	sizes[n++] = mtu < PACKET_MAX ? mtu : PACKET_MAX;
	return n;
}

int probe_sizes(const struct in6_addr *host, uint32_t mtu, struct probe_sizes *out)
{
	int64_t start_ms = loop_now_ms(), until_ms = start_ms;
	uint32_t sizes[SIZES_MAX];
	size_t n = choose_sizes(mtu, sizes);
	struct echo echo;
	int err = echo_open(&echo, addr_is_v4(host));

	*out = (struct probe_sizes){ 0 };
	if (err)
		return err;
	while (out->largest < sizes[n - 1] && loop_now_ms() < start_ms + SIZES_MS) {
		uint16_t sequence;
		bool ours;

		if (loop_now_ms() >= until_ms) {
			for (size_t i = 0; i < n; i++)
				if (sizes[i] > out->largest)
					echo_send(&echo, host, sizes[i], (uint16_t)i);
			until_ms = until_ms == start_ms ? start_ms + AGAIN_MS : start_ms + SIZES_MS;
		}
		wait_for_more(echo.fd, until_ms);
		while (echo_receive(&echo, &sequence, &ours))
			if (ours && sequence < n && sizes[sequence] > out->largest)
				out->largest = sizes[sequence];
		read_errors(&echo, out);
	}
	for (size_t i = 0; i < n; i++)
		if (!out->told || sizes[i] <= out->told)
			out->fits = sizes[i];
	close(echo.fd);
	return 0;
}

/* ---- from addresses that are nobody's ---------------------------------------------- */

struct listening {
	int fd;
	struct in6_addr src, host;	/* of the request */
	uint16_t id;
};

static int listen_on(int link)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6),
				  .sll_ifindex = link };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int send_from(const struct listening *listening)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_addr = listening->host };
	uint8_t packet[SMALL];
	struct ip6_hdr header = {
		.ip6_flow = htonl(6u << 28), .ip6_plen = htons(SMALL - IPV6_HEADER),
		.ip6_nxt = IPPROTO_ICMPV6, .ip6_hlim = HOP_LIMIT, .ip6_src = listening->src,
		.ip6_dst = listening->host,
	};
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), err = 0;
	uint16_t sum;

	if (fd < 0)
		return -errno;
	memcpy(packet, &header, sizeof(header));
	fill_echo(packet + IPV6_HEADER, SMALL - IPV6_HEADER, false, listening->id, 1);
	sum = csum_finish(csum_bytes(csum_pseudo6(&listening->src, &listening->host,
						  SMALL - IPV6_HEADER, IPPROTO_ICMPV6),
				     packet + IPV6_HEADER, SMALL - IPV6_HEADER));
	memcpy(packet + IPV6_HEADER + 2, &sum, sizeof(sum));
	/* As NAT64 sends its own: not tracked */
	if (set(fd, SOL_SOCKET, SO_MARK, (int)NAT64_MARK) < 0 ||
	    sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Is the next packet the answer? */
static bool hear(const struct listening *listening)
{
	struct sockaddr_ll from = { 0 };
	struct in6_addr src, dst;
	socklen_t len = sizeof(from);
	uint8_t packet[SMALL];
	uint16_t sequence;
	ssize_t n = recvfrom(listening->fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC,
			     (struct sockaddr *)&from, &len);
	struct cursor cursor = cursor_init(packet, n < 0                         ? 0
						   : n < (ssize_t)sizeof(packet) ? (size_t)n
										 : sizeof(packet));

	cursor_skip(&cursor, 8);
	cursor_bytes(&cursor, &src, sizeof(src));
	cursor_bytes(&cursor, &dst, sizeof(dst));
	return from.sll_pkttype != PACKET_OUTGOING && addr_equal(&src, &listening->host) &&
	       addr_equal(&dst, &listening->src) &&
	       read_reply(&cursor, false, listening->id, &sequence);
}

int probe_from(const struct in6_addr *src, const struct in6_addr *host, int link)
{
	int64_t start_ms = loop_now_ms(), until_ms = start_ms;
	struct listening listening = { .fd = listen_on(link), .src = *src, .host = *host };
	int result = 0;

	if (listening.fd < 0)
		return listening.fd;
	if (getrandom(&listening.id, sizeof(listening.id), 0) < 0)
		result = -errno;
	while (!result && loop_now_ms() < start_ms + FROM_MS) {
		if (loop_now_ms() >= until_ms) {
			result = send_from(&listening);
			until_ms = until_ms == start_ms ? start_ms + AGAIN_MS : start_ms + FROM_MS;
		}
		wait_for_more(listening.fd, until_ms);
		if (!result)
			result = hear(&listening);
	}
	close(listening.fd);
	return result;
}
