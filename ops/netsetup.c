/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtnetlink. Links, addresses and routes come in as dumps and become the plain
 * facts that netdetect.c judges; our routes go out.
 *
 * The dumps are parsed message by message. libnl's route cache would hold only
 * one of two routes that differ in nothing but the link, and which link a route
 * has is just what is asked here.
 */
#include "netsetup.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/log.h"
#include "netdetect.h"

enum {
	DUMP_TRIES = 5,		/* a dump that changes meanwhile is read again */
	NETSETUP_METRIC = 1 << 20,	/* behind everybody's own route to a pref64 */
};

/* libnl has its own error numbers */
static int nl_to_errno(int err)
{
	switch (-err) {
	case NLE_SUCCESS:
		return 0;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_OBJ_NOTFOUND:
		return -ESRCH;
	case NLE_NODEV:
		return -ENODEV;
	default:
		return -EIO;
	}
}

/* Return: a connected socket, or NULL, the reason having been logged. */
static struct nl_sock *rtnl_open(void)
{
	struct nl_sock *sk = nl_socket_alloc();
	int err = sk ? nl_connect(sk, NETLINK_ROUTE) : -NLE_NOMEM;

	if (!err)
		return sk;
	log_error("cannot open rtnetlink: %s", nl_geterror(err));
	nl_socket_free(sk);
	return NULL;
}

/* ---- reading: one message becomes one or more facts -------------------------- */

/* Return: @array, perhaps moved, with room for element @n zeroed; NULL: out of memory. */
static void *grow(void *array, size_t n, size_t size)
{
	/* Powers of two: no capacity to keep, and few moves. */
	if ((n & (n - 1)) == 0)
		array = reallocarray(array, n ? n * 2 : 1, size);
	if (array)
		memset((char *)array + n * size, 0, size);
	return array;
}

struct reading {
	struct netdetect_host *host;
	int err;		/* 0 or -ENOMEM */
};

static void read_link(struct nl_object *object, void *arg)
{
	struct rtnl_link *link = (struct rtnl_link *)object;
	struct reading *reading = arg;
	struct netdetect_host *host = reading->host;
	struct netdetect_link *links = grow(host->links, host->n_links, sizeof(*links)), *fact;
	const char *name = rtnl_link_get_name(link);

	if (!links) {
		reading->err = -ENOMEM;
		return;
	}
	host->links = links;
	fact = &links[host->n_links++];
	fact->index = rtnl_link_get_ifindex(link);
	fact->mtu = rtnl_link_get_mtu(link);
	fact->loopback = rtnl_link_get_flags(link) & IFF_LOOPBACK;
	if (name)
		strncpy(fact->name, name, sizeof(fact->name) - 1);
}

static void read_addr(struct nl_object *object, void *arg)
{
	struct rtnl_addr *addr = (struct rtnl_addr *)object;
	struct reading *reading = arg;
	struct netdetect_host *host = reading->host;
	struct nl_addr *local = rtnl_addr_get_local(addr);
	struct netdetect_addr *addrs, *fact;

	if (rtnl_addr_get_scope(addr) != RT_SCOPE_UNIVERSE ||
	    rtnl_addr_get_flags(addr) & IFA_F_SECONDARY ||
	    !local || nl_addr_get_len(local) != sizeof(fact->v4_be32))
		return;
	addrs = grow(host->addrs, host->n_addrs, sizeof(*addrs));
	if (!addrs) {
		reading->err = -ENOMEM;
		return;
	}
	host->addrs = addrs;
	fact = &addrs[host->n_addrs++];
	fact->link = rtnl_addr_get_ifindex(addr);
	memcpy(&fact->v4_be32, nl_addr_get_binary_addr(local), sizeof(fact->v4_be32));
}

/* Return: false for a destination that is of no use here. */
static bool read_dst(struct rtnl_route *route, struct prefix *dst)
{
	struct nl_addr *nl = rtnl_route_get_dst(route);
	unsigned int len = nl_addr_get_prefixlen(nl);
	uint32_t v4_be32 = 0;

	memset(dst, 0, sizeof(*dst));
	switch (rtnl_route_get_family(route)) {
	case AF_INET:
		/* A default route's destination has a length and no address. */
		if (nl_addr_get_len(nl) == sizeof(v4_be32))
			memcpy(&v4_be32, nl_addr_get_binary_addr(nl), sizeof(v4_be32));
		dst->addr = addr_from_v4(v4_be32);
		dst->len = (uint8_t)(96 + len);
		return len <= 32;
	case AF_INET6:
		if (nl_addr_get_len(nl) == sizeof(dst->addr))
			memcpy(&dst->addr, nl_addr_get_binary_addr(nl), sizeof(dst->addr));
		dst->len = (uint8_t)len;
		/* The mapped range stands for IPv4 here; nothing else is to look like it. */
		return len <= 128 && !prefix_is_v4(dst);
	default:
		return false;
	}
}

struct hop_reading {
	struct reading *reading;
	struct netdetect_route route;	/* all but the link */
};

static void read_hop(struct rtnl_nexthop *hop, void *arg)
{
	struct hop_reading *hops = arg;
	struct netdetect_host *host = hops->reading->host;
	struct netdetect_route *routes = grow(host->routes, host->n_routes, sizeof(*routes));

	if (!routes) {
		hops->reading->err = -ENOMEM;
		return;
	}
	hops->route.link = hop ? rtnl_route_nh_get_ifindex(hop) : 0;
	host->routes = routes;
	routes[host->n_routes++] = hops->route;
}

/* Return: what the route says the MTU is, 0 if nothing. */
static uint32_t route_mtu(struct rtnl_route *route)
{
	uint32_t mtu;

	return rtnl_route_get_metric(route, RTAX_MTU, &mtu) == 0 ? mtu : 0;
}

static void read_route(struct nl_object *object, void *arg)
{
	struct rtnl_route *route = (struct rtnl_route *)object;
	struct hop_reading hops = {
		.reading = arg,
		.route = {
			.table = rtnl_route_get_table(route),
			.metric = rtnl_route_get_priority(route),
			.mtu = route_mtu(route),
			.type = rtnl_route_get_type(route),
			.protocol = rtnl_route_get_protocol(route),
		},
	};

	/* A clone is not a route but what the kernel learnt of one destination. */
	if (rtnl_route_get_flags(route) & RTM_F_CLONED || !read_dst(route, &hops.route.dst))
		return;
	if (rtnl_route_get_nnexthops(route))
		rtnl_route_foreach_nexthop(route, read_hop, &hops);
	else
		read_hop(NULL, &hops);
}

/* ---- dumps ------------------------------------------------------------------ */

struct dump {
	void (*each)(struct nl_object *object, void *arg);
	void *arg;
};

static int parse_message(struct nl_msg *msg, void *arg)
{
	const struct dump *dump = arg;

	return nl_msg_parse(msg, dump->each, dump->arg) == -NLE_NOMEM ? -NLE_NOMEM : NL_OK;
}

/**
 * dump() - call @each with every object of one kind.
 * @type:	RTM_GET*; @family: AF_*, AF_UNSPEC for all.
 * Return: 0 or libnl's error, -NLE_DUMP_INTR when things changed meanwhile.
 */
static int dump(struct nl_sock *sk, int type, int family,
		void (*each)(struct nl_object *, void *), void *arg)
{
	struct dump what = {.each = each, .arg = arg};
	/* Long enough for the header of each kind, which all begin with the family. */
	union {
		struct rtgenmsg family;
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
	} head = {.route = {.rtm_family = (unsigned char)family}};
	size_t len = type == RTM_GETLINK ? sizeof(head.link) :
		     type == RTM_GETADDR ? sizeof(head.addr) : sizeof(head.route);
	int err = nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, parse_message, &what);

	if (!err)
		err = nl_send_simple(sk, type, NLM_F_DUMP, &head, len);
	if (err >= 0)
		err = nl_recvmsgs_default(sk);
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	return err < 0 ? err : 0;
}

static int read_host(struct nl_sock *sk, struct netdetect_host *host)
{
	struct reading reading = {.host = host};
	int err = dump(sk, RTM_GETLINK, AF_UNSPEC, read_link, &reading);

	if (!err)
		err = dump(sk, RTM_GETADDR, AF_INET, read_addr, &reading);
	if (!err)
		err = dump(sk, RTM_GETROUTE, AF_INET, read_route, &reading);
	if (!err)
		err = dump(sk, RTM_GETROUTE, AF_INET6, read_route, &reading);
	return reading.err ? -NLE_NOMEM : err;
}

/* Where that cannot be read, it does not. */
static bool forwards_ipv4(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_forward", "re");
	bool yes = file && fgetc(file) == '1';

	if (file)
		fclose(file);
	return yes;
}

int netsetup_read(struct netdetect_host *host)
{
	struct nl_sock *sk = rtnl_open();
	int err = 0;

	*host = (struct netdetect_host){0};
	if (!sk)
		return -EIO;
	for (int i = 0; i < DUMP_TRIES; i++) {
		netdetect_host_free(host);
		err = read_host(sk, host);
		if (err != -NLE_DUMP_INTR)
			break;
	}
	nl_socket_free(sk);
	host->forwards4 = forwards_ipv4();
	if (!err)
		return 0;
	log_error("cannot read the host's network: %s", nl_geterror(err));
	netdetect_host_free(host);
	return nl_to_errno(err);
}

int netsetup_detect(const struct config *config, struct netinfo *net)
{
	struct netdetect_host host;
	int err = netsetup_read(&host);

	memset(net, 0, sizeof(*net));
	if (err)
		return err;
	err = netdetect_derive(&host, config, net);
	netdetect_host_free(&host);
	return err;
}

/* ---- our routes ------------------------------------------------------------- */

/* Our routes as found on the host; few */
struct found {
	struct rtnl_route **v;
	size_t n;
	int err;
};

static void find_ours(struct nl_object *object, void *arg)
{
	struct rtnl_route *route = (struct rtnl_route *)object, **v;
	struct found *found = arg;

	if (rtnl_route_get_protocol(route) != NETSETUP_RTPROT)
		return;
	v = grow(found->v, found->n, sizeof(struct rtnl_route *));
	if (!v) {
		found->err = -ENOMEM;
		return;
	}
	nl_object_get(object);
	found->v = v;
	v[found->n++] = route;
}

static void found_clear(struct found *found)
{
	for (size_t i = 0; i < found->n; i++)
		rtnl_route_put(found->v[i]);
	free(found->v);
	memset(found, 0, sizeof(*found));
}

static int find_our_routes(struct nl_sock *sk, struct found *found)
{
	int err = 0;

	for (int i = 0; i < DUMP_TRIES; i++) {
		found_clear(found);
		err = dump(sk, RTM_GETROUTE, AF_INET6, find_ours, found);
		if (err != -NLE_DUMP_INTR)
			break;
	}
	return found->err ? -NLE_NOMEM : err;
}

/* What a route of ours looks like */
struct want {
	struct prefix dst;
	uint32_t table, metric;	/* metric 0: the default of the kernel */
	uint8_t type;		/* RTN_* */
	bool have;		/* found on the host */
};

struct wants {
	struct want *v;
	size_t n;
};

static int make_wants(struct wants *wants, const struct prefix *nat46,
		      const struct prefix_list *pref64)
{
	size_t n_pref64 = pref64 ? pref64->n : 0;

	*wants = (struct wants){ calloc(n_pref64 + 1, sizeof(*wants->v)), 0 };
	if (!wants->v)
		return -NLE_NOMEM;
	if (nat46)
		wants->v[wants->n++] = (struct want){
			.dst = *nat46, .table = RT_TABLE_LOCAL, .type = RTN_LOCAL,
		};
	for (size_t i = 0; i < n_pref64; i++)
		wants->v[wants->n++] = (struct want){
			.dst = pref64->v[i], .table = RT_TABLE_MAIN, .type = RTN_UNICAST,
			.metric = NETSETUP_METRIC,
		};
	return 0;
}

/* Which of the wants is this route? Each is met once; NULL: none. */
static struct want *want_of(const struct wants *wants, struct rtnl_route *route)
{
	struct prefix dst;

	if (!read_dst(route, &dst))
		return NULL;
	for (size_t i = 0; i < wants->n; i++) {
		struct want *want = &wants->v[i];

		if (!want->have && prefix_equal(&dst, &want->dst) &&
		    rtnl_route_get_table(route) == want->table &&
		    rtnl_route_get_type(route) == want->type)
			return want;
	}
	return NULL;
}

static int add_route(struct nl_sock *sk, const struct want *want)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *dst = nl_addr_build(AF_INET6, &want->dst.addr, sizeof(want->dst.addr));
	int err = -NLE_NOMEM;

	if (!route || !hop || !dst)
		goto out;
	nl_addr_set_prefixlen(dst, want->dst.len);
	rtnl_route_set_family(route, AF_INET6);
	rtnl_route_set_table(route, want->table);
	rtnl_route_set_type(route, want->type);
	rtnl_route_set_scope(route, want->type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE);
	rtnl_route_set_priority(route, want->metric);
	rtnl_route_set_protocol(route, NETSETUP_RTPROT);
	err = rtnl_route_set_dst(route, dst);
	if (err)
		goto out;
	rtnl_route_nh_set_ifindex(hop, (int)if_nametoindex("lo"));
	rtnl_route_add_nexthop(route, hop);
	hop = NULL; /* the route has it now */
	err = rtnl_route_add(sk, route, NLM_F_EXCL);
out:
	nl_addr_put(dst);
	if (hop)
		rtnl_route_nh_free(hop);
	rtnl_route_put(route);
	return err;
}

/*
 * Keep of @found what is wanted, remove the rest, and add what is missing.
 * @failed:	the want that could not be met, if it is one.
 * @added:	how many are new.
 * Return: 0 or libnl's error.
 */
static int reconcile(struct nl_sock *sk, const struct found *found, const struct wants *wants,
		     const struct want **failed, unsigned int *added)
{
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < found->n; i++) {
		struct want *want = want_of(wants, found->v[i]);
		int err;

		if (want) {
			want->have = true;
			continue;
		}
		err = rtnl_route_delete(sk, found->v[i], 0);
		if (err && err != -NLE_OBJ_NOTFOUND)
			return err;
	}
	for (size_t i = 0; i < wants->n; i++) {
		const struct want *want = &wants->v[i];
		int err = want->have ? -NLE_EXIST : add_route(sk, want);

		/* Someone else's route to the same end serves us as well. */
		if (err == -NLE_EXIST)
			continue;
		if (!err) {
			++*added;
		} else if (want->type == RTN_UNICAST) {
			/* Everybody else does without it. */
			log_warn("the host itself has no way to %s: cannot set route dev lo: %s",
				 prefix_format(&want->dst, text), nl_geterror(err));
		} else {
			*failed = want;
			return err;
		}
	}
	return 0;
}

int netsetup_apply(const struct prefix *nat46, const struct prefix_list *pref64,
		   unsigned int *added)
{
	struct nl_sock *sk = rtnl_open();
	const struct want *failed = NULL;
	struct found found = {0};
	char text[PREFIX_STRLEN];
	struct wants wants;
	int err;

	*added = 0;
	if (!sk)
		return -EIO;
	err = make_wants(&wants, nat46, pref64);
	if (!err)
		err = find_our_routes(sk, &found);
	if (!err)
		err = reconcile(sk, &found, &wants, &failed, added);
	if (err && failed)
		log_error("cannot set route local %s dev lo: %s",
			  prefix_format(&failed->dst, text), nl_geterror(err));
	else if (err)
		log_error("cannot remove our routes: %s", nl_geterror(err));
	found_clear(&found);
	free(wants.v);
	nl_socket_free(sk);
	return nl_to_errno(err);
}

int netsetup_remove(void)
{
	unsigned int added;

	return netsetup_apply(NULL, NULL, &added);
}
