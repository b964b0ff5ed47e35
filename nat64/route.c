/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "../core/addr.h"

enum { REQUEST_ROOM = 256 };

static size_t build(void *buffer, const struct in6_addr *dst, uint32_t mark)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct rtmsg *message;
	bool v4 = addr_is_v4(dst);

	header->nlmsg_type = RTM_GETROUTE;
	header->nlmsg_flags = NLM_F_REQUEST;
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->rtm_family = v4 ? AF_INET : AF_INET6;
	message->rtm_dst_len = v4 ? 32 : 128;
	if (v4)
		mnl_attr_put_u32(header, RTA_DST, addr_v4_be32(dst));
	else
		mnl_attr_put(header, RTA_DST, sizeof(*dst), dst);
	mnl_attr_put_u32(header, RTA_MARK, mark);
	return header->nlmsg_len;
}

static int read_attribute(const struct nlattr *attr, void *arg)
{
	struct route *route = arg;
	size_t len = mnl_attr_get_payload_len(attr);

	if (mnl_attr_get_type(attr) == RTA_OIF && len == sizeof(uint32_t)) {
		if (!if_indextoname(mnl_attr_get_u32(attr), route->interface))
			strcpy(route->interface, "?");
	} else if (mnl_attr_get_type(attr) == RTA_GATEWAY) {
		route->has_gateway = true;
		if (len == sizeof(uint32_t))
			route->gateway = addr_from_v4(mnl_attr_get_u32(attr));
		else if (len == sizeof(route->gateway))
			memcpy(&route->gateway, mnl_attr_get_payload(attr), len);
	}
	return MNL_CB_OK;
}

static int read_route(const struct nlmsghdr *header, void *arg)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	struct route *route = arg;

	/* Routes that are there to say no; the IPv6 side answers so without an error. */
	if (message->rtm_type != RTN_UNICAST && message->rtm_type != RTN_LOCAL) {
		errno = ENETUNREACH;
		return MNL_CB_ERROR;
	}
	*route = (struct route){ 0 };
	mnl_attr_parse(header, sizeof(*message), read_attribute, route);
	return MNL_CB_STOP;
}

int route_get(const struct in6_addr *dst, uint32_t mark, struct route *out)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char request[REQUEST_ROOM], reply[4096];
	ssize_t len;
	int err = 0;

	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, build(request, dst, mark)) < 0) {
		err = -errno;
	} else {
		len = mnl_socket_recvfrom(socket, reply, sizeof(reply));
		if (len < 0 || mnl_cb_run(reply, (size_t)len, 0,
					  mnl_socket_get_portid(socket), read_route, out) < 0)
			err = -errno;
	}
	mnl_socket_close(socket);
	return err;
}
