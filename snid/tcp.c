/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP socket options; see tcp.h.
 *
 * A peer that vanished is found by keepalive where nothing is under way, and by the
 * kernel's retransmission limit (tcp_retries2, about 15 minutes) where something is.
 * TCP_USER_TIMEOUT is left alone on purpose: it would also end a connection whose
 * receiver only reads no further for a while (a paused download), as it counts the time
 * of a closed window even while the peer answers the probes.
 */
#include "tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	int level, option, value;
} options[] = {
	{ IPPROTO_TCP, TCP_NODELAY, 1 },
	{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	{ IPPROTO_TCP, TCP_KEEPIDLE, 300 },	/* seconds; holds most NATs' entries open */
	{ IPPROTO_TCP, TCP_KEEPINTVL, 30 },	/* seconds */
	{ IPPROTO_TCP, TCP_KEEPCNT, 5 },
};

int tcp_set_options(int fd)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (setsockopt(fd, options[i].level, options[i].option, &options[i].value,
			       sizeof(options[i].value)) < 0)
			return -errno;
	}
	return 0;
}

void tcp_close_reset(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	/* Where this fails the close below is all that can be done. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

int tcp_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	return -err;
}
