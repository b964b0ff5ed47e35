/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fast path: packets of sessions that exist, translated where they come in (TC ingress)
 * and sent where they have to go. What is not plain goes on to the stack, and so to the
 * slow path (nat64.c), untouched: RFC 7915's fragments, options, extension headers, errors
 * and sizes, and every packet of a session that is not in the table.
 *
 * Headers are written exactly as to4.c and to6.c write them, but for one thing: in a packet
 * that was joined by GRO, DF is for all segments what it is for the full ones, while the
 * slow path clears it in a last one that is small (RFC 7915 5.1).
 *
 * Two programs, since headers begin at another place on devices without a link layer
 * (WireGuard, TUN).
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "fastpath.h"
#include "tcp_state.h"

/* Echo messages (RFC 792, RFC 4443 4.1, 4.2) */
#define ECHO4_REQUEST 8
#define ECHO4_REPLY 0
#define ECHO6_REQUEST 128
#define ECHO6_REPLY 129

#define PACKET_HOST 0
#define AF_INET 2
#define AF_INET6 10

#define PASS TC_ACT_UNSPEC		/* on to others' filters, and to the slow path */
#define IPV4_DF 0x4000
#define IPV4_CUT 0x3fff			/* more fragments, and offset */
#define DF_CLEAR_MAX 1260		/* bytes, RFC 7915 5.1 */
#define LIFE_TRIES 4

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct fast_key_out);
	__type(value, __u32);
} fast_out SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct fast_key_in);
	__type(value, __u32);
} fast_in SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fast_session);
} fast_sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fast_config);
} fast_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FAST_STAT_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} fast_stats SEC(".maps");

/*
 * Is a process there to hand packets over to? The kernel empties such a table with the last
 * descriptor of it, however its process ends: this one is not pinned.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} fast_alive SEC(".maps");

/* A packet as it came */
struct fast_packet {
	__u32 l2_len;			/* 14, or 0 */
	__u32 len;			/* from the IP header on */
	__u32 l4_hlen;
	__u32 unit;			/* bytes of one packet on the wire: of a segment, IP header
					 * included, where GRO has joined many */
	__u32 units;
	__u8 proto;			/* IPPROTO_ICMP for ICMPv6 too */
	__u8 tcp_flags, echo_type;
	bool awkward;			/* of a session, it is the slow path's all the same */
	bool first;			/* of its session for a while (milliseconds) */
	__be16 ports[2];		/* source, destination */
};

static __always_inline void count(__u32 index, __u64 n)
{
	__u64 *value = bpf_map_lookup_elem(&fast_stats, &index);

	if (value)
		*value += n;
}

/* While nobody is there to take it, it is lost: the host's own TCP would reset the flow. */
static __always_inline int hand_over(struct __sk_buff *skb)
{
	count(FAST_STAT_HANDED_OVER, 1);
	bpf_tail_call(skb, &fast_alive, 0);
	return TC_ACT_SHOT;
}

/*
 * A neighbour that is not known is asked for, and may not be there. Of its own packets the
 * kernel then tells the sender (RFC 1812 4.3.3.1, RFC 4443 3.1), of redirected ones nobody:
 * so the slow path gets some of these, while there is one. The others wait with them.
 */
static __always_inline void ask_for_neighbour(struct __sk_buff *skb, const struct fast_packet *p,
					      int found)
{
	if (found != BPF_FIB_LKUP_RET_NO_NEIGH || !p->first)
		return;
	count(FAST_STAT_HANDED_OVER, 1);
	bpf_tail_call(skb, &fast_alive, 0);
}

/* ---- reading ---------------------------------------------------------------------- */

struct echo {
	__u8 type, code;
	__be16 check, id, sequence;
};

/* The identifier stands for the near port; there is no remote one. @near: which port is that? */
static __always_inline bool read_echo(struct __sk_buff *skb, struct fast_packet *p, __u32 at,
				      int near)
{
	struct echo echo;

	if (bpf_skb_load_bytes(skb, at, &echo, sizeof(echo)) < 0)
		return false;
	p->ports[near] = echo.id;
	p->echo_type = echo.type;
	p->l4_hlen = sizeof(echo);
	return near == 0 ? echo.type == ECHO6_REQUEST || echo.type == ECHO6_REPLY
			 : echo.type == ECHO4_REQUEST || echo.type == ECHO4_REPLY;
}

/* Ports, flags and sizes. Return: false where it is not plain TCP, UDP or an echo. */
static __always_inline bool read_l4(struct __sk_buff *skb, struct fast_packet *p, __u32 ip_hlen,
				    int near)
{
	__u32 at = p->l2_len + ip_hlen;

	if (p->proto == IPPROTO_ICMP) {
		if (!read_echo(skb, p, at, near))
			return false;
	} else if (p->proto == IPPROTO_TCP) {
		struct tcphdr tcp;

		if (bpf_skb_load_bytes(skb, at, &tcp, sizeof(tcp)) < 0)
			return false;
		p->ports[0] = tcp.source;
		p->ports[1] = tcp.dest;
		p->l4_hlen = tcp.doff * 4;
		p->tcp_flags = ((__u8 *)&tcp)[13];
		/* A SYN makes sessions, and its MSS may have to be clamped. */
		p->awkward = p->tcp_flags & TCP_FLAG_SYN;
		if (p->l4_hlen < sizeof(tcp))
			return false;
	} else {
		struct udphdr udp;

		if (bpf_skb_load_bytes(skb, at, &udp, sizeof(udp)) < 0)
			return false;
		p->ports[0] = udp.source;
		p->ports[1] = udp.dest;
		p->l4_hlen = sizeof(udp);
		/* Without a checksum one has to be computed (RFC 7915 4.5), or it is an error. */
		p->awkward = !udp.check;
		if (bpf_ntohs(udp.len) < sizeof(udp) || bpf_ntohs(udp.len) + ip_hlen > p->len)
			return false;
	}
	if (ip_hlen + p->l4_hlen > p->len)
		return false;
	/* Who hands over joined packets need not say how many (TUN does not). */
	p->units = skb->gso_size
		? (p->len - ip_hlen - p->l4_hlen + skb->gso_size - 1) / skb->gso_size : 1;
	p->unit = skb->gso_size ? ip_hlen + p->l4_hlen + skb->gso_size : p->len;
	return true;
}

/*
 * Link layers pad short frames: what is behind the packet must not become part of it.
 * Return: false where there is less than the header says, or what nobody pads.
 */
static __always_inline bool cut_padding(struct __sk_buff *skb, const struct fast_packet *p)
{
	__u32 wanted = p->l2_len + p->len;

	if (skb->len == wanted)
		return true;
	return skb->len > wanted && !skb->gso_size && bpf_skb_change_tail(skb, wanted, 0) == 0;
}

/* ---- the session ------------------------------------------------------------------- */

/*
 * An entry of the tables that is deleted may at once become another session's, even while
 * somebody who has just found it reads where it leads (the kernel reuses the memory of
 * hash tables without waiting for readers). So: is it the session that was asked for?
 */
static __always_inline bool same_host(const __u8 *a, const __u8 *b)
{
	__u32 differ = 0;

	for (int i = 0; i < 4; i++)
		differ |= ((const __u32 *)a)[i] ^ ((const __u32 *)b)[i];
	return !differ;
}

static __always_inline bool is_out_of(const struct fast_session *s, const struct fast_key_out *key)
{
	return s->inside_port == key->inside_port && s->remote_port == key->remote_port &&
	       s->proto == key->proto && same_host(s->inside, key->inside) &&
	       same_host(s->remote6, key->remote6);
}

static __always_inline bool is_in_of(const struct fast_session *s, const struct fast_key_in *key)
{
	return s->outside == key->outside && s->remote == key->remote &&
	       s->outside_port == key->outside_port && s->remote_port == key->remote_port &&
	       s->proto == key->proto;
}

static __always_inline __u64 now_ms(void)
{
	return bpf_ktime_get_coarse_ns() / 1000000;
}

/* Is its lifetime over? User space would have ended it, if it is there at all. */
static __always_inline bool is_over(const struct fast_config *config, const struct fast_packet *p,
				    __u64 life, __u64 ms)
{
	__u32 which = FAST_LIFETIME_UDP;

	if (p->proto == IPPROTO_ICMP)
		which = FAST_LIFETIME_ICMP;
	else if (p->proto == IPPROTO_TCP)
		which = FAST_LIFE_LIFETIME(life) == TCP_LIFETIME_EST ? FAST_LIFETIME_EST
								     : FAST_LIFETIME_TRANS;
	/* Signed: the clock is coarse here, and may be behind that of user space. */
	return (__s64)(ms - FAST_LIFE_MS(life)) > (__s64)config->lifetime_ms[which];
}

/*
 * State and life go on (RFC 6146 3.5). Return: false where its life is over, or where other
 * processors were faster each time.
 */
static __always_inline bool live_on(struct fast_session *s, const struct fast_config *config,
				    struct fast_packet *p, int from_v6)
{
	enum tcp_event event = tcp_event_of(p->tcp_flags, from_v6);
	__u64 ms = now_ms();

	for (int i = 0; i < LIFE_TRIES; i++) {
		__u64 was = *(volatile __u64 *)&s->life, is;

		if (is_over(config, p, was, ms))
			return false;
		if (p->proto == IPPROTO_TCP) {
			struct tcp_step step = tcp_state_step(FAST_LIFE_STATE(was), event);

			is = step.lifetime == TCP_LIFETIME_KEEP
				? FAST_LIFE(FAST_LIFE_MS(was), FAST_LIFE_LIFETIME(was), step.state)
				: FAST_LIFE(ms, step.lifetime, step.state);
		} else {
			is = FAST_LIFE(ms, 0, 0);
		}
		p->first = is != was;
		/* Most packets find that nothing has changed this millisecond. */
		if (is == was || __sync_val_compare_and_swap(&s->life, was, is) == was)
			return true;
	}
	return false;
}

/* ---- the way out -------------------------------------------------------------------- */

/* How a packet leaves: by what the kernel's look-up said, or by the uplink. */
struct fast_way {
	struct bpf_fib_lookup fib;
	int found;			/* what the look-up returned */
	__u32 ifindex;
};

static __always_inline bool leaves_by_uplink(const struct fast_config *config, __be32 dst)
{
	for (__u32 i = 0; i < FAST_ELSEWHERE_MAX && i < config->n_elsewhere; i++)
		if ((dst & config->elsewhere[i].mask) == config->elsewhere[i].net)
			return false;
	return config->uplink_ifindex;
}

/*
 * Ask before anything is changed: what cannot leave, or is too large for its way, is the
 * slow path's. The kernel is asked for the way to an address, and told neither source nor
 * ports nor type of service: raw sockets tell it none of these, and rules (ip-rule(8)) that
 * look at them would send the beginning of a flow one way and the rest another.
 * @unit: bytes of a packet on the wire as it will be.
 */
static __always_inline bool find_way(struct __sk_buff *skb, struct fast_way *way,
				     const struct fast_config *config, __u32 unit)
{
	/* The look-up ignores what a route says of its MTU, unless that is locked. */
	__u32 route_mtu = way->fib.family == AF_INET ? config->lowest_mtu4 : config->lowest_mtu6;

	if (unit > 0xffff || config->paused || (route_mtu && unit > route_mtu))
		return false;
	way->fib.tot_len = unit;
	way->fib.ifindex = skb->ingress_ifindex;
	way->found = bpf_fib_lookup(skb, &way->fib, sizeof(way->fib), 0);
	way->ifindex = way->fib.ifindex;
	if (way->found == BPF_FIB_LKUP_RET_SUCCESS || way->found == BPF_FIB_LKUP_RET_NO_NEIGH)
		return true;
	/* A host need not forward IPv4 for its NAT64 to work; then it says nothing of routes. */
	way->ifindex = config->uplink_ifindex;
	return way->found == BPF_FIB_LKUP_RET_FWD_DISABLED && way->fib.family == AF_INET &&
	       leaves_by_uplink(config, way->fib.ipv4_dst) && unit <= config->uplink_mtu;
}

/* The packet is translated; link headers are not. */
static __always_inline int leave(struct __sk_buff *skb, const struct fast_packet *p,
				 struct fast_way *way, __be16 protocol)
{
	/* A device without link headers takes it away again. */
	if (!p->l2_len && bpf_skb_change_head(skb, ETH_HLEN, 0) < 0)
		return TC_ACT_SHOT;
	bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_proto), &protocol, sizeof(protocol), 0);
	/* Now and then by the kernel's own output: it asks a neighbour that has long not been
	 * heard of whether it is still there (RFC 4861 7.3.3). */
	if (way->found == BPF_FIB_LKUP_RET_SUCCESS && !p->first) {
		bpf_skb_store_bytes(skb, 0, way->fib.dmac, ETH_ALEN, 0);
		bpf_skb_store_bytes(skb, ETH_ALEN, way->fib.smac, ETH_ALEN, 0);
		return bpf_redirect(way->ifindex, 0);
	}
	if (way->found != BPF_FIB_LKUP_RET_FWD_DISABLED) {
		struct bpf_redir_neigh next = { .nh_family = way->fib.family };

		__builtin_memcpy(next.ipv6_nh, way->fib.ipv6_dst, sizeof(next.ipv6_nh));
		return bpf_redirect_neigh(way->ifindex, &next, sizeof(next), 0);
	}
	return bpf_redirect_neigh(way->ifindex, NULL, 0, 0);
}

static __always_inline const struct fast_config *get_config(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&fast_config, &zero);
}

/* Where the checksum of the transport header stands, from the IP header on */
static __always_inline __u32 csum_at(const struct fast_packet *p, __u32 ip_hlen)
{
	return p->l2_len + ip_hlen + (p->proto == IPPROTO_TCP ? offsetof(struct tcphdr, check)
							       : offsetof(struct udphdr, check));
}

/* Addresses and one port have changed: the checksum follows (RFC 7915 4.5, 5.5). */
static __always_inline int change_l4(struct __sk_buff *skb, const struct fast_packet *p,
				     __u32 ip_hlen, __s64 addresses, int which, __be16 port)
{
	__u64 mangled = p->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u32 csum = csum_at(p, ip_hlen);

	if (bpf_l4_csum_replace(skb, csum, 0, addresses, BPF_F_PSEUDO_HDR | mangled) < 0)
		return -1;
	if (p->ports[which] == port)
		return 0;
	if (bpf_l4_csum_replace(skb, csum, p->ports[which], port, sizeof(port) | mangled) < 0)
		return -1;
	/* The sum over all (CHECKSUM_COMPLETE) stays: the checksum makes up for the port. */
	return bpf_skb_store_bytes(skb, p->l2_len + ip_hlen + which * sizeof(port), &port,
				   sizeof(port), 0);
}

/*
 * An echo has another type, and ICMPv6's checksum covers a pseudo-header that ICMP's does not
 * (RFC 7915 4.2, 5.2). @pseudo: the difference that it makes.
 */
static __always_inline int change_echo(struct __sk_buff *skb, const struct fast_packet *p,
				       __u32 ip_hlen, __s64 pseudo, __u8 type, int near, __be16 id)
{
	__u32 at = p->l2_len + ip_hlen, csum = at + offsetof(struct echo, check);

	if (bpf_l4_csum_replace(skb, csum, 0, pseudo, BPF_F_PSEUDO_HDR) < 0 ||
	    bpf_l4_csum_replace(skb, csum, bpf_htons(p->echo_type << 8), bpf_htons(type << 8),
				2) < 0 ||
	    bpf_skb_store_bytes(skb, at, &type, sizeof(type), 0) < 0)
		return -1;
	if (p->ports[near] == id)
		return 0;
	if (bpf_l4_csum_replace(skb, csum, p->ports[near], id, sizeof(id)) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, at + offsetof(struct echo, id), &id, sizeof(id), 0);
}

/* RFC 8200 8.1 */
struct pseudo6 {
	struct in6_addr src, dst;
	__be32 len, next;
};

static __always_inline void put_pseudo(struct pseudo6 *pseudo, const struct ipv6hdr *ip6,
				       __u32 len)
{
	pseudo->src = ip6->saddr;
	pseudo->dst = ip6->daddr;
	pseudo->len = bpf_htonl(len);
	pseudo->next = bpf_htonl(IPPROTO_ICMPV6);
}

/* ---- from inside to IPv4 ---------------------------------------------------------------- */

static __always_inline __u16 next_id(struct fast_config *config, __be32 dst, __u8 proto, __u32 n)
{
	__u32 at = ipid_counter(&config->ids.key, dst, proto) & (IPID_COUNTERS - 1);
	__u16 id = __sync_fetch_and_add(&config->ids.counters[at], n);

	/* 0 would be as good, but a raw socket cannot send it: the slow path has none. */
	if (n == 1 && id == 0)
		id = __sync_fetch_and_add(&config->ids.counters[at], 1);
	return id;
}

static __always_inline void put_ipv4(struct iphdr *ip, const struct ipv6hdr *ip6,
				     const struct fast_packet *p, const struct fast_session *s,
				     __u16 id)
{
	__u32 sum;

	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = ip6->priority << 4 | ip6->flow_lbl[0] >> 4,
		.tot_len = bpf_htons(p->len - sizeof(*ip6) + sizeof(*ip)),
		.id = bpf_htons(id),
		.frag_off = p->unit - sizeof(*ip6) + sizeof(*ip) > DF_CLEAR_MAX
				    ? bpf_htons(IPV4_DF) : 0,
		.ttl = ip6->hop_limit - 1,
		.protocol = p->proto,
		.saddr = s->outside,
		.daddr = s->remote,
	};
	sum = bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = ~sum;
}

static __always_inline int to4(struct __sk_buff *skb, const struct fast_packet *p,
			       const struct ipv6hdr *ip6, const struct fast_session *s,
			       struct fast_config *config)
{
	__be32 to[2] = { s->outside, s->remote };
	__s64 addresses = bpf_csum_diff((__be32 *)&ip6->saddr, 2 * sizeof(ip6->saddr), to,
					sizeof(to), 0);
	__be16 port = s->outside_port;
	struct iphdr ip;

	struct pseudo6 pseudo;

	put_pseudo(&pseudo, ip6, p->len - sizeof(*ip6));
	put_ipv4(&ip, ip6, p, s, next_id(config, s->remote, p->proto, p->units));
	if (bpf_skb_change_proto(skb, bpf_htons(ETH_P_IP), 0) < 0 ||
	    bpf_skb_store_bytes(skb, p->l2_len, &ip, sizeof(ip), BPF_F_RECOMPUTE_CSUM) < 0)
		return -1;
	if (p->proto == IPPROTO_ICMP)
		return change_echo(skb, p, sizeof(ip),
				   bpf_csum_diff((__be32 *)&pseudo, sizeof(pseudo), NULL, 0, 0),
				   p->echo_type == ECHO6_REQUEST ? ECHO4_REQUEST : ECHO4_REPLY, 0,
				   port);
	return change_l4(skb, p, sizeof(ip), addresses, 0, port);
}

static __always_inline int out(struct __sk_buff *skb, __u32 l2_len)
{
	struct fast_packet p = { .l2_len = l2_len };
	struct fast_key_out key __attribute__((aligned(8))) = { };
	struct fast_way way = { };
	struct fast_config *config = (struct fast_config *)get_config();
	struct fast_session *s;
	struct ipv6hdr ip6;
	__u32 *slot;

	if (bpf_skb_load_bytes(skb, l2_len, &ip6, sizeof(ip6)) < 0 || ip6.version != 6 ||
	    (ip6.nexthdr != IPPROTO_TCP && ip6.nexthdr != IPPROTO_UDP &&
	     ip6.nexthdr != IPPROTO_ICMPV6))
		return PASS;
	p.proto = ip6.nexthdr == IPPROTO_ICMPV6 ? IPPROTO_ICMP : ip6.nexthdr;
	p.len = bpf_ntohs(ip6.payload_len) + sizeof(ip6);
	if (!read_l4(skb, &p, sizeof(ip6), 0))
		return PASS;
	__builtin_memcpy(key.inside, &ip6.saddr, sizeof(key.inside));
	__builtin_memcpy(key.remote6, &ip6.daddr, sizeof(key.remote6));
	key.inside_port = p.ports[0];
	key.remote_port = p.ports[1];
	key.proto = p.proto;
	slot = bpf_map_lookup_elem(&fast_out, &key);
	s = slot ? bpf_map_lookup_elem(&fast_sessions, slot) : NULL;
	if (!s || !config || !is_out_of(s, &key))
		return PASS;
	way.fib.family = AF_INET;
	way.fib.ipv4_dst = s->remote;
	if (p.awkward || ip6.hop_limit <= 1 ||
	    !find_way(skb, &way, config, p.unit - sizeof(ip6) + sizeof(struct iphdr)) ||
	    !cut_padding(skb, &p) || !live_on(s, config, &p, 1))
		return hand_over(skb);
	ask_for_neighbour(skb, &p, way.found);
	skb->mark = config->mark;
	if (to4(skb, &p, &ip6, s, config) < 0)
		return TC_ACT_SHOT;
	count(FAST_STAT_OUT, p.units);
	count(FAST_STAT_OUT_BYTES, p.len);
	return leave(skb, &p, &way, bpf_htons(ETH_P_IP));
}

/* ---- from IPv4 to inside ------------------------------------------------------------------ */

/* What the stack would drop, it is to drop and count. */
static __always_inline bool ipv4_good(const struct iphdr *ip)
{
	__u32 sum;

	if (ip->version != 4 || ip->ihl != 5 || (ip->frag_off & bpf_htons(IPV4_CUT)) ||
	    (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP &&
	     ip->protocol != IPPROTO_ICMP))
		return false;
	sum = bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static __always_inline int to6(struct __sk_buff *skb, const struct fast_packet *p,
			       const struct iphdr *ip, const struct fast_session *s)
{
	struct ipv6hdr ip6 = {
		.version = 6,
		.priority = ip->tos >> 4,
		.flow_lbl = { ip->tos << 4, 0, 0 },
		.payload_len = bpf_htons(p->len - sizeof(*ip)),
		.nexthdr = p->proto == IPPROTO_ICMP ? IPPROTO_ICMPV6 : p->proto,
		.hop_limit = ip->ttl - 1,
	};
	__be32 from[2] = { ip->saddr, ip->daddr };
	__be16 port = s->inside_port;
	struct pseudo6 pseudo;
	__s64 addresses;

	__builtin_memcpy(&ip6.saddr, s->remote6, sizeof(ip6.saddr));
	__builtin_memcpy(&ip6.daddr, s->inside, sizeof(ip6.daddr));
	addresses = bpf_csum_diff(from, sizeof(from), (__be32 *)&ip6.saddr, 2 * sizeof(ip6.saddr),
				  0);
	if (bpf_skb_change_proto(skb, bpf_htons(ETH_P_IPV6), 0) < 0 ||
	    bpf_skb_store_bytes(skb, p->l2_len, &ip6, sizeof(ip6), BPF_F_RECOMPUTE_CSUM) < 0)
		return -1;
	put_pseudo(&pseudo, &ip6, p->len - sizeof(*ip));
	if (p->proto == IPPROTO_ICMP)
		return change_echo(skb, p, sizeof(ip6),
				   bpf_csum_diff(NULL, 0, (__be32 *)&pseudo, sizeof(pseudo), 0),
				   p->echo_type == ECHO4_REQUEST ? ECHO6_REQUEST : ECHO6_REPLY, 1,
				   port);
	return change_l4(skb, p, sizeof(ip6), addresses, 1, port);
}

static __always_inline int in(struct __sk_buff *skb, __u32 l2_len)
{
	struct fast_packet p = { .l2_len = l2_len };
	struct fast_key_in key = { };
	struct fast_way way = { };
	const struct fast_config *config = get_config();
	struct fast_session *s;
	struct iphdr ip;
	__u32 *slot, unit6;

	if (bpf_skb_load_bytes(skb, l2_len, &ip, sizeof(ip)) < 0 || !ipv4_good(&ip))
		return PASS;
	p.proto = ip.protocol;
	p.len = bpf_ntohs(ip.tot_len);
	if (!read_l4(skb, &p, sizeof(ip), 1))
		return PASS;
	key.outside = ip.daddr;
	key.remote = ip.saddr;
	key.outside_port = p.ports[1];
	key.remote_port = p.ports[0];
	key.proto = p.proto;
	slot = bpf_map_lookup_elem(&fast_in, &key);
	s = slot ? bpf_map_lookup_elem(&fast_sessions, slot) : NULL;
	if (!s || !config || !is_in_of(s, &key))
		return PASS;
	way.fib.family = AF_INET6;
	__builtin_memcpy(way.fib.ipv6_dst, s->inside, sizeof(way.fib.ipv6_dst));
	unit6 = p.unit - sizeof(ip) + sizeof(struct ipv6hdr);
	/* Without DF it may have to be cut (RFC 7915 4). */
	if (p.awkward || ip.ttl <= 1 ||
	    (!(ip.frag_off & bpf_htons(IPV4_DF)) && unit6 > config->lowest_ipv6_mtu) ||
	    p.len - sizeof(ip) > 0xffff || !find_way(skb, &way, config, unit6) ||
	    !cut_padding(skb, &p) || !live_on(s, config, &p, 0))
		return hand_over(skb);
	ask_for_neighbour(skb, &p, way.found);
	skb->mark = config->mark;
	if (to6(skb, &p, &ip, s) < 0)
		return TC_ACT_SHOT;
	count(FAST_STAT_IN, p.units);
	count(FAST_STAT_IN_BYTES, p.len);
	return leave(skb, &p, &way, bpf_htons(ETH_P_IPV6));
}

/* ---- the programs ------------------------------------------------------------------------ */

/* Neither frames for others, which an interface shows while somebody captures, nor those of
 * a VLAN, which come by once more on its own interface. */
static __always_inline int translate(struct __sk_buff *skb, __u32 l2_len)
{
	if (skb->pkt_type != PACKET_HOST || skb->vlan_present)
		return PASS;
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return out(skb, l2_len);
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return in(skb, l2_len);
	return PASS;
}

SEC("tc")
int gate64_pass(struct __sk_buff *skb)
{
	(void)skb;
	return PASS;
}

SEC("tc")
int gate64_ether(struct __sk_buff *skb)
{
	return translate(skb, ETH_HLEN);
}

SEC("tc")
int gate64_bare(struct __sk_buff *skb)
{
	return translate(skb, 0);
}

char _license[] SEC("license") = "GPL";
