/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel tells of WireGuard's peers, in messages as wg(8) gets them. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../ops/doctor_wg.h"

/* A message that is being made */
struct making {
	char buffer[4096];
	struct nlmsghdr *header;
	struct nlattr *peers, *peer, *allowed;
};

static void begin(struct making *making, uint8_t key)
{
	uint8_t bytes[READ_KEY_LEN];

	memset(making, 0, sizeof(*making));
	memset(bytes, key, sizeof(bytes));
	making->header = mnl_nlmsg_put_header(making->buffer);
	making->header->nlmsg_type = 30;
	mnl_nlmsg_put_extra_header(making->header, sizeof(struct genlmsghdr));
	mnl_attr_put_u16(making->header, WGDEVICE_A_LISTEN_PORT, 51820);
	making->peers = mnl_attr_nest_start(making->header, WGDEVICE_A_PEERS);
	making->peer = mnl_attr_nest_start(making->header, 0);
	mnl_attr_put(making->header, WGPEER_A_PUBLIC_KEY, sizeof(bytes), bytes);
	making->allowed = mnl_attr_nest_start(making->header, WGPEER_A_ALLOWEDIPS);
}

static void allow(struct making *making, int family, const char *addr, uint8_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(making->header, 0);
	uint8_t bytes[16];

	assert_int_equal(inet_pton(family, addr, bytes), 1);
	mnl_attr_put_u16(making->header, WGALLOWEDIP_A_FAMILY, (uint16_t)family);
	mnl_attr_put(making->header, WGALLOWEDIP_A_IPADDR, family == AF_INET ? 4 : 16, bytes);
	mnl_attr_put_u8(making->header, WGALLOWEDIP_A_CIDR_MASK, len);
	mnl_attr_nest_end(making->header, nest);
}

static void end(struct making *making)
{
	mnl_attr_nest_end(making->header, making->allowed);
	mnl_attr_nest_end(making->header, making->peer);
	mnl_attr_nest_end(making->header, making->peers);
}

static void assert_allowed(const struct read_peer *peer, size_t i, const char *text)
{
	char got[PREFIX_STRLEN];

	assert_true(i < peer->allowed.n);
	assert_string_equal(prefix_format(&peer->allowed.v[i], got), text);
}

/* Endpoint and handshake, AllowedIPs of both families; a peer that goes on in a second message */
static void reads_peers(void **state)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(51821) };
	const struct { int64_t s, ns; } when = { 1700000000, 5 };
	struct read_peers peers = { 0 };
	struct making making;
	struct in6_addr addr;
	char key[48];

	(void)state;
	inet_pton(AF_INET6, "2001:db8::33", &at.sin6_addr);
	begin(&making, 1);
	allow(&making, AF_INET6, "2001:db8:1::", 64);
	allow(&making, AF_INET, "10.64.0.0", 30);
	mnl_attr_nest_end(making.header, making.allowed);
	mnl_attr_put(making.header, WGPEER_A_ENDPOINT, sizeof(at), &at);
	mnl_attr_put(making.header, WGPEER_A_LAST_HANDSHAKE_TIME, sizeof(when), &when);
	mnl_attr_nest_end(making.header, making.peer);
	mnl_attr_nest_end(making.header, making.peers);
	assert_int_equal(wg_read_message(making.header, &peers), MNL_CB_OK);

	begin(&making, 1);
	allow(&making, AF_INET6, "64:ff9b::", 96);
	end(&making);
	assert_int_equal(wg_read_message(making.header, &peers), MNL_CB_OK);

	begin(&making, 2);
	allow(&making, AF_INET6, "::", 0);
	end(&making);
	assert_int_equal(wg_read_message(making.header, &peers), MNL_CB_OK);

	assert_int_equal(peers.n, 2);
	assert_int_equal(peers.v[0].allowed.n, 3);
	assert_allowed(&peers.v[0], 0, "2001:db8:1::/64");
	assert_allowed(&peers.v[0], 1, "10.64.0.0/30");
	assert_allowed(&peers.v[0], 2, "64:ff9b::/96");
	assert_true(addr_parse("2001:db8::33", &addr));
	assert_true(addr_equal(&peers.v[0].endpoint.addr, &addr));
	assert_int_equal(peers.v[0].endpoint.port, 51821);
	assert_true(peers.v[0].handshake_s == 1700000000);
	assert_allowed(&peers.v[1], 0, "::/0");
	assert_int_equal(peers.v[1].endpoint.port, 0);
	assert_string_equal(wg_key(&peers.v[1], key),
			    "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=");
	read_peers_free(&peers);
}

/* Lengths beyond the family's, and addresses of no family, are no AllowedIPs. */
static void passes_over_what_is_none(void **state)
{
	struct read_peers peers = { 0 };
	struct making making;
	struct nlattr *nest;

	(void)state;
	begin(&making, 1);
	allow(&making, AF_INET6, "2001:db8::", 129);
	allow(&making, AF_INET, "192.0.2.0", 33);
	nest = mnl_attr_nest_start(making.header, 0);
	mnl_attr_put(making.header, WGALLOWEDIP_A_IPADDR, 5, "12345");
	mnl_attr_put_u8(making.header, WGALLOWEDIP_A_CIDR_MASK, 8);
	mnl_attr_nest_end(making.header, nest);
	end(&making);
	assert_int_equal(wg_read_message(making.header, &peers), MNL_CB_OK);
	assert_int_equal(peers.n, 1);
	assert_int_equal(peers.v[0].allowed.n, 0);
	read_peers_free(&peers);
}

/* Only of WireGuard's own links the kernel's module is asked, which would be loaded for it. */
static void knows_the_kind_of_a_link(void **state)
{
	static const struct {
		const char *kind;
		bool is;
	} rows[] = { { "wireguard", true }, { "veth", false }, { "wireguard2", false },
		     { "wire", false }, { NULL, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buffer[512] = { 0 };
		struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
		struct nlattr *nest;

		header->nlmsg_type = RTM_NEWLINK;
		mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
		mnl_attr_put_strz(header, IFLA_IFNAME, "wireguard");
		if (rows[i].kind) {
			nest = mnl_attr_nest_start(header, IFLA_LINKINFO);
			mnl_attr_put_strz(header, IFLA_INFO_KIND, rows[i].kind);
			mnl_attr_nest_end(header, nest);
		}
		assert_int_equal(wg_is_wireguard(header), rows[i].is);
	}
}

/* Who has never called is not missed, nor who called today. */
static void knows_who_is_silent(void **state)
{
	const int64_t now = 1700000000, day = 24 * 3600;
	struct read_peer peer = { .handshake_s = 0 };

	(void)state;
	assert_false(wg_is_silent(&peer, now));
	peer.handshake_s = now - day;
	assert_false(wg_is_silent(&peer, now));
	peer.handshake_s = now - day - 1;
	assert_true(wg_is_silent(&peer, now));
	peer.handshake_s = now + day;		/* the clock was wrong */
	assert_false(wg_is_silent(&peer, now));
}

/* Loopback is no interface of WireGuard's. */
static void tells_others_apart(void **state)
{
	struct read_peers peers;

	(void)state;
	assert_int_equal(wg_read("lo", &peers), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_peers),
		cmocka_unit_test(passes_over_what_is_none),
		cmocka_unit_test(knows_the_kind_of_a_link),
		cmocka_unit_test(knows_who_is_silent),
		cmocka_unit_test(tells_others_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
