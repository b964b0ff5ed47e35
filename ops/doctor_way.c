/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor_way.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "../core/addr.h"

static void put_address(struct nlmsghdr *header, uint16_t type, const struct in6_addr *addr)
{
	if (addr_is_v4(addr))
		mnl_attr_put_u32(header, type, addr_v4_be32(addr));
	else
		mnl_attr_put(header, type, sizeof(*addr), addr);
}

static size_t build(void *buffer, const struct in6_addr *dst, const struct in6_addr *src, int in)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct rtmsg *message;
	uint8_t bits = addr_is_v4(dst) ? 32 : 128;

	header->nlmsg_type = RTM_GETROUTE;
	header->nlmsg_flags = NLM_F_REQUEST;
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->rtm_family = addr_is_v4(dst) ? AF_INET : AF_INET6;
	message->rtm_dst_len = bits;
	put_address(header, RTA_DST, dst);
	if (src) {
		message->rtm_src_len = bits;
		put_address(header, RTA_SRC, src);
	}
	if (in)
		mnl_attr_put_u32(header, RTA_IIF, (uint32_t)in);
	return header->nlmsg_len;
}

static int read_attribute(const struct nlattr *attr, void *arg)
{
	struct way *way = arg;

	switch (mnl_attr_get_type(attr)) {
	case RTA_OIF:
		if (mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
			way->link = (int)mnl_attr_get_u32(attr);
		break;
	case RTA_TABLE:
		if (mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
			way->table = mnl_attr_get_u32(attr);
		break;
	case RTA_GATEWAY:
	case RTA_VIA:
		way->routed = true;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int read_route(const struct nlmsghdr *header, void *arg)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	struct way *way = arg;

	*way = (struct way){ .type = message->rtm_type, .table = message->rtm_table };
	mnl_attr_parse(header, sizeof(*message), read_attribute, way);
	return MNL_CB_STOP;
}

int way_get(const struct in6_addr *dst, const struct in6_addr *src, int in, struct way *out)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char request[256], reply[8192];
	ssize_t len;
	int err = 0;

	*out = (struct way){ 0 };
	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, build(request, dst, src, in)) < 0) {
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
