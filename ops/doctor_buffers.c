/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor_buffers.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <string.h>

#include "../core/addr.h"

enum {
	ALL_STATES = -1,
	OVERHEAD = 2,		/* socket(7): the kernel doubles what is asked for, for itself */
};

struct looking {
	const struct endpoint *at;
	uint32_t smallest;	/* UINT32_MAX: none seen */
};

static int read_attribute(const struct nlattr *attr, void *arg)
{
	struct looking *looking = arg;
	uint32_t values[SK_MEMINFO_VARS];
	size_t len = mnl_attr_get_payload_len(attr);

	if (mnl_attr_get_type(attr) != INET_DIAG_SKMEMINFO ||
	    len < (SK_MEMINFO_RCVBUF + 1) * sizeof(*values))
		return MNL_CB_OK;
	memcpy(values, mnl_attr_get_payload(attr), len < sizeof(values) ? len : sizeof(values));
	if (values[SK_MEMINFO_RCVBUF] / OVERHEAD < looking->smallest)
		looking->smallest = values[SK_MEMINFO_RCVBUF] / OVERHEAD;
	return MNL_CB_OK;
}

static int read_socket(const struct nlmsghdr *header, void *arg)
{
	const struct inet_diag_msg *message = mnl_nlmsg_get_payload(header);
	struct looking *looking = arg;
	struct in6_addr local;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(*message) || message->id.idiag_dport ||
	    ntohs(message->id.idiag_sport) != looking->at->port)
		return MNL_CB_OK;
	if (message->idiag_family == AF_INET)
		local = addr_from_v4(message->id.idiag_src[0]);
	else
		memcpy(&local, message->id.idiag_src, sizeof(local));
	if (!addr_equal(&local, &looking->at->addr))
		return MNL_CB_OK;
	return mnl_attr_parse(header, sizeof(*message), read_attribute, looking) < 0 ?
	       MNL_CB_ERROR : MNL_CB_OK;
}

static size_t build(void *buffer, const struct endpoint *at)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *request;

	header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
	request->sdiag_family = addr_is_v4(&at->addr) ? AF_INET : AF_INET6;
	request->sdiag_protocol = IPPROTO_UDP;
	request->idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1);
	request->idiag_states = (uint32_t)ALL_STATES;
	return header->nlmsg_len;
}

int buffers_smallest(const struct endpoint *at, uint32_t *bytes)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	struct looking looking = { at, UINT32_MAX };
	char request[256], reply[16384];
	int err = 0, more = MNL_CB_OK;

	if (!socket)
		return errno == EPROTONOSUPPORT ? -ENOENT : -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, build(request, at)) < 0)
		err = -errno;
	while (!err && more == MNL_CB_OK) {
		ssize_t len = mnl_socket_recvfrom(socket, reply, sizeof(reply));

		more = len < 0 ? MNL_CB_ERROR :
		       mnl_cb_run(reply, (size_t)len, 0, mnl_socket_get_portid(socket),
				  read_socket, &looking);
		if (more == MNL_CB_ERROR)
			err = -errno;
	}
	mnl_socket_close(socket);
	*bytes = looking.smallest;
	return err ? err : looking.smallest == UINT32_MAX ? -ENOENT : 0;
}
