/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dialling a server; see dial.h. */
#include "dial.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"

static int set_flag(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int set_options(int fd)
{
	int err;

	/* Without it a v4-mapped destination would leave as IPv4. */
	err = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	/* The source is routed to us but is not an address of ours. */
	if (!err)
		err = set_flag(fd, IPPROTO_IPV6, IPV6_FREEBIND);
	/* The port is chosen by connect(), when the destination is known: ports are then
	 * scarce per destination, not all in all. */
	if (!err)
		err = set_flag(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
	return err ? err : tcp_set_options(fd);
}

int dial_start(const struct in6_addr *source, const struct in6_addr *to, uint16_t port)
{
	struct sockaddr_in6 from = { .sin6_family = AF_INET6, .sin6_addr = *source };
	struct sockaddr_in6 dest = {
		.sin6_family = AF_INET6,
		.sin6_addr = *to,
		.sin6_port = htons(port),
	};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = set_options(fd);
	if (!err && bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0)
		err = -errno;
	if (!err && connect(fd, (const struct sockaddr *)&dest, sizeof(dest)) < 0 &&
	    errno != EINPROGRESS)
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}
