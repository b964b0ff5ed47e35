/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a port is free the kernel says best: by binding it. Who has it is in /proc. */
#include "port_holder.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor_sockets.h"

bool port_is_free(const struct endpoint *at, int type)
{
	struct sockaddr_storage addr;
	socklen_t len = endpoint_to_sockaddr(at, &addr);
	int fd = socket(addr.ss_family, type | SOCK_CLOEXEC, 0), on = 1;
	bool taken;

	if (fd < 0)
		return true;
	if (addr.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (type == SOCK_STREAM)	/* over what is left of earlier connections */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	taken = (bind(fd, (struct sockaddr *)&addr, len) < 0 ||
		 (type == SOCK_STREAM && listen(fd, 1) < 0)) && errno == EADDRINUSE;
	close(fd);
	return !taken;
}

void port_holder_find(const struct endpoint *at, int type, struct sockets_owner *owner)
{
	bool tcp = type == SOCK_STREAM;
	struct sockets sockets;

	*owner = (struct sockets_owner){ .name = "?" };
	if (sockets_read(&sockets, 0))
		return;
	for (size_t i = 0; i < sockets.n && !owner->pid; i++)
		/* It is taken: one on "::" then holds IPv4 as well. */
		if (sockets_conflict(&sockets.v[i], tcp, at, true))
			sockets_owner(&sockets.v[i], owner);
	sockets_free(&sockets);
}
