/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor_wg.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define FOLDER "/var/run/wireguard/"

/* libmnl's own loops do not count in int, as its mnl_attr_ok() does. */
#define each_attribute(attr, first, end)                                                           \
	for ((attr) = (first);                                                                     \
	     mnl_attr_ok((attr), (int)((const char *)(end) - (const char *)(attr)));               \
	     (attr) = mnl_attr_next(attr))
#define each_nested(attr, nest)								\
	each_attribute(attr, mnl_attr_get_payload(nest),				\
		       (const char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest))
#define each_of(attr, header)								\
	each_attribute(attr, mnl_nlmsg_get_payload_offset(header, sizeof(struct genlmsghdr)), \
		       mnl_nlmsg_get_payload_tail(header))

enum {
	REPLY_MAX = 1 << 20,		/* bytes; some 15,000 AllowedIPs */
	WAIT_S = 1,
	MESSAGE = 32768,
	SILENT_S = 24 * 3600,
};

const char *wg_key(const struct read_peer *peer, char *text)
{
	EVP_EncodeBlock((unsigned char *)text, peer->key, READ_KEY_LEN);
	return text;
}

bool wg_is_silent(const struct read_peer *peer, int64_t now_s)
{
	return peer->handshake_s > 0 && now_s - peer->handshake_s > SILENT_S;
}

/* ---- a program's socket ------------------------------------------------------------ */

static int ask_program(int fd, struct read_peers *peers)
{
	static const char request[] = "get=1\n\n";
	char *text = malloc(REPLY_MAX);
	size_t len = 0;
	ssize_t n;
	int err = 0;

	if (!text)
		return -ENOMEM;
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		err = -errno;
	/* It ends with an empty line, and leaves the connection open. */
	while (!err && (len < 2 || memcmp(text + len - 2, "\n\n", 2) != 0)) {
		n = len < REPLY_MAX - 1 ? recv(fd, text + len, REPLY_MAX - 1 - len, 0) : 0;
		if (n <= 0)
			err = n < 0 ? -errno : -EPROTO;
		else
			len += (size_t)n;
	}
	text[len] = '\0';
	if (!err && !read_wireguard(text, peers))
		err = -EPROTO;
	/* Private keys are in it. */
	explicit_bzero(text, len);
	free(text);
	return err;
}

static int read_program(const char *interface, struct read_peers *peers)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = WAIT_S };
	int fd, err;

	snprintf(at.sun_path, sizeof(at.sun_path), FOLDER "%s.sock", interface);
	if (access(at.sun_path, F_OK) < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	err = connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : ask_program(fd, peers);
	close(fd);
	return err;
}

/* ---- the kernel -------------------------------------------------------------------- */

static int read_allowed(const struct nlattr *attr, void *arg)
{
	struct prefix_list *list = arg;
	const struct nlattr *one;
	struct prefix prefix = { 0 };
	const void *addr = NULL;
	unsigned int len = 0, addr_len = 0;

	each_nested(one, attr) {
		if (mnl_attr_get_type(one) == WGALLOWEDIP_A_IPADDR) {
			addr = mnl_attr_get_payload(one);
			addr_len = mnl_attr_get_payload_len(one);
		} else if (mnl_attr_get_type(one) == WGALLOWEDIP_A_CIDR_MASK &&
			   mnl_attr_get_payload_len(one) >= sizeof(uint8_t)) {
			len = mnl_attr_get_u8(one);
		}
	}
	if (addr_len == sizeof(prefix.addr) && len <= 128) {
		memcpy(&prefix.addr, addr, sizeof(prefix.addr));
	} else if (addr_len == sizeof(uint32_t) && len <= 32) {
		uint32_t v4_be32;

		memcpy(&v4_be32, addr, sizeof(v4_be32));
		prefix.addr = addr_from_v4(v4_be32);
		len += 96;
	} else {
		return MNL_CB_OK;
	}
	prefix.len = (uint8_t)len;
	return prefix_list_add(list, &prefix) == 0 ? MNL_CB_OK : MNL_CB_ERROR;
}

static void read_endpoint(const struct nlattr *attr, struct endpoint *out)
{
	struct sockaddr_in6 at = { 0 };
	size_t len = mnl_attr_get_payload_len(attr);

	memcpy(&at, mnl_attr_get_payload(attr), len < sizeof(at) ? len : sizeof(at));
	if (len >= sizeof(struct sockaddr_in))
		endpoint_from_sockaddr((struct sockaddr *)&at, out);
}

/* A peer with many AllowedIPs comes in several messages. */
static struct read_peer *peer_of(struct read_peers *peers, const struct nlattr *nest)
{
	struct read_peer *peer = peers->n ? &peers->v[peers->n - 1] : NULL;
	const struct nlattr *attr;

	each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) != WGPEER_A_PUBLIC_KEY ||
		    mnl_attr_get_payload_len(attr) != READ_KEY_LEN)
			continue;
		if (!peer || memcmp(peer->key, mnl_attr_get_payload(attr), READ_KEY_LEN) != 0) {
			peer = read_peers_add(peers);
			if (peer)
				memcpy(peer->key, mnl_attr_get_payload(attr), READ_KEY_LEN);
		}
		return peer;
	}
	return NULL;
}

static int read_peer(struct read_peers *peers, const struct nlattr *nest)
{
	struct read_peer *peer = peer_of(peers, nest);
	const struct nlattr *attr;
	struct { int64_t s, ns; } when;

	if (!peer)
		return MNL_CB_ERROR;
	each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case WGPEER_A_ENDPOINT:
			read_endpoint(attr, &peer->endpoint);
			break;
		case WGPEER_A_LAST_HANDSHAKE_TIME:
			if (mnl_attr_get_payload_len(attr) != sizeof(when))
				break;
			memcpy(&when, mnl_attr_get_payload(attr), sizeof(when));
			peer->handshake_s = when.s;
			break;
		case WGPEER_A_ALLOWEDIPS:
			if (mnl_attr_parse_nested(attr, read_allowed, &peer->allowed) < 0)
				return MNL_CB_ERROR;
			break;
		default:
			break;
		}
	}
	return MNL_CB_OK;
}

int wg_read_message(const struct nlmsghdr *header, void *arg)
{
	const struct nlattr *attr, *peer;

	each_of(attr, header) {
		if (mnl_attr_get_type(attr) != WGDEVICE_A_PEERS)
			continue;
		each_nested(peer, attr)
			if (read_peer(arg, peer) != MNL_CB_OK)
				return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

static int read_family(const struct nlmsghdr *header, void *arg)
{
	const struct nlattr *attr;

	each_of(attr, header)
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
		    mnl_attr_get_payload_len(attr) == sizeof(uint16_t))
			*(uint16_t *)arg = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

/* One request, and all parts of the answer. @name of @attribute says of what. */
static int request(struct mnl_socket *socket, uint16_t type, uint8_t command, uint16_t flags,
		   uint16_t attribute, const char *name, mnl_cb_t each, void *arg)
{
	char *buffer = calloc(1, MESSAGE);
	struct nlmsghdr *header;
	struct genlmsghdr *generic;
	ssize_t len;
	int err = 0, more = MNL_CB_OK;

	if (!buffer)
		return -ENOMEM;
	header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = type;
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
	*generic = (struct genlmsghdr){ .cmd = command, .version = 1 };
	mnl_attr_put_strz(header, attribute, name);
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		err = -errno;
	while (!err && more == MNL_CB_OK) {
		len = mnl_socket_recvfrom(socket, buffer, MESSAGE);
		more = len < 0 ? MNL_CB_ERROR :
		       mnl_cb_run(buffer, (size_t)len, 0, mnl_socket_get_portid(socket), each, arg);
		if (more == MNL_CB_ERROR)
			err = -errno;
	}
	free(buffer);
	return err;
}

bool wg_is_wireguard(const struct nlmsghdr *header)
{
	const struct nlattr *attr, *info;

	each_attribute(attr, mnl_nlmsg_get_payload_offset(header, sizeof(struct ifinfomsg)),
		       mnl_nlmsg_get_payload_tail(header)) {
		if (mnl_attr_get_type(attr) != IFLA_LINKINFO)
			continue;
		each_nested(info, attr)
			if (mnl_attr_get_type(info) == IFLA_INFO_KIND)
				return mnl_attr_validate(info, MNL_TYPE_NUL_STRING) >= 0 &&
				       strcmp(mnl_attr_get_str(info), WG_GENL_NAME) == 0;
	}
	return false;
}

static int read_kind(const struct nlmsghdr *header, void *arg)
{
	*(bool *)arg = header->nlmsg_type == RTM_NEWLINK && wg_is_wireguard(header);
	return MNL_CB_STOP;
}

/* Asked of another link, or for the family alone, the kernel would load its module. */
static bool has_kernel(const char *interface)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct nlmsghdr *header;
	struct ifinfomsg *link;
	char request[256], reply[MESSAGE];
	bool is = false;
	ssize_t len = -1;

	if (!socket)
		return false;
	header = mnl_nlmsg_put_header(request);
	header->nlmsg_type = RTM_GETLINK;
	header->nlmsg_flags = NLM_F_REQUEST;
	link = mnl_nlmsg_put_extra_header(header, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(header, IFLA_IFNAME, interface);
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(socket, header, header->nlmsg_len) >= 0)
		len = mnl_socket_recvfrom(socket, reply, sizeof(reply));
	if (len > 0)
		mnl_cb_run(reply, (size_t)len, 0, mnl_socket_get_portid(socket), read_kind, &is);
	mnl_socket_close(socket);
	return is;
}

static int read_kernel(const char *interface, struct read_peers *peers)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	uint16_t family = 0;
	int err = 0;

	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		err = -errno;
	if (!err)
		err = request(socket, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, CTRL_ATTR_FAMILY_NAME,
			      WG_GENL_NAME, read_family, &family);
	if (!err)
		err = request(socket, family, WG_CMD_GET_DEVICE, NLM_F_DUMP, WGDEVICE_A_IFNAME,
			      interface, wg_read_message, peers);
	mnl_socket_close(socket);
	if (err)
		read_peers_free(peers);
	return err == -ENOENT || err == -EOPNOTSUPP ? -ENODEV : err;
}

int wg_read(const char *interface, struct read_peers *peers)
{
	int err = read_program(interface, peers);

	if (err != -ENODEV)
		return err;
	*peers = (struct read_peers){ 0 };
	if (!has_kernel(interface))
		return -ENODEV;
	return read_kernel(interface, peers);
}
