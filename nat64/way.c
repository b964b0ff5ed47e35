/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A neighbour is used while the kernel trusts its address. Nobody tells the kernel that
 * what goes by a packet socket arrives, so its entry goes stale after half a minute or
 * so; then packets take the kernel's own path, which makes it ask the neighbour, and
 * while it asks the address counts as good, here as there.
 */
#include "way.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../core/addr.h"
#include "nat64.h"

enum {
	ENTRIES = 1024,
	KEEP_MS = 1000,
	MESSAGE = 8192,			/* bytes; what one answer takes, and more */
	ATTRS = 64,			/* attribute types that are looked at lie below */
	NEIGHBOUR_GOOD = NUD_REACHABLE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP,
};

struct entry {
	struct in6_addr dst;
	int64_t until_ms;
	bool usable;
	struct way way;
};

struct way_cache {
	struct mnl_socket *route, *xfrm;	/* xfrm: NULL where the kernel has none */
	unsigned int seq;
	char buf[MESSAGE];
	struct entry entries[ENTRIES];
};

/* ---- asking ---------------------------------------------------------------------- */

static struct nlmsghdr *request(struct way_cache *cache, uint16_t type)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(cache->buf);

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST;
	header->nlmsg_seq = ++cache->seq;
	return header;
}

struct answer {
	uint16_t type;
	size_t body_len;		/* of the fixed part */
	void *body;			/* gets a copy */
	const struct nlattr **attrs;	/* ATTRS; they point into the cache's buffer */
	bool found;
};

static int on_attr(const struct nlattr *attr, void *arg)
{
	const struct nlattr **attrs = arg;

	if (mnl_attr_get_type(attr) < ATTRS)
		attrs[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static int on_answer(const struct nlmsghdr *header, void *arg)
{
	struct answer *answer = arg;

	if (header->nlmsg_type != answer->type ||
	    mnl_nlmsg_get_payload_len(header) < answer->body_len)
		return MNL_CB_OK;
	memcpy(answer->body, mnl_nlmsg_get_payload(header), answer->body_len);
	answer->found = mnl_attr_parse(header, (unsigned int)answer->body_len, on_attr,
				       answer->attrs) >= 0;
	return MNL_CB_STOP;
}

/* Send the request in the buffer. The kernel answers at once, within the call. */
static bool ask(struct way_cache *cache, struct mnl_socket *socket, const struct nlmsghdr *header,
		struct answer *answer)
{
	unsigned int seq = header->nlmsg_seq;

	memset(answer->attrs, 0, ATTRS * sizeof(*answer->attrs));
	answer->found = false;
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return false;
	for (;;) {
		ssize_t len = recv(mnl_socket_get_fd(socket), cache->buf, sizeof(cache->buf),
				   MSG_DONTWAIT);
		int done;

		if (len <= 0)
			return false;
		done = mnl_cb_run(cache->buf, (size_t)len, seq, mnl_socket_get_portid(socket),
				  on_answer, answer);
		/* An answer to an earlier request, which was given up */
		if (done < 0 && errno == EPROTO)
			continue;
		return answer->found;
	}
}

/* ---- the steps of a way ------------------------------------------------------------- */

bool way_ipsec(struct way_cache *cache)
{
	const struct nlattr *attrs[ATTRS];
	const struct xfrmu_spdinfo *info;
	uint32_t flags = 0;
	struct answer answer = { XFRM_MSG_NEWSPDINFO, sizeof(flags), &flags, attrs, false };
	struct nlmsghdr *header;

	if (!cache->xfrm)
		return false;
	header = request(cache, XFRM_MSG_GETSPDINFO);
	mnl_nlmsg_put_extra_header(header, sizeof(flags));
	if (!ask(cache, cache->xfrm, header, &answer) || !attrs[XFRMA_SPD_INFO] ||
	    mnl_attr_get_payload_len(attrs[XFRMA_SPD_INFO]) < sizeof(*info))
		return true;
	info = mnl_attr_get_payload(attrs[XFRMA_SPD_INFO]);
	return info->outcnt != 0;
}

/* Is our mark another thing to the rule than none? */
static bool tells_marks(const struct nlattr *mark_attr, const struct nlattr *mask_attr)
{
	uint32_t mark = mark_attr ? mnl_attr_get_u32(mark_attr) : 0;
	uint32_t mask = mask_attr ? mnl_attr_get_u32(mask_attr) : mark ? UINT32_MAX : 0;

	return ((mark & mask) == 0) != (((mark ^ NAT64_MARK) & mask) == 0);
}

static int see_rule(const struct nlmsghdr *header, void *arg)
{
	const struct nlattr *attrs[ATTRS] = { NULL };
	bool *tells = arg;

	if (header->nlmsg_type != RTM_NEWRULE ||
	    mnl_nlmsg_get_payload_len(header) < sizeof(struct fib_rule_hdr) ||
	    mnl_attr_parse(header, sizeof(struct fib_rule_hdr), on_attr, attrs) < 0)
		return MNL_CB_OK;
	*tells |= attrs[FRA_IIFNAME] || attrs[FRA_UID_RANGE] ||
		  tells_marks(attrs[FRA_FWMARK], attrs[FRA_FWMASK]);
	return MNL_CB_OK;
}

bool way_told_apart(struct way_cache *cache)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	bool tells = false;

	for (size_t i = 0; i < sizeof(families) && !tells; i++) {
		struct nlmsghdr *header = request(cache, RTM_GETRULE);
		unsigned int seq = header->nlmsg_seq;
		struct fib_rule_hdr *rule;
		int more = 1;

		header->nlmsg_flags |= NLM_F_DUMP;
		rule = mnl_nlmsg_put_extra_header(header, sizeof(*rule));
		rule->family = families[i];
		if (mnl_socket_sendto(cache->route, header, header->nlmsg_len) < 0)
			return true;
		while (more > 0) {
			ssize_t len = recv(mnl_socket_get_fd(cache->route), cache->buf,
					   sizeof(cache->buf), MSG_DONTWAIT);

			if (len <= 0)
				return true;
			more = mnl_cb_run(cache->buf, (size_t)len, seq,
					  mnl_socket_get_portid(cache->route), see_rule, &tells);
			if (more < 0 && errno == EPROTO)
				more = 1;	/* an answer to an earlier request */
		}
		tells |= more < 0;
	}
	return tells;
}

static size_t put_address(struct nlmsghdr *header, uint16_t type, const struct in6_addr *addr)
{
	uint32_t v4_be32 = addr_v4_be32(addr);
	bool v4 = addr_is_v4(addr);
	size_t len = v4 ? sizeof(v4_be32) : sizeof(*addr);

	mnl_attr_put(header, type, len, v4 ? (const void *)&v4_be32 : (const void *)addr);
	return len;
}

static uint8_t family_of(const struct in6_addr *addr)
{
	return addr_is_v4(addr) ? AF_INET : AF_INET6;
}

/* Return: the device's index, and the next hop, which is @dst itself on its own link; or
 * 0 where packets go nowhere, to this host, or where the route does more than forward. */
static int find_route(struct way_cache *cache, const struct in6_addr *dst, struct in6_addr *next)
{
	const struct nlattr *attrs[ATTRS];
	struct rtmsg route, *ask_for;
	struct answer answer = { RTM_NEWROUTE, sizeof(route), &route, attrs, false };
	struct nlmsghdr *header = request(cache, RTM_GETROUTE);

	ask_for = mnl_nlmsg_put_extra_header(header, sizeof(*ask_for));
	ask_for->rtm_family = family_of(dst);
	ask_for->rtm_dst_len = (uint8_t)(put_address(header, RTA_DST, dst) * 8);
	mnl_attr_put_u32(header, RTA_MARK, NAT64_MARK);
	if (!ask(cache, cache->route, header, &answer) || route.rtm_type != RTN_UNICAST ||
	    !attrs[RTA_OIF] || mnl_attr_validate(attrs[RTA_OIF], MNL_TYPE_U32) < 0 ||
	    attrs[RTA_ENCAP] || attrs[RTA_MULTIPATH] || attrs[RTA_VIA])
		return 0;
	*next = *dst;
	if (attrs[RTA_GATEWAY]) {
		const void *gateway = mnl_attr_get_payload(attrs[RTA_GATEWAY]);
		size_t len = mnl_attr_get_payload_len(attrs[RTA_GATEWAY]);
		uint32_t v4_be32;

		if (len != (addr_is_v4(dst) ? sizeof(v4_be32) : sizeof(*next)))
			return 0;
		memcpy(len == sizeof(v4_be32) ? (void *)&v4_be32 : (void *)next, gateway, len);
		if (len == sizeof(v4_be32))
			*next = addr_from_v4(v4_be32);
	}
	return (int)mnl_attr_get_u32(attrs[RTA_OIF]);
}

/* Return: the kind of the device (ARPHRD_*), and its address; or -1. */
static int find_device(struct way_cache *cache, int ifindex, uint8_t address[ETH_ALEN])
{
	const struct nlattr *attrs[ATTRS];
	struct ifinfomsg link, *ask_for;
	struct answer answer = { RTM_NEWLINK, sizeof(link), &link, attrs, false };
	struct nlmsghdr *header = request(cache, RTM_GETLINK);

	ask_for = mnl_nlmsg_put_extra_header(header, sizeof(*ask_for));
	ask_for->ifi_index = ifindex;
	if (!ask(cache, cache->route, header, &answer) ||
	    (link.ifi_flags & (IFF_UP | IFF_LOOPBACK)) != IFF_UP)
		return -1;
	if (link.ifi_type == ARPHRD_ETHER) {
		if (!attrs[IFLA_ADDRESS] || mnl_attr_get_payload_len(attrs[IFLA_ADDRESS]) != ETH_ALEN)
			return -1;
		memcpy(address, mnl_attr_get_payload(attrs[IFLA_ADDRESS]), ETH_ALEN);
	}
	return link.ifi_type;
}

static bool find_neighbour(struct way_cache *cache, int ifindex, const struct in6_addr *next,
			   uint8_t address[ETH_ALEN])
{
	const struct nlattr *attrs[ATTRS];
	struct ndmsg neighbour, *ask_for;
	struct answer answer = { RTM_NEWNEIGH, sizeof(neighbour), &neighbour, attrs, false };
	struct nlmsghdr *header = request(cache, RTM_GETNEIGH);

	ask_for = mnl_nlmsg_put_extra_header(header, sizeof(*ask_for));
	ask_for->ndm_family = family_of(next);
	ask_for->ndm_ifindex = ifindex;
	put_address(header, NDA_DST, next);
	if (!ask(cache, cache->route, header, &answer) || !(neighbour.ndm_state & NEIGHBOUR_GOOD) ||
	    !attrs[NDA_LLADDR] || mnl_attr_get_payload_len(attrs[NDA_LLADDR]) != ETH_ALEN)
		return false;
	memcpy(address, mnl_attr_get_payload(attrs[NDA_LLADDR]), ETH_ALEN);
	return true;
}

static bool find_way(struct way_cache *cache, const struct in6_addr *dst, struct way *way)
{
	uint16_t protocol_be16 = htons(addr_is_v4(dst) ? ETH_P_IP : ETH_P_IPV6);
	struct in6_addr next;
	int kind;

	/* IPsec is the kernel's output's affair. */
	if (way_ipsec(cache))
		return false;
	way->ifindex = find_route(cache, dst, &next);
	if (way->ifindex <= 0)
		return false;
	kind = find_device(cache, way->ifindex, way->link + ETH_ALEN);
	way->link_len = 0;
	if (kind == ARPHRD_NONE)
		return true;
	if (kind != ARPHRD_ETHER || !find_neighbour(cache, way->ifindex, &next, way->link))
		return false;
	memcpy(way->link + 2 * ETH_ALEN, &protocol_be16, sizeof(protocol_be16));
	way->link_len = ETH_HLEN;
	return true;
}

/* ---- the cache ------------------------------------------------------------------------ */

/* A slot a destination; a clash only costs the system calls again. */
static struct entry *entry_of(struct way_cache *cache, const struct in6_addr *dst)
{
	uint32_t words[4];

	memcpy(words, dst, sizeof(words));
	return &cache->entries[((words[0] ^ words[1] ^ words[2] ^ words[3]) * 0x9e3779b1u >> 16) %
			       ENTRIES];
}

const struct way *way_to(struct way_cache *cache, const struct in6_addr *dst, int64_t now_ms)
{
	struct entry *entry = entry_of(cache, dst);

	if (now_ms >= entry->until_ms || !addr_equal(&entry->dst, dst)) {
		entry->dst = *dst;
		entry->until_ms = now_ms + KEEP_MS;
		entry->usable = find_way(cache, dst, &entry->way);
	}
	return entry->usable ? &entry->way : NULL;
}

void way_cache_flush(struct way_cache *cache)
{
	memset(cache->entries, 0, sizeof(cache->entries));
}

/* ---- making and ending ------------------------------------------------------------------ */

static struct mnl_socket *open_netlink(int bus)
{
	struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC);

	if (socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(socket);
		return NULL;
	}
	return socket;
}

struct way_cache *way_cache_new(void)
{
	struct way_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	cache->route = open_netlink(NETLINK_ROUTE);
	cache->xfrm = open_netlink(NETLINK_XFRM);
	if (!cache->route || (!cache->xfrm && errno != EPROTONOSUPPORT)) {
		way_cache_free(cache);
		return NULL;
	}
	return cache;
}

void way_cache_free(struct way_cache *cache)
{
	if (!cache)
		return;
	if (cache->route)
		mnl_socket_close(cache->route);
	if (cache->xfrm)
		mnl_socket_close(cache->xfrm);
	free(cache);
}
