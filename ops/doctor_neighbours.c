/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor_neighbours.h"

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "../core/addr.h"

/* Such have answered; entries of proxies have no state. */
enum { REACHED = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT };

struct looking {
	int link;
	const struct prefix *prefix;
	bool found;
};

static int read_address(const struct nlattr *attr, void *arg)
{
	struct looking *looking = arg;
	struct in6_addr addr;

	if (mnl_attr_get_type(attr) != NDA_DST || mnl_attr_get_payload_len(attr) != sizeof(addr))
		return MNL_CB_OK;
	memcpy(&addr, mnl_attr_get_payload(attr), sizeof(addr));
	looking->found |= prefix_contains(looking->prefix, &addr);
	return MNL_CB_OK;
}

static int read_neighbour(const struct nlmsghdr *header, void *arg)
{
	const struct ndmsg *message = mnl_nlmsg_get_payload(header);
	struct looking *looking = arg;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(*message) ||
	    message->ndm_ifindex != looking->link ||
	    !((message->ndm_flags & NTF_PROXY) || (message->ndm_state & REACHED)))
		return MNL_CB_OK;
	return mnl_attr_parse(header, sizeof(*message), read_address, looking);
}

static size_t build(void *buffer, uint8_t flags)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct ndmsg *message;

	header->nlmsg_type = RTM_GETNEIGH;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->ndm_family = AF_INET6;
	message->ndm_flags = flags;
	return header->nlmsg_len;
}

static void look(struct looking *looking, uint8_t flags)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char request[64], reply[16384];
	int more = MNL_CB_OK;

	if (!socket)
		return;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, build(request, flags)) < 0)
		more = MNL_CB_ERROR;
	while (more == MNL_CB_OK) {
		ssize_t len = mnl_socket_recvfrom(socket, reply, sizeof(reply));

		more = len < 0 ? MNL_CB_ERROR :
		       mnl_cb_run(reply, (size_t)len, 0, mnl_socket_get_portid(socket),
				  read_neighbour, looking);
	}
	mnl_socket_close(socket);
}

bool neighbours_have(int link, const struct prefix *prefix)
{
	struct looking looking = { link, prefix, false };

	look(&looking, 0);
	if (!looking.found)
		look(&looking, NTF_PROXY);
	return looking.found;
}
