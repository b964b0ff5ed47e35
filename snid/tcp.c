/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP socket options; see tcp.h.
 *
 * A peer that vanished is found by keepalive where nothing is under way. Where something is,
 * the kernel would try for 15 minutes (tcp_retries2). TCP_USER_TIMEOUT would shorten that, but
 * also end a connection whose receiver only reads no further for a while (a paused download):
 * it counts the time of a closed window even while the peer answers the probes. So the user
 * timeout is ours: who has sent no acknowledgement for so long, though one is due, is gone.
 *
 * Each option costs a system call. What is accepted inherits its own from the listener; what
 * is dialled is told of keepalive only once it is silent, which most connections never are.
 */
#include "tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/filter.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	/* A closed window is probed at growing intervals; in TCP_SILENT_MS these do not grow
	 * beyond a third of it, so who answers them was heard of more recently than this. */
	VANISHED_MS = 240 * 1000,
	FAST_OPEN_QUEUE = 1024,		/* connections whose handshake is not over */
	/* RFC 9293 3.1 */
	FLAGS_AT = 13,
	SYN = 0x02,
	ACK = 0x10,
};

struct option {
	int level, option, value;
};

static const struct option keepalive[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, 1 },
	{ IPPROTO_TCP, TCP_KEEPIDLE, 300 },	/* seconds; holds most NATs' entries open */
	{ IPPROTO_TCP, TCP_KEEPINTVL, 30 },	/* seconds */
	{ IPPROTO_TCP, TCP_KEEPCNT, 5 },
};

static const struct option dialling[] = {
	{ IPPROTO_TCP, TCP_NODELAY, 1 },
	/* The ClientHello follows at once and takes the handshake's last ACK along. */
	{ IPPROTO_TCP, TCP_QUICKACK, 0 },
};

#define LEN(options) (sizeof(options) / sizeof((options)[0]))

static int set_options(int fd, const struct option *options, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (setsockopt(fd, options[i].level, options[i].option, &options[i].value,
			       sizeof(options[i].value)) < 0)
			return -errno;
	}
	return 0;
}

int tcp_set_listening(int fd)
{
	static const struct option no_delay = { IPPROTO_TCP, TCP_NODELAY, 1 };
	int err = set_options(fd, &no_delay, 1);

	return err ? err : set_options(fd, keepalive, LEN(keepalive));
}

void tcp_set_fast_open(int fd, bool on)
{
	const struct option queue = { IPPROTO_TCP, TCP_FASTOPEN, on ? FAST_OPEN_QUEUE : 0 };

	/* It has effect where net.ipv4.tcp_fastopen allows it, and is not needed. */
	(void)set_options(fd, &queue, 1);
}

/* Seen from the TCP header on. */
void tcp_set_deaf(int fd)
{
	struct sock_filter drop_syns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = { sizeof(drop_syns) / sizeof(drop_syns[0]), drop_syns };

	/* Without it a client may be unlucky, that is all. */
	(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

void tcp_set_hearing(int fd)
{
	const struct option none = { SOL_SOCKET, SO_DETACH_FILTER, 0 };

	(void)set_options(fd, &none, 1);
}

int tcp_set_dialling(int fd)
{
	return set_options(fd, dialling, LEN(dialling));
}

void tcp_take_urgent(int fd)
{
	static const struct option in_line = { SOL_SOCKET, SO_OOBINLINE, 1 };

	(void)set_options(fd, &in_line, 1);
}

void tcp_keep_alive(int fd)
{
	/* A unix socket has none of them. */
	(void)set_options(fd, keepalive, LEN(keepalive));
}

bool tcp_info_is_vanished(const struct tcp_info *info)
{
	/* Not tcpi_probes: keepalive, which begins about now, counts there too. */
	return (info->tcpi_unacked > 0 || info->tcpi_notsent_bytes > 0) &&
	       info->tcpi_last_ack_recv >= VANISHED_MS;
}

bool tcp_is_vanished(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	       tcp_info_is_vanished(&info);
}

void tcp_close_reset(int fd)
{
	static const struct option push = { IPPROTO_TCP, TCP_NODELAY, 1 };
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	/* What MSG_MORE holds back goes before the reset, which would throw it away. */
	(void)set_options(fd, &push, 1);
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
