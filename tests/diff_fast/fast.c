/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fast path's program against the reference, packet by packet and byte by byte:
 *
 *	fast_diff [COUNT [SEED]]
 *
 * Each packet, sound, odd or damaged, gets a session that fits it, and goes through the
 * program as the kernel has it loaded (BPF_PROG_TEST_RUN), in a network namespace of its own.
 * Either the program hands it over, unchanged; or what it makes of it is what the reference
 * makes of it. And what is plain it must not hand over.
 *
 * Exit status: 0 they agree, 1 they do not, 77 this kernel or user cannot run it.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <inttypes.h>
#include <linux/pkt_cls.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../nat64/fastpath.h"
#include "../../nat64/tcp_state.h"
#include "../diff/generate.h"
#include "../diff/reference.h"
#include "fastpath.skel.h"

enum {
	COUNT = 300000, SKIP = 77,
	ETHER = 14, MTU6 = 1500, MAX = 3400,	/* bytes: BPF_PROG_TEST_RUN takes less than a page */
	/* lo stands for where packets come in, and a route for where they go. */
	LO = 1,
};

static const uint64_t first_seed = 0x6761746536340002;
static struct fastpath_bpf *bpf;
static struct fast_config *config;
static struct fast_session *session;	/* slot 1 */
static struct result wanted;
static uint8_t frame[ETHER + PACKET_MAX], got[ETHER + PACKET_MAX];
static uint64_t redirected[2], handed_over[2], not_plain[2];

static int skip(const char *why)
{
	printf("skipped: %s\n", why);
	return SKIP;
}

/* ---- where it runs --------------------------------------------------------------------- */

static int run(const char *command)
{
	return system(command) == 0 ? 0 : -1;
}

/* IPv6 is forwarded to a device with an MTU, by a router that is known; IPv4 is not, so that
 * the uplink's MTU counts. */
static int make_network(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	return run("ip link set lo up && ip link add d0 type veth peer name d1 && ip link set d1 up && "
		   "ip link set d0 mtu 1500 up && "
		   "for i in all lo d0; do echo 1 >/proc/sys/net/ipv6/conf/$i/forwarding; done && "
		   "ip -6 neigh add fe80::1 lladdr 02:00:00:00:00:01 dev d0 && "
		   "ip -6 route add ::/0 via fe80::1 dev d0");
}

static void *map_it(const struct bpf_map *map, size_t len)
{
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return at == MAP_FAILED ? NULL : at;
}

static const char *load(void)
{
	struct fast_session *sessions;
	uint32_t zero = 0, program;

	bpf = fastpath_bpf__open();
	if (!bpf || bpf_map__set_max_entries(bpf->maps.fast_out, 16) ||
	    bpf_map__set_max_entries(bpf->maps.fast_in, 16) ||
	    bpf_map__set_max_entries(bpf->maps.fast_sessions, 2) || fastpath_bpf__load(bpf))
		return "the kernel does not take the program";
	config = map_it(bpf->maps.fast_config, sizeof(*config));
	sessions = map_it(bpf->maps.fast_sessions, 2 * sizeof(*sessions));
	if (!config || !sessions)
		return "its maps cannot be mapped";
	program = (uint32_t)bpf_program__fd(bpf->progs.gate64_pass);
	if (bpf_map_update_elem(bpf_map__fd(bpf->maps.fast_alive), &zero, &program, BPF_ANY) < 0)
		return "it cannot be told who takes what it hands over";
	session = &sessions[1];
	config->uplink_ifindex = LO;
	return NULL;
}

/* ---- a packet ------------------------------------------------------------------------------ */

struct view {
	bool v6;
	uint8_t proto;			/* IPPROTO_ICMP for ICMPv6 too */
	const uint8_t *l4;
	size_t l4_len;
};

/* An echo of ICMP or ICMPv6, as far as can be seen? */
static bool is_echo(const struct view *view)
{
	return view->v6 ? view->l4[0] == 128 || view->l4[0] == 129
			: view->l4[0] == 8 || view->l4[0] == 0;
}

/* Plain TCP, UDP or an echo, as far as the ports can be read? Of a damaged one too. */
static bool look(const uint8_t *ip, size_t len, struct view *view)
{
	size_t hlen = ip[0] >> 4 == 6 ? 40 : 20;

	view->v6 = ip[0] >> 4 == 6;
	if (len < hlen + 8 || (!view->v6 && ip[0] != 0x45))
		return false;
	view->proto = view->v6 ? ip[6] : ip[9];
	view->l4 = ip + hlen;
	view->l4_len = len - hlen;
	if (view->proto == (view->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) && is_echo(view)) {
		view->proto = IPPROTO_ICMP;
		return true;
	}
	return view->proto == IPPROTO_TCP || view->proto == IPPROTO_UDP;
}

/* Both ports, as they stand in a key: near and remote */
static void ports_of(const struct view *view, __be16 *near, __be16 *remote)
{
	bool echo = view->proto == IPPROTO_ICMP;

	*remote = 0;
	memcpy(near, view->l4 + (echo ? 4 : view->v6 ? 0 : 2), 2);
	if (!echo)
		memcpy(remote, view->l4 + (view->v6 ? 2 : 0), 2);
}

/* The session that this packet is of; @m: what it is translated to. */
static void add_session(const uint8_t *ip, const struct view *view, struct mapping *m)
{
	struct fast_key_out out = { .proto = view->proto };
	struct fast_key_in in = { .proto = view->proto };
	uint32_t slot = 1;

	*session = (struct fast_session){ .in_use = 1, .proto = view->proto };
	session->life = view->proto == IPPROTO_TCP
		? FAST_LIFE(0, TCP_LIFETIME_EST, TCP_STATE_ESTABLISHED) : FAST_LIFE(0, 0, 0);
	memcpy(session->inside, m->inside, 16);
	memcpy(session->remote6, m->remote6, 16);
	memcpy(&session->outside, m->outside, 4);
	memcpy(&session->remote, m->remote4, 4);
	session->inside_port = htons((uint16_t)m->inside_port);
	session->outside_port = htons((uint16_t)m->outside_port);
	if (view->v6) {
		memcpy(out.inside, ip + 8, 16);
		memcpy(out.remote6, ip + 24, 16);
		ports_of(view, &out.inside_port, &out.remote_port);
		m->remote_port = ntohs(out.remote_port);
		memcpy(session->inside, out.inside, 16);
		memcpy(session->remote6, out.remote6, 16);
		session->inside_port = out.inside_port;
		bpf_map_update_elem(bpf_map__fd(bpf->maps.fast_out), &out, &slot, BPF_ANY);
	} else {
		memcpy(&in.remote, ip + 12, 4);
		memcpy(&in.outside, ip + 16, 4);
		ports_of(view, &in.outside_port, &in.remote_port);
		m->remote_port = ntohs(in.remote_port);
		session->outside = in.outside;
		session->remote = in.remote;
		session->outside_port = in.outside_port;
		bpf_map_update_elem(bpf_map__fd(bpf->maps.fast_in), &in, &slot, BPF_ANY);
	}
	session->remote_port = htons((uint16_t)m->remote_port);
}

static void remove_session(const uint8_t *ip, const struct view *view)
{
	struct fast_key_out out = { .proto = view->proto };
	struct fast_key_in in = { .proto = view->proto };

	if (view->v6) {
		memcpy(out.inside, ip + 8, 16);
		memcpy(out.remote6, ip + 24, 16);
		ports_of(view, &out.inside_port, &out.remote_port);
		bpf_map_delete_elem(bpf_map__fd(bpf->maps.fast_out), &out);
	} else {
		memcpy(&in.remote, ip + 12, 4);
		memcpy(&in.outside, ip + 16, 4);
		ports_of(view, &in.outside_port, &in.remote_port);
		bpf_map_delete_elem(bpf_map__fd(bpf->maps.fast_in), &in);
	}
}

enum { DID_NOT_RUN = -1000 };	/* no TC_ACT_* */

/* Return: what the program returned, DID_NOT_RUN if it could not be asked; *@len is that of what it left in got[]. */
static int through_program(size_t frame_len, size_t *len)
{
	struct __sk_buff skb = { .ifindex = LO, .ingress_ifindex = LO };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)frame_len,
		    .data_out = got, .data_size_out = sizeof(got), .ctx_in = &skb,
		    .ctx_size_in = sizeof(skb));

	if (bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.gate64_ether), &opts) < 0)
		return DID_NOT_RUN;
	*len = opts.data_size_out;
	return (int)opts.retval;
}

/* ---- comparing ---------------------------------------------------------------------------- */

static void dump(const char *title, const uint8_t *at, size_t len)
{
	printf("%s, %zu bytes:", title, len);
	for (size_t i = 0; i < len && i < 200; i++)
		printf("%s%02x", i % 16 ? " " : "\n\t", at[i]);
	printf("\n");
}

static void differ(const char *what, uint64_t at, size_t frame_len, size_t len)
{
	printf("packet %" PRIu64 ": %s\n", at, what);
	dump("in", frame + ETHER, frame_len - ETHER);
	dump("got", got + ETHER, len - ETHER);
	dump("wanted", wanted.bytes, wanted.n ? wanted.len[0] : 0);
	exit(1);
}

/* What there is no reason to hand over */
static bool is_plain(const struct made *made, const uint8_t *ip, const struct view *view)
{
	uint8_t flags = view->proto == IPPROTO_TCP ? view->l4[13] : 0;

	return (made->kind == KIND_TCP || made->kind == KIND_UDP || made->kind == KIND_ECHO) &&
	       !made->extra && !made->part && !made->damaged && !(flags & TCP_FLAG_SYN) &&
	       ip[view->v6 ? 7 : 8] > 1;
}

static bool is_unicast(const struct mapping *m)
{
	return m->inside[0] >> 5 == 1 && m->remote6[0] >> 5 == 1;	/* 2000::/3 */
}

/* Link header apart */
static void compare(uint64_t at, const struct made *made, const struct view *view,
		    const struct mapping *m, size_t frame_len, int verdict, size_t len)
{
	if (verdict == TC_ACT_UNSPEC) {
		if (len != frame_len || memcmp(got, frame, len) != 0)
			differ("handed over, but changed", at, frame_len, len);
		if (is_plain(made, frame + ETHER, view) && wanted.verdict == SENT && wanted.n == 1 &&
		    (view->v6 || is_unicast(m)))
			differ("plain, but handed over", at, frame_len, len);
		handed_over[view->v6]++;
		return;
	}
	if (verdict != TC_ACT_REDIRECT)
		differ("dropped", at, frame_len, len);
	if (wanted.verdict != SENT || wanted.n != 1)
		differ("translated, though it should not be", at, frame_len, len);
	if (len - ETHER != wanted.len[0] || memcmp(got + ETHER, wanted.bytes, len - ETHER) != 0)
		differ("other bytes", at, frame_len, len);
	if (got[12] != (view->v6 ? 0x08 : 0x86) || got[13] != (view->v6 ? 0x00 : 0xdd))
		differ("another Ethernet type", at, frame_len, len);
	redirected[view->v6]++;
}

static struct mapping any_mapping(uint64_t *seed)
{
	struct mapping m;

	generate_bytes(seed, (uint8_t *)&m, sizeof(m));
	/* Mostly such as can be: a route leads there. */
	if (generate_number(seed, 16)) {
		m.inside[0] = 0x20 | (m.inside[0] & 0x1f);
		m.remote6[0] = 0x20 | (m.remote6[0] & 0x1f);
	}
	m.inside_port &= 0xffff;
	m.outside_port &= 0xffff;
	return m;
}

/* One field of the session changes, or its life is over. */
static void make_another(uint64_t *seed)
{
	switch (generate_number(seed, 5)) {
	case 0:
		session->remote_port ^= 1;
		break;
	case 1:
		session->proto ^= IPPROTO_TCP ^ IPPROTO_UDP;
		break;
	case 2:
		session->inside[generate_number(seed, 16)] ^= 1;
		session->outside ^= 1;
		break;
	case 3:
		memset(config->lifetime_ms, 0, sizeof(config->lifetime_ms));
		break;
	default:
		session->remote6[generate_number(seed, 16)] ^= 1;
		session->remote ^= 1;
	}
}

static void one_packet(uint64_t at, uint64_t *seed)
{
	static const unsigned int mtus4[] = { 576, 1260, 1280, 1400, 1480, 1500, 9000 };
	static const unsigned int lowest[] = { 1280, 1280, 1400, 1500 };
	struct made made = generate_packet(seed, frame + ETHER);
	struct mapping m = any_mapping(seed);
	struct way way = { mtus4[generate_number(seed, 7)], MTU6, lowest[generate_number(seed, 4)],
			   1 + generate_number(seed, 65535) };
	struct view view;
	size_t pad = generate_number(seed, 4) ? 0 : generate_number(seed, 20), len = 0;
	int verdict;
	bool stray;

	if (made.len > MAX || !look(frame + ETHER, made.len, &view)) {
		not_plain[made.v6]++;
		return;
	}
	memset(frame, 0, ETHER);
	frame[12] = view.v6 ? 0x86 : 0x08;
	frame[13] = view.v6 ? 0xdd : 0x00;
	if (made.damaged)		/* it may end too early: nothing is to stand there then */
		pad = 0;
	memset(frame + ETHER + made.len, 0xee, pad);
	add_session(frame + ETHER, &view, &m);
	memset(config->lifetime_ms, 0xff, sizeof(config->lifetime_ms));
	config->uplink_mtu = (uint32_t)way.mtu4;
	config->lowest_ipv6_mtu = (uint32_t)way.lowest6;
	config->ids.counters[ipid_counter(&config->ids.key, session->remote, view.proto)] = way.id;
	reference_translate(frame + ETHER, made.len, &m, &way, &wanted);
	/* Now and then the entry leads to what has become another session's slot, or is over. */
	stray = generate_number(seed, 16) == 0;
	if (stray)
		make_another(seed);
	verdict = through_program(ETHER + made.len + pad, &len);
	if (stray && verdict != TC_ACT_UNSPEC)
		differ("translated by another's session, or by one that is over", at, ETHER + made.len, len);
	if (verdict == DID_NOT_RUN) {
		printf("packet %" PRIu64 ": the kernel does not run it\n", at);
		exit(1);
	}
	if (!stray)
		compare(at, &made, &view, &m, ETHER + made.len + pad, verdict, len);
	remove_session(frame + ETHER, &view);
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : COUNT;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : first_seed;
	const char *why;

	libbpf_set_print(NULL);
	if (make_network() < 0)
		return skip("no network namespace can be made: it takes root");
	why = load();
	if (why)
		return skip(why);
	for (uint64_t i = 0; i < count; i++)
		one_packet(i, &seed);
	for (int v6 = 0; v6 < 2; v6++)
		printf("IPv%d: %" PRIu64 " translated alike, %" PRIu64 " handed over, %" PRIu64
		       " not for it\n", v6 ? 6 : 4, redirected[v6], handed_over[v6], not_plain[v6]);
	/* A comparison of nothing is no comparison. */
	return redirected[0] > count / 50 && redirected[1] > count / 50 &&
	       handed_over[0] > count / 100 && handed_over[1] > count / 100 ? 0 : 1;
}
